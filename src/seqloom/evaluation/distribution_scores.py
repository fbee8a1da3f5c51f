"""Entropies and ranks under a head whose outputs are parameters of a distribution, such as a mixture of Gaussians."""

import numpy as np
from jaxtyping import Float32, Float64, Int, Int32

from seqloom.kernels.output_distribution import OutputDistribution

__all__ = ["entropies_and_ranks"]


def entropies_and_ranks(
    distribution: OutputDistribution,
    outputs: Float32[np.ndarray, "positions outputs"],
    targets: Int[np.ndarray, " positions"],
) -> tuple[Float64[np.ndarray, " positions"], Int32[np.ndarray, " positions"]]:
    """Return the entropy of each prediction in nats, and how many tokens were more likely than the actual one.

    Args:
        distribution: distribution of the head.
        outputs: outputs of the head at each position.
        targets: ids of the actual tokens.
    """
    entropies, ranks = np.zeros(len(targets)), np.zeros(len(targets), np.int32)
    for position, target in enumerate(targets.tolist()):
        log_probs = distribution.all_log_probs(outputs[position])
        possible = log_probs[np.isfinite(log_probs)]
        entropies[position] = -(np.exp(possible) * possible).sum()
        ranks[position] = (log_probs > log_probs[target]).sum()
    return entropies, ranks
