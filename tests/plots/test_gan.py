"""The picture of a GAN's training."""

import pytest
from matplotlib.figure import Figure

from seqloom.plots.gan import _plot_panels, plot_gan_training


def log_of(rounds):
    known = {"mean_accuracy": 0.6, "noise": 0.1, "generator": 0.7, "distinct": 0.8, "rating": 0.3}
    log = [{"step": step, "nats": 30.0 - step, "information": 2.0} for step in range(0, 10, 5)]
    return log + [{"step": 11 + number, **known} for number in range(rounds)]


@pytest.mark.parametrize("rounds", [0, 1, 30])
def test_each_panel_has_its_lines_over_the_rounds(rounds):
    figure = Figure()
    _plot_panels(figure, log_of(rounds), (0.55, 0.85), 10)
    accuracy, losses, variety, nats = figure.axes
    labels = [[line.get_label() for line in axes.lines if line.get_label()[0] != "_"] for axes in figure.axes]
    assert labels == [
        ["accuracy of the discriminator", "noise on the discriminator's input"],
        ["loss of the generator", "loss of the discriminator"],
        ["distinct token pairs (share)", "self-BLEU", "correlation of requested and predicted rating"],
        ["nats per text, given the noise", "nats per text, information in the noise"],
    ]
    band = accuracy.patches[0]
    assert (band.get_y(), band.get_y() + band.get_height()) == pytest.approx((0.55, 0.85))
    assert list(accuracy.lines[1].get_xdata()) == list(range(1, rounds + 1))
    assert accuracy.lines[1].get_ydata() == pytest.approx([0.6] * rounds)
    assert list(losses.lines[3].get_xdata()) == []
    assert variety.lines[5].get_ydata() == pytest.approx([0.3] * rounds)
    assert list(nats.lines[0].get_xdata()) == [0, 5]
    for axes in figure.axes:
        ticks = [axes.xaxis.get_major_formatter()(tick, None) for tick in axes.get_xticks()]
        assert len(set(ticks)) == len(ticks)


@pytest.mark.parametrize("rounds", [0, 1, 30])
def test_it_is_drawn_of_whatever_is_known(tmp_path, rounds):
    path = plot_gan_training(
        tmp_path / "gan.png", log_of(rounds), (0.55, 0.85), 10, title="reviews", subtitle="in its band"
    )
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size > 20_000
