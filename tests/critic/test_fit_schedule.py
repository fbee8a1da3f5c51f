"""A critic in a time budget, on a clock that tests set."""

import numpy as np
import pytest
from tests.hand_clock import HandClock

from seqloom.critic.critic import Critic
from seqloom.critic.fit_schedule import FitSchedule
from seqloom.errors import ConfigError
from seqloom.stopwatch import Stopwatch, TimeBudget


@pytest.fixture
def make_schedule():
    def make(seconds, num_texts=1000, groups=None):
        notes = []
        groups = np.arange(num_texts) if groups is None else groups
        schedule = FitSchedule(TimeBudget(Stopwatch(HandClock()), seconds), groups, 0, notes.append)
        schedule.measure(1.0, 100)
        return schedule, notes

    return make


def test_all_texts_if_there_is_time(make_schedule):
    schedule, notes = make_schedule(1e4)
    chosen, folds = schedule.cross_validation(4)
    assert (len(chosen), folds, notes) == (1000, 4, [])
    assert len(schedule.final_texts(1)) == 1000


def test_fewer_folds_and_texts_if_time_is_short(make_schedule):
    schedule, notes = make_schedule(20.0)
    chosen, folds = schedule.cross_validation(4)
    assert folds == 2
    # Two fits to half of the texts take 55 % of the time.
    assert 2 * (len(chosen) / 2 / 100) ** 1.2 == pytest.approx(11, rel=0.02)
    assert notes == [f"there is time to cross-validate {len(chosen)} of 1,000 texts in 2 folds"]


def test_the_final_fit_takes_the_time_that_is_left(make_schedule):
    schedule, notes = make_schedule(9.0)
    chosen = schedule.final_texts(1)
    assert (len(chosen) / 100) ** 1.2 == pytest.approx(9, rel=0.02)
    assert notes == [f"there is time to fit the final models to {len(chosen)} of 1,000 texts"]


def test_the_models_of_a_fold_are_kept_if_there_is_no_time_for_others(make_schedule):
    schedule, notes = make_schedule(0.1)
    assert schedule.final_texts(500) is None
    assert notes == ["there is no time to fit the final models: models of a fold of 500 texts are used"]


def test_too_little_time_is_refused(make_schedule):
    schedule, _ = make_schedule(0.5)
    fault = "`minutes` leaves time for the cross-validation of 38 of 1,000 texts: give 0.1 more minutes"
    with pytest.raises(ConfigError, match=fault):
        schedule.cross_validation(4)


def test_the_mean_of_folds_of_one_size_counts(make_schedule):
    schedule, _ = make_schedule(12.0, num_texts=5000)
    schedule.measure(8.0, 400)
    schedule.measure(4.0, 401)
    assert len(schedule.final_texts(1)) == pytest.approx(400 * 2 ** (1 / 1.2), abs=3)


def test_selections_are_nested_and_keep_groups_together(make_schedule):
    groups = np.arange(1000) // 10
    schedule, _ = make_schedule(1.0, groups=groups)
    small, large = schedule.first_texts(200), schedule.first_texts(500)
    assert set(small) < set(large)
    assert len(set(groups[small])) == 20
    assert (np.diff(small) > 0).all()


def rated_texts(count):
    random = np.random.default_rng(0)
    words = np.array(["awful bad", "poor dull", "fine okay", "good nice", "great superb"])
    ratings = random.integers(1, 6, count)
    fillers = random.choice(["the food", "a place", "this menu", "our table"], count)
    return [f"{filler} was {words[rating - 1]}" for filler, rating in zip(fillers, ratings, strict=True)], ratings


def test_a_long_budget_changes_no_texts(monkeypatch):
    texts, ratings = rated_texts(400)
    stages = []
    critic = Critic(minutes=100, folds=2, stage=stages.append).fit(texts, ratings)
    assert critic.num_fitted_ == 400
    assert not critic.interrupted_
    assert stages == ["measuring the speed", "counting n-grams", "fold 1 of 2", "fold 2 of 2", "fitting to all texts"]
    assert critic.report_["blend"]["pearson"] > 0.9


@pytest.mark.parametrize(("fit", "num_fitted"), [(2, 100), (3, 100)])
def test_ctrl_c_after_the_first_fold_keeps_its_members(monkeypatch, fit, num_fitted):
    """Fits 1 and 2 are folds, the third is the final one."""
    texts, ratings = rated_texts(200)
    calls = []
    fit_members = Critic._fit_members

    def interrupted_fit(self, *arguments, **keywords):
        calls.append(arguments)
        if len(calls) == fit:
            raise KeyboardInterrupt
        return fit_members(self, *arguments, **keywords)

    monkeypatch.setattr(Critic, "_fit_members", interrupted_fit)
    critic = Critic(folds=2).fit(texts, ratings)
    assert critic.interrupted_
    assert critic.num_fitted_ == num_fitted
    assert critic.report_["blend"]["pearson"] > 0.8
    assert len(critic.predict(texts[:3])) == 3


def test_ctrl_c_before_the_first_fold_is_not_caught(monkeypatch):
    def interrupt(self, *arguments, **keywords):
        raise KeyboardInterrupt

    monkeypatch.setattr(Critic, "_fit_members", interrupt)
    texts, ratings = rated_texts(200)
    with pytest.raises(KeyboardInterrupt):
        Critic(folds=2).fit(texts, ratings)
