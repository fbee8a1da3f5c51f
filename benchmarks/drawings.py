"""Drawings: nats per point on unseen drawings, against a mixture of Gaussians that knows nothing of earlier points.

A point is a step (right, down) on a grid of 128 places per side, and the pen state after it: on the paper, lifted, or
end of the drawing. The baseline is a mixture of bivariate Gaussians for the step, with the density of a bin of size
1, and the frequencies of the three pen states. seqloom's figure covers the same: steps, lifts and ends.

    python benchmarks/drawings.py KANJI.npz --minutes 10
    python benchmarks/drawings.py QUICKDRAW.ndjson --minutes 10 --turn 6 --category word
    python benchmarks/drawings.py KANJI.npz --speed      drawing to file, cold; points per second of one stream

The lines of an ndjson file are shuffled first: the drawings of a class stand together there, and the last tenth, which
is held out, would consist of classes that the model has never seen. With `--runs FOLDER` the trained runs are kept
there, and a run that is there already is measured again, not trained.
"""

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markdown import print_table
from sklearn.mixture import GaussianMixture

import seqloom
from seqloom.corpora.drawings import GRID, Drawing
from seqloom.data.store_cache import cached_store
from seqloom.runs.corpus_part import spans_of
from seqloom.runs.training_corpus import training_corpus

NUM_MIXTURES = 20
HOLD_OUT = 0.1


def drawings_of(run: Any, part: str) -> list[Drawing]:
    """Return the drawings of a part of a run's corpus."""
    store = cached_store(training_corpus(run), run.codec)
    spans = spans_of(run, store, part).without_copies(store)
    return [run.codec.decode(store.records[a:b].tolist()) for a, b in zip(spans.starts, spans.stops, strict=True)]


def points_of(drawings: Sequence[Drawing]) -> tuple[np.ndarray, np.ndarray]:
    """Return the step to each point [points, 2] and the pen state after it: 0 on the paper, 1 lifted, 2 end."""
    steps, pens = [], []
    for drawing in drawings:
        place = np.array([GRID // 2, GRID // 2])
        for stroke in drawing.strokes:
            for index, point in enumerate(stroke):
                steps.append(np.array(point) - place)
                place = np.array(point)
                pens.append(int(index == len(stroke) - 1))
        pens[-1] = 2
    return np.array(steps, float), np.array(pens)


def one_step_mixture(train: Sequence[Drawing], test: Sequence[Drawing], seed: int) -> float:
    """Return nats per point of the baseline."""
    steps, pens = points_of(train)
    mixture = GaussianMixture(NUM_MIXTURES, random_state=seed, reg_covar=1 / 12).fit(steps[:200_000])
    shares = np.bincount(pens, minlength=3) / len(pens)
    test_steps, test_pens = points_of(test)
    return float(-mixture.score(test_steps) - np.log(shares[test_pens]).mean())


def shuffled(source: str, folder: Path) -> str:
    """Return the source, or a copy with shuffled lines if it has lines."""
    if not source.endswith(".ndjson"):
        return source
    lines = Path(source).read_text().splitlines(keepends=True)
    random.Random(0).shuffle(lines)
    copy = folder / f"shuffled-{Path(source).name}"
    copy.write_text("".join(lines))
    return str(copy)


def trained_run(args: argparse.Namespace, source: str, folder: Path, category: str | None, seed: int) -> Any:
    """Return the run of a seed."""
    name = f"{Path(args.source).stem}-{args.level}-{args.minutes:g}-{args.stretch:g}-{args.turn:g}-{category}-{seed}"
    if (folder / name).exists():
        return seqloom.load(folder / name)
    return seqloom.train(
        source,
        run=folder / name,
        level=args.level,
        minutes=args.minutes,
        stretch=args.stretch,
        turn=args.turn,
        hold_out=HOLD_OUT,
        category=category,
        seed=seed,
        threads=args.threads,
        hidden_size=args.hidden_size,
        layers=args.layers,
        progress=False,
    )


def likelihoods(args: argparse.Namespace, source: str, folder: Path) -> None:
    """Train, measure, and print the table."""
    rows = []
    for category in dict.fromkeys((None, args.category)):
        runs = [trained_run(args, source, folder, category, seed) for seed in args.seeds]
        figures = [run.evaluate(split="held-out").nats_per_unit for run in runs]
        if category is None:
            baseline = one_step_mixture(drawings_of(runs[0], "train"), drawings_of(runs[0], "held-out"), args.seeds[0])
            rows.append([f"one-step mixture of {NUM_MIXTURES} Gaussians", f"{baseline:.3f}", ""])
        median = statistics.median(figures)
        name = "seqloom" if category is None else f"seqloom, given {category}"
        shown = ", ".join(f"{figure:.3f}" for figure in figures)
        rows.append([f"{name}, {args.minutes:g} min ({shown})", f"{median:.3f}", f"{median / baseline - 1:+.1%}"])
    print_table(["model", "nats per point, held-out", "against the mixture"], rows)


def speed(args: argparse.Namespace, source: str, folder: Path) -> None:
    """Time the command that writes a drawing, in a new process, and the points per second of one stream."""
    run = trained_run(args, source, folder, None, args.seeds[0])
    rows = []
    for suffix in (".svg", ".png", ".npz"):
        seconds = []
        for _ in range(3):
            command = ["generate", str(run.path), "--overwrite", "-o", str(folder / f"drawing{suffix}")]
            start = time.perf_counter()
            subprocess.run([sys.executable, "-m", "seqloom", *command], check=True, capture_output=True)
            seconds.append(time.perf_counter() - start)
        rows.append([f"drawing{suffix}, cold", f"{statistics.median(seconds):.2f} s"])
    for temperature in (1.0, 0.5):
        run.generate(length=1000, min_length=1000)
        start = time.perf_counter()
        run.generate(length=100_000, min_length=100_000, temperature=temperature)
        rate = 100_000 / (time.perf_counter() - start)
        sizes = "+".join(map(str, run.config.model.hidden_sizes))
        name = f"one stream, {run.config.model.core} of {sizes}, temperature {temperature:g}"
        rows.append([name, f"{rate:,.0f} {'points' if args.level == 'points' else 'tokens'}/s"])
    print_table(["what", "measured"], rows)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("--level", default="points")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--stretch", type=float, default=10.0)
    parser.add_argument("--turn", type=float, default=0.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--category")
    parser.add_argument("--hidden-size", type=int)
    parser.add_argument("--layers", type=int)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--runs")
    args = parser.parse_args()
    folder = Path(args.runs or tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    (speed if args.speed else likelihoods)(args, shuffled(args.source, folder), folder)


if __name__ == "__main__":
    main()
