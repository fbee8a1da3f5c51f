"""Parts of other distributions, found through their entry points."""

import importlib.metadata
import sys
from pathlib import Path

import pytest

from seqloom.codecs import codec_from_json, fit_codec
from seqloom.config import ModelConfig, ReadingConfig
from seqloom.corpora import open_corpus
from seqloom.data.store import build_store
from seqloom.errors import ConfigError, SourceError
from seqloom.lm.dataset import load_dataset
from seqloom.registry import CODECS, CORES, FORMATS, HEADS, Registry, check_name, resolve

ENTRY_POINTS = """
[seqloom.codecs]
melody = examples.extensions.melody_codec:MelodyCodec
char = examples.extensions.melody_codec:MelodyCodec
broken = no_such_module:Codec

[seqloom.formats]
.Melody = examples.extensions.melody_format:MelodyFile

[seqloom.cores]
plain = examples.extensions.melody_codec:MelodyCodec

[seqloom.heads]
absent = examples.extensions.melody_codec:MelodyCodec.fit
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed distribution with parts."""
    site = tmp_path / "site"
    metadata = site / "melody_plugin-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: melody-plugin\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(site))


@pytest.mark.usefixtures("plugin")
def test_parts_of_another_distribution_are_found() -> None:
    assert resolve("level", "melody", CODECS).__name__ == "MelodyCodec"
    assert resolve("core", "plain", CORES).__name__ == "MelodyCodec"
    assert resolve("head", "absent", HEADS).__name__ == "fit"
    assert resolve("format", ".melody", FORMATS).__name__ == "MelodyFile"
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
    with pytest.raises(SourceError, match="the source holds music, but must hold text"):
        fit_codec("char", music)
    with pytest.raises(SourceError, match="the source holds text, but must hold music"):
        build_store(text, fit_codec("melody", text), tmp_path / "store")
