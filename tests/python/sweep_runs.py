"""Runs of the program, and what two of them must agree on; shared by the tests."""

import os
from pathlib import Path

import h5py

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("SAESWEEP_BIN", ROOT / "build/saesweep"))
PERL_DOC = Path("/usr/share/perl/5.36.0/pod")
# mpirun refuses root without these.
ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def launcher(n_ranks):
    """mpirun's words for so many ranks on however few cores."""
    return ["mpirun", "-q", "--oversubscribe", "--bind-to", "none", "-n", str(n_ranks)]


def reproducible(output, skipped=()):
    """Bytes of every dataset that two runs must agree on, and of every file of an SAE."""
    parts = {}
    with h5py.File(output / "results.h5") as file:
        def visit(name, node):
            if isinstance(node, h5py.Dataset) and node.attrs["reproducible"] and name not in skipped:
                parts[name] = node[()].tobytes()
        file.visititems(visit)
    for path in sorted((output / "saes").rglob("*")):
        if path.is_file():
            parts[str(path.relative_to(output))] = path.read_bytes()
    return parts


def differences(a, b):
    """Names of what differs between two of the above."""
    assert a.keys() == b.keys()
    return [name for name in a if a[name] != b[name]]
