"""Bad input ends with exit code 2, one line that names the file and the key or tensor, and nothing written."""

import json
import os
import re
import struct
import subprocess
from pathlib import Path

import pytest
from spoilt_sweep import MODEL, PROGRAM, ROOT, Case, case, split_safetensors, write_safetensors  # noqa: F401 (case is a fixture)


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
