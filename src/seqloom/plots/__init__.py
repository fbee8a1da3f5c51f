"""Plots of training, sampling and evaluation."""
