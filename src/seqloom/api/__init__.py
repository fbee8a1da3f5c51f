"""The Python interface: train, load, generate, score and measure."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqloom.api.folder_description import FolderDescription, describe
    from seqloom.api.generating_run import GeneratingRun
    from seqloom.api.run import Run, load
    from seqloom.api.run_list import list_runs
    from seqloom.api.training import train, train_gan
    from seqloom.config.protocol import Protocol

__all__ = [
    "FolderDescription",
    "GeneratingRun",
    "Protocol",
    "Run",
    "describe",
    "list_runs",
    "load",
    "train",
    "train_gan",
]

_MODULES = {
    "FolderDescription": "seqloom.api.folder_description",
    "GeneratingRun": "seqloom.api.generating_run",
    "Protocol": "seqloom.config.protocol",
    "Run": "seqloom.api.run",
    "describe": "seqloom.api.folder_description",
    "list_runs": "seqloom.api.run_list",
    "load": "seqloom.api.run",
    "train": "seqloom.api.training",
    "train_gan": "seqloom.api.training",
}


def __getattr__(name: str) -> Any:
    """Import a name on first use, so that generation does not wait for the imports of evaluation and plots."""
    if name not in __all__:
        raise AttributeError(f"module 'seqloom.api' has no attribute '{name}'")
    return getattr(importlib.import_module(_MODULES[name]), name)
