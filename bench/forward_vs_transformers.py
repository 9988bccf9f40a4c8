"""Forward passes of saesweep beside those of transformers, alternating in one run, with the same weights, threads,
dtype and device; and how the time of a pass to a layer grows with the layer.

    .venv/bin/python bench/forward_vs_transformers.py [--threads 1 2] [--dtype float32 bfloat16] [--device cpu|cuda]
        [--shape ROWSxCONTEXT ...] [--config CONFIG.json] [--repeats N] [--clock cpu] [--json FILE]

Weights are drawn from a config, pythia-70m's unless another is given. A ratio is transformers' seconds over ours of two
passes that follow each other, so above 1 saesweep is faster; what else the machine does hits both alike. The share of a
pass to a layer is its blocks over all; the floor is the time of its matrix products alone.
`--clock cpu` takes the processor's time in place of the clock's: for one thread on a machine that others use.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM
from transformers.utils import logging

ROOT = Path(__file__).resolve().parents[1]
PYTHIA_70M = dict(vocab_size=50304, hidden_size=512, num_hidden_layers=6, num_attention_heads=8, intermediate_size=2048,
                  max_position_embeddings=2048)  # fmt: skip
LOGITS = -1


class Ours:
    """The C++ program that times a forward pass whenever it is asked to."""

    def __init__(self, folder, dtype, device, threads, clock):
        self.column = ("wall", "cpu").index(clock)
        program = ROOT / "build" / "bench" / "timed_forward"
        command = [program, folder, dtype, device, str(threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def seconds(self, what, rows, context, layer=LOGITS):
        self.process.stdin.write(f"{what} {rows} {context} {layer}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit("timed_forward ended; is it built (ninja -C build timed_forward), and is there such a device?")
        return float(answer.split()[0 if what.endswith("floor") else self.column])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


class Theirs:
    def __init__(self, folder, dtype, device, clock):
        self.device = device
        self.now = time.perf_counter if clock == "wall" else time.process_time
        self.model = GPTNeoXForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).eval().to(device)

    @torch.inference_mode()
    def seconds(self, rows, context):
        ids = torch.randint(self.model.config.vocab_size, (rows, context))
        start = self.now()
        self.model(ids.to(self.device), use_cache=False)
        if self.device != "cpu":
            torch.cuda.synchronize()
        return self.now() - start


def spread(values):
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def compared(ours, theirs, rows, context, repeats):
    """The full pass with logits of both, one after the other; which goes first alternates, too."""
    calls = {"ours": lambda: ours.seconds("forward", rows, context), "theirs": lambda: theirs.seconds(rows, context)}
    seconds = {name: [] for name in calls}
    for call in calls.values():
        call()
    for repeat in range(repeats):
        for name in sorted(calls, reverse=repeat % 2):
            seconds[name].append(calls[name]())
    tokens = rows * context
    ratios = [b / a for a, b in zip(seconds["ours"], seconds["theirs"])]
    return {
        "tokens_per_second": {name: spread([tokens / s for s in values]) for name, values in seconds.items()},
        "ratio": spread(ratios),
    }


def by_layer(ours, n_layers, rows, context, repeats):
    """Passes up to each layer beside the whole, each in turn, and the products that each cannot avoid."""
    seconds = {layer: [] for layer in range(n_layers)}
    floors = []
    for _ in range(repeats):
        for layer, values in seconds.items():
            values.append(ours.seconds("forward", rows, context, layer))
        floors.append(ours.seconds("block_floor", rows, context))
    floor = statistics.median(floors)
    layers = []
    for layer, values in seconds.items():
        shares = [value / whole for value, whole in zip(values, seconds[n_layers - 1])]
        layers.append({
            "layer": layer, "seconds": spread(values), "part_of_all_blocks": spread(shares),
            "share": (layer + 1) / n_layers, "floor_seconds": (layer + 1) * floor,
        })  # fmt: skip
    return layers, ours.seconds("head_floor", rows, context)


def print_result(result):
    speeds, ratio = result["tokens_per_second"], result["ratio"]
    print(f"\n{result['device']}, {result['dtype']}, {result['threads']} thread(s), {result['rows']} x {result['context']}")
    for name, label in (("ours", "saesweep"), ("theirs", "transformers")):
        print(f"  {label:<13}{speeds[name]['median']:>10.0f} tokens/s with logits")
    print(f"  {'ratio':<13}{ratio['median']:>10.3f} ({ratio['min']:.3f} to {ratio['max']:.3f})")
    print(f"  {'to layer':<10}{'ms':>9}{'of all blocks':>15}{'its share':>11}{'products ms':>13}{'of time':>9}")
    for layer in result["layers"]:
        median = layer["seconds"]["median"]
        print(f"  {layer['layer']:<10}{1e3 * median:>9.1f}{layer['part_of_all_blocks']['median']:>15.3f}"
              f"{layer['share']:>11.3f}{1e3 * layer['floor_seconds']:>13.1f}{layer['floor_seconds'] / median:>9.0%}")
    print(f"  products of the head alone: {1e3 * result['head_floor_seconds']:.1f} ms", flush=True)


def draw_model(config, dtype, folder):
    torch.manual_seed(0)
    model = GPTNeoXForCausalLM(GPTNeoXConfig(**config))
    model.to(getattr(torch, dtype)).save_pretrained(folder)


def measure(options, config):
    for dtype in options.dtype:
        with tempfile.TemporaryDirectory() as folder:
            draw_model(config, dtype, folder)
            theirs = Theirs(folder, dtype, options.device, options.clock)
            for threads in options.threads:
                torch.set_num_threads(threads)
                with Ours(folder, dtype, options.device, threads, options.clock) as ours:
                    for rows, context in options.shape:
                        settings = {"device": options.device, "dtype": dtype, "threads": threads, "rows": rows, "context": context}
                        result = settings | compared(ours, theirs, rows, context, options.repeats)
                        layers, head = by_layer(ours, config["num_hidden_layers"], rows, context, options.repeats)
                        yield result | {"layers": layers, "head_floor_seconds": head}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shape = lambda text: tuple(int(number) for number in text.split("x"))  # noqa: E731
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--dtype", nargs="+", default=["float32", "bfloat16"], choices=["float32", "bfloat16"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--shape", type=shape, nargs="+", default=[(2, 512), (1, 2048)], metavar="ROWSxCONTEXT")
    parser.add_argument("--config", type=Path, help="config.json of a GPT-NeoX model")
    parser.add_argument("--clock", default="wall", choices=["wall", "cpu"])
    parser.add_argument("--repeats", type=int, default=11)
    parser.add_argument("--json", type=Path, help="file to write all figures to")
    options = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    config = json.loads(options.config.read_text()) if options.config else PYTHIA_70M
    results = []
    for result in measure(options, config):
        print_result(result)
        results.append(result)
    if options.json:
        options.json.write_text(json.dumps({"config": config, "results": results}, indent=1))


if __name__ == "__main__":
    main()
