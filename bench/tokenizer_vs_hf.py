"""Tokenizing with saesweep beside Hugging Face tokenizers' encode_batch, alternating in one run, with as many ranks as
they have threads.

    .venv/bin/python bench/tokenizer_vs_hf.py [--tokenizer T.json ...] [--text NAME=PATH ...] [--threads 1 2]
        [--repeats N] [--json FILE]

Text: files or folders (.txt, .pod, .jsonl, read as plain text), cut at line ends into documents of about 4 KB, since
Hugging Face's tokenizers are slower on longer ones, and repeated until there are --megabytes of it. saesweep writes a
token store; what program and MPI take to start is measured on a text of one word and taken off. Hugging Face's side is
encode_batch alone, the texts already in memory. A ratio is their seconds over ours of two calls that follow each other,
so above 1 saesweep is faster.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
DOCUMENT_BYTES = 4000
PERL_DOC = next(iter(sorted(Path("/usr/share/perl").glob("5.*.*/pod"))), None)
# Times encode_batch on demand, in a process of its own, since the number of threads is read once.
SERVER = """
import sys, time
from tokenizers import Tokenizer
tokenizer = Tokenizer.from_file(sys.argv[1])
texts = [open(file, encoding="utf-8", newline="").read() for file in open(sys.argv[2]).read().splitlines()]
print("ready", flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
    seconds = time.perf_counter() - start
    print(seconds, sum(len(encoding) for encoding in encodings), flush=True)
    del encodings
"""


class Theirs:
    def __init__(self, tokenizer, listed, threads):
        environment = os.environ | {"RAYON_NUM_THREADS": str(threads), "TOKENIZERS_PARALLELISM": str(threads > 1).lower()}
        self.process = subprocess.Popen([sys.executable, "-c", SERVER, tokenizer, listed], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=environment)  # fmt: skip
        self.process.stdout.readline()

    def measure(self):
        """Seconds and tokens."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        seconds, tokens = self.process.stdout.readline().split()
        return float(seconds), int(tokens)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def our_seconds(tokenizer, listed, ranks, folder):
    """Of `saesweep tokenize` from start to end."""
    store = folder / "out.tokens"
    command = [ROOT / "build" / "saesweep", "tokenize", "--tokenizer", tokenizer, "--text", f"@{listed}", "-o", store]
    if ranks > 1:
        command = ["mpirun", "-q", "--bind-to", "none", "--oversubscribe", "-n", str(ranks), *command]
    environment = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    start = time.perf_counter()
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment)
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(done.stderr)
    store.unlink()
    return seconds


def spread(values):
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def pieces(text):
    """The text cut at line ends into documents of about DOCUMENT_BYTES."""
    piece = []
    for line in text.splitlines(keepends=True):
        piece.append(line)
        if sum(map(len, piece)) >= DOCUMENT_BYTES:
            yield b"".join(piece)
            piece = []
    if piece:
        yield b"".join(piece)


def documents(path, megabytes, folder):
    """A list of files with a document each, as many as make the text long enough; and their bytes."""
    files = [path] if path.is_file() else sorted(file for end in ("txt", "pod", "jsonl") for file in path.rglob(f"*.{end}"))
    texts = [piece for file in files for piece in pieces(file.read_bytes())]
    copies, n_bytes = [], 0
    while texts and n_bytes < megabytes * 1e6:
        for text in texts:
            copies.append(folder / f"{len(copies):06d}.txt")
            copies[-1].write_bytes(text)
            n_bytes += len(text)
    listed = folder / "files.list"
    listed.write_text("".join(f"{copy}\n" for copy in copies))
    return listed, n_bytes


def measure(tokenizer, listed, n_bytes, threads, repeats, folder):
    word = folder / "word.txt"
    word.write_text("word")
    one_word = folder / "word.list"
    one_word.write_text(f"{word}\n")
    seconds = {"start_up": [], "ours": [], "theirs": []}
    with Theirs(tokenizer, listed, threads) as theirs:
        for repeat in range(repeats + 1):
            start_up = our_seconds(tokenizer, one_word, threads, folder)
            whole = our_seconds(tokenizer, listed, threads, folder)
            batch, n_tokens = theirs.measure()
            if repeat:  # the first warms up
                for name, value in zip(seconds, (start_up, whole, batch)):
                    seconds[name].append(value)
    # The least, since other work on the machine only adds to it.
    seconds["ours"] = [whole - min(seconds["start_up"]) for whole in seconds["ours"]]
    return {
        "bytes": n_bytes, "tokens": n_tokens, "start_up_seconds": spread(seconds["start_up"]),
        "megabytes_per_second": {name: spread([n_bytes / 1e6 / s for s in seconds[name]]) for name in ("ours", "theirs")},
        "ratio": spread([b / a for a, b in zip(seconds["ours"], seconds["theirs"])]),
    }  # fmt: skip


def print_result(result):
    speed, ratio = result["megabytes_per_second"], result["ratio"]
    print(f"{result['text']:<10} {result['tokenizer']:<10} {result['threads']} thread(s): saesweep "
          f"{speed['ours']['median']:6.1f} MB/s, Hugging Face {speed['theirs']['median']:6.1f} MB/s, ratio "
          f"{ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f}); start-up "
          f"{result['start_up_seconds']['median']:.2f} s", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    pair = lambda text: (text.split("=", 1)[0], Path(text.split("=", 1)[-1]))  # noqa: E731
    known = {"tiny": ROOT / "models/tiny/tokenizer.json", "pythia": SHARED / "20B_tokenizer.json"}
    texts = [("perl-doc", PERL_DOC), ("shared", SHARED)]
    parser.add_argument("--tokenizer", type=pair, nargs="+", default=list(known.items()), metavar="NAME=PATH")
    parser.add_argument("--text", type=pair, nargs="+", default=texts, metavar="NAME=PATH")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--megabytes", type=float, default=16, help="least text, by copies where there is less")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="file to write all figures to")
    options = parser.parse_args()
    results = []
    for text_name, path in options.text:
        for name, tokenizer in options.tokenizer:
            if path is None or not path.exists() or not tokenizer.exists():
                print(f"{text_name}, {name}: not on this machine")
                continue
            with tempfile.TemporaryDirectory() as folder:
                listed, n_bytes = documents(path, options.megabytes, Path(folder))
                for threads in options.threads:
                    settings = {"text": text_name, "tokenizer": name, "threads": threads}
                    results.append(settings | measure(tokenizer, listed, n_bytes, threads, options.repeats, Path(folder)))
                    print_result(results[-1])
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
