"""Shares for people: in percent or as a decimal, never rounded to 0 or 1 unless they are exactly that."""

import math
from decimal import Decimal

__all__ = ["format_percent", "format_share", "whole_percent"]

_MOST_DECIMALS = 15
"""Most decimals of a percentage; a smaller share is written with an exponent."""


def format_percent(share: float, *, min_decimals: int = 0) -> str:
    """Return a share in percent, with more decimals near 0 % and 100 %: "42 %", "99.97 %", "0.003 %".

    Only a share of exactly 0 or 1 is "0 %" or "100 %". A share that is not a finite number stays as it is.

    Args:
        share: share from 0 to 1.
        min_decimals: least number of decimals; with 0, zeros at the end are left out.
    """
    if not math.isfinite(share):
        return f"{share} %"
    exact = 100 * Decimal(float(share))
    distance = abs(min(exact, 100 - exact, key=abs))
    decimals = max(min_decimals, _decimals(distance))
    if decimals > _MOST_DECIMALS and exact == distance:
        return f"{100 * float(share):.1g} %"
    percent = f"{exact:.{decimals}f}"
    return f"{percent if min_decimals else _without_zeros(percent)} %"


def whole_percent(share: float) -> str:
    """Return how much of something is done, in whole percent: "100 %" only at its end."""
    return f"{math.floor(100 * share + 1e-9)} %"


def format_share(share: float, decimals: int = 3) -> str:
    """Return a share, such as an area under the ROC curve, as a decimal that is "1.000" only if it is exactly 1.

    Args:
        share: share from 0 to 1.
        decimals: usual number of decimals; near 0 and 1 there are more.
    """
    if not math.isfinite(share):
        return f"{share}"
    exact = Decimal(float(share))
    distance = abs(min(exact, 1 - exact, key=abs))
    shown = f"{exact:.{decimals}f}"
    if distance and Decimal(shown) in (0, 1):
        return f"{float(share):.1g}" if exact == distance else f"{exact:.{-distance.adjusted()}f}"
    return shown


def _decimals(distance: Decimal) -> int:
    """Return the number of decimals of a percentage from its distance to the nearer of 0 and 100."""
    if not distance or distance >= 10:
        return 0
    if distance >= 1:
        return 1
    return max(2, -distance.adjusted())


def _without_zeros(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number
