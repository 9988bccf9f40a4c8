"""Bad input ends with exit code 2, one line that names the file and the key or tensor, and nothing written."""

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


@pytest.fixture
def weights(case: Case) -> Path:
    return case.own_model() / "model.safetensors"


TENSOR = "gpt_neox.layers.1.attention.dense.weight"


def test_good_sweep_is_planned_without_a_trace(case: Case) -> None:
    done = case.run("plan")
    assert done.returncode == 0, done.stderr
    assert "1 cells in 1 groups" in done.stdout
    assert not case.output.exists()


# The sweep file.


def test_no_such_sweep(case: Case) -> None:
    done = subprocess.run([PROGRAM, "plan", "/nowhere/a.toml"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "/nowhere/a.toml" in done.stderr


def test_syntax_error(case: Case) -> None:
    case.replace("k = 4", "k = = 4")
    case.refused(case.line("k = =")[:-1], "syntax error")


def test_unknown_key(case: Case) -> None:
    case.replace("expansion_factor", "expansion_facter")
    case.refused(case.line("expansion_facter"), "sae.expansion_facter: unknown key", "did you mean expansion_factor?")


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("k = 4", 'k = "four"', ['found the string "four"', "expected an integer"]),
        ("k = 4", "k = []", ["sae.k: found an empty array"]),
        ("k = 4", "k = 0", ["sae.k: found 0", "at least 1"]),
        ("tokens = 512", "tokens = 0", ["sae.tokens: found 0", "at least 1"]),
        ("batch_tokens = 128", "batch_tokens = 100", ["sae.batch_tokens: found 100", "text.context_length, 64"]),
        ('variants = "trained"', "variants = []", ["model.variants: found an empty array"]),
        ('variants = "trained"', 'variants = "traind"', ['did you mean "trained"?']),
    ],
)
def test_impossible_value(case: Case, old: str, new: str, parts: list[str]) -> None:
    case.replace(old, new)
    case.refused(case.line(new), *parts)


def test_k_above_latents(case: Case) -> None:
    case.replace("k = 4", "k = 257")
    case.refused(case.file, "sae.k: 257", "256 latents")


def test_layer_out_of_range(case: Case) -> None:
    case.replace("layers = [0]", "layers = [0, 6]")
    case.refused(case.file, "model.layers: layer 6", "6 layers", MODEL)


def test_override_is_checked(case: Case) -> None:
    case.refused("--set sae.k=none", "expected an integer", arguments=("--set", "sae.k=none"))


def test_run_refuses_like_plan(case: Case) -> None:
    case.replace("k = 4", "k = 257")
    case.refused(case.file, "sae.k: 257", command="run")


# The model.


def test_no_such_model(case: Case) -> None:
    case.replace(str(MODEL), "/nowhere/model")
    case.refused("/nowhere/model")


def test_missing_weights(case: Case, weights: Path) -> None:
    weights.unlink()
    case.refused(weights.parent, "model.safetensors")


def test_missing_config(case: Case, weights: Path) -> None:
    (weights.parent / "config.json").unlink()
    case.refused(weights.parent / "config.json")


def test_missing_tokenizer(case: Case, weights: Path) -> None:
    (weights.parent / "tokenizer.json").unlink()
    case.refused(weights.parent, "brings no tokenizer.json", "[model]")


def test_missing_step0(case: Case, weights: Path) -> None:
    case.replace('variants = "trained"', 'variants = "step0"')
    case.refused(weights.parent / "step0")


def test_truncated_weights(case: Case, weights: Path) -> None:
    os.truncate(weights, weights.stat().st_size - 1000)
    case.refused(weights)


def test_header_beyond_the_file(case: Case, weights: Path) -> None:
    size = weights.stat().st_size
    with weights.open("r+b") as file:
        file.write(struct.pack("<Q", size))
    case.refused(weights, size)


def test_header_of_garbage(case: Case, weights: Path) -> None:
    with weights.open("r+b") as file:
        file.seek(8)
        file.write(b"}}")
    case.refused(weights)


def test_overlapping_tensors(case: Case, weights: Path) -> None:
    header, data = split_safetensors(weights)
    begin, end = header[TENSOR]["data_offsets"]
    header[TENSOR]["data_offsets"] = [begin - 2, end - 2]
    write_safetensors(weights, header, data)
    case.refused(weights, TENSOR)


