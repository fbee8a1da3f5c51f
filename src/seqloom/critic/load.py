"""Open a critic: a fitted critic, a rated run, a regressor, or a function.

A rated run is a run of a language model that was trained with ratings.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.critic.bayes_inversion import BayesInversionCritic
from seqloom.data.scale import Scale
from seqloom.errors import ConfigError
from seqloom.replacement import settle
from seqloom.runs.saved_run import SavedRun

if TYPE_CHECKING:
    from seqloom.critic.critic import Critic

__all__ = ["open_critic", "resolve_critic"]


def open_critic(folder: str | Path) -> "Critic | BayesInversionCritic":
    """Open the critic in a folder; a rated run becomes a critic by Bayes' rule.

    Raises:
        UserError: the folder has neither a critic nor a rated run, or its content is damaged.
    """
    path = Path(folder)
    settle(path)
    if (path / "config.json").exists() and not (path / "critic.json").exists():
        return BayesInversionCritic(SavedRun(path))
    from seqloom.critic.storage import load_critic

    return load_critic(path)


def resolve_critic(
    critic: Any, *, by_rank: bool = False
) -> tuple[Callable[[Sequence[str]], Any], Scale | None, str | None]:
    """Return a critic's prediction function, its scale and its rating column; the last two are None if unknown.

    Args:
        critic: folder of a critic, folder of a rated run (which rates texts by Bayes' rule), `Critic`, regressor with
            `predict`, or function from texts to ratings.
        by_rank: whether a `Critic` predicts with `predict_rank`, which replaces each prediction by the true rating of
            the same rank. This option is ignored for ratings with few distinct values.

    Raises:
        UserError: the critic has an unsupported type, or its folder is damaged.
    """
    if isinstance(critic, str | Path):
        critic = open_critic(critic)
    scale = getattr(critic, "scale_", None)
    if not isinstance(scale, Scale):
        scale = None
    # A class such as `Critic` has the attribute `predict` and is callable, but only its objects are critics.
    if hasattr(critic, "predict") and not isinstance(critic, type):
        predicts_by_rank = by_rank and scale is not None and not scale.is_discrete and hasattr(critic, "predict_rank")
        return critic.predict_rank if predicts_by_rank else critic.predict, scale, None if scale is None else scale.name
    if callable(critic) and not isinstance(critic, type):
        return critic, None, None
    raise ConfigError(f"critic got {critic!r:.60}: pass a folder, an object with predict, or a function of texts")
