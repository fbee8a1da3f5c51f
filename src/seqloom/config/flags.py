"""Spell the command-line flag of a setting."""

__all__ = ["cli_flag"]

_IRREGULAR_FLAGS = {
    "from_run": "--from",
    "generators": "--generator",
    "hidden_sizes": "--hidden-size",
    "matched": "--match-lengths",
    "methods": "--method",
}
"""Flags that do not have the name of their setting."""


def cli_flag(name: str) -> str:
    """Return the command-line flag of a setting, as in `--top-p` for `top_p`."""
    return _IRREGULAR_FLAGS.get(name) or "--" + name.replace("_", "-")
