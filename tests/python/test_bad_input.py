"""Bad input ends with exit code 2, one line that names the file and the key or tensor, and nothing written."""

import json
import os
import re
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
    case.refused(case.line("k = 257"), "sae.k: 257", "256 latents")


def test_layer_out_of_range(case: Case) -> None:
    case.replace("layers = [0]", "layers = [0, 6]")
    case.refused(case.line("layers"), "model.layers: layer 6", "6 layers", MODEL)


def test_override_is_checked(case: Case) -> None:
    case.refused("--set sae.k=none", "expected an integer", arguments=("--set", "sae.k=none"))


def test_run_refuses_like_plan(case: Case) -> None:
    case.replace("k = 4", "k = 257")
    case.refused(case.line("k = 257"), "sae.k: 257", command="run")


def test_context_longer_than_the_model_takes(case: Case) -> None:
    case.replace("context_length = 64", "context_length = 512")
    case.replace("batch_tokens = 128", "batch_tokens = 512")
    case.replace("tokens = 128\nce_tokens = 64", "tokens = 512\nce_tokens = 512")
    case.refused(case.line("context_length"), "text.context_length: 512 is more than the model")


# The model.


def test_no_such_model(case: Case) -> None:
    case.replace(str(MODEL), "/nowhere/model")
    case.refused(f"{case.line('paths')} model.paths: /nowhere/model: no such file or folder")


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


# SAEs that are loaded.


def put(path: Path, tensors: dict[str, tuple[list[int], list[float]]]) -> None:
    """Writes float32 tensors of these shapes and numbers."""
    header, data = {}, b""
    for name, (shape, numbers) in tensors.items():
        part = struct.pack(f"<{len(numbers)}f", *numbers)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    write_safetensors(path, header, data)


