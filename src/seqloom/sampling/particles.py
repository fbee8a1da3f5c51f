"""Particles of sequential Monte Carlo: texts that are generated in parallel, and can be replaced by copies of others.

A particle set has a fixed number of slots. Each slot holds one particle and a sequence of random numbers for its draws.
A slot keeps the sequence when its particle is replaced, so that two copies of a particle continue differently. The
boundary is the token that ends a text.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from jaxtyping import Float32, Int

from seqloom.kernels.batched_decoder import NOT_FINITE, RUNNING, Chunk
from seqloom.kernels.decoder import State
from seqloom.sampling.grammar_ends import longest_match, token_choice
from seqloom.sampling.native_engine import FINISH_REASONS, sample_streams, start_streams, supports_native
from seqloom.sampling.reference_engine import sample_token
from seqloom.sampling.request import GenerationRequest
from seqloom.sampling.rng import uniforms
from seqloom.sampling.sample import FinishReason
from seqloom.sampling.transforms import non_finite_error

__all__ = ["Particle", "ParticleSet", "make_particles"]


@dataclass
class Particle:
    """One text so far.

    Attributes:
        tokens: token ids, without the boundary.
        log_probs: pair of log-probabilities, in nats, of each drawn token, the boundary included: under the model, and
            under the distribution from which the token was drawn.
        finish_reason: finish reason; None while the text is unfinished.
    """

    tokens: list[int] = field(default_factory=list)
    log_probs: list[tuple[float, float]] = field(default_factory=list)
    finish_reason: FinishReason | None = None

    @property
    def surprise(self) -> float:
        """Sum of the surprise of the drawn tokens, in bits."""
        return -sum(sampling_log_prob for _, sampling_log_prob in self.log_probs) / math.log(2)

    def copy(self) -> "Particle":
        """Return an independent copy."""
        return Particle(list(self.tokens), list(self.log_probs), self.finish_reason)


class ParticleSet(Protocol):
    """A set of particles.

    Attributes:
        particles: texts so far, by slot.
    """

    particles: list[Particle]

    def advance(self, max_tokens: int) -> None:
        """Extend every unfinished text by up to `max_tokens` tokens."""
        ...

    def reorder(self, ancestors: Int[np.ndarray, " particles"]) -> None:
        """Replace the particle of slot i by a copy of the particle of slot `ancestors[i]`; the random numbers stay."""
        ...


def make_particles(request: GenerationRequest, count: int, first_index: int) -> ParticleSet:
    """Return particles that continue the request's prompt.

    Args:
        request: generation request; its stop strings are ignored, and the caller cuts the finished texts.
        count: number of particles.
        first_index: sample index of the first slot; the index increases by 1 from slot to slot, and selects the random
            numbers of the slot.
    """
    assert request.config.watermark is None, "copies with one watermark key would continue identically"
    particle_set_class = NativeParticles if supports_native(request) else ReferenceParticles
    return particle_set_class(request, count, first_index)


class NativeParticles:
    """Particles that the compiled kernels generate; the slots are the streams of a `BatchedDecoder`."""

    def __init__(self, request: GenerationRequest, count: int, first_index: int) -> None:
        self.particles = [Particle() for _ in range(count)]
        self._streams = start_streams(request, count, first_index)
        self._request = request

    def advance(self, max_tokens: int) -> None:
        """See `ParticleSet`."""
        while max_tokens > 0 and any(particle.finish_reason is None for particle in self.particles):
            chunk = self._streams.generate(max_tokens)  # may return fewer tokens on a busy machine
            if (chunk.endings == NOT_FINITE).any():
                raise non_finite_error()
            max_tokens -= int(chunk.counts.max())
            for stream, particle in enumerate(self.particles):
                if particle.finish_reason is None:
                    _append_chunk(particle, chunk, stream)

    def reorder(self, ancestors: Int[np.ndarray, " particles"]) -> None:
        """See `ParticleSet`."""
        self.particles = [self.particles[ancestor].copy() for ancestor in ancestors]
        self._streams.reorder(sample_streams(self._request, ancestors))


def _append_chunk(particle: Particle, chunk: Chunk, stream: int) -> None:
    count, ending = int(chunk.counts[stream]), int(chunk.endings[stream])
    particle.finish_reason = None if ending == RUNNING else FINISH_REASONS[ending]
    num_text_tokens = count - 1 if particle.finish_reason == "end" else count  # the last token is the boundary
    particle.tokens += chunk.tokens[stream, :num_text_tokens].tolist()
    particle.log_probs += list(zip(*chunk.log_probs[:, stream, :count].tolist(), strict=True))


class ReferenceParticles:
    """Particles that the reference engine generates, one token at a time."""

    def __init__(self, request: GenerationRequest, count: int, first_index: int) -> None:
        self.particles = [Particle() for _ in range(count)]
        self._request = request
        self._first_index = first_index
        sample_requests = [request.for_sample(first_index + slot) for slot in range(count)]
        self._decoders = [sample_request.decoder for sample_request in sample_requests]
        # Logits of the next token and state of the decoder, by slot.
        self._outputs: list[tuple[Float32[np.ndarray, " vocab"], State]] = [
            (sample_request.logits, sample_request.state) for sample_request in sample_requests
        ]
        self._uniforms = [uniforms(request.config.seed, first_index + slot) for slot in range(count)]

    def advance(self, max_tokens: int) -> None:
        """See `ParticleSet`."""
        for slot, particle in enumerate(self.particles):
            for _ in range(max_tokens):
                if particle.finish_reason is None:
                    self._extend(slot, particle)

    def reorder(self, ancestors: Int[np.ndarray, " particles"]) -> None:
        """See `ParticleSet`."""
        self.particles = [self.particles[ancestor].copy() for ancestor in ancestors]
        self._decoders = [self._decoders[ancestor] for ancestor in ancestors]
        self._outputs = [self._outputs[ancestor] for ancestor in ancestors]

    def _extend(self, slot: int, particle: Particle) -> None:
        """Extend one particle by a token, or set its finish reason."""
        request, (logits, state) = self._request, self._outputs[slot]
        choice = token_choice(request, _text(request, particle.tokens), len(particle.tokens))
        if isinstance(choice, str):  # a finish reason: no token is allowed
            particle.finish_reason = choice
            return
        uniform, index = next(self._uniforms[slot]), self._first_index + slot
        draw = sample_token(
            request, logits, particle.tokens, choice.mask, uniform, index=index, surprise=particle.surprise
        )
        if choice.ends(draw.token):
            particle.finish_reason = "end"
            return
        particle.log_probs.append((draw.log_prob, draw.sampling_log_prob))
        if draw.token == request.boundary:
            particle.finish_reason = "end"
            return
        particle.tokens.append(draw.token)
        if len(particle.tokens) == request.config.length:
            count = longest_match(request, particle.tokens)
            del particle.tokens[count:], particle.log_probs[count:]
            particle.finish_reason = "length"
            return
        self._outputs[slot] = self._decoders[slot].step(draw.token, state)


def _text(request: GenerationRequest, tokens: Sequence[int]) -> bytearray:
    return bytearray(b"".join(request.added_bytes(token, position) for position, token in enumerate(tokens)))
