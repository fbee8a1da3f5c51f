"""As many updates and rounds as there is time for, and texts, and as a person says."""

import pytest

from seqloom.gan.schedule import fit_schedule

TEXTS, BATCH = 640, 16


@pytest.fixture
def plan(trainer):
    """Plans for seconds and what a person said; gives the numbers and what was noted."""

    def made(seconds, **own):
        learner, said = trainer(), []
        found = fit_schedule(learner, learner.config, own, seconds, said.append)
        return found.pretrain_steps, found.adversarial_steps, " ".join(said)

    return made


def test_texts_are_read_a_number_of_times_and_no_more(plan):
    awakening, rounds, said = plan(1e6)
    assert awakening == rounds == 12 * TEXTS / BATCH
    assert "640 texts are read 12 times in each stage and no more" in said


def test_where_there_is_hardly_time_a_person_is_warned(plan):
    awakening, rounds, said = plan(0.0)
    assert awakening == rounds == 1
    assert "there is time for 1 update and 1 round" in said
    assert "give more `minutes`" in said


@pytest.mark.parametrize(("own", "kept"), [({"pretrain_steps": 7}, 0), ({"adversarial_steps": 7}, 1)])
def test_what_a_person_says_stays_and_the_rest_is_chosen(plan, own, kept):
    found = plan(1e6, **own)
    assert found[kept] == 7
    assert found[1 - kept] == 12 * TEXTS / BATCH
