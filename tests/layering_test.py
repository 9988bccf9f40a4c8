"""Holds the include direction of src/ (docs/design.md, "Layout"): which folder may include which, and the one
folder that each outside library is at home in.

    .venv/bin/python -m pytest tests/layering_test.py
"""

import re
from pathlib import Path

SRC = Path(__file__).resolve().parents[1] / "src"

LIBRARIES = {"mpi", "h5", "http"}
DOMAINS = {"model", "text", "sae", "metrics", "judge", "results"}
STAGES = {"train", "evaluate", "autointerp", "toy"}
ALL_BELOW_APP = LIBRARIES | DOMAINS | STAGES | {"base", "sweep", "config"}

# What a folder may include, besides itself and base.
ARROWS = {
    "base": set(),
    "mpi": set(),
    "h5": {"mpi"},
    "http": set(),
    "model": set(),
    "text": set(),
    # An SAE is stored as safetensors, which is at home in model (HEADERS_ONLY).
    "sae": {"model"},
    "metrics": set(),
    "judge": {"http"},
    "results": {"h5", "mpi"},
    "train": {"model", "text", "sae", "metrics"},
    "evaluate": {"model", "text", "sae", "metrics"},
    # Of evaluate the harvest's plain records alone (HEADERS_ONLY).
    "autointerp": {"judge", "metrics", "evaluate"},
    # SAEs of its own, with the arithmetic of train's optimizers (HEADERS_ONLY).
    "toy": {"model", "text", "sae", "metrics", "train"},
    # sweep alone joins training to scoring; it expands model, text and sae settings into cells.
    "sweep": STAGES | {"model", "text", "sae", "judge", "results", "mpi"},
    # config fills sweep's options; of the other folders it sees options.h alone (HEADERS_ONLY).
    "config": STAGES | {"model", "text", "sae", "judge", "sweep"},
    "app": ALL_BELOW_APP,
    "main.cpp": ALL_BELOW_APP | {"app"},
}
# Arrows that hold for some headers only.
HEADERS_ONLY = {("sae", "model"): {"safetensors.h"}, ("autointerp", "evaluate"): {"windows.h"}}
HEADERS_ONLY |= {("toy", "train"): {"optimizer.h", "optimizer_math.h", "optimizer_step.h", "tensor_optimizer.h"}}
HEADERS_ONLY |= {("config", target): {"options.h"} for target in ARROWS["config"] - {"sweep"}}

TORCH = {"model", "sae", "train", "evaluate", "toy"}
HOMES = [
    (re.compile(r"mpi\.h$"), {"mpi"}),
    (re.compile(r"(hdf5|H5[A-Za-z]*)\.h$"), {"h5"}),
    (re.compile(r"toml\+\+/|toml\.hpp$"), {"config"}),
    (re.compile(r"(ATen|c10|torch|caffe2)/"), TORCH),
    (re.compile(r"sqlite3\.h$"), {"judge"}),
    (re.compile(r"curl/|httplib\.h$"), {"http"}),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)


def folder_of(path, src):
    return path.relative_to(src).parts[0]


def fault_of_own(folder, header, src):
    """What is wrong with an include of our own header, or None."""
    target = Path(header).parts[0]
    if not (src / header).is_file():
        return f'"{header}" is no path from src/'
    if target in (folder, "base"):
        return None
    if target not in ARROWS[folder]:
        return f'"{header}": {folder}/ may not include {target}/'
    allowed = HEADERS_ONLY.get((folder, target))
    if allowed and Path(header).name not in allowed:
        return f'"{header}": {folder}/ may include only {", ".join(sorted(allowed))} of {target}/'
    return None


def fault_of_outside(folder, header):
    """What is wrong with an include of another library's header, or None."""
    for pattern, homes in HOMES:
        if pattern.match(header) and folder not in homes:
            return f"<{header}> belongs into {', '.join(sorted(homes))} only"
    return None


def faults_of(path, src):
    text = path.read_text(encoding="utf-8")
    folder = folder_of(path, src)
    if folder not in ARROWS:
        return [f"{folder} is a folder that ARROWS does not know"]
    found = []
    for own, outside in INCLUDE.findall(text):
        found.append(fault_of_own(folder, own, src) if own else fault_of_outside(folder, outside))
    if path.suffix == ".h":
        if not re.search(r"^#pragma once$", text, re.MULTILINE):
            found.append("a header without #pragma once")
        if re.search(r"^\s*using namespace\b", text, re.MULTILINE):
            found.append("using namespace in a header")
    return [fault for fault in found if fault]


def faults_below(src):
    files = sorted(p for p in src.rglob("*") if p.suffix in {".h", ".cpp", ".cu", ".cuh"})
    return [f"{path.relative_to(src)}: {fault}" for path in files for fault in faults_of(path, src)]


def test_every_include_follows_the_layers():
    assert (SRC / "base" / "errors.h").is_file()
    assert faults_below(SRC) == []


def test_arrows_point_down_without_a_circle():
    """Folders can be put in an order in which each includes earlier ones only."""
    left, placed = dict(ARROWS), {"base"}
    while left:
        ready = [folder for folder, targets in left.items() if targets <= placed]
        assert ready, f"a circle among {sorted(left)}"
        placed.update(ready)
        for folder in ready:
            del left[folder]


def faults_in(tmp_path, files):
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return faults_below(tmp_path)


def test_a_wrong_arrow_is_found(tmp_path):
    files = {
        "train/trainer.h": '#pragma once\n#include "evaluate/metrics.h"\n',
        "evaluate/metrics.h": '#pragma once\n#include "model/options.h"\n',
        "model/options.h": "#pragma once\n",
        "config/tables.cpp": '#include "model/options.h"\n#include "evaluate/metrics.h"\n',
    }
    assert faults_in(tmp_path, files) == [
        'config/tables.cpp: "evaluate/metrics.h": config/ may include only options.h of evaluate/',
        'train/trainer.h: "evaluate/metrics.h": train/ may not include evaluate/',
    ]


def test_a_library_away_from_home_is_found(tmp_path):
    files = {
        "mpi/comm.cpp": "#include <mpi.h>\n",
        "results/writer.cpp": "#include <hdf5.h>\n  #  include <mpi.h>\n",
        "sweep/run.cpp": "#include <ATen/ATen.h>\n#include <vector>\n",
    }
    assert faults_in(tmp_path, files) == [
        "results/writer.cpp: <hdf5.h> belongs into h5 only",
        "results/writer.cpp: <mpi.h> belongs into mpi only",
        "sweep/run.cpp: <ATen/ATen.h> belongs into evaluate, model, sae, toy, train only",
    ]


def test_a_careless_header_is_found(tmp_path):
    files = {
        "base/a.h": '#include "b.h"\nusing namespace std;\n',
        "base/b.h": "#pragma once\n",
        "surprise/c.cpp": "\n",
    }
    assert faults_in(tmp_path, files) == [
        'base/a.h: "b.h" is no path from src/',
        "base/a.h: a header without #pragma once",
        "base/a.h: using namespace in a header",
        "surprise/c.cpp: surprise is a folder that ARROWS does not know",
    ]
