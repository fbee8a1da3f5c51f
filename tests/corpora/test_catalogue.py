import hashlib
from pathlib import Path

import pytest

from seqloom.corpora.catalogue import ENTRIES, Entry


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)
def test_an_entry_is_whole(entry: Entry) -> None:
    assert entry.description
    assert entry.licence
    if entry.is_built_in:
        assert entry.sha256 is None
        assert entry.is_local
    else:
        assert not entry.is_local
        assert all(address.startswith("https://") for address in entry.addresses)
        assert len(entry.sha256 or "") == 64


@pytest.mark.parametrize(
    ("name", "path"), [("nietzsche", "nietzsche/nietzsche.txt"), ("shakespeare", "shakespeare/input.txt")]
)
def test_hashes_are_those_of_the_real_files(corpora_dir: Path, name: str, path: str) -> None:
    content = (corpora_dir / path).read_bytes()
    assert hashlib.sha256(content).hexdigest() == ENTRIES[name].sha256
    assert len(content) == ENTRIES[name].num_bytes
