"""The picture of a GAN's training."""

import pytest

from seqloom.plots.game import game_curves


@pytest.mark.parametrize("rounds", [0, 1, 30])
def test_it_is_drawn_of_whatever_is_known(tmp_path, rounds):
    log = [{"step": step, "nats": 30.0 - step, "information": 2.0} for step in range(0, 10, 5)]
    log += [
        {"step": 11 + step, "mean_accuracy": 0.6, "noise": 0.1, "generator": 0.7, "distinct": 0.8, "rating": 0.3}
        for step in range(rounds)
    ]
    path = game_curves(tmp_path / "gan.png", log, (0.55, 0.85), 10, title="reviews", subtitle="inside its band")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert path.stat().st_size > 20_000
