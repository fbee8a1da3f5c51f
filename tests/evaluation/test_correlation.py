import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from seqloom.evaluation.correlation import agreement, ranks


@given(st.lists(st.integers(0, 6), min_size=1, max_size=30))
def test_ranks_are_those_of_scipy(values):
    np.testing.assert_allclose(ranks(np.array(values, float)), rankdata(values))


def test_the_figures_of_a_few_texts():
    wanted, judged = np.array([1.0, 1, 5, 5]), np.array([1.5, 2.5, 3.0, 5.0])
    found = agreement(wanted, judged, wanted)
    assert found.texts == 4
    assert found.pearson == pytest.approx(np.corrcoef(wanted, judged)[0, 1])
    assert found.spearman == pytest.approx(spearmanr(wanted, judged).statistic)
    assert found.mean_error == pytest.approx(1.0)
    assert found.texts_by_rating == {1.0: 2, 5.0: 2}
    assert found.mean_judged == {1.0: 2.0, 5.0: 4.0}
    assert found.mean_error_by_rating == {1.0: 1.0, 5.0: 1.0}


def test_no_texts_have_no_figures():
    found = agreement(np.zeros(0), np.zeros(0), np.zeros(0))
    assert (found.texts, found.pearson, found.spearman, found.mean_error) == (0, None, None, None)
    assert found.mean_judged == {}


def test_what_never_varies_correlates_with_nothing():
    found = agreement(np.array([1.0, 2]), np.array([3.0, 3]), np.array([1.0, 2]))
    assert found.pearson is None
    assert found.spearman is None
