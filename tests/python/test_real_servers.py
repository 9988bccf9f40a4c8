"""Servers of other projects as judges: llama.cpp's Python server, with logprobs, and transformers' own, without.
The tiny model answers, so scores mean nothing; that questions and answers get through is what is tested. What makes a
model of this size write arrays is extra_body: a grammar, and biases of token sequences.
Runs in .venv-servers."""

import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path

import pytest

llama_cpp = pytest.importorskip("llama_cpp", reason="needs .venv-servers (scripts/judge_servers.sh)")

import h5py  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from transformers import AutoTokenizer, GPTNeoXForCausalLM  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from make_gguf import CHAT_TEMPLATE, make_gguf  # noqa: E402

PROGRAM = Path(os.environ.get("SAESWEEP_BIN", ROOT / "build/saesweep"))
TINY = ROOT / "models/tiny"
RECORDED = ROOT / "tests/judge/replies"
RECORDED_REQUESTS = json.loads((RECORDED / "requests.json").read_text())
PERL_DOC = Path("/usr/share/perl/5.36.0/pod")
CONTEXT = 2048

pytestmark = pytest.mark.skipif(not PERL_DOC.is_dir(), reason="needs Debian's perl-doc")

# llama.cpp computes in float32 as transformers does, but its build for CPUs reads GELU, in the tanh approximation, from a
# table in half precision, whose steps of 2^-11 make logits differ by 3e-3. Beside the exact GELU, and with keys and
# values in half precision as its server has them, it is 0.015. A sequential residual shifts logits by 20.
TOLERANCE = 0.01
TOLERANCE_OF_SERVER = 0.05

ARRAY_GRAMMAR = 'root ::= "[" digit (", " digit){4} "]"\ndigit ::= [01]'

SWEEP = f"""
[sweep]
name = "servers"
output = "OUTPUT"
[model]
paths = "{TINY}"
variants = ["trained"]
layers = [1, 4]
[text]
train = ["{PERL_DOC}/perlfunc.pod", "{PERL_DOC}/perlop.pod"]
held_out = ["{PERL_DOC}/perlipc.pod", "{PERL_DOC}/perltie.pod"]
context_length = 128
[sae]
expansion_factor = 4
k = 8
tokens = 20_480
batch_tokens = 1024
warmup_steps = 3
[evaluate]
tokens = 2048
ce_tokens = 1024
[autointerp]
latents = 3
null_latents = 2
harvest_tokens = 16_384
window_tokens = 16
explainer_examples = 4
scorer_examples = 5
simulation_examples = 2
min_windows = 20
entropy_examples = 10
stored_examples = 3
prompt_explanation = "PROMPTS/explanation.toml"
prompt_fuzzing = "PROMPTS/fuzzing.toml"
prompt_detection = "PROMPTS/detection.toml"
prompt_simulation_prompt = "PROMPTS/simulation_prompt.toml"
[judge]
kind = "openai"
"""
N_LATENTS, N_NULLS, N_CELLS = 3, 2, 2
# An explanation a latent; of each latent and null two prompts of 5 examples a scorer.
N_REQUESTS = N_CELLS * (N_LATENTS + (N_LATENTS + N_NULLS) * (2 + 2))
N_SIMULATIONS = N_CELLS * (N_LATENTS + N_NULLS) * 2

PROMPTS = {
    "explanation": """
max_tokens = 16
system = 'Say what the marked tokens are.'
user = '''{examples}'''
example = '{number}. {text}'
""",
    "fuzzing": """
max_tokens = 14
user = '''{explanation}: are the marks right?
{examples}'''
example = '{number}. {text}'
[[shot]]
user = '''Numbers: are the marks right?
1. take<< 2>> of them
2. take 2<< of>> them'''
assistant = '[1, 0]'
""",
    "detection": """
max_tokens = 14
user = '''{explanation}: is it there?
{examples}'''
example = '{number}. {text}'
""",
    "simulation_prompt": '''
max_tokens = 1
user = """Numbers:
take\\t0
 2\\t9
 of\\t0
 them\\t1

{explanation}:
{tokens}
"""
example = "{token}\\t?"
''',
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server's process; its log tells which requests reached it."""

    def __init__(self, folder, *words, env=None):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/v1"
        self.log = folder / "server.log"
        self.process = subprocess.Popen(
            [sys.executable, "-m", *words, "--host", "127.0.0.1", "--port", str(port)], cwd=folder,
            stdout=self.log.open("w"), stderr=subprocess.STDOUT, env={**os.environ, "OMP_NUM_THREADS": "1", **(env or {})},
        )  # fmt: skip
        until = time.monotonic() + 120
        while "Uvicorn running" not in self.log.read_text():
            assert self.process.poll() is None and time.monotonic() < until, self.log.read_text()
            time.sleep(0.2)

    def n_requests(self):
        return len(re.findall(r"POST /v1/\S+ HTTP", self.log.read_text()))

    def ask(self, path, body):
        """Status and body of a reply, as they came."""
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=120) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=30)


