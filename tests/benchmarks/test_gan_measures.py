"""How far texts are from a grammar, and how far a sweep lags behind another: on what can be computed by hand."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def measures(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[ModuleType, ModuleType]]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gan_known_language
    import quality_diversity

    yield gan_known_language, quality_diversity
    for name in ("gan_known_language", "quality_diversity"):
        sys.modules.pop(name, None)


def test_every_rating_of_the_grammar_has_probabilities_that_sum_to_one(measures):
    language = measures[0].truth()
    assert [len(chances) for chances in language.values()] == [216] * 5
    assert all(sum(chances.values()) == pytest.approx(1) for chances in language.values())


def test_the_grammar_itself_is_near_and_worse_with_each_fault(measures):
    grammar, _ = measures
    language, random = grammar.truth(), np.random.default_rng(0)
    texts = {stars: list(grammar.spoken(language, stars, 20_000, random)) for stars in language}
    own = grammar.distance(language, texts)
    assert own["total variation"] < 0.05
    assert (own["missed"], own["outside"]) == (0, 0)
    half = {stars: [*some[:10_000], *["the soup was blue."] * 10_000] for stars, some in texts.items()}
    assert grammar.distance(language, half)["outside"] == 0.5
    assert grammar.distance(language, half)["total variation"] == pytest.approx(0.5, abs=0.02)
    one = grammar.distance(language, dict.fromkeys(language, texts[3]))
    assert one["rating error"] > own["rating error"] + 0.3
    assert grammar.distance(language, {stars: ["the soup was plain."] for stars in language})["missed"] == 0
    few = grammar.distance(language, {stars: ["the soup was plain."] * 20_000 for stars in language})
    often = sum(chance * 20_000 >= 10 for chances in language.values() for chance in chances.values())
    assert few["missed"] == often - sum(chances["the soup was plain."] * 20_000 >= 10 for chances in language.values())


def test_a_lag_is_read_at_equal_quality(measures):
    _, sweep = measures

    def line(begin, end, above):
        return [{"quality": at, "diversity": 8 - at + above} for at in (end, begin, (begin + end) / 2)]

    sweeps = {"plain": line(2, 4, 0), "other": line(3, 5, 0.5)}
    found = sweep.diversities(sweeps, 0, 1)
    assert found["other"] - found["plain"] == pytest.approx(0.5)
    assert found["plain"] == pytest.approx(8 - 3.5)
    assert sweep.diversities(sweeps, 0, 0.5)["plain"] == pytest.approx(8 - 3.25)
    with pytest.raises(ValueError, match="no quality is reached by all"):
        sweep.diversities({"cold": line(1, 2, 0), "warm": line(3, 4, 0)}, 0, 1)


def test_an_interval_needs_two_seeds_a_side(measures):
    _, sweep = measures
    found = sweep.welch([1.0, 1.2, 1.1], [0.9, 1.1])
    assert found["mean"] == pytest.approx(0.1)
    assert found["interval"][0] < found["mean"] < found["interval"][1]
    assert sweep.welch([1.0], [0.9, 1.1])["interval"] is None
