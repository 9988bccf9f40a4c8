"""The command line: python -m analysis report | export | compare."""

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from .load import ResultsError, load
from .metrics import METRICS

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
    except ResultsError as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(_unwritable(error, options.output))
    return 0


def _refuse(why: str) -> int:
    print(f"python -m analysis: {why}", file=sys.stderr)
    return 2


def _unwritable(error: OSError, output: Path) -> str:
    """Of what is read the errors are ResultsErrors, but for a file that vanishes or may not be read: it lies elsewhere."""
    why = error.strerror or str(error)
    place, folder = Path(error.filename or output).absolute(), output.absolute()
    if not place.is_relative_to(folder) and not folder.is_relative_to(place):
        return f"{error.filename}: {why}; see that it is there and can be read"
    return f"{output}: cannot be written ({why}); give another folder with -o, one that can be written and has room"


# The imports stand in the functions: matplotlib takes a second to load, and errors should not wait for it.


def _add_report(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    command = commands.add_parser("report", help="write one HTML page, its figures as SVG and PDF, its tables as CSV and LaTeX")
    command.add_argument("results", type=Path, nargs="+", metavar="RESULTS.h5", help=RESULTS_HELP)
    command.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the report")
    _add_statistics(command)
    command.set_defaults(run=_report)


def _add_statistics(command: argparse.ArgumentParser) -> None:
    command.add_argument("--margin", type=_margin, action="append", default=[], metavar="METRIC=X", help="differences below X are equivalent, as fuzz_auroc=0.05 (the default of metrics from 0 to 1) or l1=5; may be repeated")
    command.add_argument("--level", type=_level, default=0.95, help="of intervals and verdicts (default: %(default)s)")


def _margin(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    names = [metric.name for metric in METRICS if not metric.trained_only]
    if name not in names:
        raise argparse.ArgumentTypeError(f"{name!r} is no metric that is compared; one of {', '.join(names)}")
    return name, _number(number, lambda value: 0 < value < float("inf"), "a number above 0, as fuzz_auroc=0.05")


def _level(text: str) -> float:
    return _number(text, lambda value: 0.5 < value < 1, "a number between 0.5 and 1, as 0.95")


def _number(text: str, holds: Callable[[float], bool], wanted: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not holds(value):
        raise argparse.ArgumentTypeError(f"{text!r}: expected {wanted}")
    return value


def _report(options: argparse.Namespace) -> Iterable[Path]:
    results = load(*options.results)
    if results.info.get("kind") == "toy":
        from .toy import write_toy_report

        return [write_toy_report(results, options.output, dict(options.margin), options.level)]
    from .report import write_report

    return [write_report(results, options.output, dict(options.margin), options.level)]


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
    _add_statistics(command)
    command.set_defaults(run=_compare)


def _compare(options: argparse.Namespace) -> Iterable[Path]:
    a, b = load(options.a), load(options.b)
    from .comparison import write_comparison

    return [write_comparison(a, b, options.output, dict(options.margin), options.level)]


if __name__ == "__main__":
    sys.exit(main())