@pytest.fixture(scope="module")
def gguf_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    make_gguf(TINY, path)
    return path


@pytest.fixture(scope="module")
def llama(gguf_file):
    server = Server(
        gguf_file.parent, "llama_cpp.server", "--model", str(gguf_file), "--model_alias", "tiny", "--logits_all", "true",
        "--n_ctx", str(CONTEXT), "--n_threads", "1", "--n_threads_batch", "1", "--verbose", "false",
    )  # fmt: skip
    yield server
    server.stop()


@pytest.fixture(scope="module")
def transformers_server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("transformers")
    shutil.copytree(TINY, folder / "tiny")
    told = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>", "chat_template": CHAT_TEMPLATE}
    (folder / "tiny/tokenizer_config.json").write_text(json.dumps(told))
    server = Server(
        folder, "transformers.cli.transformers", "serve", "tiny", "--device", "cpu", "--dtype", "float32",
        env={"HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    yield server
    server.stop()


def run(folder, server, *settings, expect=0):
    """Runs the sweep into folder/out and gives what it said."""
    prompts = folder / "prompts"
    prompts.mkdir(parents=True, exist_ok=True)
    for task, text in PROMPTS.items():
        prompts.joinpath(f"{task}.toml").write_text(f'task = "{task}"\n{text}')
    path = folder / "sweep.toml"
    path.write_text(SWEEP.replace("OUTPUT", str(folder / "out")).replace("PROMPTS", str(prompts)))
    words = [str(PROGRAM), "run", str(path)]
    for setting in (f'judge.base_url="{server.url}"', 'judge.model="tiny"', *settings):
        words += ["--set", setting]
    as_root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    done = subprocess.run(words, cwd=ROOT, timeout=600, capture_output=True, text=True, env={**os.environ, **as_root})
    assert done.returncode == expect, done.stderr
    return done.stderr


def extra_body(**fields):
    return "judge.extra_body={" + ", ".join(f"{name} = {json.dumps(value)}" for name, value in fields.items()) + "}"


def scores(folder):
    """What the judge decides, by name."""
    with h5py.File(folder / "out/results.h5") as file:
        names = [f"{group}/{name}" for group in ("latents", "predictions") for name in file[group]]
        return {name: file[name][()] for name in names}


def saved(folder):
    return {path: path.stat().st_mtime_ns for path in (folder / "out/saes").rglob("*.safetensors")}


@torch.no_grad()
def test_llama_cpp_has_the_models_logits(gguf_file):
    text = "while (my $line = <STDIN>) {\n    chomp $line;  # the end of the line\n}\n\n=head2 Signals\n\nCaf\u00e9 \u65e5\n"
    model = llama_cpp.Llama(
        str(gguf_file), n_ctx=256, logits_all=True, n_threads=1, n_threads_batch=1, verbose=False,
        type_k=llama_cpp.GGML_TYPE_F32, type_v=llama_cpp.GGML_TYPE_F32,
    )  # fmt: skip
    ids = model.tokenize(text.encode(), add_bos=False)
    assert ids == AutoTokenizer.from_pretrained(TINY)(text)["input_ids"]
    model.eval(ids)
    reference = GPTNeoXForCausalLM.from_pretrained(TINY, dtype=torch.float32, hidden_act="gelu_new").eval()
    expected = reference(torch.tensor([ids])).logits[0].numpy()
    np.testing.assert_allclose(model.scores[: len(ids)], expected, rtol=0, atol=TOLERANCE)
    assert expected.std(axis=-1).min() > 100 * TOLERANCE


MESSAGES = [
    {"role": "system", "content": "Say of each text whether it is of Perl."},
    {"role": "user", "content": "1. my $x = shift;\n2. a cat\n3. use strict;\n4. caf\u00e9 \u65e5\u672c\n5. @_"},
]


@torch.no_grad()
def test_candidates_of_llama_cpp_are_the_models(llama):
    body = {"messages": MESSAGES, "max_tokens": 24, "temperature": 0, "logprobs": True, "top_logprobs": 20}
    status, reply = llama.ask("/chat/completions", {**body, "grammar": ARRAY_GRAMMAR})
    assert status == 200, reply
    choice = json.loads(reply)["choices"][0]
    told = choice["logprobs"]["content"]
    assert re.fullmatch(r"\[[01](, ?[01]){4}\]", choice["message"]["content"])
    tokenizer = AutoTokenizer.from_pretrained(TINY)
    tokenizer.chat_template = CHAT_TEMPLATE
    prompt = tokenizer.apply_chat_template(MESSAGES, add_generation_prompt=True, return_dict=True)["input_ids"]
    ids = prompt + tokenizer(choice["message"]["content"])["input_ids"]
    model = GPTNeoXForCausalLM.from_pretrained(TINY, dtype=torch.float32).eval()
    expected = model(torch.tensor([ids])).logits[0].log_softmax(-1)[len(prompt) - 1 : -1]
    assert [tokenizer.decode([i]) for i in ids[len(prompt) :]] == [token["token"] for token in told]
    for place, token in zip(expected, told, strict=True):
        assert len(token["top_logprobs"]) in (20, 21)  # and the chosen one, where it is none of them
        own = np.array([candidate["logprob"] for candidate in token["top_logprobs"][:20]])
        np.testing.assert_allclose(own, place.topk(20).values, rtol=0, atol=2 * TOLERANCE_OF_SERVER)


# Of a model this small, digits are seldom among the likeliest few tokens.
OF_LLAMA = (
    'autointerp.scorers=["fuzzing", "detection", "simulation"]', 'judge.prompt_logprobs="echo"', "judge.top_logprobs=400",
    extra_body(grammar=ARRAY_GRAMMAR),
)  # fmt: skip


@pytest.fixture(scope="module")
def judged_by_llama(tmp_path_factory, llama):
    folder = tmp_path_factory.mktemp("judged_by_llama")
    before = llama.n_requests()
    run(folder, llama, *OF_LLAMA, f'judge.cache_dir="{folder}/replies"')
    return folder, llama.n_requests() - before


def test_llama_cpp_judges_a_sweep_with_logprobs(judged_by_llama):
    folder, n_requests = judged_by_llama
    with h5py.File(folder / "out/results.h5") as file:
        assert (file["cells/judge"].asstr()[:] == "openai tiny").all()
        for score in ("fuzz", "detection"):
            probability = file[f"predictions/{score}_probability"][:]
            assert probability.shape == (N_CELLS, N_LATENTS, 10)
            assert np.isfinite(probability).all() and (probability > 0).all() and (probability < 1).all()
            assert len(np.unique(probability)) > N_CELLS * N_LATENTS
            assert np.isfinite(file[f"cells/{score}_auroc"][:]).all()
            assert np.isfinite(file[f"latents/{score}_auroc_null"][:, :N_NULLS]).all()
        assert np.isfinite(file["latents/simulation_correlation"][:]).all()
    assert n_requests == N_REQUESTS + N_SIMULATIONS


def test_a_second_run_asks_the_server_nothing(judged_by_llama, tmp_path, llama):
    folder, _ = judged_by_llama
    before = llama.n_requests()
    run(tmp_path, llama, *OF_LLAMA, f'judge.cache_dir="{folder}/replies"')
    assert llama.n_requests() == before
    for name, value in scores(folder).items():
        np.testing.assert_array_equal(value, scores(tmp_path)[name], err_msg=name)


def array_biases():
    """Generation settings of transformers under which a reply is an array of five answers: biases of token sequences
    lead from "[" over answers and commas to "]"; which answers, the model chooses."""
    tokenizer = AutoTokenizer.from_pretrained(TINY)
    begin, end, comma, *answers = tokenizer.convert_tokens_to_ids(["[", "]", ",", "0", "1"])
    stop = tokenizer.eos_token_id
    biases = [[[begin], 100.0], [[end, stop], 500.0]]
    for answer in answers:
        biases += [[[begin, answer], 200.0], [[answer, comma], 200.0], [[comma, answer], 200.0]]
    for five in itertools.product(answers, repeat=5):
        whole = [token for answer in five for token in (answer, comma)]
        biases.append([[begin, *whole[:-1], end], 400.0])
    return json.dumps({"sequence_bias": biases, "eos_token_id": stop, "pad_token_id": stop})


def test_transformers_server_judges_a_sweep_without_logprobs(tmp_path, transformers_server):
    before = transformers_server.n_requests()
    run(tmp_path, transformers_server, "judge.logprobs=false", extra_body(generation_config=array_biases()))
    assert transformers_server.n_requests() - before == N_REQUESTS
    with h5py.File(tmp_path / "out/results.h5") as file:
        for score in ("fuzz", "detection"):
            assert np.isin(file[f"predictions/{score}_answer"][:], (0, 1)).all()
            assert np.isnan(file[f"predictions/{score}_probability"][:]).all()
            assert np.isnan(file[f"cells/{score}_auroc"][:]).all()
            assert np.isfinite(file[f"cells/{score}_balanced_accuracy"][:]).all()


def test_replies_that_are_no_answers_end_the_run_and_lose_nothing(tmp_path, transformers_server):
    said = run(tmp_path, transformers_server, "judge.logprobs=false", expect=3)
    assert "no usable reply" in said and "no array of numbers" in said, said
    with h5py.File(tmp_path / "out/results.h5") as file:
        assert not (file["cells/state"][:] == 2).any()
    models = saved(tmp_path)
    assert len(models) == N_CELLS
    run(tmp_path, transformers_server, "judge.logprobs=false", extra_body(generation_config=array_biases()))
    assert saved(tmp_path) == models
    with h5py.File(tmp_path / "out/results.h5") as file:
        assert (file["cells/state"][:] == 2).all()


def test_a_server_that_leaves_out_logprobs_is_told_of(tmp_path, transformers_server):
    # Few requests: the run is told at the end of a cell, not by 20 failures in a row.
    few = ("autointerp.latents=1", "autointerp.null_latents=0")
    said = run(tmp_path, transformers_server, *few, extra_body(generation_config=array_biases()), expect=3)
    assert "no usable reply to any request for fuzzing" in said and "the reply has no logprobs" in said, said


@pytest.mark.parametrize(
    "setting, problem", [(extra_body(top_k=1), "HTTP 422: Unexpected fields"), ('judge.model="large"', "HTTP 400: Server is pinned")]
)  # fmt: skip
def test_what_a_server_refuses_is_told_in_its_words(tmp_path, transformers_server, setting, problem):
    said = run(tmp_path, transformers_server, "judge.logprobs=false", setting, expect=2)
    assert problem in said, said


def shape(value):
    """Keys and types; of a map of tokens to logprobs, that it is one."""
    if isinstance(value, dict):
        if value and all(isinstance(item, float) for item in value.values()):
            return "logprobs"
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        kinds = {json.dumps(shape(item), sort_keys=True) for item in value}
        return sorted(kinds)
    return "number" if isinstance(value, (int, float)) else type(value).__name__


@pytest.mark.parametrize("name", sorted(RECORDED_REQUESTS))
def test_recorded_replies_are_of_the_shape_that_servers_send(name, request):
    """RECORD_REPLIES=1 writes them anew."""
    told = RECORDED_REQUESTS[name]
    server = request.getfixturevalue({"llama": "llama", "transformers": "transformers_server"}[told["server"]])
    status, body = server.ask(told["path"], told["request"])
    assert status == told["status"]
    path = RECORDED / f"{name}.json"
    if os.environ.get("RECORD_REPLIES"):
        path.write_text(body + "\n")
    assert shape(json.loads(body)) == shape(json.loads(path.read_text()))
