"""A detector in a time budget, on a clock that tests set."""

import numpy as np
import pytest
from tests.hand_clock import HandClock

from seqloom.detector import fit_schedule as module
from seqloom.detector.detector import Detector
from seqloom.detector.fit_schedule import DetectorSchedule
from seqloom.errors import ConfigError
from seqloom.stopwatch import Stopwatch, TimeBudget

TEXTS = [f"text {number}" for number in range(1000)]
GENERATED = np.arange(1000) >= 600


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def make_schedule(clock, monkeypatch):
    """Return a function from seconds to a schedule, for which the fit of light members takes a second."""

    def make(seconds, *, light=True):
        measured = HandClock()
        monkeypatch.setattr(module, "Stopwatch", lambda: Stopwatch(measured))

        def fit_light(texts, labels):
            measured.advance(1.0)

        notes = []
        budget = TimeBudget(Stopwatch(clock), seconds)
        schedule = DetectorSchedule(budget, light=light, seed=0, note=notes.append)
        return schedule, fit_light, notes

    return make


def test_as_many_texts_as_there_is_time_for(make_schedule):
    schedule, fit_light, notes = make_schedule(2.0)
    chosen = schedule.choose(TEXTS, GENERATED, np.arange(1000), fit_light)
    count = int(240 * 2 ** (1 / 0.85))
    assert len(chosen) == count
    assert GENERATED[chosen].sum() == count - count // 2
    assert (np.diff(chosen) > 0).all()
    assert notes == [f"there is time for {count} of 1,000 texts"]


def test_slow_members_leave_time_for_fewer_texts(make_schedule):
    schedule, fit_light, _ = make_schedule(5.0, light=False)
    chosen = schedule.choose(TEXTS, GENERATED, np.arange(1000), fit_light)
    assert len(chosen) == int(240 * (0.8 * 5 / 2.0) ** (1 / 0.85))


def test_all_texts_if_there_is_time(make_schedule):
    schedule, fit_light, notes = make_schedule(1000.0)
    assert len(schedule.choose(TEXTS, GENERATED, np.arange(1000), fit_light)) == 1000
    assert notes == []


def test_few_texts_need_no_plan(make_schedule):
    schedule, _, _ = make_schedule(0.001)
    assert len(schedule.choose(TEXTS[:200], GENERATED[:200], np.arange(200), None)) == 200


def test_a_group_is_chosen_as_a_whole_or_cut_once(make_schedule):
    schedule, fit_light, _ = make_schedule(2.0)
    groups = np.where(GENERATED, np.arange(1000), np.arange(1000) // 10)
    chosen = schedule.choose(TEXTS, GENERATED, groups, fit_light)
    real = groups[chosen[~GENERATED[chosen]]]
    _, sizes = np.unique(real, return_counts=True)
    assert sorted(sizes)[1:] == [10] * (len(sizes) - 1)


def test_slow_members_are_left_out_if_there_is_no_time_for_them(make_schedule):
    schedule, fit_light, notes = make_schedule(1.0, light=False)
    assert len(schedule.choose(TEXTS, GENERATED, np.arange(1000), fit_light)) == 240
    assert schedule.light
    assert notes[0] == "there is no time for the language models and the encoder: they are left out"


def test_too_little_time_is_refused(make_schedule):
    schedule, fit_light, _ = make_schedule(0.1)
    fault = "`minutes` leaves time for 15 texts, and a detector needs 120 or more: give 0.1 more minutes"
    with pytest.raises(ConfigError, match=fault):
        schedule.choose(TEXTS, GENERATED, np.arange(1000), fit_light)


def test_language_models_get_the_time_that_the_other_slow_members_leave(make_schedule, clock):
    schedule, fit_light, _ = make_schedule(100.0, light=False)
    schedule.choose(TEXTS, GENERATED, np.arange(1000), fit_light)
    clock.wall_seconds = 20.0  # the light members took 20 seconds
    assert schedule.language_model_minutes() == pytest.approx((80 - 1.0 * 20 - 3) / 60)
    clock.wall_seconds = 90.0
    assert schedule.language_model_minutes() == pytest.approx(1 / 60)


def test_runs_share_the_time_of_the_generation(make_schedule):
    schedule, _, _ = make_schedule(100.0)
    assert schedule.generation(2).left() == pytest.approx(10)


def test_ctrl_c_keeps_the_members_that_are_finished():
    random = np.random.default_rng(0)
    words = np.array("the a food was good bad fine place we liked hated very much service slow fast".split())
    texts = [" ".join(random.choice(words[: 14 if number % 2 else 16], 12)) for number in range(240)]

    def interrupt(real, generated):
        raise KeyboardInterrupt

    detector = Detector(language_model_trainer=interrupt, encoder=True)
    detector.fit(texts, np.arange(240) % 2)
    assert detector.interrupted_
    assert detector.members_.encoder is detector.members_.language_models is None
    assert detector.predict_proba(texts[:3]).shape == (3, 2)
