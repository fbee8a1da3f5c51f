"""How good is a small transformer after the same minute of training on the same text?

The peer is nanoGPT's published configuration for characters of shakespeare on a laptop's processor, implemented here
from its
description: 4 pre-norm blocks with 4 heads, width 128, GELU layers of 512, no biases, learned positions, tied
embeddings, context 64, batch size 12, no dropout; AdamW (betas .9 and .99, weight decay .1 on matrices, learning rate
.001 with 100 steps of warm-up and a cosine schedule to .0001), gradient clipping at 1. The published loss is about 1.88
nats after 2,000 steps in about 3 minutes. The transformer is trained as published, and a second time for the budget in
seconds, with a cosine schedule over the number of steps that a short calibration predicts. seqloom is trained with its
defaults for the same time.

All models are trained on the first 90 % of the text and scored on the last 10 %: first in blocks of 64, the
transformer's context, with every character counted, like the published loss; then with each model's own context, which
is 48 to 63 preceding characters for the transformer and all preceding characters for seqloom. The seconds count
training only. The results are medians over the seeds.

    python benchmarks/transformer.py [--seconds 60] [--steps 2000] [--seeds 3] [--json FILE]
"""

import argparse
import json
import math
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu, scaled_dot_product_attention

import seqloom
from seqloom.config import ReadingConfig
from seqloom.config.protocol import Protocol
from seqloom.corpora import open_corpus

CONTEXT, BATCH, WIDTH, HEADS, BLOCKS = 64, 12, 128, 4, 4
RATE, LEAST_RATE, WARM_UP, DECAY = 1e-3, 1e-4, 100, 0.1
OVERLAP = 48
Found = dict[str, float]


class Block(nn.Module):
    """Pre-norm transformer block: causal self-attention and a GELU layer of four times the width."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(WIDTH, bias=False) for _ in range(2))
        self.mix = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.attended = nn.Linear(WIDTH, WIDTH, bias=False)
        self.widen, self.narrow = nn.Linear(WIDTH, 4 * WIDTH, bias=False), nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, signal: Tensor) -> Tensor:
        """Map `[batch, time, width]` to the same shape."""
        batch, time_steps, _ = signal.shape
        heads = self.mix(self.norms[0](signal)).view(batch, time_steps, 3, HEADS, WIDTH // HEADS)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        seen = scaled_dot_product_attention(query, key, value, is_causal=True)
        signal = signal + self.attended(seen.transpose(1, 2).reshape(batch, time_steps, WIDTH))
        return signal + self.narrow(gelu(self.widen(self.norms[1](signal))))


class Transformer(nn.Module):
    """Character-level transformer language model."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.characters, self.positions = nn.Embedding(vocabulary, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(BLOCKS)))
        self.norm = nn.LayerNorm(WIDTH, bias=False)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                # Projections into the residual stream are scaled by the number of additions.
                residual = name.endswith(("attended.weight", "narrow.weight"))
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * BLOCKS) if residual else 0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map token ids `[batch, time]` to logits `[batch, time, vocab]`."""
        signal = self.characters(tokens) + self.positions.weight[: tokens.shape[1]]
        return self.norm(self.blocks(signal)) @ self.characters.weight.t()


def learning_rate(step: int, steps: int) -> float:
    """Return the learning rate: linear warm-up, then a cosine schedule."""
    if step < WARM_UP:
        return RATE * (step + 1) / (WARM_UP + 1)
    done = (step - WARM_UP) / max(1, steps - WARM_UP)
    return LEAST_RATE + (RATE - LEAST_RATE) * (1 + math.cos(math.pi * min(done, 1.0))) / 2


def updates(model: Transformer, text: Tensor, steps: int, seed: int) -> Callable[[int], None]:
    """Return a function that runs one training step."""
    matrices = [weight for weight in model.parameters() if weight.dim() == 2]
    vectors = [weight for weight in model.parameters() if weight.dim() < 2]
    groups = [{"params": matrices, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.99), fused=True)
    random, window = torch.Generator().manual_seed(seed), torch.arange(CONTEXT + 1)

    def update(step: int) -> None:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps)
        first = torch.randint(len(text) - CONTEXT, (BATCH, 1), generator=random)
        read = text[first + window]
        loss = cross_entropy(model(read[:, :-1]).flatten(0, 1), read[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
        optimizer.step()

    return update


def steps_within(seconds: float, text: Tensor, vocabulary: int) -> int:
    """Return the number of steps that fit into a time, measured on a separate model."""
    update = updates(Transformer(vocabulary), text, 1_000, 0)
    durations = []
    for step in range(60):
        begun = time.perf_counter()
        update(step)
        durations.append(time.perf_counter() - begun)
    return max(1, int(seconds / statistics.median(durations[10:])))


def transformer(text: Tensor, held_out: Tensor, vocabulary: int, steps: int, seed: int) -> Found:
    """Train for a number of steps and score the held-out text."""
    torch.manual_seed(seed)
    model = Transformer(vocabulary)
    update, begun = updates(model, text, steps, seed), time.perf_counter()
    for step in range(steps):
        update(step)
    return {
        "seconds": time.perf_counter() - begun,
        "steps": steps,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "blocks": nats(model, held_out, CONTEXT),
        "own_context": nats(model, held_out, CONTEXT - OVERLAP),
    }


@torch.inference_mode()
def nats(model: Transformer, text: Tensor, stride: int) -> float:
    """Return the mean loss of a text; each window scores only its last `stride` characters."""
    total, counted = 0.0, 0
    starts = torch.arange(0, len(text) - CONTEXT, stride)
    for group in starts.split(256):
        read = text[group[:, None] + torch.arange(CONTEXT + 1)]
        losses = cross_entropy(model(read[:, :-1]).flatten(0, 1), read[:, 1:].flatten(), reduction="none")
        scored = losses.view(len(group), CONTEXT)[:, -stride:]
        total, counted = total + float(scored.double().sum()), counted + scored.numel()
    return total / counted


def ours(seconds: float, seed: int) -> Found:
    """Train seqloom with its defaults and score the held-out text."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "run"
        run = seqloom.train("shakespeare", run=place, minutes=seconds / 60, hold_out=0.1, seed=seed)
        metrics = run.folder.read_metrics()
        blocks = run.evaluate("shakespeare", split="held-out", protocol=Protocol(blocks=CONTEXT))
        return {
            "seconds": metrics["training_seconds"],
            "steps": run.config.training.total_steps,
            "parameters": sum(array.size for array in run.weights.values()),
            "blocks": blocks.nats_per_token,
            "own_context": metrics["held_out"]["full_context"]["nats_per_token"],
        }


