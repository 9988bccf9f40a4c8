"""The command line: python -m analysis report | export | compare."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from .load import ResultsError, load

RESULTS_HELP = "results files of one sweep, or folders that hold them and their shards; runs may be writing them"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m analysis", description="Reports on results of saesweep.")
    commands = parser.add_subparsers(dest="command", required=True)
    for add in (_add_report, _add_export, _add_compare):
        add(commands)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Exit codes as saesweep's: 0 done, 2 bad input."""
    options = parse(arguments)
    try:
        for path in options.run(options):
            print(path)
    except (ResultsError, OSError) as error:
        print(f"python -m analysis: {error}", file=sys.stderr)
        return 2
    return 0


# The imports stand in the functions: matplotlib takes a second to load, and errors should not wait for it.


def _add_report(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("report", help="write one HTML page, its figures as SVG and its tables as CSV")
    command.add_argument("results", type=Path, nargs="+", metavar="RESULTS.h5", help=RESULTS_HELP)
    command.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the report")
    command.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> Iterable[Path]:
    results = load(*options.results)
    from .report import write_report

    return [write_report(results, options.output)]


def _add_export(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("export", help="write cells, latents, curves and predictions as tables; latents for Neuronpedia")
    command.add_argument("results", type=Path, nargs="+", metavar="RESULTS.h5", help=RESULTS_HELP)
    command.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the files")
    command.add_argument("--format", choices=("parquet", "csv"), default="parquet", help="of the tables (default: %(default)s)")
    command.add_argument("--neuronpedia", action="store_true", help="write explained latents as Neuronpedia's API takes them, too")
    command.add_argument("--model-id", metavar="ID", help="the model's id on Neuronpedia, where not its name here")
    command.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> Iterable[Path]:
    results = load(*options.results)
    from .export import write_tables
    from .neuronpedia import write_neuronpedia

    yield from write_tables(results, options.output, options.format)
    if options.neuronpedia:
        yield write_neuronpedia(results, options.output / "neuronpedia", options.model_id)


def _add_compare(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("compare", help="set two sweeps side by side: two judges, recipes or machines")
    command.add_argument("a", type=Path, metavar="A.h5", help="results of the one sweep: a file, or a folder with its shards")
    command.add_argument("b", type=Path, metavar="B.h5", help="results of the other")
    command.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the page and its tables")
    command.set_defaults(run=_compare)


def _compare(options: argparse.Namespace) -> Iterable[Path]:
    a, b = load(options.a), load(options.b)
    from .comparison import write_comparison

    return [write_comparison(a, b, options.output)]


if __name__ == "__main__":
    sys.exit(main())
