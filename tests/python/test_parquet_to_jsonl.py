"""scripts/parquet_to_jsonl.py: every row with a text comes through, whole files only, and none is overwritten."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "parquet_to_jsonl.py"
TEXTS = ["plain", "", "two\nlines\u2028three", "é 漢字 \U0001F600 \"quoted\" \\ \t", None, "z" * 100_000]


def convert(*words):
    return subprocess.run([sys.executable, SCRIPT, *map(str, words)], capture_output=True, text=True)


def parquet(path, n=20):
    texts = [f"{i} {text}" if text is not None else None for i in range(n) for text in TEXTS]
    rows = {"text": texts, "id": list(range(len(texts)))}
    pq.write_table(pa.table(rows), path, row_group_size=7)
    return rows


def rows_of(path):
    with pa.CompressedInputStream(str(path), "zstd") as source:
        return [json.loads(line) for line in source.read().decode().split("\n")[:-1]]


def test_all_rows_of_all_files_come_through_in_order(tmp_path):
    written = {name: parquet(tmp_path / f"{name}.parquet", n) for name, n in {"a": 20, "b": 1500}.items()}
    done = convert(tmp_path / "a.parquet", tmp_path / "b.parquet", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.jsonl.zst", "b.jsonl.zst"]
    for name, rows in written.items():
        texts = [text for text in rows["text"] if text is not None]
        assert rows_of(tmp_path / "out" / f"{name}.jsonl.zst") == [{"text": text} for text in texts]
    assert "a.jsonl.zst: 100 rows, 20 without text left out" in done.stdout


def test_columns_are_chosen_by_name(tmp_path):
    rows = parquet(tmp_path / "a.parquet")
    assert convert(tmp_path / "a.parquet", "-o", tmp_path, "--column", "id", "--column", "text").returncode == 0
    expected = [{"id": i, "text": text} for i, text in zip(rows["id"], rows["text"])]
    assert rows_of(tmp_path / "a.jsonl.zst") == expected


def test_a_file_that_is_there_is_kept(tmp_path):
    parquet(tmp_path / "a.parquet")
    (tmp_path / "a.jsonl.zst").write_text("mine")
    done = convert(tmp_path / "a.parquet", "-o", tmp_path)
    assert done.returncode == 2 and "a.jsonl.zst" in done.stderr
    assert (tmp_path / "a.jsonl.zst").read_text() == "mine"


def test_a_damaged_file_leaves_nothing_behind(tmp_path):
    parquet(tmp_path / "a.parquet", 3000)
    whole = (tmp_path / "a.parquet").read_bytes()
    middle = len(whole) // 2
    (tmp_path / "a.parquet").write_bytes(whole[:middle] + bytes(4000) + whole[middle + 4000 :])
    done = convert(tmp_path / "a.parquet", "-o", tmp_path / "out")
    assert done.returncode == 2 and "a.parquet" in done.stderr and len(done.stderr.splitlines()) == 1
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("column, file, message", [
    ("body", "a.parquet", "no column 'body'; found text, id"),
    ("text", "none.parquet", "none.parquet: no such file"),
    ("text", "text.parquet", "text.parquet: is no Parquet file"),
])
def test_bad_input_is_named(column, file, message, tmp_path):
    parquet(tmp_path / "a.parquet")
    (tmp_path / "text.parquet").write_text("no Parquet")
    done = convert(tmp_path / file, "-o", tmp_path / "out", "--column", column)
    assert done.returncode == 2 and message in done.stderr
    assert not (tmp_path / "out").exists()
