"""Training steps of saesweep beside those of eai-sparsify and sae-lens, each in a process of its own, in pairs that
follow each other, with the same sizes, threads and device; beside the floor that no step can go below; and a unit of all
layers beside its parts.

    .venv-peers/bin/python bench/sae_vs_peers.py [--threads 1 2] [--dtype float32 bfloat16] [--device cpu|cuda]
        [--d 512 1024 4096] [--latents N] [--k K] [--batch TOKENS] [--repeats N] [--unit MODEL|none] [--json FILE]

A ratio is a peer's seconds over ours of a pair, so above 1 saesweep is faster; the share of the floor is the floor's
seconds over ours. Least, median and greatest are over all pairs. Peers run their own training loops with Adam
(bench/timed_sae_peer.py): sparsify as it ships computes in float32 on the CPU and under bfloat16 autocast on CUDA.
Floor: the encoder's product in that dtype, by the fastest of one whole product and tiles of 512 to 4,096 latents, and a
pass of Adam over its state (28 bytes a parameter) at the bandwidth of a large copy. Memory: the peak of resident memory
(on CUDA of allocations) beyond what the process held before, less parameters, gradients, Adam's moments and the batch;
saesweep stores no gradients, so none are taken off.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BENCH = ROOT / "build" / "bench"
# What saesweep in a dtype is compared with, by device.
PEERS = {
    ("cpu", "float32"): ("sparsify", "sae-lens"),
    ("cpu", "bfloat16"): ("sparsify", "sparsify-autocast", "sae-lens-autocast"),
    ("cuda", "float32"): ("sparsify", "sae-lens"),
    ("cuda", "bfloat16"): ("sparsify", "sae-lens-autocast"),
}
DIMENSIONS_TO_LATENTS = 64


class System:
    """A program that takes training steps whenever it is asked to."""

    def __init__(self, name, command, threads):
        self.name = name
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "TQDM_DISABLE": "1"}
        self.said = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, text=True,
            env=environment)  # fmt: skip

    def measure(self, steps):
        try:
            print(steps, file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self.process.wait()
            self.said.seek(0)
            said = self.said.read().strip().splitlines()
            sys.exit(f"{self.name} ended: {said[-1] if said else 'without a word'}")
        return json.loads(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate()
        self.said.close()


def our_system(sizes, threads, dtype, device):
    program = BENCH / "timed_sae_step"
    if not program.exists():
        sys.exit(f"no {program}; build it: ninja -C build timed_sae_step timed_unit")
    return System("saesweep", [program, *sizes, threads, dtype, device], threads)


def peer(name, sizes, threads, device):
    return System(name, [sys.executable, ROOT / "bench/timed_sae_peer.py", name, *sizes, threads, device], threads)


def spread(values):
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def pairs_with(ours, other, options):
    """A step of ours and one of the other, one after the other; which goes first alternates."""
    for system in (ours, other):
        system.measure(options.warmup)
    pairs = []
    for repeat in range(options.repeats):
        order = (ours, other) if repeat % 2 == 0 else (other, ours)
        answers = {system.name: system.measure(options.steps) for system in order}
        pairs.append((answers[ours.name], answers[other.name]))
    return pairs


def measure(sizes, threads, dtype, options):
    """Everything of one size, number of threads and dtype. One peer at a time is in memory."""
    batch = sizes[3]
    our_seconds, our_memory, others = [], [], {}
    with our_system(sizes, threads, dtype, options.device) as ours:
        for name in (*PEERS[options.device, dtype], f"floor-{dtype}"):
            with peer(name, sizes, threads, options.device) as other:
                pairs = pairs_with(ours, other, options)
            our_seconds += [mine["seconds"] for mine, _ in pairs]
            our_memory += [mine["peak_beyond_bytes"] for mine, _ in pairs]
            theirs = [other for _, other in pairs]
            others[name] = {
                "seconds": spread([answer["seconds"] for answer in theirs]),
                "tokens_per_second": spread([batch / answer["seconds"] for answer in theirs]),
                "their_seconds_over_ours": spread([b["seconds"] / a["seconds"] for a, b in pairs]),
                "pairs": [{"ours": a, "theirs": b} for a, b in pairs],
            }  # fmt: skip
            if not name.startswith("floor"):
                others[name]["peak_beyond_bytes"] = highest(answer["peak_beyond_bytes"] for answer in theirs)
    return {
        "device": options.device, "dtype": dtype, "threads": threads, **dict(zip(("d", "latents", "k", "batch"), sizes)),
        "seconds": spread(our_seconds), "tokens_per_second": spread([batch / seconds for seconds in our_seconds]),
        "peak_beyond_bytes": highest(our_memory), "floor": others.pop(f"floor-{dtype}"), "peers": others,
    }  # fmt: skip


def highest(numbers):
    known = [number for number in numbers if number is not None]
    return max(known) if known else None


def print_result(result):
    def row(name, seconds, memory, ratio):
        megabytes = "-" if memory is None else f"{memory / 1e6:.0f}"
        print(f"  {name:<20}{result['batch'] / seconds['median']:>10.0f}{seconds['median']:>10.3f}{megabytes:>10}  {ratio}")

    print(f"\n{result['device']}, {result['dtype']}, {result['threads']} thread(s), d {result['d']}, "
          f"{result['latents']} latents, k {result['k']}, {result['batch']} tokens a batch")  # fmt: skip
    print(f"  {'':<20}{'tokens/s':>10}{'s/step':>10}{'MB beyond':>10}  ratio to saesweep: median (least to greatest)")
    row("saesweep", result["seconds"], result["peak_beyond_bytes"], "")
    for name, of in result["peers"].items():
        ratio = of["their_seconds_over_ours"]
        row(name, of["seconds"], of["peak_beyond_bytes"], f"{ratio['median']:.2f} ({ratio['min']:.2f} to {ratio['max']:.2f})")
    share = result["floor"]["their_seconds_over_ours"]
    row("floor", result["floor"]["seconds"], None,
        f"saesweep is at {share['median']:.0%} of it ({share['min']:.0%} to {share['max']:.0%})")  # fmt: skip
    sys.stdout.flush()


def measure_unit(options, threads, dtype):
    """A forward pass and a step on each layer, beside the pass alone and a step alone."""
    model = Path(options.unit)
    d = json.loads((model if model.is_file() else model / "config.json").read_text())["hidden_size"]
    factor = (options.latents or d * DIMENSIONS_TO_LATENTS) // d
    command = [BENCH / "timed_unit", model, ROOT / "models/tiny/tokenizer.json", factor, options.k, options.batch,
               min(options.context, options.batch), threads, dtype, options.repeats]  # fmt: skip
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    unit = json.loads(done.stdout)
    ratio = spread([one["ratio"] for one in unit["rounds"]])
    print(f"\nunit of {unit['layers']} layers of {model.stem}, {dtype}, {threads} thread(s): {ratio['median']:.3f} "
          f"({ratio['min']:.3f} to {ratio['max']:.3f}) of one forward pass and {unit['layers']} steps", flush=True)  # fmt: skip
    return {"model": model.stem, "dtype": dtype, "threads": threads, "ratio": ratio} | unit


def machine(options):
    def processor():
        with open("/proc/cpuinfo") as file:
            return next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.processor())

    device = None
    if options.device == "cuda":
        import torch

        device = torch.cuda.get_device_name()
    return {"name": options.machine or processor(), "cores": os.cpu_count(), "cuda_device": device, "system": platform.platform()}


def versions():
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    packages = {name: importlib.metadata.version(name) for name in ("eai-sparsify", "sae-lens", "torch")}
    return {"saesweep": commit.stdout.strip()} | packages


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--dtype", nargs="+", choices=["float32", "bfloat16"], help="default: both; on CUDA bfloat16")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--d", type=int, nargs="+", default=[512])
    parser.add_argument("--latents", type=int, help=f"default: {DIMENSIONS_TO_LATENTS} d")
    parser.add_argument("--k", type=int, default=32)
    parser.add_argument("--batch", type=int, default=4096, help="tokens")
    parser.add_argument("--warmup", type=int, default=2, help="steps before those that count")
    parser.add_argument("--steps", type=int, default=1, help="steps a measurement; more on a fast device")
    parser.add_argument("--repeats", type=int, default=3, help="pairs with each peer")
    parser.add_argument("--unit", default=str(ROOT / "sweeps/configs/pythia-70m.json"),
                        help="model for the unit of all layers: a config with a recipe for step 0; none: leave it out")  # fmt: skip
    parser.add_argument("--context", type=int, default=512, help="tokens a row of the unit's text")
    parser.add_argument("--machine", help="name to record; default: the processor's")
    parser.add_argument("--json", type=Path, help="file to write all figures to")
    options = parser.parse_args()
    options.dtype = options.dtype or (["float32", "bfloat16"] if options.device == "cpu" else ["bfloat16"])
    if options.device == "cuda":
        import torch

        if not torch.cuda.is_available():
            sys.exit("--device cuda: this machine has no CUDA device that torch can use")
        options.threads = options.threads[:1]
    return options


def main():
    options = parse()
    results, units = [], []
    for threads in options.threads:
        for dtype in options.dtype:
            for d in options.d:
                sizes = (d, options.latents or d * DIMENSIONS_TO_LATENTS, options.k, options.batch)
                results.append(measure(sizes, threads, dtype, options))
                print_result(results[-1])
            if options.device == "cpu" and options.unit != "none":
                units.append(measure_unit(options, threads, dtype))
    if options.json:
        figures = {"machine": machine(options), "versions": versions(), "results": results, "units": units}
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
