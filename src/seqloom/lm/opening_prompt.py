"""Choose the tokens that a model reads before a text without a prompt.

A codec for separate documents has a boundary: the token that encloses each document.
"""

import itertools
import re

from seqloom.codecs.text import TextCodec
from seqloom.lm.dataset import Dataset

__all__ = ["default_prompt"]

_PROMPT_TOKENS = 64
_SEARCHED_TOKENS = 20_000
_TEXT_STARTS = (rb"[.!?]\n\n(?=\w)", rb"\n\n(?=\S)", rb"\n(?=\S)", rb"\s(?=\S)")
"""Patterns that end where a text can start, best first: after a paragraph that ends with a sentence, after any
paragraph, after a line, after a word."""


def default_prompt(dataset: Dataset) -> tuple[int, ...]:
    """Return the boundary if there is one, otherwise 64 tokens of the training text.

    In a corpus of text, the 64 tokens end where a new text can start, if possible before a paragraph.

    A single line feed would be a worse prompt: after it, a low temperature often produces nothing but blank lines.
    """
    codec, spans = dataset.codec, dataset.split.train
    if codec.boundary is not None:
        return (codec.boundary,)
    start, stop = int(spans.starts[0]), int(spans.stops[0])
    ids = dataset.store.records[start : min(stop, start + _SEARCHED_TOKENS)].tolist()
    if not isinstance(codec, TextCodec):
        return tuple(ids[:_PROMPT_TOKENS])
    tokens = [codec.token_bytes[token_id] for token_id in ids]
    byte_ends = itertools.accumulate(map(len, tokens))
    # Number of tokens before each position, in bytes, at which a token ends.
    num_tokens_before = {end: count for count, end in enumerate(byte_ends, start=1)}
    for pattern in _TEXT_STARTS:
        for match in re.finditer(pattern, b"".join(tokens)):
            num_tokens = num_tokens_before.get(match.end(), 0)  # 0 if the match ends inside a token
            if num_tokens >= _PROMPT_TOKENS:
                return tuple(ids[num_tokens - _PROMPT_TOKENS : num_tokens])
    return tuple(ids[:_PROMPT_TOKENS])
