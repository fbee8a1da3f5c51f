"""Fitting a detector to a source and what a generator writes, and scoring a table with it."""

import atexit
import json
import math
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from seqloom.codecs.base import without
from seqloom.config import ReadingConfig
from seqloom.corpora import open_corpus
from seqloom.corpora.annotating import EMPTY, annotate
from seqloom.corpora.counting import counted
from seqloom.detector.detector import LEAST_TEXTS, Detector, Teacher
from seqloom.detector.folder import DETECTOR, MODELS, detector_fingerprint, load_detector, save_detector
from seqloom.detector.likelihood import LanguagePair
from seqloom.detector.stack import check_prior
from seqloom.errors import ConfigError, RunError
from seqloom.files import check_writable
from seqloom.version import __version__
from seqloom.workflows.critics import open_critic
from seqloom.workflows.fakes import write_fakes
from seqloom.workflows.measuring import run_scorer
from seqloom.workflows.run import Run, load
from seqloom.workflows.train import train
from seqloom.workflows.viewer import Viewer

__all__ = ["COLUMNS", "Texts", "fit_detector", "language_teacher", "open_detector", "read_texts", "score_table"]

COLUMNS = ("p_generated", "abstained", "flag")
"""The columns that a detector adds."""

REAL, GENERATED = MODELS

_MANY, _SOME = 2048, 512
"""Rows that are scored together, by light members alone and by all."""

Note = Callable[[str], None]


class Texts(NamedTuple):
    """Texts of a source.

    Attributes:
        texts: as they were read.
        groups: which belong together; each is its own where the source has no groups.
    """

    texts: list[str]
    groups: Int[np.ndarray, " texts"]


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
    runs = [load(generator) for generator in generators]
    judge = None if critic is None else _filter(critic, runs)
    reals = _as_read(known.texts, runs)
    fakes: list[str] = []
    for number, one in enumerate(runs):
        wanted = (count or len(reals)) // len(runs) + (number < (count or len(reals)) % len(runs))
        note(f"writing {wanted:,} texts: {one.path}")
        fakes += write_fakes(one, reals, wanted, seed + number, judge if len(one.config.conditions) else None)
    for source in generated:
        fakes += read_texts(source, replace(reading, group=None, pool=None), note).texts
    texts = reals + fakes
    groups = np.concatenate([known.groups, known.groups.max(initial=-1) + 1 + np.arange(len(fakes))])
    labels = np.arange(len(texts)) >= len(reals)
    with _building(folder) as place:
        detector = Detector(
            teacher=None if light else language_teacher(minutes, place, seed=seed, note=note),
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


def open_detector(folder: str | Path) -> Detector:
    """The detector in a folder.

    Raises:
        UserError: there is none, or it is damaged.
    """
    return load_detector(folder, _pair)


def read_texts(
    source: str | Path | Sequence[str | Path], reading: ReadingConfig, note: Note = lambda line: None
) -> Texts:
    """The texts of a source and their groups; those without a word are left out.

    Raises:
        UserError: the source cannot be read, or has no text.
    """
    corpus = open_corpus(source, reading)
    texts: list[str] = []
    groups: list[int] = []
    numbers: dict[str, int] = {}
    empty = 0
    for document in corpus:
        whole = "".join(document.chunks)
        if not whole.strip():
            empty += 1
            continue
        label = f"={document.group}" if document.group is not None else f"#{len(texts)}"
        texts.append(whole)
        groups.append(numbers.setdefault(label, len(numbers)))
    note(f"{corpus.name}: {len(texts):,} texts in {len(numbers):,} groups")
    for reason, count in ({**corpus.skipped, "empty text": empty} if empty else corpus.skipped).items():
        note(f"skipped: {counted(count, reason)}")
    if not texts:
        raise ConfigError(f"{corpus.name} has no text: nothing can be learned")
    return Texts(texts, np.array(groups))


def score_table(
    detector: str | Path | Detector,
    source: str | Path,
    *,
    text: str,
    output: str | Path,
    prior: float = 0.5,
    light: bool = False,
    overwrite: bool = False,
    resume: bool = False,
    note: Note = lambda line: None,
) -> int:
    """Write a table again with the probability that each text was generated.

    Args:
        detector: a detector, or its folder.
        source: the table.
        text: the column of the text.
        output: the new table.
        prior: the share of generated texts that is expected in it.
        light: ask only the members that read patterns alone.
        overwrite: replace what is there.
        resume: go on where an earlier call was interrupted.
        note: is told which rows were left out, and what texts are like.

    Returns:
        The number of rows.

    Raises:
        UserError: the detector, the table or the file are not usable.
    """
    check_prior(prior)
    fingerprint = detector_fingerprint(detector) if isinstance(detector, str | Path) else detector.fingerprint()
    opened = cache(lambda: open_detector(detector) if isinstance(detector, str | Path) else detector)
    tally: Counter[str] = Counter()

    def scored(texts: Sequence[str]) -> list[dict[str, Any]]:
        found = opened().judge(texts, prior=prior, light=light)
        tally["text too short to tell"] += int(found.abstained.sum())
        tally["text unlike those that the detector knows"] += int(found.strange.sum())
        tally["text that the detector learned from"] += int(found.learned.sum())
        flags = np.where(found.learned, "learned", np.where(found.strange, "unfamiliar", "")).tolist()
        return [
            dict(zip(COLUMNS, (float(f"{chance:.9g}"), int(short), flag), strict=True))
            for chance, short, flag in zip(found.probabilities, found.abstained, flags, strict=True)
        ]

    settings = {"detector": fingerprint, "prior": prior, "light": light}
    written = annotate(
        *(source, text, Path(output), COLUMNS, scored, tally),
        overwrite=overwrite,
        resume=resume,
        settings=settings,
        at_once=_MANY if light else _SOME,
    )
    for reason, count in tally.items():
        if count:
            note(f"{counted(count, reason)}" + (f": {COLUMNS[0]} is left empty there" if reason == EMPTY else ""))
    return written


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
        faults.append("--generator or --generated: name a run that writes the generated texts, or a file of them")
    if not 0 < minutes < math.inf:
        faults.append(f"--minutes got {minutes:g}: choose a number above 0")
    if count is not None and not generators:
        faults.append("--count is how many texts --generator writes, and there is none: leave it out")
    elif count is not None and count < LEAST_TEXTS:
        faults.append(f"--count got {count}: choose {LEAST_TEXTS} or more, or leave it out for as many as are real")
    if seed < 0:
        faults.append(f"--seed got {seed}: choose 0 or more")
    if faults:
        raise ConfigError(*faults)
    holds = (folder / DETECTOR.settings).exists()
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not holds):
        raise RunError(f"--run got {folder}, which holds something else than a detector: name another folder")
    own = {DETECTOR.settings, DETECTOR.arrays, REAL, GENERATED}
    strange = sorted(path.name for path in folder.iterdir() if path.name not in own) if holds else []
    if strange:
        raise RunError(f"{folder} holds {strange[0]!r} beside a detector: move that elsewhere, or name another folder")
    if holds and not overwrite:
        raise RunError(f"{folder} holds a detector already: give --overwrite to replace it, or name another folder")
    check_writable(folder / DETECTOR.settings)
    return folder


