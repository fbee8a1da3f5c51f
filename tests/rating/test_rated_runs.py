"""Runs that are trained with ratings, from a table to texts."""

import csv
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqloom
from seqloom.api import Run
from seqloom.critic.bayes_inversion import BayesInversionCritic
from seqloom.critic.rate_table import rate_table
from seqloom.data.scale import fit_scale
from seqloom.detector.negatives import generate_negatives
from seqloom.errors import ConfigError, SourceError
from seqloom.lm.observer import TrainingObserver
from seqloom.rating.methods import METHODS, RatingMethod
from seqloom.rating.session import RatedSample, RatedSession, Source

GOOD, BAD = ("lovely", "superb", "tasty", "warm"), ("awful", "cold", "rude", "stale")


def write_table(path: Path, number: int = 400) -> Path:
    random = np.random.default_rng(3)
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "stars", "town", "place"])
        for row in range(number):
            stars = int(random.integers(1, 6))
            words = [str(random.choice(GOOD if random.random() < (stars - 1) / 4 else BAD)) for _ in range(6)]
            rows.writerow([" ".join(words), stars if row % 10 else "", ["Ulm", "Bonn"][row % 2], row // 4])
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_table(tmp_path_factory.mktemp("table") / "rated.csv")


@pytest.fixture(scope="module")
def rated(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return seqloom.train(
        table,
        run=tmp_path_factory.mktemp("runs") / "rated",
        text="text",
        rating=("stars",),
        group="place",
        steps=300,
        hidden_size=48,
        threads=1,
        batch_size=8,
    )


def goodness(texts: list[str]) -> float:
    """Share of good words among the known ones; texts without a known word are neutral."""
    words = list(itertools.chain.from_iterable(text.split() for text in texts))
    good, bad = (sum(word in kind for word in words) for kind in (GOOD, BAD))
    return good / (good + bad) if good + bad else 0.5


def written(run: Run, **settings: object) -> list[str]:
    return [sample.text for sample in run.samples(count=60, length=60, temperature=0.8, **settings)]


def test_texts_are_written_to_their_rating(rated: Run) -> None:
    shares = [goodness(written(rated, rating=stars)) for stars in (1, 3, 5)]
    assert shares[0] + 0.15 < shares[1] < shares[2] - 0.15
    assert 0.3 < goodness(written(rated)) < 0.7


def test_guidance_exaggerates(rated: Run) -> None:
    plain, guided = (goodness(written(rated, rating=4, guidance=guidance)) for guidance in (1, 3))
    assert guided > plain + 0.03


def test_the_report_shows_a_low_a_middle_and_a_high_rating(rated: Run) -> None:
    shown = rated.folder.read_metrics()["samples"]
    assert [one["rating"] for one in shown] == [{"stars": 1}, {"stars": 3}, {"stars": 5}]
    report = rated.folder.report_file.read_text(encoding="utf-8")
    low, high = (report.split(f"## Stars {stars}, temperature 0.8")[1].split("##")[0] for stars in (1, 5))
    assert goodness([low, "lovely awful"]) < goodness([high, "lovely awful"])


@pytest.mark.parametrize(
    ("settings", "command"),
    [
        ({"rating": ("stars",)}, "--rating 5 --temperature 0.8"),
        ({"rating": ("stars",), "category": ("town",)}, "--rating stars=5 --temperature 0.8"),
        ({"category": ("town",)}, "--rating Bonn --temperature 0.8"),
        ({}, "--temperature 0.7"),
    ],
)
def test_how_to_write_more_is_said(
    table: Path, tmp_path: Path, settings: dict[str, tuple[str, ...]], command: str
) -> None:
    lines: list[str] = []
    viewer = TrainingObserver()
    viewer.note = lines.append  # type: ignore[method-assign]
    seqloom.train(
        table, run=tmp_path / "run", text="text", steps=3, hidden_size=8, threads=1, viewer=viewer, **settings
    )
    assert lines[-1] == f"generate more with: seqloom generate {tmp_path / 'run'} {command}"


def test_a_rating_may_be_named(rated: Run) -> None:
    assert rated.generate(rating={"stars": 2.5}) == rated.generate(rating=2.5)


def test_the_conditions_are_kept_with_the_run(rated: Run) -> None:
    again = seqloom.load(rated.path)
    assert again.config.conditions == rated.config.conditions
    assert again.info()["ratings"][0]["name"] == "stars"


def test_read_backwards_it_rates_texts(rated: Run) -> None:
    critic = BayesInversionCritic(rated)
    good, bad = critic.predict(["lovely superb warm tasty superb warm", "awful rude cold stale awful rude"])
    assert good > 4
    assert bad < 2
    assert critic.predict([]).shape == (0,)
    assert np.isfinite(critic.predict(["", "\u2603"])).all()


def test_a_run_without_ratings_rates_nothing(run: Run) -> None:
    with pytest.raises(ConfigError, match="was not trained with `rating`"):
        BayesInversionCritic(run)


def test_what_a_critic_agrees_with_is_kept(rated: Run) -> None:
    def critic(texts: list[str]) -> list[float]:
        return [1 + 4 * goodness([text, "lovely awful"]) for text in texts]

    generation = rated.generate_rated(5, count=8, critic=critic, tolerance=1.0, length=60)
    kept = list(generation)
    assert len(kept) == 8
    assert all(abs(one.predicted - 5) <= 1 for one in kept if one.predicted is not None)
    assert generation.rejection_stats is not None
    assert generation.rejection_stats.generated >= 8
    assert generation.rating_range is not None
    assert 1 <= generation.rating_range[0] < generation.rating_range[1] <= 5
    assert [one.sample.text for one in kept] == [
        one.sample.text for one in rated.generate_rated(5, count=8, critic=critic, tolerance=1.0, length=60)
    ]


def test_without_the_filter_ratings_are_missed_by_more(rated: Run) -> None:
    """The critic's own ratings are compared, so that a text of any processor's model with few known words counts.

    A perfect model of the table has a ratio of 0.67: its texts have 6 words, each good with probability 0.75. With 200
    texts the ratio has a standard error of about 0.04, so 0.9 is more than five standard errors away.
    """

    def critic(texts: list[str]) -> list[float]:
        return [1 + 4 * goodness([text, "lovely awful"]) for text in texts]

    def errors(texts: list[str]) -> list[float]:
        return [abs(rating - 4) for rating in critic(texts)]

    plain = [one.sample.text for one in rated.generate_rated(4, count=1000, length=60)]
    accepted = [one.sample.text for one in rated.generate_rated(4, count=200, length=60, critic=critic, tolerance=0.5)]
    within = [text for text, error in zip(plain, errors(plain), strict=True) if error <= 0.5]
    assert accepted == within[:200]
    assert np.mean(errors(accepted)) < 0.9 * np.mean(errors(plain[:200]))


@pytest.mark.parametrize("methods", ["conditioning", "rejection", "smc"])
def test_texts_for_a_rating_match_their_pattern(rated: Run, methods: str) -> None:
    """Many draws end before the second space; they are drawn again, and a critic accepts none of them."""
    settings: dict[str, Any] = {"methods": methods, "count": 6, "length": 14, "seed": 4, "temperature": 1.5}
    critic = None if methods == "conditioning" else (lambda texts: [4.0] * len(texts))
    generation = rated.generate_rated(4, critic=critic, pattern="[a-z]+ [a-z]+ [a-z]+", **settings)
    texts = [one.sample for one in generation]
    assert len(texts) == 6
    assert all(sample.matched and sample.text.count(" ") == 2 for sample in texts)


def test_a_text_for_a_rating_that_never_matches_is_not_accepted(rated: Run) -> None:
    settings: dict[str, Any] = {"pattern": "[a-z]{9}", "length": 5}
    (sample,) = (one.sample for one in rated.generate_rated(4, **settings))
    assert sample.finish_reason == "unmatched"
    generation = rated.generate_rated(4, critic=lambda texts: [4.0] * len(texts), budget=3, **settings)
    assert list(generation) == []
    assert generation.rejection_stats.shortfall == 1


def test_a_critic_of_another_number_is_asked_for_its_own(rated: Run) -> None:
    class Points:
        scale_ = fit_scale("points", np.arange(0, 101, 10))

        def predict(self, texts: list[str]) -> list[float]:
            return [100 * goodness([text, "lovely awful"]) for text in texts]

    generation = rated.generate_rated({"stars": 5, "points": 70}, critic=Points(), tolerance=30, length=60)
    assert generation.plan.target == 70
    assert generation.plan.values is not None
    assert generation.plan.values.tolist() == [5]
    assert [one.target for one in generation] == [70]
    with pytest.raises(ConfigError, match="got 5 for two ratings: the critic rates points from 0 to 100, and the run"):
        rated.generate_rated(5, critic=Points())
    assert rated.generate_rated(50, critic=Points(), methods=("rejection",)).plan.target == 50


def test_a_critic_may_know_the_same_ratings_by_another_name(rated: Run) -> None:
    class Renamed:
        scale_ = fit_scale("rating", np.arange(1, 6))

        def predict(self, texts: list[str]) -> list[float]:
            return [3.0] * len(texts)

    assert rated.generate_rated(4, critic=Renamed()).plan.target == 4


def test_a_critic_of_another_part_of_the_table_does(rated: Run) -> None:
    class Critic:
        scale_ = fit_scale("stars", np.arange(2, 6))

        def predict(self, texts: list[str]) -> list[float]:
            return [3.0] * len(texts)

    assert rated.generate_rated(1, critic=Critic()).plan.target == 1
    Critic.scale_ = fit_scale("stars", np.arange(0, 101, 10))
    with pytest.raises(ConfigError, match="rates stars from 0 to 100, and the run was trained on 1 to 5"):
        rated.generate_rated(1, critic=Critic())


def test_where_there_are_no_steps_a_critic_may_be_a_tenth_of_the_range_off(run: Run) -> None:
    class Critic:
        scale_ = fit_scale("score", np.random.default_rng(0).uniform(0, 50, 1000))

        def predict(self, texts: list[str]) -> list[float]:
            return [25.0] * len(texts)

    asked = run.generate_rated(25, critic=Critic()).plan.request
    assert asked.tolerance == pytest.approx(5, rel=0.01)


def test_a_critic_far_off_leads_nowhere_and_breaks_nothing(rated: Run) -> None:
    steered = rated.generate_rated(5, critic=lambda texts: [-1e300] * len(texts), methods="smc", length=20, particles=4)
    assert [one.effective_size for one in steered] == [4]


def test_what_was_chosen_stands_in_the_plan(rated: Run) -> None:
    asked = rated.generate_rated(5, critic=len, methods=("guidance", "rejection")).plan.request
    assert (asked.guidance, asked.tolerance, asked.budget, asked.particles) == (1.5, 0.5, 20, None)
    asked = rated.generate_rated(5, critic=len, methods="smc", tolerance=2).plan.request
    assert (asked.guidance, asked.tolerance, asked.budget, asked.particles) == (None, 2, None, 16)


def test_a_method_is_one_class_and_one_line(rated: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Rarest(RatingMethod):
        def source(self, session: RatedSession, source: Source) -> Source:
            def rarest(first_index: int, count: int) -> Iterator[RatedSample]:
                for index in range(first_index, first_index + count):
                    yield min(source(3 * index, 3), key=lambda rated: rated.sample.log_prob)

            return rarest

    monkeypatch.setitem(METHODS, "rarest", Rarest())
    generation = rated.generate_rated(4, count=4, methods="rarest,conditioning", length=20)
    plain = [one.sample for one in rated.generate_rated(4, count=12, length=20)]
    assert generation.plan.methods == ("conditioning", "rarest")
    expected = [min(plain[first : first + 3], key=lambda sample: sample.log_prob) for first in range(0, 12, 3)]
    assert [one.sample for one in generation] == expected


def test_a_critic_leads_a_model_that_is_told_nothing(rated: Run) -> None:
    def critic(texts: list[str]) -> list[float]:
        return [1 + 4 * goodness([text, "lovely awful"]) for text in texts]

    steered = rated.generate_rated(5, count=10, methods=("smc",), critic=critic, tolerance=0.5, length=50, particles=8)
    free = goodness(written(rated))
    assert goodness([one.sample.text for one in steered]) > free + 0.15
    assert all(one.effective_size >= 1 for one in steered.steered)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"methods": ("rejection",)}, "`methods` rejection needs a critic"),
        ({"methods": ("conditioning",), "critic": len}, "`critic` has no effect with `methods` conditioning"),
        ({"methods": ("wish",)}, "unknown method 'wish'"),
        ({"methods": (5,)}, "unknown method '5'"),
        (
            {"methods": ("conditioning",), "guidance": 2},
            "`guidance` got 2, but .* add guidance to `methods`, or leave it out",
        ),
        ({"critic": len, "tolerance": -1}, "`tolerance` got -1"),
        ({"critic": len, "budget": 1.5}, "`budget` got 1.5: choose a whole number"),
        ({"critic": len, "tolerance": "1"}, "`tolerance` got 1: choose a number above 0"),
        ({"critic": len, "methods": ("smc",), "particles": 2.5}, "`particles` got 2.5"),
        ({"critic": len, "methods": 5}, "`methods` got 5: choose from conditioning"),
        ({"critic": len, "methods": ""}, "unknown method ''"),
        ({"critic": len, "methods": ()}, "`methods` got nothing"),
        ({"critic": list}, "pass a folder,"),
        ({"critic": 5}, "pass a folder, an object with predict, or a function"),
        ({"methods": ("smc",), "critic": len, "particles": 1}, "`particles` got 1"),
        ({"critic": len, "budget": 0}, "`budget` got 0"),
        ({"budget": 5}, "`budget` got 5, but `methods` conditioning does not use it: name a `critic`, or leave it out"),
        ({"particles": 4}, "`particles` got 4, but .* add smc to `methods` and name a `critic`, or"),
        (
            {"critic": len, "particles": 4},
            "but `methods` conditioning,rejection does not use it: add smc to `methods`, or",
        ),
        ({"critic": len, "methods": ("smc",), "budget": 5}, "add rejection to `methods`, or leave it out"),
        (
            {"critic": len, "temperature": 0},
            "`temperature` 0 and `methods` conditioning,rejection contradict .* identical",
        ),
        ({"critic": len, "methods": ("smc",), "top_k": 1}, "`top_k` 1 and `methods` smc contradict .* identical"),
        ({"critic": len, "beam": 4}, "`beam` 4 and `methods` conditioning,rejection contradict"),
        ({"tolerance": 1}, "add `critic`"),
        ({"methods": ("smc",), "critic": len, "beam": 3}, "`beam` 3 and `methods` smc contradict"),
    ],
)
def test_what_goes_not_together_is_told(rated: Run, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        list(rated.generate_rated(4, **settings))


def test_a_text_costs_less_with_its_rating_than_with_another(rated: Run, table: Path, tmp_path: Path) -> None:
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with open(tmp_path / "wrong.csv", "w", newline="", encoding="utf-8") as file:
        turned = csv.DictWriter(file, list(rows[0]))
        turned.writeheader()
        for row in rows:
            turned.writerow({**row, "stars": 6 - int(row["stars"]) if row["stars"] else ""})
    assert rated.evaluate(table).nats_per_token + 0.01 < rated.evaluate(tmp_path / "wrong.csv").nats_per_token


def test_resuming_and_going_on_keep_the_ratings(rated: Run, table: Path, tmp_path: Path) -> None:
    child = seqloom.train(
        table, run=tmp_path / "child", from_run=rated.path, text="text", rating=("stars",), steps=5, threads=1
    )
    assert child.config.conditions == rated.config.conditions
    with pytest.raises(ConfigError, match="leave out town"):
        seqloom.train(
            table,
            run=tmp_path / "other",
            from_run=rated.path,
            text="text",
            rating=("stars",),
            category=("town",),
            steps=5,
        )


def test_ratings_and_categories_go_together(table: Path, tmp_path: Path) -> None:
    run = seqloom.train(
        table,
        run=tmp_path / "both",
        text="text",
        rating=("stars",),
        category=("town",),
        steps=5,
        hidden_size=16,
        threads=1,
    )
    assert run.config.conditions.names == ("stars", "town")
    assert run.generate(rating={"stars": 4, "town": "Ulm"}, length=5)
    with pytest.raises(ConfigError, match="name the column, as in stars="):
        run.generate(rating=4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rating": 9}, "stars was 1 to 5 in training"),
        ({"rating": {}}, "`rating` got {}, which is empty: name one of stars"),
        ({"rating": True}, "`rating` got True for stars"),
        ({"rating": 5, "guidance": -1}, "`guidance` got -1"),
        ({"rating": 1e300, "extrapolate": True}, "`extrapolate` reaches at most 10 times that range"),
        ({"guidance": 2}, "`guidance` has no effect without `rating`"),
        ({"extrapolate": True}, "`extrapolate` has no effect without `rating`"),
    ],
)
def test_what_cannot_be_written_is_told(rated: Run, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        rated.generate(**settings)
    assert rated.generate(rating=9, extrapolate=True, length=5)


def test_a_run_without_ratings_has_none_to_write_to(run: Run) -> None:
    with pytest.raises(ConfigError, match="needs a run that was trained with ratings"):
        run.generate(rating=5)


def test_a_rating_that_never_changes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "same.csv").write_text("text,stars\n" + "some words here,4\n" * 60)
    with pytest.raises(SourceError, match="'stars' is 4 everywhere"):
        seqloom.train(tmp_path / "same.csv", run=tmp_path / "run", text="text", rating=("stars",), steps=5)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("rating", [{}, True, None, float("nan"), "five", [5]])
