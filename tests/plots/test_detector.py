import numpy as np
import pytest
from matplotlib.figure import Figure

from seqloom.plots.detector import plot_calibration, plot_roc_curves, plot_score_histogram

RANDOM = np.random.default_rng(0)
GENERATED = RANDOM.random(200) < 0.5
SCORES = RANDOM.normal(size=200) + GENERATED


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were written."""
    kept: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *given, **more: (kept.append(self), save(self, *given, **more)))
    return kept


def test_curves_are_drawn_twice_the_first_over_the_others(figures, tmp_path):
    path = plot_roc_curves(tmp_path / "roc.png", {"all": SCORES, "other": -SCORES}, GENERATED)
    assert path.stat().st_size > 1000
    linear_axes, log_axes = figures[0].axes
    assert log_axes.get_xscale() == "log"
    assert [text.get_text() for text in linear_axes.get_legend().get_texts()] == ["all", "other"]
    assert [line.get_linewidth() for line in log_axes.lines[:2]] == [1.4, 2.4]
    assert min(log_axes.lines[1].get_xdata()) > 0


def test_more_methods_than_colors_can_be_drawn(tmp_path):
    assert plot_roc_curves(tmp_path / "roc.png", {f"way {n}": SCORES for n in range(9)}, GENERATED).exists()


def test_larger_bins_have_larger_dots(figures, tmp_path):
    held = np.array([[0.2, 0.6], [0.1, 0.5], [0.3, 0.7]])
    plot_calibration(tmp_path / "calibration.png", np.array([0.2, 0.7]), held, np.array([10, 90]))
    dots = figures[0].axes[0].collections[1]
    np.testing.assert_allclose(dots.get_offsets(), [[0.2, 0.2], [0.7, 0.6]])
    assert dots.get_sizes()[1] > 3 * dots.get_sizes()[0]


@pytest.mark.parametrize(("truth", "panels"), [(GENERATED, 2), (None, 1)])
def test_scores_of_each_side_have_a_panel(figures, tmp_path, truth, panels):
    plot_score_histogram(tmp_path / "scores.png", 1 / (1 + np.exp(-SCORES)), truth)
    assert len(figures[0].axes) == panels
    assert sum(bar.get_height() for axes in figures[0].axes for bar in axes.patches) == 200
