"""Store a detector as arrays and JSON, next to the runs of its language models. Reading it runs no stored code.

The names in the files are fixed by the format, and some differ from the names in the code: "familiarity" is
`NGramNovelty`, "reference" is `OutputPercentiles`, "stack" is the full stack, "alone ..." is the stack of one member,
"familiar" is `known_share_limits_`, and "leaks" is `confounds_`.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from seqloom.detector.confounds import Confound
from seqloom.detector.detector import Detector
from seqloom.detector.embedding_coherence import EmbeddingCoherence
from seqloom.detector.likelihood import LanguageModelPair
from seqloom.detector.members import LIGHT_MEMBERS, LIGHT_OUTPUTS, LightMembers, Members
from seqloom.detector.ngram_classifier import NGramClassifier
from seqloom.detector.ngram_novelty import NGramNovelty
from seqloom.detector.ngram_regression import REGRESSION_MEMBERS, NGramRegression, ViewRegressions
from seqloom.detector.older_formats import OLDEST_FORMAT, migrate_to_7, with_new_members
from seqloom.detector.percentiles import OutputPercentiles
from seqloom.detector.stack import PlattCalibration, StackedClassifier
from seqloom.detector.stacks import Stacks
from seqloom.errors import RunError, SeqloomError
from seqloom.files import read_own_file
from seqloom.replacement import LOCK_FILE
from seqloom.runs.layout import RunFolder
from seqloom.text_features.config import EncoderSettings
from seqloom.text_features.model_archive import ArrayLoader, ModelArchive, StoredArrays

__all__ = [
    "DETECTOR",
    "LANGUAGE_MODEL_FOLDERS",
    "detector_fingerprint",
    "foreign_runs",
    "load_detector",
    "save_detector",
    "written_files",
]

DETECTOR = ModelArchive(
    name="detector",
    format=7,
    oldest_format=OLDEST_FORMAT,
    first_checked_format=6,
    fit_command="seqloom detect fit --real SOURCE --generated SOURCE --text COLUMN",
    migrations=(dict, migrate_to_7),
)
"""File format of detectors."""

LANGUAGE_MODEL_FOLDERS = ("real", "generated")
"""Folders of the two language models within the folder of the detector."""


def save_detector(detector: Detector, folder: Path, origin: Mapping[str, Any]) -> None:
    """Write a fitted detector, and the hashes of its language models.

    Args:
        detector: fitted detector.
        folder: folder for the detector, in which the runs of its language models already are.
        origin: description of the training data, in JSON's types.

    Raises:
        SeqloomError: the disk is full or the folder is not writable.
    """
    members, stacks = detector.members_, detector.stacks_
    parts: dict[str, StoredArrays] = {
        **{name: regression for name, regression in members.light.views.regressions.items()},
        "wording": members.light.classifier,
        "familiarity": members.light.novelty,
        "coherence": members.light.coherence,
        "light": stacks.light,
        "reference": detector.percentiles_,
        **{f"alone {name}": stack for name, stack in stacks.members.items()},
    }
    if stacks.full is not None and stacks.calibration is not None:
        parts |= {"stack": stacks.full, "calibration": stacks.calibration}
    if members.encoder is not None:
        parts["encoder"] = members.encoder
    has_language_models = members.language_models is not None
    stored = {
        "slow": members.score_with_slow,
        "settings": {"encoder": detector.encoder, "seed": detector.seed},
        "encoder": None if members.encoder is None else members.encoder.to_json(),
        "models": {name: _weights_digest(folder / name) for name in LANGUAGE_MODEL_FOLDERS if has_language_models},
        "common": list(members.light.views.common),
        "familiar": detector.known_share_limits_.tolist(),
        "leaks": [[confound.sign, confound.real_share, confound.generated_share] for confound in detector.confounds_],
        "report": detector.report_,
        "origin": dict(origin),
    }
    DETECTOR.save(folder, parts, stored)


def written_files(folder: Path) -> list[Path]:
    """Return the existing files of a detector and of its language models; a run of the user's own is not among them."""
    files = DETECTOR.written_files(folder)
    for name in LANGUAGE_MODEL_FOLDERS:
        if name in foreign_runs(folder):
            continue
        run = RunFolder(folder / name)
        lock = run.path / "state" / LOCK_FILE
        files += [*run.written_files(), *([lock] if lock.exists() else [])]
    return files


def foreign_runs(folder: Path) -> list[str]:
    """Return the names of runs in the places of the language models that do not belong to the detector in a folder."""
    names = [name for name in LANGUAGE_MODEL_FOLDERS if RunFolder(folder / name).holds_run]
    if not names or not (folder / DETECTOR.settings_file).exists():
        return names
    try:
        digests = DETECTOR.read_settings(folder)["models"]
        return [name for name in names if name not in digests]
    except (SeqloomError, KeyError, TypeError):
        return []  # of a damaged detector, or of an older version, whose runs can only be its own


