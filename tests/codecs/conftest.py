"""A corpus in memory, and one fitted codec a level."""

from collections.abc import Callable, Iterator, Mapping

import pytest

from seqloom.codecs import Codec, fit_codec
from seqloom.codecs.text import TextCodec
from seqloom.corpora.document import Document
from seqloom.corpora.payloads import TextPayload
from seqloom.registry import CODECS, resolve

SAMPLE = (
    "It was the best of times, it was the worst of times; it isn't over -- yet...\n\n"
    "  Indented text,\twith tabs and l'été, naïve café.\n"
    "天地玄黃 宇宙洪荒。 Привет, мир! बिन्दु नमस्ते بِسْمِ اللَّهِ 👩\u200d🚀 e\u0301\r\n" * 3
)


class TextCorpus:
    """Documents that are given as tuples of chunks."""

    def __init__(self, *documents: str | tuple[str, ...], separate: bool = False) -> None:
        self.name = "a test"
        self.has_separate_documents = separate
        self.fingerprint = "0" * 64
        self.skipped: Mapping[str, int] = {}
        self.documents = [(one,) if isinstance(one, str) else one for one in documents]

    def __iter__(self) -> Iterator[Document]:
        return (Document(TextPayload(chunks)) for chunks in self.documents)


@pytest.fixture(scope="session")
def make_corpus() -> Callable[..., TextCorpus]:
    return TextCorpus


@pytest.fixture(scope="session")
def sample() -> str:
    return SAMPLE


@pytest.fixture(scope="session")
def complete_codecs() -> dict[str, Codec]:
    """One codec a level that can spell any text."""
    caps = {"char": 256 + 30, "byte": None, "word": 256 + 40, "subword": 256 + 60}
    levels = [level for level in CODECS if issubclass(resolve("level", level, CODECS), TextCodec)]
    return {level: fit_codec(level, TextCorpus(SAMPLE), caps.get(level)) for level in levels}
