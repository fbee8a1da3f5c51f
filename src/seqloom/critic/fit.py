"""Fit a critic to a table of rated texts."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from seqloom.argument_names import suggests_arguments
from seqloom.config import ReadingConfig
from seqloom.config.reading import MISSING_WORDS
from seqloom.corpora.labelled_texts import read_rated
from seqloom.critic.critic import Critic
from seqloom.critic.storage import CRITIC, has_foreign_content, save_critic
from seqloom.errors import ConfigError, RunError
from seqloom.files import check_writable
from seqloom.reporter import Reporter, silent
from seqloom.stopwatch import Stopwatch
from seqloom.version import __version__

__all__ = ["fit_critic"]

_FINISHING_SECONDS = 1.0
"""Expected duration of saving the critic, and of the end of the process."""


@suggests_arguments
def fit_critic(
    source: str | Path | Sequence[str | Path],
    *,
    run: str | Path,
    text: str,
    rating: str,
    group: str | None = None,
    pool: str | None = None,
    cut_words: int = 0,
    missing: tuple[str, ...] = MISSING_WORDS,
    encoder: bool = False,
    folds: int = 4,
    seed: int = 0,
    minutes: float | None = None,
    overwrite: bool = False,
    note: Reporter = silent,
    stage: Reporter | None = None,
    stopwatch: Stopwatch | None = None,
) -> Critic:
    """Fit a critic and store it in a folder.

    Args:
        source: one or several tables of rated texts.
        run: folder for the critic.
        text: column of the text.
        rating: column of the rating.
        group: column whose equal values mark related rows. Related rows stay in one cross-validation fold.
        pool: name of the part of the table that is read; None reads the whole table.
        cut_words: maximal number of words per text; longer texts are cut.
        missing: words in the cells of a group or a rating that stand for a missing value.
        encoder: whether to include a convolutional encoder, which doubles the training time.
        folds: number of cross-validation folds.
        seed: seed of the folds, the initial weights and the order of the texts.
        minutes: time budget of the whole call; None for no limit.
        overwrite: whether to replace a critic that is already in the folder.
        note: function that receives progress messages.
        stage: function that receives the name of each stage; None for `note`.
        stopwatch: stopwatch from whose start `minutes` count; None to start one now.

    Raises:
        UserError: the source, the settings or the folder is unusable.
        KeyboardInterrupt: Ctrl-C was pressed before the end of the first fold.
    """
    folder, stopwatch, stage = Path(run), stopwatch or Stopwatch(), stage or note
    _check_request(folder, minutes, overwrite=overwrite)
    reading = ReadingConfig(text=text, rating=(rating,), group=group, pool=pool, cut_words=cut_words, missing=missing)
    stage("reading the texts")
    table = read_rated(source, reading, note)
    left = None if minutes is None else max(0.01, minutes - (stopwatch.seconds() + _FINISHING_SECONDS) / 60)
    critic = Critic(encoder=encoder, folds=folds, seed=seed, minutes=left, note=note, stage=stage)
    critic.fit(table.texts, table.ratings, table.groups, name=rating)
    critic.table_rules_ = reading.table_rules
    note(f"rating {critic.scale_}")
    origin = {
        "version": __version__,
        "source": str(source),
        "reading": asdict(reading),
        "texts": len(table.texts),
        "fitted": critic.num_fitted_,
        "groups": len(np.unique(table.groups)),
    }
    save_critic(critic, folder, origin, overwrite=overwrite)
    return critic


def _check_request(folder: Path, minutes: float | None, *, overwrite: bool) -> None:
    """Raise an error if the time budget is not a positive number, or the folder cannot receive a critic."""
    if minutes is not None and not 0 < minutes < math.inf:
        raise ConfigError(f"`minutes` got {minutes:g}: choose a number above 0")
    if has_foreign_content(folder):
        raise RunError(f"`run` got {folder}, which contains something other than a critic: name another folder")
    check_writable(folder / CRITIC.settings_file)
    if (folder / CRITIC.settings_file).exists() and not overwrite:
        raise RunError(f"{folder} already contains a critic: use `overwrite` to replace it, or name another folder")
