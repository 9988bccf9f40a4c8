"""The command line: python -m analysis report RESULTS.h5 -o DIR."""

import argparse
import sys
from pathlib import Path

from .load import ResultsError, load


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m analysis", description="Reports on results of saesweep.")
    commands = parser.add_subparsers(dest="command", required=True)
    report = commands.add_parser("report", help="write one HTML page, its figures as SVG and its tables as CSV")
    report.add_argument("results", type=Path, metavar="RESULTS.h5", help="a results file, also while a run writes it")
    report.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the report")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Exit codes as saesweep's: 0 done, 2 bad input."""
    options = parse(arguments)
    try:
        results = load(options.results)
        from .report import write_report  # matplotlib takes a second to load; errors should not wait for it

        print(write_report(results, options.output))
    except (ResultsError, OSError) as error:
        print(f"python -m analysis: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
