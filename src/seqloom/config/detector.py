"""Settings of fitting, using and challenging a detector."""

from dataclasses import dataclass

from seqloom.config.settings import setting

__all__ = ["DetectorConfig", "DuelConfig", "ReportConfig", "ScoringConfig"]


@dataclass(frozen=True, kw_only=True)
class DetectorConfig:
    """Settings of `seqloom.detector.fit.fit_detector` beyond the sources.

    Attributes:
        minutes: minutes of training for the two language models together.
        light: whether the language models and the encoder are left out.
        count: texts from the generators in all; None is the number of real texts.
        seed: seed of all draws.
    """

    minutes: float = setting(2.0, help="minutes of training for the two language models together", above=0)
    light: bool = setting(False, help="leave out the language models and the encoder")
    count: int | None = setting(None, help="texts from the generators in all (number of real texts)", at_least=1)
    seed: int = setting(0, help="seed of all draws", at_least=0)


@dataclass(frozen=True, kw_only=True)
class ScoringConfig:
    """Settings of `seqloom.detector.score_table.score_table` beyond the files.

    Attributes:
        base_rate: expected share of generated texts.
        light: whether only the light members are used.
    """

    base_rate: float = setting(0.5, help="expected share of generated texts", above=0, below=1)
    light: bool = setting(False, help="use only the light members; many times as fast")


@dataclass(frozen=True, kw_only=True)
class ReportConfig:
    """Settings of `seqloom.detector.html_report.report_detector` beyond the files.

    Attributes:
        matched: whether the texts of both sides are cut to similar lengths.
        base_rate: expected share of generated texts.
        seed: seed of the bootstrap samples.
    """

    matched: bool = setting(False, help="cut the texts of both sides to similar lengths")
    base_rate: float = setting(0.5, help="expected share of generated texts", above=0, below=1)
    seed: int = setting(0, help="seed of the bootstrap samples", at_least=0)


@dataclass(frozen=True, kw_only=True)
class DuelConfig:
    """Settings of `seqloom.detector.adversarial.adversarial_rounds` beyond the sources.

    Attributes:
        rounds: rounds in which both learn.
        keep: share of its texts that the generator keeps.
        count: texts that the generator keeps in a round; None is the number of real texts.
        seed: seed of all draws.
    """

    rounds: int = setting(4, help="rounds in which both learn", at_least=1)
    keep: float = setting(0.2, help="share of its texts that the generator keeps", above=0, below=1)
    count: int | None = setting(
        None, help="texts that the generator keeps in a round (number of real texts)", at_least=1
    )
    seed: int = setting(0, help="seed of all draws", at_least=0)
