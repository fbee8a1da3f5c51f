"""Fit a detector to real texts and the output of generators."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqloom.config import ReadingConfig
from seqloom.corpora.labelled_texts import read_texts
from seqloom.critic.load import open_critic
from seqloom.detector.detector import LEAST_TEXTS, Detector
from seqloom.detector.language_models import train_language_models
from seqloom.detector.load import open_detector
from seqloom.detector.negatives import generate_negatives
from seqloom.detector.storage import DETECTOR, MODELS, save_detector
from seqloom.errors import ConfigError, RunError
from seqloom.files import building_folder, check_writable
from seqloom.runs.saved_run import SavedRun
from seqloom.version import __version__

__all__ = ["fit_detector"]

REAL, GENERATED = MODELS

Note = Callable[[str], None]


def fit_detector(
    real: str | Path | Sequence[str | Path],
    *,
    run: str | Path,
    generators: Sequence[str | Path] = (),
    generated: Sequence[str | Path] = (),
    critic: str | Path | None = None,
    text: str | None = None,
    group: str | None = None,
    pool: str | None = None,
    minutes: float = 2.0,
    light: bool = False,
    count: int | None = None,
    seed: int = 0,
    overwrite: bool = False,
    note: Note = lambda line: None,
) -> Detector:
    """Fit a detector and keep it in a folder.

    Args:
        real: real texts.
        run: the folder.
        generators: runs that write the generated texts.
        generated: sources of texts that were generated already.
        critic: a critic that filters a part of what the generators write to a rating.
        text: the column of the text, in all tables.
        group: the column that says which real texts belong together.
        pool: which part of the real table is read.
        minutes: that the two language models are trained in all.
        light: leave out language models and encoder.
        count: texts that the generators write in all; as many as there are real ones where it is None.
        seed: of all draws.
        overwrite: replace a detector that the folder holds.
        note: is told what is read and done.

    Raises:
        UserError: a source, the settings or the folder are not usable, or a text stands on both sides.
    """
    folder = _checked(Path(run), generators, generated, minutes, count, seed, overwrite=overwrite)
    reading = ReadingConfig(text=text, group=group, pool=pool)
    known = read_texts(real, reading, note)
    runs = [SavedRun(generator) for generator in generators]
    judge = None if critic is None else _filter(critic, runs)
    reals = _as_read(known.texts, runs)
    fakes: list[str] = []
    for number, one in enumerate(runs):
        wanted = (count or len(reals)) // len(runs) + (number < (count or len(reals)) % len(runs))
        note(f"writing {wanted:,} texts: {one.path}")
        fakes += generate_negatives(one, reals, wanted, seed + number, judge if len(one.config.conditions) else None)
    for source in generated:
        fakes += read_texts(source, replace(reading, group=None, pool=None), note).texts
    texts = reals + fakes
    groups = np.concatenate([known.groups, known.groups.max(initial=-1) + 1 + np.arange(len(fakes))])
    labels = np.arange(len(texts)) >= len(reals)
    with building_folder(folder) as place:
        detector = Detector(
            teacher=None if light else train_language_models(minutes, place, seed=seed, note=note),
            encoder=not light,
            seed=seed,
            note=note,
        )
        detector.fit(texts, labels, groups)
        origin = {
            "version": __version__,
            "real": str(real),
            "generators": [str(one) for one in generators],
            "generated": [str(one) for one in generated],
            "critic": None if critic is None else str(critic),
            "reading": asdict(reading),
            "texts": {"real": len(reals), "generated": len(fakes)},
        }
        save_detector(detector, place, origin)
    return open_detector(folder)


def _checked(
    folder: Path,
    generators: Sequence[str | Path],
    generated: Sequence[str | Path],
    minutes: float,
    count: int | None,
    seed: int,
    *,
    overwrite: bool,
) -> Path:
    """The folder, when there is nothing against using it; before anything is read."""
    faults = []
    if not generators and not generated:
        faults.append("`generators` or `generated`: name a run that writes the generated texts, or a file of them")
    if not 0 < minutes < math.inf:
        faults.append(f"`minutes` got {minutes:g}: choose a number above 0")
    if count is not None and not generators:
        faults.append("`count` is how many texts `generators` writes, and there is none: leave it out")
    elif count is not None and count < LEAST_TEXTS:
        faults.append(f"`count` got {count}: choose {LEAST_TEXTS} or more, or leave it out for as many as are real")
    if seed < 0:
        faults.append(f"`seed` got {seed}: choose 0 or more")
    if faults:
        raise ConfigError(*faults)
    holds = (folder / DETECTOR.settings).exists()
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not holds):
        raise RunError(f"`run` got {folder}, which holds something else than a detector: name another folder")
    own = {DETECTOR.settings, DETECTOR.arrays, REAL, GENERATED}
    strange = sorted(path.name for path in folder.iterdir() if path.name not in own) if holds else []
    if strange:
        raise RunError(f"{folder} holds {strange[0]!r} beside a detector: move that elsewhere, or name another folder")
    if holds and not overwrite:
        raise RunError(f"{folder} holds a detector already: give `overwrite` to replace it, or name another folder")
    check_writable(folder / DETECTOR.settings)
    return folder


def _filter(critic: str | Path, runs: Sequence[SavedRun]) -> Any:
    """The critic, where there is anything for it to filter."""
    if not any(len(one.config.conditions) for one in runs):
        raise ConfigError(
            "`critic` filters what a generator writes to a rating, and none of these was trained with `rating`: leave "
            "it out"
        )
    return open_critic(critic)


def _as_read(texts: list[str], runs: Sequence[SavedRun]) -> list[str]:
    """Real texts, folded as what the generators learned from was, where that was the same for all."""
    if not runs:
        return texts
    foldings = {(one.config.reading.lowercase, one.config.reading.keep_newlines) for one in runs}
    return [runs[0].normalize(text) for text in texts] if len(foldings) == 1 else texts
