"""Critics: from a text to the rating that it would get, independent of what writes texts."""

from seqloom.critic.critic import Critic
from seqloom.critic.folder import load_critic

__all__ = ["Critic", "load_critic"]
