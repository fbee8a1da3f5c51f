import numpy as np
import pytest

from seqloom.plots.temperatures import _entropy_bits, plot_entropy, plot_temperatures


def distributions(vocabulary, temperatures):
    logits = np.random.default_rng(0).normal(0, 2, vocabulary)
    weights = np.exp(np.array([logits / temperature for temperature in temperatures]))
    return weights / weights.sum(1, keepdims=True)


def shape(path):
    from matplotlib.image import imread

    return imread(path).shape[:2]


def test_fan_is_drawn_whatever_the_tokens_are(tmp_path):
    tokens = ["日", "日本", "\n", " ", "", "\u0301", "ا", "😀", "$x$", "\x00", *map(chr, range(97, 123))]
    temperatures = [0.2, 0.5, 1.0, 1.5]
    path = plot_temperatures(
        tmp_path / "fan.png",
        tokens,
        distributions(len(tokens), temperatures),
        temperatures,
        prompt="日本 $y$\n",
    )
    assert shape(path) == (675, 1200)


def test_fan_shows_every_token_of_a_small_vocabulary(tmp_path):
    path = plot_temperatures(
        tmp_path / "fan.png", ["a", "b"], np.array([[1.0, 0.0], [0.5, 0.5]]), [0, np.inf], prompt=""
    )
    assert shape(path)[1] == 1200


def test_fan_orders_tokens_at_the_temperature_nearest_one(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("seqloom.plots.temperatures.token_label", lambda token: seen.append(token) or token)
    probabilities = np.array([[0.6, 0.3, 0.1], [0.2, 0.3, 0.5]])
    plot_temperatures(tmp_path / "fan.png", ["a", "b", "c"], probabilities, [0.1, 0.9], prompt="")
    assert seen == ["c", "b", "a"]


@pytest.mark.parametrize("temperatures", [[0.1, 0.5, 1, 2], [0.1, 0.5]])
def test_entropy_curve(tmp_path, temperatures):
    path = plot_entropy(
        tmp_path / "entropy.png",
        temperatures,
        [0.1, 1.0, 2.5, 3.5][: len(temperatures)],
        vocabulary=20,
        prompt="日",
    )
    assert shape(path) == (675, 1200)


def test_entropy_of_known_distributions():
    assert _entropy_bits(np.full(8, 1 / 8)) == pytest.approx(3)
    assert _entropy_bits(np.array([0.0, 1.0])) == 0
