"""SAEs that a sweep loads and cannot use end it as other bad input does (test_bad_input.py)."""

import json
import os
import struct
import subprocess
from pathlib import Path

import pytest
from spoilt_sweep import PROGRAM, Case, case, write_safetensors  # noqa: F401 (case is a fixture)


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