def corpus() -> tuple[Tensor, Tensor, int]:
    """Return the first 90 % of shakespeare as ids, the rest, and the number of symbols."""
    text = "".join(chunk for document in open_corpus("shakespeare", ReadingConfig()) for chunk in document.text.chunks)
    symbols, ids = np.unique(list(text), return_inverse=True)
    tokens = torch.from_numpy(ids.astype(np.int64))
    cut = int(0.9 * len(tokens))
    return tokens[:cut], tokens[cut:], len(symbols)


def main() -> None:
    """Train all systems and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="training time")
    parser.add_argument("--steps", type=int, default=2_000, help="training steps of the transformer as published")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path, help="file for the measurements")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    text, held_out, vocabulary = corpus()
    within = steps_within(options.seconds, text, vocabulary)
    systems: dict[str, Callable[[int], Found]] = {
        "transformer as published": lambda seed: transformer(text, held_out, vocabulary, options.steps, seed),
        f"transformer, {options.seconds:g} s": lambda seed: transformer(text, held_out, vocabulary, within, seed),
        f"seqloom, {options.seconds:g} s": lambda seed: ours(options.seconds, seed),
    }
    everything: dict[str, Found] = {}
    print("| system | parameters | steps | training time, s | nats, blocks of 64 | nats, own context |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, measure in systems.items():
        each = [measure(seed) for seed in range(options.seeds)]
        results = everything[name] = {key: statistics.median(one[key] for one in each) for key in each[0]}
        print(
            f"| {name} | {results['parameters']:,.0f} | {results['steps']:,.0f} | {results['seconds']:.1f} | "
            f"{results['blocks']:.4f} | {results['own_context']:.4f} |",
            flush=True,
        )
        if options.json:
            options.json.write_text(json.dumps(everything, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
