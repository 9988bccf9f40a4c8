"""Times training steps of other libraries' SAEs on demand, for bench/sae_vs_peers.py: a process for each.

    .venv-peers/bin/python bench/timed_sae_peer.py SYSTEM D LATENTS K BATCH THREADS DEVICE

A line of standard input is a number of steps, answered by a line of JSON as timed_sae_step has it. The loops are the
libraries' own, unmodified, with Adam: each asks for its next batch, and that is when a step is taken to be over. Of the
memory, parameters, gradients, Adam's moments and the batch are taken off.

SYSTEM: sparsify and sae-lens, as they ship (sparsify: float32 on the CPU, bfloat16 autocast on CUDA; sae-lens: float32);
sparsify-autocast and sae-lens-autocast, under torch.autocast with bfloat16; floor-float32 and floor-bfloat16: what the
products of the encoder, and reading and writing Adam's state, take at least.
"""

import contextlib
import json
import os
import sys
import time

import torch

TILES = (512, 1024, 2048, 4096)
COPY_FLOATS = 1 << 26
BYTES_OF_ADAM = 28  # reads parameter, gradient and two moments, writes all but the gradient


class Ended(BaseException):
    """No more steps are wanted. No Exception, so that no library takes it for an error of its own."""


class PeakMemory:
    """The most memory since now beyond what is held now: resident on the CPU, allocated on CUDA."""

    def __init__(self, device):
        self.device = device
        if device == "cpu":
            with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
                file.write("5")  # sets VmHWM to VmRSS
            self.before = self.status("VmRSS")
        else:
            torch.cuda.reset_peak_memory_stats()
            self.before = torch.cuda.memory_allocated()

    @staticmethod
    def status(name):
        with open("/proc/self/status") as file:
            return next((1024 * int(line.split()[1]) for line in file if line.startswith(name + ":")), None)

    def bytes(self):
        return (self.status("VmHWM") if self.device == "cpu" else torch.cuda.max_memory_allocated()) - self.before


class Clock:
    """Stands between a library's loop and standard input: batch() gives the next batch when one is wanted."""

    def __init__(self, x, n_parameters, memory):
        self.x, self.memory = x, memory
        self.known_bytes = 16 * n_parameters + x.numel() * x.element_size()
        self.n_steps = self.left = 0

    def batch(self):
        if self.x.is_cuda:
            torch.cuda.synchronize()
        if self.left == 0:
            if self.n_steps:
                seconds = (time.perf_counter() - self.start) / self.n_steps
                answer({"seconds": seconds, "peak_beyond_bytes": self.memory.bytes() - self.known_bytes})
            self.n_steps = self.left = wanted_steps()
            self.start = time.perf_counter()
        self.left -= 1
        return self.x


def answer(result):
    print(json.dumps(result), file=ANSWERS, flush=True)


def wanted_steps():
    line = sys.stdin.readline()
    if not line:
        raise Ended
    return int(line)


def train_sparsify(d, latents, k, batch, device, autocast):
    import sparsify

    class Model(torch.nn.Module):
        """Its one module gives the next batch of activations."""

        def __init__(self):
            super().__init__()
            self.hooked = torch.nn.Identity()
            self.dummy_inputs = {"input_ids": torch.zeros(1, d, dtype=torch.long)}
            self.next = None

        base_model = property(lambda self: self)
        device = property(lambda self: torch.device(device))

        def forward(self, input_ids):
            return self.hooked(input_ids if self.next is None else self.next[None])

    class Batches:
        def __len__(self):
            return 1 << 30

        def __getitem__(self, _):
            model.next = clock.batch()
            return {"input_ids": torch.zeros(batch, dtype=torch.long)}

    model = Model().to(device)
    memory = PeakMemory(device)
    config = sparsify.TrainConfig(
        sae=sparsify.SparseCoderConfig(num_latents=latents, k=k), batch_size=1, optimizer="adam", lr_warmup_steps=10,
        hookpoints=["hooked"], log_to_wandb=False, save_every=1 << 30,
    )  # fmt: skip
    trainer = sparsify.Trainer(config, Batches(), model)
    sae = trainer.saes["hooked"]
    if autocast:
        sae.forward = torch.autocast(device, dtype=torch.bfloat16)(sae.forward)
    clock = Clock(torch.randn(batch, d, device=device), sum(p.numel() for p in sae.parameters()), memory)
    trainer.fit()


