"""Draw texts again that end before they match a pattern, a JSON schema or a grammar.

Every token leads to a text that can still match, but a text can reach its maximum length before it does.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from seqloom.config import SamplingConfig
from seqloom.errors import SeqloomError
from seqloom.plural import counted
from seqloom.sampling.grammar_constraint import GrammarConstraint

if TYPE_CHECKING:
    from seqloom.sampling import Sample

__all__ = ["MAX_DRAWS", "check_matched", "matching", "unmatched_message"]

MAX_DRAWS = 20
"""Largest number of draws of a text."""

_DRAW_STEP = 1 << 32
"""Distance between the indices of the draws of one text; no request has as many texts."""


def matching(draw: Callable[[int, int], Iterator["Sample"]], count: int, first_index: int = 0) -> Iterator["Sample"]:
    """Yield samples that match their grammar; the last draw of one that never matches.

    A text depends on its index and the seed, not on the number of texts. A text that was drawn again has the index of
    its last draw, which is at least 2**32.

    Args:
        draw: function `(index of the first sample, number of samples) -> samples`.
        count: number of samples.
        first_index: index of the first sample.
    """
    for sample in draw(first_index, count):
        index, num_draws = sample.index, 1
        while sample.matched is False and num_draws < MAX_DRAWS:
            sample = next(draw(index + num_draws * _DRAW_STEP, 1))
            num_draws += 1
        yield sample


def check_matched(
    samples: "Sequence[Sample]", config: SamplingConfig, token_bytes: Sequence[bytes], *, redrawn: bool = True
) -> None:
    """Check that no sample ended before it matched its pattern, JSON schema or grammar; see `unmatched_message`.

    Raises:
        SeqloomError: some ended before.
    """
    message = unmatched_message(samples, config, token_bytes, redrawn=redrawn)
    if message is not None:
        raise SeqloomError(message)


def unmatched_message(
    samples: "Sequence[Sample]", config: SamplingConfig, token_bytes: Sequence[bytes], *, redrawn: bool = True
) -> str | None:
    """Return how many samples ended before they matched their pattern, JSON schema or grammar, and why; None if all do.

    Args:
        samples: samples.
        config: their settings, normalized as the run's corpus was.
        token_bytes: bytes of each token id.
        redrawn: whether a sample that ended before was drawn again; a beam search draws none.
    """
    unmatched = [sample for sample in samples if sample.matched is False]
    if not unmatched or config.text_grammar is None:
        return None
    setting, grammar = config.text_grammar
    if config.stop or config.ban:
        advice = "stop strings or bans end them early, so leave these out, or allow shorter matches"
    elif any(len(sample.tokens) >= config.length for sample in unmatched):
        advice = "raise `length`, or allow shorter matches"
    else:
        constraint = GrammarConstraint(setting, grammar, token_bytes)
        next_characters = constraint.next_characters(b"".join(token_bytes[token] for token in unmatched[0].tokens))
        shown = " or ".join(map(repr, next_characters)) or "characters"
        advice = f"matches go on with {shown}, which this run never writes, so use only characters of the training text"
    draws = f", in every one of {MAX_DRAWS} draws" if redrawn and config.beam < 2 else ""
    return f"{len(unmatched)} of {counted(len(samples), 'text')} ended before matching `{setting}`{draws}: {advice}"
