import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.checked_files import edit_json, read_json

from seqloom.checksums import file_checksum as checksum
from seqloom.codecs import fit_codec
from seqloom.corpora.document import Document
from seqloom.corpora.payloads import TextPayload
from seqloom.data import store as store_module
from seqloom.data.store import StoreWriter, build_store, open_store
from seqloom.data.store_cache import cached_store
from seqloom.errors import CodecError, ConfigError, RunError, SourceError
from seqloom.files import write_checked_json


class ListCorpus:
    def __init__(self, documents: list[Document], *, separate: bool) -> None:
        self.name = "a test"
        self.has_separate_documents = separate
        self.fingerprint = "f" * 64
        self.skipped = {"row with empty text": 2}
        self.documents = documents
        self.passes = 0

    def __iter__(self) -> Iterator[Document]:
        self.passes += 1
        return iter(self.documents)


def make(*texts, separate=True, **fields):
    return ListCorpus([Document(TextPayload((text,)), **fields) for text in texts], separate=separate)


def documents_of(store):
    return [
        store.records[start:stop].tolist() for start, stop in zip(store.offsets[:-1], store.offsets[1:], strict=True)
    ]


relaxed = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=8).filter(any)


@pytest.mark.parametrize("level", ["char", "byte", "word", "subword"])
@relaxed
@given(texts=TEXTS, separate=st.booleans())
def test_every_document_comes_back(level, texts, separate, tmp_path_factory):
    corpus = make(*texts, separate=separate)
    codec = fit_codec(level, corpus)
    store = build_store(corpus, codec, tmp_path_factory.mktemp("store") / "made")
    kept = [text for text in texts if text]
    edge = [codec.boundary] if separate else []
    assert documents_of(store) == [[*edge, *codec.encode_text(text).tolist(), *edge] for text in kept]
    assert [codec.decode_text(ids) for ids in documents_of(store)] == kept
    assert store.num_documents == len(kept)
    assert store.num_records == len(store.records) == store.offsets[-1]
    assert store.num_units == sum(map(len, texts))
    assert store.skipped.get("document without text", 0) == len(texts) - len(kept)
    assert store.skipped["row with empty text"] == 2


def test_records_are_mapped_read_only_and_narrow(tmp_path):
    store = build_store(corpus := make("abc"), fit_codec("char", corpus), tmp_path / "store")
    assert isinstance(store.records, np.memmap)
    assert store.records.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        store.records[0] = 1
    assert build_store(corpus, fit_codec("byte", corpus), tmp_path / "bytes").records.dtype == np.uint16


@pytest.mark.parametrize(
    ("num_ids", "dtype"), [(256, "uint8"), (257, "uint16"), (65_536, "uint16"), (65_537, "uint32")]
)
def test_the_narrowest_type_that_holds_every_id(num_ids, dtype, tmp_path):
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, 0xE000 + num_ids)]))[:num_ids]
    corpus = make(text, separate=False)
    store = build_store(corpus, fit_codec("char", corpus), tmp_path / "store")
    assert store.records.dtype == dtype
    assert store.records.tolist() == list(range(num_ids))


def test_conditions_categories_and_groups(tmp_path):
    corpus = ListCorpus(
        [
            Document(TextPayload(("a",)), conditions={"stars": 4.0, "city": None}, group="x"),
            Document(TextPayload(("",)), conditions={"stars": 9.0, "city": "Nowhere"}, group="z"),
            Document(TextPayload(("b",)), conditions={"stars": None, "city": "Bonn"}, group="y"),
            Document(TextPayload(("c",)), conditions={"stars": 5.0, "city": "Ulm", "late": 1.5}, group=None),
            Document(TextPayload(("d",)), conditions={"city": "Bonn"}, group="x"),
        ],
        separate=True,
    )
    store = build_store(corpus, fit_codec("char", corpus), tmp_path / "store")
    nan = math.nan
    np.testing.assert_array_equal(store.conditions["stars"], [4, nan, 5, nan])
    np.testing.assert_array_equal(store.conditions["city"], [nan, 0, 1, 0])
    np.testing.assert_array_equal(store.conditions["late"], [nan, nan, 1.5, nan])
    assert all(values.dtype == np.float64 for values in store.conditions.values())
    assert store.categories == {"city": ("Bonn", "Ulm")}
    assert store.groups.tolist() == [0, 1, 2, 0]


