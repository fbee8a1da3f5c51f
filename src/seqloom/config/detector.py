"""Settings of fitting, using and challenging a detector.

A detector estimates the probability that a text was generated. It combines several models, its members: fast ("light")
members, a convolutional encoder, and two language models, one of real and one of generated texts.
"""

from dataclasses import dataclass

from seqloom.config.base import validate
from seqloom.config.settings import setting

__all__ = ["NO_GENERATED_TEXTS", "DetectorConfig", "DuelConfig", "ReportConfig", "ScoringConfig", "check_one_label"]


@dataclass(frozen=True, kw_only=True)
class DetectorConfig:
    """Settings of `seqloom.detector.fit.fit_detector` besides its sources, columns and folder.

    Attributes:
        minutes: time budget of the whole command, in minutes: as many texts are used as there is time for. None uses
            all, and trains the two language models for two minutes together.
        light: whether the language models and the encoder are left out.
        count: number of texts that all generators together write; None is the number of real texts.
        seed: seed of all draws.
        generated_text: column of the text in tables of generated texts, if it is another one than in the real table.
        drop_shared: whether texts that are on both sides are dropped from both, instead of refused.
    """

    minutes: float | None = setting(
        None, help="minutes for the whole command, which uses as many texts as there is time for (no limit)", above=0
    )
    light: bool = setting(False, help="leave out the language models and the encoder")
    count: int | None = setting(
        None, help="texts that all generators together write (as many as there are real texts)", at_least=1
    )
    seed: int = setting(0, help="seed of all draws", at_least=0)
    generated_text: str | None = setting(
        None, help="column of the text in tables of generated texts (that of the real ones)", metavar="COLUMN"
    )
    drop_shared: bool = setting(False, help="drop texts that occur in both the real and the generated texts")


NO_GENERATED_TEXTS = (
    "`generators`, `generated` or `label`: name a run that generates texts, a file of generated texts, or a column of "
    "labels"
)
"""Message about a detector that would learn from no generated texts."""


def check_one_label(generated: object, label: object) -> None:
    """Check that texts are not labelled in two ways.

    Raises:
        ConfigError: both are given.
    """
    validate((generated is None or label is None, "`generated` and `label` exclude each other: use one of them"))


@dataclass(frozen=True, kw_only=True)
class ScoringConfig:
    """Settings of `seqloom.detector.score_table.score_table` besides its files and column.

    Attributes:
        base_rate: share of generated texts that is expected among the texts.
        light: whether only the light members are used, which are many times as fast as all members.
        threshold: probability from which a text is flagged.
        top: number of rows to write, those with the highest probability, in descending order; 0 writes all rows in
            their order.
    """

    base_rate: float = setting(0.5, help="expected share of generated texts", above=0, below=1)
    light: bool = setting(False, help="use only the fast models of the detector; many times as fast")
    threshold: float = setting(0.5, help="probability from which a text is flagged", above=0, at_most=1)
    top: int = setting(0, help="write only the K rows with the highest probability, sorted; 0 is off", at_least=0)


@dataclass(frozen=True, kw_only=True)
class ReportConfig:
    """Settings of `seqloom.detector.html_report.report_detector` besides its files and columns.

    Attributes:
        matched: whether real and generated texts are cut to similar lengths, so that the length reveals nothing.
        base_rate: share of generated texts that is expected among the texts; None takes 0.5, and shows the false alarms
            for 0.02 as well.
        seed: seed of the bootstrap samples.
    """

    matched: bool = setting(False, help="cut real and generated texts to similar lengths")
    base_rate: float | None = setting(
        None, help="expected share of generated texts (0.5, and the false alarms at 0.02 too)", above=0, below=1
    )
    seed: int = setting(0, help="seed of the bootstrap samples", at_least=0)


@dataclass(frozen=True, kw_only=True)
class DuelConfig:
    """Settings of `seqloom.detector.adversarial.adversarial_rounds` besides its sources, columns and folder.

    In a round, a generator keeps those of its texts that the detector considers most real. The detector then learns
    from the kept texts.

    Attributes:
        rounds: number of rounds.
        keep: share of its texts that the generator keeps in a round.
        count: number of texts that the generator keeps in a round; for that it writes `count / keep` texts. None keeps
            as many as there are real texts.
        seed: seed of all draws.
    """

    rounds: int = setting(
        4, help="rounds; in each, the detector learns from the texts that look most real to it", at_least=1
    )
    keep: float = setting(0.2, help="share of its texts that the generator keeps in a round", above=0, below=1)
    count: int | None = setting(
        None, help="texts that the generator keeps in a round (as many as there are real texts)", at_least=1
    )
    seed: int = setting(0, help="seed of all draws", at_least=0)
