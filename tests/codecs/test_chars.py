from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqloom.codecs import chars
from seqloom.codecs.chars import CharCodec
from seqloom.errors import CodecError, SourceError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
relaxed = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@relaxed
@given(text=TEXTS)
def test_ids_are_ranks_in_code_point_order(text, make_corpus):
    codec = CharCodec.fit(make_corpus(text))
    symbols = sorted(set(text))
    assert codec.token_bytes == tuple(symbol.encode() for symbol in symbols)
    assert codec.encode_text(text).tolist() == [symbols.index(symbol) for symbol in text]


@relaxed
@given(text=TEXTS, cap=st.integers(257, 275))
def test_capped_ids_match_a_plain_loop(text, cap, make_corpus):
    codec = CharCodec.fit(make_corpus(text), vocabulary=cap)
    counts = Counter(text)
    kept = sorted(sorted(counts, key=lambda symbol: (-counts[symbol], symbol))[: cap - 256])
    table = {symbol: [index] for index, symbol in enumerate(kept)}
    spelled = [table.get(symbol) or [len(kept) + byte for byte in symbol.encode()] for symbol in text]
    assert codec.encode_text(text).tolist() == [index for ids in spelled for index in ids]


def test_unknown_characters_are_named_where_they_stand(make_corpus):
    codec = CharCodec.fit(make_corpus("abc\n"))
    assert codec.unknown_symbols("abXc\U0010ffff") == [(2, "X"), (4, "\U0010ffff")]
    with pytest.raises(CodecError, match=r"'X' \(U\+0058\) at character 3.*`skip_unknown`"):
        codec.encode_text("abXc")
    with pytest.raises(CodecError, match="at character 5"):
        list(codec.encode_chunks(["abc", "aX"]))
    assert codec.decode_text(codec.encode_text("aXbXc", skip_unknown=True)) == "abc"


def test_positions_hold_past_the_first_block(make_corpus, monkeypatch):
    monkeypatch.setattr(chars, "_BLOCK_CHARACTERS", 4)
    codec = CharCodec.fit(make_corpus("abcdefghij"))
    assert codec.unknown_symbols("abcdefXhiY") == [(6, "X"), (9, "Y")]
    with pytest.raises(CodecError, match="at character 10"):
        list(codec.encode_chunks(["abcdefgh", "iY"]))
    assert codec.decode_text(codec.encode_text("jihgfedcba")) == "jihgfedcba"


def test_extension_appends_in_code_point_order(make_corpus):
    codec = CharCodec.fit(make_corpus("bd", separate=True))
    extended = codec.extend(make_corpus("zéab"))
    assert extended.token_bytes == (b"b", b"d", b"", b"a", b"z", "é".encode())
    assert extended.boundary == 2
    assert codec.extend(make_corpus("d", separate=True)).token_bytes == (b"b", b"d", b"")
    running = CharCodec.fit(make_corpus("bd"))
    assert running.extend(make_corpus("a", separate=True)).token_bytes == (b"b", b"d", b"a", b"")


def test_a_capped_codec_grows_by_at_most_its_cap(make_corpus):
    codec = CharCodec.fit(make_corpus("aaabbc"), vocabulary=258)
    extended = codec.extend(make_corpus("xxxyyzab"))
    assert extended.token_bytes[258:] == (b"x", b"y")
    assert extended.decode_text(extended.encode_text("xyzabc")) == "xyzabc"


def test_a_corpus_without_text_is_refused(make_corpus):
    with pytest.raises(SourceError, match="no text"):
        CharCodec.fit(make_corpus("", ()))


@pytest.mark.parametrize("num_symbols", [254, 255, 256, 257, 65_535, 65_536, 65_537])
def test_no_id_is_taken_for_an_unknown_character(num_symbols, make_corpus):
    symbols = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x1_2000)]))
    text = symbols[:num_symbols]
    codec = CharCodec.fit(make_corpus(text))
    assert codec.encode_text(text).tolist() == list(range(num_symbols))
    for unknown in (symbols[num_symbols], "\ud800", "\U0010ffff"):
        assert codec.unknown_symbols(text[-3:] + unknown) == [(3, unknown)]
        with pytest.raises(CodecError, match="at character 4"):
            list(codec.encode_chunks([text[-3:] + unknown]))


def test_zeros_at_the_end_are_characters_too(make_corpus):
    codec = CharCodec.fit(make_corpus("a\0"))
    assert [ids.tolist() for ids in codec.encode_chunks(["a\0\0", "\0"])] == [[1, 0, 0], [0]]


def test_encoding_makes_signed_32_bit_ids(make_corpus):
    assert CharCodec.fit(make_corpus("ab")).encode_text("ba").dtype == np.int32
