"""A critic on disk: arrays and JSON, nothing that runs when it is read."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from seqloom.critic.rank_calibration import RankCalibration
from seqloom.critic.stacking import StackedRegressor
from seqloom.data.conditions import Scale
from seqloom.errors import RunError
from seqloom.runs.migrations import scale_to_2
from seqloom.text_features.config import EncoderSettings
from seqloom.text_features.linear_models import Ordinal, Ridge
from seqloom.text_features.model_archive import Kind, Part, Parts
from seqloom.text_features.ngram_network import NGramNetwork
from seqloom.text_features.ngrams import NGrams

if TYPE_CHECKING:
    from seqloom.critic.critic import Critic

__all__ = ["CRITIC", "holds_other_things", "load_critic", "save_critic"]


def _to_4(stored: dict[str, Any]) -> dict[str, Any]:
    return {**stored, "scale": scale_to_2(stored.get("scale"))}


CRITIC = Kind(
    name="critic",
    format=4,
    oldest=3,
    made_by="seqloom critic fit SOURCE --text COLUMN --rating COLUMN",
    migrations=(_to_4,),
)
"""The kind of folder, and the migrations of its JSON."""


def save_critic(critic: "Critic", folder: Path, origin: Mapping[str, Any]) -> None:
    """Write a trained critic.

    Args:
        critic: to write.
        folder: where.
        origin: what it was trained on, in JSON's types.

    Raises:
        SeqloomError: the disk is full or the folder cannot be written to.
    """
    members = critic.members_
    parts: dict[str, Part] = {
        "ngrams": members.ngrams,
        "ridge": members.ridge,
        "ordinal": members.ordinal,
        "network": members.network,
        "blend": critic.blend_,
        "ranks": critic.ranks_,
    }
    if members.encoder is not None:
        parts["encoder"] = members.encoder
    stored = {
        "scale": critic.scale_.to_json(),
        "settings": {"encoder": critic.encoder, "folds": critic.folds, "seed": critic.seed},
        "encoder_settings": asdict(critic.encoder_settings or EncoderSettings()),
        "encoder": None if members.encoder is None else members.encoder.to_json(),
        "report": critic.report_,
        "origin": dict(origin),
    }
    CRITIC.save(folder, parts, stored)


def load_critic(folder: str | Path) -> "Critic":
    """The critic that a folder holds.

    Raises:
        RunError: there is none, or it is damaged or from a newer format.
    """
    return CRITIC.load(Path(folder), _restored)


def holds_other_things(folder: Path) -> bool:
    """Whether a place is taken by anything but a critic; what an end in the middle of writing left behind is none."""
    if not os.path.isdir(folder):
        return os.path.exists(folder)
    if (folder / CRITIC.settings).exists():
        return False
    mine = (CRITIC.arrays, f".{CRITIC.arrays}.", f".{CRITIC.settings}.")
    return not all(path.name.startswith(mine) for path in folder.iterdir())


def _restored(stored: Mapping[str, Any], part: Parts) -> "Critic":
    from seqloom.critic.critic import Critic, Members

    settings = EncoderSettings(**stored["encoder_settings"])
    critic = Critic(**stored["settings"], encoder_settings=settings)
    encoder = None
    if stored["encoder"] is not None:
        from seqloom.text_features.encoder import Encoder

        encoder = Encoder.restored(part("encoder"), stored["encoder"], settings)
    critic.scale_ = Scale.from_json(stored["scale"])
    critic.members_ = Members(
        ngrams=NGrams.from_arrays(part("ngrams")),
        ridge=Ridge.from_arrays(part("ridge")),
        ordinal=Ordinal.from_arrays(part("ordinal")),
        network=NGramNetwork.from_arrays(part("network")),
        encoder=encoder,
    )
    critic.blend_ = StackedRegressor.from_arrays(part("blend"))
    critic.ranks_ = RankCalibration.from_arrays(part("ranks"))
    critic.report_ = stored["report"]
    if not np.isfinite(critic.predict(["a text"])).all():
        raise RunError(f"{CRITIC.arrays} holds numbers that are not finite")
    return critic
