"""The pace of a training: its planned number of steps, which may be revised while it runs.

A training with a time limit measures its speed as it goes on, and revises the number of steps whenever the speed has
changed. The learning rate depends on the used share of the training, which is a function of the step and of the
revisions so far. A training that repeats the revisions at the same steps therefore has the same learning rates.

A training that is continued with a larger budget restarts: its learning rate rises again to that of the share which is
used of the larger budget. A restart is a revision with this share.
"""

from collections.abc import Sequence
from typing import NamedTuple

from seqloom.errors import ConfigError

__all__ = ["Pace"]


class _Revision(NamedTuple):
    """A planned number of steps.

    Attributes:
        step: step from which the plan holds.
        total_steps: planned number of steps.
        restart: share of the training that is used at `step`; None if it follows from the plan before.
    """

    step: int
    total_steps: int
    restart: float | None = None

    def __str__(self) -> str:
        """Return the revision in the form of the setting `pace`."""
        return f"{self.step}:{self.total_steps}" + ("" if self.restart is None else f"@{self.restart:g}")


class Pace:
    """Planned numbers of steps, and the share of the training that each step has used.

    Args:
        revisions: revisions as tuples, from step 0 in ascending order. Each total is larger than its step; the next
            step is smaller than the total, or, at a restart, at most equal to it.
    """

    def __init__(self, revisions: Sequence[tuple[int, int] | tuple[int, int, float | None]]) -> None:
        self._revisions: list[_Revision] = []
        self._shares: list[float] = []  # share of the training at the step of each revision
        for revision in revisions:
            self._add(_Revision(*revision))

    @property
    def total_steps(self) -> int:
        """Planned number of steps, by the last revision."""
        return self._revisions[-1].total_steps

    @property
    def revisions(self) -> list[tuple[int, int] | tuple[int, int, float | None]]:
        """All plans in order, as tuples for `Pace`; only a restart has three numbers."""
        return [
            (step, total_steps) if restart is None else (step, total_steps, restart)
            for step, total_steps, restart in self._revisions
        ]

    def share(self, step: int) -> float:
        """Return the used share of the training before update `step`, counted from 0: a number from 0 to 1.

        Between two revisions, the share grows evenly towards 1 at the planned last step.
        """
        return self._share_by(self._index(step), step)

    def last_restart(self, step: int) -> int | None:
        """Return the step of the last restart at or before `step`; None if there was none."""
        steps = [revision.step for revision in self._revisions if revision.restart is not None]
        return max((restart for restart in steps if restart <= step), default=None)

    def share_before_restart(self, step: int) -> float:
        """Return the used share at the restart `step` by the plan before it."""
        return self._share_by(self._index(step) - 1, step)

    def revise(self, step: int, total_steps: int) -> None:
        """Plan `total_steps` from `step` on; `step` comes after that of the last revision."""
        self._add(_Revision(step, total_steps))

    def restart(self, step: int, total_steps: int, share: float) -> None:
        """Plan `total_steps` from `step` on, of which `share` is used; a revision at this step is replaced."""
        while len(self._revisions) > 1 and self._revisions[-1].step >= step:
            self._revisions.pop()
            self._shares.pop()
        self._add(_Revision(step, total_steps, share))

    def _add(self, revision: _Revision) -> None:
        used = self.share(revision.step) if self._revisions else 0.0
        self._revisions.append(revision)
        self._shares.append(used if revision.restart is None else revision.restart)

    def _index(self, step: int) -> int:
        """Return the index of the plan that holds at a step."""
        index = len(self._revisions) - 1
        while index and self._revisions[index].step > step:
            index -= 1
        return index

    def _share_by(self, index: int, step: int) -> float:
        start, total_steps, _ = self._revisions[index]
        used = self._shares[index]
        return used + (1 - used) * min(1.0, (step - start) / (total_steps - start))

    @classmethod
    def parse(cls, text: str) -> "Pace":
        """Return the pace that the setting `pace` describes, such as "0:1500,300:1200" or "0:1500,1500:6000@0.25".

        Raises:
            ConfigError: the text has another form, the steps do not begin with 0 or do not ascend, or a total is not
                larger than its step and the next step.
        """
        try:
            revisions = [_parse_revision(part) for part in text.split(",")]
        except ValueError:
            raise ConfigError(_fault(text, "is not a list of STEP:TOTAL")) from None
        if revisions[0].step != 0:
            raise ConfigError(_fault(text, "does not begin at step 0"))
        following = [*revisions[1:], None]
        for revision, after in zip(revisions, following, strict=True):
            latest = None if after is None else revision.total_steps - (after.restart is None)
            if revision.total_steps <= revision.step or not (
                after is None or latest is None or revision.step < after.step <= latest
            ):
                raise ConfigError(_fault(text, f"has {revision} in a wrong place"))
        return cls(revisions)

    def __str__(self) -> str:
        """Return the pace in the form of the setting `pace`: STEP:TOTAL,..."""
        return ",".join(map(str, self._revisions))


def _parse_revision(text: str) -> _Revision:
    """Return the revision STEP:TOTAL or STEP:TOTAL@SHARE; raise ValueError for another text."""
    plan, sign, share = text.partition("@")
    step, total_steps = plan.split(":")
    restart = float(share) if sign else None
    if restart is not None and not 0 <= restart <= 1:
        raise ValueError("the share is a number from 0 to 1")
    return _Revision(int(step), int(total_steps), restart)


def _fault(text: str, fault: str) -> str:
    return (
        f"`pace` got {text[:60]!r}, which {fault}: give pairs such as 0:1500,300:1200, as a training prints them, with "
        "ascending steps below their totals"
    )
