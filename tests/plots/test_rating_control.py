import numpy as np
import pytest
from matplotlib.figure import Figure

from seqloom.plots.rating_control import plot_rating_control

RANDOM = np.random.default_rng(0)


def panels(ways: int, texts: int) -> dict[str, dict[float, np.ndarray]]:
    return {f"way {way}": {stars: RANDOM.normal(stars, 0.5, texts) for stars in (1.0, 2, 3)} for way in range(ways)}


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were written."""
    kept: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *given, **more: (kept.append(self), save(self, *given, **more)))
    return kept


def test_few_texts_are_dots_and_more_are_boxes(figures, tmp_path):
    judged = {"real": {1.0: RANDOM.normal(1, 1, 50), 2.0: RANDOM.normal(2, 1, 9)}, "condition": {1.0: np.ones(3)}}
    path = plot_rating_control(tmp_path / "control.png", judged, real="real", title="stars")
    assert path.stat().st_size > 1000
    real, written, *_ = figures[0].axes
    assert (len(real.patches), len(written.patches)) == (1, 0)
    assert [len(line.get_xdata()) for axes in (real, written) for line in axes.lines if line.get_marker() == "o"] == [
        9,
        3,
    ]


def test_a_rating_that_was_never_kept_keeps_its_place(figures, tmp_path):
    judged = {**panels(1, 20), "filter": {2.0: np.ones(20)}}
    plot_rating_control(tmp_path / "control.png", judged, real="way 0", title="stars")
    assert list(figures[0].axes[1].get_xticks()) == [1, 2, 3]


@pytest.mark.parametrize("ways", [1, 3, 4, 5, 7])
def test_the_lowest_panel_of_each_column_says_what_was_wanted(figures, tmp_path, ways):
    plot_rating_control(tmp_path / "control.png", panels(ways, 12), real="way 0", title="stars")
    shown = [axes for axes in figures[0].axes if axes.get_visible()]
    assert len(shown) == ways
    assert [bool(axes.get_xlabel()) for axes in shown] == [place >= ways - 4 for place in range(ways)]


def test_ratings_may_stand_by_their_rank(figures, tmp_path):
    judged = {"real": {points: np.full(12, points) for points in (1.0, 10.0, 1000.0)}}
    plot_rating_control(tmp_path / "control.png", judged, real="real", title="points", positions_of=np.log10)
    axes = figures[0].axes[0]
    for ticks, labels in ((axes.get_xticks(), axes.get_xticklabels()), (axes.get_yticks(), axes.get_yticklabels())):
        assert list(ticks) == [0, 1, 3]
        assert [label.get_text() for label in labels] == ["1", "10", "1000"]
