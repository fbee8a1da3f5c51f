"""Several answers to the same thresholds, made one.

The weights are learned on texts that the members did not see in training. Then the answers are sharpened: what a
regression expects shrinks towards the middle, so that no text would ever seem to have an extreme rating; sharp answers
move each expectation towards the rating that is likeliest, which also is nearer to the truth in absolute terms. They
are as sharp as they can be without telling texts apart less well.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from seqloom.critic.ordinal_targets import OrdinalTargets, sigmoid

__all__ = ["StackedRegressor", "correlations"]

_SHARPNESS = np.linspace(1, 5, 41)
_ALIKE = 10.0
"""How much is held against weights that differ: it decides where there are few texts."""

_WORTH = 0.001
"""Of correlation, that sharper answers may cost."""


@dataclass(frozen=True)
class StackedRegressor:
    """A weighted sum of logits.

    Attributes:
        weights: of the members, none below 0.
        bias: of every threshold.
        sharpness: what the logits are multiplied by before a rating is made of them.
    """

    weights: tuple[float, ...]
    bias: tuple[float, ...]
    sharpness: float

    @classmethod
    def fit(
        cls,
        logits: Float[np.ndarray, "members texts thresholds"],
        above: Bool[np.ndarray, "texts thresholds"],
        levels: Float[np.ndarray, " texts"],
        thresholds: OrdinalTargets,
    ) -> "StackedRegressor":
        """Learn from texts that the members have not seen.

        Args:
            logits: of each member.
            above: the answers.
            levels: of the true ratings.
            thresholds: that were asked.
        """
        from scipy.optimize import minimize

        count, num_members = above.size, len(logits)

        def cost(values: np.ndarray) -> tuple[float, np.ndarray]:
            sums = np.tensordot(values[:num_members], logits, 1) + values[num_members:]
            errors = (sigmoid(sums) - above) / count
            apart = values[:num_members] - 1 / num_members
            loss = float((np.logaddexp(0, sums) - above * sums).sum() + 0.5 * _ALIKE * apart @ apart) / count
            return loss, np.concatenate([np.tensordot(logits, errors, 2) + _ALIKE * apart / count, errors.sum(axis=0)])

        start = np.concatenate([np.full(num_members, 1 / num_members), np.zeros(above.shape[1])])
        bounds = [(0, None)] * num_members + [(None, None)] * above.shape[1]
        values = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds).x
        blended = np.tensordot(values[:num_members], logits, 1) + values[num_members:]
        expected = np.stack([thresholds.level(sharp * blended) for sharp in _SHARPNESS])
        agreement = correlations(expected, levels)
        off = np.abs(expected - levels).mean(axis=1)
        off[agreement < agreement.max() - _WORTH] = np.inf
        sharpness = float(_SHARPNESS[int(np.argmin(off))])
        return cls(tuple(values[:num_members].tolist()), tuple(values[num_members:].tolist()), sharpness)

    def logits(self, members: Sequence[Float[np.ndarray, "texts thresholds"]]) -> Float[np.ndarray, "texts thresholds"]:
        """The blended logits of the members'."""
        blended: np.ndarray = np.tensordot(np.asarray(self.weights), np.stack(members), 1) + np.asarray(self.bias)
        return blended

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` needs."""
        return {name: np.asarray(getattr(self, name)) for name in ("weights", "bias", "sharpness")}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "StackedRegressor":
        """The blend that `to_arrays` described."""
        return cls(tuple(arrays["weights"].tolist()), tuple(arrays["bias"].tolist()), float(arrays["sharpness"]))


def correlations(rows: Float[np.ndarray, "rows texts"], levels: Float[np.ndarray, " texts"]) -> np.ndarray:
    """Pearson's, of each row with the levels; 0 where either does not vary."""
    off, wanted = rows - rows.mean(axis=1, keepdims=True), levels - levels.mean()
    lengths = np.sqrt((off**2).sum(axis=1) * (wanted**2).sum())
    found: np.ndarray = (off @ wanted) / np.maximum(lengths, 1e-12)
    return found
