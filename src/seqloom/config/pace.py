"""The pace of a training: its planned number of steps, which may be revised while it runs.

A training with a time limit measures its speed as it goes on, and revises the number of steps whenever the speed has
changed. The learning rate depends on the used share of the training, which is a function of the step and of the
revisions so far. A training that repeats the revisions at the same steps therefore has the same learning rates.
"""

from collections.abc import Sequence

from seqloom.errors import ConfigError

__all__ = ["Pace"]


class Pace:
    """Planned numbers of steps, and the share of the training that each step has used.

    Args:
        revisions: pairs of a step, from 0 in ascending order, and the total number of steps planned from that step on.
            Each total is larger than its step and than the step of the next pair.
    """

    def __init__(self, revisions: Sequence[tuple[int, int]]) -> None:
        self._revisions: list[tuple[int, int]] = []
        self._shares: list[float] = []  # share of the training at the step of each revision
        for step, total_steps in revisions:
            self.revise(step, total_steps)

    @property
    def total_steps(self) -> int:
        """Planned number of steps, by the last revision."""
        return self._revisions[-1][1]

    @property
    def revisions(self) -> list[tuple[int, int]]:
        """Pairs of a step and the total number of steps planned from that step on."""
        return list(self._revisions)

    def share(self, step: int) -> float:
        """Return the used share of the training before update `step`, counted from 0: a number from 0 to 1.

        Between two revisions, the share grows evenly towards 1 at the planned last step.
        """
        index = len(self._revisions) - 1
        while index and self._revisions[index][0] > step:
            index -= 1
        start, total_steps = self._revisions[index]
        used = self._shares[index]
        return used + (1 - used) * min(1.0, (step - start) / (total_steps - start))

    def revise(self, step: int, total_steps: int) -> None:
        """Plan `total_steps` from `step` on; `step` comes after that of the last revision."""
        share = self.share(step) if self._revisions else 0.0
        self._revisions.append((step, total_steps))
        self._shares.append(share)

    @classmethod
    def parse(cls, text: str) -> "Pace":
        """Return the pace that the setting `pace` describes, such as "0:1500,300:1200".

        Raises:
            ConfigError: the text has another form, the steps do not begin with 0 or do not ascend, or a total is not
                larger than its step and the next step.
        """
        try:
            revisions = [(int(step), int(total)) for step, total in (pair.split(":") for pair in text.split(","))]
        except ValueError:
            raise ConfigError(_fault(text, "is not a list of STEP:TOTAL")) from None
        if revisions[0][0] != 0:
            raise ConfigError(_fault(text, "does not begin at step 0"))
        next_steps = [*(step for step, _ in revisions[1:]), None]
        for (step, total_steps), next_step in zip(revisions, next_steps, strict=True):
            if total_steps <= step or (next_step is not None and not step < next_step < total_steps):
                raise ConfigError(_fault(text, f"has {step}:{total_steps} in a wrong place"))
        return cls(revisions)

    def __str__(self) -> str:
        """Return the pace in the form of the setting `pace`: STEP:TOTAL,..."""
        return ",".join(f"{step}:{total_steps}" for step, total_steps in self._revisions)


def _fault(text: str, fault: str) -> str:
    return (
        f"`pace` got {text[:60]!r}, which {fault}: give pairs such as 0:1500,300:1200, as a training prints them, with "
        "ascending steps below their totals"
    )
