"""The shipped sweeps, plans for devices that are not here, and scripts/reproduce.sh, all without network."""

import functools
import json
import os
import re
import subprocess
import tomllib

import h5py
import pytest
from slurm_cluster import MISSING, SlurmCluster, exit_codes, site
from sweep_runs import PERL_DOC, PROGRAM, ROOT, launcher

# SAEs of each file, from the paper's grid (five variants; layers; settings).
PAPER = {
    "pythia-70m": 30, "pythia-160m": 60, "pythia-410m": 120, "pythia-1b": 40, "pythia-6.9b": 40,
    "seeds-pythia-70m": 150, "hyperparameters-pythia-160m": 480, "hyperparameters-pythia-1b": 40,
    "tokens-1e6-pythia-1b": 40, "tokens-1e9-pythia-70m": 30, "tokens-1e9-pythia-410m": 120, "tokens-1e9-pythia-1b": 40,
    "detection-pythia-70m": 30,
}  # fmt: skip
EXTENDED = {"architectures": 450, "hookpoints": 195, "init-seeds": 306, "hard-negatives": 90, "norms": 36, "training": 144}
FILES = {**{f"paper/{name}": n for name, n in PAPER.items()}, **{f"extended/{name}": n for name, n in EXTENDED.items()}}
MAIN_GRID = ("pythia-70m", "pythia-160m", "pythia-410m", "pythia-1b", "pythia-6.9b")
DEVICES = ("a100-80g", "a100-40g", "h100-80g", "h200", "v100-32g")


