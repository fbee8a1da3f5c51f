"""The Python interface: train, load, generate, score and measure."""

from seqloom.api.describe import FolderDescription, describe
from seqloom.api.run import Run, load
from seqloom.api.training import train, train_gan
from seqloom.lm.evaluate import Protocol

__all__ = ["FolderDescription", "Protocol", "Run", "describe", "load", "train", "train_gan"]
