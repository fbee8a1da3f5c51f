"""Detectors: predict the probability that a text was generated."""
