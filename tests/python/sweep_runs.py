"""Runs of the program, and what two of them must agree on; shared by the tests."""

import os
from pathlib import Path

import h5py

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("SAESWEEP_BIN", ROOT / "build/saesweep"))
PERL_DOC = Path("/usr/share/perl/5.36.0/pod")
# mpirun refuses root without these.
ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


# 12 cells in two groups, from a few of perl-doc's files.
SMALL_SWEEP = f"""
[sweep]
name = "same-bits"
output = "OUTPUT"
[model]
paths = "{ROOT}/models/tiny"
variants = ["trained", "control"]
init_seeds = 0
layers = [0, 2, 5]
[text]
train = ["{PERL_DOC}/perlfunc.pod", "{PERL_DOC}/perlop.pod", "{PERL_DOC}/perlre.pod"]
held_out = ["{PERL_DOC}/perltie.pod", "{PERL_DOC}/perlipc.pod"]
context_length = 256
[sae]
expansion_factor = 8
k = 8
seeds = [0, 1]
tokens = 10_240
batch_tokens = 1024
learning_rate = 0.005
warmup_steps = 3
[evaluate]
tokens = 4096
ce_tokens = 1024
[autointerp]
latents = 6
null_latents = 3
scorers = ["fuzzing", "detection", "simulation"]
harvest_tokens = 20_480
explainer_examples = 8
scorer_examples = 10
simulation_examples = 4
min_windows = 20
entropy_examples = 15
stored_examples = 3
"""


def sweep_file(folder, more=""):
    """The small sweep with its output beside it; `more` are lines of further tables."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sweep.toml"
    path.write_text(SMALL_SWEEP.replace("OUTPUT", str(folder / "out")) + more)
    return path


def command(sweep, n_ranks, *arguments):
    return [*launcher(n_ranks), str(PROGRAM), "run", str(sweep), *arguments]


def n_done(results):
    """Cells done; 0 where the file is not there."""
    try:
        with h5py.File(results, locking=False) as file:
            return int((file["cells/state"][:] == 2).sum())
    except OSError:
        return 0


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