def train_sae_lens(d, latents, k, batch, device, autocast):
    from sae_lens import TopKTrainingSAE, TopKTrainingSAEConfig
    from sae_lens.config import SAETrainerConfig
    from sae_lens.training.sae_trainer import SAETrainer

    def batches():
        while True:
            yield clock.batch()

    memory = PeakMemory(device)
    sae = TopKTrainingSAE(TopKTrainingSAEConfig(d_in=d, d_sae=latents, k=k, device=device))
    config = SAETrainerConfig(
        total_training_samples=batch << 30, train_batch_size_samples=batch, lr_end=3e-5, device=device, autocast=autocast)
    clock = Clock(torch.randn(batch, d, device=device), sum(p.numel() for p in sae.parameters()), memory)
    SAETrainer(config, sae, batches()).fit()


def seconds_of(call, device):
    start = time.perf_counter()
    call()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - start


class Floor:
    """The encoder's product, by the fastest of some tilings, and a pass over Adam's state as fast as a large copy."""

    def __init__(self, d, latents, batch, device, dtype):
        self.device, self.latents = device, latents
        self.x = torch.randn(batch, d, dtype=dtype, device=device)
        self.weight = torch.randn(latents, d, dtype=dtype, device=device)
        self.tiles = sorted({min(tile, latents) for tile in (*TILES, latents)})
        self.out = {tile: torch.empty(batch, tile, dtype=dtype, device=device) for tile in self.tiles}
        self.source = torch.ones(COPY_FLOATS, device=device)
        self.copy = torch.zeros(COPY_FLOATS, device=device)
        self.n_parameters = 2 * latents * d + latents + d

    def product(self, tile):
        for first in range(0, self.latents, tile):
            weight = self.weight[first : first + tile]
            torch.mm(self.x, weight.T, out=self.out[tile][:, : len(weight)])

    def measure(self):
        by_tile = {tile: seconds_of(lambda: self.product(tile), self.device) for tile in self.tiles}  # noqa: B023
        copies = [seconds_of(lambda: self.copy.copy_(self.source), self.device) for _ in range(3)]
        bandwidth = 2 * 4 * COPY_FLOATS / sorted(copies)[1]
        adam = BYTES_OF_ADAM * self.n_parameters / bandwidth
        product = min(by_tile.values())
        return {
            "seconds": product + adam, "product_seconds": product, "adam_seconds": adam, "copy_bytes_a_second": bandwidth,
            "product_seconds_by_tile": by_tile,
        }  # fmt: skip


def serve_floor(d, latents, batch, device, dtype):
    floor = Floor(d, latents, batch, device, dtype)
    while True:
        wanted_steps()
        answer(floor.measure())


def serve(system, d, latents, k, batch, device):
    sizes = (d, latents, k, batch, device)
    match system.split("-"):
        case ["sparsify", *how]:
            train_sparsify(*sizes, autocast=how == ["autocast"])
        case ["sae", "lens", *how]:
            train_sae_lens(*sizes, autocast=how == ["autocast"])
        case ["floor", dtype]:
            serve_floor(d, latents, batch, device, getattr(torch, dtype))


def warm_up(device):
    """What torch needs at any size is there before memory is measured."""
    weight = torch.randn(256, 256, device=device, requires_grad=True)
    (torch.randn(64, 256, device=device) @ weight).relu().topk(4).values.sum().backward()
    torch.optim.Adam([weight]).step()


def main():
    system, *sizes, threads, device = sys.argv[1:]
    torch.set_num_threads(int(threads))
    warm_up(device)
    with contextlib.suppress(Ended):
        serve(system, *map(int, sizes), device)


if __name__ == "__main__":
    # What libraries print goes to standard error.
    ANSWERS = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if sys.argv[-1] == "cpu":
        os.environ["SPARSIFY_DISABLE_TRITON"] = "1"  # its kernels want a GPU
    main()
