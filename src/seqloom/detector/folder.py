"""A detector on disk: arrays and JSON, nothing that runs when it is read. The language models are runs beside it."""

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from seqloom.detector.detector import Detector
from seqloom.detector.likelihood import LanguagePair
from seqloom.detector.matching import Leak
from seqloom.detector.members import Members, NGramReaders
from seqloom.detector.reference import Reference
from seqloom.detector.stack import Stack
from seqloom.errors import RunError, SeqloomError
from seqloom.files import replaced
from seqloom.readers.linear import Ordinal
from seqloom.readers.network import NGramNetwork
from seqloom.readers.ngrams import NGrams
from seqloom.readers.settings import EncoderSettings

__all__ = ["FORMAT", "SETTINGS", "load_detector", "read_settings", "save_detector"]

FORMAT = 2
"""The format that this version writes; one of format 1 has no reference."""

SETTINGS = "detector.json"
"""What says that a folder holds a detector."""

_ARRAYS = "detector.safetensors"

_DAMAGED = (
    *(SafetensorError, SeqloomError),
    *(ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, TypeError, ValueError),
)
"""What reading a damaged detector, or asking it, may raise."""


def save_detector(detector: Detector, folder: Path, origin: Mapping[str, Any]) -> None:
    """Write a trained detector, without its language models.

    Args:
        detector: to write.
        folder: where.
        origin: what it was trained on, in JSON's types.

    Raises:
        SeqloomError: the disk is full or the folder cannot be written to.
    """
    members = detector.members_
    parts: dict[str, Any] = {
        "ngrams": members.readers.ngrams,
        "linear": members.readers.linear,
        "network": members.readers.network,
        "stack": detector.stack_,
        "light": detector.light_,
    }
    if members.encoder is not None:
        parts["encoder"] = members.encoder
    if detector.reference_ is not None:
        parts["reference"] = detector.reference_
    arrays = {
        f"{part}.{name}": np.array(array, order="C")
        for part, held in parts.items()
        for name, array in held.to_arrays().items()
    }
    weights = save(arrays)
    stored = {
        "format": FORMAT,
        "kind": "detector",
        "settings": {"encoder": detector.encoder, "seed": detector.seed},
        "encoder": None if members.encoder is None else members.encoder.to_json(),
        "models": members.pair is not None,
        "familiar": detector.familiar_,
        "leaks": [[leak.sign, leak.real, leak.generated] for leak in detector.leaks_],
        "report": detector.report_,
        "origin": dict(origin),
        "weights": sha256(weights).hexdigest(),
    }
    with replaced(folder / SETTINGS) as new_settings, replaced(folder / _ARRAYS) as new_arrays:
        new_arrays.write_bytes(weights)
        new_settings.write_text(
            json.dumps(stored, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
        )


def load_detector(folder: str | Path, open_pair: Callable[[Path], LanguagePair]) -> Detector:
    """The detector that a folder holds.

    Args:
        folder: of the detector.
        open_pair: opens the language models in it.

    Raises:
        RunError: there is none, or it is damaged or from a newer format.
    """
    path = Path(folder)
    stored = read_settings(path)
    try:
        weights = (path / _ARRAYS).read_bytes()
        if stored["weights"] != sha256(weights).hexdigest():
            raise RunError(f"{_ARRAYS} is not the file that {SETTINGS} was written with")
        return _restored(stored, load(weights), open_pair(path) if stored["models"] else None)
    except _DAMAGED as error:
        raise RunError(f"the detector in {folder} is damaged ({error}): fit it anew, or copy it again") from None


def read_settings(folder: Path) -> dict[str, Any]:
    """What a detector was trained on, and how well it did, without its weights.

    Raises:
        RunError: there is no detector, or it is from a newer format.
    """
    file = folder / SETTINGS
    if not file.exists():
        raise RunError(
            f"no detector at {folder}: fit one with 'seqloom detect fit --real SOURCE --generated SOURCE --text COLUMN "
            f"--run {folder}'"
        )
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        version = stored["format"]
    except (OSError, RecursionError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{file} is damaged ({error}): fit the detector anew, or copy it again") from None
    if not isinstance(version, int) or version > FORMAT:
        raise RunError(
            f"{folder} has detector format {version!r} and this seqloom reads up to {FORMAT}: upgrade seqloom"
        )
    return dict(stored)


def _restored(stored: Mapping[str, Any], arrays: Mapping[str, np.ndarray], pair: LanguagePair | None) -> Detector:
    def part(name: str) -> dict[str, np.ndarray]:
        prefix = f"{name}."
        return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}

    detector = Detector(**stored["settings"])
    encoder = None
    if stored["encoder"] is not None:
        from seqloom.readers.encoder import Encoder

        encoder = Encoder.restored(part("encoder"), stored["encoder"], EncoderSettings())
    detector.classes_ = np.array([0, 1])
    readers = NGramReaders(
        NGrams.from_arrays(part("ngrams")),
        Ordinal.from_arrays(part("linear")),
        NGramNetwork.from_arrays(part("network")),
    )
    detector.members_ = Members(readers, encoder, pair)
    detector.stack_, detector.light_ = (Stack.from_arrays(part(name)) for name in ("stack", "light"))
    reference = part("reference")
    detector.reference_ = Reference.from_arrays(reference) if reference else None
    detector.familiar_ = float(stored["familiar"])
    detector.leaks_ = [Leak(*row) for row in stored["leaks"]]
    detector.report_ = dict(stored["report"])
    return detector
