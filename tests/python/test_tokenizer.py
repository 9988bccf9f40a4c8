"""The token ids of `saesweep tokenize` are those of Hugging Face tokenizers, and a store holds them."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("SAESWEEP_BIN", ROOT / "build" / "saesweep"))
SHARED = ROOT.parent / "shared" / "data"
PERL_DOC = sorted(Path("/usr/share/perl").glob("5.*.*/pod/*.pod"))
TOKENIZERS = {
    "tiny": ROOT / "models" / "tiny" / "tokenizer.json",
    "pythia": SHARED / "20B_tokenizer.json",
}


@pytest.fixture(params=TOKENIZERS)
def tokenizer(request):
    path = TOKENIZERS[request.param]
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    return path


def run(*args, **options):
    done = subprocess.run([PROGRAM, "tokenize", *map(str, args)], capture_output=True, **options)
    assert done.returncode == 0, done.stderr.decode()
    return done


def ids_of_files(tokenizer, files, folder):
    """Our ids of each file, in the order given."""
    listed = folder / "files.txt"
    listed.write_text("".join(f"{file}\n" for file in files))
    lines = run("--tokenizer", tokenizer, "--ids", "--text", f"@{listed}").stdout.decode().splitlines()
    assert len(lines) == len(files)
    by_path = dict(zip(sorted(map(str, files)), lines))
    return [[int(word) for word in by_path[str(file)].split()] for file in files]


def read(file):
    with open(file, encoding="utf-8", newline="") as source:
        return source.read()


def reference_ids(tokenizer, texts):
    reference = Tokenizer.from_file(str(tokenizer))
    return [encoding.ids for encoding in reference.encode_batch(texts, add_special_tokens=False)]


def assert_same(texts, ours, theirs):
    different = [(text[:80], a[:20], b[:20]) for text, a, b in zip(texts, ours, theirs) if a != b]
    assert not different, f"{len(different)} of {len(texts)} texts differ, the first: {different[0]}"


def assert_same_ids(tokenizer, texts, folder):
    files = []
    for number, text in enumerate(texts):
        files.append(folder / f"{number:06d}.txt")
        files[-1].write_bytes(text.encode())
    assert_same(texts, ids_of_files(tokenizer, files, folder), reference_ids(tokenizer, texts))


def test_ids_of_perl_doc_are_those_of_hugging_face(tokenizer, tmp_path):
    if not PERL_DOC:
        pytest.skip("perl-doc is not installed")
    texts = [read(file) for file in PERL_DOC]
    assert_same(texts, ids_of_files(tokenizer, PERL_DOC, tmp_path), reference_ids(tokenizer, texts))


def test_ids_of_prose_and_json_lines_are_those_of_hugging_face(tokenizer, tmp_path):
    """Files of prose whole, JSON lines both by their texts and as plain text."""
    prose, lines = sorted(SHARED.glob("*.txt")), sorted(SHARED.glob("*.jsonl"))
    if not prose:
        pytest.skip(f"{SHARED} is not on this machine")
    copies = [tmp_path / f"{file.stem}.txt" for file in lines]
    for file, copy in zip(lines, copies):
        copy.write_bytes(file.read_bytes())
    texts = [read(file) for file in [*prose, *copies]]
    assert_same(texts, ids_of_files(tokenizer, [*prose, *copies], tmp_path), reference_ids(tokenizer, texts))
    for file in lines:
        texts = [json.loads(line)["text"] for line in read(file).splitlines()]
        printed = run("--tokenizer", tokenizer, "--ids", "--text", file).stdout.decode().splitlines()
        assert_same(texts, [[int(word) for word in line.split()] for line in printed], reference_ids(tokenizer, texts))


def any_character(rng):
    while True:
        code_point = rng.randrange(0x110000)
        if not 0xD800 <= code_point < 0xE000:
            return chr(code_point)


def between(first, last):
    return lambda rng: chr(rng.randint(first, last))


# Kinds of characters that a generated text mixes.
KINDS = [
    any_character,
    between(0x20, 0x7E),
    between(0x20, 0x7E),
    between(0x00, 0x1F),
    between(0x7F, 0xFF),
    between(0x300, 0x36F),  # combining marks
    between(0x0900, 0x0DFF),  # Indic scripts, with composition exclusions
    between(0x1100, 0x11FF),  # conjoining jamo
    between(0xAC00, 0xD7A3),  # Hangul syllables
    between(0x4E00, 0x9FFF),  # CJK
    between(0xF900, 0xFAFF),  # compatibility ideographs, which NFC replaces
    between(0x1F300, 0x1FAFF),  # emoji
    lambda rng: rng.choice("\u200d\ufe0f\u20e3\u200c\ufeff\u180e\u2028\u2029\u0085\u00a0\u3000\u1680\u212b\u2126"),
    lambda rng: rng.choice(" \t\n\r\v\f") * rng.randint(1, 40),
    lambda rng: rng.choice(["'s", "'re", "'ll", "'S", "’s", "don't", " 'tis"]),
    lambda rng: rng.choice(["<|endoftext|>", "<|padding|>", "<|endoftext", "|>", "<|endoftext|><|endoftext|>"]),
    lambda rng: rng.choice("abcXYZ019") * rng.randint(1, 60),
    lambda rng: rng.choice(["e\u0301", "\u1e9b\u0323", "q\u0307\u0323", "\u0344", "\u0915\u093c", "\u0f43"]),
]


def generated_text(rng):
    kinds = rng.sample(KINDS, rng.randint(1, 5))
    return "".join(rng.choice(kinds)(rng) for _ in range(rng.randint(1, 40)))


def ids_of_lines(tokenizer, lines):
    """Our ids of each text, none of which has a newline."""
    printed = run("--tokenizer", tokenizer, "--ids", input="".join(f"{line}\n" for line in lines).encode()).stdout
    return [[int(word) for word in line.split()] for line in printed.decode().split("\n")[:-1]]


@pytest.fixture(scope="module")
def generated_lines():
    rng = random.Random(1)
    return [generated_text(rng).replace("\n", "\r") for _ in range(197_000)]


def test_ids_of_generated_texts_are_those_of_hugging_face(tokenizer, generated_lines, tmp_path):
    """As lines of standard input; those that hold newlines as files."""
    assert_same(generated_lines, ids_of_lines(tokenizer, generated_lines), reference_ids(tokenizer, generated_lines))
    rng = random.Random(0)
    texts = [generated_text(rng) + "\n" * rng.randint(0, 3) + generated_text(rng) for _ in range(3000)]
    assert_same_ids(tokenizer, texts, tmp_path)


def test_ids_of_every_code_point_alone_are_those_of_hugging_face(tokenizer):
    characters = [chr(i) for i in range(0x110000) if not 0xD800 <= i < 0xE000 and i != 0x0A]
    characters.append("\uac00\u11a7")  # a Hangul syllable and what is no final consonant: utf8proc 2.8 swallows it
    assert_same(characters, ids_of_lines(tokenizer, characters), reference_ids(tokenizer, characters))


def test_the_unicode_tables_are_what_the_script_gives():
    script, header = ROOT / "scripts" / "make_unicode_tables.py", ROOT / "src" / "text" / "unicode_tables.h"
    done = subprocess.run([sys.executable, script, "--versions"], capture_output=True, text=True)
    if done.returncode or done.stdout.strip() not in header.read_text().replace("\n// ", " "):
        pytest.skip(f"made with other versions than this machine's {done.stdout.strip()}")
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_ids_of_every_code_point_are_those_of_hugging_face(tokenizer, tmp_path):
    """Each beside a letter, a number and a sign, so that its class (letter, number, white space, rest) shows."""
    characters = [chr(i) for i in range(0x110000) if not 0xD800 <= i < 0xE000]
    texts = ["".join(f"a{c} 1{c} !{c} " for c in characters[i : i + 256]) for i in range(0, len(characters), 256)]
    assert_same_ids(tokenizer, texts, tmp_path)


def test_long_words_are_cut_as_by_hugging_face(tokenizer, tmp_path):
    rng = random.Random(1)
    texts = [alphabet * 20_000 for alphabet in ("a", "ab", "=", "é", " ", "\n")]
    texts += ["".join(rng.choice("etaoin") for _ in range(length)) for length in (47, 48, 49, 50, 1000, 30_000)]
    assert_same_ids(tokenizer, texts, tmp_path)


def test_standard_input_is_one_document_a_line(tokenizer):
    lines = ["Hello world", "", "  two spaces, é and 漢字", "a\r"]
    assert ids_of_lines(tokenizer, lines) == reference_ids(tokenizer, lines)


# Added tokens of every kind, on a vocabulary of the bytes alone.
FLAGS = ["single_word", "lstrip", "rstrip", "normalized", "special"]
ADDED = {
    "<w>": {"single_word"},
    "word": {"single_word", "normalized"},
    "<l>": {"lstrip"},
    "<r>": {"rstrip"},
    "<b>": {"lstrip", "rstrip", "special"},
    "  ": {"normalized"},
    "    ": {"normalized"},
    "éa": {"normalized"},
    "e\u0301!": {"normalized"},
    "ﬁ": set(),
    "<|endoftext|>": {"special"},
    "<|end": {"special"},
}


def tokenizer_file(path, **pre_tokenizer):
    from tokenizers.pre_tokenizers import ByteLevel

    words = sorted(ByteLevel.alphabet())[:-3] + ["Ġa", "ab", "Ġab"]  # three bytes have no token
    vocabulary = {word: i for i, word in enumerate(words)}
    added = [
        {"id": len(words) + i, "content": content} | {flag: flag in flags for flag in FLAGS}
        for i, (content, flags) in enumerate(ADDED.items())
    ]
    step = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True} | pre_tokenizer
    model = {"type": "BPE", "vocab": vocabulary, "merges": [["Ġ", "a"], ["a", "b"], ["Ġa", "b"]]}
    whole = {"version": "1.0", "added_tokens": added, "normalizer": {"type": "NFC"}, "pre_tokenizer": step}
    path.write_text(json.dumps(whole | {"model": model}))
    return path


@pytest.mark.parametrize("options", [{}, {"add_prefix_space": True}, {"use_regex": False}], ids=str)
def test_added_tokens_are_found_as_by_hugging_face(options, tmp_path):
    path = tokenizer_file(tmp_path / "tokenizer.json", **options)
    rng = random.Random(2)
    parts = [*ADDED, *ADDED, " ", "\n", "\u3000", "\u0301", "a", "ab", "1", "_", "\u200d", "e\u0301", "e", "-", "f", "ſ", "Ā"]
    texts = ["".join(rng.choice(parts) for _ in range(rng.randint(1, 12))) for _ in range(3000)]
    assert_same_ids(path, texts, tmp_path)


def test_a_store_opens_each_document_with_the_end_of_text_token(tokenizer, tmp_path):
    texts = ["first document\n", "second, longer document\n"]
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.txt").write_text(text)
    store = tmp_path / "out" / "text.tokens"
    run("--tokenizer", tokenizer, "--text", tmp_path / "0.txt", tmp_path / "1.txt", "-o", store)
    expected = [i for ids in reference_ids(tokenizer, texts) for i in [0, *ids]]
    raw = store.read_bytes()
    assert raw[:8] == b"sae-tok\n"
    assert [int.from_bytes(raw[16 + 2 * i : 18 + 2 * i], "little") for i in range(len(expected))] == expected


@pytest.mark.parametrize(
    "args, message",
    [
        (["--ids"], "--tokenizer"),
        (["--tokenizer", "none.json", "--ids"], "none.json"),
        (["--tokenizer", "x", "--ids", "--wrong"], "--wrong"),
    ],
)
def test_bad_arguments_end_with_exit_code_2(args, message):
    done = subprocess.run([PROGRAM, "tokenize", *args], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 2 and message in done.stderr
