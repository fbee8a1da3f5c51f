import itertools

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from seqloom.errors import ConfigError, SeqloomError, SourceError
from seqloom.sampling.rejection import RejectionFilter, checked_ratings
from seqloom.sampling.sample import Sample


def sample(index: int) -> Sample:
    """A text that says its own rating: 0 to 9."""
    text = str(index * 7 % 10)
    return Sample(
        index=index, seed=0, tokens=(1, 2), text=text, log_prob=0, sampling_log_prob=0, finish_reason="length"
    )


def write(first: int, count: int):
    return map(sample, range(first, first + count))


def rater(texts):
    return np.array([float(text) for text in texts])


def test_only_what_the_critic_agrees_with_is_kept():
    chosen = RejectionFilter(rater, 5, tolerance=1)
    kept = list(chosen.accept(write, 30))
    assert len(kept) == 30
    assert {rating for _, rating in kept} == {4.0, 5.0, 6.0}
    assert [one.index for one, _ in kept] == [i for i in range(101) if abs(i * 7 % 10 - 5) <= 1][:30]


def test_fewer_are_the_first_of_more():
    few, many = (list(RejectionFilter(rater, 2, tolerance=0.5).accept(write, count)) for count in (3, 40))
    assert few == many[:3]


def test_what_it_cost_is_reported():
    chosen = RejectionFilter(rater, 5, tolerance=1)
    kept = list(chosen.accept(write, 30))
    written = kept[-1][0].index + 1
    report = chosen.stats
    assert (report.requested, report.generated, report.accepted, report.tokens) == (30, written, 30, 2 * written)
    assert report.acceptance == pytest.approx(0.3, abs=0.03)
    assert report.tokens_per_accepted == pytest.approx(2 / report.acceptance)
    assert report.shortfall == 0


def test_the_first_are_there_before_many_are_written():
    batch_sizes = []

    def watched(first, count):
        batch_sizes.append(count)
        return write(first, count)

    next(RejectionFilter(rater, 5, tolerance=1).accept(watched, 1000))
    assert batch_sizes == [16]


def test_a_budget_that_ends_is_a_shortfall():
    chosen = RejectionFilter(rater, 5, tolerance=0.5, budget=4)
    kept = list(chosen.accept(write, 10))
    assert len(kept) == 4
    assert (chosen.stats.generated, chosen.stats.shortfall) == (40, 6)
    nothing = RejectionFilter(rater, 50, tolerance=1, budget=2)
    assert list(nothing.accept(write, 10)) == []
    assert (nothing.stats.acceptance, nothing.stats.tokens_per_accepted, nothing.stats.shortfall) == (0, None, 10)


def test_the_report_is_up_to_date_wherever_one_stops():
    chosen = RejectionFilter(rater, 5, tolerance=1)
    kept = list(itertools.islice(chosen.accept(write, 30), 7))
    assert (chosen.stats.accepted, chosen.stats.generated) == (7, kept[-1][0].index + 1)


@pytest.mark.parametrize(
    ("faulty", "message"),
    [
        (lambda texts: np.full(len(texts), np.nan), "NaN or infinity for '0'"),
        (lambda texts: np.zeros((len(texts), 2)), "of shape"),
        (lambda texts: [1.0], "one number per text"),
        (lambda texts: [[1.0]] * (len(texts) - 1) + [[1.0, 2.0]], "one number per text"),
        (lambda texts: None, "one number per text"),
        (lambda texts: np.array(["x"] * len(texts)), "one number per text"),
    ],
)
def test_a_critic_that_gives_no_numbers_is_told(faulty, message):
    with pytest.raises(SeqloomError, match=message):
        list(RejectionFilter(faulty, 5, tolerance=1).accept(write, 3))


@pytest.mark.parametrize(
    ("settings", "message"), [({"tolerance": 0}, "`tolerance`"), ({"tolerance": 1, "budget": 0}, "`budget`")]
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ConfigError, match=message):
        RejectionFilter(rater, 5, **settings)


def fails(texts):
    raise ZeroDivisionError("division by zero")


def test_a_critic_that_fails_is_named_and_its_error_kept():
    with pytest.raises(
        ConfigError, match=r"the critic fails failed on 2 texts \(ZeroDivisionError: division"
    ) as caught:
        checked_ratings(fails, ["a", "b"])
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    with pytest.raises(ConfigError, match=r"the critic Ridge.predict failed .*not fitted yet"):
        checked_ratings(Ridge().predict, ["a"])


def test_a_critics_own_words_for_a_person_come_through():
    def refuses(texts):
        raise SourceError("no such thing")

    with pytest.raises(SourceError, match=r"^no such thing$"):
        checked_ratings(refuses, ["a"])
