"""A detector on disk: arrays and JSON, nothing that runs when it is read. The language models are runs beside it."""

from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from seqloom.detector.confounds import Confound
from seqloom.detector.detector import Detector
from seqloom.detector.embedding_coherence import Coherence
from seqloom.detector.likelihood import LanguageModelPair
from seqloom.detector.members import LIGHT, LIGHT_ANSWERS, Members, PatternReaders
from seqloom.detector.ngram_classifier import Wording
from seqloom.detector.ngram_novelty import Familiarity
from seqloom.detector.percentiles import Reference
from seqloom.detector.stack import Calibration, Stack
from seqloom.errors import RunError
from seqloom.text_features.config import EncoderSettings
from seqloom.text_features.model_archive import Kind, Part, Parts

__all__ = ["DETECTOR", "MODELS", "detector_fingerprint", "load_detector", "save_detector"]

DETECTOR = Kind(
    name="detector",
    format=5,
    oldest=5,
    made_by="seqloom detect fit --real SOURCE --generated SOURCE --text COLUMN",
)
"""The kind of folder."""

MODELS = ("real", "generated")
"""Folders of the two language models, within that of the detector."""


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
        "models": {name: _digest(folder / name) for name in MODELS} if members.pair is not None else {},
        "familiar": detector.familiar_.tolist(),
        "leaks": [[leak.sign, leak.real, leak.generated] for leak in detector.leaks_],
        "report": detector.report_,
        "origin": dict(origin),
    }
    DETECTOR.save(folder, parts, stored)


def load_detector(folder: str | Path, open_pair: Callable[[Path], LanguageModelPair]) -> Detector:
    """The detector that a folder holds.

    Args:
        folder: of the detector.
        open_pair: opens the language models in it.

    Raises:
        RunError: there is none, or it is damaged or from another format.
    """
    path = Path(folder)

    def pair(models: Mapping[str, str | None]) -> LanguageModelPair | None:
        for name, digest in models.items():
            if _digest(path / name) != digest:
                raise RunError(f"the model in {name} is not the one that it was fitted with")
        return open_pair(path) if models else None

    return DETECTOR.load(path, lambda stored, part: _restored(stored, part, pair(stored["models"])))


def detector_fingerprint(folder: str | Path) -> str:
    """What tells the detector in a folder from any other, without reading all of it.

    Raises:
        RunError: there is none, or it is damaged or from another format.
    """
    path = Path(folder)
    DETECTOR.read_settings(path)
    return sha256((path / DETECTOR.settings).read_bytes()).hexdigest()


def _restored(stored: Mapping[str, Any], part: Parts, pair: LanguageModelPair | None) -> Detector:
    detector = Detector(**stored["settings"])
    encoder = None
    if stored["encoder"] is not None:
        from seqloom.text_features.encoder import Encoder

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
    slow = max((of.stop for of in detector.members_.slow.values()), default=0)
    kinds = len(detector.light_.bias)
    if len(detector.light_.centre) != len(LIGHT_ANSWERS) or bool(slow) != (detector.stack_ is not None):
        raise ValueError("its members and weights do not fit together")
    if detector.stack_ is not None and len(detector.stack_.centre) != kinds + slow:
        raise ValueError("its members and weights do not fit together")
    detector.reference_ = Reference.from_arrays(part("reference"))
    detector.familiar_ = np.array(stored["familiar"], np.float64)
    if detector.familiar_.shape != (2,) or not np.isfinite(detector.familiar_).all():
        raise ValueError("what is familiar is no pair of numbers")
    detector.leaks_ = [Confound(*row) for row in stored["leaks"]]
    detector.report_ = dict(stored["report"])
    return detector


def _digest(run: Path) -> str | None:
    """Of a language model's weights; None where there are none."""
    weights = run / "model.safetensors"
    return sha256(weights.read_bytes()).hexdigest() if weights.exists() else None
