"""Scores of a run: against references, judged again, through a lost endpoint, a spent budget, and over HTTP."""

import http.server
import json
import random
import shutil
import socket
import subprocess
import threading
import time
import urllib.request

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sweep_runs import ENVIRONMENT, PERL_DOC, PROGRAM, ROOT, differences, launcher, reproducible
from tokenizers import Tokenizer
from torch.nn.functional import linear
from transformers import GPTNeoXForCausalLM

CONTEXT, WINDOW = 128, 16
HELD_OUT = [PERL_DOC / "perlipc.pod", PERL_DOC / "perltie.pod"]
SCORES = ("fuzz", "detection")

pytestmark = pytest.mark.skipif(not PERL_DOC.is_dir(), reason="needs Debian's perl-doc")

SWEEP = f"""
[sweep]
name = "scores"
output = "OUTPUT"
[model]
paths = "{ROOT}/models/tiny"
variants = ["trained", "control"]
layers = [1, 4]
[text]
train = ["{PERL_DOC}/perlfunc.pod", "{PERL_DOC}/perlop.pod", "{PERL_DOC}/perlre.pod"]
held_out = {json.dumps([str(path) for path in HELD_OUT])}
context_length = {CONTEXT}
[sae]
expansion_factor = 8
k = 8
tokens = 40_960
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
harvest_tokens = 24_576
window_tokens = {WINDOW}
explainer_examples = 8
scorer_examples = 11
simulation_examples = 4
min_windows = 20
entropy_examples = 15
stored_examples = 3
"""


