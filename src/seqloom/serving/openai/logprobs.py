"""Log-probabilities in the form of OpenAI's completions, in float32 and at temperature 1."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from seqloom.errors import ConfigError
from seqloom.evaluation.top_tokens import TopTokens, top_tokens
from seqloom.lm.evaluate import run_scorer
from seqloom.serving.openai.schemas import LogProbs
from seqloom.serving.served_model import ServedModel

__all__ = ["LogProbReader"]


class _Entry(NamedTuple):
    """Log-probabilities at one position; None where there is no context.

    Attributes:
        log_prob: log-probability of the token.
        top: log-probabilities of the likeliest tokens and of the token itself, by id.
    """

    log_prob: float | None = None
    top: dict[int, float] | None = None


class LogProbReader:
    """Compute log-probabilities of token ids from clients.

    Args:
        served: model.
        num_top: number of likeliest tokens at each position.
        rating: requested rating; None for none.

    Raises:
        ConfigError: the model has no log-probabilities of tokens.
    """

    def __init__(self, served: ServedModel, num_top: int, rating: Any) -> None:
        config = served.run.config
        if config.model.noise_size or served.run.codec.head != "softmax":
            kind = "a GAN" if config.model.noise_size else f"of level {served.run.codec.level}"
            raise ConfigError(
                f"the model {served.name} is {kind}, which has no probabilities of tokens: leave out 'logprobs'"
            )
        self._start, self._names = served.start_token, served.names
        self._spellings = served.run.codec.token_bytes
        self._num_top = num_top
        self._scorer = run_scorer(served.run)
        values = None if rating is None else config.conditions.encode_request(rating)
        self._features = None if values is None else config.features(values[None])[0]

    def read(self, ids: Sequence[int], *, has_start: bool) -> LogProbs:
        """Return the log-probabilities of ids, each in the context of the ids before it in its document.

        Args:
            ids: ids from a client.
            has_start: whether a start token that is not in `ids` stands before them.
        """
        begins_with_start = len(ids) > 0 and ids[0] == self._start.id
        context = [self._start.read_as] if has_start and not begins_with_start else []
        entries = [] if context or not len(ids) else [_Entry()]
        first, *others = self._start.documents(ids)
        documents = [[*context, *first], *others]
        for number, document in enumerate(documents):
            is_last = number == len(documents) - 1
            following = [self._start.id] if not is_last and self._start.is_predicted else []
            entries += self._entries([*document, *following])
            if not is_last and not following:
                entries.append(_Entry())
        if entries:
            entries[0] = _Entry()
        offsets = np.cumsum([0, *(self._num_characters(token) for token in ids)])[: len(ids)]
        return LogProbs(
            tokens=[self._names[token] for token in ids],
            token_logprobs=[entry.log_prob for entry in entries],
            top_logprobs=[
                None if entry.top is None else {self._names[token]: value for token, value in entry.top.items()}
                for entry in entries
            ],
            text_offset=offsets.tolist(),
        )

    def _entries(self, ids: list[int]) -> list[_Entry]:
        """Return the entries of all ids but the first, which the model reads from its zero state."""
        if len(ids) < 2:
            return []
        scores = top_tokens(self._scorer, np.array(ids, np.int64), self._num_top, self._features)
        return [self._entry(scores, position, token) for position, token in enumerate(ids[1:])]

    @staticmethod
    def _entry(scores: TopTokens, position: int, token: int) -> _Entry:
        top = dict(zip(scores.tokens[position].tolist(), scores.top_log_probs[position].tolist(), strict=True))
        log_prob = float(scores.log_probs[position])
        return _Entry(log_prob, {**top, token: log_prob})

    def _num_characters(self, token: int) -> int:
        spelling = b"" if token == self._start.id else self._spellings[token]
        return sum(byte & 0xC0 != 0x80 for byte in spelling)