class SaeFolder:
    """A jumprelu SAE of 4 latents at the width of the tiny model, to be spoilt; a sweep loads it."""

    WIDTH, LATENTS = 128, 4

    def __init__(self, case: Case, form: str):
        self.case = case
        self.path = case.folder / "saes" / "layers.0"
        self.path.mkdir(parents=True)
        case.text = case.text[: case.text.index("[sae]")] + case.text[case.text.index("[evaluate]") :]
        case.text += f'[sae]\nload = "{case.folder}/saes/{{hookpoint}}"\n'
        rows, columns, n = [self.LATENTS, self.WIDTH], [self.WIDTH, self.LATENTS], self.WIDTH * self.LATENTS
        small = [0.01] * n
        self.biases = {"b_dec": ([self.WIDTH], [0.0] * self.WIDTH), "threshold": ([self.LATENTS], [0.5] * self.LATENTS)}
        if form == "sparsify":
            self.file, self.weight = self.path / "sae.safetensors", "encoder.weight"
            self.tensors = {"encoder.weight": (rows, small), "encoder.bias": ([self.LATENTS], [0.0] * self.LATENTS)}
            self.config = {"activation": "jumprelu", "architecture": "jumprelu", "expansion_factor": 1, "k": 0,
                           "num_latents": self.LATENTS, "d_in": self.WIDTH}  # fmt: skip
        else:
            self.file, self.weight = self.path / "sae_weights.safetensors", "W_enc"
            self.tensors = {"W_enc": (columns, small), "b_enc": ([self.LATENTS], [0.0] * self.LATENTS)}
            self.config = {"architecture": "jumprelu", "d_in": self.WIDTH, "d_sae": self.LATENTS, "dtype": "float32",
                           "metadata": {"sae_lens_version": "6.0.0", "model_name": "tiny"}}  # fmt: skip
        self.tensors |= {"W_dec": (rows, small), **self.biases}

    def write(self) -> None:
        put(self.file, self.tensors)
        (self.path / "cfg.json").write_text(json.dumps(self.config))

    def spoil(self, tensor: str, number: float) -> None:
        shape, numbers = self.tensors[tensor]
        self.tensors[tensor] = (shape, [*numbers[:-1], number])

    def refused(self, *parts) -> None:
        """By `inspect` and `plan`, each in one line that holds the parts."""
        self.write()
        self.still_refused(*parts)

    def still_refused(self, *parts) -> None:
        self.case.refused(*parts)
        done = subprocess.run([PROGRAM, "inspect", str(self.path)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
        for part in parts:
            assert str(part) in done.stderr


@pytest.fixture(params=["sparsify", "saelens"])
def sae(case: Case, request) -> SaeFolder:
    return SaeFolder(case, request.param)


def test_good_sae_is_planned_and_inspected(sae: SaeFolder) -> None:
    sae.write()
    done = sae.case.run("plan")
    assert done.returncode == 0, done.stderr
    assert "1 cells in 1 groups" in done.stdout
    told = subprocess.run([PROGRAM, "inspect", str(sae.path)], capture_output=True, text=True, check=True).stdout
    assert "jumprelu, 4 latents of width 128" in told
    assert ("saelens" if sae.weight == "W_enc" else "sparsify") in told


def test_missing_sae_folder(sae: SaeFolder) -> None:
    sae.case.refused(sae.path / "cfg.json", "no such file")
    sae.case.refused(sae.path / "cfg.json", "no such file", command="run")


def test_missing_sae_tensors_file(sae: SaeFolder) -> None:
    (sae.path / "cfg.json").write_text(json.dumps(sae.config))
    sae.still_refused(sae.file, "no such file")


def test_missing_sae_config(sae: SaeFolder) -> None:
    put(sae.file, sae.tensors)
    sae.still_refused(sae.path / "cfg.json", "no such file")


def test_sae_config_that_is_no_json(sae: SaeFolder) -> None:
    sae.write()
    (sae.path / "cfg.json").write_text('{"d_in": ')
    sae.still_refused(sae.path / "cfg.json")


def test_truncated_sae(sae: SaeFolder) -> None:
    sae.write()
    os.truncate(sae.file, sae.file.stat().st_size - 4)
    sae.still_refused(sae.file)


def test_missing_sae_tensor(sae: SaeFolder) -> None:
    del sae.tensors["threshold"]
    sae.refused(sae.file, "threshold", "missing")


def test_misshapen_sae_tensor(sae: SaeFolder) -> None:
    shape, numbers = sae.tensors[sae.weight]
    sae.tensors[sae.weight] = (shape[::-1], numbers)
    sae.refused(sae.file, sae.weight, shape, shape[::-1])


def test_sae_tensor_of_another_kind(sae: SaeFolder) -> None:
    sae.tensors["W_skip"] = ([1], [0.0])
    sae.refused(sae.file, "W_skip")


def test_sae_with_nan(sae: SaeFolder) -> None:
    sae.spoil("W_dec", float("nan"))
    sae.refused(sae.file, "W_dec", "not finite")


@pytest.mark.parametrize(("number", "part"), [(-0.25, "-0.25"), (float("nan"), "not finite")])
def test_sae_threshold_that_is_none(sae: SaeFolder, number: float, part: str) -> None:
    sae.spoil("threshold", number)
    sae.refused(sae.file, "threshold", part)


def test_sae_config_of_another_width(sae: SaeFolder) -> None:
    sae.config["d_in"] = 64
    sae.refused(sae.file, sae.weight, "128", "64")


def test_sae_config_of_other_latents(sae: SaeFolder) -> None:
    sae.config["num_latents" if sae.weight == "encoder.weight" else "d_sae"] = 8
    sae.refused(sae.file, sae.weight, "[8" if sae.weight == "encoder.weight" else "8]")


def test_sae_k_above_its_latents(sae: SaeFolder) -> None:
    sae.config |= {"activation": "topk", "architecture": "topk", "k": 5}
    del sae.tensors["threshold"]
    sae.refused(sae.path / "cfg.json", "k is 5", "4 latents")


def test_sae_of_unknown_kind(sae: SaeFolder) -> None:
    sae.config |= {"activation": "gated", "architecture": "gated"}
    sae.refused(sae.path / "cfg.json", "gated", "topk")


def test_sae_of_another_width_than_the_model(case: Case) -> None:
    sae = SaeFolder(case, "sparsify")
    sae.tensors |= {"encoder.weight": ([4, 64], [0.0] * 256), "W_dec": ([4, 64], [0.0] * 256), "b_dec": ([64], [0.0] * 64)}
    sae.config["d_in"] = 64
    sae.write()
    case.refused(sae.path, "width 64", "expected 128", "tiny", "layers.0")


def test_sae_of_another_model(case: Case) -> None:
    sae = SaeFolder(case, "saelens")
    sae.config["metadata"]["model_name"] = "EleutherAI/pythia-70m"
    sae.write()
    case.refused(sae.path, "EleutherAI/pythia-70m", "expected one of tiny")


def test_one_sae_for_two_hookpoints(case: Case) -> None:
    sae = SaeFolder(case, "sparsify")
    sae.write()
    case.replace("{hookpoint}", "layers.0")
    case.replace("layers = [0]", "layers = [0, 1]")
    case.refused(case.file, "sae.load", "2 hookpoints", "{hookpoint}")


def test_training_settings_beside_loaded_saes(case: Case) -> None:
    SaeFolder(case, "sparsify").write()
    case.text += "k = 4\n"
    case.refused(case.line("k = 4"), "sae.k", "sae.load")


def test_export_overwrites_nothing(case: Case) -> None:
    sae = SaeFolder(case, "sparsify")
    sae.write()
    before = (sae.path / "cfg.json").read_bytes()
    done = subprocess.run([PROGRAM, "export", str(sae.path), "--format", "saelens", "-o", str(sae.path)],
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 2 and str(sae.path) in done.stderr and "not empty" in done.stderr
    assert sorted(path.name for path in sae.path.iterdir()) == ["cfg.json", "sae.safetensors"]
    assert (sae.path / "cfg.json").read_bytes() == before


# The text.


def test_no_such_text(case: Case) -> None:
    (case.folder / "held_out.txt").unlink()
    case.refused(f"{case.line('held_out')} text.held_out: no such file or folder: {case.folder}/held_out.txt")


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
    done = case.run("run", "--set", "run.memory_gb=1000")  # memory is looked at first
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert str(case.output) in done.stderr
    assert "space" in done.stderr
    assert not (case.output / "results.h5").exists()


def test_empty_results_file(case: Case) -> None:
    case.output.mkdir()
    (case.output / "results.h5").touch()
    done = case.run("run")
    assert done.returncode == 2
    assert "results.h5: found an empty file; restore it, or move it aside" in done.stderr


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
        (["run", "a.toml", "b.toml", "c.toml"], "one argument too many, 'b.toml'"),
        (["judge", "here"], "one argument too many, 'here'"),
        (["status", "/nowhere"], "/nowhere"),
        (["inspect", "/etc/hostname"], "/etc/hostname"),
        (["inspect", "/nowhere"], "/nowhere"),
        (["export"], "no SAE_FOLDER given"),
        (["export", "/nowhere", "-o", "/tmp/x"], "no --format saelens"),
        (["export", "/nowhere", "--format", "onnx", "-o", "/tmp/x"], "sparsify or saelens"),
        (["export", "/nowhere", "--format", "saelens"], "no -o FOLDER given"),
        (["export", "/nowhere", "--format", "saelens", "-o", "/nowhere/x"], "/nowhere/cfg.json"),
    ],
)
def test_bad_command_line(arguments: list[str], part: str) -> None:
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert part in done.stderr


def test_help_and_version() -> None:
    assert "plan" in subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
    version = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"saesweep \d+\.\d+\.\d+(\+[0-9a-f]{12}(\.changed)?)?\n", version)
    for command in ["plan", "run", "status", "inspect", "export", "tokenize", "activations"]:
        help_text = subprocess.run([PROGRAM, command, "--help"], capture_output=True, text=True, check=True).stdout
        assert f"saesweep {command}" in help_text


