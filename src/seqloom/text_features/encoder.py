"""A small neural reader of texts: words, convolutions over them, and the answers to the rating's thresholds.

Convolutions of several widths, each seen by its largest and its mean response (Kim 2014, with the mean beside the
maximum, as a rating is made up of many words).
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import regex
import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor, nn

from seqloom.text_features.config import EncoderSettings

__all__ = ["Encoder", "WordIndex"]

_WORD = regex.compile(r"\w+(?:['\u2019]\w+)?|[^\w\s]")
_PADDING, _UNKNOWN = 0, 1


@dataclass(frozen=True)
class WordIndex:
    """The words that an encoder knows, by frequency; all others are one.

    Attributes:
        words: in the order of their ids, from 2 on.
    """

    words: tuple[str, ...]

    @classmethod
    def fit(cls, texts: Sequence[str], most: int = 20_000) -> "WordIndex":
        """The words that at least two texts hold, the most frequent of them."""
        seen: Counter[str] = Counter()
        for text in texts:
            seen.update(set(_words(text)))
        return cls(tuple(word for word, count in seen.most_common(most) if count > 1))

    def __len__(self) -> int:
        return len(self.words) + 2

    def encode(self, texts: Sequence[str], longest: int) -> list[Int[np.ndarray, " words"]]:
        """The ids of each text's first words."""
        ids = {word: index for index, word in enumerate(self.words, start=2)}
        return [np.array([ids.get(word, _UNKNOWN) for word in _words(text)[:longest]], np.int64) for text in texts]


def _words(text: str) -> list[str]:
    found: list[str] = _WORD.findall(text.lower())
    return found


class _Network(nn.Module):
    def __init__(self, vocabulary: int, thresholds: int, settings: EncoderSettings) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, settings.width, padding_idx=_PADDING)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(settings.width, settings.filters, taps, padding=taps - 1) for taps in (1, 2, 3, 4)
        )
        self.output = nn.Linear(8 * settings.filters, 1)
        self.bias = nn.Parameter(torch.zeros(thresholds))
        self.dropout = nn.Dropout(settings.dropout)
        self.word_dropout = nn.Dropout(0.6 * settings.dropout)

    def forward(self, words: Int[Tensor, "texts words"]) -> Float[Tensor, "texts thresholds"]:
        embedded = self.word_dropout(self.embedding(words)).transpose(1, 2)
        counted = (words != _PADDING).sum(1, keepdim=True).clamp(min=1)
        seen = []
        for convolution in self.convolutions:
            response = convolution(embedded).relu()
            seen += [response.amax(2), 3 * response.sum(2) / counted]
        logits: Tensor = self.output(self.dropout(torch.cat(seen, 1))) + self.bias
        return logits


class Encoder:
    """Reads texts and answers the thresholds of their rating.

    Args:
        index: of the words.
        thresholds: how many.
        settings: how it is built and trained.
        seed: of weights, order and dropout.
    """

    def __init__(self, index: WordIndex, thresholds: int, settings: EncoderSettings, seed: int = 0) -> None:
        self._index, self._settings, self._seed = index, settings, seed
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            self._network = _Network(len(index), thresholds, settings)

    def fit(self, texts: Sequence[str], above: Bool[np.ndarray, "texts thresholds"]) -> "Encoder":
        """Train on texts and the answers to their thresholds."""
        settings, network = self._settings, self._network
        words = self._index.encode(texts, settings.longest)
        answers = torch.from_numpy(above.astype(np.float32))
        shares = above.mean(axis=0).clip(1e-3, 1 - 1e-3)
        with torch.no_grad():
            network.bias.copy_(torch.from_numpy(np.log(shares / (1 - shares))))
        optimizer = torch.optim.AdamW(network.parameters(), settings.learning_rate, (0.9, 0.99), weight_decay=1e-4)
        steps = max(settings.updates, settings.epochs * math.ceil(len(texts) / settings.batch))
        rates = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1, (step + 1) / 50) * (1 - step / steps))
        with torch.random.fork_rng([]):
            torch.manual_seed(self._seed)
            network.train()
            for batch in self._batches(words, steps):
                shown = _padded([words[place] for place in batch])
                hidden = (torch.rand(shown.shape) < settings.word_dropout) & (shown != _PADDING)
                logits = network(shown.masked_fill(hidden, _UNKNOWN))
                loss = nn.functional.binary_cross_entropy_with_logits(logits, answers[batch])
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimizer.step()
                rates.step()
        network.eval()
        return self

    def logits(self, texts: Sequence[str]) -> Float32[np.ndarray, "texts thresholds"]:
        """The logits of the answers."""
        words = self._index.encode(texts, self._settings.longest)
        order = sorted(range(len(texts)), key=lambda place: len(words[place]))
        found = np.zeros((len(texts), self._network.bias.numel()), np.float32)
        with torch.no_grad():
            for first in range(0, len(order), 64):
                places = order[first : first + 64]
                found[places] = self._network(_padded([words[place] for place in places])).numpy()
        return found

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The weights, by name."""
        return {name: value.numpy() for name, value in self._network.state_dict().items()}

    def to_json(self) -> dict[str, Any]:
        """The words."""
        return {"words": list(self._index.words)}

    @classmethod
    def restored(
        cls, arrays: Mapping[str, np.ndarray], stored: Mapping[str, Any], settings: EncoderSettings
    ) -> "Encoder":
        """The encoder that `to_arrays` and `to_json` described."""
        found = cls(WordIndex(tuple(stored["words"])), len(arrays["bias"]), settings)
        found._network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        found._network.eval()
        return found

    def _batches(self, words: Sequence[np.ndarray], steps: int) -> Iterator[list[int]]:
        """Texts of like length together, in random order."""
        random, size, given = np.random.default_rng(self._seed), self._settings.batch, 0
        while True:
            batches = []
            for some in np.array_split(random.permutation(len(words)), max(1, len(words) // 2048)):
                ordered = sorted(some.tolist(), key=lambda place: len(words[place]))
                batches += [ordered[first : first + size] for first in range(0, len(ordered), size)]
            for at in random.permutation(len(batches)):
                if given == steps:
                    return
                given += 1
                yield batches[at]


def _padded(words: Sequence[Int[np.ndarray, " words"]]) -> Int[Tensor, "texts words"]:
    padded = np.full((len(words), max(1, *map(len, words))), _PADDING, np.int64)
    for row, ids in zip(padded, words, strict=True):
        row[: len(ids)] = ids
    return torch.from_numpy(padded)