def test_tensor_out_of_range(case: Case, weights: Path) -> None:
    header, data = split_safetensors(weights)
    begin, end = header[TENSOR]["data_offsets"]
    header[TENSOR]["data_offsets"] = [begin + len(data), end + len(data)]
    write_safetensors(weights, header, data)
    case.refused(weights, TENSOR)


def test_missing_tensor(case: Case, weights: Path) -> None:
    header, data = split_safetensors(weights)
    header[TENSOR + ".old"] = header.pop(TENSOR)
    write_safetensors(weights, header, data)
    case.refused(weights.parent, TENSOR)


def test_misshapen_tensor(case: Case, weights: Path) -> None:
    header, data = split_safetensors(weights)
    rows, columns = header[TENSOR]["shape"]
    header[TENSOR]["shape"] = [rows // 2, columns * 2]
    write_safetensors(weights, header, data)
    case.refused(weights.parent, TENSOR, f"[{rows // 2}, {columns * 2}]", f"[{rows}, {columns}]")


def test_unknown_architecture(case: Case, weights: Path) -> None:
    path = weights.parent / "config.json"
    config = json.loads(path.read_text())
    config["architectures"] = ["LlamaForCausalLM"]
    config["model_type"] = "llama"
    path.write_text(json.dumps(config))
    case.refused(path, "llama", "gpt_neox")


# The text.


def test_no_such_text(case: Case) -> None:
    (case.folder / "held_out.txt").unlink()
    case.refused(case.folder / "held_out.txt")


def test_empty_text(case: Case) -> None:
    (case.folder / "train.txt").write_text("")
    case.refused(case.folder / "train.txt", "empty")


def test_text_that_is_not_utf8(case: Case) -> None:
    (case.folder / "train.txt").write_bytes(b"good line\nbad \xff byte\n")
    case.refused(case.folder / "train.txt", "UTF-8", "14", "line 2")


def test_text_on_both_sides(case: Case) -> None:
    case.replace(f"{case.folder}/held_out.txt", f"{case.folder}/train.txt")
    case.refused(case.folder / "train.txt")


# The output.


def test_output_that_cannot_be_written(case: Case) -> None:
    (case.folder / "blocked").write_text("a file where a folder should be")
    case.replace(f"{case.folder}/out", f"{case.folder}/blocked/out")
    case.refused(case.folder / "blocked", command="run")


def test_no_space(case: Case) -> None:
    case.replace("expansion_factor = 2", f"expansion_factor = 65536\nseeds = {list(range(2000))}")
    done = case.run("run")
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert str(case.output) in done.stderr
    assert "space" in done.stderr
    assert not (case.output / "results.h5").exists()


def test_output_of_another_sweep(case: Case) -> None:
    assert case.run("run", "--progress", "none").returncode == 0
    before = (case.output / "results.h5").read_bytes()
    case.replace('name = "bad"', 'name = "other"')
    done = case.run("run")
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert str(case.output) in done.stderr
    assert "bad" in done.stderr and "other" in done.stderr
    assert (case.output / "results.h5").read_bytes() == before


# The command line.


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "no command given"),
        (["rum"], "did you mean run?"),
        (["plan"], "no sweep file given"),
        (["plan", "a.toml", "--rank", "x"], "--rank"),
        (["status", "/nowhere"], "/nowhere"),
        (["inspect", "/etc/hostname"], "/etc/hostname"),
        (["inspect", "/nowhere"], "/nowhere"),
    ],
)
def test_bad_command_line(arguments: list[str], part: str) -> None:
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert part in done.stderr


def test_help_and_version() -> None:
    assert "plan" in subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
    assert "saesweep 0" in subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    for command in ["plan", "run", "status", "inspect", "tokenize", "activations"]:
        help_text = subprocess.run([PROGRAM, command, "--help"], capture_output=True, text=True, check=True).stdout
        assert f"saesweep {command}" in help_text


# What looks odd and is fine.


def test_more_ranks_than_units_is_planned(case: Case) -> None:
    done = case.run("plan", "--ranks", "3")
    assert done.returncode == 0, done.stderr
    assert "rank 2: 0 units" in done.stdout
