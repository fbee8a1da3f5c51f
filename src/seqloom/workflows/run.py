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
from seqloom.kernels.native_decoder import decoding_kernels
from seqloom.registry import unknown_name
from seqloom.sampling import Sample, SamplingConfig
from seqloom.sampling.config import is_whole
from seqloom.sampling.constraints import Guard
from seqloom.workflows.folder import RunConfig, RunFolder
from seqloom.workflows.writer import Prompt, Writer, WriterMaker

if TYPE_CHECKING:
    from seqloom.evaluation.likelihood import Likelihood
    from seqloom.evaluation.scores import TokenScore
    from seqloom.models.language_model import LanguageModel
    from seqloom.sampling.watermark import Finding
    from seqloom.workflows.measuring import Protocol
    from seqloom.workflows.rated_writing import RatedWriting

__all__ = ["Run", "load"]

_OWN = ("carry", "precision", "skip_unknown", "rating", "guidance", "extrapolate")
"""Settings of generation that are none of `SamplingConfig`."""


def load(path: str | Path) -> "Run":
    """Open a run folder. Weights are read when they are first needed.

    Raises:
        RunError: the folder is missing, half-written, damaged, or from a newer format.
        ConfigError: the path is none.
    """
    if not isinstance(path, str | Path):
        raise ConfigError(f"load got {path!r}: name a run folder, as text or as a path")
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
        self._made: tuple[tuple[bool | None, str | None, str | None], WriterMaker] | None = None

    def __repr__(self) -> str:
        from seqloom.workflows.describing import parameters

        model = self.config.model
        shape = f"{model.core} of {' + '.join(map(str, model.sizes))}, {parameters(model):,} parameters"
        return f"<Run {self.path}: {shape}, level {self.config.level}>"

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

    def writer(
        self,
        *,
        rating: Any = None,
        guidance: float = 1.0,
        extrapolate: bool = False,
        carry: bool | None = None,
        precision: str | None = None,
    ) -> Writer:
        """What writes.

        Args:
            rating: to write for: a number, or numbers and categories by column; None leaves it open.
            guidance: how far to lead away from what would be written without a rating: 1 does not, 1.5 is usual; the
                logits are those without it, and so many times the difference that it makes.
            extrapolate: allow ratings beyond those that were trained on.
            carry: see `WriterMaker`.
            precision: see `WriterMaker`.

        Raises:
            ConfigError: the run has no ratings, or not this one, or it is out of range; the precision is unknown, or
                not to be had for this run.
            RunError: the weights are missing, damaged or do not fit the config.
        """
        check(
            (
                rating is not None or (guidance == 1 and not extrapolate),
                f"--{'extrapolate' if extrapolate else 'guidance'} has no meaning without --rating: leave it out, or "
                "add a rating",
            ),
        )
        values = None if rating is None else self.config.conditions.wanted(rating, extrapolate=extrapolate)
        maker = self._maker(carry, precision)
        return maker.untold if values is None else maker.told(values, guidance)

    def generate(self, prompt: str = "", **settings: Any) -> str:
        """Write after a prompt.

        Args:
            prompt: is changed as the corpus was (lower-cased, normalised), then read.
            settings: fields of `SamplingConfig`, arguments of `writer` (`rating`, `guidance` and others), and
                `skip_unknown`.

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
        writer, read, config = self._ready(prompt, count, settings)
        return writer.write(read, config, count=count, guard=self.copy_guard(config))

    def stream(self, prompt: str = "", **settings: Any) -> Iterator[str]:
        """Write piece by piece; the pieces together are what `generate` returns."""
        writer, read, config = self._ready(prompt, 1, settings)
        return writer.stream(read, config, guard=self.copy_guard(config))

    def streams(self, prompt: str = "", count: int = 1, **settings: Any) -> Iterator[Generator[str, None, Sample]]:
        """The samples of `samples`, each piece by piece; each generator returns its sample."""
        writer, read, config = self._ready(prompt, count, settings)
        guard = self.copy_guard(config)
        if config.beam > 1:
            return map(_whole, writer.write(read, config, count=count, guard=guard))
        return (writer.stream(read, config, index=index, guard=guard) for index in range(count))

    def write_to(self, rating: Any, prompt: str = "", count: int = 1, **settings: Any) -> "RatedWriting":
        """Write texts to a rating, with a critic or without.

        Args:
            rating: a number, or numbers and categories by column.
            prompt: as for `generate`.
            count: how many texts.
            settings: fields of `Request` (`methods`, `guidance`, `critic`, `agree`, `budget`, `particles`,
                `extrapolate`) and those of `generate`.

        Returns:
            What gives the texts when it is gone through, each with what the critic makes of it, and says what they
            cost.

        Raises:
            ConfigError: a setting is unknown or out of range, or they contradict one another or the run.
        """
        from seqloom.workflows.rated_writing import RatedWriting, Request, check_draws, make_plan

        asked = {name: settings.pop(name) for name in Request.__dataclass_fields__ if name in settings}
        plan = make_plan(Request(rating=rating, **asked), self.config.conditions)
        own = {name: settings.pop(name) for name in _OWN if name in settings}
        config = _sampling_config(settings, count)
        check_draws(plan, config)
        skip_unknown = own.pop("skip_unknown", False)
        maker = self._maker(own.get("carry"), own.get("precision"))
        writer = maker.untold if plan.values is None else maker.told(plan.values, plan.guidance)
        read = writer.prompt(self.as_read(prompt), skip_unknown=skip_unknown)
        return RatedWriting(plan, writer, read, config, count, self.copy_guard(config))

    def next_distribution(
        self, prompt: str = "", temperature: float = 1.0, *, rating: Any = None, skip_unknown: bool = False
    ) -> Float64[np.ndarray, " vocab"]:
        """The probability of every token after a prompt, at a temperature, in float32."""
        writer = self.writer(rating=rating, precision="float32")
        return writer.distribution(writer.prompt(self.as_read(prompt), skip_unknown=skip_unknown), temperature)

    def as_read(self, text: str) -> str:
        """A text as the run's corpus was read: lower-cased and normalised where that was."""
        from seqloom.corpora.folding import fold

        if not isinstance(text, str):
            raise ConfigError(f"the text is {text!r}: give a string")
        return fold(text, self.config.reading)

    def score(self, text: str, *, skip_unknown: bool = False) -> "list[TokenScore]":
        """Log-probability, rank and entropy of every token of a text, each after all that comes before it.

        Raises:
            CodecError: the text has symbols outside the vocabulary, and `skip_unknown` is False.
        """
        from seqloom.workflows.measuring import score_text

        return score_text(self, text, skip_unknown=skip_unknown)

    def find_watermark(self, text: str, key: str) -> "Finding":
        """How much a text looks as if a key had marked it; needs no weights. See `sampling.watermark.find_mark`.

        Raises:
            ConfigError: the key is empty.
        """
        from seqloom.workflows.watermarks import find_watermark

        return find_watermark(self, text, key)

    def evaluate(
        self,
        source: str | Path | Sequence[str | Path] | None = None,
        protocol: "Protocol | None" = None,
        split: str = "all",
        *,
        skip_unknown: bool = False,
    ) -> "Likelihood":
        """What a text costs under the model.

        Args:
            source: what to read, as the run's corpus was read; None is the run's own corpus.
            protocol: full context by default.
            split: "all", or of the run's own corpus "train", "validation" or "held-out".
            skip_unknown: pass over symbols that the run does not know; they are counted in the result's `left_out`.

        Raises:
            UserError: the source cannot be read or has unknown symbols, or the split holds nothing.
        """
        from seqloom.workflows.measuring import evaluate

        return evaluate(self, source, protocol, split, skip_unknown=skip_unknown)

    def model(self) -> "LanguageModel":
        """The network, with its best weights.

        Raises:
            RunError: the weights do not fit the config.
        """
        from seqloom.workflows.network import load_model

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

    def _ready(self, prompt: str, count: int, settings: dict[str, Any]) -> tuple[Writer, Prompt, SamplingConfig]:
        own = {name: settings.pop(name) for name in _OWN if name in settings}
        config = _sampling_config(settings, count)
        skip_unknown = own.pop("skip_unknown", False)
        writer = self.writer(**own)
        return writer, writer.prompt(self.as_read(prompt), skip_unknown=skip_unknown), config

    def _maker(self, carry: bool | None, precision: str | None) -> WriterMaker:
        """The maker of writers of this kind; the last one is kept."""
        kind = carry, precision, decoding_kernels(self.config.model)
        if self._made is None or self._made[0] != kind:
            self._made = kind, WriterMaker(self.config, self.codec, self.weights, carry=carry, precision=precision)
        return self._made[1]


def _whole(sample: Sample) -> Generator[str, None, Sample]:
    """A sample that is known already, as a stream of one piece."""
    yield sample.text
    return sample


def _sampling_config(settings: dict[str, Any], count: int) -> SamplingConfig:
    known = dict.fromkeys((*SamplingConfig.__dataclass_fields__, *_OWN, "count"))
    unknown = [unknown_name("setting", name, known) for name in settings if name not in known]
    if unknown:
        raise ConfigError(*unknown)
    beam = settings.get("beam", 0)
    faults = [] if is_whole(count, 1) else [f"--count got {count!r}: it must be a whole number from 1 up"]
    if not faults and is_whole(beam, 2) and beam < count:
        faults.append(
            f"--count {count} is more than the {beam} texts that --beam {beam} finds: lower it, or raise --beam"
        )
    try:
        config = SamplingConfig(**settings)
    except ConfigError as error:
        raise ConfigError(*faults, *error.faults) from None
    check(*[(False, fault) for fault in faults])
    return config
