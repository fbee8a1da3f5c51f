"""Everything that a server serves: runs by name, a critic and a detector."""

import threading
from dataclasses import dataclass, field
from typing import Any

from seqloom.serving.api_errors import ApiError
from seqloom.serving.served_model import ServedModel

__all__ = ["ServedModels"]


@dataclass(frozen=True)
class ServedModels:
    """Everything that a server serves.

    Attributes:
        by_name: runs; one whose weights have changed is replaced.
        critic: critic, which rates texts; None for none.
        detector: detector of generated texts; None for none.
        judging: lock of critic and detector, which are used by one thread at a time.
    """

    by_name: dict[str, ServedModel]
    critic: Any = None
    detector: Any = None
    judging: threading.Lock = field(default_factory=threading.Lock)

    def get(self, name: str) -> ServedModel:
        """Return the run of a name.

        Raises:
            ApiError: there is none.
        """
        if name not in self.by_name:
            names = ", ".join(self.by_name)
            raise ApiError(
                404,
                f"the model {name[:100]!r} does not exist: choose from {names}",
                param="model",
                code="model_not_found",
            )
        return self.by_name[name]

    @property
    def default(self) -> ServedModel:
        """The first run."""
        return next(iter(self.by_name.values()))
