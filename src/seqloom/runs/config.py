"""The configuration of a run: `config.json`.

A run is the folder with everything that one training produces.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from seqloom.codecs.base import Codec
from seqloom.config import ModelConfig, ReadingConfig, TrainingConfig
from seqloom.config.presets import SamplePlan
from seqloom.data.conditions import Conditions
from seqloom.data.store import TokenStore
from seqloom.kernels.library import KERNELS
from seqloom.registry import CODECS, unknown_name
from seqloom.runs.migrations import FORMAT

__all__ = ["RunConfig"]


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Configuration of a run, stored as `config.json`.

    Attributes:
        version: version of seqloom that trained the run.
        sources: sources as the user named them, but existing files and folders as absolute paths.
        corpus: name of the corpus.
        corpus_hash: fingerprint of the corpus.
        separate: whether the corpus consists of separate documents; False for one running text.
        level: registered name of the codec, such as "char" or "word".
        reading: reading settings.
        model: shape of the network.
        training: training settings.
        samples: plan of the samples that are generated after each epoch.
        opening: token ids that the model reads in place of an empty prompt.
        preset: name of the preset, or None.
        parent: run that training started from, or None.
        threads: number of threads in training.
        kernels: instruction set of the compiled kernels that trained the run, or None for torch.
        conditions: ratings and categories of the texts.
        repeat_command: command line that repeats the training, without its number of steps; empty for a GAN, and for a
            run of an older version.
        run_id: identity of the run, repeated in its other files; None for a run of an older version.
    """

    version: str
    sources: tuple[str, ...]
    corpus: str
    corpus_hash: str
    separate: bool
    level: str
    reading: ReadingConfig
    model: ModelConfig
    training: TrainingConfig
    opening: tuple[int, ...]
    samples: SamplePlan = field(default_factory=SamplePlan)
    preset: str | None = None
    parent: str | None = None
    threads: int = 1
    kernels: str | None = None
    conditions: Conditions = field(default_factory=Conditions)
    repeat_command: str = ""
    run_id: str | None = None

    def __post_init__(self) -> None:
        ids = range(self.model.vocabulary)
        if not self.opening or not all(isinstance(token, int) and token in ids for token in self.opening):
            raise ValueError(f"the opening must be a list of ids from 0 to {self.model.vocabulary - 1}, and not empty")
        if self.level not in CODECS:
            raise ValueError(unknown_name("level", str(self.level), CODECS))
        if not isinstance(self.threads, int) or self.threads < 1:
            raise ValueError(f"threads is {self.threads!r}, but must be a whole number of at least 1")
        if self.kernels is not None and self.kernels not in KERNELS:
            raise ValueError(f"unknown kernels {self.kernels!r}: choose from {', '.join(KERNELS)}")
        if self.run_id is not None and not isinstance(self.run_id, str):
            raise ValueError(f"run_id is {self.run_id!r}, but must be a text")
        if self.conditions.width + self.model.noise_width != self.model.num_condition_features:
            raise ValueError(
                f"the conditions have {self.conditions.width} features and the noise {self.model.noise_width}, but "
                f"the model reads {self.model.num_condition_features}"
            )

    @property
    def source(self) -> str:
        """The names of all sources in one string, for messages."""
        return ", ".join(self.sources)

    def features(
        self, values: Float[np.ndarray, "texts columns"], noise: Float32[np.ndarray, " noise_width"] | None = None
    ) -> Float32[np.ndarray, "texts width"]:
        """Return the condition features of texts: numbers that the model reads as further inputs.

        Args:
            values: rating or category index of each text in each column of `conditions`; NaN where unknown.
            noise: features of the noise (random input) of a GAN, the same for all texts; None for zeros, their mean.
        """
        noise_features = np.zeros(self.model.noise_width, np.float32) if noise is None else noise
        return np.hstack([self.conditions.features(values), np.tile(noise_features, (len(values), 1))])

    def features_of(self, store: TokenStore) -> Float32[np.ndarray, "documents width"] | None:
        """Return the condition features of a store's documents; None for a run without conditions."""
        return self.features(self.conditions.values_of(store)) if len(self.conditions) else None

    def with_run_id(self, codec: Codec[Any], parent_id: str | None = None) -> "RunConfig":
        """Return the config of a new run with its identity.

        It is a hash of what the weights depend on, except the length of the training, so that repeating a training
        gives equal files.

        Args:
            codec: codec of the run.
            parent_id: identity of the run with the initial weights; None without such a run.
        """
        training = {**self.training.to_json(), "total_steps": None, "pace": None}
        names = ("corpus_hash", "level", "model", "opening", "samples", "conditions")
        values = {name: value for name, value in self.to_json().items() if name in names}
        content = [values, training, codec.to_json(), *([] if parent_id is None else [parent_id])]
        return replace(self, run_id=sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16])

    def to_json(self) -> dict[str, Any]:
        """Return the fields in JSON types, with the format number first."""
        return {"format": FORMAT, **asdict(self), "conditions": self.conditions.to_json()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "RunConfig":
        """Return the config from the result of `to_json` in the current format, without the format number.

        Raises:
            ConfigError: a setting of the model, the training or the reading is unknown or out of range.
            KeyError, TypeError, ValueError: a field is missing, unknown or out of range.
        """
        fields = dict(stored)
        unknown = sorted(fields.keys() - cls.__dataclass_fields__.keys())
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(unknown)}")
        for name in ("version", "corpus", "corpus_hash", "level"):
            if not isinstance(fields[name], str):
                raise TypeError(f"{name} is {fields[name]!r:.40}, not a text")
        samples: dict[str, Any] = dict(fields["samples"])
        samples["temperatures"] = tuple(samples["temperatures"])
        return cls(
            **{
                **fields,
                "sources": tuple(fields["sources"]),
                "opening": tuple(fields["opening"]),
                "reading": ReadingConfig.from_json(fields["reading"]),
                "model": ModelConfig.from_json(fields["model"]),
                "training": TrainingConfig.from_json(fields["training"]),
                "samples": SamplePlan(**samples),
                "conditions": Conditions.from_json(fields.get("conditions", ())),
            }
        )
