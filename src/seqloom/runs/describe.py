"""Describe a run, without torch."""

import math
from typing import Any

from seqloom.config import ModelConfig
from seqloom.errors import RunError
from seqloom.kernels.native_weights import decoding_kernels, default_precision
from seqloom.kernels.weights import expected_shapes
from seqloom.runs.saved_run import SavedRun

__all__ = ["describe_run", "num_parameters"]


def describe_run(run: SavedRun) -> dict[str, Any]:
    """Return architecture, origin and measurements of a run, in JSON's types."""
    config = run.config
    return {
        "run": str(run.path),
        "level": config.level,
        "core": config.model.core,
        "hidden_sizes": list(config.model.hidden_sizes),
        "parameters": num_parameters(config.model),
        "vocabulary": len(run.codec),
        "boundary": run.codec.boundary is not None,
        "source": config.source,
        "corpus": config.corpus,
        "corpus_hash": config.corpus_hash,
        "preset": config.preset,
        "parent": config.parent,
        "generation": "window by window" if config.training.batching == "windows" else "state carried",
        "kernel": f"{_decoding_kernels(run)} (generation), {run.config.kernels or 'torch'} (training)",
        "ratings": config.conditions.to_json(),
        "trained": _training_progress(run),
        "model": config.model.to_json(),
        "training": config.training.to_json(),
        "reading": config.reading.to_json(),
        "metrics": run.folder.read_metrics(),
    }


def num_parameters(model: ModelConfig) -> int:
    """Return the number of trained weights, including those of additional prediction heads."""
    total = sum(math.prod(shape) for shape in expected_shapes(model).values())
    # An additional prediction head is another output layer, which predicts a later token. `expected_shapes` leaves it
    # out, because only speculative decoding uses it.
    return total + (model.prediction_heads - 1) * model.vocabulary * (model.hidden_sizes[-1] + 1)


def _decoding_kernels(run: SavedRun) -> str:
    """Return the instruction set and the precision of the compiled kernels that generate here, or else "numpy"."""
    kernels = decoding_kernels(run.config.model)
    if kernels is None or run.config.training.batching == "windows":
        return "numpy"
    return f"{kernels} {default_precision(run.config.model, kernels)}"


def _training_progress(run: SavedRun) -> dict[str, Any]:
    try:
        log = run.folder.read_log()
    except OSError as error:
        raise RunError(f"{run.folder.log_file} cannot be read: {error.strerror}") from None
    return {
        "steps": log[-1]["step"] if log else 0,
        "total_steps": run.config.training.total_steps,
        "weights": run.folder.weights_file.exists(),
        "finished": run.folder.metrics_file.exists(),
    }
