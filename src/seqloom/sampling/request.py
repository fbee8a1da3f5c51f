"""One generation request: everything that all its samples share, and the tokens that may follow a text.

A decoder reads tokens and returns the logits of the next token. The boundary is the token that ends a text. A guard is
a function that decides whether a token may follow the bytes generated so far.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float32

from seqloom.config.sampling import SamplingConfig
from seqloom.errors import ConfigError, RunError
from seqloom.kernels.conditional_decoders import LatentDecoder
from seqloom.kernels.decoder import Decoder, State
from seqloom.kernels.output_distribution import OutputDistribution
from seqloom.sampling.chain import build_chain
from seqloom.sampling.choices import check_choices
from seqloom.sampling.constraints import BannedStrings, CallbackConstraint, Constraint, TextBytes, TokenPredicate
from seqloom.sampling.grammar_constraint import GrammarConstraint
from seqloom.sampling.rng import normals
from seqloom.sampling.sample import FinishReason
from seqloom.sampling.transform import Transform

__all__ = ["AllowedTokens", "GenerationRequest", "allowed_tokens", "prepare_request", "tokens_with_prefix"]

_MAX_CHARACTER_BYTES = 4

AllowedTokens = Bool[np.ndarray, " vocab"] | FinishReason | None
"""Tokens that may follow a text: a mask of the vocabulary, None if all may follow, a finish reason if none may."""


@dataclass(frozen=True, kw_only=True, eq=False)
class GenerationRequest:
    """One generation request.

    Attributes:
        decoder: model.
        config: sampling settings.
        prompt: token ids of the prompt.
        token_bytes: bytes of each token id.
        boundary: id of the token that ends a text; None if texts have no end.
        stops: stop strings in UTF-8.
        text_before: end of the prompt's text, in which stop strings, banned strings and copies may begin.
        constraints: constraints on the text.
        first_token_prefix: bytes that the first token must begin with, such as the space before a word. They belong to
            the prompt, so the text omits them.
        first_constraints: the same constraints for the first token: they see the bytes of each token without the
            prefix.
        chain: transforms between logits and draw.
        breakers: True for tokens that end a repeat for DRY, which contain a `dry_breaker` or are the boundary; None if
            DRY is off.
        logits: logits after the prompt, minus infinity for tokens without the prefix; or the outputs of the head if the
            decoder has a distribution of its own.
        state: state after the prompt.
    """

    decoder: Decoder
    config: SamplingConfig
    prompt: tuple[int, ...]
    token_bytes: tuple[bytes, ...]
    boundary: int | None
    stops: tuple[bytes, ...]
    text_before: bytes
    constraints: tuple[Constraint, ...]
    first_token_prefix: bytes
    first_constraints: tuple[Constraint, ...]
    chain: tuple[Transform, ...]
    breakers: Bool[np.ndarray, " vocab"] | None
    logits: Float32[np.ndarray, " vocab"]
    state: State

    @property
    def distribution(self) -> OutputDistribution | None:
        """The distribution that the decoder's outputs are parameters of; None if they are logits."""
        return self.decoder.distribution

    @property
    def num_choices(self) -> int:
        """Number of choices that are drawn from: the tokens, unless the decoder has a distribution of its own."""
        return self.decoder.vocabulary if self.distribution is None else self.distribution.num_choices

    @property
    def end_choice(self) -> int | None:
        """The choice that ends a text; None if texts have no end."""
        return self.boundary if self.distribution is None else self.distribution.end_choice

    def for_sample(self, index: int) -> "GenerationRequest":
        """Return the request of one sample: this request, unless the model depends on noise (`LatentDecoder`).

        Each sample then has its own noise. The result has a decoder with that noise, and its logits and state after the
        prompt.
        """
        if not isinstance(self.decoder, LatentDecoder):
            return self
        decoder = self.decoder.with_noise(normals(self.config.seed, index, self.decoder.noise_size))
        logits, state = _read_prompt(decoder, self.prompt, self.first_token_prefix, self.token_bytes)
        return replace(self, decoder=decoder, logits=logits, state=state)

    @property
    def grammar(self) -> GrammarConstraint | None:
        """The constraint that the whole text belongs to a grammar; None without one."""
        return next((one for one in self.constraints if isinstance(one, GrammarConstraint)), None)

    def without_grammar(self) -> "GenerationRequest":
        """Return the request with all constraints but the grammar."""
        return replace(self, constraints=tuple(one for one in self.constraints if one is not self.grammar))

    def matches(self, text: str, tokens: Sequence[int]) -> bool | None:
        """Return whether a finished text of some tokens belongs to the requested grammar; None without one.

        A text that ends within a character does not.
        """
        grammar = self.grammar
        if grammar is None:
            return None
        if text.endswith("\N{REPLACEMENT CHARACTER}"):
            data = b"".join(self.added_bytes(token, position) for position, token in enumerate(tokens))
            if not data.endswith("\N{REPLACEMENT CHARACTER}".encode()):
                return False
        return grammar.matches(text)

    def added_bytes(self, token: int, position: int) -> bytes:
        """Return the bytes that a token adds to the text as generated token `position`, counted from 0."""
        piece = self.token_bytes[token]
        return piece if position else piece[len(self.first_token_prefix) :]


