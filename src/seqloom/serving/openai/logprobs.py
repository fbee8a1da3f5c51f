"""Log-probabilities in the form of OpenAI's completions, in float32 and at temperature 1."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from seqloom.errors import ConfigError
from seqloom.evaluation.top_tokens import DecodedText, GrowingText, TopTokens, top_tokens
from seqloom.lm.evaluate import run_scorer
from seqloom.serving.openai.character_count import CharacterCount
from seqloom.serving.openai.schemas import LogProbs
from seqloom.serving.served_model import ServedModel

__all__ = ["GrowingLogProbs", "LogProbReader", "joined"]


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
        is_stateful = served.run.generators.factory(None, None).is_stateful
        self._decoder = None if is_stateful else served.run.generator(rating=rating).decoder

    def read(self, ids: Sequence[int], before: Sequence[int]) -> LogProbs:
        """Return the log-probabilities of ids, each in the context of the ids before it in its document.

        Args:
            ids: ids from a client.
            before: ids that the model reads before these.
        """
        entries = [] if before or not len(ids) else [_Entry()]
        first, *others = self._start.documents(ids)
        documents = [[*before, *first], *others]
        for number, document in enumerate(documents):
            is_last = number == len(documents) - 1
            following = [self._start.id] if not is_last and self._start.is_predicted else []
            num_before = max(1, len(before)) if number == 0 else 1
            entries += self._entries([*document, *following])[num_before - 1 :]
            if not is_last and not following:
                entries.append(_Entry())
        return self.as_json(ids, entries, CharacterCount(0))

    def growing(self, ids: Sequence[int], characters: CharacterCount) -> "GrowingLogProbs":
        """Return an object that reads a text which grows after ids; see `GrowingLogProbs`.

        Its log-probabilities are those with which the tokens are drawn: a run that was trained on windows predicts each
        token from the last window alone.
        """
        if self._decoder is not None:
            return GrowingLogProbs(self, DecodedText(self._decoder, ids, self._num_top), characters)
        first, *others = ids
        text = GrowingText(self._scorer, first, self._num_top, self._features)
        if others:
            text.read(np.array(others, np.int64))
        return GrowingLogProbs(self, text, characters)

    def entries_of(self, scores: TopTokens, ids: Sequence[int]) -> list[_Entry]:
        """Return the entries of ids with these scores."""
        return [self._entry(scores, position, token) for position, token in enumerate(ids)]

    def as_json(self, ids: Sequence[int], entries: Sequence[_Entry], characters: CharacterCount) -> LogProbs:
        """Return entries in OpenAI's form; `characters` counts those before them, and afterwards those of all."""
        offsets = []
        for token in ids:
            offsets.append(max(0, characters.number))
            characters.add(self._spelling(token))
        return LogProbs(
            tokens=[self._names[token] for token in ids],
            token_logprobs=[entry.log_prob for entry in entries],
            top_logprobs=[
                None if entry.top is None else {self._names[token]: value for token, value in entry.top.items()}
                for entry in entries
            ],
            text_offset=offsets,
        )

    def _entries(self, ids: list[int]) -> list[_Entry]:
        """Return the entries of all ids but the first, which the model reads from its zero state."""
        if len(ids) < 2:
            return []
        scores = top_tokens(self._scorer, np.array(ids, np.int64), self._num_top, self._features)
        return self.entries_of(scores, ids[1:])

    @staticmethod
    def _entry(scores: TopTokens, position: int, token: int) -> _Entry:
        top = dict(zip(scores.tokens[position].tolist(), scores.top_log_probs[position].tolist(), strict=True))
        log_prob = float(scores.log_probs[position])
        return _Entry(log_prob, {**top, token: log_prob})

    def counted(self, ids: Sequence[int], number: int) -> CharacterCount:
        """Return a count of the characters of ids, after a number of characters before them."""
        characters = CharacterCount(number)
        for token in ids:
            characters.add(self._spelling(token))
        return characters

    def _spelling(self, token: int) -> bytes:
        return b"" if token == self._start.id else self._spellings[token]


class GrowingLogProbs:
    """Log-probabilities of a text while it grows; nothing is read twice.

    Args:
        reader: reader of the model.
        text: text, which has read the prompt.
        characters: count of the characters before the text.

    Attributes:
        num_read: number of ids so far.
    """

    def __init__(self, reader: LogProbReader, text: GrowingText | DecodedText, characters: CharacterCount) -> None:
        self._reader, self._text, self._characters = reader, text, characters
        self.num_read = 0

    def read(self, ids: Sequence[int]) -> LogProbs:
        """Return the log-probabilities of the ids that follow."""
        if not len(ids):
            return self._reader.as_json([], [], self._characters)
        entries = self._reader.entries_of(self._text.read(np.array(ids, np.int64)), ids)
        logprobs = self._reader.as_json(ids, entries, self._characters)
        self.num_read += len(ids)
        return logprobs


def joined(first: LogProbs, second: LogProbs) -> LogProbs:
    """Return the log-probabilities of a text in two parts."""
    return LogProbs(
        tokens=first.tokens + second.tokens,
        token_logprobs=first.token_logprobs + second.token_logprobs,
        top_logprobs=first.top_logprobs + second.top_logprobs,
        text_offset=first.text_offset + second.text_offset,
    )
