"""The network of a run as a torch module."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from seqloom.config import ModelConfig
from seqloom.errors import RunError
from seqloom.kernels.weights import checked_weights
from seqloom.models.language_model import LanguageModel

__all__ = ["build_model"]


def build_model(config: ModelConfig, weights: Mapping[str, np.ndarray], path: Path) -> LanguageModel:
    """Return a network with these weights.

    Args:
        config: shape of the network.
        weights: arrays by name.
        path: run folder, for messages.

    Raises:
        RunError: the weights do not fit the config.
    """
    checked_weights(config, weights)
    model = LanguageModel(config)
    try:
        model.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    except RuntimeError as error:
        first_mismatch = str(error).splitlines()[1:2]  # the line after torch's heading
        raise RunError(
            f"the weights of {path} do not fit its config.json ({' '.join(first_mismatch).strip()}): copy the run again"
        ) from None
    return model
