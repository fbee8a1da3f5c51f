"""A detector on disk: arrays and JSON, nothing that runs when it is read. The language models are runs beside it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seqloom.detector.coherence import Coherence
from seqloom.detector.detector import Detector
from seqloom.detector.familiarity import Familiarity
from seqloom.detector.likelihood import LanguagePair
from seqloom.detector.matching import Leak
from seqloom.detector.members import LIGHT, Members, PatternReaders
from seqloom.detector.reference import Reference
from seqloom.detector.stack import Calibration, Stack
from seqloom.detector.wording import Wording
from seqloom.readers.settings import EncoderSettings
from seqloom.readers.storage import Kind, Part, Parts

__all__ = ["DETECTOR", "load_detector", "save_detector"]

DETECTOR = Kind(
    name="detector",
    format=4,
    oldest=4,
    made_by="seqloom detect fit --real SOURCE --generated SOURCE --text COLUMN",
)
"""The kind of folder."""


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
    parts: dict[str, Part] = {
        "wording": members.readers.wording,
        "familiarity": members.readers.familiarity,
        "coherence": members.readers.coherence,
        "light": detector.light_,
        "reference": detector.reference_,
        **{f"alone {name}": stack for name, stack in detector.alone_.items()},
    }
    if detector.stack_ is not None:
        parts |= {"stack": detector.stack_, "calibration": detector.calibration_}
    if members.encoder is not None:
        parts["encoder"] = members.encoder
    stored = {
        "settings": {"encoder": detector.encoder, "seed": detector.seed},
        "encoder": None if members.encoder is None else members.encoder.to_json(),
        "models": members.pair is not None,
        "familiar": detector.familiar_,
        "leaks": [[leak.sign, leak.real, leak.generated] for leak in detector.leaks_],
        "report": detector.report_,
        "origin": dict(origin),
    }
    DETECTOR.save(folder, parts, stored)


def load_detector(folder: str | Path, open_pair: Callable[[Path], LanguagePair]) -> Detector:
    """The detector that a folder holds.

    Args:
        folder: of the detector.
        open_pair: opens the language models in it.

    Raises:
        RunError: there is none, or it is damaged or from another format.
    """
    path = Path(folder)
    return DETECTOR.load(
        path, lambda stored, part: _restored(stored, part, open_pair(path) if stored["models"] else None)
    )


def _restored(stored: Mapping[str, Any], part: Parts, pair: LanguagePair | None) -> Detector:
    detector = Detector(**stored["settings"])
    encoder = None
    if stored["encoder"] is not None:
        from seqloom.readers.encoder import Encoder

        encoder = Encoder.restored(part("encoder"), stored["encoder"], EncoderSettings())
    detector.classes_ = np.array([0, 1])
    readers = PatternReaders(
        Wording.from_arrays(part("wording")),
        Familiarity.from_arrays(part("familiarity")),
        Coherence.from_arrays(part("coherence")),
    )
    detector.members_ = Members(readers, encoder, pair)
    detector.light_ = Stack.from_arrays(part("light"))
    detector.stack_ = None
    if part("stack"):
        detector.stack_ = Stack.from_arrays(part("stack"))
        detector.calibration_ = Calibration.from_arrays(part("calibration"))
    names = (*LIGHT, *detector.members_.slow)
    detector.alone_ = {name: Stack.from_arrays(part(f"alone {name}")) for name in names}
    detector.reference_ = Reference.from_arrays(part("reference"))
    detector.familiar_ = float(stored["familiar"])
    detector.leaks_ = [Leak(*row) for row in stored["leaks"]]
    detector.report_ = dict(stored["report"])
    return detector
