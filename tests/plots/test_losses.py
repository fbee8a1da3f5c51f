import math

import numpy as np
import pytest

from seqloom.errors import SeqloomError
from seqloom.plots.losses import plot_losses
from seqloom.plots.smoothing import smooth


def pixels(path):
    from matplotlib.image import imread

    return imread(path)


def coloured(path, red, green, blue):
    """How many pixels have this colour."""
    wanted = np.array([red, green, blue]) / 255
    return int((np.abs(pixels(path)[:, :, :3] - wanted).max(axis=2) < 0.02).sum())


BLUE, ORANGE = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)


def test_draws_training_and_validation_at_readme_size(tmp_path):
    steps = list(range(1, 301))
    losses = [1.3 + 3 / step for step in steps]
    path = plot_losses(
        tmp_path / "plots" / "loss.png", steps, losses, ([100, 200, 300], [1.5, 1.4, 1.45]), title="100 $ a_b"
    )
    assert pixels(path).shape[:2] == (675, 1200)
    assert coloured(path, *BLUE) > 1000
    assert coloured(path, *ORANGE) > 1000
    assert [file.name for file in path.parent.iterdir()] == ["loss.png"]


def test_leaves_out_what_is_not_drawn(tmp_path):
    path = plot_losses(tmp_path / "loss.png", [1, 2, 3], [3.0, math.nan, 2.5], title="no validation")
    assert coloured(path, *BLUE) > 1000
    assert coloured(path, *ORANGE) == 0


@pytest.mark.parametrize("losses", [[], [2.0], [math.inf]])
def test_a_run_that_barely_began_can_be_drawn(tmp_path, losses):
    path = plot_losses(tmp_path / "loss.png", range(len(losses)), losses, title="日本語\nКнига 😀")
    assert pixels(path).shape[:2] == (675, 1200)


def test_a_flat_loss_can_be_drawn(tmp_path):
    path = plot_losses(tmp_path / "loss.png", [1, 2, 3], [2.0] * 3, ([1, 2], [2.0, 2.0]), title="flat")
    assert coloured(path, *ORANGE) > 500


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SeqloomError, match="cannot write"):
        plot_losses(tmp_path / "file" / "loss.png", [1], [1.0], title="")


def test_smoothing_is_a_centred_mean():
    losses = np.random.default_rng(0).normal(size=601)
    smooth_losses = smooth(losses)
    assert smooth_losses[300] == pytest.approx(losses[295:306].mean())
    assert smooth_losses[2] == pytest.approx(losses[:5].mean())
    slope, level = np.polyfit(np.arange(31), losses[-31:], 1)  # the last three windows
    assert smooth_losses[-1] == pytest.approx(30 * slope + level)


def test_the_smoothed_line_ends_with_no_raw_value() -> None:
    """The last line of a log may be the mean of two steps, which has much noise."""
    random = np.random.default_rng(5)
    trend = 2 - np.linspace(0, 1, 300) ** 0.5
    raw = trend + random.normal(0, 0.02, 300)
    raw[-1] -= 0.3
    weights = np.full(300, 10.0)
    weights[-1] = 2
    smoothed = smooth(raw, weights=weights)
    assert abs(smoothed[-1] - trend[-1]) < 0.05  # the raw value is 0.3 away
    assert np.abs(smoothed[60:-5] - trend[60:-5]).max() < 0.03
    assert np.abs(np.diff(smoothed[-10:])).max() < 0.03
    assert smooth(np.array([3.0])).tolist() == [3.0]
    assert smooth(np.array([3.0, 1.0])).tolist() == [3.0, 1.0]
    np.testing.assert_allclose(smooth(np.arange(50.0)), np.arange(50.0))
