"""The picture of wanted and judged ratings."""

from pathlib import Path

import numpy as np
from matplotlib.image import imread

from seqloom.data.conditions import fit_scale
from seqloom.plots.control import rating_control

POINTS = np.random.default_rng(0).pareto(1.0, 2000) * 10


def filled(path: Path) -> float:
    """Share of the picture's height that boxes of the colour of real texts reach over."""
    pixels = imread(path)[..., :3]
    orange = (pixels[..., 0] > 0.85) & (pixels[..., 2] < 0.6)
    return float(np.mean(orange.any(axis=1)))


def test_boxes_of_a_heavy_tail_are_seen_where_ranks_are_the_axis(tmp_path: Path) -> None:
    scale = fit_scale("points", POINTS)
    middles = scale.unscaled(np.array([0.1, 0.5, 0.9]))
    judged = {"real": {value: POINTS[number::3] for number, value in enumerate(middles.tolist())}}
    shares = {
        name: filled(rating_control(tmp_path / f"{name}.png", judged, real="real", level=level, title="points"))
        for name, level in (("ranks", scale.scaled), ("plain", lambda ratings: ratings))
    }
    assert shares["plain"] < 0.1
    assert shares["ranks"] > 0.2
