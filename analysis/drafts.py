"""A page and its files, drawn beside those of an earlier one, and put in their place once they are whole."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .files import ResultsError

#: In the folder of the page.
DRAFT = ".unfinished"
#: What pages have put there: a path a line.
LIST = ".files"
#: Files of a report, of either kind.
OF_REPORTS = ("figures/*.svg", "figures/*.pdf", "tables/*.csv", "tables/*.tex", "latents/*.html")


@contextmanager
def drafted(output: Path, stale: Sequence[str]) -> Iterator[Path]:
    """A folder to draw into. At the end its files go to their places in `output`, and what an earlier page put there that
    matches one of the patterns `stale` is removed; other files stay. After an error while drawing everything in `output` is
    as it was. Throws ResultsError where another process draws there."""
    is_new = not output.exists()
    output.mkdir(parents=True, exist_ok=True)
    with _locked(output):
        draft = output / DRAFT
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        try:
            yield draft
            _install(draft, output, stale)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
            if is_new and not any(output.iterdir()):
                output.rmdir()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Holds the folder for one process; without effect where its file system has no such locks."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ResultsError(f"{folder}: another process draws a page there; wait for it, or give another folder with -o") from None
        except OSError:
            pass
        yield
    finally:
        os.close(descriptor)


def _install(draft: Path, output: Path, stale: Sequence[str]) -> None:
    """The page itself last: it leads to the others."""
    files = {path.relative_to(draft) for path in draft.rglob("*") if path.is_file()}
    earlier = _listed(output)
    old = {file for file in earlier - files if any(file.match(pattern) for pattern in stale)}
    # Listed first, so that what a kill leaves here is known to the next page.
    (output / LIST).write_text("".join(f"{file.as_posix()}\n" for file in sorted(earlier | files)))
    for file in sorted(files, key=lambda file: file.name == "index.html"):
        (output / file).parent.mkdir(parents=True, exist_ok=True)
        _put(draft / file, output / file)
    for file in old:
        (output / file).unlink(missing_ok=True)
    for folder in {(output / file).parent for file in old}:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    (output / LIST).write_text("".join(f"{file.as_posix()}\n" for file in sorted((earlier | files) - old)))


def _listed(output: Path) -> set[Path]:
    listed = output / LIST
    names = listed.read_text().splitlines() if listed.is_file() else []
    return {Path(name) for name in names if not Path(name).is_absolute() and ".." not in Path(name).parts}


def _put(source: Path, target: Path) -> None:
    """Under its name once it is whole, also where a folder of the page is a link to another file system."""
    try:
        source.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        copied = target.with_name(f".{target.name}.part")
        shutil.copyfile(source, copied)
        copied.replace(target)
