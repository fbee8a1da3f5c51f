"""Runs on disk: layout, config, codec and weights."""
