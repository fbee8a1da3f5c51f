"""Adversarial rounds: a generator keeps the texts that a detector takes for real, and the detector learns from them.

In each round the generator generates more texts than it keeps. The texts that it keeps are selected against the current
detector: they have the lowest probability of being generated. The detectors are light: they use only the fast models on
patterns of words and characters.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int

from seqloom.config import ReadingConfig, validate
from seqloom.config.reading import MISSING_WORDS
from seqloom.config.settings import is_integer
from seqloom.corpora.labelled_texts import read_texts
from seqloom.detector.detector import Detector
from seqloom.detector.negatives import generate_negatives
from seqloom.files import write_json
from seqloom.plots.adversarial import plot_adversarial_rounds
from seqloom.reporter import Reporter, silent
from seqloom.runs.saved_run import SavedRun

__all__ = ["AdversarialRound", "adversarial_rounds"]

_TEST_SHARE = 0.4
"""Share of the real texts, and of each round's generated texts, that is used for measurement only."""

_MIN_REAL_TEXTS = 100

_SEED_STEP = 7919
"""Difference between the generation seeds of two successive rounds."""


@dataclass(frozen=True)
class AdversarialRound:
    """The result of one round.

    Attributes:
        number: number of the round, from 1.
        auc_unselected: area under the ROC curve of this round's detector for unselected generated texts.
        auc_after_selection: area of this round's detector for texts that were selected against it.
        auc_after_training: area of the next round's detector for the same texts. They are held out: the next detector
            was trained on the other texts that were selected in this round.
        kept: share of the generated texts that the generator kept.
    """

    number: int
    auc_unselected: float
    auc_after_selection: float
    auc_after_training: float
    kept: float


def adversarial_rounds(
    real: str | Path | Sequence[str | Path],
    *,
    generator: str | Path,
    run: str | Path,
    text: str | None = None,
    group: str | None = None,
    pool: str | None = None,
    missing: tuple[str, ...] = MISSING_WORDS,
    rounds: int = 4,
    keep: float = 0.2,
    count: int | None = None,
    seed: int = 0,
    note: Reporter = silent,
) -> list[AdversarialRound]:
    """Let a generator select texts against a light detector, fit the next detector to them, and store the results.

    In each round, the generator keeps the texts with the lowest probability of being generated. The next detector is
    fitted to the real texts, to unselected generated texts, and to the texts kept in this and the earlier rounds. A
    part of the texts is held out for the measurements.

    Args:
        real: source of the real texts.
        generator: run that generates texts.
        run: folder for the results, `duel.json`, and their plot, `duel.png`.
        text: column of the text.
        group: column whose equal values mark related real texts.
        pool: pool of the real table to read; pools are disjoint parts of a table.
        missing: words in the cells of a group that stand for a missing value.
        rounds: number of rounds.
        keep: share of the generated texts that the generator keeps.
        count: number of texts that the generator keeps in a round; None for the number of real texts.
        seed: seed of everything random.
        note: function that receives progress messages.

    Raises:
        UserError: a source, the run or a setting is unusable.
    """
    validate(
        (is_integer(rounds, 1), f"`rounds` got {rounds}: choose 1 or more"),
        (0 < keep < 1, f"`keep` got {keep}: choose a share between 0 and 1"),
        (count is None or is_integer(count, 1), f"`count` got {count}: choose 1 or more"),
    )
    generator_run = SavedRun(generator)
    real_source = read_texts(real, ReadingConfig(text=text, group=group, pool=pool, missing=missing), note)
    num_real = len(real_source.texts)
    validate((num_real >= _MIN_REAL_TEXTS, f"{num_real} real texts are too few: pass {_MIN_REAL_TEXTS} or more"))
    # Case and line ends as in the generator's corpus, since they would separate the real from the generated texts.
    real_texts = [generator_run.normalize(real_text).strip() for real_text in real_source.texts]
    train_real, test_real = _split_by_group(real_texts, real_source.groups, seed)
    count = count or num_real
    unselected = _shuffled(generate_negatives(generator_run, real_texts, count, seed), seed)
    train_generated, test_unselected = _split(unselected)
    detector = _fit(train_real, train_generated, seed)
    results: list[AdversarialRound] = []
    for number in range(1, rounds + 1):
        note(f"round {number} of {rounds}")
        num_generated = round(count / keep)
        selected = _select(generator_run, real_texts, detector, num_generated, count, seed + _SEED_STEP * number)
        train_selected, test_selected = _split(selected)
        train_generated = train_generated + train_selected
        next_detector = _fit(train_real, train_generated, seed + number)
        results.append(
            AdversarialRound(
                number=number,
                auc_unselected=_roc_auc(detector, test_real, test_unselected),
                auc_after_selection=_roc_auc(detector, test_real, test_selected),
                auc_after_training=_roc_auc(next_detector, test_real, test_selected),
                kept=len(selected) / num_generated,
            )
        )
        detector = next_detector
    _store(results, Path(run))
    return results


