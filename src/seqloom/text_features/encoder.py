"""A convolutional network on words, which predicts ordinal targets.

The ordinal targets of a text tell for each of several thresholds whether the text's rating exceeds the threshold.

The network follows Kim (2014), with mean pooling next to max pooling, since many words contribute to a rating.
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
from seqloom.training.adam import AdamW

__all__ = ["Encoder", "WordIndex"]

_WORD = regex.compile(r"\w+(?:['\u2019]\w+)?|[^\w\s]")
_PADDING, _UNKNOWN = 0, 1
_KERNEL_SIZES = (1, 2, 3, 4)
_SHARD_SIZE = 2048
"""Number of texts per shard. The texts of a shard are sorted by length, then divided into batches."""

_SCORING_BATCH_SIZE = 64
_WARMUP_STEPS = 50
"""Number of steps in which the learning rate rises to its peak."""

_MEAN_POOLING_FACTOR = 3
"""Factor on the mean of a filter's responses, which is smaller than their maximum."""

_EMBEDDING_DROPOUT_SHARE = 0.6
"""Dropout probability of an embedding's component, relative to that of a pooled filter response."""


@dataclass(frozen=True)
class WordIndex:
    """The vocabulary of an encoder. All words outside it share one id.

    Attributes:
        words: words by descending frequency; the first word has id 2.
    """

    words: tuple[str, ...]

    @classmethod
    def fit(cls, texts: Sequence[str], max_words: int = 20_000) -> "WordIndex":
        """Return the most frequent words that occur in at least two texts."""
        document_frequencies: Counter[str] = Counter()
        for text in texts:
            document_frequencies.update(set(_split_words(text)))
        return cls(tuple(word for word, count in document_frequencies.most_common(max_words) if count > 1))

    def __len__(self) -> int:
        return len(self.words) + 2

    def encode(self, texts: Sequence[str], max_length: int) -> list[Int[np.ndarray, " words"]]:
        """Return the ids of the first `max_length` words of each text."""
        ids = {word: index for index, word in enumerate(self.words, start=2)}
        return [
            np.array([ids.get(word, _UNKNOWN) for word in _split_words(text)[:max_length]], np.int64) for text in texts
        ]


def _split_words(text: str) -> list[str]:
    words: list[str] = _WORD.findall(text.lower())
    return words


class _Network(nn.Module):
    """Word embeddings, convolutions of several widths, max and mean pooling, one logit, and a bias per threshold."""

    def __init__(self, vocabulary_size: int, num_thresholds: int, settings: EncoderSettings) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, settings.width, padding_idx=_PADDING)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(settings.width, settings.filters, size, padding=size - 1) for size in _KERNEL_SIZES
        )
        self.output = nn.Linear(2 * len(_KERNEL_SIZES) * settings.filters, 1)
        self.bias = nn.Parameter(torch.zeros(num_thresholds))
        self.dropout = nn.Dropout(settings.dropout)
        self.embedding_dropout = nn.Dropout(_EMBEDDING_DROPOUT_SHARE * settings.dropout)

    def forward(self, words: Int[Tensor, "texts words"]) -> Float[Tensor, "texts thresholds"]:
        embedded = self.embedding_dropout(self.embedding(words)).transpose(1, 2)
        lengths = (words != _PADDING).sum(1, keepdim=True).clamp(min=1)
        pooled = []
        for convolution in self.convolutions:
            response = convolution(embedded).relu()
            pooled += [response.amax(2), _MEAN_POOLING_FACTOR * response.sum(2) / lengths]
        logits: Tensor = self.output(self.dropout(torch.cat(pooled, 1))) + self.bias
        return logits


