import re
from html.parser import HTMLParser

import numpy as np
import pytest
from matplotlib.figure import Figure

from seqloom.plots.detector import LineStyle, plot_calibration, plot_roc_curves, plot_score_histograms
from seqloom.plots.page_colors import DARK_COLORS, LIGHT_COLORS

RANDOM = np.random.default_rng(0)
GENERATED = RANDOM.random(200) < 0.5
SCORES = RANDOM.normal(size=200) + GENERATED
STYLES = {"all": LineStyle("detector", width=2.4), "other": LineStyle("grey", (6, 3))}


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were written."""
    kept: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *given, **more: (kept.append(self), save(self, *given, **more)))
    return kept


def luminance(color: str) -> float:
    """Relative luminance by WCAG 2."""
    values = np.array([int(color[index : index + 2], 16) for index in (1, 3, 5)]) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("colors", [LIGHT_COLORS, DARK_COLORS], ids=["light", "dark"])
def test_every_colour_can_be_told_from_the_paper(colors):
    paper = luminance(colors["paper"])
    for name, least in [
        ("ink", 12),
        ("grey", 4.5),
        *((name, 3) for name in ("detector", "member", "length", "generated", "danger")),
    ]:
        light, dark = sorted((luminance(colors[name]), paper), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= least, name
    assert set(colors) == set(LIGHT_COLORS)
    assert len(set(colors.values())) == len(colors)


def test_curves_are_those_of_scikit_learn_on_two_axes(figures):
    from sklearn.metrics import roc_curve

    linear, logarithmic = plot_roc_curves({"all": SCORES, "other": -SCORES}, GENERATED, STYLES)
    assert [figure.axes[0].get_xscale() for figure in figures] == ["linear", "log"]
    for figure in figures:
        other, first, guessing = figure.axes[0].lines
        assert (first.get_linewidth(), other.get_linewidth()) == (2.4, 1.5)
        assert first.get_linestyle() == "-"
        assert other.get_linestyle() == "--"
        rates, heights = first.get_data()
        alarms, hits, _ = roc_curve(GENERATED, SCORES, drop_intermediate=False)
        for rate, height in zip(rates, heights, strict=True):
            assert height == hits[alarms <= rate].max()
        np.testing.assert_array_equal(*guessing.get_data())
    for plot in (linear, logarithmic):
        assert "var(--detector)" in plot
        assert "var(--grey)" in plot
        assert not re.search("#[0-9a-f]{6}|http:|[.][0-9]{3}|<metadata|DejaVu", plot)


def test_an_svg_is_well_formed(figures):
    class Tags(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attributes: object) -> None:
            self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    tags = Tags()
    tags.feed(plot_score_histograms(SCORES.clip(0, 1), None)[0])
    assert tags.open == []


def test_larger_bins_have_larger_dots(figures):
    held = np.array([[0.2, 0.6], [0.1, 0.5], [0.3, 0.7]])
    plot_calibration(np.array([0.2, 0.7]), held, np.array([10, 90]))
    dots = figures[0].axes[0].collections[1]
    np.testing.assert_allclose(dots.get_offsets(), [[0.2, 0.2], [0.7, 0.6]])
    assert dots.get_sizes()[1] > 3 * dots.get_sizes()[0]


@pytest.mark.parametrize(("truth", "panels"), [(GENERATED, 2), (None, 1)])
def test_scores_of_each_side_have_a_plot_of_the_same_scale(figures, truth, panels):
    assert len(plot_score_histograms(1 / (1 + np.exp(-SCORES)), truth)) == panels
    assert len({figure.axes[0].get_ylim() for figure in figures}) == 1
    for figure in figures:
        (stairs,) = figure.axes[0].patches
        assert stairs.get_data().values.sum() == pytest.approx(1)