def test_documents_without_groups_have_none(tmp_path):
    corpus = make("a", "b")
    store = build_store(corpus, fit_codec("char", corpus), tmp_path / "store")
    assert store.groups is None
    assert store.conditions == {}
    assert not (tmp_path / "store" / "groups.bin").exists()


def test_many_documents_pass_the_buffers(tmp_path):
    number = 10_000
    corpus = ListCorpus(
        [Document(TextPayload(("ab",)), conditions={"n": float(at)}, group=str(at // 7 % 100)) for at in range(number)],
        separate=True,
    )
    store = build_store(corpus, fit_codec("char", corpus), tmp_path / "store")
    assert np.array_equal(store.offsets, 4 * np.arange(number + 1))
    assert np.array_equal(store.conditions["n"], np.arange(number))
    assert np.array_equal(store.groups, np.arange(number) // 7 % 100)


def test_a_column_of_numbers_and_names_is_refused(tmp_path):
    corpus = ListCorpus(
        [
            Document(TextPayload(("a",)), conditions={"stars": 4.0}),
            Document(TextPayload(("a",)), conditions={"stars": "four"}),
        ],
        separate=True,
    )
    with pytest.raises(SourceError, match=r"stars is 4.0 in one document and 'four' in another"):
        build_store(corpus, fit_codec("char", corpus), tmp_path / "store")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("separate", [False, True])
def test_a_corpus_without_text_is_refused(separate, tmp_path):
    with pytest.raises(SourceError, match="holds no text"):
        build_store(make("", separate=separate), fit_codec("byte", make("a", separate=separate)), tmp_path / "store")


def test_what_cannot_be_spelled_leaves_nothing_behind(tmp_path):
    with pytest.raises(CodecError, match="'b'"):
        build_store(make("ab"), fit_codec("char", make("a")), tmp_path / "store")
    assert list(tmp_path.iterdir()) == []


def test_progress_tells_the_characters_so_far(tmp_path):
    told = []
    text = "a" * (1 << 20)
    corpus = ListCorpus([Document(TextPayload((text, text, "abc"))), Document(TextPayload((text,)))], separate=True)
    build_store(corpus, fit_codec("byte", corpus), tmp_path / "store", progress=told.append)
    assert told == [1 << 20, 2 << 20, 3 * (1 << 20) + 3]


def test_wide_records(tmp_path):
    points = np.arange(12, dtype=np.float64).reshape(4, 3) / 3
    (tmp_path / "store").mkdir()
    with StoreWriter(tmp_path / "store", "float32", 3) as writer:
        writer.append(points[:1])
        writer.append(points[1:3])
        writer.end_document({"label": "cat"})
        writer.append(points[3:])
        writer.end_document({"label": "dog"}, group="g")
        writer.finish(num_units=0, unit="point", skipped={})
    store = open_store(tmp_path / "store")
    np.testing.assert_array_equal(store.records, points.astype(np.float32))
    assert store.offsets.tolist() == [0, 3, 4]
    assert store.categories == {"label": ("cat", "dog")}
    assert store.groups.tolist() == [0, 1]


def test_the_cache_builds_once_and_mends_what_is_damaged(cache):
    corpus = make("some text")
    codec = fit_codec("char", corpus)
    corpus.passes = 0
    records = cached_store(corpus, codec).records.tolist()
    assert cached_store(corpus, codec).records.tolist() == records
    assert corpus.passes == 1
    (folder,) = (cache / "stores").iterdir()
    assert folder.name == f"{corpus.fingerprint[:16]}-{codec.fingerprint[:16]}"
    (folder / "records.bin").write_bytes(b"")
    assert cached_store(corpus, codec).records.tolist() == records
    assert corpus.passes == 2
    cached_store(corpus, fit_codec("byte", corpus))
    assert len(list((cache / "stores").iterdir())) == 2


def test_without_a_cache_the_store_is_temporary(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "file" / "cache"))  # no folder can be created in a file
    corpus = make("some text")
    codec = fit_codec("char", corpus)
    assert codec.decode_text(cached_store(corpus, codec).records) == "some text"
    assert (tmp_path / "file").read_text() == ""


@pytest.fixture
def whole(tmp_path):
    corpus = make("abc", "def", conditions={"stars": 1.0}, group="g")
    build_store(corpus, fit_codec("char", corpus), tmp_path / "store")
    return tmp_path / "store"


@pytest.mark.parametrize("name", ["store.json", "records.bin", "offsets.bin", "groups.bin", "condition-0.bin"])
def test_every_file_is_missed_or_measured(name, whole):
    open_store(whole)
    content = (whole / name).read_bytes()
    (whole / name).write_bytes(content[:-3])
    with pytest.raises(RunError, match="damaged") as caught:
        open_store(whole)
    assert "\n" not in str(caught.value)
    (whole / name).unlink()
    with pytest.raises(RunError, match=f"{name} is missing"):
        open_store(whole)


@pytest.mark.parametrize(
    "change",
    [
        {"records": 9},
        {"documents": "two"},
        {"dtype": "object"},
        {"format": None},
        {"conditions": [1]},
        {"skipped": 3},
    ],
)
def test_a_damaged_description_is_refused(change, whole):
    write_checked_json(whole / "store.json", read_json(whole / "store.json") | change)
    with pytest.raises(RunError, match="damaged"):
        open_store(whole)


def test_a_newer_format_is_refused(whole):
    edit_json(whole / "store.json", format=99)
    with pytest.raises(RunError, match="newer"):
        open_store(whole)


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(RunError, match="not a complete token store"):
        open_store(tmp_path / "nowhere")


def test_a_store_is_hashed_once_per_size_time_and_inode(whole, monkeypatch):
    hashed = []
    monkeypatch.setattr(store_module, "file_checksum", lambda file: hashed.append(file.name) or checksum(file))
    open_store(whole)
    assert hashed == []  # it was hashed as it was written
    (whole / "records.bin").touch()
    open_store(whole)
    open_store(whole)
    assert [Path(name).name for name in hashed] == ["records.bin"]
    open_store(whole, verify=True)
    assert len(hashed) == 5


def test_damage_that_changes_no_time_is_noticed_on_request(whole):
    file, content = whole / "records.bin", (whole / "records.bin").read_bytes()
    status = file.stat()
    file.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    open_store(whole)
    with pytest.raises(RunError, match=r"records\.bin was changed"):
        open_store(whole, verify=True)


def stores(cache):
    return {path.name for path in (cache / "stores").iterdir()}


def test_the_least_recently_used_stores_are_removed(cache, monkeypatch):
    corpora = [make(f"some text of number {number}") for number in range(4)]
    for number, corpus in enumerate(corpora):
        corpus.fingerprint = f"{number}" * 64
    codec = fit_codec("byte", corpora[0])
    names = []
    for age, corpus in zip((30, 40, 20), corpora[:3], strict=True):
        cached_store(corpus, codec)
        (name,) = stores(cache) - set(names)
        names.append(name)
        os.utime(cache / "stores" / name / "in-use.lock", (10**9 - age, 10**9 - age))
    in_use = cached_store(corpora[1], codec)  # the oldest
    size = sum(file.stat().st_size for file in (cache / "stores" / names[0]).iterdir())
    monkeypatch.setenv("SEQLOOM_CACHE_SIZE", str(3.5 * size / 2**30))
    newest = cached_store(corpora[3], codec)
    assert names[0] not in stores(cache)
    assert set(names[1:]) < stores(cache)
    monkeypatch.setenv("SEQLOOM_CACHE_SIZE", "0")
    last = cached_store(make("another text"), codec)
    assert len(stores(cache)) == 3  # those in use stay
    assert all(store.num_records for store in (in_use, newest, last))


@pytest.mark.parametrize("size", ["ten", "-1", "nan"])
def test_a_cache_size_that_is_no_number_is_refused(monkeypatch, size):
    monkeypatch.setenv("SEQLOOM_CACHE_SIZE", size)
    corpus = make("some text")
    with pytest.raises(ConfigError, match="SEQLOOM_CACHE_SIZE"):
        cached_store(corpus, fit_codec("char", corpus))
