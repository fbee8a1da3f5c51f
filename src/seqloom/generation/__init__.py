"""Generators: a model and its codec, text in and text out, without torch."""
