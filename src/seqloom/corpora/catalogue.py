"""The catalogue: public corpora by name, with their addresses and hashes. Fetches nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ENTRIES", "Entry"]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One corpus of the catalogue.

    Attributes:
        name: name of the corpus.
        description: one line on the content.
        licence: name of the licence.
        addresses: URLs of the file, tried in this order; empty for the built-in corpus.
        sha256: hash of the file, in hexadecimal; None for the built-in corpus.
        num_bytes: size of the file; None for the built-in corpus.
        path: path of the file on this machine; None if there is no copy, or if nothing has looked for one yet, as in
            `ENTRIES`.
    """

    name: str
    description: str
    licence: str
    addresses: tuple[str, ...] = ()
    sha256: str | None = None
    num_bytes: int | None = None
    path: Path | None = None

    @property
    def is_built_in(self) -> bool:
        """Whether the corpus comes with Python and needs no file."""
        return not self.addresses

    @property
    def is_local(self) -> bool:
        """Whether the corpus can be read without a network."""
        return self.is_built_in or self.path is not None


_ALL_ENTRIES = (
    Entry(
        name="python-docs",
        description="the reference text of CPython (about 465,000 characters)",
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

ENTRIES: Mapping[str, Entry] = {entry.name: entry for entry in _ALL_ENTRIES}
"""All entries by name. Check the hash against the real file before you add an entry."""
