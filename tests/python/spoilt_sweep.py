"""A sweep in a folder of its own, to be spoilt: what tests of bad input share."""

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SAESWEEP_BIN", str(ROOT / "build" / "saesweep"))
MODEL = ROOT / "models" / "tiny"

SWEEP = """[sweep]
name = "bad"
output = "{folder}/out"
[model]
paths = "{model}"
variants = "trained"
layers = [0]
[text]
train = "{folder}/train.txt"
held_out = "{folder}/held_out.txt"
context_length = 64
[sae]
expansion_factor = 2
k = 4
tokens = 512
batch_tokens = 128
warmup_steps = 1
[evaluate]
tokens = 128
ce_tokens = 64
"""


class Case:
    """A sweep in a folder of its own, to be spoilt and run."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.file = folder / "sweep.toml"
        self.output = folder / "out"
        self.model = MODEL
        (folder / "train.txt").write_text("The quick brown fox jumps over the lazy dog.\n" * 400)
        (folder / "held_out.txt").write_text("Jackdaws love my big sphinx of quartz; how vexing!\n" * 60)
        self.text = SWEEP.format(folder=folder, model=MODEL)

    def own_model(self) -> Path:
        """A copy of the checkpoint that may be spoilt; the sweep uses it from now on."""
        self.model = self.folder / "model"
        shutil.copytree(MODEL, self.model, ignore=shutil.ignore_patterns("step0"))
        self.replace(str(MODEL), str(self.model))
        return self.model

    def replace(self, old: str, new: str) -> None:
        assert old in self.text
        self.text = self.text.replace(old, new)

    def line(self, start: str) -> str:
        """The place `file:line` of the first line that starts so."""
        number = next(i for i, line in enumerate(self.text.splitlines(), 1) if line.startswith(start))
        return f"{self.file}:{number}:"

    def run(self, command: str, *arguments: str) -> subprocess.CompletedProcess:
        self.file.write_text(self.text)
        return subprocess.run(
            [PROGRAM, command, str(self.file), *arguments], capture_output=True, text=True, timeout=120
        )

    def refused(self, *parts: str, command: str = "plan", arguments: tuple[str, ...] = ()) -> str:
        """Runs the command, which must refuse its input in one line that holds the parts."""
        done = self.run(command, *arguments)
        assert done.returncode == 2, done.stderr
        assert done.stdout == ""
        assert done.stderr.startswith("saesweep: error: ")
        assert done.stderr.count("\n") == 1, done.stderr
        for part in parts:
            assert str(part) in done.stderr
        assert not self.output.exists()
        return done.stderr


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def split_safetensors(path: Path) -> tuple[dict, bytes]:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def write_safetensors(path: Path, header: dict, data: bytes) -> None:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
