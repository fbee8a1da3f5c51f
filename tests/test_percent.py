"""Shares near 0 and 1 never look like 0 and 1."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.percent import format_percent, format_share, whole_percent


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        *[(0, "0 %"), (1, "100 %"), (0.5, "50 %"), (0.423, "42 %"), (0.05, "5 %"), (0.0512, "5.1 %")],
        *[(0.9997, "99.97 %"), (0.0002, "0.02 %"), (0.9999938552875928, "99.9994 %"), (0.00003, "0.003 %")],
        *[(1e-300, "1e-298 %"), (math.nextafter(1, 0), "99.99999999999999 %"), (0.996, "99.6 %")],
    ],
)
def test_a_percentage_has_as_many_decimals_as_it_needs(share: float, shown: str) -> None:
    assert format_percent(share) == shown


@given(st.floats(0, 1))
def test_only_nothing_and_all_are_0_and_100_percent(share: float) -> None:
    shown = Decimal(format_percent(share).removesuffix(" %"))
    assert (shown == 0) == (share == 0)
    assert (shown == 100) == (share == 1)
    assert abs(shown - 100 * Decimal(share)) <= Decimal("0.5")


@given(st.floats(0, 1))
def test_only_nothing_and_all_are_0_and_1(share: float) -> None:
    shown = Decimal(format_share(share))
    assert (shown == 0) == (share == 0)
    assert (shown == 1) == (share == 1)
    assert abs(shown - Decimal(share)) <= Decimal("0.0005")


def test_shares_have_three_decimals_elsewhere() -> None:
    assert [format_share(share) for share in (0.85633, 0.99966, 1.0, 0.5)] == ["0.856", "0.9997", "1.000", "0.500"]
    assert format_percent(0.5, min_decimals=1) == "50.0 %"
    assert format_share(math.nan) == "nan"


@pytest.mark.parametrize(("share", "shown"), [(0, "0 %"), (0.29, "29 %"), (0.999, "99 %"), (1, "100 %")])
def test_what_is_done_is_counted_in_whole_percent(share: float, shown: str) -> None:
    assert whole_percent(share) == shown
