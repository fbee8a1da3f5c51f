"""Opening a source: all its files become one corpus, an ordered stream of documents."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from seqloom.config import ReadingConfig
from seqloom.corpora.augmentation import is_augmented, with_copies
from seqloom.corpora.disjoint_splits import POOLS
from seqloom.corpora.document import Corpus, Document
from seqloom.corpora.encodings import Refused, check_encoding
from seqloom.corpora.formats.base import Format
from seqloom.corpora.formats.records import lines
from seqloom.corpora.formats.text import TextFile
from seqloom.corpora.input_file import examine
from seqloom.corpora.sources import Source, find_files
from seqloom.corpora.table_documents import RatingColumns
from seqloom.corpora.word_lists import is_word_list
from seqloom.errors import ConfigError, SourceError
from seqloom.plural import counted
from seqloom.registry import unknown_name

__all__ = ["SourceCorpus", "open_corpus"]

_FINGERPRINT_FORMAT = 1  # increase it if a change makes all formats read other documents from the same bytes

_LATER_SETTINGS = (
    "category",
    "pool",
    "kind",
    "transpose",
    "vary_tempo",
    "stretch",
    "turn",
    "cut_words",
    "passages",
    "sentences",
    "strict",
)
"""Reading settings that did not exist when the first fingerprints were stored. A fingerprint leaves out such a setting
while the setting has its default, so that old fingerprints stay valid."""


_OPENING_SETTINGS = ("max_size", "follow_links")
"""Settings that decide which files are read, but not how; a fingerprint contains the hashes of the files."""


class SourceCorpus(Corpus):
    """The documents of one or several files.

    Attributes:
        name: name of the source.
        has_separate_documents: whether the documents are separate records.
        fingerprint: sha256 of the files' bytes and the reading settings.
        skipped: number of parts (files, rows, lines and so on) that the last full pass skipped, by reason; before the
            first pass, the files that were skipped when the source was opened.
        skipped_files: the part of these counts that belongs to the files that were skipped when the source was opened.
        encodings: Python codec of every text file, by file name.
        damage_notes: for each Unicode file with invalid bytes, one line for the user.
        reading: reading settings.
        payload_type: type of the payloads of all documents.
        notes: remarks for the user on how the source was decoded, one line each; `damage_notes` are among them.
    """

    def __init__(
        self,
        name: str,
        files: Sequence[Format],
        reading: ReadingConfig,
        skipped: Mapping[str, int],
        notes: Sequence[str] = (),
    ) -> None:
        self.name, self.reading, self.payload_type = name, reading, files[0].payload_type
        is_divided = bool(reading.records or reading.text) or any(file.separates_documents for file in files)
        self.has_separate_documents = is_divided or len(files) > 1
        self.fingerprint = _fingerprint(files, reading)
        self.skipped_files = self.skipped = _nonzero(skipped)
        self.encodings: Mapping[str, str] = MappingProxyType(
            {file.source_file.name: file.encoding for file in files if file.encoding}
        )
        self.damage_notes = tuple(_damage_note(file, *file.damage) for file in files if file.damage)
        encoding_notes = (
            f"{file.source_file.name} is read as {file.encoding}; if that looks wrong, name its `encoding`"
            for file in files
            if file.encoding_detected and not file.encoding.startswith("utf")
        )
        self.notes = (*notes, *encoding_notes, *self.damage_notes)
        self._files = tuple(files)

    def __iter__(self) -> Iterator[Document]:
        """Read the documents from the first to the last.

        Raises:
            SourceError: the corpus has no documents, or a rating column does not hold numbers; raised after the last
                document.
        """
        tally = Counter(self.skipped_files)
        ratings = RatingColumns()  # counts the cells that are numbers and those that are not
        num_documents = 0
        documents = (document for file in self._files for document in file.documents(self.reading, ratings, tally))
        for document in with_copies(documents, self.reading) if is_augmented(self.reading) else documents:
            num_documents += 1
            yield document
        self.skipped = _nonzero(tally)
        if not num_documents:
            raise SourceError(f"{self.name} holds no {self.payload_type.kind}{_in_brackets(self.skipped)}")
        ratings.check(columns=self.reading.rating)


def open_corpus(
    source: Source,
    reading: ReadingConfig = ReadingConfig(),  # noqa: B008 (frozen)
    *,
    recognise_lists: bool = False,
    requires_categories: bool = True,
) -> SourceCorpus:
    """Open a source and read every byte of it once.

    Args:
        source: a catalogue name, a file, a folder, a glob, "-" (standard input), or several of these.
        reading: reading settings.
        recognise_lists: whether each line is a record if `reading` names no records and all files are lists of words.
        requires_categories: whether files that cannot have the categories in `reading` are refused; otherwise the
            categories are unknown.

    Raises:
        SourceError: the source is missing, empty, binary, undecodable or lacks a column.
        ConfigError: the encoding or the pool in `reading` does not exist.
    """
    if reading.encoding is not None:
        check_encoding(reading.encoding)
    if reading.pool is not None and reading.pool not in POOLS:
        raise ConfigError(unknown_name("pool", reading.pool, POOLS))
    skipped: Counter[str] = Counter()
    files: list[Format] = []
    refusals: list[Refused] = []
    max_bytes = reading.max_size * 2**30
    for source_file in find_files(source, skipped, max_bytes=max_bytes, follow_links=reading.follow_links):
        try:
            files.append(examine(source_file, reading))
        except Refused as refusal:
            if source_file.named_by_user:
                raise
            skipped[refusal.reason] += 1
            refusals.append(refusal)
    files = _of_one_kind(files, skipped, reading.kind)
    if len(refusals) == 1 and not files:
        raise refusals[0]  # a single fault needs no summary before it
    name = _source_name(source)
    if not files:
        raise SourceError(
            f"{name} holds no text that can be read{_in_brackets(_nonzero(skipped))}", *refusals[0].faults
        )
    if reading.category and reading.text is None and not files[0].has_headers:
        kind = files[0].payload_type.kind
        if kind == "text":
            raise ConfigError("`category` names a column of a table, so `text` must name the column of the text")
        if requires_categories:
            raise ConfigError(
                f"`category` got {reading.category[0]!r}, and these files of {kind} have none: leave it out"
            )
        reading = replace(reading, category=())
    notes: list[str] = []
    if recognise_lists and not (reading.records or reading.text):
        num_lists = sum(map(_is_word_list, files))
        if num_lists == len(files):
            reading = replace(reading, records="line")
        notes = _list_notes(name, num_lists, len(files))
    return SourceCorpus(name, files, reading, skipped, notes)


def _list_notes(name: str, num_lists: int, num_files: int) -> list[str]:
    """Return the remark on lists of words among the files of a corpus, if there are any."""
    if num_lists == num_files:
        return [f"{name} has one word per line, so each line is a record; to read it as one text, set `records` none"]
    files = f"{num_lists:,} of {num_files:,} files have one word per line"
    return [f"{files}; to read each line as a record, set `records` line"] if num_lists else []


def _is_word_list(file: Format) -> bool:
    return isinstance(file, TextFile) and is_word_list(lines(file.text_chunks()))


def _damage_note(file: Format, num_places: int, first: str) -> str:
    places = counted(num_places, "damaged place")
    return (
        f"{file.source_file.name} is {file.encoding} text with {places}, read as U+FFFD ({first}); if that matters, "
        "repair the file"
    )


def _of_one_kind(files: Sequence[Format], skipped: Counter[str], kind: str | None) -> list[Format]:
    """Return the files of a kind of payload, by default that of most files; count the others as skipped.

    A README beside music is skipped in this way, and so is a tune beside texts.

    Raises:
        SourceError: the user named a file that would be skipped.
    """
    if not files:
        return []
    types = Counter(file.payload_type for file in files)
    ((expected, _),) = types.most_common(1)
    if kind is not None:
        of_kind = [payload_type for payload_type in types if payload_type.kind == kind]
        if not of_kind:
            kinds = ", ".join(payload_type.kind for payload_type in types)
            raise SourceError(f"`kind` got {kind!r}, and the files hold {kinds}: name one of these, or leave it out")
        (expected,) = of_kind
    for file in files:
        kind = file.payload_type.kind
        if file.payload_type is not expected and file.source_file.named_by_user:
            raise SourceError(
                f"{file.source_file.name} holds {kind}, and other files {expected.kind}: name files of one kind"
            )
        if file.payload_type is not expected:
            skipped[f"file of {kind}"] += 1
    return [file for file in files if file.payload_type is expected]


def _source_name(source: Source) -> str:
    names = [source] if isinstance(source, str) or not isinstance(source, Sequence) else source
    return ", ".join("standard input" if name == "-" else str(name) for name in names)


def _fingerprint(files: Sequence[Format], reading: ReadingConfig) -> str:
    settings = {name: value for name, value in reading.to_json().items() if value or name not in _LATER_SETTINGS}
    settings = {name: value for name, value in settings.items() if name not in _OPENING_SETTINGS}
    if reading.text is None or reading.table_rules == 1:  # as before the rules of tables had a version
        del settings["missing"], settings["table_rules"]
    content = {
        "format": _FINGERPRINT_FORMAT,
        "reading": settings,
        "inputs": [file.identity if file.version == 1 else [*file.identity, file.version] for file in files],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _nonzero(tally: Mapping[str, int]) -> Mapping[str, int]:
    return MappingProxyType({reason: number for reason, number in tally.items() if number})


def _in_brackets(skipped: Mapping[str, int]) -> str:
    reasons = ", ".join(counted(number, reason) for reason, number in skipped.items())
    return f" (skipped: {reasons})" if skipped else ""
