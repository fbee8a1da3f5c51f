"""Measuring models and what they write."""