# What looks odd and is fine.


def test_several_sweeps_are_planned_each_by_its_name(case: Case) -> None:
    other = case.folder / "other.toml"
    other.write_text(case.text.replace("k = 4", "k = 8"))
    done = case.run("plan", str(other))
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.split("\n# ")
    assert first.startswith(f"# {case.file}\nSweep ") and second.startswith(f"{other}\nSweep ")
    assert not case.run("plan").stdout.startswith("#")


def test_more_ranks_than_units_is_planned(case: Case) -> None:
    done = case.run("plan", "--ranks", "3")
    assert done.returncode == 0, done.stderr
    assert "rank 2: 0 units" in done.stdout


# Scores and their judge.

SCORING = """[autointerp]
latents = 10
harvest_tokens = 640
explainer_examples = 5
scorer_examples = 5
[judge]
kind = "lexical"
"""


@pytest.fixture
def scored(case: Case) -> Case:
    case.text += SCORING
    return case


def test_good_scoring_is_planned(scored: Case) -> None:
    done = scored.run("plan")
    assert done.returncode == 0, done.stderr
    # 10 latents; 2 * 5 examples of each scorer in prompts of 5, for the 10 null latents again.
    assert "Requests to the judge (lexical)" in done.stdout
    assert [line.split()[:2] for line in done.stdout.splitlines()[-6:]] == [
        ["task", "requests"], ["explanation", "10"], ["fuzzing", "20"], ["detection", "20"], ["null", "40"], ["all", "90"]
    ]  # fmt: skip
    assert not scored.output.exists()


