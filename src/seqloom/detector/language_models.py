"""Train the two language models of a detector: one of real text, one of generated text."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from seqloom.codecs.unknown_symbols import remove_unknown
from seqloom.config.options import TrainOptions
from seqloom.detector.detector import LanguageModelTrainer
from seqloom.detector.likelihood import LanguageModelPair
from seqloom.detector.load import load_language_models
from seqloom.detector.storage import LANGUAGE_MODEL_FOLDERS
from seqloom.disk import temporary_folder, temporary_folder_until_exit
from seqloom.files import write_text
from seqloom.lm.train import train
from seqloom.reporter import Reporter, silent
from seqloom.runs.saved_run import SavedRun

__all__ = ["train_language_models"]

_MAX_EPOCHS = 30.0
"""Maximal number of epochs of each model. On a small corpus, the time allows more epochs, but these change little."""

_REAL_FOLDER, _GENERATED_FOLDER = LANGUAGE_MODEL_FOLDERS


def train_language_models(
    minutes: float | Callable[[], float] = 2.0,
    folder: str | Path | None = None,
    *,
    seed: int = 0,
    note: Reporter = silent,
) -> LanguageModelTrainer:
    """Return a function that trains the language models of a detector.

    The returned function trains a model of real texts, and fine-tunes a copy of this model on generated texts.

    Args:
        minutes: time of the training of both models together; or a function that returns it when the training begins.
        folder: folder for the two runs; None for a temporary folder that is deleted when Python exits.
        seed: seed of the weights and of the order of the training texts.
        note: function that receives progress messages.
    """
    runs_folder = temporary_folder_until_exit() if folder is None else Path(folder)

    def train_pair(real: Sequence[str], generated: Sequence[str]) -> LanguageModelPair:
        total_minutes = minutes() if callable(minutes) else minutes
        options = TrainOptions(minutes=total_minutes / 2, seed=seed, text="text")
        with temporary_folder() as corpora:
            real_file, real_folder = corpora / "real.jsonl", runs_folder / _REAL_FOLDER
            real_run = _train(real, real_file, real_folder, replace(options, level="char"))
            sizes = ", ".join(map(str, real_run.config.model.hidden_sizes))
            note(f"model of real text: {real_run.config.model.core} of {sizes}")
            note("model of generated text: fine-tuned from the model of real text")
            # The fine-tuned model keeps the vocabulary of the model of real text, so all other symbols are removed.
            encodable = [remove_unknown(text, real_run.text_codec.unknown_symbols(text)) for text in generated]
            generated_file, generated_folder = corpora / "generated.jsonl", runs_folder / _GENERATED_FOLDER
            _train(encodable, generated_file, generated_folder, options, from_run=real_folder)
        return load_language_models(runs_folder)

    return train_pair


def _train(
    texts: Sequence[str], file: Path, run: Path, options: TrainOptions, from_run: Path | None = None
) -> SavedRun:
    """Write texts to a file and train a run on the file.

    Args:
        texts: training texts; empty texts are omitted.
        file: new JSON Lines file.
        run: folder for the run.
        options: options of the training.
        from_run: folder of the run to fine-tune; None to start from random weights.
    """
    write_text(file, "".join(json.dumps({"text": text}) + "\n" for text in texts if text))
    # A relative path is stored relative to the run: both runs are moved to the detector's folder when it is complete.
    parent = None if from_run is None else os.path.relpath(from_run)
    return train(file, options, run=run, from_run=parent, max_epochs=_MAX_EPOCHS, with_report=False)
