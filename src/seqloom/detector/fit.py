"""Fit a detector to real texts and generated texts."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seqloom.argument_names import suggests_arguments
from seqloom.config import ReadingConfig
from seqloom.config.detector import NO_GENERATED_TEXTS
from seqloom.config.reading import MISSING_WORDS
from seqloom.critic.load import open_critic
from seqloom.critic.table_rules import check_table_rules
from seqloom.detector.detector import Detector
from seqloom.detector.fit_schedule import TIMED_ENCODER, DetectorSchedule
from seqloom.detector.language_models import train_language_models
from seqloom.detector.load import open_detector
from seqloom.detector.negatives import generate_negatives
from seqloom.detector.storage import DETECTOR, foreign_runs, save_detector, written_files
from seqloom.detector.training_texts import TrainingTexts, read_sides
from seqloom.detector.validate_labels import MIN_TEXTS, validate_labelled_texts
from seqloom.errors import ConfigError, RunError
from seqloom.files import check_writable
from seqloom.replacement import other_content, replacing_content, settle
from seqloom.reporter import Reporter, silent
from seqloom.runs.saved_run import SavedRun
from seqloom.stopwatch import Stopwatch, TimeBudget
from seqloom.version import __version__

__all__ = ["fit_detector"]

_FINISHING_SECONDS = 2.5
"""Expected duration of saving and opening the detector, and of the end of the process."""

_LANGUAGE_MODEL_MINUTES = 0.1
"""Training time of the two language models together if there is no time budget."""


@suggests_arguments
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
    missing: tuple[str, ...] = MISSING_WORDS,
    label: str | None = None,
    generated_text: str | None = None,
    drop_shared: bool = False,
    minutes: float | None = None,
    light: bool = False,
    count: int | None = None,
    seed: int = 0,
    overwrite: bool = False,
    note: Reporter = silent,
    stage: Reporter | None = None,
    stopwatch: Stopwatch | None = None,
) -> Detector:
    """Fit a detector and store it in a folder.

    Args:
        real: source of the real texts; with `label`, one table of real and generated texts.
        run: folder for the detector.
        generators: runs that generate texts.
        generated: further sources of generated texts, such as files.
        critic: critic (a model that rates texts) that filters some of the generators' texts by rating.
        text: column of the text, in all tables.
        label: column of `real` with 1 for generated and 0 for real texts; or "COLUMN=VALUE", where VALUE is the label
            of the generated texts, and all other labels are those of real ones.
        generated_text: column of the text in `generated`, if it is not `text`.
        drop_shared: whether texts on both sides are dropped from both; otherwise they are refused.
        group: column whose equal values mark related real texts, which are used together for training or calibration.
        pool: pool of the real table to read; pools are disjoint parts of a table.
        missing: words in the cells of a group that stand for a missing value.
        minutes: time budget of the whole call: as many texts are used as there is time for. None uses all, and trains
            the two language models for six seconds together, or less on a small corpus.
        light: whether to leave out the language models and the encoder.
        count: number of texts of all generators together; None for the number of real texts.
        seed: seed of everything random.
        overwrite: whether to replace a detector that is already in the folder.
        note: function that receives progress messages.
        stage: function that receives the name of each stage; None for `note`.
        stopwatch: stopwatch from whose start `minutes` count; None to start one now.

    Raises:
        UserError: a source, a setting or the folder is unusable, or a generated text equals a real one.
        KeyboardInterrupt: Ctrl-C was pressed before the light members were fitted.
    """
    folder, stopwatch, stage = Path(run), stopwatch or Stopwatch(), stage or note
    _check_settings(generators, [*generated, *([label] if label else [])], minutes, count, seed)
    _check_folder(folder, overwrite=overwrite, light=light)
    reading = ReadingConfig(text=text, group=group, pool=pool, missing=missing)
    stage("reading the texts")
    sides = read_sides(real, generated, reading, label=label, generated_text=generated_text, note=note)
    runs = [SavedRun(generator) for generator in generators]
    _check_pools(runs, reading)
    opened_critic = None if critic is None else _open_critic(critic, runs)
    real_texts = _normalize_like(sides.real, runs)
    schedule = None if minutes is None else _make_schedule(minutes, stopwatch, light=light, seed=seed, note=note)
    generated_texts = _generate(runs, real_texts, count or len(real_texts), seed, opened_critic, stage, schedule)
    examples = TrainingTexts.join(real_texts, sides.groups, generated_texts + sides.generated)
    if drop_shared:
        examples = examples.without_shared(note)
    if schedule is not None:
        validate_labelled_texts(examples.texts, examples.generated)  # all of them, and not only those that are chosen
        stage("measuring the speed")
        examples = examples.select(schedule.choose(*examples, Detector(encoder=False, seed=seed).fit))
        light = schedule.light
    with replacing_content(folder, lambda: written_files(folder), overwrite=overwrite) as new_folder:
        detector = _make_detector(new_folder, schedule, light=light, seed=seed, note=note, stage=stage)
        detector.fit(*examples)
        origin = {
            "version": __version__,
            "real": str(real),
            "generators": [str(path) for path in generators],
            "generated": [str(path) for path in generated],
            "critic": None if critic is None else str(critic),
            "reading": asdict(reading),
            "texts": {"real": int((~examples.generated).sum()), "generated": int(examples.generated.sum())},
        }
        save_detector(detector, new_folder, origin)
    # The language models of `detector` were opened in the folder of the new files, which have been moved to `folder`.
    opened = open_detector(folder)
    opened.interrupted_ = detector.interrupted_
    return opened


def _make_schedule(minutes: float, stopwatch: Stopwatch, *, light: bool, seed: int, note: Reporter) -> DetectorSchedule:
    """Return the plan of a fit in `minutes`, at least half of which is left for everything after reading the texts."""
    budget = TimeBudget(stopwatch, max(60 * minutes - _FINISHING_SECONDS, stopwatch.seconds() + 30 * minutes))
    return DetectorSchedule(budget, light=light, seed=seed, note=note)


def _make_detector(
    folder: Path, schedule: DetectorSchedule | None, *, light: bool, seed: int, note: Reporter, stage: Reporter
) -> Detector:
    """Return a detector that is not fitted yet, and trains its language models into a folder."""
    trainer = None
    if not light:
        minutes = _LANGUAGE_MODEL_MINUTES if schedule is None else schedule.language_model_minutes
        trainer = train_language_models(minutes, folder, seed=seed, note=note)
    return Detector(
        language_model_trainer=trainer,
        encoder=not light,
        encoder_settings=TIMED_ENCODER,
        seed=seed,
        note=note,
        stage=stage,
    )


def _check_settings(
    generators: Sequence[str | Path],
    generated: Sequence[str | Path],
    minutes: float | None,
    count: int | None,
    seed: int,
) -> None:
    """Raise an error that names every invalid setting."""
    faults = []
    if not generators and not generated:
        faults.append(NO_GENERATED_TEXTS)
    if minutes is not None and not 0 < minutes < math.inf:
        faults.append(f"`minutes` got {minutes:g}: choose a number above 0")
    if count is not None and not generators:
        faults.append("`count` is the number of texts from `generators`, and no generator was named: leave it out")
    elif count is not None and count < MIN_TEXTS:
        faults.append(f"`count` got {count}: choose {MIN_TEXTS} or more, or leave it out for the number of real texts")
    if seed < 0:
        faults.append(f"`seed` got {seed}: choose 0 or more")
    if faults:
        raise ConfigError(*faults)


def _check_folder(folder: Path, *, overwrite: bool, light: bool) -> None:
    """Raise an error unless the folder is missing, is empty, or contains a detector that may be replaced.

    Other files next to a detector stay. The language models of a detector that is not light have a place in the folder,
    which no other run may have taken.
    """
    settle(folder)
    has_detector = (folder / DETECTOR.settings_file).exists()
    if folder.is_file() or (folder.is_dir() and other_content(folder) and not has_detector):
        raise RunError(f"`run` got {folder}, which contains something other than a detector: name another folder")
    if has_detector and not overwrite:
        raise RunError(f"{folder} already contains a detector: use `overwrite` to replace it, or name another folder")
    if not light and (foreign := foreign_runs(folder)):
        raise RunError(
            f"{folder / foreign[0]} is a run of its own, where the detector would keep a language model: name another "
            "folder for the detector, or use `light`"
        )
    check_writable(folder / DETECTOR.settings_file)


def _check_pools(runs: Sequence[SavedRun], reading: ReadingConfig) -> None:
    """Check that the pools of the generators and of the real texts were drawn by the same rules."""
    for run in runs:
        version = run.config.reading.table_rules
        if reading.pool and run.config.reading.pool and version != reading.table_rules:
            raise ConfigError(
                f"{run.path} was trained on a pool of version {version} of the rules that divide a table, and `pool` "
                f"{reading.pool} is one of version {reading.table_rules}, so that they share texts: train the run again"
            )


def _open_critic(critic: str | Path, runs: Sequence[SavedRun]) -> Any:
    """Return the critic, after checking that at least one generator was trained with ratings."""
    if not any(len(run.config.conditions) for run in runs):
        raise ConfigError(
            "`critic` filters generated texts by rating, and none of the generators was trained with `rating`: leave "
            "`critic` out"
        )
    for run in runs:
        check_table_rules(run, critic)
    return open_critic(critic)


def _normalize_like(texts: list[str], runs: Sequence[SavedRun]) -> list[str]:
    """Normalize the case and the line ends of real texts as in the corpora of the generators.

    Otherwise, case or line ends could separate the real from the generated texts. If the generators do not agree on the
    normalization, the texts are returned unchanged.
    """
    if not runs:
        return texts
    settings = {(run.config.reading.lowercase, run.config.reading.keep_newlines) for run in runs}
    return [runs[0].normalize(text) for text in texts] if len(settings) == 1 else texts


def _generate(
    runs: Sequence[SavedRun],
    real_texts: Sequence[str],
    count: int,
    seed: int,
    critic: Any,
    stage: Reporter,
    schedule: DetectorSchedule | None,
) -> list[str]:
    """Return generated texts, with equal numbers from all generators.

    Args:
        runs: generators.
        real_texts: real texts, which determine the lengths.
        count: number of texts of all generators together.
        seed: seed of the first generator; each further generator has the next number.
        critic: critic that filters texts of the generators with ratings, or None.
        stage: function that receives the name of each stage.
        schedule: plan of the fit in a time budget, or None; there may be time for fewer texts.
    """
    texts: list[str] = []
    for number, run in enumerate(runs):
        num_texts = count // len(runs) + (number < count % len(runs))
        stage(f"generating {num_texts:,} texts: {run.path}")
        budget = None if schedule is None else schedule.generation(len(runs) - number)
        # A run without ratings cannot use the critic.
        applicable_critic = critic if len(run.config.conditions) else None
        texts += generate_negatives(run, real_texts, num_texts, seed + number, applicable_critic, budget)
    return texts
