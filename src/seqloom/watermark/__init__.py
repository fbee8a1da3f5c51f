"""Detect the watermark of a key in text."""