def prepare_request(
    decoder: Decoder,
    config: SamplingConfig,
    *,
    prompt: Sequence[int],
    token_bytes: Sequence[bytes],
    boundary: int | None = None,
    guard: TokenPredicate | None = None,
    first_token_prefix: bytes = b"",
    text_before: bytes = b"",
) -> GenerationRequest:
    """Read the prompt and compute everything that the samples share.

    Args:
        decoder: model.
        config: sampling settings.
        prompt: token ids of the prompt; at least one.
        token_bytes: bytes of each token id.
        boundary: id of the token that ends a text; None if texts have no end.
        guard: function that decides whether a token may follow the bytes so far; needed if `config.max_copy`
            limits copies from the corpus.
        first_token_prefix: end of the prompt's text that `prompt` does not contain, because it belongs to the first
            token; at least one token must begin with it.
        text_before: prompt's text; empty if the prompt is not the user's. A stop string, a banned string or a copy of
            the corpus may begin in it, and counts if its last byte is generated.

    Raises:
        ConfigError: the settings need a guard and there is none, they name a token outside the vocabulary, or no token
            begins a text of the grammar.
        RunError: the decoder and the codec have different vocabularies.
    """
    _check(decoder, config, token_bytes, guard)
    distribution = decoder.distribution
    chain = build_chain(config, decoder.vocabulary if distribution is None else distribution.num_choices)
    text_before = text_before[-_context_bytes(config) :]
    constraints = tuple(_constraints(config, token_bytes, guard, text_before))
    for constraint in constraints:
        if isinstance(constraint, GrammarConstraint):
            constraint.check_start()
    first_constraints = constraints
    if first_token_prefix and constraints:
        without_prefix = [piece.removeprefix(first_token_prefix) for piece in token_bytes]
        first_constraints = tuple(_constraints(config, without_prefix, guard, text_before))
    logits, state = _read_prompt(decoder, prompt, first_token_prefix, token_bytes)
    return GenerationRequest(
        decoder=decoder,
        config=config,
        prompt=tuple(prompt),
        token_bytes=tuple(token_bytes),
        boundary=boundary,
        stops=tuple(stop.encode() for stop in config.stop),
        text_before=text_before,
        constraints=constraints,
        first_token_prefix=first_token_prefix,
        first_constraints=first_constraints,
        chain=chain,
        breakers=_breakers(config, token_bytes, boundary),
        logits=logits,
        state=state,
    )


