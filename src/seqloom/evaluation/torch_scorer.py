"""A scorer in torch, for any model on any device."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64
from torch import Tensor

from seqloom.data.batch import IGNORED
from seqloom.evaluation.distribution_scores import entropies_and_ranks
from seqloom.evaluation.scorer import Window
from seqloom.kernels.batched_decoder import Scores
from seqloom.kernels.heads import head_spec
from seqloom.kernels.output_distribution import OutputDistribution
from seqloom.models.conditioning import ConditionInputs
from seqloom.models.language_model import LanguageModel

__all__ = ["TorchScorer"]

Prediction = tuple[Window, Bool[np.ndarray, "streams time"], Float[Tensor, "scored vocab"], Tensor]
"""A window, the mask of its scored positions, and the logits and the targets at these positions."""


class TorchScorer:
    """A `TokenScorer` in torch.

    Args:
        model: network.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    def log_probs(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Float64[np.ndarray, "streams time"]]]:
        """See `Scorer`."""
        for window, scored, logits, targets in self._predictions(windows):
            result = np.zeros(scored.shape)
            result[scored] = self._model.head.log_probs(logits, targets).cpu().numpy()
            yield window, result

    def scores(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Scores]]:
        """See `TokenScorer`."""
        make_distribution = head_spec(self._model.config.head).make_distribution
        for window, scored, logits, targets in self._predictions(windows):
            if make_distribution is not None:
                yield window, self._distribution_scores(make_distribution(self._model.config), scored, logits, targets)
                continue
            log_probs = logits.double().log_softmax(-1)
            target_log_probs = log_probs.gather(1, targets[:, None])
            result = Scores(np.zeros(scored.shape), np.zeros(scored.shape), np.zeros(scored.shape, np.int32))
            result.log_probs[scored] = target_log_probs[:, 0].cpu().numpy()
            result.entropies[scored] = -(log_probs.exp() * log_probs).sum(1).cpu().numpy()
            result.ranks[scored] = (log_probs > target_log_probs).sum(1).cpu().numpy()
            yield window, result

    def logits(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Float32[np.ndarray, "streams time vocab"]]]:
        """See `TokenScorer`."""
        for window, scored, logits, _ in self._predictions(windows):
            result = np.zeros((*scored.shape, logits.shape[1]), np.float32)
            result[scored] = logits.cpu().numpy()
            yield window, result

    def _distribution_scores(
        self,
        distribution: OutputDistribution,
        scored: Bool[np.ndarray, "streams time"],
        outputs: Tensor,
        targets: Tensor,
    ) -> Scores:
        result = Scores(np.zeros(scored.shape), np.zeros(scored.shape), np.zeros(scored.shape, np.int32))
        result.log_probs[scored] = self._model.head.log_probs(outputs, targets).cpu().numpy()
        result.entropies[scored], result.ranks[scored] = entropies_and_ranks(
            distribution, outputs.cpu().numpy(), targets.cpu().numpy()
        )
        return result

    def _predictions(self, windows: Iterable[Window]) -> Iterator[Prediction]:
        """Read the windows one after another, each from the state after the previous window."""
        model, device, state = self._model, self._model.device, None
        for window in windows:
            is_first = state is None
            state = model.initial_state(len(window.tokens)) if state is None else state
            # A stream that has ended reads token 0 in place of `IGNORED`, since none of its later targets is scored.
            tokens = torch.from_numpy(np.maximum(window.tokens, 0).astype(np.int64)).to(device)
            scored = window.targets != IGNORED
            targets = torch.from_numpy(window.targets[scored].astype(np.int64)).to(device)
            conditions = _condition_inputs(window, device, is_first=is_first)
            scored_on_device = torch.from_numpy(scored).to(device)
            with torch.no_grad():
                hidden, state = model(tokens, state, conditions=conditions)
                logits = model.logits(
                    hidden[scored_on_device],
                    None if conditions is None else conditions.features[scored_on_device],
                ).float()
            yield window, scored, logits, targets


def _condition_inputs(window: Window, device: torch.device, *, is_first: bool) -> ConditionInputs | None:
    """Return the features at every position, and the mask of the tokens that are read from the zero state."""
    if window.features is None:
        return None
    features = torch.from_numpy(window.features).to(device)[:, None].expand(-1, window.tokens.shape[1], -1)
    first = torch.zeros(window.tokens.shape, dtype=torch.bool, device=device)
    first[:, 0] = is_first
    return ConditionInputs(features, first)
