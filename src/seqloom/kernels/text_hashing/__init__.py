"""Compiled kernels that hash, count and reduce patterns of texts."""
