"""Say why texts break the rules of their notation, or ended before they matched a pattern, a schema or a grammar."""

from collections.abc import Sequence

from seqloom.config import SamplingConfig
from seqloom.generation.matching_samples import MAX_DRAWS
from seqloom.plural import counted
from seqloom.sampling import Sample
from seqloom.sampling.grammar_constraint import GrammarConstraint

__all__ = ["broken_rules_message", "unmatched_message"]


def broken_rules_message(samples: Sequence[Sample], level: str, length: int) -> str:
    """Return how many samples break the rules of their notation, in all draws, and what helps.

    Args:
        samples: samples, some of which break a rule.
        level: level of the codec, which has the rules.
        length: largest number of tokens of a sample.
    """
    broken = [sample for sample in samples if sample.matched is False]
    is_short = any(len(sample.tokens) >= length for sample in broken)
    advice = "raise `length`" if is_short else "choose a lower `temperature`, or train longer"
    return (
        f"{len(broken)} of {counted(len(samples), 'text')} are no correct {level.upper()}, in every one of {MAX_DRAWS} "
        f"draws: {advice}"
    )


def unmatched_message(
    samples: Sequence[Sample], config: SamplingConfig, token_bytes: Sequence[bytes], *, redrawn: bool = True
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