def test_resolved_scoring_is_planned_alike(scored: Case) -> None:
    plain, resolved = scored.run("plan"), scored.run("plan", "--resolved")
    scored.text = resolved.stdout
    assert scored.run("plan").stdout == plain.stdout
    assert scored.run("plan", "--resolved").stdout == resolved.stdout


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("latents = 10", "latent = 10", ["autointerp.latent: unknown key; did you mean latents?"]),
        ("latents = 10", 'latents = "ten"', ['autointerp.latents: found the string "ten", expected an integer']),
        ("latents = 10", 'scorers = "fuzing"', ['did you mean "fuzzing"?']),
        ("latents = 10", "window_tokens = 48", ["window_tokens: found 48", "text.context_length, 64"]),
        ("latents = 10", "min_windows = 9", ["autointerp.min_windows: found 9", "5 + 5 = 10"]),
        ("harvest_tokens = 640", "harvest_tokens = 63", ["at least one row (text.context_length, 64)"]),
        ("latents = 10", 'prompt_fuzzing = "fuzing"', ["no prompt \"fuzing\" in", "did you mean fuzzing?"]),
        ("latents = 10", 'prompt_fuzzing = "/nowhere/a.toml"', ["/nowhere/a.toml: no such file"]),
        ('kind = "lexical"', 'knd = "lexical"', ["judge.knd: unknown key; did you mean kind?"]),
        ('kind = "lexical"', 'kind = "openai"', ['judge.kind: found "openai", which needs judge.model']),
        ('kind = "lexical"', 'base_url = "localhost:8000"', ["judge.base_url: found", "expected an address"]),
        ('kind = "lexical"', "max_in_flight = 0", ["judge.max_in_flight: found 0"]),
        ('kind = "lexical"', "extra_body = { seed = 1 }", ["judge.extra_body: found seed"]),
    ],
)
def test_impossible_scoring(scored: Case, old: str, new: str, parts: list[str]) -> None:
    scored.replace(old, new)
    scored.refused(scored.line(new), *parts)


def test_endpoint_without_address(scored: Case) -> None:
    scored.replace('kind = "lexical"', 'kind = "openai"\nmodel = "org/judge"')
    scored.refused(scored.line("kind ="), "judge.base_url", "judge.endpoint_file")


def test_key_in_place_of_its_variable_is_not_shown(scored: Case) -> None:
    scored.replace('kind = "lexical"', 'api_key_env = "sk-secret-5f2a"')
    error = scored.refused(scored.line("api_key_env"), "judge.api_key_env: expected the name of an environment variable")
    assert "5f2a" not in error


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("{examples}", "{example}", "user: no {examples} in it"),
        ('task = "fuzzing"', 'task = "detection"', 'task: found "detection", expected a prompt of "fuzzing"'),
        ("max_tokens = 128", "max_token = 128", "max_token: unknown key; did you mean max_tokens?"),
        ("max_tokens = 128", "max_tokens = 0", "max_tokens: found 0, expected an integer of at least 1"),
    ],
)
def test_prompt_that_is_spoilt(scored: Case, old: str, new: str, part: str) -> None:
    prompt = scored.folder / "own.toml"
    text = (ROOT / "share/prompts/fuzzing.toml").read_text()
    assert old in text
    prompt.write_text(text.replace(old, new))
    scored.replace("latents = 10", f'prompt_fuzzing = "{prompt}"')
    scored.refused(f"{prompt}:", part)


def test_no_prompts_at_all(scored: Case, monkeypatch) -> None:
    monkeypatch.setenv("SAESWEEP_PROMPTS", "/nowhere/prompts")
    scored.refused("SAESWEEP_PROMPTS", "/nowhere/prompts: no such folder")
