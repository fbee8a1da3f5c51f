"""Detectors: from a text to the probability that it was generated."""
