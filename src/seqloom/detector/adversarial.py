"""An arms race: a generator keeps what a detector takes for real, and the detector learns from what was kept."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from seqloom.config import ReadingConfig, validate
from seqloom.config.settings import is_integer
from seqloom.corpora.labelled_texts import read_texts
from seqloom.detector.detector import Detector
from seqloom.detector.negatives import generate_negatives
from seqloom.files import write_json
from seqloom.plots.adversarial import duel_curve
from seqloom.runs.saved_run import SavedRun

__all__ = ["AdversarialRound", "adversarial_rounds"]

_HELD_OUT = 0.4
"""Share of the real texts, and of each round's generated ones, that only measure."""

_LEAST = 100
"""Real texts that a duel needs at least."""

Note = Callable[[str], None]


@dataclass(frozen=True)
class AdversarialRound:
    """One round.

    Attributes:
        number: from 1 on.
        plain: area under the curve of the detector of this round on texts that were not filtered.
        escaped: the same on the texts that were filtered by this detector.
        learned: the same of the next detector, which has learned from such texts, on others of them.
        kept: share that the generator kept of the texts it was asked for.
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
    rounds: int = 4,
    keep: float = 0.2,
    count: int | None = None,
    seed: int = 0,
    note: Note = lambda line: None,
) -> list[AdversarialRound]:
    """Let a generator and a detector of n-grams learn from one another, and write how it went into a folder.

    In each round the generator writes more than it needs and keeps the share that the detector is least sure was
    generated; the next detector learns from what was kept in all rounds so far.

    Args:
        real: real texts.
        generator: the run that writes.
        run: the folder for `duel.json` and `duel.png`.
        text: the column of the text.
        group: the column that says which real texts belong together.
        pool: which part of the table is read.
        rounds: how many.
        keep: share of what it writes that the generator keeps.
        count: texts that it keeps in a round; as many as there are real ones where it is None.
        seed: of all draws.
        note: is told how it goes.

    Raises:
        UserError: a source, the run or a setting is not usable.
    """
    validate(
        (is_integer(rounds, 1), f"`rounds` got {rounds}: choose 1 or more"),
        (0 < keep < 1, f"`keep` got {keep}: choose a share between 0 and 1"),
        (count is None or is_integer(count, 1), f"`count` got {count}: choose 1 or more"),
    )
    writer = SavedRun(generator)
    texts, groups = read_texts(real, ReadingConfig(text=text, group=group, pool=pool), note)
    validate((len(texts) >= _LEAST, f"{len(texts)} real texts are too few for a duel: give {_LEAST} or more"))
    texts = [writer.normalize(one).strip() for one in texts]
    known, held_out = _halves(texts, groups, seed)
    count = count or len(texts)
    made = _shuffled(generate_negatives(writer, texts, count, seed), seed)
    cut = len(made) - round(_HELD_OUT * len(made))
    learned, plain = made[:cut], made[cut:]
    judge = _detector(known, learned, seed)
    found: list[AdversarialRound] = []
    for number in range(1, rounds + 1):
        note(f"round {number} of {rounds}")
        write = round(count / keep)
        kept = _kept(writer, texts, judge, write, count, seed + 7919 * number)
        cut = len(kept) - round(_HELD_OUT * len(kept))
        learned = learned + kept[:cut]
        after = _detector(known, learned, seed + number)
        found.append(
            AdversarialRound(
                number,
                _area(judge, held_out, plain),
                _area(judge, held_out, kept[cut:]),
                _area(after, held_out, kept[cut:]),
                len(kept) / write,
            )
        )
        judge = after
    folder = Path(run)
    write_json(folder / "duel.json", [asdict(one) for one in found])
    duel_curve(
        folder / "duel.png",
        [one.auc_after_selection for one in found],
        [one.auc_after_training for one in found],
        [one.auc_unselected for one in found],
        title="Generator against detector",
    )
    return found


def _halves(texts: Sequence[str], groups: np.ndarray, seed: int) -> tuple[list[str], list[str]]:
    """Texts to learn from and texts that measure; groups stay whole."""
    distinct = np.unique(groups)
    chosen = np.random.default_rng(seed).permutation(distinct)[: round(_HELD_OUT * len(distinct))]
    measuring = np.isin(groups, chosen)
    return (
        [one for one, mine in zip(texts, measuring, strict=True) if not mine],
        [one for one, mine in zip(texts, measuring, strict=True) if mine],
    )


def _detector(real: Sequence[str], generated: Sequence[str], seed: int) -> Detector:
    labels = np.arange(len(real) + len(generated)) >= len(real)
    return Detector(encoder=False, seed=seed).fit([*real, *generated], labels)


def _kept(run: SavedRun, real: Sequence[str], judge: Detector, write: int, count: int, seed: int) -> list[str]:
    """Of what the generator writes, the texts that the detector is least sure of, in random order."""
    written = list(dict.fromkeys(generate_negatives(run, real, write, seed)))
    order = np.argsort(judge.predict_proba(written)[:, 1])[:count]
    return _shuffled([written[place] for place in order], seed)


def _shuffled(texts: Sequence[str], seed: int) -> list[str]:
    """In random order: a generator writes way after way, and every part of its texts shall have some of each."""
    return [texts[place] for place in np.random.default_rng(seed).permutation(len(texts))]


def _area(judge: Detector, real: Sequence[str], generated: Sequence[str]) -> float:
    from sklearn.metrics import roc_auc_score

    chance = judge.predict_proba([*real, *generated])[:, 1]
    return float(roc_auc_score(np.arange(len(chance)) >= len(real), chance))
