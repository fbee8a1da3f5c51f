"""What every codec of text must do, whatever its level; `test_contract.py` checks what holds for all codecs."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqloom.codecs import codec_from_json, fit_codec, subwords
from seqloom.codecs.text import TextCodec
from seqloom.errors import CodecError, ConfigError, UserError
from seqloom.registry import CODECS, resolve

LEVELS = sorted(level for level in CODECS if issubclass(resolve("level", level, CODECS), TextCodec))
LETTERS = "aZé'’ \n\t\r.-!_9中国かทำक्षمِ́\u200d👩🏽\u3000\x00\x85"
TEXTS = st.text(st.sampled_from(LETTERS) | st.characters(exclude_categories=["Cs"]), max_size=60)

pytestmark = pytest.mark.parametrize("level", LEVELS)
relaxed = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def cut(text, cuts):
    edges = sorted({min(edge, len(text)) for edge in cuts} | {0, len(text)})
    return [text[start:stop] for start, stop in pairwise(edges)]


@relaxed
@given(text=TEXTS)
def test_any_text_comes_back(level, text, complete_codecs):
    codec = complete_codecs[level]
    ids = codec.encode_text(text)
    assert codec.decode_text(ids) == text
    assert codec.unknown_symbols(text) == []
    assert int(codec.characters_per_token[ids].sum()) == len(text)


@relaxed
@given(text=TEXTS.map(lambda text: text * 3), cuts=st.lists(st.integers(0, 180), max_size=20))
def test_ids_do_not_depend_on_the_chunks(level, text, cuts, complete_codecs):
    codec = complete_codecs[level]
    whole = codec.encode_text(text)
    for chunks in (cut(text, cuts), list(text), ["", text, ""]):
        pieces = list(codec.encode_chunks(chunks))
        assert np.array_equal(np.concatenate([*pieces, np.zeros(0, np.int64)]), whole)


def test_fit_does_not_depend_on_the_chunks(level, make_corpus, sample, monkeypatch):
    monkeypatch.setattr(subwords, "_SAMPLE_BLOCK_CHARACTERS", 50)
    whole = fit_codec(level, make_corpus(sample))
    assert fit_codec(level, make_corpus(tuple(sample))).to_json() == whole.to_json()
    assert fit_codec(level, make_corpus((sample[:70], sample[70:]))).to_json() == whole.to_json()
    assert fit_codec(level, make_corpus(sample)).to_json() == whole.to_json()
    assert whole.decode_text(whole.encode_text(sample)) == sample


@pytest.mark.parametrize("separate", [False, True])
def test_boundary_is_the_last_id_and_never_encoded(level, separate, make_corpus, sample):
    codec = fit_codec(level, make_corpus(sample, "more", separate=separate))
    assert codec.boundary == (len(codec) - 1 if separate else None)
    assert not separate or codec.token_bytes[codec.boundary] == b""
    assert codec.boundary not in codec.encode_text(sample)
    assert codec.bos_id == (codec.boundary if separate else codec.token_bytes.index(b"\n"))


@pytest.mark.parametrize("separate", [False, True])
def test_json_round_trip(level, separate, make_corpus, sample):
    codec = fit_codec(level, make_corpus(sample, separate=separate))
    for one in (codec, codec.extend(make_corpus("ħello ħello ħello", separate=True))):
        again = codec_from_json(json.loads(json.dumps(one.to_json())))
        assert type(again) is type(one)
        assert again.to_json() == one.to_json()
        assert again.fingerprint == one.fingerprint
        assert again.token_bytes == one.token_bytes
        assert again.boundary == one.boundary
        assert np.array_equal(again.encode_text(sample), one.encode_text(sample))
    assert separate or codec.fingerprint != one.fingerprint


@relaxed
@given(
    old=TEXTS.filter(bool),
    new=TEXTS.filter(bool),
    capped=st.booleans(),
    separate=st.tuples(st.booleans(), st.booleans()),
)
def test_extension_keeps_every_old_id(level, old, new, capped, separate, make_corpus):
    if level == "subword":
        new = new[:5]
    codec = fit_codec(level, make_corpus(old, separate=separate[0]), 300 if capped else None)
    extended = codec.extend(make_corpus(new, new, separate=separate[1]))
    assert extended.token_bytes[: len(codec)] == codec.token_bytes
    assert extended.decode_text(extended.encode_text(new + old)) == new + old
    assert (extended.boundary is None) == (not any(separate))
    if codec.boundary is not None:
        assert extended.boundary == codec.boundary
    assert np.array_equal(codec_from_json(extended.to_json()).encode_text(new), extended.encode_text(new))


def test_extension_by_itself_changes_nothing(level, make_corpus, sample):
    codec = fit_codec(level, make_corpus(sample, separate=True))
    assert codec.extend(make_corpus(sample)).to_json() == codec.to_json()


def test_lone_surrogates_are_refused_and_placed(level, complete_codecs):
    codec = complete_codecs[level]
    assert codec.unknown_symbols("ab\ud800c") == [(2, "\ud800")]
    with pytest.raises(CodecError, match=r"U\+D800\) at character 3"):
        codec.encode_text("ab\ud800c")
    with pytest.raises(CodecError, match="at character 6"):
        list(codec.encode_chunks(["ab ", "c \udfff"]))
    assert codec.decode_text(codec.encode_text("ab\ud800c", skip_unknown=True)) == "abc"


def test_lone_surrogates_cannot_be_fitted(level, make_corpus):
    if level != "byte":  # which is not fitted
        with pytest.raises(CodecError, match=r"U\+DC80"):
            fit_codec(level, make_corpus("ab\udc80"))


def test_ids_outside_the_vocabulary_are_refused(level, complete_codecs):
    codec = complete_codecs[level]
    for wrong in (-1, len(codec)):
        with pytest.raises(CodecError, match="outside"):
            codec.decode_text([0, wrong])


def test_half_a_character_becomes_a_replacement(level, complete_codecs):
    codec = complete_codecs[level]
    first = codec.token_bytes.index(bytes([0xE4]))
    assert codec.decode_text([first]) == "\ufffd"


def test_too_small_a_vocabulary_is_one_line(level, make_corpus, sample):
    for cap in (0, 255, 256):
        with pytest.raises(ConfigError, match=f"`vocabulary` got {cap}") as caught:
            fit_codec(level, make_corpus(sample, separate=True), cap)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("spare", [2, 10, 500])
def test_the_cap_counts_every_id(level, spare, make_corpus, sample):
    codec = fit_codec(level, make_corpus(sample, separate=True), 256 + spare)
    assert 256 < len(codec) <= 256 + spare
    assert codec.decode_text(codec.encode_text(sample + "unseen Ω")) == sample + "unseen Ω"


def test_empty_text_has_no_tokens(level, complete_codecs):
    assert len(complete_codecs[level].encode_text("")) == 0
    assert list(complete_codecs[level].encode_chunks([])) == []


def damages(stored):
    """Every way to leave out, replace or empty one part of a description."""
    for key in stored:
        yield {name: value for name, value in stored.items() if name != key}
        yield from ({**stored, key: wrong} for wrong in ("nonsense", -1, [], {}, [1.5], True))
    if "tokens" in stored:
        tokens = stored["tokens"]
        for wrong in (
            tokens[:-1],
            [*tokens, None, None],
            [*tokens, tokens[0]],
            [*tokens, "\ud800"],
            [*tokens, ""],
            [*tokens, 7],
        ):
            yield {**stored, "tokens": wrong}


def test_damaged_descriptions_are_refused(level, complete_codecs):
    stored = complete_codecs[level].to_json()
    for damaged in damages(stored):
        if damaged != stored:
            with pytest.raises(CodecError, match="damaged") as caught:
                codec_from_json(damaged)
            assert "\n" not in str(caught.value)


def test_not_a_codec_at_all(level):
    for stored in ({}, {"level": level}, {"level": level + "x"}, {"level": None}, [level]):
        with pytest.raises(UserError):
            codec_from_json(stored)


def test_the_stored_codec_is_what_python_reads_back(level, complete_codecs, tmp_path: Path):
    path = tmp_path / "codec.json"
    path.write_text(json.dumps(complete_codecs[level].to_json(), ensure_ascii=False, allow_nan=False), encoding="utf-8")
    assert (
        codec_from_json(json.loads(path.read_text(encoding="utf-8"))).fingerprint == complete_codecs[level].fingerprint
    )
