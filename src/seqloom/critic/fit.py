"""Fit a critic to a table of rated texts."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from seqloom.config import ReadingConfig
from seqloom.corpora.labelled_texts import read_rated
from seqloom.critic.critic import Critic
from seqloom.critic.storage import holds_other_things, save_critic
from seqloom.errors import RunError
from seqloom.files import check_writable
from seqloom.version import __version__

__all__ = ["fit_critic"]

Note = Callable[[str], None]


def fit_critic(
    source: str | Path | Sequence[str | Path],
    *,
    run: str | Path,
    text: str,
    rating: str,
    group: str | None = None,
    pool: str | None = None,
    cut_words: int = 0,
    encoder: bool = False,
    folds: int = 4,
    seed: int = 0,
    overwrite: bool = False,
    note: Note = lambda line: None,
) -> Critic:
    """Fit a critic and keep it in a folder.

    Args:
        source: a table.
        run: the folder.
        text: the column of the text.
        rating: the column of the rating.
        group: the column that says which rows belong together.
        pool: which part of the table is read.
        cut_words: texts of more words are cut short.
        encoder: see `Critic`.
        folds: see `Critic`.
        seed: see `Critic`.
        overwrite: replace a critic that the folder holds.
        note: is told what is read and done.

    Raises:
        UserError: the source, the settings or the folder are not usable.
    """
    folder = Path(run)
    if holds_other_things(folder):
        raise RunError(f"`run` got {folder}, which holds something else than a critic: name another folder")
    check_writable(folder / "critic.json")
    if (folder / "critic.json").exists() and not overwrite:
        raise RunError(f"{folder} holds a critic already: give `overwrite` to replace it, or name another folder")
    reading = ReadingConfig(text=text, rating=(rating,), group=group, pool=pool, cut_words=cut_words)
    rated = read_rated(source, reading, note)
    critic = Critic(encoder=encoder, folds=folds, seed=seed, note=note)
    critic.fit(rated.texts, rated.ratings, rated.groups, name=rating)
    note(f"rating {critic.scale_}")
    origin = {
        "version": __version__,
        "source": str(source),
        "reading": asdict(reading),
        "texts": len(rated.texts),
        "groups": len(np.unique(rated.groups)),
    }
    save_critic(critic, folder, origin)
    return critic
