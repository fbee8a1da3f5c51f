"""Fit a critic to a table of rated texts."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from seqloom.config import ReadingConfig
from seqloom.config.reading import MISSING_WORDS
from seqloom.corpora.labelled_texts import read_rated
from seqloom.critic.critic import Critic
from seqloom.critic.storage import CRITIC, has_foreign_content, save_critic
from seqloom.errors import RunError
from seqloom.files import check_writable
from seqloom.reporter import Reporter, silent
from seqloom.version import __version__

__all__ = ["fit_critic"]


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
    overwrite: bool = False,
    note: Reporter = silent,
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
        overwrite: whether to replace a critic that is already in the folder.
        note: function that receives progress messages.

    Raises:
        UserError: the source, the settings or the folder is unusable.
    """
    folder = Path(run)
    if has_foreign_content(folder):
        raise RunError(f"`run` got {folder}, which contains something other than a critic: name another folder")
    check_writable(folder / CRITIC.settings_file)
    if (folder / CRITIC.settings_file).exists() and not overwrite:
        raise RunError(f"{folder} already contains a critic: use `overwrite` to replace it, or name another folder")
    reading = ReadingConfig(text=text, rating=(rating,), group=group, pool=pool, cut_words=cut_words, missing=missing)
    table = read_rated(source, reading, note)
    critic = Critic(encoder=encoder, folds=folds, seed=seed, note=note)
    critic.fit(table.texts, table.ratings, table.groups, name=rating)
    critic.table_rules_ = reading.table_rules
    note(f"rating {critic.scale_}")
    origin = {
        "version": __version__,
        "source": str(source),
        "reading": asdict(reading),
        "texts": len(table.texts),
        "groups": len(np.unique(table.groups)),
    }
    save_critic(critic, folder, origin)
    return critic
