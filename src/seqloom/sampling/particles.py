"""Particles of sequential Monte Carlo: texts that are generated in parallel and can be copied over one another."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from jaxtyping import Float32, Int

from seqloom.kernels.batched_decoder import NOT_FINITE, RUNNING, Chunk
from seqloom.kernels.decoder import State
from seqloom.sampling.native_engine import FINISH_REASONS, sample_streams, start_streams, supports_native
from seqloom.sampling.reference_engine import sample_token
from seqloom.sampling.request import GenerationRequest, allowed_tokens
from seqloom.sampling.rng import uniforms
from seqloom.sampling.sample import FinishReason
from seqloom.sampling.transforms import non_finite_error

__all__ = ["Particle", "ParticleSet", "make_particles"]


@dataclass
class Particle:
    """One text so far.

    Attributes:
        tokens: token ids, without the boundary.
        log_probs: nats of each draw under the model and under the distribution that was drawn from.
        finish_reason: finish reason; None while the text is unfinished.
    """

    tokens: list[int] = field(default_factory=list)
    log_probs: list[tuple[float, float]] = field(default_factory=list)
    finish_reason: FinishReason | None = None

    def copy(self) -> "Particle":
        """Return an independent copy."""
        return Particle(list(self.tokens), list(self.log_probs), self.finish_reason)


class ParticleSet(Protocol):
    """A set of particles.

    Attributes:
        particles: the texts.
    """

    particles: list[Particle]

    def advance(self, max_tokens: int) -> None:
        """Extend every unfinished text by up to `max_tokens` tokens."""
        ...

    def reorder(self, ancestors: Int[np.ndarray, " particles"]) -> None:
        """Replace particle i by a copy of particle `ancestors[i]`; each slot keeps its own random numbers."""
        ...


def make_particles(request: GenerationRequest, count: int, first_index: int) -> ParticleSet:
    """Return particles that continue the request's prompt.

    Args:
        request: generation request; its stop strings are ignored.
        count: number of particles.
        first_index: sample index of the first particle's random numbers.
    """
    assert request.config.watermark is None, "copies with one watermark key would continue identically"
    kind = NativeParticles if supports_native(request) else ReferenceParticles
    return kind(request, count, first_index)


class NativeParticles:
    """Particles in the compiled kernels."""

    def __init__(self, request: GenerationRequest, count: int, first_index: int) -> None:
        self.particles = [Particle() for _ in range(count)]
        self._lanes = start_streams(request, count, first_index)
        self._request = request

    def advance(self, max_tokens: int) -> None:
        """See `ParticleSet`."""
        while max_tokens > 0 and any(particle.finish_reason is None for particle in self.particles):
            chunk = self._lanes.generate(max_tokens)
            if (chunk.endings == NOT_FINITE).any():
                raise non_finite_error()
            max_tokens -= int(chunk.counts.max())
            for lane, particle in enumerate(self.particles):
                if particle.finish_reason is None:
                    _append(particle, chunk, lane)

    def reorder(self, ancestors: Int[np.ndarray, " particles"]) -> None:
        """See `ParticleSet`."""
        self.particles = [self.particles[ancestor].copy() for ancestor in ancestors]
        self._lanes.reorder(sample_streams(self._request, ancestors))


def _append(particle: Particle, chunk: Chunk, lane: int) -> None:
    count, ending = int(chunk.counts[lane]), int(chunk.endings[lane])
    particle.finish_reason = None if ending == RUNNING else FINISH_REASONS[ending]
    particle.tokens += chunk.tokens[lane, : count - (particle.finish_reason == "end")].tolist()
    particle.log_probs += list(zip(*chunk.nats[:, lane, :count].tolist(), strict=True))


class ReferenceParticles:
    """Particles in the reference engine."""

    def __init__(self, request: GenerationRequest, count: int, first_index: int) -> None:
        self.particles = [Particle() for _ in range(count)]
        self._request = request
        self._first_index = first_index
        requests = [request.for_sample(first_index + place) for place in range(count)]
        self._decoders = [own.decoder for own in requests]
        self._heads: list[tuple[Float32[np.ndarray, " vocab"], State]] = [(own.logits, own.state) for own in requests]
        self._uniforms = [uniforms(request.config.seed, first_index + place) for place in range(count)]

    def advance(self, max_tokens: int) -> None:
        """See `ParticleSet`."""
        for place, particle in enumerate(self.particles):
            for _ in range(max_tokens):
                if particle.finish_reason is None:
                    self._extend(place, particle)

    def reorder(self, ancestors: Int[np.ndarray, " particles"]) -> None:
        """See `ParticleSet`."""
        self.particles = [self.particles[ancestor].copy() for ancestor in ancestors]
        self._decoders = [self._decoders[ancestor] for ancestor in ancestors]
        self._heads = [self._heads[ancestor] for ancestor in ancestors]

    def _extend(self, place: int, particle: Particle) -> None:
        """Extend one particle by a token."""
        request, (logits, state) = self._request, self._heads[place]
        mask = allowed_tokens(request, _text(request, particle.tokens), len(particle.tokens))
        if isinstance(mask, str):
            particle.finish_reason = mask
            return
        uniform, index = next(self._uniforms[place]), self._first_index + place
        draw = sample_token(request, logits, particle.tokens, mask, uniform, index)
        particle.log_probs.append((draw.log_prob, draw.sampling_log_prob))
        if draw.token == request.boundary:
            particle.finish_reason = "end"
            return
        particle.tokens.append(draw.token)
        if len(particle.tokens) == request.config.length:
            particle.finish_reason = "length"
            return
        self._heads[place] = self._decoders[place].step(draw.token, state)


def _text(request: GenerationRequest, tokens: Sequence[int]) -> bytearray:
    return bytearray(b"".join(request.added_bytes(token, position) for position, token in enumerate(tokens)))
