"""The catalogue: public corpora by name, where they lie and how their content is known. Fetches nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ENTRIES", "Entry"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One corpus of the catalogue.

    Attributes:
        name: what a person calls it.
        description: one line.
        licence: under which it may be used.
        addresses: where it is published, tried in this order; empty for what is built in.
        sha256: of the file, in hexadecimal; None for what is built in.
        num_bytes: the file's size; None for what is built in.
        path: where the file lies on this machine; None where it must be fetched or was not looked for.
    """

    name: str
    description: str
    licence: str
    addresses: tuple[str, ...] = ()
    sha256: str | None = None
    num_bytes: int | None = None
    path: Path | None = None

    @property
    def built_in(self) -> bool:
        """Whether it comes with Python and needs no file."""
        return not self.addresses

    @property
    def at_hand(self) -> bool:
        """Whether it can be read without a network."""
        return self.built_in or self.path is not None


_KNOWN = (
    Entry(
        name="python-docs",
        description="the reference text that every CPython carries (about 465,000 characters)",
        licence="PSF License",
    ),
    Entry(
        name="nietzsche",
        description="Beyond Good and Evil in English: the corpus of the Keras text generation example",
        licence="public domain",
        addresses=("https://s3.amazonaws.com/text-datasets/nietzsche.txt",),
        sha256="23cf69874ab69d3d256099ab530ea4be24d47d9675b673bcc67cbcd6298ec647",
        num_bytes=600_901,
    ),
    Entry(
        name="shakespeare",
        description="tiny shakespeare: scenes from the plays, the corpus of char-rnn",
        licence="public domain",
        addresses=("https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",),
        sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        num_bytes=1_115_394,
    ),
)

ENTRIES: Mapping[str, Entry] = {entry.name: entry for entry in _KNOWN}
"""Every entry by its name. An entry goes in only after its hash was checked against the real file."""
