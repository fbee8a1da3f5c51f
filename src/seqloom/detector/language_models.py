"""Train the two language models of a detector: one of real text, one of generated text."""

import atexit
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from seqloom.codecs.base import without
from seqloom.config.options import TrainOptions
from seqloom.detector.detector import LanguageModelTrainer
from seqloom.detector.likelihood import LanguageModelPair
from seqloom.detector.load import load_pair
from seqloom.detector.storage import MODELS
from seqloom.lm.observer import TrainingObserver
from seqloom.lm.train import train
from seqloom.runs.saved_run import SavedRun

__all__ = ["train_language_models"]

REAL, GENERATED = MODELS

Note = Callable[[str], None]


def train_language_models(
    minutes: float = 2.0, folder: str | Path | None = None, *, seed: int = 0, note: Note = lambda line: None
) -> LanguageModelTrainer:
    """What trains the language models of a detector: first of real texts, then from there of generated ones.

    Args:
        minutes: of training, for both.
        folder: that the two runs stay in; None keeps them while Python runs.
        seed: of weights and order.
        note: is told what is trained.
    """
    place = Path(tempfile.mkdtemp(prefix="seqloom-")) if folder is None else Path(folder)
    if folder is None:
        atexit.register(shutil.rmtree, place, ignore_errors=True)

    def taught(real: Sequence[str], generated: Sequence[str]) -> LanguageModelPair:
        options = TrainOptions(text="text", minutes=minutes / 2, seed=seed)
        with tempfile.TemporaryDirectory() as held:
            one = _learned(real, Path(held) / "real.jsonl", place / REAL, replace(options, level="char"))
            note(f"model of real text: {one.config.model.core} of {one.config.model.hidden_sizes}")
            note("model of generated text: the same, from there on")
            shown = [without(text, one.codec.unknown_symbols(text)) for text in generated]
            _learned(shown, Path(held) / "generated.jsonl", place / GENERATED, options, from_run=place / REAL)
        return load_pair(place)

    return taught


def _learned(
    texts: Sequence[str], file: Path, run: Path, options: TrainOptions, from_run: Path | None = None
) -> SavedRun:
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts if text), encoding="utf-8")
    return train(file, options, run=run, from_run=from_run, viewer=TrainingObserver())
