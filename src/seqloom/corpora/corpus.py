"""Opening a source: everything that it names becomes one corpus, an ordered stream of documents."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from seqloom.config import ReadingConfig
from seqloom.corpora.disjoint_splits import POOLS
from seqloom.corpora.document import Corpus, Document
from seqloom.corpora.encodings import Refused, check_encoding
from seqloom.corpora.input_file import Input, examine
from seqloom.corpora.sources import Source, find_places
from seqloom.corpora.table_documents import RatingJudge
from seqloom.errors import ConfigError, SourceError
from seqloom.plural import counted
from seqloom.registry import unknown_name

__all__ = ["SourceCorpus", "open_corpus"]

_FINGERPRINT_FORMAT = 1  # goes up when the same bytes, read the same way, give other documents

_LATER = ("category", "pool", "cut_words", "passages", "sentences")
"""Ways of reading that came later: where they are not used, a corpus is the one that it was."""


class SourceCorpus(Corpus):
    """The documents of one or several files.

    Attributes:
        name: what the person called it.
        separate: whether the documents are records of their own.
        fingerprint: sha256 over the files' bytes and the way they are read.
        skipped: what was left out in the last full pass, by reason; at first, what opening left out.
        encodings: the Python codec of every text file, by the file's name.
        notes: what a person should know about how the source was read, one line each.
    """

    def __init__(self, name: str, inputs: Sequence[Input], reading: ReadingConfig, left_out: Mapping[str, int]) -> None:
        self.name = name
        self.separate = bool(reading.records or reading.text) or len(inputs) > 1
        self.fingerprint = _fingerprint(inputs, reading)
        self.skipped: Mapping[str, int] = _counted(left_out)
        self.encodings: Mapping[str, str] = MappingProxyType(
            {found.place.name: found.encoding for found in inputs if found.encoding}
        )
        self.notes = tuple(
            f"{found.place.name} is read as {found.encoding}; if that looks wrong, name its `encoding`"
            for found in inputs
            if found.detected and not found.encoding.startswith("utf")
        )
        self._inputs = tuple(inputs)
        self._reading = reading
        self._left_out = left_out

    def __iter__(self) -> Iterator[Document]:
        """Read the documents from the first to the last.

        Raises:
            SourceError: at the end: there was no document, or a column of ratings holds no numbers.
        """
        tally = Counter(self._left_out)
        judge = RatingJudge()
        num_documents = 0
        for found in self._inputs:
            for document in found.documents(self._reading, judge, tally):
                num_documents += 1
                yield document
        self.skipped = _counted(tally)
        if not num_documents:
            raise SourceError(f"{self.name} holds no text{_listed(self.skipped)}")
        judge.check(self._reading.rating)


def open_corpus(source: Source, reading: ReadingConfig = ReadingConfig()) -> SourceCorpus:  # noqa: B008 (frozen)
    """Open what a person named, and look at every byte of it once.

    Args:
        source: a catalogue name, a file, a folder, a glob, "-" (standard input), or several of them.
        reading: how it becomes documents.

    Raises:
        SourceError: nothing is there, or it is empty, binary, undecodable or lacks a column.
        ConfigError: the encoding or the pool that `reading` names does not exist.
    """
    if reading.encoding is not None:
        check_encoding(reading.encoding)
    if reading.pool is not None and reading.pool not in POOLS:
        raise ConfigError(unknown_name("pool", reading.pool, POOLS))
    left_out: Counter[str] = Counter()
    inputs: list[Input] = []
    refusals: list[Refused] = []
    places = find_places(source, left_out)
    for place in places:
        try:
            inputs.append(examine(place, reading))
        except Refused as refused:
            if place.named:
                raise
            left_out[refused.reason] += 1
            refusals.append(refused)
    if len(refusals) == 1 and not inputs:
        raise refusals[0]
    name = _name(source)
    if not inputs:
        raise SourceError(f"{name} holds no text that can be read{_listed(_counted(left_out))}", *refusals[0].faults)
    return SourceCorpus(name, inputs, reading, left_out)


def _name(source: Source) -> str:
    names = [source] if isinstance(source, str) or not isinstance(source, Sequence) else source
    return ", ".join("standard input" if name == "-" else str(name) for name in names)


def _fingerprint(inputs: Sequence[Input], reading: ReadingConfig) -> str:
    told = {
        "format": _FINGERPRINT_FORMAT,
        "reading": {name: value for name, value in reading.to_json().items() if value or name not in _LATER},
        "inputs": [[found.kind, found.encoding, found.delimiter, found.sha256] for found in inputs],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _counted(tally: Mapping[str, int]) -> Mapping[str, int]:
    return MappingProxyType({reason: number for reason, number in tally.items() if number})


def _listed(skipped: Mapping[str, int]) -> str:
    reasons = ", ".join(counted(number, reason) for reason, number in skipped.items())
    return f" (left out: {reasons})" if skipped else ""
