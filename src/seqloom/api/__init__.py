"""The Python interface: train, load, generate, score and measure."""

from seqloom.api.run import Run, load
from seqloom.api.training import train, train_gan

__all__ = ["Run", "load", "train", "train_gan"]
