from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from seqloom.config import ModelConfig

Made = tuple[ModelConfig, dict[str, np.ndarray]]


def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """The shapes of a model's arrays, written out a second time and by hand."""
    found: dict[str, tuple[int, ...]] = {"head.bias": (config.vocabulary,)}
    width = config.vocabulary
    if config.embedding:
        width = config.embedding
        found["embedding.weight"] = (config.vocabulary, width)
    for index, size in enumerate(config.hidden_sizes):
        name = f"core.layers.{index}."
        if config.core == "conv":
            found[name + "weight_input"] = (2 * size, width, config.kernel_width)
            found[name + "bias"] = (2 * size,)
            found[name + "weight_output"] = (size, size)
            found[name + "bias_output"] = (size,)
            if width != size:
                found[name + "weight_skip"] = (size, width)
            if config.layer_norm:
                found[name + "norm.weight"] = found[name + "norm.bias"] = (width,)
        else:
            rows = {"lstm": 4, "gru": 3}[config.core] * size
            found[name + "weight_input"] = (rows, width)
            found[name + "weight_hidden"] = (rows, size)
            found[name + "bias"] = (rows,)
            if config.layer_norm:
                found[name + "norm_input.weight"] = found[name + "norm_hidden.weight"] = (rows,)
                if config.core == "lstm":
                    found[name + "norm_cell.weight"] = found[name + "norm_cell.bias"] = (size,)
        width = size
    if not config.tied:
        found["head.weight"] = (config.vocabulary, width)
    return found


@pytest.fixture
def make() -> Callable[..., Made]:
    """Settings and random weights of a small model."""

    def made(core: str, *, scale: float = 0.6, vocabulary: int = 7, **settings: Any) -> Made:
        config = ModelConfig(core=core, vocabulary=vocabulary, **settings)
        random = np.random.default_rng(3)
        arrays = {name: scale * random.standard_normal(shape) for name, shape in sorted(shapes(config).items())}
        return config, {name: array.astype(np.float32) for name, array in arrays.items()}

    return made
