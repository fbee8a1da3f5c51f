"""Texts from outside, without the characters that change how a terminal or a page shows other text."""

import html
import re

__all__ = ["HARMFUL", "escaped", "harmless"]

HARMFUL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters, except line break and tab
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # controls of the writing direction
)
"""Characters that change the state of a terminal, or the order in which it shows other characters."""


def harmless(text: str) -> str:
    """Return a text that a terminal may receive.

    Control characters and controls of the writing direction become U+FFFD, and carriage returns are left out. Names and
    texts from outside could otherwise send commands to the terminal, or show a file name in another order.
    """
    return HARMFUL.sub("\ufffd", text.replace("\r", ""))


def escaped(text: str) -> str:
    """Return a text as HTML, with spaces in place of tabs, at which a page breaks no line."""
    return html.escape(harmless(text).replace("\t", "  "))