def run(folder, *settings, n_ranks=2, expect=0, env=None):
    """Runs the sweep into folder/out and gives what it said."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sweep.toml"
    path.write_text(SWEEP.replace("OUTPUT", str(folder / "out")))
    words = [*launcher(n_ranks), str(PROGRAM), "run", str(path)]
    for setting in settings:
        words += ["--set", setting]
    done = subprocess.run(words, cwd=ROOT, timeout=300, capture_output=True, text=True,
                          env={**ENVIRONMENT, **(env or {})})
    assert done.returncode == expect, done.stderr
    return done.stderr


def saved(folder):
    """SAEs by path, with the time they were written."""
    return {path.relative_to(folder): path.stat().st_mtime_ns for path in (folder / "out/saes").rglob("*.safetensors")}


def datasets(folder):
    """What two runs agree on, but for which judge it was."""
    return reproducible(folder / "out", skipped=("cells/judge", "cells/score_id", "grid/score_id"))


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scored")
    run(folder)
    return folder


@pytest.fixture
def server():
    """`saesweep judge` on a free port; gives its base address."""
    process = subprocess.Popen([str(PROGRAM), "judge", "--listen", "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)
    line = process.stderr.readline()
    assert "listening on http" in line, line
    yield line.split()[-1]
    process.terminate()
    assert process.wait(timeout=20) == 0


def over_http(url, *more):
    return ('judge.kind="openai"', f'judge.base_url="{url}"', 'judge.model="lexical"', *more)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_scores_are_those_of_the_predictions_by_scikit_learn(scored):
    with h5py.File(scored / "out/results.h5") as file:
        for score in SCORES:
            probability = file[f"predictions/{score}_probability"][:]
            answer, truth = file[f"predictions/{score}_answer"][:], file[f"predictions/{score}_truth"][:]
            assert np.isin(truth, (0, 1)).all() and np.isfinite(probability).all()
            auroc, balanced = file[f"latents/{score}_auroc"][:], file[f"latents/{score}_balanced_accuracy"][:]
            null = file[f"latents/{score}_auroc_null"][:]
            for cell in range(4):
                for latent in range(6):
                    assert auroc[cell, latent] == pytest.approx(roc_auc_score(truth[cell, latent], probability[cell, latent]))
                    assert balanced[cell, latent] == pytest.approx(
                        balanced_accuracy_score(truth[cell, latent], answer[cell, latent]))
                for latent in range(3):
                    judged = file[f"predictions/{score}_null_probability"][cell, latent]
                    assert null[cell, latent] == pytest.approx(roc_auc_score(truth[cell, latent], judged))
                assert np.isnan(null[cell, 3:]).all()
                assert file[f"cells/{score}_auroc"][cell] == pytest.approx(auroc[cell].mean())
                assert file[f"cells/{score}_auroc_null"][cell] == pytest.approx(null[cell, :3].mean())
                pooled = roc_auc_score(truth[cell].ravel(), probability[cell].ravel())
                assert file[f"cells/{score}_auroc_pooled"][cell] == pytest.approx(pooled)
        assert (file["latents/null_of"][:, :3] != np.arange(3)).all()


def test_a_trained_models_latents_are_explained_better_than_the_controls(scored):
    with h5py.File(scored / "out/results.h5") as file:
        trained = file["cells/variant"].asstr()[:] == "trained"
        auroc = file["cells/fuzz_auroc"][:]
        assert auroc[trained].mean() > auroc[~trained].mean() + 0.05
        assert file["cells/token_entropy"][:][trained].max() < file["cells/token_entropy"][:][~trained].min()


def text_rows():
    """The held-out text cut into rows, by Hugging Face's tokenizer."""
    tokenizer = Tokenizer.from_file(str(ROOT / "models/tiny/tokenizer.json"))
    end_of_text = tokenizer.token_to_id("<|endoftext|>")
    ids = []
    for path in HELD_OUT:
        ids += [end_of_text, *tokenizer.encode(path.read_text(encoding="utf-8"), add_special_tokens=False).ids]
    return torch.tensor(ids[: len(ids) // CONTEXT * CONTEXT]).view(-1, CONTEXT), end_of_text


@torch.no_grad()
def test_windows_counts_and_activations_are_those_of_transformers(scored):
    rows, end_of_text = text_rows()
    model = GPTNeoXForCausalLM.from_pretrained(ROOT / "models/tiny", dtype=torch.float32).eval()
    hidden = torch.cat([torch.stack(model(batch, output_hidden_states=True).hidden_states[2:3]) for batch in rows.split(16)], 1)[0]
    with h5py.File(scored / "out/results.h5") as file:
        cell = list(zip(file["cells/variant"].asstr()[:], file["cells/hookpoint"].asstr()[:])).index(("trained", "layers.1"))
        sae = load_file(scored / f"out/saes/{file['cells/id'].asstr()[cell]}/layers.1/sae.safetensors")
        examples = {name: column[cell] for name, column in file["examples"].items()}
        latents = {name: column[cell] for name, column in file["latents"].items()}
        n_tokens = file["cells/tokens_harvested"][cell]
        words = file["vocabularies/token"].asstr()[0]
    pre = torch.relu(linear(hidden - sae["b_dec"], sae["encoder.weight"], sae["encoder.bias"]))
    values, indices = pre.topk(8)
    active = torch.zeros_like(pre).scatter_(-1, indices, values)
    active[rows == end_of_text] = 0
    seen = 0
    for latent, index in enumerate(latents["index"]):
        for example in np.flatnonzero(examples["kind"][latent] >= 0):
            row, start = examples["row"][latent, example], examples["start"][latent, example]
            np.testing.assert_array_equal(examples["token"][latent, example], rows[row, start : start + WINDOW])
            expected = active[row, start : start + WINDOW, index].numpy()
            np.testing.assert_allclose(examples["activation"][latent, example], expected, atol=2e-4)
            assert (expected.max() > 0) == (examples["kind"][latent, example] < 2)
            seen += 1
    assert seen == 6 * (3 + 11 + 11)
    assert latents["firing_rate"] == pytest.approx(latents["n_firings"] / n_tokens)
    tokenizer = Tokenizer.from_file(str(ROOT / "models/tiny/tokenizer.json"))
    for i, word in enumerate(words):  # the longest are cut, and HDF5's texts end at a zero byte
        text = tokenizer.decode([i], skip_special_tokens=False)
        assert word == text if len(text.encode()) <= 32 and text != "\0" else text.startswith(word), i


def test_wrong_marks_are_on_silent_tokens_and_of_the_shapes_of_right_ones(scored):
    with h5py.File(scored / "out/results.h5") as file:
        truth, marks = file["predictions/fuzz_truth"][:], file["predictions/fuzz_marks"][:]
        example, activation = file["predictions/fuzz_example"][:], file["examples/activation"][:]
    for cell, latent in np.ndindex(truth.shape[:2]):
        right, wrong = (np.sort(marks[cell, latent][truth[cell, latent] == side]) for side in (1, 0))
        np.testing.assert_array_equal(right, wrong)
        for place in range(truth.shape[2]):
            marked = (marks[cell, latent, place] >> np.arange(WINDOW) & 1).astype(bool)
            window = activation[cell, latent, example[cell, latent, place]]
            assert marked.any()
            assert ((window[marked] > 0.3 * window.max()).all()) if truth[cell, latent, place] else (window[marked] == 0).all()


def test_another_prompt_scores_again_without_training(scored, tmp_path):
    run(tmp_path)
    before, models = datasets(tmp_path), saved(tmp_path)
    said = run(tmp_path, 'autointerp.prompt_explanation="explanation_plain"')
    assert "4 of 4 cells done" in said
    assert saved(tmp_path) == models
    changed = differences(before, datasets(tmp_path))
    assert not [name for name in changed if name.startswith(("examples", "all_latents"))]
    run(tmp_path)
    assert saved(tmp_path) == models
    assert differences(before, datasets(tmp_path)) == []


def test_the_judge_over_http_gives_the_bits_of_the_embedded_one(scored, tmp_path, server):
    key = "sk-this-must-be-nowhere"
    run(tmp_path, *over_http(server, 'judge.api_key_env="JUDGE_KEY"', "judge.top_logprobs=11"), env={"JUDGE_KEY": key})
    assert differences(datasets(scored), datasets(tmp_path)) == []
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            assert key.encode() not in path.read_bytes(), path
    with h5py.File(tmp_path / "out/results.h5") as file:
        assert (file["cells/judge"].asstr()[:] == "openai lexical").all()


def test_simulation_by_logprobs_of_the_prompt(scored, tmp_path, server):
    run(tmp_path, *over_http(server, 'judge.prompt_logprobs="echo"', "judge.top_logprobs=11", 'autointerp.scorers=["simulation"]'))
    with h5py.File(tmp_path / "out/results.h5") as told, h5py.File(scored / "out/results.h5") as other:
        trained = told["cells/variant"].asstr()[:] == "trained"
        correlation = told["cells/simulation_correlation"][:]
        assert np.isnan(told["cells/fuzz_auroc"][:]).all()
        assert (correlation[trained] > 0.1).all()
        np.testing.assert_allclose(correlation[trained], other["cells/simulation_correlation"][:][trained], atol=0.25)


def test_a_lost_endpoint_costs_no_training_and_the_next_start_goes_on(scored, tmp_path, server):
    nowhere = f"http://127.0.0.1:{free_port()}/v1"
    said = run(tmp_path, *over_http(nowhere, "judge.give_up_after=2", "judge.top_logprobs=11"), expect=3)
    assert nowhere in said and "the same command again" in said, said
    with h5py.File(tmp_path / "out/results.h5") as file:
        assert (file["cells/stage"][:] == 3).all() and not (file["cells/state"][:] == 2).any()
    models = saved(tmp_path)
    assert len(models) == 4
    run(tmp_path, *over_http(server, "judge.top_logprobs=11"), n_ranks=1)
    assert saved(tmp_path) == models
    assert differences(datasets(scored), datasets(tmp_path)) == []


def test_a_spent_budget_ends_the_run_and_replies_are_not_paid_twice(scored, tmp_path, server):
    limited = over_http(server, "judge.top_logprobs=11", "judge.budget_requests=150")
    n_starts = 0
    said = ""
    while n_starts < 10:
        n_starts += 1
        said = start(tmp_path, limited)
        if "4 of 4 cells done" in said:
            break
        assert "budget" in said, said
    # 6 latents x 4 cells: 24 explanations, 5 + 5 + 4 prompts for each of them and for 12 nulls.
    n_requests = 24 + 36 * 14
    assert n_starts == -(-n_requests // 150)
    assert differences(datasets(scored), datasets(tmp_path)) == []


def start(folder, settings):
    words = [str(PROGRAM), "run", str(folder / "sweep.toml")]
    (folder / "sweep.toml").write_text(SWEEP.replace("OUTPUT", str(folder / "out")))
    for setting in settings:
        words += ["--set", setting]
    done = subprocess.run(words, cwd=ROOT, timeout=300, capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode in (0, 3), done.stderr
    return done.stderr


def test_an_endpoint_file_is_waited_for(scored, tmp_path, server):
    tmp_path.joinpath("run").mkdir()
    path = tmp_path / "run" / "endpoint"
    sweep = tmp_path / "run" / "sweep.toml"
    sweep.write_text(SWEEP.replace("OUTPUT", str(tmp_path / "run" / "out")))
    words = [str(PROGRAM), "run", str(sweep), "--set", 'judge.kind="openai"', "--set", 'judge.model="lexical"',
             "--set", f'judge.endpoint_file="{path}"', "--set", "judge.top_logprobs=11"]
    process = subprocess.Popen(words, cwd=ROOT, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    time.sleep(3)
    assert process.poll() is None
    path.write_text(server + "\n")
    said = process.communicate(timeout=200)[1]
    assert process.returncode == 0, said
    assert differences(datasets(scored), datasets(tmp_path / "run")) == []


@pytest.mark.parametrize("address, said", [("8000", "HOST:PORT"), ("127.0.0.1:70000", "HOST:PORT"),
                                           ("no.such.host.invalid:0", "no.such.host.invalid")])
def test_a_judge_that_cannot_listen_there_is_refused(address, said):
    done = subprocess.run([str(PROGRAM), "judge", "--listen", address], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert said in done.stderr and done.stderr.count("\n") == 1


def test_a_port_in_use_is_refused(server):
    done = subprocess.run([str(PROGRAM), "judge", "--listen", server.split("/")[2]], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and server.split("/")[2].split(":")[1] in done.stderr


class FaultyProxy:
    """Passes requests on to a judge and spoils a share of the replies, by turns in each of these ways."""

    FAULTS = ("reset", "429", "500", "html", "cut", "empty", "no logprobs", "wrong number")

    def __init__(self, judge, share):
        self.judge, self.share, self.n_faults = judge, share, 0
        self.random, self.lock = random.Random(1), threading.Lock()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                proxy.answer(self, body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def fault(self):
        with self.lock:
            if self.random.random() >= self.share:
                return None
            self.n_faults += 1
            return self.FAULTS[self.n_faults % len(self.FAULTS)]

    def answer(self, handler, body):
        fault = self.fault()
        if fault == "reset":
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            handler.close_connection = True
            return
        request = urllib.request.Request(self.judge.removesuffix("/v1") + handler.path, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as reply:
            told = json.load(reply)
        choice = told["choices"][0]
        if fault == "empty":
            told["choices"] = []
        elif fault == "no logprobs":
            choice["logprobs"] = None
        elif fault == "wrong number":
            choice["message"]["content"] = "[1, 0, 1, 0, 1, 0, 1, 0]"
            if choice["logprobs"]:
                choice["logprobs"]["content"] = choice["logprobs"]["content"][:2]
        text = json.dumps(told).encode()
        if fault == "html":
            text = b"<html><body>Bad Gateway</body></html>"
        elif fault == "cut":
            text = text[: len(text) // 2]
        handler.send_response(int(fault) if fault in ("429", "500") else 200)
        handler.send_header("Content-Length", str(len(text)))
        if fault == "429" and self.n_faults % 3 == 0:
            handler.send_header("Retry-After", "1")
        handler.end_headers()
        handler.wfile.write(text)


def test_with_30_percent_of_all_replies_faulty_every_latent_is_scored_the_same(scored, tmp_path, server):
    proxy = FaultyProxy(server, 0.3)
    run(tmp_path, *over_http(proxy.url, "judge.top_logprobs=11"))
    assert proxy.n_faults > 150
    assert differences(datasets(scored), datasets(tmp_path)) == []


def test_with_all_replies_faulty_the_run_ends_resumable_and_loses_nothing(scored, tmp_path, server):
    proxy = FaultyProxy(server, 1.0)
    said = run(tmp_path, *over_http(proxy.url, "judge.give_up_after=4", "judge.top_logprobs=11"), expect=3)
    assert proxy.url in said.splitlines()[-1] and "the same command again" in said.splitlines()[-1], said
    with h5py.File(tmp_path / "out/results.h5") as file:
        assert (file["cells/stage"][:] == 3).all()
        assert np.isnan(file["cells/fuzz_auroc"][:]).all()
    models = saved(tmp_path)
    run(tmp_path, *over_http(server, "judge.top_logprobs=11"))
    assert saved(tmp_path) == models
    assert differences(datasets(scored), datasets(tmp_path)) == []


def test_a_sweep_that_scores_nothing_keeps_the_scores_and_a_grown_one_too(scored, tmp_path):
    shutil.copytree(scored / "out", tmp_path / "out")
    before, models = datasets(tmp_path), saved(tmp_path)
    run(tmp_path, "autointerp.latents=0")
    assert differences(before, datasets(tmp_path)) == []
    run(tmp_path, "autointerp.latents=0", "sae.seeds=[0, 1]")
    with h5py.File(tmp_path / "out/results.h5") as file:
        assert sorted(file["cells/stage"][:]) == [2] * 4 + [4] * 4
    said = run(tmp_path)
    assert "4 of 4 cells done (4 by an earlier run)" in said
    assert models.items() <= saved(tmp_path).items()