def _check(
    decoder: Decoder, config: SamplingConfig, token_bytes: Sequence[bytes], guard: TokenPredicate | None
) -> None:
    """Check that the parts of a request belong together; see `prepare_request` for the errors."""
    if len(token_bytes) != decoder.vocabulary:
        raise RunError(
            f"the codec has {len(token_bytes)} tokens and the model {decoder.vocabulary}: the run's files come from "
            "different trainings; copy the run again"
        )
    if decoder.distribution is not None:
        check_choices(config)
    if config.max_copy and guard is None:
        raise ConfigError("`max_copy` needs the corpus that the run was trained on, which is unavailable")


def _read_prompt(
    decoder: Decoder, prompt: Sequence[int], prefix: bytes, token_bytes: Sequence[bytes]
) -> tuple[Float32[np.ndarray, " vocab"], State]:
    """Return the logits after the prompt, minus infinity for tokens without the prefix, and the state."""
    logits, state = decoder.read(prompt, decoder.initial_state())
    if prefix:
        logits = np.where(tokens_with_prefix(prefix, token_bytes), logits, np.float32(-np.inf))
    return logits, state


def _breakers(
    config: SamplingConfig, token_bytes: Sequence[bytes], boundary: int | None
) -> Bool[np.ndarray, " vocab"] | None:
    if config.dry_multiplier == 0:
        return None
    strings = [string.encode() for string in config.dry_breaker]
    breakers = np.array([any(string in piece for string in strings) for piece in token_bytes], np.bool_)
    if boundary is not None:
        breakers[boundary] = True
    return breakers


def tokens_with_prefix(prefix: bytes, token_bytes: Sequence[bytes]) -> Bool[np.ndarray, " vocab"]:
    """Return a mask of the tokens that begin with `prefix`."""
    return np.array([piece.startswith(prefix) for piece in token_bytes], np.bool_)


def allowed_tokens(request: GenerationRequest, text: TextBytes, num_tokens: int) -> AllowedTokens:
    """Return the tokens that may follow a text: a mask, None for all tokens, or a finish reason if there are none.

    Args:
        request: generation request.
        text: bytes generated so far.
        num_tokens: number of tokens generated so far.
    """
    boundary, below_min_length = request.end_choice, num_tokens < request.config.min_length
    constraints = request.constraints if num_tokens else request.first_constraints
    if not constraints and (boundary is None or not below_min_length):
        return None
    mask = np.ones(request.num_choices, np.bool_)
    may_end = boundary is not None and not below_min_length
    finish_reason: FinishReason | None = None
    for constraint in constraints:
        allowed = constraint.allowed(text)
        if boundary is not None:  # `may_end` decides about the boundary
            allowed[boundary] = False
            may_end = may_end and constraint.may_end(text)
        if finish_reason is None and not allowed.any():
            finish_reason = constraint.finish_reason
        mask &= allowed
    if boundary is not None:
        mask[boundary] = may_end
    if request.first_token_prefix and not num_tokens:
        mask &= np.isfinite(request.logits)  # only tokens with the prefix
    if mask.any():
        return mask
    # A text that must not end yet does not end by itself, even if it belongs to the grammar.
    return "stop" if below_min_length else finish_reason or "stop"


def _context_bytes(config: SamplingConfig) -> int:
    """Return how many bytes at the end of the prompt can matter to stop strings, banned strings and copies."""
    longest_string = max((len(string.encode()) for string in (*config.stop, *config.ban)), default=0)
    return max(1, longest_string, _MAX_CHARACTER_BYTES * (config.max_copy + 2))


def _constraints(
    config: SamplingConfig, token_bytes: Sequence[bytes], guard: TokenPredicate | None, text_before: bytes
) -> list[Constraint]:
    constraints: list[Constraint] = []
    if config.text_grammar is not None:
        constraints.append(GrammarConstraint(*config.text_grammar, token_bytes))
    if config.ban:
        constraints.append(BannedStrings([string.encode() for string in config.ban], token_bytes, text_before))
    if guard is not None:
        constraints.append(CallbackConstraint(guard, token_bytes, text_before))
    return constraints
