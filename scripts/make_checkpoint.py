#!/usr/bin/env python3
"""Trains the small GPT-NeoX language model that ships as models/tiny.

Reads the training and held-out files from a sweep's [text] table, trains a byte-level BPE tokenizer
and a model of Pythia-14m's shape on the training files only, keeps the very initial weights in the
subfolder step0, stops at the best held-out loss, and writes an ordinary Hugging Face folder in bf16.

    .venv/bin/python scripts/make_checkpoint.py --sweep sweeps/quickstart.toml -o models/tiny
"""

import argparse
import glob
import json
import math
import os
import tempfile
import time
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

END_OF_TEXT = "<|endoftext|>"


def expand(entries):
    """Files named by a sweep's list of files, folders, globs and @lists."""
    files = []
    for entry in [entries] if isinstance(entries, str) else entries:
        if entry.startswith("@"):
            lines = (line.strip() for line in Path(entry[1:]).read_text().splitlines())
            files += [line for line in lines if line and not line.startswith("#")]
        elif os.path.isdir(entry):
            files += sorted(str(p) for p in Path(entry).rglob("*") if p.is_file())
        else:
            files += sorted(glob.glob(entry)) or [entry]
    return files


def split_of(sweep_path):
    text = tomllib.loads(Path(sweep_path).read_text())["text"]
    held_out = expand(text["held_out"])
    excluded = expand(text["exclude"])
    train = [
        f for f in expand(text["train"])
        if not any(f == e or ("/" not in e and fnmatch(os.path.basename(f), e)) for e in excluded)
    ]
    leaked = set(train) & set(held_out)
    if leaked:
        raise SystemExit(f"{sweep_path}: both training and held-out text: {sorted(leaked)[:3]}")
    return train, held_out, text["context_length"]


def train_tokenizer(files, vocab_size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=True)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    tokenizer.train(files, trainer)
    return tokenizer


def encode(tokenizer, files):
    """One int64 array of ids a file, end-of-text appended."""
    texts = [Path(f).read_text(encoding="utf-8") for f in files]
    end = tokenizer.token_to_id(END_OF_TEXT)
    return [np.array(e.ids + [end], dtype=np.int64) for e in tokenizer.encode_batch(texts)]


def rows_of(documents, context, rng=None):
    """[rows, context]; with rng, documents in a random order and cut at a random offset."""
    order = rng.permutation(len(documents)) if rng is not None else range(len(documents))
    stream = np.concatenate([documents[i] for i in order])
    if rng is not None:
        stream = stream[rng.integers(context):]
    n = len(stream) // context
    rows = stream[: n * context].reshape(n, context)
    return torch.from_numpy(rng.permutation(rows) if rng is not None else rows)


def initialize(model, config, generator):
    """Pythia's published start: small_init, and wang_init for the two output projections of a block."""
    small = math.sqrt(2 / (5 * config.hidden_size))
    wang = 2 / (config.num_hidden_layers * math.sqrt(config.hidden_size))
    with torch.no_grad():
        for name, p in model.named_parameters():
            if "norm" in name:
                p.fill_(1.0 if name.endswith("weight") else 0.0)
            elif p.ndim == 1:
                p.zero_()
            else:
                output = name.endswith(("attention.dense.weight", "mlp.dense_4h_to_h.weight"))
                p.normal_(0, wang if output else small, generator=generator)


def loss_of(model, rows, batch=32):
    """Mean next-token loss (nats) over rows, in float32."""
    model.eval()
    total = count = 0.0
    with torch.no_grad():
        for i in range(0, len(rows), batch):
            ids = rows[i : i + batch]
            logits = model(input_ids=ids).logits.float()
            losses = torch.nn.functional.cross_entropy(
                logits[:, :-1].reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1), reduction="sum")
            total += losses.item()
            count += ids[:, 1:].numel()
    model.train()
    return total / count


def unigram_loss(train_rows, rows, vocab_size):
    """Loss (nats) of add-one smoothed unigram frequencies of the training rows."""
    counts = np.bincount(train_rows.numpy().ravel(), minlength=vocab_size) + 1.0
    log_p = np.log(counts / counts.sum())
    return float(-log_p[rows[:, 1:].numpy().ravel()].mean())


def optimizer_of(model, learning_rate):
    decay = [p for n, p in model.named_parameters() if p.ndim > 1 and "embed" not in n]
    other = [p for n, p in model.named_parameters() if p.ndim == 1 or "embed" in n]
    return torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.1}, {"params": other, "weight_decay": 0.0}],
        lr=learning_rate, betas=(0.9, 0.95), eps=1e-8)


