"""Serve the newest weights of runs: those that still train, and those that were trained again."""

import asyncio
import time
from collections.abc import Callable

from seqloom.serving.served_model import ServedModel
from seqloom.serving.served_models import ServedModels

__all__ = ["Reloader"]

_SECONDS_BETWEEN_LOOKS = 2.0

_SECONDS_TO_PREPARE = 30.0
"""Time after which no request is between its preparation by a replaced model and its submission to it."""


class Reloader:
    """Replaces a served model when its run has other weights; texts that grow keep the weights that they began with.

    Args:
        models: what is served.
        reopened: function that opens the run of a served model again, under the same name.
        warn: function that receives a line about weights that cannot be used.
    """

    def __init__(
        self,
        models: ServedModels,
        reopened: Callable[[ServedModel], ServedModel],
        warn: Callable[[str], None] = lambda line: None,
    ) -> None:
        self._models, self._reopened, self._warn = models, reopened, warn
        self._faults: dict[str, tuple[str, bool]] = {}  # the last fault of each model, and whether it has been said
        self._replaced: list[tuple[float, ServedModel]] = []  # with the times of their replacement

    async def run(self) -> None:
        """Look for other weights until the task is cancelled."""
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            for name, served in list(self._models.by_name.items()):
                await self._refresh(name, served)
            self._close_idle()

    def close(self) -> None:
        """Close all models, replaced ones too."""
        for served in [*self._models.by_name.values(), *(served for _, served in self._replaced)]:
            served.close()

    async def _refresh(self, name: str, served: ServedModel) -> None:
        """Replace a model if its run has other weights; a run that cannot be opened now keeps the old ones."""
        if await asyncio.to_thread(served.version.is_newest, served.run.folder):
            return
        try:
            self._models.by_name[name] = await asyncio.to_thread(self._reopened, served)
        except Exception as error:  # any fault of one run must not end the reloading of all others
            self._note_fault(name, str(error))
            return
        self._faults.pop(name, None)
        self._replaced.append((time.monotonic(), served))

    def _note_fault(self, name: str, fault: str) -> None:
        """Say once that weights cannot be used, if the fault is the same at two looks: files may be half-written."""
        is_known, is_said = self._faults.get(name) == (fault, False), self._faults.get(name) == (fault, True)
        if is_known:
            self._warn(f"{name} keeps its weights, because the new ones cannot be used: {fault}")
        self._faults[name] = (fault, is_known or is_said)

    def _close_idle(self) -> None:
        """Close replaced models for which no text grows."""
        now = time.monotonic()
        idle = [entry for entry in self._replaced if now - entry[0] > _SECONDS_TO_PREPARE and entry[1].num_jobs == 0]
        for entry in idle:
            self._replaced.remove(entry)
            entry[1].close()
