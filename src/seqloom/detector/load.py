"""Open a fitted detector."""

from pathlib import Path

from seqloom.detector.detector import Detector
from seqloom.detector.likelihood import LanguageModelPair
from seqloom.detector.storage import LANGUAGE_MODEL_FOLDERS, load_detector
from seqloom.lm.evaluate import run_scorer
from seqloom.runs.saved_run import SavedRun

__all__ = ["load_language_models", "open_detector"]


def open_detector(folder: str | Path) -> Detector:
    """Open the detector in a folder, with its language models.

    Raises:
        UserError: the folder has no detector, or the detector is damaged.
    """
    return load_detector(folder, load_language_models)


def load_language_models(folder: Path) -> LanguageModelPair:
    """Return the language models of real and of generated text in a detector folder."""
    real, generated = (SavedRun(folder / name) for name in LANGUAGE_MODEL_FOLDERS)
    return LanguageModelPair(real.text_codec, run_scorer(real), run_scorer(generated))
