"""Baselines of any token sequence: an interpolated Kneser-Ney n-gram model, and PPM.

Kneser-Ney: Chen and Goodman (1999), with three discounts per order. PPM: Cleary and Witten (1984), with method D
(Howard 1993) and exclusions; it goes on learning from the text that it predicts.
"""

import math
from collections import defaultdict
from collections.abc import Sequence

__all__ = ["kneser_ney_nats", "ppm_nats"]

Counts = dict[tuple[int, ...], dict[int, int]]


def kneser_ney_nats(
    train: Sequence[Sequence[int]], test: Sequence[Sequence[int]], vocabulary: int, order: int
) -> float:
    """Return nats per token of `test`, without the first token of each document.

    Args:
        train: token ids of each training document.
        test: token ids of each document to predict.
        vocabulary: number of token ids.
        order: length of the longest n-gram.
    """
    tables = _counts(train, order)
    discounts = [_discounts(table) for table in tables]

    def probability(context: tuple[int, ...], token: int) -> float:
        estimate = 1 / vocabulary
        for length in range(len(context) + 1):
            counts = tables[length].get(context[len(context) - length :])
            if counts is None:
                break
            total = sum(counts.values())
            removed = sum(discounts[length][min(count, 3)] for count in counts.values())
            own = counts.get(token, 0)
            estimate = (max(0.0, own - discounts[length][min(own, 3)]) + removed * estimate) / total
        return estimate

    nats, num_tokens = 0.0, 0
    for document in test:
        for index in range(1, len(document)):
            nats -= math.log(probability(tuple(document[max(0, index - order + 1) : index]), document[index]))
        num_tokens += len(document) - 1
    return nats / num_tokens


def _counts(documents: Sequence[Sequence[int]], order: int) -> list[Counts]:
    """Return counts by context for each length of the context; shorter contexts count distinct left neighbours."""
    tables: list[Counts] = [defaultdict(dict) for _ in range(order)]
    for document in documents:
        for index in range(1, len(document)):
            token = document[index]
            for length in range(min(order - 1, index), -1, -1):
                context = tuple(document[index - length : index])
                counts = tables[length][context]
                counts[token] = counts.get(token, 0) + 1
                if counts[token] > 1:  # the shorter n-gram has this left neighbour already
                    break
    return tables


def _discounts(table: Counts) -> list[float]:
    number = [0, 0, 0, 0, 0]
    for counts in table.values():
        for count in counts.values():
            if count <= 4:
                number[count] += 1
    once, twice, three, four = number[1:]
    base = once / max(once + 2 * twice, 1)
    raw = (
        1 - 2 * base * twice / max(once, 1),
        2 - 3 * base * three / max(twice, 1),
        3 - 4 * base * four / max(three, 1),
    )
    return [0.0, *(min(max(value, 0.05), limit) for value, limit in zip(raw, (0.95, 1.95, 2.95), strict=True))]


def ppm_nats(train: Sequence[Sequence[int]], test: Sequence[Sequence[int]], vocabulary: int, order: int) -> float:
    """Return nats per token of `test`, without the first token of each document; see `kneser_ney_nats`.

    `order` is the length of the longest context.
    """
    model = _Ppm(vocabulary, order)
    for document in train:
        for index in range(1, len(document)):
            model.read(document, index)
    nats = sum(model.read(document, index) for document in test for index in range(1, len(document)))
    return nats / sum(len(document) - 1 for document in test)


class _Ppm:
    def __init__(self, vocabulary: int, order: int) -> None:
        self._vocabulary, self._order = vocabulary, order
        self._tables: list[Counts] = [{} for _ in range(order + 1)]

    def read(self, document: Sequence[int], index: int) -> float:
        """Return the cost of a token in nats, and learn it."""
        token = document[index]
        nats, excluded = 0.0, set()
        seen: list[tuple[int, tuple[int, ...]]] = []
        for length in range(min(self._order, index), -1, -1):
            context = tuple(document[index - length : index])
            seen.append((length, context))
            counts = self._tables[length].get(context)
            if counts is None:
                continue
            left = {symbol: count for symbol, count in counts.items() if symbol not in excluded}
            total = sum(left.values())
            if not total:
                continue
            if token in left:
                nats -= math.log((2 * left[token] - 1) / (2 * total))
                break
            nats -= math.log(len(left) / (2 * total))
            excluded |= left.keys()
        else:
            nats += math.log(max(1, self._vocabulary - len(excluded)))
        for length, context in seen:
            counts = self._tables[length].setdefault(context, {})
            counts[token] = counts.get(token, 0) + 1
        return nats
