"""Read the value of a setting from the file that the command line names, such as a JSON schema or a prompt."""

from pathlib import Path

import typer

__all__ = ["decoded_text", "read_value"]

_MAX_BYTES = 1_000_000
"""Largest size of such a file."""


class FileText(str):
    """Text of a file.

    Attributes:
        path: name of the file.
    """

    path: str


def read_value(path: str, flag: str | None = None) -> str:
    """Return the text of a file, without a byte order mark.

    Args:
        path: name of the file.
        flag: flag that names the file, for messages; None if typer, which parses the flag, adds it.

    Raises:
        typer.BadParameter: the file cannot be read, is too large, or is not text in UTF-8.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise typer.BadParameter(
            f"{path} cannot be read ({error.strerror or error}): name a file", param_hint=flag
        ) from None
    except ValueError:  # a zero byte
        raise typer.BadParameter(f"{path!r} is not the name of a file: name a file", param_hint=flag) from None
    return decoded_text(data, path, flag)


def decoded_text(data: bytes, name: str, flag: str | None = None) -> str:
    """Return bytes as text, without a byte order mark; see `read_value` for the errors."""
    if len(data) > _MAX_BYTES:
        raise typer.BadParameter(f"{name} has more than {_MAX_BYTES:,} bytes: name a shorter text", param_hint=flag)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{name} is not text in UTF-8: store it as UTF-8", param_hint=flag) from None