def test_a_critic_of_anything_is_asked_for_a_finite_number(run: Run, rating: object) -> None:
    with pytest.raises(ConfigError, match=r"`rating` got .*: give "):
        run.generate_rated(rating, methods="smc", critic=lambda texts: [5.0] * len(texts))


def test_any_critic_rates_a_table(table: Path, tmp_path: Path) -> None:
    assert rate_table(lambda texts: [3] * len(texts), table, text="text", output=tmp_path / "threes.csv") == 400
    for critic, message in ((len, "the critic returned int64 of shape"), (None, "critic got None: pass a folder")):
        with pytest.raises(ConfigError, match=message):
            rate_table(critic, table, text="text", output=tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_detector_learns_from_texts_that_a_critic_kept_too(rated: Run) -> None:
    real = ["the soup was warm and we came again", "a slow waiter and no bread"]
    asked: list[str] = []

    def critic(texts: list[str]) -> list[float]:
        asked.extend(text.strip() for text in texts)
        return [len(text) % 5 + 1.0 for text in texts]

    plain = generate_negatives(rated, real, 60, 0)
    assert 50 < len(plain) <= 60
    assert plain == generate_negatives(rated, real, 60, 0)
    texts = generate_negatives(rated, real, 60, 0, critic)
    kept = [text for text in texts if text in asked]
    assert 0 < len(kept) < min(len(texts), len(asked))
