"""Shows how the failed tests of JUnit files of ctest and pytest ended, then prints "N passed, N failed[, N skipped]".

    count_tests.py [--parts-failed N] FILE...

A part that failed without a failed test of its own (a build, a style check) counts as one failure.
"""

import argparse
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def count(path):
    """(passed, what to print of each failed test, skipped) of one file."""
    cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    # ctest marks a test that it could not start, or that is disabled, by its status alone
    failed = [c for c in cases if c.find("failure") is not None or c.find("error") is not None
              or (c.get("status") == "notrun" and c.find("skipped") is None)]
    skipped = sum(1 for c in cases if c.find("skipped") is not None)
    reports = [f"failed  {path.stem}: {c.get('name')}\n" + ends_of(c) for c in failed]
    return len(cases) - len(failed) - skipped, reports, skipped


def ends_of(case):
    """The last lines of what a test said, indented: of pytest's failure, of what ctest's test printed."""
    said = "".join(part.text or "" for tag in ("failure", "error", "system-out") for part in case.findall(tag))
    return "".join(f"    {line}\n" for line in said.rstrip().splitlines()[-12:])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts-failed", type=int, default=0)
    parser.add_argument("files", nargs="*", type=Path)
    args = parser.parse_args()
    counts = [count(path) for path in args.files]
    failed = [report for _, reports, _ in counts for report in reports]
    passed, skipped = sum(c[0] for c in counts), sum(c[2] for c in counts)
    print(*failed, sep="", end="")
    print(f"{passed} passed, {len(failed) + args.parts_failed} failed" + (f", {skipped} skipped" if skipped else ""))


if __name__ == "__main__":
    main()
