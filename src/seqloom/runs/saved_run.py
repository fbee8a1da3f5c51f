"""A run on disk: path, config, codec and weights."""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqloom.codecs.base import Codec
from seqloom.codecs.text import TextCodec, as_text_codec
from seqloom.corpora.normalization import fold
from seqloom.errors import ConfigError
from seqloom.runs.checks import check_is_run
from seqloom.runs.config import RunConfig
from seqloom.runs.layout import RunFolder

if TYPE_CHECKING:
    from seqloom.models.language_model import LanguageModel

__all__ = ["SavedRun"]


class SavedRun:
    """The output of one training; the weights are read at their first use.

    Args:
        path: run folder.

    Attributes:
        folder: files of the run.
        config: settings and origin of the run.
        codec: conversion of text, or another kind of sequence, to tokens and back.

    Raises:
        RunError: the folder is missing, incomplete, damaged, or has a newer format.
        ConfigError: `path` is neither a string nor a path.
    """

    def __init__(self, path: str | Path | RunFolder) -> None:
        if not isinstance(path, str | Path | RunFolder):
            raise ConfigError(f"load got {path!r}: name a run folder, as a string or a path")
        self.folder = path if isinstance(path, RunFolder) else RunFolder(path)
        self.folder.settle()
        check_is_run(self.folder)
        self.config: RunConfig = self.folder.read_config()
        self.codec: Codec[Any] = self.folder.read_codec()

    @property
    def path(self) -> Path:
        """The run folder."""
        return self.folder.path

    @property
    def text_codec(self) -> TextCodec:
        """The codec of a run of text.

        Raises:
            CodecError: the run was trained on another kind of sequence.
        """
        return as_text_codec(self.codec)

    @cached_property
    def weights(self) -> dict[str, np.ndarray]:
        """The best weights so far, or the newest if there is no validation, as arrays by name.

        Raises:
            RunError: there are no weights yet, or the file is damaged.
        """
        return self.folder.read_weights()

    def normalize(self, text: str) -> str:
        """Transform a text as the training corpus was transformed, for example to lower case or a Unicode normal form.

        Raises:
            ConfigError: `text` is not a string.
        """
        if not isinstance(text, str):
            raise ConfigError(f"the text is {text!r}, but must be a string")
        return fold(text, self.config.reading)

    def model(self) -> "LanguageModel":
        """Return the network with its best weights.

        Raises:
            RunError: the weights do not fit the config.
        """
        from seqloom.runs.torch_model import build_model

        return build_model(self.config.model, self.weights, self.path)
