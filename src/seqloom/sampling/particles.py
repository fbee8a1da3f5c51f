"""Texts that are written side by side and may be copied over one another: what steering moves about."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from jaxtyping import Float32, Int

from seqloom.kernels.batched_decoder import NOT_FINITE, RUNNING, Chunk
from seqloom.kernels.decoder import State
from seqloom.sampling.native_engine import ENDINGS, sample_streams, start_streams, supports_native
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
        tokens: its ids, without the boundary.
        nats: of each draw, under the model and under what was drawn from.
        reason: why it has ended; None while it goes on.
    """

    tokens: list[int] = field(default_factory=list)
    nats: list[tuple[float, float]] = field(default_factory=list)
    reason: FinishReason | None = None

    def copied(self) -> "Particle":
        """The same text, to go on from on its own."""
        return Particle(list(self.tokens), list(self.nats), self.reason)


class ParticleSet(Protocol):
    """Texts by their place.

    Attributes:
        members: the texts.
    """

    members: list[Particle]

    def advance(self, most: int) -> None:
        """Have every text that has not ended write up to `most` tokens."""
        ...

    def reorder(self, ancestors: Int[np.ndarray, " members"]) -> None:
        """Put in each place a copy of the text in another; each place goes on with its own draws."""
        ...


def make_particles(job: GenerationRequest, count: int, first_index: int) -> ParticleSet:
    """Texts that all begin after the job's prompt.

    Args:
        job: the request; its stop strings are left alone.
        count: how many texts.
        first_index: of their draws.
    """
    assert job.config.watermark is None, "copies that one key marks would go on alike"
    return (
        NativeParticles(job, count, first_index)
        if supports_native(job)
        else ReferenceParticles(job, count, first_index)
    )


class NativeParticles:
    """A flock in the compiled kernels."""

    def __init__(self, job: GenerationRequest, count: int, first_index: int) -> None:
        self.members = [Particle() for _ in range(count)]
        self._lanes = start_streams(job, count, first_index)
        self._job = job

    def advance(self, most: int) -> None:
        """See `Flock`."""
        while most > 0 and any(member.reason is None for member in self.members):
            chunk = self._lanes.generate(most)
            if (chunk.endings == NOT_FINITE).any():
                raise non_finite_error()
            most -= int(chunk.counts.max())
            for place, member in enumerate(self.members):
                if member.reason is None:
                    _append(member, chunk, place)

    def reorder(self, ancestors: Int[np.ndarray, " members"]) -> None:
        """See `Flock`."""
        self.members = [self.members[ancestor].copied() for ancestor in ancestors]
        self._lanes.reorder(sample_streams(self._job, ancestors))


def _append(member: Particle, chunk: Chunk, place: int) -> None:
    count, ending = int(chunk.counts[place]), int(chunk.endings[place])
    member.reason = None if ending == RUNNING else ENDINGS[ending]
    member.tokens += chunk.tokens[place, : count - (member.reason == "end")].tolist()
    member.nats += list(zip(*chunk.nats[:, place, :count].tolist(), strict=True))


class ReferenceParticles:
    """A flock in the plain loop."""

    def __init__(self, job: GenerationRequest, count: int, first_index: int) -> None:
        self.members = [Particle() for _ in range(count)]
        self._job = job
        jobs = [job.of_sample(first_index + place) for place in range(count)]
        self._decoders = [own.decoder for own in jobs]
        self._heads: list[tuple[Float32[np.ndarray, " vocab"], State]] = [(own.logits, own.state) for own in jobs]
        self._chances = [uniforms(job.config.seed, first_index + place) for place in range(count)]

    def advance(self, most: int) -> None:
        """See `Flock`."""
        for place, member in enumerate(self.members):
            for _ in range(most):
                if member.reason is None:
                    self._write(place, member)

    def reorder(self, ancestors: Int[np.ndarray, " members"]) -> None:
        """See `Flock`."""
        self.members = [self.members[ancestor].copied() for ancestor in ancestors]
        self._decoders = [self._decoders[ancestor] for ancestor in ancestors]
        self._heads = [self._heads[ancestor] for ancestor in ancestors]

    def _write(self, place: int, member: Particle) -> None:
        job, (logits, state) = self._job, self._heads[place]
        written = _spelled(job, member.tokens)
        mask = allowed_tokens(job, written, len(member.tokens))
        if isinstance(mask, str):
            member.reason = mask
            return
        choice = sample_token(job, logits, member.tokens, mask, next(self._chances[place]))
        member.nats.append((choice.log_prob, choice.sampling_log_prob))
        if choice.token == job.boundary:
            member.reason = "end"
            return
        member.tokens.append(choice.token)
        if len(member.tokens) == job.config.length:
            member.reason = "length"
            return
        self._heads[place] = self._decoders[place].step(choice.token, state)


def _spelled(job: GenerationRequest, tokens: Sequence[int]) -> bytearray:
    return bytearray(b"".join(job.spelled(token, place) for place, token in enumerate(tokens)))
