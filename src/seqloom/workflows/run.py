"""A run: what training made, ready to write, to be measured and to be looked at."""

from collections.abc import Generator, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64

from seqloom.codecs.base import Codec
from seqloom.config import check
from seqloom.errors import ConfigError
from seqloom.registry import unknown_name
from seqloom.sampling import Sample, SamplingConfig
from seqloom.sampling.constraints import Guard
from seqloom.workflows.folder import RunConfig, RunFolder
from seqloom.workflows.writer import Writer, make_writer

if TYPE_CHECKING:
    from seqloom.evaluation.likelihood import Likelihood
    from seqloom.evaluation.scores import TokenScore
    from seqloom.models.language_model import LanguageModel
    from seqloom.workflows.measuring import Protocol

__all__ = ["Run", "load"]


def load(path: str | Path) -> "Run":
    """Open a run folder. Weights are read when they are first needed.

    Raises:
        RunError: the folder is missing, half-written, damaged, or from a newer format.
    """
    return Run(path)


class Run:
    """Everything that one training made.

    Args:
        path: the run folder.

    Attributes:
        folder: its files.
        config: what it was made from.
        codec: text to tokens and back.

    Raises:
        RunError: the folder is missing, half-written, damaged, or from a newer format.
    """

    def __init__(self, path: str | Path) -> None:
        self.folder = RunFolder(path)
        self.config: RunConfig = self.folder.read_config()
        self.codec: Codec = self.folder.read_codec()

    @property
    def path(self) -> Path:
        """The run folder."""
        return self.folder.path

    @cached_property
    def weights(self) -> dict[str, np.ndarray]:
        """The best weights so far, by name.

        Raises:
            RunError: there are none yet, or the file is damaged.
        """
        return self.folder.read_weights()

    def writer(self, *, carry: bool | None = None) -> Writer:
        """What writes: see `make_writer`.

        Raises:
            RunError: the weights are missing, damaged or do not fit the config.
        """
        return make_writer(self.config, self.codec, self.weights, carry=carry)

    def generate(self, prompt: str = "", **settings: Any) -> str:
        """Write after a prompt.

        Args:
            prompt: is changed as the corpus was (lower-cased, normalised), then read.
            settings: fields of `SamplingConfig`; also `carry` (see `make_writer`) and `skip_unknown`.

        Returns:
            What was written, without the prompt.

        Raises:
            ConfigError: a setting is unknown or out of range.
            CodecError: the prompt has symbols that the run never saw, and `skip_unknown` is not set.
        """
        return next(iter(self.samples(prompt, **settings))).text

    def samples(self, prompt: str = "", count: int = 1, **settings: Any) -> list[Sample]:
        """Write several samples; the same seed writes the same ones at any count. See `generate`."""
        return list(self.iterate(prompt, count, **settings))

    def iterate(self, prompt: str = "", count: int = 1, **settings: Any) -> Iterator[Sample]:
        """The samples of `samples`, each as soon as it is written."""
        writer, ids, config = self._ready(prompt, count, settings)
        return writer.write(ids, config, count=count, guard=self.copy_guard(config))

    def stream(self, prompt: str = "", **settings: Any) -> Iterator[str]:
        """Write piece by piece; the pieces together are what `generate` returns."""
        writer, ids, config = self._ready(prompt, 1, settings)
        return writer.stream(ids, config, guard=self.copy_guard(config))

    def streams(self, prompt: str = "", count: int = 1, **settings: Any) -> Iterator[Generator[str, None, Sample]]:
        """The samples of `samples`, each piece by piece; each generator returns its sample."""
        writer, ids, config = self._ready(prompt, count, settings)
        guard = self.copy_guard(config)
        if config.beam > 1:
            return map(_whole, writer.write(ids, config, count=count, guard=guard))
        return (writer.stream(ids, config, index=index, guard=guard) for index in range(count))

    def next_distribution(
        self, prompt: str = "", temperature: float = 1.0, *, skip_unknown: bool = False
    ) -> Float64[np.ndarray, " vocab"]:
        """The probability of every token after a prompt, at a temperature."""
        writer = self.writer()
        return writer.distribution(writer.prompt_ids(self.as_read(prompt), skip_unknown=skip_unknown), temperature)

    def as_read(self, text: str) -> str:
        """A text as the run's corpus was read: lower-cased and normalised where that was."""
        from seqloom.corpora.folding import fold

        return fold(text, self.config.reading)

    def score(self, text: str) -> "list[TokenScore]":
        """Log-probability, rank and entropy of every token of a text, each after all that comes before it.

        Raises:
            CodecError: the text has symbols outside the vocabulary.
        """
        from seqloom.workflows.measuring import score_text

        return score_text(self, text)

    def evaluate(
        self,
        source: str | Path | Sequence[str | Path] | None = None,
        protocol: "Protocol | None" = None,
        split: str = "all",
    ) -> "Likelihood":
        """What a text costs under the model.

        Args:
            source: what to read, as the run's corpus was read; None is the run's own corpus.
            protocol: full context by default.
            split: "all", or of the run's own corpus "train", "validation" or "held-out".

        Raises:
            UserError: the source cannot be read, or the split holds nothing.
        """
        from seqloom.workflows.measuring import evaluate

        return evaluate(self, source, protocol, split)

    def model(self) -> "LanguageModel":
        """The network, with its best weights.

        Raises:
            RunError: the weights do not fit the config.
        """
        from seqloom.workflows.measuring import load_model

        return load_model(self)

    def info(self) -> dict[str, Any]:
        """What the run is, in JSON's types."""
        from seqloom.workflows.describing import describe

        return describe(self)

    def copy_guard(self, config: SamplingConfig) -> Guard | None:
        """What keeps generation from copying more than `config.max_copy` characters; None where that is off.

        Raises:
            SourceError: the run's corpus is not at hand.
        """
        if not config.max_copy:
            return None
        from seqloom.workflows.own_text import copy_index

        return copy_index(self).guard(config.max_copy)

    def _ready(self, prompt: str, count: int, settings: dict[str, Any]) -> tuple[Writer, list[int], SamplingConfig]:
        own = {name: settings.pop(name) for name in ("carry", "skip_unknown") if name in settings}
        config = _sampling_config(settings, count)
        writer = self.writer(carry=own.get("carry"))
        ids = writer.prompt_ids(self.as_read(prompt), skip_unknown=own.get("skip_unknown", False))
        return writer, ids, config


def _whole(sample: Sample) -> Generator[str, None, Sample]:
    """A sample that is known already, as a stream of one piece."""
    yield sample.text
    return sample


def _sampling_config(settings: dict[str, Any], count: int) -> SamplingConfig:
    known = dict.fromkeys((*SamplingConfig.__dataclass_fields__, "carry", "skip_unknown", "count"))
    unknown = [unknown_name("setting", name, known) for name in settings if name not in known]
    if unknown:
        raise ConfigError(*unknown)
    beam = settings.get("beam", 0)
    faults = [] if count >= 1 else [f"--count got {count}: it must be 1 or more"]
    if 1 < beam < count:
        faults.append(
            f"--count {count} is more than the {beam} texts that --beam {beam} finds: lower it, or raise --beam"
        )
    try:
        config = SamplingConfig(**settings)
    except ConfigError as error:
        raise ConfigError(*faults, *error.faults) from None
    check(*[(False, fault) for fault in faults])
    return config