def _filter(critic: str | Path, runs: Sequence[Run]) -> Any:
    """The critic, where there is anything for it to filter."""
    if not any(len(one.config.conditions) for one in runs):
        raise ConfigError(
            "--critic filters what a generator writes to a rating, and none of these was trained with --rating: leave "
            "it out"
        )
    return open_critic(critic)


@contextmanager
def _building(folder: Path) -> Iterator[Path]:
    """A new folder beside the wanted one, which takes its place when all is done."""
    folder = folder.resolve() if folder.is_symlink() else folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield place
        place.chmod(0o777 & ~_umask())
        old = place.with_name(f"{place.name}.old")
        if folder.exists():
            folder.rename(old)
        place.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _umask() -> int:
    """What the person's new files may not be."""
    found = os.umask(0)
    os.umask(found)
    return found


def _as_read(texts: list[str], runs: Sequence[Run]) -> list[str]:
    """Real texts, folded as what the generators learned from was, where that was the same for all."""
    if not runs:
        return texts
    foldings = {(one.config.reading.lowercase, one.config.reading.keep_newlines) for one in runs}
    return [runs[0].as_read(text) for text in texts] if len(foldings) == 1 else texts


def language_teacher(
    minutes: float = 2.0, folder: str | Path | None = None, *, seed: int = 0, note: Note = lambda line: None
) -> Teacher:
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

    def taught(real: Sequence[str], generated: Sequence[str]) -> LanguagePair:
        budget: Mapping[str, Any] = {"minutes": minutes / 2, "seed": seed}
        with tempfile.TemporaryDirectory() as held:
            one = _learned(real, Path(held) / "real.jsonl", place / REAL, level="char", **budget)
            note(f"model of real text: {one.config.model.core} of {one.config.model.sizes}")
            note("model of generated text: the same, from there on")
            shown = [without(text, one.codec.unknown(text)) for text in generated]
            _learned(shown, Path(held) / "generated.jsonl", place / GENERATED, from_run=place / REAL, **budget)
        return _pair(place)

    return taught


def _learned(texts: Sequence[str], file: Path, run: Path, **settings: Any) -> Run:
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts if text), encoding="utf-8")
    return train(file, run=run, text="text", viewer=Viewer(), **settings)


def _pair(folder: Path) -> LanguagePair:
    real, generated = (load(folder / name) for name in (REAL, GENERATED))
    return LanguagePair(real.codec, run_scorer(real), run_scorer(generated))
