"""Names of tokens: their texts, each of them unique."""

from typing import Any

from seqloom.codecs.base import Codec
from seqloom.serving.start_token import START_NAME, StartToken

__all__ = ["PART_OF", "token_names"]

PART_OF = "bytes:"
"""How the name of a token begins that is no whole character."""


def token_names(codec: Codec[Any]) -> list[str]:
    """Return a unique name of each token: its text, or `bytes:` and its bytes if they are no whole characters.

    The last name is that of the start token, if it has an id of its own.
    """
    start = StartToken.of(codec)
    names: dict[str, None] = {}
    for token in range(start.vocabulary):
        name = START_NAME if token == start.id else _spelled(codec.token_bytes[token])
        while name in names:
            name += f"#{token}"
        names[name] = None
    return list(names)


def _spelled(spelling: bytes) -> str:
    try:
        return spelling.decode()
    except UnicodeDecodeError:
        return PART_OF + "".join(f"\\x{byte:02x}" for byte in spelling)
