"""Critics: predict the rating of a text, independently of the model that generates texts."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqloom.critic.critic import Critic
    from seqloom.critic.storage import load_critic

__all__ = ["Critic", "load_critic"]

_MODULES = {"Critic": "critic", "load_critic": "storage"}


def __getattr__(name: str) -> Any:
    """Import a name at its first use, so that a critic can be described without scikit-learn."""
    if name not in __all__:
        raise AttributeError(f"module 'seqloom.critic' has no attribute '{name}'")
    return getattr(importlib.import_module(f"seqloom.critic.{_MODULES[name]}"), name)
