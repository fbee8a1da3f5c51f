"""Evaluation of models and of generated texts."""
