"""Open a fitted detector."""

from pathlib import Path

from seqloom.detector.detector import Detector
from seqloom.detector.likelihood import LanguageModelPair
from seqloom.detector.storage import MODELS, load_detector
from seqloom.lm.evaluate import run_scorer
from seqloom.runs.saved_run import SavedRun

__all__ = ["load_pair", "open_detector"]


def open_detector(folder: str | Path) -> Detector:
    """The detector in a folder.

    Raises:
        UserError: there is none, or it is damaged.
    """
    return load_detector(folder, load_pair)


def load_pair(folder: Path) -> LanguageModelPair:
    """Return the language models of real and of generated text in a detector folder."""
    real, generated = (SavedRun(folder / name) for name in MODELS)
    return LanguageModelPair(real.text_codec, run_scorer(real), run_scorer(generated))