def load_detector(folder: str | Path, open_language_models: Callable[[Path], LanguageModelPair]) -> Detector:
    """Load the detector in a folder.

    Args:
        folder: folder of the detector.
        open_language_models: function that opens the language models in the folder.

    Raises:
        RunError: the folder has no detector, or the detector is damaged or has an unsupported format.
    """
    path = Path(folder)

    def open_checked_language_models(digests: Mapping[str, str | None]) -> LanguageModelPair | None:
        for name, digest in digests.items():
            if _weights_digest(path / name) != digest:
                raise RunError(f"the language model in {name!r} is not the one that the detector was fitted with")
        return open_language_models(path) if digests else None

    def restore(stored: Mapping[str, Any], arrays_of: ArrayLoader) -> Detector:
        if stored["format"] < DETECTOR.format:
            arrays_of = with_new_members(arrays_of)
        return _restore(stored, arrays_of, open_checked_language_models(stored["models"]))

    return DETECTOR.load(path, restore)


def detector_fingerprint(folder: str | Path) -> str:
    """Return a hash that identifies the detector in a folder, without reading its arrays.

    The JSON file is hashed; it contains the hash of the file of arrays.

    Raises:
        RunError: the folder has no detector, or the detector is damaged or has an unsupported format.
    """
    path = Path(folder)
    DETECTOR.read_settings(path)
    return sha256(read_own_file(path / DETECTOR.settings_file)).hexdigest()


def _restore(stored: Mapping[str, Any], arrays_of: ArrayLoader, language_models: LanguageModelPair | None) -> Detector:
    """Restore a detector; `ModelArchive.load` reports errors in this function as damage.

    Args:
        stored: values in the JSON file.
        arrays_of: function that returns the arrays of a part by the name of the part.
        language_models: language models, or None.
    """
    detector = Detector(**stored["settings"])
    detector.classes_ = np.array([0, 1])
    detector.members_ = _restore_members(stored, arrays_of, language_models)
    detector.stacks_ = _restore_stacks(arrays_of, detector.members_)
    detector.percentiles_ = OutputPercentiles.from_arrays(arrays_of("reference"))
    detector.known_share_limits_ = np.array(stored["familiar"], np.float64)
    if detector.known_share_limits_.shape != (2,) or not np.isfinite(detector.known_share_limits_).all():
        raise ValueError("the value of 'familiar' is not a pair of numbers")
    detector.confounds_ = [Confound(*row) for row in stored["leaks"]]
    detector.report_ = dict(stored["report"])
    return detector


def _restore_members(
    stored: Mapping[str, Any], arrays_of: ArrayLoader, language_models: LanguageModelPair | None
) -> Members:
    encoder = None
    if stored["encoder"] is not None:
        from seqloom.text_features.encoder import Encoder

        encoder = Encoder.restore(arrays_of("encoder"), stored["encoder"], EncoderSettings())
    common, regressions = (
        stored["common"],
        {name: NGramRegression.from_arrays(arrays_of(name)) for name in REGRESSION_MEMBERS},
    )
    if not all(isinstance(word, str) for word in common):
        raise ValueError("the value of 'common' is not a list of words")
    light = LightMembers(
        ViewRegressions(tuple(common), regressions),
        NGramClassifier.from_arrays(arrays_of("wording")),
        NGramNovelty.from_arrays(arrays_of("familiarity")),
        EmbeddingCoherence.from_arrays(arrays_of("coherence")),
    )
    return Members(light, encoder, language_models, stored["slow"] is True)


def _restore_stacks(arrays_of: ArrayLoader, members: Members) -> Stacks:
    """Restore the stacks, and check that the number of their inputs matches the members."""
    light, full, calibration = StackedClassifier.from_arrays(arrays_of("light")), None, None
    if arrays_of("stack"):  # empty for a detector without slow members
        full = StackedClassifier.from_arrays(arrays_of("stack"))
        calibration = PlattCalibration.from_arrays(arrays_of("calibration"))
    names = (*(name for name in LIGHT_MEMBERS if name not in REGRESSION_MEMBERS), *members.slow_slices)
    by_member = {name: StackedClassifier.from_arrays(arrays_of(f"alone {name}")) for name in names}
    num_slow_outputs = max((columns.stop for columns in members.slow_slices.values()), default=0)
    light_matches = len(light.mean) == len(LIGHT_OUTPUTS)
    # The inputs of the full stack are the class logits of the light stack and the outputs of the slow members.
    num_full_inputs = len(light.bias) + num_slow_outputs if num_slow_outputs else None
    if not light_matches or num_full_inputs != (None if full is None else len(full.mean)):
        raise ValueError("the members and the stacks do not match")
    return Stacks(light, full, calibration, by_member)


def _weights_digest(run: Path) -> str | None:
    """Return a hash of a language model's weights; None if there are no weights."""
    weights = run / "model.safetensors"
    return sha256(read_own_file(weights)).hexdigest() if weights.exists() else None
