"""Open a critic: a fitted folder, a rated run, a regressor, or a function."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.critic.bayes_inversion import BayesInversionCritic
from seqloom.data.scale import Scale
from seqloom.errors import ConfigError
from seqloom.runs.saved_run import SavedRun

if TYPE_CHECKING:
    from seqloom.critic.critic import Critic

__all__ = ["open_critic", "resolve_critic"]


def open_critic(folder: str | Path) -> "Critic | BayesInversionCritic":
    """The critic in a folder; a rated run, read backwards, is one too.

    Raises:
        UserError: there is neither, or it is damaged.
    """
    path = Path(folder)
    if (path / "config.json").exists() and not (path / "critic.json").exists():
        return BayesInversionCritic(SavedRun(path))
    from seqloom.critic.storage import load_critic

    return load_critic(path)


def resolve_critic(
    critic: Any, *, by_rank: bool = False
) -> tuple[Callable[[Sequence[str]], Any], Scale | None, str | None]:
    """A critic's function, its scale and the column that it rates, where it knows them.

    Args:
        critic: a folder of one, a `Critic`, a regressor with `predict`, or a function from texts to ratings.
        by_rank: of ratings that are more than a few steps, a `Critic` gives what stands as high among ratings as a
            text's stands among its predictions; see `Ranks`.

    Raises:
        UserError: it is none of them, or its folder is damaged.
    """
    if isinstance(critic, str | Path):
        critic = open_critic(critic)
    scale = getattr(critic, "scale_", None)
    if not isinstance(scale, Scale):
        scale = None
    if hasattr(critic, "predict") and not isinstance(critic, type):
        ranked = by_rank and scale is not None and not scale.is_discrete and hasattr(critic, "predict_rank")
        return critic.predict_rank if ranked else critic.predict, scale, None if scale is None else scale.name
    if callable(critic) and not isinstance(critic, type):
        return critic, None, None
    raise ConfigError(f"critic got {critic!r:.60}: give a folder, an object with predict, or a function of texts")
