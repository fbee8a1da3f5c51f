"""Fitting a critic to a source, and rating a table with it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from seqloom.config import ReadingConfig
from seqloom.corpora import open_corpus
from seqloom.corpora.annotating import EMPTY, annotate
from seqloom.corpora.counting import counted
from seqloom.critic import Critic, load_critic
from seqloom.critic.folder import holds_other_things, save_critic
from seqloom.data.conditions import Scale
from seqloom.errors import ConfigError, RunError
from seqloom.files import check_writable
from seqloom.sampling.filtering import rated_by
from seqloom.version import __version__
from seqloom.workflows.backwards import BackwardsCritic
from seqloom.workflows.run import load

__all__ = ["PREDICTED", "RatedTexts", "fit_critic", "open_critic", "opened", "rate_table", "read_rated"]

PREDICTED = "rating_predicted"
"""The column that a critic adds."""

Note = Callable[[str], None]


class RatedTexts(NamedTuple):
    """Texts that have a rating.

    Attributes:
        texts: as they were read.
        ratings: of each.
        groups: which belong together; each is its own where the source has no groups.
    """

    texts: list[str]
    ratings: Float[np.ndarray, " texts"]
    groups: Int[np.ndarray, " texts"]


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
        raise RunError(f"--run got {folder}, which holds something else than a critic: name another folder")
    check_writable(folder / "critic.json")
    if (folder / "critic.json").exists() and not overwrite:
        raise RunError(f"{folder} holds a critic already: give --overwrite to replace it, or name another folder")
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


def read_rated(
    source: str | Path | Sequence[str | Path], reading: ReadingConfig, note: Note = lambda line: None
) -> RatedTexts:
    """The texts of a source that have a rating, with it and their group.

    Args:
        source: a table.
        reading: names its columns; one rating.
        note: is told what is read and what is left out.

    Raises:
        SourceError: the source cannot be read, or has no such columns.
        ConfigError: none of its texts has a rating.
    """
    corpus = open_corpus(source, reading)
    texts: list[str] = []
    ratings: list[float] = []
    groups: list[int] = []
    numbers: dict[str, int] = {}
    for document in corpus:
        whole = "".join(document.chunks)
        number = document.conditions[reading.rating[0]]
        if not isinstance(number, float):
            continue
        label = f"={document.group}" if document.group is not None else f"#{len(texts)}"
        texts.append(whole)
        ratings.append(number)
        groups.append(numbers.setdefault(label, len(numbers)))
    note(f"{corpus.name}: {len(texts):,} rated texts in {counted(len(numbers), 'group')}")
    for reason, count in corpus.skipped.items():
        note(f"skipped: {counted(count, reason)}")
    if not texts:
        raise ConfigError(f"{corpus.name} has no text with a rating in {reading.rating[0]!r}: nothing can be learned")
    return RatedTexts(texts, np.array(ratings), np.array(groups))


def open_critic(folder: str | Path) -> Critic | BackwardsCritic:
    """The critic in a folder; a rated run, read backwards, is one too.

    Raises:
        UserError: there is neither, or it is damaged.
    """
    path = Path(folder)
    if (path / "config.json").exists() and not (path / "critic.json").exists():
        return BackwardsCritic(load(path))
    return load_critic(path)


def opened(critic: Any, *, by_rank: bool = False) -> tuple[Callable[[Sequence[str]], Any], Scale | None, str | None]:
    """A critic's function, its scale and the column that it rates, where it knows them.

    Args:
        critic: a folder of one, a `Critic`, a regressor with `predict`, or a function from texts to ratings.
        by_rank: of ratings that are more than a few steps, a `Critic` gives what stands as high among ratings as a
            text's stands among its predictions; see `Ranks`.

    Raises:
        UserError: it is none of them, or its folder is damaged.
    """
    if isinstance(critic, str | Path):
        critic = open_critic(critic)
    scale = getattr(critic, "scale_", None)
    if not isinstance(scale, Scale):
        scale = None
    if hasattr(critic, "predict") and not isinstance(critic, type):
        ranked = by_rank and scale is not None and not scale.stepped and isinstance(critic, Critic)
        return critic.predict_rank if ranked else critic.predict, scale, None if scale is None else scale.name
    if callable(critic) and not isinstance(critic, type):
        return critic, None, None
    raise ConfigError(f"critic got {critic!r:.60}: give a folder, an object with predict, or a function of texts")


def rate_table(
    critic: Any,
    source: str | Path,
    *,
    text: str,
    output: str | Path,
    overwrite: bool = False,
    note: Note = lambda line: None,
) -> int:
    """Write a table again with a column of predicted ratings.

    Args:
        critic: see `opened`; its folder may be that of a rated run.
        source: the table.
        text: the column of the text.
        output: the new table.
        overwrite: replace what is there.
        note: is told which rows were left out, and how many have no text and so no rating.

    Returns:
        The number of rows.

    Raises:
        UserError: the critic, the table or the file are not usable.
    """
    rate, _, _ = opened(critic)
    tally: Counter[str] = Counter()

    def rated(texts: Sequence[str]) -> list[dict[str, float]]:
        return [{PREDICTED: round(rating, 4)} for rating in rated_by(rate, texts).tolist()]

    written = annotate(source, text, Path(output), (PREDICTED,), rated, tally, overwrite=overwrite)
    empty = tally.pop(EMPTY, 0)
    if empty:
        note(f"{counted(empty, EMPTY)}: {PREDICTED} is left empty there")
    for reason, count in tally.items():
        note(f"skipped: {counted(count, reason)}")
    return written
