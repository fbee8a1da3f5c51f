"""The language model that a GAN's generator starts from, before and after its likelihood training."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from seqloom.codecs.base import Codec
from seqloom.codecs.text import TextCodec, as_text_codec
from seqloom.lm.session import TrainingSession
from seqloom.models.language_model import LanguageModel
from seqloom.runs.config import RunConfig

__all__ = ["Parent", "UntrainedParent"]


class Parent(Protocol):
    """What a GAN takes from its parent; a `SavedRun` is one.

    Attributes:
        config: configuration of the parent's run.
        codec: conversion of texts to tokens and back.
    """

    config: RunConfig
    codec: Codec[Any]

    @property
    def path(self) -> Path:
        """The run folder."""
        ...

    @property
    def text_codec(self) -> TextCodec:
        """The codec, as one of text."""
        ...

    def model(self) -> LanguageModel:
        """Return the network."""
        ...


@dataclass
class UntrainedParent:
    """The parent with its initial weights, to time the GAN's steps before the likelihood training.

    Attributes:
        config: configuration of the likelihood training.
        codec: conversion of texts to tokens and back.
        path: folder of the likelihood training.
        network: network with its initial weights.
    """

    config: RunConfig
    codec: Codec[Any]
    path: Path
    network: LanguageModel

    @classmethod
    def of(cls, session: TrainingSession) -> "UntrainedParent":
        """Return the parent that a prepared likelihood training is going to train."""
        return cls(session.config, session.dataset.codec, session.folder.path, session.model)

    @property
    def text_codec(self) -> TextCodec:
        """The codec, as one of text."""
        return as_text_codec(self.codec)

    def model(self) -> LanguageModel:
        """Return the network."""
        return self.network
