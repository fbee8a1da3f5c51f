"""Prompts that end within a token: a word's space belongs to the word."""

from pathlib import Path

import numpy as np
import pytest

import seqloom
from seqloom.api import Run
from seqloom.lm import plots
from seqloom.lm.plots import draw_plots


@pytest.fixture(scope="module", params=["word", "subword"])
def words(request: pytest.FixtureRequest, text_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("words") / "run"
    settings = {"hidden_size": 16, "batch_size": 4, "sequence_length": 8, "threads": 1}
    return seqloom.train(text_file, run=folder, level=request.param, steps=60, seed=1, **settings)


def test_a_space_at_the_end_of_a_prompt_begins_the_next_word(words: Run) -> None:
    (likeliest,) = words.samples("over the ", length=2, temperature=0)
    assert likeliest.text == words.generate("over the", length=2, temperature=0).removeprefix(" ")
    for sample in words.samples("over the ", count=10, length=3, seed=2, temperature=3):
        assert words.codec.decode_text(sample.tokens) == " " + sample.text
    assert "".join(words.stream("over the ", length=2, temperature=0)) == likeliest.text


def test_the_next_distribution_knows_the_space_too(words: Run) -> None:
    after, without = words.next_distribution("over the "), words.next_distribution("over the")
    spaced = [piece.startswith(b" ") for piece in words.codec.token_bytes]
    assert after.sum() == pytest.approx(1)
    assert after[spaced] == pytest.approx(without[spaced] / without[spaced].sum(), rel=1e-6)
    assert not after[[not begins for begins in spaced]].any()


def test_pictures_are_drawn_after_such_a_prompt(words: Run, tmp_path: Path) -> None:
    assert len(draw_plots(words, prompt="over the ", folder=tmp_path)) == 3


def test_both_pictures_say_the_same_of_temperature_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, float] = {}

    def fan(path: Path, tokens: object, rows: np.ndarray, temperatures: object, **_: object) -> Path:
        seen["fan"] = float(-(rows[2] * np.log2(rows[2])).sum())
        return path

    def curve(path: Path, temperatures: list[float], entropies: list[float], **_: object) -> Path:
        seen["curve"] = float(np.interp(1, temperatures, entropies))
        return path

    monkeypatch.setattr(plots, "plot_temperatures", fan)
    monkeypatch.setattr(plots, "plot_entropy", curve)
    draw_plots(run, prompt="the ", folder=tmp_path)
    assert plots.PLOT_TEMPERATURES[2] == 1
    assert seen["fan"] == pytest.approx(seen["curve"], abs=1e-9)


def test_only_one_of_several_spaces_is_left_to_the_next_word(words: Run) -> None:
    prompt = words.generator().prompt("the  ")
    assert words.codec.decode_text(prompt.ids) == "the "
    assert prompt.first_token_prefix == b" "
    assert words.generator().prompt(" ").ids == words.generator().prompt("").ids


def test_a_character_stands_for_itself(run: Run) -> None:
    prompt = run.generator().prompt("the ")
    assert (run.codec.decode_text(prompt.ids), prompt.first_token_prefix) == ("the ", b"")
