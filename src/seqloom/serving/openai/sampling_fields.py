"""From the fields of a request to the settings of a generation."""

import secrets

from seqloom.config import SamplingConfig
from seqloom.config.serving import ServingConfig
from seqloom.serving.api_errors import ApiError
from seqloom.serving.openai.schemas import SamplingFields

__all__ = ["check_max_tokens", "sampling_of", "seed_of"]


def sampling_of(body: SamplingFields, max_tokens: int, vocabulary: int) -> SamplingConfig:
    """Return the settings of a generation.

    Args:
        body: request.
        max_tokens: largest number of tokens.
        vocabulary: number of tokens of the model.

    Raises:
        ApiError: a bias is not that of a token.
        ConfigError: a setting is out of range.
    """
    stops = [body.stop] if isinstance(body.stop, str) else body.stop or []
    return SamplingConfig(
        length=max(1, max_tokens),
        temperature=1.0 if body.temperature is None else body.temperature,
        top_p=1.0 if body.top_p is None else body.top_p,
        top_k=body.top_k,
        min_p=body.min_p,
        frequency_penalty=body.frequency_penalty or 0.0,
        presence_penalty=body.presence_penalty or 0.0,
        stop=tuple(stop for stop in stops if stop),
        bias=_bias_of(body, vocabulary),
        seed=seed_of(body),
    )


def seed_of(body: SamplingFields) -> int:
    """Return the seed of a request, or draw one."""
    return secrets.randbits(63) if body.seed is None else body.seed % 2**64


def check_max_tokens(max_tokens: int, name: str, config: ServingConfig) -> None:
    """Check the length of texts.

    Raises:
        ApiError: texts would be longer than the server allows.
    """
    if max_tokens > config.max_tokens:
        raise ApiError(
            400, f"'{name}' {max_tokens:,} is too large: this server allows up to {config.max_tokens:,}", param=name
        )


def _bias_of(body: SamplingFields, vocabulary: int) -> dict[int, float]:
    bias: dict[int, float] = {}
    for name, value in (body.logit_bias or {}).items():
        if not (name.isascii() and name.isdigit()) or len(name) > 9 or int(name) >= vocabulary:
            raise ApiError(
                400, f"'logit_bias' names the token {name!r}: choose ids from 0 to {vocabulary - 1}", param="logit_bias"
            )
        bias[int(name)] = value
    return bias
