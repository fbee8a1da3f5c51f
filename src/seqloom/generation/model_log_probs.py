"""The model's own log-probabilities of generated texts.

Texts are generated with packed weights, in int8 or bfloat16 where these hardly change the loss. Summed over a text, the
rounding can reach a large part of a nat. Log-probabilities that are returned are therefore computed again in float32,
for several texts at once, and by the protocol of `score`: each token is predicted from all tokens before it, and in
running text a start token stands before the prompt.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
from jaxtyping import Float32, Float64

from seqloom.evaluation.make_scorer import make_scorer
from seqloom.evaluation.scoring_windows import Piece, windows
from seqloom.generation.generator import Prompt
from seqloom.kernels.condition_bias import noise_features
from seqloom.kernels.weights import checked_weights
from seqloom.runs.saved_run import SavedRun
from seqloom.sampling import Sample
from seqloom.sampling.rng import normals

__all__ = ["ModelLogProbs"]

_MAX_BATCH = 64


class ModelLogProbs:
    """Compute the log-probabilities of samples in float32.

    Args:
        run: run that has generated the samples.
        prompt: prompt that they continue.
        values: requested value of each rating or category, NaN for open ones; None if the model received none.
    """

    def __init__(self, run: SavedRun, prompt: Prompt, values: Float64[np.ndarray, " columns"] | None = None) -> None:
        self._config, self._boundary = run.config, run.codec.boundary
        self._weights = checked_weights(run.config.model, run.weights)
        self._scorer = make_scorer(run.config.model, self._weights, run.model)
        self._values = values
        has_start_token = self._boundary is None and tuple(prompt.ids) != run.config.opening
        self._context = [run.codec.bos_id, *prompt.ids] if has_start_token else list(prompt.ids)

    def batched(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        """Yield the samples with their log-probabilities; the first one at once, the others in growing batches."""
        remaining, size = iter(samples), 1
        while batch := list(islice(remaining, size)):
            yield from self.of(batch)
            size = min(2 * size, _MAX_BATCH)

    def of(self, samples: Sequence[Sample]) -> list[Sample]:
        """Return samples with the log-probabilities of their tokens, and of the boundary that has ended a text."""
        documents = [np.array([*self._context, *sample.tokens, *self._end(sample)]) for sample in samples]
        stops = np.cumsum([len(document) for document in documents]).tolist()
        pieces = [
            Piece(start, stop, first_scored=start + len(self._context), document=index)
            for index, (start, stop) in enumerate(zip([0, *stops[:-1]], stops, strict=True))
        ]
        totals = np.zeros(len(samples))
        for _, log_probs in self._scorer.log_probs(windows(np.concatenate(documents), pieces, self._features(samples))):
            totals += log_probs.sum(axis=1)
        return [replace(sample, log_prob=total) for sample, total in zip(samples, totals.tolist(), strict=True)]

    def _end(self, sample: Sample) -> list[int]:
        return [self._boundary] if self._boundary is not None and sample.finish_reason == "end" else []

    def _features(self, samples: Sequence[Sample]) -> Float32[np.ndarray, "samples features"] | None:
        """Return what the model reads besides the tokens: the requested values, and the noise of each sample."""
        noise_size = self._config.model.noise_size
        if self._values is None and not noise_size:
            return None
        values = np.full(len(self._config.conditions), np.nan) if self._values is None else self._values
        rows = []
        for sample in samples:
            noise = normals(sample.seed, sample.index, noise_size) if noise_size else None
            rows.append(
                self._config.features(values[None], None if noise is None else noise_features(self._weights, noise))[0]
            )
        return np.stack(rows)
