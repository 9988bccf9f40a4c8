"""Prints "N passed, N failed[, N skipped]" over JUnit files of ctest and pytest.

    count_tests.py [--parts-failed N] FILE...

A part that failed without a failed test of its own (a build, a style check) counts as one failure.
"""

import argparse
import xml.etree.ElementTree as ElementTree


def count(path):
    """(passed, failed, skipped) of one file."""
    cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    failed = sum(1 for c in cases if c.find("failure") is not None or c.find("error") is not None)
    # ctest marks a test that it could not start, or that is disabled, by its status alone
    not_run = sum(1 for c in cases if c.get("status") == "notrun" and c.find("skipped") is None)
    skipped = sum(1 for c in cases if c.find("skipped") is not None)
    return len(cases) - failed - skipped - not_run, failed + not_run, skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts-failed", type=int, default=0)
    parser.add_argument("files", nargs="*")
    args = parser.parse_args()
    counts = [count(path) for path in args.files]
    passed, failed, skipped = (sum(column) for column in zip(*counts)) if counts else (0, 0, 0)
    print(f"{passed} passed, {failed + args.parts_failed} failed" + (f", {skipped} skipped" if skipped else ""))


if __name__ == "__main__":
    main()
