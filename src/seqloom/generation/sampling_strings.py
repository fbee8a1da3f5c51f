"""Transform the strings of sampling settings as the training corpus was, and report those that can never appear."""

from collections.abc import Sequence
from dataclasses import replace

from seqloom.config import SamplingConfig
from seqloom.config.pattern_syntax import normalized_pattern
from seqloom.corpora.normalization import fold
from seqloom.runs.saved_run import SavedRun
from seqloom.user_warnings import warn_user

__all__ = ["normalize_strings"]


def normalize_strings(config: SamplingConfig, run: SavedRun) -> SamplingConfig:
    """Return sampling settings whose strings are transformed as the training corpus was, like every prompt.

    A stop string, a ban or a pattern with a capital letter would otherwise never occur in the texts of a run in lower
    case. A stop string or a ban with a character that the run cannot write is the subject of a warning.
    """
    if config.pattern is not None:
        config = replace(config, pattern=_normalized_pattern(config.pattern, run))
    if not (config.stop or config.ban or config.dry_multiplier):
        return config
    stop, ban, breaker = (
        tuple(map(run.normalize, strings)) for strings in (config.stop, config.ban, config.dry_breaker)
    )
    _warn_of_unwritable({"stop": stop, "ban": ban}, run.codec.token_bytes)
    return replace(config, stop=stop, ban=ban, dry_breaker=breaker)


def _normalized_pattern(pattern: str, run: SavedRun) -> str:
    reading = run.config.reading
    folded = normalized_pattern(pattern, lambda literals: fold(literals, replace(reading, lowercase=False)))
    # Lower case would turn \\S into \\s. A pattern without case matches the same texts in lower case.
    return f"(?i){folded}" if reading.lowercase else folded


def _warn_of_unwritable(strings: dict[str, tuple[str, ...]], token_bytes: Sequence[bytes]) -> None:
    """Warn of strings with a character that no token contains.

    Args:
        strings: strings by the name of the setting.
        token_bytes: bytes of each token; if some tokens are parts of characters, every character can be written.
    """
    try:
        writable = {character for piece in token_bytes for character in piece.decode()}
    except UnicodeDecodeError:
        return
    for setting, values in strings.items():
        for value in values:
            missing = [character for character in value if character not in writable]
            if missing:
                warn_user(f"`{setting}` got {value!r}, which cannot appear: the run never writes {missing[0]!r}")
