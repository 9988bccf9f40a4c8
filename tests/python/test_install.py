"""`cmake --install` gives a folder that works wherever it is moved, with the prompts found beside the program."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("SAESWEEP_BUILD", "build")

SWEEP = """[sweep]
name = "installed"
output = "{folder}/out"
[model]
paths = "m"
[text]
train = "t"
[autointerp]
prompt_explanation = "explanation_cot"
"""


@pytest.fixture(scope="module")
def prefix(tmp_path_factory) -> Path:
    prefix = tmp_path_factory.mktemp("installed") / "first"
    subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, capture_output=True, timeout=120)
    return Path(shutil.move(prefix, prefix.parent / "moved"))


def resolved(prefix: Path, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    sweep = folder / "sweep.toml"
    sweep.write_text(SWEEP.format(folder=folder))
    return subprocess.run(
        [prefix / "bin/saesweep", "plan", "--resolved", sweep],
        capture_output=True, text=True, timeout=60, cwd=folder, env=os.environ | environment,
    )  # fmt: skip


def test_program_prompts_and_sweeps_are_there(prefix: Path) -> None:
    shared = prefix / "share/saesweep"
    assert {path.name for path in (shared / "prompts").iterdir()} == {
        path.name for path in (ROOT / "share/prompts").iterdir()
    }
    assert (shared / "sweeps/quickstart.toml").is_file()


def test_installed_program_reads_its_own_prompts(prefix: Path, tmp_path: Path) -> None:
    assert resolved(prefix, tmp_path).returncode == 0
    prompt = prefix / "share/saesweep/prompts/explanation_cot.toml"
    text = prompt.read_text()
    prompt.write_text("no prompt")
    try:
        done = resolved(prefix, tmp_path)
    finally:
        prompt.write_text(text)
    assert done.returncode == 2
    assert str(prompt) in done.stderr


def test_prompts_may_be_put_elsewhere(prefix: Path, tmp_path: Path) -> None:
    done = resolved(prefix, tmp_path, SAESWEEP_PROMPTS=str(tmp_path))
    assert done.returncode == 2
    assert f'no prompt "explanation_cot" in {tmp_path}' in done.stderr
    shutil.copytree(ROOT / "share/prompts", tmp_path / "own")
    assert resolved(prefix, tmp_path, SAESWEEP_PROMPTS=str(tmp_path / "own")).returncode == 0
