"""Build the parts of a training: codec, conditions, model and validation.

Conditions are the ratings and categories of texts, which the model reads as further inputs.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from seqloom.codecs import default_level, fit_codec
from seqloom.codecs.base import Codec
from seqloom.corpora.document import Corpus
from seqloom.data.conditions import Conditions, fit_conditions
from seqloom.data.scale import Scale
from seqloom.data.window_batches import WindowBatches
from seqloom.errors import ConfigError, SeqloomError
from seqloom.evaluation.likelihood import full_likelihood, start_token_of, window_likelihood
from seqloom.evaluation.make_scorer import make_fast_scorer, make_scorer
from seqloom.kernels.heads import head_spec
from seqloom.kernels.weights import expected_shapes
from seqloom.lm.dataset import Dataset
from seqloom.lm.defaults import TrainingPlan
from seqloom.lm.options import ResolvedOptions
from seqloom.models.language_model import LanguageModel, num_parameters
from seqloom.models.weight_transfer import transfer_weights
from seqloom.runs.config import RunConfig
from seqloom.runs.saved_run import SavedRun
from seqloom.training.loop import Batches

__all__ = [
    "codec_maker",
    "describe_conditions",
    "describe_model",
    "inherited_reading",
    "make_validation",
    "new_model",
    "resolve_conditions",
]

_MAX_COUNTED_TOKENS = 1_000_000
"""Number of training tokens from which the initial output bias is estimated."""

_VALIDATION_STRIDE = 4
"""Distance between the windows of validation text, in tokens."""


def inherited_reading(parent: SavedRun | None) -> dict[str, Any]:
    """Return the parent's reading settings that transform text; its columns and formats are not inherited."""
    if parent is None:
        return {}
    reading = parent.config.reading
    return {"lowercase": reading.lowercase, "normalize": reading.normalize, "keep_newlines": reading.keep_newlines}


def codec_maker(options: ResolvedOptions, parent: SavedRun | None) -> Callable[[Corpus], Codec[Any]]:
    """Return a function that fits a codec to a corpus, or extends the parent's codec."""
    if parent is not None:
        return parent.codec.extend
    level, vocabulary = options.other.get("level"), options.other.get("vocabulary")
    return lambda corpus: fit_codec(level or default_level(corpus), corpus, vocabulary)


def resolve_conditions(dataset: Dataset, parent: SavedRun | None) -> Conditions:
    """Return the parent's conditions if it has any, otherwise conditions fitted to the dataset.

    Raises:
        ConfigError: the source has ratings that the parent does not know.
        SourceError: a rating is constant, or a category has too many names.
    """
    if parent is None or not len(parent.config.conditions):
        return fit_conditions(dataset.store)
    conditions = parent.config.conditions
    new_names = sorted(set(dataset.store.conditions) - set(conditions.names))
    if new_names:
        raise ConfigError(
            f"`from_run` keeps the ratings of {parent.path}, {', '.join(conditions.names)}: leave out "
            f"{', '.join(new_names)}"
        )
    return conditions


def describe_conditions(conditions: Conditions) -> Iterator[str]:
    """Yield a line for each rating and category."""
    for column in conditions:
        if isinstance(column, Scale):
            yield f"rating {column}"
        else:
            yield f"category {column.name}: {len(column.values):,} names"


def new_model(plan: TrainingPlan, dataset: Dataset, parent: SavedRun | None) -> LanguageModel:
    """Return a model with the weights of the parent, if any.

    For most kinds of output layer, the bias of a token that the parent lacks is the token's log frequency, unless the
    weights are initialised as in Keras.

    Raises:
        ConfigError: the torch layer of a core or head does not fit its specification.
    """
    model = LanguageModel(plan.model, plan.training.seed)
    _check_shapes(model)
    if head_spec(plan.model.head).starts_at_frequencies and plan.model.initialization != "keras":
        counts = _token_counts(dataset)
        # One is added to every count, so that the bias of a token that never occurs is finite.
        with torch.no_grad():
            model.head.bias.copy_(torch.from_numpy(np.log((counts + 1) / (counts.sum() + len(counts)))))
    if parent is not None:
        transfer_weights(parent.model(), model)
    return model


def _check_shapes(model: LanguageModel) -> None:
    """Check that the torch layers have the parameters that generation will read."""
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    for name, shape in expected_shapes(model.config).items():
        if shapes.get(name) != shape:
            part = f"head {model.config.head}" if name.startswith("head.") else f"core {model.config.core}"
            actual = f"has the shape {shapes[name]}" if name in shapes else "is missing"
            raise ConfigError(
                f"the torch layer of the {part} does not fit its specification: {name} {actual} in the layer, and the "
                f"specification gives {shape}; correct one of the two"
            )


def describe_model(model: LanguageModel, batches: Batches) -> str:
    """Return one line with the architecture, the number of parameters and, if training uses windows, their number."""
    config, total, head = model.config, num_parameters(model), num_parameters(model.head)
    windows = f", {batches.num_windows:,} windows" if isinstance(batches, WindowBatches) else ""
    return (
        f"{config.core} of {' + '.join(map(str, config.hidden_sizes))}: {total:,} parameters "
        f"({total - head:,} + {head:,} in the output layer){windows}"
    )


def make_validation(
    model: LanguageModel, dataset: Dataset, config: RunConfig, threads: int
) -> Callable[[], float] | None:
    """Return a function that computes the validation loss in nats per token; None without validation text."""
    store, training = dataset.store, config.training
    spans = dataset.split.validation.first(training.validation_tokens)
    features = config.features_of(store)
    if spans.num_records < 2:  # no token with a token to predict after it
        return None
    units_per_token = dataset.codec.units_per_token
    make_validation_scorer = make_fast_scorer if training.precision == "bfloat16" else make_scorer

    def validate() -> float:
        weights = {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}
        scorer = make_validation_scorer(model.config, weights, network=lambda: model, threads=threads)
        if training.batching == "windows" and training.loss == "last":
            likelihood = window_likelihood(
                scorer,
                store,
                spans,
                units_per_token,
                window_size=training.sequence_length,
                stride=_VALIDATION_STRIDE,
                features=features,
            )
            if likelihood.tokens:  # 0 if the validation text is shorter than a window
                return likelihood.nats_per_token
        start_token = start_token_of(store, dataset.codec)
        return full_likelihood(
            scorer, store, spans, units_per_token, features=features, start_token=start_token
        ).nats_per_token

    return validate


def _token_counts(dataset: Dataset) -> np.ndarray:
    """Return the number of times that each token id occurs in the first million training tokens.

    Raises:
        SeqloomError: an id is outside the vocabulary, so that the encoded corpus in the cache is damaged.
    """
    spans = dataset.split.train
    counts = np.zeros(len(dataset.codec), np.int64)
    remaining = _MAX_COUNTED_TOKENS
    for start, stop in zip(spans.starts.tolist(), spans.stops.tolist(), strict=True):
        ids = dataset.store.records[start : min(stop, start + remaining)]
        if ids.size and ids.max() >= len(counts):
            raise SeqloomError(
                f"the encoded text in the cache is damaged: it has token {ids.max()}, and the vocabulary ends at "
                f"{len(counts) - 1}; repeat the command with `verify`"
            )
        counts += np.bincount(ids, minlength=len(counts))
        remaining -= stop - start
        if remaining <= 0:
            break
    return counts
