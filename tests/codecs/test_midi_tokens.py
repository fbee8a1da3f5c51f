"""Tokens of music: exact for any piece, tolerant of any order, and those of miditok."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from tests.codecs.test_contract import PayloadCorpus
from tests.corpora.test_music import pieces

from seqloom.codecs import default_level, fit_codec
from seqloom.codecs.base import Codec
from seqloom.codecs.midi_tokens import _tokenizer
from seqloom.corpora.formats.midi import symusic_score
from seqloom.corpora.music import DRUMS, MAX_DURATION, MusicPayload, Note, Tempo, normalized_music
from seqloom.errors import CodecError, ConfigError

LEVELS = ("tsd", "remi", "midi-like")
PIECE = normalized_music(
    [Note(0, 60, 24), Note(0, 64, 24, 70), Note(24, 62, MAX_DURATION * 2 + 7), Note(30, 36, 6, 100, DRUMS)],
    [Tempo(0, 97), Tempo(48, 140)],
)


def fit(level: str, *payloads: MusicPayload) -> Codec:
    return fit_codec(level, PayloadCorpus(payloads, True))


def ids(codec: Codec, payload: MusicPayload) -> list[int]:
    return np.concatenate([part.ids for part in codec.encode(payload)]).tolist()


@pytest.mark.parametrize("level", LEVELS)
@given(music=pieces)
@settings(deadline=None, max_examples=60)
def test_any_piece_comes_back(level: str, music: MusicPayload) -> None:
    codec = fit(level, music)
    assert codec.decode(ids(codec, music)) == music


@pytest.mark.parametrize("level", LEVELS)
def test_tokens_in_any_order_are_music(level):
    codec = fit(level, PIECE)
    tokens = [*ids(codec, PIECE), codec.boundary]
    for seed in range(50):
        random.Random(seed).shuffle(tokens)
        music = codec.decode(tokens)
        assert normalized_music(music.notes, music.tempos) == music
        assert all(note.duration >= 1 and 0 <= note.pitch <= 127 for note in music.notes)
    assert codec.decode([]) == MusicPayload(())


@pytest.mark.parametrize(("level", "name"), [("tsd", "TSD"), ("remi", "REMI"), ("midi-like", "MIDILike")])
def test_tokens_are_those_of_miditok_without_repeated_velocities(level, name):
    expected, velocity = [], None
    for token in _tokenizer(name)(symusic_score(PIECE, longest=MAX_DURATION)).tokens:
        if token != velocity:
            expected.append(token)
        velocity = token if token.startswith("Velocity") else velocity
    codec = fit(level, PIECE)
    assert codec.decode_text(ids(codec, PIECE)).split() == expected


def test_a_token_of_other_music_is_named():
    codec = fit("tsd", PIECE)
    with pytest.raises(CodecError, match="not in the vocabulary: 'Pitch_61'; train on a source that has it"):
        list(codec.encode(MusicPayload((Note(0, 61, 24),), (Tempo(0, 97),))))
    extended = codec.extend(PayloadCorpus((MusicPayload((Note(0, 61, 24),), (Tempo(0, 97),)),), True))
    assert extended.decode(ids(extended, MusicPayload((Note(0, 61, 24),), (Tempo(0, 97),)))).notes == (Note(0, 61, 24),)
    assert ids(extended, PIECE) == ids(codec, PIECE)
    with pytest.raises(ConfigError, match="`vocabulary` got 5, and the source has"):
        fit_codec("tsd", PayloadCorpus((PIECE,), True), 5)


def test_music_has_a_level_of_its_own():
    corpus = PayloadCorpus((PIECE,), True)
    assert default_level(corpus) == "char"  # a corpus that does not say what it holds
    corpus.payload_type = MusicPayload
    assert default_level(corpus) == "tsd"
