"""Parts of other distributions, found through their entry points."""

import importlib.metadata
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seqloom.codecs import codec_from_json, fit_codec
from seqloom.config import ModelConfig, ReadingConfig
from seqloom.corpora import open_corpus
from seqloom.data.store import build_store
from seqloom.errors import ConfigError, SourceError
from seqloom.lm.dataset import load_dataset
from seqloom.registry import CODECS, CORES, FORMATS, HEADS, Registry, check_name, resolve

PLUGIN = '''
"""A format and a codec of melodies: one MIDI pitch per line."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from seqloom.codecs.base import Codec, Encoded
from seqloom.corpora import Document
from seqloom.corpora.formats.base import Format


@dataclass(frozen=True)
class MelodyPayload:
    kind: ClassVar[str] = "music"
    pitches: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class MelodyFile(Format):
    name = "melody"

    @classmethod
    def examine(cls, source_file, reading):
        content = b"".join(source_file.read_blocks())
        return cls(source_file=source_file, sha256=hashlib.sha256(content).hexdigest())

    def documents(self, reading, ratings, tally):
        content = b"".join(self.source_file.read_blocks())
        yield Document(MelodyPayload(tuple(map(int, content.split()))))


class MelodyCodec(Codec[MelodyPayload]):
    level = "melody"
    payload_type = MelodyPayload
    unit = "note"

    def __init__(self, boundary):
        self.boundary = boundary

    @classmethod
    def fit(cls, corpus, *, vocabulary=None):
        return cls(128 if corpus.has_documents else None)

    def extend(self, corpus):
        return self

    def encode(self, payload):
        yield Encoded(np.array(payload.pitches), len(payload.pitches))

    def decode(self, ids):
        return MelodyPayload(tuple(int(token) for token in ids if token != self.boundary))

    def __len__(self):
        return 128 + (self.boundary is not None)

    @cached_property
    def units_per_token(self):
        return (np.arange(len(self)) < 128).astype(np.int64)

    def to_json(self):
        return {"level": self.level, "boundary": self.boundary}

    @classmethod
    def from_json(cls, stored):
        return cls(stored["boundary"])
'''

ENTRY_POINTS = """
[seqloom.codecs]
melody = melody_plugin:MelodyCodec
char = melody_plugin:MelodyCodec
broken = no_such_module:Codec

[seqloom.formats]
.melody = melody_plugin:MelodyFile

[seqloom.cores]
plain = melody_plugin:MelodyCodec

[seqloom.heads]
mixture = melody_plugin:MelodyCodec.fit
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installed distribution with parts."""
    site = tmp_path / "site"
    metadata = site / "melody_plugin-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / "melody_plugin.py").write_text(PLUGIN)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: melody-plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(site))
    yield
    sys.modules.pop("melody_plugin", None)


@pytest.mark.usefixtures("plugin")
def test_parts_of_another_distribution_are_found() -> None:
    assert resolve("level", "melody", CODECS).__name__ == "MelodyCodec"
    assert resolve("core", "plain", CORES).__name__ == "MelodyCodec"
    assert resolve("head", "mixture", HEADS).__name__ == "fit"
    assert {"char", "melody"} <= set(CODECS)
    assert len(CODECS) == len(list(CODECS))


@pytest.mark.usefixtures("plugin")
def test_a_built_in_part_cannot_be_replaced() -> None:
    assert resolve("level", "char", CODECS).__name__ == "CharCodec"
    assert CODECS["char"] == dict(CODECS)["char"] == "seqloom.codecs.chars:CharCodec"


@pytest.mark.usefixtures("plugin")
def test_a_part_that_cannot_be_imported_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"the level 'broken' cannot be imported from no_such_module:Codec") as caught:
        resolve("level", "broken", CODECS)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("plugin")
def test_an_unknown_name_lists_the_parts_of_other_distributions() -> None:
    with pytest.raises(ConfigError, match=r"unknown level 'melodi': choose from .*melody.*; did you mean 'melody'"):
        resolve("level", "melodi", CODECS)


def test_a_registry_without_a_group_has_no_entry_points() -> None:
    assert list(Registry({"one": "a:b"})) == ["one"]
    assert "two" not in Registry({"one": "a:b"})


def test_built_in_names_read_no_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise AssertionError("entry points were read")

    monkeypatch.setattr(importlib.metadata, "entry_points", fail)
    monkeypatch.setattr(sys, "path", [*sys.path, "/elsewhere"])  # nothing is cached for this path
    resolve("level", "char", CODECS)
    resolve("format", ".csv", FORMATS)
    assert check_name("core", "lstm", CORES) == (True, "")
    ModelConfig(vocabulary=5, core="gru", hidden_sizes=(4,))
    with pytest.raises(AssertionError, match="were read"):
        resolve("level", "melody", CODECS)


@pytest.mark.usefixtures("plugin")
def test_another_kind_of_sequence_goes_through_corpus_store_and_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    (tmp_path / "songs").mkdir()
    melodies = [[60 + (step * tune) % 12 for step in range(50 + tune)] for tune in range(30)]
    for number, melody in enumerate(melodies):
        (tmp_path / "songs" / f"{number:02}.melody").write_text("\n".join(map(str, melody)))
    notes: list[str] = []
    dataset = load_dataset(
        tmp_path / "songs",
        ReadingConfig(),
        lambda corpus: fit_codec("melody", corpus),
        hold_out=0.1,
        validation=0.1,
        note=notes.append,
    )
    total = sum(map(len, melodies))
    assert notes == [f"{tmp_path / 'songs'}: {total:,} notes in 30 records, 129 symbols at level melody"]
    store, codec = dataset.store, dataset.codec
    assert (store.num_units, store.unit) == (total, "note")
    first = store.records[: store.offsets[1]].tolist()
    assert first == [128, *melodies[0], 128]
    assert codec.decode(first).pitches == tuple(melodies[0])
    assert int(codec.units_per_token[store.records].sum()) == total
    assert dataset.split.held_out.num_records >= 0.1 * store.num_records
    assert codec_from_json(codec.to_json()).fingerprint == codec.fingerprint


@pytest.mark.usefixtures("plugin")
def test_a_codec_refuses_another_kind_of_sequence(tmp_path: Path) -> None:
    (tmp_path / "a.melody").write_text("60 62")
    (tmp_path / "a.txt").write_text("some text")
    music, text = open_corpus(tmp_path / "a.melody"), open_corpus(tmp_path / "a.txt")
    with pytest.raises(SourceError, match="the source holds music, and text is needed here"):
        fit_codec("char", music)
    with pytest.raises(SourceError, match="the source holds text, and music is needed here"):
        build_store(text, fit_codec("melody", text), tmp_path / "store")
