"""What every codec must do, whatever kind of sequence it encodes. A new kind adds its payloads to `PAYLOADS`."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest
from examples.extensions.melody_format import MelodyPayload

from seqloom.codecs import codec_from_json, fit_codec
from seqloom.codecs.base import Codec
from seqloom.corpora.abc.tune import AbcTune, tune_from_text
from seqloom.corpora.document import Corpus, Document
from seqloom.corpora.drawings import Drawing
from seqloom.corpora.music import DRUMS, MusicPayload, Note, Tempo, normalized_music
from seqloom.corpora.payloads import Payload, TextPayload
from seqloom.errors import CodecError, SourceError
from seqloom.registry import CODECS, resolve

PAYLOADS: dict[type[Payload], tuple[Payload, ...]] = {
    TextPayload: (TextPayload.from_text("the quick brown fox\n" * 30), TextPayload.from_text("jumps")),
    MusicPayload: (
        normalized_music([Note(0, 60, 24), Note(24, 62, 900), Note(30, 36, 6, 100, DRUMS)], [Tempo(48, 140)]),
        MusicPayload((Note(0, 60, 24),)),
    ),
    Drawing: (Drawing((((0, 5), (127, 9)), ((64, 64),), ((3, 3), (4, 2), (0, 127)))), Drawing((((1, 1), (2, 2)),))),
    AbcTune: (
        tune_from_text("M:6/8\nL:1/8\nK:Dmaj\nA|dfa (3aga f|^g2f e3:|\n"),
        tune_from_text("M:4/4\nL:1/8\nK:Gmaj\nG4|]\n"),
    ),
    MelodyPayload: (MelodyPayload((60, 62, 64, 60)), MelodyPayload((0, 127))),
}
LEVELS = [*CODECS, "melody"]


@dataclass
class PayloadCorpus(Corpus):
    """Documents with the given payloads."""

    payloads: tuple[Payload, ...]
    has_separate_documents: bool = False
    name: str = "a test"
    fingerprint: str = "0" * 64
    skipped: Mapping[str, int] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Document]:
        return map(Document, self.payloads)


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setitem(CODECS.built_in, "melody", "examples.extensions.melody_codec:MelodyCodec")


def payloads_of(level: str) -> tuple[Payload, ...]:
    if level == "pianoroll":  # keeps only what a piano roll has
        chord = [Note(0, 60, 12, 90), Note(0, 64, 24, 90), Note(24, 108, 36, 90)]
        return normalized_music(chord, []), MusicPayload((Note(0, 60, 24),))
    return PAYLOADS[resolve("level", level, CODECS).payload_type]


def fit(level: str, *, separate: bool = True) -> Codec:
    return fit_codec(level, PayloadCorpus(payloads_of(level), separate))


def encode(codec: Codec, payload: Payload) -> np.ndarray:
    return np.concatenate([part.ids for part in codec.encode(payload)])


def content(payload: Payload) -> object:
    """A payload in a form that can be compared: the chunks of a text may be cut anywhere."""
    return str(payload) if isinstance(payload, TextPayload) else payload


@pytest.mark.parametrize("level", LEVELS)
def test_a_payload_comes_back(level):
    codec = fit(level)
    for payload in payloads_of(level):
        assert content(codec.decode(encode(codec, payload))) == content(payload)


@pytest.mark.parametrize("level", LEVELS)
def test_the_units_of_the_tokens_are_the_size_of_the_payload(level):
    codec = fit(level)
    for payload in payloads_of(level):
        units = int(codec.units_per_token[encode(codec, payload)].sum())
        assert units == sum(part.num_units for part in codec.encode(payload)) > 0


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("separate", [False, True])
def test_documents_need_a_boundary_which_is_never_encoded(level, separate):
    codec = fit(level, separate=separate)
    assert codec.boundary == (len(codec) - 1 if separate else None)
    for payload in payloads_of(level):
        assert codec.boundary not in encode(codec, payload)
    if separate:
        assert codec.bos_id == codec.boundary
        assert codec.token_bytes[codec.boundary] == b""
        assert codec.units_per_token[codec.boundary] == 0


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("separate", [False, True])
def test_json_round_trip(level, separate):
    codec = fit(level, separate=separate)
    restored = codec_from_json(json.loads(json.dumps(codec.to_json())))
    assert type(restored) is type(codec)
    assert (restored.fingerprint, restored.boundary) == (codec.fingerprint, codec.boundary)
    for payload in payloads_of(level):
        np.testing.assert_array_equal(encode(restored, payload), encode(codec, payload))


@pytest.mark.parametrize("level", LEVELS)
def test_extension_keeps_every_id(level):
    first, *others = payloads_of(level)
    codec = fit_codec(level, PayloadCorpus((first,), True))
    extended = codec.extend(PayloadCorpus(tuple(others), True))
    assert extended.boundary == codec.boundary
    np.testing.assert_array_equal(encode(extended, first), encode(codec, first))
    for payload in others:
        assert content(extended.decode(encode(extended, payload))) == content(payload)


@pytest.mark.parametrize("level", LEVELS)
def test_a_sample_shows_its_tokens_and_a_prompt_reads_them(level):
    codec = fit(level)
    ids = encode(codec, payloads_of(level)[0])
    text = codec.decode_text(ids)
    assert text == b"".join(codec.token_bytes[token] for token in ids).decode()
    assert codec.unknown_symbols(text) == []
    assert codec.known_text(text) == text
    assert codec.decode_text(codec.encode_text(text)) == text


@pytest.mark.parametrize("level", LEVELS)
def test_ids_outside_the_vocabulary_are_refused(level):
    codec = fit(level)
    for unknown in (-1, len(codec)):
        with pytest.raises(CodecError, match="outside"):
            codec.decode([0, unknown])


@pytest.mark.parametrize("level", LEVELS)
def test_another_kind_of_sequence_is_refused(level):
    expected = resolve("level", level, CODECS).payload_type
    others = next(payloads for kind, payloads in PAYLOADS.items() if kind is not expected)
    if level != "byte":  # which is not fitted
        with pytest.raises(SourceError, match=f"the source holds {others[0].kind}, but must hold {expected.kind}"):
            fit_codec(level, PayloadCorpus(others, True))
