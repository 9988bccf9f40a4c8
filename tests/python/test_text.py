"""Text as users have it: RedPajama's layout, packed files, rows of ids, bad lines, stores that several jobs make."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("SAESWEEP_BIN", ROOT / "build" / "saesweep"))
MODEL = ROOT / "models" / "tiny"
ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
WORDS = "the of and a to in is you that it he was for on are as with his they at be this have from or".split()

SWEEP = f"""
[sweep]
name = "text"
output = "OUTPUT"
[model]
paths = "{MODEL}"
variants = "trained"
layers = [0]
[text]
TEXT
context_length = 64
[sae]
expansion_factor = 2
k = 4
tokens = 1024
batch_tokens = 128
[evaluate]
tokens = 256
ce_tokens = 64
"""


def words(rng, n):
    return " ".join(rng.choice(WORDS) for _ in range(n))


def json_lines(texts):
    return "".join(json.dumps({"text": text, "meta": {"source": "test"}}) + "\n" for text in texts).encode()


def zstd(data):
    return pa.compress(data, codec="zstd", asbytes=True)


def tokenize(*arguments, ranks=0):
    command = [str(PROGRAM), "tokenize", "--tokenizer", str(MODEL), *map(str, arguments)]
    if ranks:
        command = ["mpirun", "-q", "--oversubscribe", "--bind-to", "none", "-n", str(ranks), *command]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def sweep_file(folder, text):
    folder.mkdir(exist_ok=True)
    path = folder / "sweep.toml"
    path.write_text(SWEEP.replace("OUTPUT", str(folder / "out")).replace("TEXT", text))
    return path


def command(name, path, *arguments):
    return [str(PROGRAM), name, str(path), *arguments]


def run(folder, text, ok=True):
    done = subprocess.run(command("run", sweep_file(folder, text)), capture_output=True, text=True, env=ENVIRONMENT,
                          timeout=120)
    assert not ok or done.returncode == 0, done.stderr
    return done


@pytest.fixture
def red_pajama(tmp_path):
    """Folders of sources, their files packed in several ways, as togethercomputer/RedPajama-Data lays them out."""
    rng = random.Random(0)
    texts = {}
    for name in ["arxiv/arxiv_0.jsonl", "book/book.jsonl.zst", "common_crawl/2023-06/en_head_0000.json.gz",
                 "wikipedia/wiki.jsonl.gz"]:
        texts[name] = [f"{name} {i} é漢\n" + words(rng, 40) for i in range(60)]
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = json_lines(texts[name])
        path.write_bytes(zstd(data) if name.endswith("zst") else gzip.compress(data) if name.endswith("gz") else data)
    return tmp_path / "data", [text for name in sorted(texts) for text in texts[name]]


def test_red_pajamas_layout_gives_the_documents_of_all_files_in_order(red_pajama):
    folder, texts = red_pajama
    reference = Tokenizer.from_file(str(MODEL / "tokenizer.json"))
    expected = [encoding.ids for encoding in reference.encode_batch(texts, add_special_tokens=False)]
    printed = tokenize("--ids", "--text", folder).splitlines()
    assert [[int(word) for word in line.split()] for line in printed] == expected


def test_any_number_of_ranks_makes_the_same_store(red_pajama, tmp_path):
    folder, texts = red_pajama
    stores = []
    for ranks in (0, 1, 3):
        store = tmp_path / f"{ranks}.tokens"
        printed = tokenize("--text", folder, "-o", store, ranks=ranks)
        assert f"{len(texts)} documents" in printed
        stores.append(store.read_bytes())
    assert stores[0] == stores[1] == stores[2]


def test_a_sweep_reads_files_and_their_store_alike_and_a_share_is_held_out(red_pajama, tmp_path):
    folder, _ = red_pajama
    tokenize("--text", folder, "-o", tmp_path / "made.tokens", ranks=2)
    results = []
    for name, train in [("files", folder), ("store", tmp_path / "made.tokens")]:
        run(tmp_path / name, f'train = "{train}"\nheld_out = 0.3')
        with h5py.File(tmp_path / name / "out/results.h5") as file:
            results.append((file["cells/id"][()].tolist(), file["cells/explained_variance"][()].tolist()))
    assert results[0] == results[1]
    assert np.isfinite(results[0][1]).all()


def test_bad_lines_end_the_run_or_are_counted_in_the_results(red_pajama, tmp_path):
    folder, _ = red_pajama
    bad = folder / "arxiv/arxiv_0.jsonl"
    lines = bad.read_bytes().splitlines(keepends=True)
    bad.write_bytes(b"".join([*lines[:7], b'{"text": "cut\n', *lines[7:], b'{"title": 1}\n']))
    done = run(tmp_path / "error", f'train = "{folder}"', ok=False)
    assert done.returncode == 2
    assert f"{bad}:8: " in done.stderr and "on_bad_line" in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    done = run(tmp_path / "skip", f'train = "{folder}"\non_bad_line = "skip"')
    assert "2 bad lines are skipped" in done.stderr
    with h5py.File(tmp_path / "skip/out/results.h5") as file:
        assert file.attrs["text_bad_lines_skipped"] == 2


def test_pythias_rows_of_ids_are_read_as_they_are(tmp_path):
    rows = np.random.default_rng(0).integers(0, 4096, size=(40, 2049)).astype("<u2")
    rows.tofile(tmp_path / "rows.bin")
    printed = tokenize("--ids", "--text", tmp_path / "rows.bin").splitlines()
    assert [[int(word) for word in line.split()] for line in printed] == rows.tolist()
    run(tmp_path / "sweep", f'train = "{tmp_path}/rows.bin"\nheld_out = 0.3')
    rows[3, 5] = 4096
    rows.tofile(tmp_path / "rows.bin")
    done = run(tmp_path / "sweep", f'train = "{tmp_path}/rows.bin"\nheld_out = 0.3', ok=False)
    assert done.returncode == 2 and "id 4096 in row 3" in done.stderr


def test_an_empty_file_is_named_and_leaves_nothing_behind(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/_EMPTY").touch()
    (tmp_path / "data/a.jsonl").write_bytes(json_lines(["text"]))
    done = subprocess.run([PROGRAM, "tokenize", "--tokenizer", MODEL, "--text", tmp_path / "data", "-o",
                           tmp_path / "out.tokens"], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 2 and "_EMPTY: is empty" in done.stderr
    assert not [path for path in tmp_path.iterdir() if "out.tokens" in path.name and path.suffix != ".lock"]


def test_a_store_beside_the_activations_is_left_alone(tmp_path):
    (tmp_path / "a.txt").write_text(words(random.Random(5), 300))
    (tmp_path / "act.tokens").write_text("mine")
    done = subprocess.run([PROGRAM, "activations", MODEL, "--text", tmp_path / "a.txt", "--hookpoint", "layers.0",
                           "--context-length", "64", "-o", tmp_path / "act"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "act.tokens").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "act", "act.tokens"]


def test_output_that_goes_nowhere_is_an_error(tmp_path):
    with open("/dev/full", "w") as full:
        done = subprocess.run([PROGRAM, "tokenize", "--tokenizer", MODEL, "--ids"], input=b"words\n", stdout=full,
                              stderr=subprocess.PIPE)
    assert done.returncode == 3 and b"standard output" in done.stderr


def test_decode_gives_the_text_back(tmp_path):
    texts = ["Hello  world\n\n", "é漢😀 <|endoftext|>", ""]
    (tmp_path / "texts.jsonl").write_bytes(json_lines(texts))
    ids = tokenize("--ids", "--text", tmp_path / "texts.jsonl")
    done = subprocess.run([PROGRAM, "tokenize", "--tokenizer", MODEL, "--decode"], input=ids.encode(),
                          capture_output=True)
    assert done.stdout.decode().split("\0") == [*texts, ""]


def test_two_runs_that_start_at_once_share_the_stores_that_one_makes(tmp_path):
    rng = random.Random(2)
    (tmp_path / "train.jsonl").write_bytes(json_lines(words(rng, 2000) for _ in range(400)))
    text = f'train = "{tmp_path}/train.jsonl"\nstore_dir = "{tmp_path}/stores"'
    runs = [subprocess.Popen(command("run", sweep_file(tmp_path / name, text)), env=ENVIRONMENT, text=True,
                             stderr=subprocess.PIPE) for name in ("a", "b")]
    said = [process.communicate(timeout=120)[1] for process in runs]
    assert [process.returncode for process in runs] == [0, 0], said
    stores = [path for path in (tmp_path / "stores").iterdir() if path.suffix == ".tokens"]
    assert len(stores) == 1
    values = []
    for name in ("a", "b"):
        with h5py.File(tmp_path / name / "out/results.h5") as file:
            values.append(file["cells/explained_variance"][()].tolist())
    assert values[0] == values[1]


def test_a_store_is_made_again_after_a_kill_or_damage_and_leaves_nothing_behind(tmp_path):
    rng = random.Random(3)
    (tmp_path / "train.jsonl").write_bytes(json_lines(words(rng, 2000) for _ in range(2000)))
    text = f'train = "{tmp_path}/train.jsonl"\nstore_dir = "{tmp_path}/stores"'
    stores = tmp_path / "stores"
    process = subprocess.Popen(command("run", sweep_file(tmp_path / "a", text)), env=ENVIRONMENT,
                               stderr=subprocess.DEVNULL)
    while not list(stores.glob(".*making*")):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(stores.glob(".*making*")) and not list(stores.glob("*.tokens"))
    run(tmp_path / "a", text)
    assert not list(stores.glob(".*making*"))
    [store] = stores.glob("*.tokens")
    whole = store.read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:1000] + b"XX" + whole[1002:]):
        store.write_bytes(damaged)
        run(tmp_path / "a", text)
        assert store.read_bytes() == whole


def test_memory_does_not_grow_with_the_text(tmp_path):
    """40 MB in one file of text, in JSON lines, and without a letter of ASCII: some pieces are held, not the text."""
    rng = random.Random(4)
    block = "\n".join(words(rng, 200) for _ in range(100))
    files = {"tiny.txt": b"tiny", "big.txt": (block.encode() + b"\n") * 560, "big.jsonl": json_lines([block] * 560),
             "chinese.txt": "\u6f22\u5b57\u3002 ".encode() * 4_000_000}
    peaks = {}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        code = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, capture_output=True); "
                "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        printed = subprocess.run([sys.executable, "-c", code, PROGRAM, "tokenize", "--tokenizer", MODEL, "--text",
                                  tmp_path / name, "-o", tmp_path / "out.tokens"], env=ENVIRONMENT, check=True,
                                 capture_output=True, text=True).stdout
        peaks[name] = int(printed) / 1024
    for name in ("big.txt", "big.jsonl", "chinese.txt"):
        assert len(files[name]) > 38e6
        assert peaks[name] - peaks["tiny.txt"] < 40, peaks
