"""Choose the tokens that a model reads before a text without a prompt."""

import itertools
import re

from seqloom.codecs.text import as_text_codec
from seqloom.lm.dataset import Dataset

__all__ = ["default_prompt"]

_PROMPT_TOKENS = 64
_SEARCHED_TOKENS = 20_000
_TEXT_STARTS = (rb"[.!?]\n\n(?=\w)", rb"\n\n(?=\S)", rb"\n(?=\S)", rb"\s(?=\S)")
"""Places where a text can start, best first: after a paragraph that ends a sentence, a paragraph, a line, a word."""


def default_prompt(dataset: Dataset) -> tuple[int, ...]:
    """Return the boundary if there is one, otherwise 64 tokens of the corpus that end before a paragraph.

    A single line feed would be worse: after it, a low temperature often produces nothing but blank lines.
    """
    codec, spans = dataset.codec, dataset.split.train
    if codec.boundary is not None:
        return (codec.boundary,)
    start, stop = int(spans.starts[0]), int(spans.stops[0])
    ids = dataset.store.records[start : min(stop, start + _SEARCHED_TOKENS)].tolist()
    spelled = [as_text_codec(codec).token_bytes[token] for token in ids]
    token_at = {end: index for index, end in enumerate(itertools.accumulate(map(len, spelled)), start=1)}
    for pattern in _TEXT_STARTS:
        for match in re.finditer(pattern, b"".join(spelled)):
            end = token_at.get(match.end(), 0)
            if end >= _PROMPT_TOKENS:
                return tuple(ids[end - _PROMPT_TOKENS : end])
    return tuple(ids[:_PROMPT_TOKENS])
