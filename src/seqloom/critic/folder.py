"""A critic on disk: arrays and JSON, nothing that runs when it is read."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from seqloom.critic.blend import Blend
from seqloom.critic.ranks import Ranks
from seqloom.data.conditions import Scale
from seqloom.errors import RunError, SeqloomError
from seqloom.files import replaced
from seqloom.readers.linear import Ordinal, Ridge
from seqloom.readers.network import NGramNetwork
from seqloom.readers.ngrams import NGrams
from seqloom.readers.settings import EncoderSettings

if TYPE_CHECKING:
    from seqloom.critic.critic import Critic

__all__ = ["FORMAT", "holds_other_things", "load_critic", "save_critic"]

FORMAT = 3
"""The format that this version writes."""

_SETTINGS, _ARRAYS = "critic.json", "critic.safetensors"

_DAMAGED = (
    *(SafetensorError, SeqloomError),
    *(ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError),
)
"""What reading a damaged critic, or asking it for a rating, may raise."""


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
    parts: dict[str, Any] = {
        "ngrams": members.ngrams,
        "ridge": members.ridge,
        "ordinal": members.ordinal,
        "network": members.network,
        "blend": critic.blend_,
        "ranks": critic.ranks_,
    }
    if members.encoder is not None:
        parts["encoder"] = members.encoder
    arrays = {
        f"{part}.{name}": np.array(array, order="C")
        for part, held in parts.items()
        for name, array in held.to_arrays().items()
    }
    weights = save(arrays)
    stored = {
        "format": FORMAT,
        "kind": "critic",
        "scale": critic.scale_.to_json(),
        "settings": {"encoder": critic.encoder, "folds": critic.folds, "seed": critic.seed},
        "encoder_settings": asdict(critic.encoder_settings or EncoderSettings()),
        "encoder": None if members.encoder is None else members.encoder.to_json(),
        "report": critic.report_,
        "origin": dict(origin),
        "weights": sha256(weights).hexdigest(),
    }
    with replaced(folder / _SETTINGS) as new_settings, replaced(folder / _ARRAYS) as new_arrays:
        new_arrays.write_bytes(weights)
        new_settings.write_text(
            json.dumps(stored, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
        )


def load_critic(folder: str | Path) -> "Critic":
    """The critic that a folder holds.

    Raises:
        RunError: there is none, or it is damaged or from a newer format.
    """
    stored = read_settings(Path(folder))
    try:
        weights = (Path(folder) / _ARRAYS).read_bytes()
        if stored.get("weights") not in (None, sha256(weights).hexdigest()):
            raise RunError(f"{_ARRAYS} is not the file that {_SETTINGS} was written with")
        critic = _restored(stored, load(weights))
        if not np.isfinite(critic.predict(["a text"])).all():
            raise RunError(f"{_ARRAYS} holds numbers that are not finite")
        return critic
    except _DAMAGED as error:
        raise RunError(f"the critic in {folder} is damaged ({error}): fit it anew, or copy it again") from None


def holds_other_things(folder: Path) -> bool:
    """Whether a place is taken by anything but a critic; what an end in the middle of writing left behind is none."""
    if not os.path.isdir(folder):
        return os.path.exists(folder)
    if (folder / _SETTINGS).exists():
        return False
    mine = (_ARRAYS, f".{_ARRAYS}.", f".{_SETTINGS}.")
    return not all(path.name.startswith(mine) for path in folder.iterdir())


def read_settings(folder: Path) -> dict[str, Any]:
    """What a critic was trained on, and how well it did, without its weights.

    Raises:
        RunError: there is no critic, or it is from a newer format.
    """
    file = folder / _SETTINGS
    if not file.exists():
        raise RunError(
            f"no critic at {folder}: fit one with 'seqloom critic fit SOURCE --text COLUMN --rating COLUMN --run "
            f"{folder}'"
        )
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        version = stored["format"]
    except (OSError, RecursionError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{file} is damaged ({error}): fit the critic anew, or copy it again") from None
    if not isinstance(version, int) or version > FORMAT:
        raise RunError(f"{folder} has critic format {version!r} and this seqloom reads up to {FORMAT}: upgrade seqloom")
    if version < FORMAT:
        raise RunError(f"{folder} has critic format {version}, which this seqloom no longer reads: fit the critic anew")
    return dict(stored)


def _restored(stored: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> "Critic":
    from seqloom.critic.critic import Critic, Members

    def part(name: str) -> dict[str, np.ndarray]:
        prefix = f"{name}."
        return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}

    settings = EncoderSettings(**stored["encoder_settings"])
    critic = Critic(**stored["settings"], encoder_settings=settings)
    encoder = None
    if stored["encoder"] is not None:
        from seqloom.readers.encoder import Encoder

        encoder = Encoder.restored(part("encoder"), stored["encoder"], settings)
    critic.scale_ = Scale.from_json(stored["scale"])
    critic.members_ = Members(
        ngrams=NGrams.from_arrays(part("ngrams")),
        ridge=Ridge.from_arrays(part("ridge")),
        ordinal=Ordinal.from_arrays(part("ordinal")),
        network=NGramNetwork.from_arrays(part("network")),
        encoder=encoder,
    )
    critic.blend_ = Blend.from_arrays(part("blend"))
    critic.ranks_ = Ranks.from_arrays(part("ranks"))
    critic.report_ = stored["report"]
    return critic
