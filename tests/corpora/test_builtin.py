import sys

import pytest

from seqloom.corpora.builtin import python_docs
from seqloom.errors import SourceError


def test_every_topic_is_there_in_order() -> None:
    from pydoc_data.topics import topics

    text = python_docs()
    at = 0
    for name in sorted(topics):
        at = text.index(topics[name].strip("\n"), at)
    assert len(text) > 400_000
    assert text.endswith("\n")
    assert not text.startswith("\n")


def test_a_python_without_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(SourceError, match="without pydoc_data"):
        python_docs()
