"""What stays the same for all samples of one request, worked out once; and which tokens may come next."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32

from seqloom.config.sampling import SamplingConfig
from seqloom.errors import ConfigError, RunError
from seqloom.kernels.conditional_decoders import NoisyDecoder
from seqloom.kernels.decoder import Decoder, State
from seqloom.sampling.constraints import BannedStrings, CallbackConstraint, Constraint, TokenPredicate, Written
from seqloom.sampling.regex_constraint import RegexConstraint
from seqloom.sampling.rng import normals
from seqloom.sampling.sample import FinishReason
from seqloom.sampling.transforms import Transform, build_chain

__all__ = ["GenerationRequest", "Permitted", "allowed_tokens", "prepare_request", "tokens_with_prefix"]

Permitted = Bool[np.ndarray, " vocab"] | FinishReason | None
"""Which tokens may come next: a mask, None for all, or why the text ends because there is none."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GenerationRequest:
    """One request to write.

    Attributes:
        decoder: reads tokens, gives logits.
        config: the settings.
        prompt: ids that were read first.
        token_bytes: what each id spells.
        boundary: the id that ends a text, or None.
        stops: the stop strings in UTF-8.
        constraints: what a text may hold.
        begun: what the first token must begin with; the prompt holds it already, so the text does not.
        first_constraints: what a first token may hold after `begun`.
        chain: the transforms between logits and draw.
        logits: after the prompt; minus infinity for tokens that cannot be the first.
        state: after the prompt.
    """

    decoder: Decoder
    config: SamplingConfig
    prompt: tuple[int, ...]
    token_bytes: tuple[bytes, ...]
    boundary: int | None
    stops: tuple[bytes, ...]
    constraints: tuple[Constraint, ...]
    first_token_prefix: bytes
    first_constraints: tuple[Constraint, ...]
    chain: tuple[Transform, ...]
    logits: Float32[np.ndarray, " vocab"]
    state: State

    def of_sample(self, index: int) -> "GenerationRequest":
        """The same request for the sample of an index, whose noise is its own where the model is told any."""
        if not isinstance(self.decoder, NoisyDecoder):
            return self
        decoder = self.decoder.told(normals(self.config.seed, index, self.decoder.noise))
        logits, state = _begun(decoder, self.prompt, self.first_token_prefix, self.token_bytes)
        return replace(self, decoder=decoder, logits=logits, state=state)

    def spelled(self, token: int, num_written: int) -> bytes:
        """What a token adds to a text of so many tokens."""
        piece = self.token_bytes[token]
        return piece if num_written else piece[len(self.first_token_prefix) :]


def prepare_request(
    decoder: Decoder,
    config: SamplingConfig,
    *,
    prompt: Sequence[int],
    token_bytes: Sequence[bytes],
    boundary: int | None = None,
    guard: TokenPredicate | None = None,
    begun: bytes = b"",
) -> GenerationRequest:
    """Read the prompt and work out all that the samples share.

    Args:
        decoder: the model, over one stream.
        config: the settings.
        prompt: at least one id: the token that a text begins after, or the ids of the prompt.
        token_bytes: what each id spells.
        boundary: the id between documents, or None for running text.
        guard: refuses tokens by the bytes written so far; `config.max_copy` needs one.
        begun: how the first token begins, after what `prompt` spells; some token must begin so.

    Raises:
        ConfigError: the settings ask for a guard that is not there, or for a token that is not in the
        vocabulary.
        RunError: the decoder and the codec disagree on the vocabulary.
    """
    if len(token_bytes) != decoder.vocabulary:
        raise RunError(
            f"the codec knows {len(token_bytes)} tokens and the model {decoder.vocabulary}: the run's files "
            "are not of one training; copy the run anew"
        )
    if config.max_copy and guard is None:
        raise ConfigError("`max_copy` needs the corpus that the run was trained on, which is not at hand")
    chain = build_chain(config, decoder.vocabulary)
    constraints = tuple(_constraints(config, token_bytes, guard))
    first_constraints = constraints
    if begun and constraints:
        first_constraints = tuple(_constraints(config, [piece.removeprefix(begun) for piece in token_bytes], guard))
    logits, state = _begun(decoder, prompt, begun, token_bytes)
    return GenerationRequest(
        decoder=decoder,
        config=config,
        prompt=tuple(prompt),
        token_bytes=tuple(token_bytes),
        boundary=boundary,
        stops=tuple(stop.encode() for stop in config.stop),
        constraints=constraints,
        first_token_prefix=begun,
        first_constraints=first_constraints,
        chain=chain,
        logits=logits,
        state=state,
    )


def _begun(
    decoder: Decoder, prompt: Sequence[int], begun: bytes, token_bytes: Sequence[bytes]
) -> tuple[Float32[np.ndarray, " vocab"], State]:
    """Logits and state after the prompt."""
    logits, state = decoder.read(prompt, decoder.initial_state())
    return np.where(tokens_with_prefix(begun, token_bytes), logits, np.float32(-np.inf)) if begun else logits, state


def tokens_with_prefix(begun: bytes, token_bytes: Sequence[bytes]) -> Bool[np.ndarray, " vocab"]:
    """Which tokens begin with some bytes."""
    return np.array([piece.startswith(begun) for piece in token_bytes], np.bool_)


def allowed_tokens(job: GenerationRequest, written: Written, num_written: int) -> Permitted:
    """Which tokens may follow.

    Args:
        job: the request.
        written: the text's bytes so far.
        num_written: its tokens so far.
    """
    boundary, early = job.boundary, num_written < job.config.min_length
    constraints = job.constraints if num_written else job.first_constraints
    if not constraints and (boundary is None or not early):
        return None
    mask = np.ones(len(job.token_bytes), np.bool_)
    may_end = boundary is not None and not early
    refuser: FinishReason | None = None
    for constraint in constraints:
        alone = constraint.allowed(written)
        if boundary is not None:
            alone[boundary] = False
            may_end = may_end and constraint.may_end(written)
        if refuser is None and not alone.any():
            refuser = constraint.finish_reason
        mask &= alone
    if boundary is not None:
        mask[boundary] = may_end
    if job.first_token_prefix and not num_written:
        mask &= np.isfinite(job.logits)
    return mask if mask.any() else refuser or "stop"


def _constraints(
    config: SamplingConfig, token_bytes: Sequence[bytes], guard: TokenPredicate | None
) -> list[Constraint]:
    constraints: list[Constraint] = []
    if config.pattern is not None:
        constraints.append(RegexConstraint(config.pattern, token_bytes))
    if config.ban:
        constraints.append(BannedStrings([string.encode() for string in config.ban], token_bytes))
    if guard is not None:
        constraints.append(CallbackConstraint(guard, token_bytes))
    return constraints