def environment(folder):
    """No network, and an empty hub cache."""
    hidden = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")
    outer = {key: value for key, value in os.environ.items() if key not in hidden}
    return {**outer, "HF_HOME": str(folder / "hub"), "HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="module")
def nowhere(tmp_path_factory):
    return environment(tmp_path_factory.mktemp("home"))


def plan(sweep, *words, env, code=0):
    done = subprocess.run([PROGRAM, "plan", str(sweep), *words], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def shipped(name):
    return ROOT / "sweeps" / f"{name}.toml"


def read(name):
    return tomllib.loads(shipped(name).read_text())


@pytest.fixture(scope="module")
def plan_on(nowhere):
    """The plan of a shipped file for a device; each is made once."""
    return functools.cache(lambda name, device: plan(shipped(name), "--device", device, env=nowhere))


def n_cells(text):
    return int(re.search(r"Sweep \S+: (\d+) cells", text).group(1))


def hours(text):
    """Device hours by stage and in all."""
    heads, values = re.search(r"^(forward passes .*)\n(.*)$", text, re.MULTILINE).groups()
    return dict(zip(re.split(r" {2,}", heads.strip()), map(float, values.split())))


# ---- the shipped sweeps

def test_every_shipped_sweep_is_known_here():
    found = {f"{path.parent.name}/{path.stem}" for folder in ("paper", "extended") for path in (ROOT / "sweeps" / folder).glob("*.toml")}
    assert found == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_shipped_sweep_plans_its_saes_on_a_machine_that_has_neither_models_nor_text(name, plan_on):
    text = plan_on(name, "a100-80g")
    assert n_cells(text) == FILES[name]
    comment = shipped(name).read_text().split("[sweep]")[0]
    assert f"= {FILES[name]} SAEs" in comment
    assert hours(text)["device hours"] == pytest.approx(sum(list(hours(text).values())[:4]), rel=0.02, abs=0.03)
    assert "do not fit" not in text
    assert re.search(r"^all +\d+", text, re.MULTILINE)  # requests to the judge


@pytest.mark.parametrize("name", FILES)
def test_a_shipped_sweep_is_named_after_its_file_and_has_an_output_of_its_own(name):
    sweep = read(name)
    assert sweep["sweep"]["name"] == name.split("/")[1]
    assert sweep["sweep"]["output"] == f"out/{name}"
    assert sweep["judge"]["endpoint_file"].startswith(sweep["sweep"]["output"] + "/")


def test_the_main_grid_has_the_papers_290_saes_and_29000_latents():
    sweeps = [read(f"paper/{name}") for name in MAIN_GRID]
    assert sum(PAPER[name] for name in MAIN_GRID) == 290
    assert {sweep["autointerp"]["latents"] for sweep in sweeps} == {100}


@pytest.mark.parametrize("name", PAPER)
def test_a_paper_sweep_has_the_papers_settings(name):
    sweep = read(f"paper/{name}")
    sae, scoring = sweep["sae"], sweep["autointerp"]
    assert len(sweep["model"]["variants"]) == 5 and sweep["model"]["rerandomize_norms"] is False
    assert (sae["architecture"], sae["batch_tokens"], sae["recipe"]) == ("topk", 65_536, "heap2025")
    if not name.startswith("hyper"):
        assert (sae["expansion_factor"], sae["k"]) == (64, 32)
    budget = re.match(r"tokens-(1e\d)", name)
    assert sae["tokens"] == (int(float(budget[1])) if budget else 100_000_000)
    assert sae["seeds"] == ([0, 1, 2, 3, 4] if name.startswith("seeds") else 0)
    assert (scoring["explainer_examples"], scoring["explainer_selection"]) == (40, "random")
    assert (scoring["scorer_examples"], scoring["silent_examples"]) == (100, 50 if name.startswith("detection") else 100)
    assert (scoring["min_windows"], scoring["harvest_tokens"], scoring["window_tokens"]) == (200, 10_000_000, 32)
    assert sweep["judge"]["model"] == "hugging-quants/Meta-Llama-3.1-70B-Instruct-AWQ-INT4"


@pytest.mark.parametrize("name, layers", [("pythia-1b", "0,2,4,6,8,10,12,14"), ("pythia-6.9b", "0,4,8,12,16,20,24,28")])
def test_strides_give_the_papers_layers(name, layers, plan_on):
    assert f" layers.{layers} " in plan_on(f"paper/{name}", "h200")


# ---- plans for devices

def test_every_device_plans_and_a_faster_one_takes_less(plan_on):
    taken = {device: hours(plan_on("paper/pythia-1b", device)) for device in DEVICES}
    total = {device: taken[device]["device hours"] for device in DEVICES}
    assert total["h200"] <= total["h100-80g"] < total["a100-80g"] <= total["a100-40g"] < total["v100-32g"]


def test_units_are_cut_to_the_devices_memory(plan_on):
    small, large = (plan_on("paper/pythia-6.9b", device) for device in ("a100-80g", "h200"))
    n_units = [int(re.search(r"(\d+) units\n", text).group(1)) for text in (small, large)]
    assert n_units[1] < n_units[0]
    assert "DOES NOT FIT: 40 of 40 cells do not fit on" in plan_on("paper/pythia-6.9b", "a100-40g")


def test_the_tables_of_the_docs_are_what_plan_says(plan_on):
    rows = re.findall(r"^\| ([\w.-]+) \|.*?\| (\d+) \| ([\d,]+) \| ([\d.]+) \| ([\d.]+) \|$", (ROOT / "docs/reproduce.md").read_text(), re.MULTILINE)
    assert {name for name, *_ in rows} == {name.split("/")[1] for name in FILES}
    for name, n_saes, requests, a100, _ in rows:
        text = plan_on(next(file for file in FILES if file.endswith(f"/{name}")), "a100-80g")
        assert n_cells(text) == int(n_saes)
        assert int(re.search(r"^all +(\d+)", text, re.MULTILINE)[1]) == int(requests.replace(",", ""))
        assert hours(text)["device hours"] == pytest.approx(float(a100), abs=0.06)


def test_an_unknown_device_is_refused_with_the_list(nowhere):
    said = plan(shipped("paper/pythia-70m"), "--device", "a1000", env=nowhere, code=2)
    assert len(said.splitlines()) == 1
    assert "found 'a1000'" in said and all(device in said for device in DEVICES)


def test_without_a_device_a_model_that_is_not_here_is_refused(nowhere):
    said = plan(shipped("paper/pythia-70m"), "--set", "sae.precision=float32", env=nowhere, code=2)
    assert "EleutherAI/pythia-70m" in said and "hub cache" in said


# ---- scripts/reproduce.sh

def reproduce(*words, env, code=0):
    done = subprocess.run([ROOT / "scripts/reproduce.sh", *map(str, words)], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return done.stdout if code == 0 else done.stderr


def steps(text):
    return re.findall(r"^\d+\. (\w+)", text, re.MULTILINE)


def calls(text):
    return re.findall(r"^   \$ (\S+)(.*)", text, re.MULTILINE)


def test_a_dry_run_prints_the_steps_and_does_nothing(nowhere):
    text = reproduce("1b", "--dry-run", "--shards", 4, "--device", "h200", env=nowhere)
    assert steps(text) == ["Models", "Text", "Tokens", "Plan", "Slurm"]
    called = dict(calls(text))
    assert called["scripts/fetch_models.sh"].split() == ["EleutherAI/pythia-1b", "EleutherAI/pythia-1b@step0"]
    assert "--device h200 --shards 4" in text and text.count("--include") == 3
    assert called["slurm/submit.sh"].startswith(" sweeps/paper/pythia-1b.toml --shards 4 --judge ")
    assert not (ROOT / "data/rpj-v2-sample/parquet").exists() and not (ROOT / "out/paper/pythia-1b").exists()


def cached_revision(home, revision, weights, index=None):
    """A revision of pythia-70m in the hub cache, as huggingface_hub lays it out; its files are empty."""
    model = home / "hub/models--EleutherAI--pythia-70m"
    snapshot = model / "snapshots" / f"commit-{revision}"
    snapshot.mkdir(parents=True)
    (model / "refs").mkdir(exist_ok=True)
    (model / "refs" / revision).write_text(f"commit-{revision}")
    for name in ("config.json", "tokenizer.json", *weights):
        (snapshot / name).touch()
    if index:
        (snapshot / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))


def test_only_models_that_the_cache_does_not_hold_whole_are_fetched(tmp_path):
    env = {**environment(tmp_path), "HF_HOME": str(tmp_path)}
    cached_revision(tmp_path, "main", ["model.safetensors"])
    cached_revision(tmp_path, "step0", ["a.safetensors"], index={"x": "a.safetensors", "y": "b.safetensors"})
    called = dict(calls(reproduce("70m", "--dry-run", env=env)))
    assert called["scripts/fetch_models.sh"].split() == ["EleutherAI/pythia-70m@step0"]
    (tmp_path / "hub/models--EleutherAI--pythia-70m/snapshots/commit-step0/b.safetensors").touch()
    assert "scripts/fetch_models.sh" not in reproduce("70m", "--dry-run", env=env)


def test_a_larger_budget_fetches_more_text(nowhere):
    assert reproduce("tokens-1e9-pythia-70m", "--dry-run", env=nowhere).count("--include") == 21
    assert reproduce("70m", "--dry-run", "--text-files", 7, env=nowhere).count("--include") == 7


def test_another_judge_starts_no_job_for_one(nowhere):
    text = reproduce("70m", "--dry-run", "--judge", "http://gpu17:8000/v1", env=nowhere)
    assert "--judge" not in dict(calls(text))["slurm/submit.sh"] and "judge.base_url=http://gpu17:8000/v1" in text
    assert "judge.kind=lexical" in reproduce("70m", "--dry-run", "--lexical", env=nowhere)


@pytest.mark.parametrize("words, message", [
    ((), "no model given"),
    (("13b",), "13b: no such sweep; found: 70m"),
    (("70m", "160m"), "more than one model"),
    (("70m", "--wrong"), "unknown option --wrong"),
    (("70m", "--shards"), "--shards: no value"),
    (("70m", "--shards", "many"), "found 'many'"),
    (("70m", "--set", "sae.kk=3"), "sae.kk"),
    (("70m", "--here", "1", "--set", "text.train=/nowhere/*.txt", "--set", f"model.paths={ROOT}/models/tiny"), "text: /nowhere/*.txt is not there"),
])  # fmt: skip
def test_what_cannot_be_is_said_in_a_line(words, message, nowhere):
    said = reproduce(*words, env=nowhere, code=2)
    assert len(said.strip().splitlines()) == 1 and message in said


def test_models_that_cannot_be_fetched_are_said_with_what_to_do(nowhere):
    said = reproduce("70m", env=nowhere, code=2)
    assert "docs/reproduce.md" in said.splitlines()[-1]


SMALL = f"""
[sweep]
name = "small"
output = "FOLDER/out"
[model]
paths = "{ROOT}/models/tiny"
variants = ["trained", "control"]
layers = [0, 3]
[text]
train = "FOLDER/text/*.jsonl"
text_key = "raw_content"
held_out = 0.3
context_length = 256
store_dir = "FOLDER/tokens"
[sae]
expansion_factor = 4
k = 8
tokens = 4_096
batch_tokens = 1024
recipe = "heap2025"
warmup_steps = 2
[evaluate]
tokens = 2048
ce_tokens = 512
[autointerp]
latents = 4
null_latents = 2
harvest_tokens = 20_480
explainer_examples = 5
scorer_examples = 5
min_windows = 12
entropy_examples = 10
[judge]
kind = "openai"
model = "lexical"
endpoint_file = "FOLDER/out/judge.endpoint"
"""


@pytest.fixture
def small(tmp_path):
    (tmp_path / "text").mkdir()
    parts = (PERL_DOC / "perlfunc.pod").read_text(encoding="utf-8", errors="replace").split("\n=item ")
    (tmp_path / "text/pod.jsonl").write_text("".join(json.dumps({"raw_content": part}) + "\n" for part in parts))
    sweep = tmp_path / "small.toml"
    sweep.write_text(SMALL.replace("FOLDER", str(tmp_path)))
    return sweep


NO_ENDPOINT = ("--set", 'judge.model=""', "--set", 'judge.endpoint_file=""')
needs_perl_doc = pytest.mark.skipif(not PERL_DOC.is_dir(), reason="needs Debian's perl-doc")


def plans_for_another_device_rest_on_nothing_measured(sweep, folder, env):
    """The sweep's output holds what its cells took here."""
    assert "by what 4 finished cells of this output took" in plan(sweep, "--set", "judge.kind=lexical", *NO_ENDPOINT, env=env)
    with_results = plan(sweep, "--device", "a100-80g", env=env)
    without = plan(sweep, "--device", "a100-80g", "--set", f"sweep.output={folder}/none", env=env)
    assert with_results.replace(f"{folder}/out", f"{folder}/none") == without


@needs_perl_doc
def test_on_one_machine_a_call_goes_from_text_to_report_and_the_next_one_finds_all_done(small, tmp_path, nowhere):
    env = {**nowhere, **site(tmp_path, LAUNCH=f"({' '.join(launcher(1)[:-2])})")}  # common.sh lets root start ranks
    first = reproduce(small, "--here", 1, "--lexical", env=env)
    assert steps(first) == ["Models", "Text", "Tokens", "Plan", "Run", "Report"]
    assert (tmp_path / "out/report/index.html").stat().st_size > 1000
    assert len(list((tmp_path / "tokens").glob("*.tokens"))) == 1  # made by the step, and used by the run
    again = reproduce(small, "--here", 1, "--lexical", env=env)
    assert steps(again) == ["Models", "Text", "Tokens", "Plan", "Report"]
    assert [name for name, _ in calls(again)] == [str(PROGRAM)]  # the plan's alone
    (tmp_path / "out/report/index.html").unlink()
    assert "analysis report" in reproduce(small, "--here", 1, "--lexical", "--dry-run", env=env)
    plans_for_another_device_rest_on_nothing_measured(small, tmp_path, nowhere)


@needs_perl_doc
@pytest.mark.skipif(bool(MISSING), reason=f"no Slurm: {MISSING} not on PATH (slurm-wlm, munge)")
def test_under_slurm_a_call_submits_judge_runs_merge_and_report(small, tmp_path, nowhere):
    judge = f"""'"{PROGRAM}" judge --listen "127.0.0.1:$JUDGE_PORT"'"""
    with SlurmCluster() as cluster:
        env = {**nowhere, **cluster.environment, **site(tmp_path, JUDGE_COMMAND=judge, JUDGE_HOST="127.0.0.1")}
        text = reproduce(small, "--shards", 2, env=env)
        jobs = dict(re.findall(r"^(judge|run|merge|report): +(\d+)", text, re.MULTILINE))
        assert list(jobs) == ["judge", "run", "merge", "report"]
        assert exit_codes(cluster.wait_until_ended(jobs["run"], 120)) == ["0:0"] * 2
        assert exit_codes(cluster.wait_until_ended(jobs["report"])) == ["0:0"]
        with h5py.File(tmp_path / "out/results.h5") as file:
            assert (file["cells/state"][:] == 2).all() and file["cells/state"].shape == (4,)
        assert steps(reproduce(small, "--shards", 2, env=env))[-1] == "Report"
