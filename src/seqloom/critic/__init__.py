"""Critics: from a text to the rating that it would get, independent of what writes texts."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqloom.critic.critic import Critic
    from seqloom.critic.storage import load_critic

__all__ = ["Critic", "load_critic"]

_PLACES = {"Critic": "critic", "load_critic": "storage"}


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for: what a critic is can be said without scikit-learn."""
    if name not in __all__:
        raise AttributeError(f"module 'seqloom.critic' has no attribute '{name}'")
    return getattr(importlib.import_module(f"seqloom.critic.{_PLACES[name]}"), name)
