"""Scoring by torch: any model, on any device."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64
from torch import Tensor

from seqloom.data.batch import IGNORED
from seqloom.evaluation.scorer import Window
from seqloom.kernels.batched_decoder import Scores
from seqloom.models.conditioning import ConditionInputs
from seqloom.models.language_model import LanguageModel

__all__ = ["TorchScorer"]

Predicted = tuple[Window, Bool[np.ndarray, "lanes time"], Float[Tensor, "asked vocab"], Tensor]


class TorchScorer:
    """A `TokenScorer` of a network.

    Args:
        model: is not changed.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    def log_probs(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Float64[np.ndarray, "lanes time"]]]:
        """See `Scorer`."""
        for window, asked, logits, targets in self._predicted(windows):
            found = np.zeros(asked.shape)
            found[asked] = -torch.nn.functional.cross_entropy(logits, targets, reduction="none").cpu().numpy()
            yield window, found

    def scores(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Scores]]:
        """See `TokenScorer`."""
        for window, asked, logits, targets in self._predicted(windows):
            log_probs = logits.double().log_softmax(-1)
            chosen = log_probs.gather(1, targets[:, None])
            found = Scores(np.zeros(asked.shape), np.zeros(asked.shape), np.zeros(asked.shape, np.int32))
            found.log_probs[asked] = chosen[:, 0].cpu().numpy()
            found.entropies[asked] = -(log_probs.exp() * log_probs).sum(1).cpu().numpy()
            found.ranks[asked] = (log_probs > chosen).sum(1).cpu().numpy()
            yield window, found

    def logits(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Float32[np.ndarray, "lanes time vocab"]]]:
        """See `TokenScorer`."""
        for window, asked, logits, _ in self._predicted(windows):
            found = np.zeros((*asked.shape, logits.shape[1]), np.float32)
            found[asked] = logits.cpu().numpy()
            yield window, found

    def _predicted(self, windows: Iterable[Window]) -> Iterator[Predicted]:
        """Each window, where something is asked, and the logits and targets there."""
        model, device, state = self._model, self._model.device, None
        for window in windows:
            begins = state is None
            state = model.initial_state(len(window.tokens)) if state is None else state
            # A lane that has ended reads on, as nothing more is asked of it.
            tokens = torch.from_numpy(np.maximum(window.tokens, 0).astype(np.int64)).to(device)
            asked = window.targets != IGNORED
            targets = torch.from_numpy(window.targets[asked].astype(np.int64)).to(device)
            told = _told(window, begins, device)
            chosen = torch.from_numpy(asked).to(device)
            with torch.no_grad():
                hidden, state = model(tokens, state, conditions=told)
                logits = model.logits(hidden[chosen], None if told is None else told.features[chosen]).float()
            yield window, asked, logits, targets


def _told(window: Window, begins: bool, device: torch.device) -> ConditionInputs | None:
    if window.features is None:
        return None
    features = torch.from_numpy(window.features).to(device)[:, None].expand(-1, window.tokens.shape[1], -1)
    first = torch.zeros(window.tokens.shape, dtype=torch.bool, device=device)
    first[:, 0] = begins
    return ConditionInputs(features, first)
