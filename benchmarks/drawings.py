"""Drawings: nats per point on unseen drawings, against a mixture of Gaussians that knows nothing of earlier points.

A point is a step (right, down) on a grid of 128 places per side, and the pen state after it: on the paper, lifted, or
end of the drawing. The baseline is a mixture of bivariate Gaussians for the step, with the density of a bin of size
1, and the frequencies of the three pen states. seqloom's figure covers the same: steps, lifts and ends.

    python benchmarks/drawings.py KANJI.npz --minutes 10
    python benchmarks/drawings.py QUICKDRAW.ndjson --minutes 10 --category word

With `--runs FOLDER` the trained runs are kept there, and a run that is there already is measured again, not trained.
"""

import argparse
import statistics
import tempfile
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
    spans = spans_of(run, store, part)
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


def main() -> None:
    """Train, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--category")
    parser.add_argument("--runs")
    args = parser.parse_args()
    folder = Path(args.runs or tempfile.mkdtemp())
    rows = []
    for category in dict.fromkeys((None, args.category)):
        figures = []
        for seed in args.seeds:
            path = folder / f"{Path(args.source).stem}-{args.minutes:g}-{category}-{seed}"
            settings = {"minutes": args.minutes, "hold_out": HOLD_OUT, "seed": seed, "category": category}
            run = (
                seqloom.load(path)
                if path.exists()
                else seqloom.train(args.source, run=path, progress=False, **settings)
            )
            figures.append(run.evaluate(split="held-out").nats_per_unit)
        if category is None:
            baseline = one_step_mixture(drawings_of(run, "train"), drawings_of(run, "held-out"), args.seeds[0])
            rows.append([f"one-step mixture of {NUM_MIXTURES} Gaussians", f"{baseline:.3f}", ""])
        median = statistics.median(figures)
        name = "seqloom" if category is None else f"seqloom, given {category}"
        shown = ", ".join(f"{figure:.3f}" for figure in figures)
        rows.append([f"{name}, {args.minutes:g} min ({shown})", f"{median:.3f}", f"{median / baseline - 1:+.1%}"])
    print_table(["model", "nats per point, held-out", "against the mixture"], rows)


if __name__ == "__main__":
    main()
