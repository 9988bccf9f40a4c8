#!/usr/bin/env python3
"""Streams Parquet files to .jsonl.zst, which sweeps read as text: one object a row, a row group in memory at a time.

    .venv/bin/python scripts/parquet_to_jsonl.py FILE.parquet... -o FOLDER [--column text]...

Each FILE.parquet becomes FOLDER/FILE.jsonl.zst with the columns named (default: text); rows in which the first of them
is null are left out and counted. A file that is there already is not overwritten; one that is being written has another
name until it is whole.
"""

import argparse
import json
import os
import sys
from pathlib import Path

try:
    import pyarrow
    import pyarrow.parquet
except ModuleNotFoundError as missing:
    sys.exit(f"parquet_to_jsonl.py: {missing}; run it as .venv/bin/python scripts/parquet_to_jsonl.py (scripts/setup.sh makes .venv)")

ROWS_AT_ONCE = 4096


def fail(message):
    print(f"parquet_to_jsonl.py: {message}", file=sys.stderr)
    sys.exit(2)


def plan(files, folder):
    """Input and output pairs, checked before anything is written."""
    pairs = [(file, folder / f"{file.stem}.jsonl.zst") for file in files]
    for file, output in pairs:
        if not file.is_file():
            fail(f"{file}: no such file")
        if output.exists():
            fail(f"{output}: is there already; remove it, or give another folder with -o")
    names = [output for _, output in pairs]
    twice = sorted({str(name) for name in names if names.count(name) > 1})
    if twice:
        fail(f"{twice[0]}: two files of the same name would be written there; convert them into different folders")
    return pairs


def open_parquet(file, columns):
    try:
        source = pyarrow.parquet.ParquetFile(file)
    except pyarrow.ArrowException as error:
        fail(f"{file}: is no Parquet file ({error})")
    names = source.schema_arrow.names
    missing = [column for column in columns if column not in names]
    if missing:
        fail(f"{file}: no column '{missing[0]}'; found {', '.join(names)}; choose with --column")
    return source


def lines_of(batch, columns):
    """JSON lines of a batch's rows, those aside whose first column is null."""
    rows = zip(*(batch.column(column).to_pylist() for column in columns))
    return [json.dumps(dict(zip(columns, row)), ensure_ascii=False) + "\n" for row in rows if row[0] is not None]


def convert(file, output, columns):
    """Writes output beside its final name, then renames it; returns the rows written and those left out."""
    part = output.with_name(f"{output.name}.part{os.getpid()}")
    n_rows = n_nulls = 0
    try:
        with open_parquet(file, columns) as source, pyarrow.CompressedOutputStream(str(part), "zstd") as sink:
            for batch in source.iter_batches(ROWS_AT_ONCE, columns=columns):
                lines = lines_of(batch, columns)
                sink.write("".join(lines).encode())
                n_rows += len(lines)
                n_nulls += batch.num_rows - len(lines)
        os.link(part, output)  # unlike a rename, refuses to replace a file that came meanwhile
    except FileExistsError:
        fail(f"{output}: another program made it meanwhile; it is kept")
    except (pyarrow.ArrowException, OSError, TypeError, UnicodeError) as error:
        fail(f"{file}: after {n_rows} rows: {error}")
    finally:
        part.unlink(missing_ok=True)
    return n_rows, n_nulls


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.parquet")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="FOLDER")
    parser.add_argument("--column", action="append", help="column to keep; may be repeated (default: text)")
    options = parser.parse_args()
    columns = options.column or ["text"]
    pairs = plan(options.files, options.output)
    for file, _ in pairs:
        open_parquet(file, columns).close()
    options.output.mkdir(parents=True, exist_ok=True)
    for file, output in pairs:
        n_rows, n_nulls = convert(file, output, columns)
        left_out = f", {n_nulls} without {columns[0]} left out" if n_nulls else ""
        print(f"{output}: {n_rows} rows{left_out}", flush=True)


if __name__ == "__main__":
    main()
