"""The colours of an HTML page, for a light and a dark scheme. Each colour has one meaning."""

from collections.abc import Mapping

__all__ = ["DARK_COLORS", "LIGHT_COLORS", "color_variable"]

LIGHT_COLORS: Mapping[str, str] = {
    "ink": "#222222",  # text, and real texts
    "grey": "#5c5c5c",  # remarks, and baselines
    "line": "#d9d9d9",
    "paper": "#ffffff",
    "danger": "#d55e00",
    "danger_paper": "#fff5ec",
    "detector": "#0072b2",
    "member": "#00795a",  # a part of the detector
    "length": "#b3558a",  # the length of a text alone
    "generated": "#7d4f9e",  # generated texts
}

DARK_COLORS: Mapping[str, str] = {
    "ink": "#e6e6e6",
    "grey": "#a8a8a8",
    "line": "#3c4046",
    "paper": "#16181c",
    "danger": "#ff9a4d",
    "danger_paper": "#2e2117",
    "detector": "#5ab4f0",
    "member": "#3fc79a",
    "length": "#e59cc6",
    "generated": "#c39be6",
}


def color_variable(name: str) -> str:
    """Return the CSS variable of a colour."""
    return f"var(--{name})"
