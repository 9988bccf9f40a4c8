"""Reads results files of saesweep and makes reports of them.

    import analysis
    results = analysis.load("out/quickstart/results.h5")
    results.cells.groupby(["variant", "layer"]).explained_variance.mean()

`python -m analysis report RESULTS.h5 -o DIR` writes the report.
"""

from .load import Results, ResultsError, load

__all__ = ["Results", "ResultsError", "load"]
