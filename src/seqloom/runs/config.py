"""The configuration of a run: `config.json`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from seqloom.config import ModelConfig, ReadingConfig, TrainingConfig
from seqloom.config.presets import SamplePlan
from seqloom.data.conditions import Conditions
from seqloom.data.store import TokenStore
from seqloom.registry import CODECS, unknown_name

__all__ = ["FORMAT", "RunConfig"]

FORMAT = 1
"""The run format that this version writes; older ones are migrated when read."""


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """`config.json`: all that a run was made from.

    Attributes:
        version: of seqloom, that trained it.
        sources: what the person named.
        corpus: its name.
        corpus_hash: its fingerprint.
        separate: whether the corpus has documents that begin and end.
        level: of the codec.
        reading: how the source was read.
        model: the network.
        training: how it was trained.
        samples: what was written after each epoch.
        opening: ids that are read before a text that has no prompt.
        preset: its name, or None.
        parent: the run that training went on from, or None.
        threads: that training computed with.
        kernels: the compiled instruction set that trained, or None for torch.
        conditions: the ratings and categories that the model is told.
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

    def __post_init__(self) -> None:
        ids = range(self.model.vocabulary)
        if not self.opening or not all(isinstance(token, int) and token in ids for token in self.opening):
            raise ValueError(f"the opening is no list of ids from 0 to {self.model.vocabulary - 1}")
        if self.level not in CODECS:
            raise ValueError(unknown_name("level", str(self.level), CODECS))
        if not isinstance(self.threads, int) or self.threads < 1:
            raise ValueError(f"threads is {self.threads!r}, not a number from 1 up")
        if self.conditions.width + self.model.noise_width != self.model.num_condition_features:
            raise ValueError(
                f"the conditions have {self.conditions.width} features and noise {self.model.noise_width}, and the "
                f"model reads {self.model.num_condition_features}"
            )

    @property
    def source(self) -> str:
        """What the person named, for messages."""
        return ", ".join(self.sources)

    def features(
        self, values: Float[np.ndarray, "texts columns"], noise: Float32[np.ndarray, " noise_width"] | None = None
    ) -> Float32[np.ndarray, "texts width"]:
        """What the network is told of texts with these ratings, and features of noise; None is those of its mean."""
        told = np.zeros(self.model.noise_width, np.float32) if noise is None else noise
        return np.hstack([self.conditions.features(values), np.tile(told, (len(values), 1))])

    def features_of(self, store: TokenStore) -> Float32[np.ndarray, "documents width"] | None:
        """The same of a store's documents; None where there are no conditions."""
        return self.features(self.conditions.values_of(store)) if len(self.conditions) else None

    def to_json(self) -> dict[str, Any]:
        """The fields in JSON's types, with the format number first."""
        return {"format": FORMAT, **asdict(self), "conditions": self.conditions.to_json()}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "RunConfig":
        """The config that `to_json` described.

        Raises:
            ConfigError: a setting is unknown or out of range.
            KeyError, TypeError: a field is missing or unknown.
        """
        fields = {name: value for name, value in stored.items() if name != "format"}
        unknown = sorted(fields.keys() - cls.__dataclass_fields__.keys())
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(unknown)}")
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
