"""Results of saesweep as pandas frames, and reports of them. docs/analysis.md describes the frames.

    import analysis
    results = analysis.load("out/quickstart")          # a folder, a file, or several shards
    results.cells.groupby(["variant", "layer"]).explained_variance.mean()
    results.latents.query("fuzz_auroc > 0.9")[["cell", "index", "explanation"]]
    results.describe()                                 # unit and meaning of every column

From another folder: PYTHONPATH=<checkout>. The commands (python -m analysis --help): `report` writes the report,
`export` the frames as Parquet or CSV and latents for Neuronpedia, `compare` sets two sweeps side by side.
"""

from .latex import write_table
from .load import STAGES, STATES, Example, Results, ResultsError, load

__all__ = ["STAGES", "STATES", "Example", "Results", "ResultsError", "load", "write_table"]