def train(model, documents, held_out, args, context):
    """Trains until the schedule ends or the held-out loss stops falling; leaves the best weights in model."""
    rng = np.random.default_rng(args.seed)
    optimizer = optimizer_of(model, args.lr)
    best, best_loss, best_step, step, start = None, math.inf, 0, 0, time.time()
    model.train()
    while step < args.steps:
        rows = rows_of(documents, context, rng)
        for i in range(0, len(rows) - args.batch_rows + 1, args.batch_rows):
            warm = min(1.0, (step + 1) / args.warmup)
            cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / args.steps)))
            for group in optimizer.param_groups:
                group["lr"] = args.lr * warm * (0.02 + 0.98 * cosine)
            ids = rows[i : i + args.batch_rows]
            with torch.autocast("cpu", torch.bfloat16, enabled=args.autocast):
                logits = model(input_ids=ids).logits
            loss = torch.nn.functional.cross_entropy(
                logits[:, :-1].reshape(-1, logits.shape[-1]).float(), ids[:, 1:].reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            step += 1
            if step % args.evaluate_every == 0 or step == args.steps:
                held = loss_of(model, held_out)
                print(f"step {step} loss {loss.item():.3f} held-out {held:.4f} {time.time() - start:.0f} s", flush=True)
                if held < best_loss:
                    best_loss, best_step = held, step
                    best = {k: v.clone() for k, v in model.state_dict().items()}
            if step == args.steps or step - best_step >= args.patience > 0 and best is not None:
                model.load_state_dict(best)
                return best_step


def save(model, folder):
    """Writes model in bf16, returns the loss-ready float32 copy of what was written."""
    model = GPTNeoXForCausalLM.from_pretrained(None, config=model.config, state_dict={
        k: v.to(torch.bfloat16) for k, v in model.state_dict().items()}, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    return model.float()


def write_readme(folder, figures):
    template = Path(__file__).with_name("checkpoint_readme.md").read_text()
    (folder / "README.md").write_text(template.format(**figures))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sweep", default="sweeps/quickstart.toml", help="its [text] table names the files")
    parser.add_argument("-o", "--output", type=Path, default=Path("models/tiny"))
    parser.add_argument("--vocab-size", type=int, default=4096)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--batch-rows", type=int, default=8, help="rows of the context length a step")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--warmup", type=int, default=200, help="steps")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--evaluate-every", type=int, default=500, help="steps")
    parser.add_argument("--patience", type=int, default=2000, help="steps without a better held-out loss; 0: never stop")
    parser.add_argument("--autocast", action=argparse.BooleanOptionalAction, default=True, help="bf16 products in training")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)

    train_files, held_out_files, context = split_of(args.sweep)
    tokenizer = train_tokenizer(train_files, args.vocab_size)
    documents = encode(tokenizer, train_files)
    train_rows = rows_of(documents, context)
    held_out = rows_of(encode(tokenizer, held_out_files), context)
    print(f"{len(train_files)} training files, {train_rows.numel()} tokens; "
          f"{len(held_out_files)} held out, {held_out.numel()} tokens", flush=True)

    end = tokenizer.token_to_id(END_OF_TEXT)
    config = GPTNeoXConfig(
        vocab_size=args.vocab_size, hidden_size=128, num_hidden_layers=6, num_attention_heads=4,
        intermediate_size=512, hidden_act="gelu", rotary_pct=0.25, max_position_embeddings=context,
        use_parallel_residual=True, tie_word_embeddings=False, layer_norm_eps=1e-5,
        bos_token_id=end, eos_token_id=end, hidden_dropout=args.dropout)
    model = GPTNeoXForCausalLM(config)
    initialize(model, config, torch.Generator().manual_seed(args.seed))

    args.output.mkdir(parents=True, exist_ok=True)
    config.hidden_dropout = 0.0
    step0 = save(model, args.output / "step0")
    tokenizer.save(str(args.output / "tokenizer.json"))
    best_step = train(model, documents, held_out, args, context)
    trained = save(model, args.output)
    figures = {
        "n_train_files": len(train_files), "n_held_out_files": len(held_out_files),
        "train_tokens": train_rows.numel(), "held_out_tokens": held_out.numel(),
        "n_parameters": sum(p.numel() for p in model.parameters()),
        "step": best_step, "batch_tokens": args.batch_rows * context, "lr": args.lr, "dropout": args.dropout,
        "epochs": best_step * args.batch_rows * context / train_rows.numel(),
        "train_loss": loss_of(trained, train_rows), "held_out_loss": loss_of(trained, held_out),
        "step0_train_loss": loss_of(step0, train_rows), "step0_held_out_loss": loss_of(step0, held_out),
        "unigram_train_loss": unigram_loss(train_rows, train_rows, args.vocab_size),
        "unigram_held_out_loss": unigram_loss(train_rows, held_out, args.vocab_size),
    }
    print(json.dumps(figures, indent=2))
    write_readme(args.output, figures)


if __name__ == "__main__":
    main()
