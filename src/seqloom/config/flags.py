"""Spell the command-line flag of a setting."""

__all__ = ["cli_flag"]

_SPELLED_OTHERWISE = {
    "from_run": "--from",
    "generators": "--generator",
    "hidden_sizes": "--hidden-size",
    "matched": "--match-lengths",
    "methods": "--method",
}


def cli_flag(name: str) -> str:
    """Return the command-line flag of a setting, as in `--top-p` for `top_p`."""
    return _SPELLED_OTHERWISE.get(name) or "--" + name.replace("_", "-")
