"""Tunes in ABC notation (standard 2.1): tokens, keys, a strict parser, transposition."""
