"""A page and its files, drawn beside those of an earlier one, and put in their place once they are whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

#: In the folder of the page.
DRAFT = ".unfinished"
#: Files of a report, of either kind.
OF_REPORTS = ("figures/*.svg", "figures/*.pdf", "tables/*.csv", "tables/*.tex", "latents/*.html")


@contextmanager
def drafted(output: Path, stale: Sequence[str]) -> Iterator[Path]:
    """A folder to draw into. At the end its files go to their places in `output`, and what else matches one of the patterns
    `stale` there is removed; after an error everything in `output` is as it was."""
    is_new = not output.exists()
    output.mkdir(parents=True, exist_ok=True)
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


def _install(draft: Path, output: Path, stale: Sequence[str]) -> None:
    """The page itself last: it leads to the others."""
    files = [path.relative_to(draft) for path in draft.rglob("*") if path.is_file()]
    for file in sorted(files, key=lambda file: file.name == "index.html"):
        (output / file).parent.mkdir(parents=True, exist_ok=True)
        (draft / file).replace(output / file)
    old = {path for pattern in stale for path in output.glob(pattern)} - {output / file for file in files}
    for path in old:
        path.unlink()
    for folder in {path.parent for path in old}:
        if not any(folder.iterdir()):
            folder.rmdir()