class Encoder:
    """Predict the ordinal targets of texts with convolutions over their words.

    Args:
        vocabulary: words with an id.
        num_thresholds: number of ordinal targets.
        settings: size and training of the network.
        seed: seed of the weights, the order of the texts and dropout.
    """

    def __init__(self, vocabulary: WordIndex, num_thresholds: int, settings: EncoderSettings, seed: int = 0) -> None:
        self._vocabulary, self._settings, self._seed = vocabulary, settings, seed
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            self._network = _Network(len(vocabulary), num_thresholds, settings)

    def fit(self, texts: Sequence[str], above: Bool[np.ndarray, "texts thresholds"]) -> "Encoder":
        """Train on texts and their ordinal targets."""
        settings, network = self._settings, self._network
        encoded = self._vocabulary.encode(texts, settings.longest)
        targets = torch.from_numpy(above.astype(np.float32))
        # The initial biases are the logits of the targets' frequencies.
        frequencies = above.mean(axis=0).clip(1e-3, 1 - 1e-3)
        with torch.no_grad():
            network.bias.copy_(torch.from_numpy(np.log(frequencies / (1 - frequencies))))
        optimizer = AdamW(network.parameters(), settings.learning_rate, betas=(0.9, 0.99), weight_decay=1e-4)
        steps = max(settings.updates, settings.epochs * math.ceil(len(texts) / settings.batch))
        if settings.max_updates is not None:
            steps = min(steps, settings.max_updates)
        with torch.random.fork_rng([]):
            torch.manual_seed(self._seed)
            network.train()
            for step, batch in enumerate(self._batches(encoded, steps)):
                warmup = min(1, (step + 1) / _WARMUP_STEPS)
                optimizer.param_groups[0]["lr"] = settings.learning_rate * (warmup * (1 - step / steps))
                ids = _pad([encoded[index] for index in batch])
                dropped = (torch.rand(ids.shape) < settings.word_dropout) & (ids != _PADDING)
                logits = network(ids.masked_fill(dropped, _UNKNOWN))
                loss = nn.functional.binary_cross_entropy_with_logits(logits, targets[batch])
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimizer.step()
        network.eval()
        return self

    def logits(self, texts: Sequence[str]) -> Float32[np.ndarray, "texts thresholds"]:
        """Return the logits of the ordinal targets."""
        encoded = self._vocabulary.encode(texts, self._settings.longest)
        order = sorted(range(len(texts)), key=lambda index: len(encoded[index]))
        logits = np.zeros((len(texts), self._network.bias.numel()), np.float32)
        with torch.no_grad():
            for start in range(0, len(order), _SCORING_BATCH_SIZE):
                batch = order[start : start + _SCORING_BATCH_SIZE]
                logits[batch] = self._network(_pad([encoded[index] for index in batch])).numpy()
        return logits

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the weights by name."""
        return {name: value.numpy() for name, value in self._network.state_dict().items()}

    def to_json(self) -> dict[str, Any]:
        """Return the vocabulary."""
        return {"words": list(self._vocabulary.words)}

    @classmethod
    def restore(
        cls, arrays: Mapping[str, np.ndarray], stored: Mapping[str, Any], settings: EncoderSettings
    ) -> "Encoder":
        """Restore an encoder from the results of `to_arrays` and `to_json`."""
        encoder = cls(WordIndex(tuple(stored["words"])), len(arrays["bias"]), settings)
        encoder._network.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        encoder._network.eval()
        return encoder

    def _batches(self, encoded: Sequence[np.ndarray], num_batches: int) -> Iterator[list[int]]:
        """Yield batches, each as the indices of texts of similar length, in a new random order in every pass."""
        rng, size, num_yielded = np.random.default_rng(self._seed), self._settings.batch, 0
        while True:
            batches = []
            for shard in np.array_split(rng.permutation(len(encoded)), max(1, len(encoded) // _SHARD_SIZE)):
                by_length = sorted(shard.tolist(), key=lambda index: len(encoded[index]))
                batches += [by_length[start : start + size] for start in range(0, len(by_length), size)]
            for batch_number in rng.permutation(len(batches)):
                if num_yielded == num_batches:
                    return
                num_yielded += 1
                yield batches[batch_number]


def _pad(encoded: Sequence[Int[np.ndarray, " words"]]) -> Int[Tensor, "texts words"]:
    """Return the word ids of several texts as one tensor, padded to the longest text."""
    padded = np.full((len(encoded), max(1, *map(len, encoded))), _PADDING, np.int64)
    for row, ids in zip(padded, encoded, strict=True):
        row[: len(ids)] = ids
    return torch.from_numpy(padded)