def _store(results: Sequence[AdversarialRound], folder: Path) -> None:
    write_json(folder / "duel.json", [asdict(result) for result in results])
    plot_adversarial_rounds(
        folder / "duel.png",
        auc_after_selection=[result.auc_after_selection for result in results],
        auc_after_training=[result.auc_after_training for result in results],
        auc_unselected=[result.auc_unselected for result in results],
        title="Generator against detector",
    )


def _split_by_group(texts: Sequence[str], groups: Int[np.ndarray, " texts"], seed: int) -> tuple[list[str], list[str]]:
    """Divide texts into training and test texts; groups are never divided."""
    distinct = np.unique(groups)
    test_groups = np.random.default_rng(seed).permutation(distinct)[: round(_TEST_SHARE * len(distinct))]
    is_test = np.isin(groups, test_groups)
    return (
        [text for text, in_test in zip(texts, is_test, strict=True) if not in_test],
        [text for text, in_test in zip(texts, is_test, strict=True) if in_test],
    )


def _split(texts: list[str]) -> tuple[list[str], list[str]]:
    """Divide shuffled texts into training and test texts, in their order."""
    num_training = len(texts) - round(_TEST_SHARE * len(texts))
    return texts[:num_training], texts[num_training:]


def _fit(real: Sequence[str], generated: Sequence[str], seed: int) -> Detector:
    """Fit a detector that has the light members only, which is fast."""
    labels = np.arange(len(real) + len(generated)) >= len(real)
    return Detector(encoder=False, seed=seed).fit([*real, *generated], labels)


def _select(
    run: SavedRun, real: Sequence[str], detector: Detector, num_generated: int, num_kept: int, seed: int
) -> list[str]:
    """Generate texts and return those with the lowest probability of being generated, in random order.

    Args:
        run: generator.
        real: real texts, which determine the lengths.
        detector: detector that the texts are selected against.
        num_generated: number of texts to generate.
        num_kept: number of texts to return.
        seed: seed of the generation and of the order.
    """
    texts = list(dict.fromkeys(generate_negatives(run, real, num_generated, seed)))
    order = np.argsort(detector.predict_proba(texts)[:, 1])[:num_kept]
    return _shuffled([texts[index] for index in order], seed)


def _shuffled(texts: Sequence[str], seed: int) -> list[str]:
    """Return the texts in random order, because `generate_negatives` orders its texts by sampling settings."""
    return [texts[index] for index in np.random.default_rng(seed).permutation(len(texts))]


def _roc_auc(detector: Detector, real: Sequence[str], generated: Sequence[str]) -> float:
    from sklearn.metrics import roc_auc_score

    probabilities = detector.predict_proba([*real, *generated])[:, 1]
    return float(roc_auc_score(np.arange(len(probabilities)) >= len(real), probabilities))
