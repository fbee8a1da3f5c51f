import pytest

from seqloom.codecs import pretokenizer, words
from seqloom.codecs.pretokenizer import word_pattern
from seqloom.codecs.words import WordCodec


def spelled(codec, text):
    return [codec.token_bytes[index].decode("latin-1") for index in codec.encode_text(text)]


def test_words_stand_by_frequency_then_by_text(make_corpus):
    codec = WordCodec.fit(make_corpus("b b b a a c c c dd"))
    assert list(codec.vocabulary.ids) == [" c", " a", " b", " dd", "b"]
    assert codec.token_bytes[:7] == (b" c", b" a", b" b", b" dd", b"b", b"\0", b"\1")


def test_rare_words_are_spelled_in_bytes(make_corpus):
    codec = WordCodec.fit(make_corpus("the cat the cat the dog"), vocabulary=256 + 2)
    assert spelled(codec, " the cat é") == [" the", " cat", " ", "Ã", "©"]


def test_words_seen_once_are_dropped_from_larger_corpora(make_corpus, monkeypatch):
    monkeypatch.setattr(words, "_SMALL_VOCABULARY", 2)
    codec = WordCodec.fit(make_corpus("the cat the cat the dog"))
    assert list(codec.vocabulary.ids) == [" cat", " the"]


def test_the_default_cap_is_ten_thousand_ids(make_corpus):
    text = " ".join(f"w{number}" for number in range(12_000))
    codec = WordCodec.fit(make_corpus(text, text, separate=True))
    assert len(codec) == 10_000


def test_counting_forgets_the_rarest_words_when_there_are_too_many(make_corpus, monkeypatch):
    monkeypatch.setattr(words, "_MAX_COUNTED", 200)
    text = "".join(f" often rare{number}" for number in range(5_000))
    counts = words._count_words(make_corpus(tuple(text[start : start + 500] for start in range(0, len(text), 500))))
    assert len(counts) <= 200
    assert counts[" often"] == 5_000


def test_spelling_survives_forgetting(make_corpus, sample, monkeypatch):
    codec = WordCodec.fit(make_corpus(sample))
    expected = codec.encode_text(sample).tolist()
    monkeypatch.setattr(pretokenizer, "_MAX_CACHED_PIECES", 3)
    monkeypatch.setattr(pretokenizer, "_BLOCK_CHARACTERS", 20)
    again = WordCodec.from_json(codec.to_json())
    assert again.encode_text(sample).tolist() == expected
    assert len(again._cache) < 25 < len(set(word_pattern().findall(sample)))


def test_extension_appends_frequent_new_words(make_corpus):
    codec = WordCodec.fit(make_corpus(" a a b", separate=True), vocabulary=259)
    extended = codec.extend(make_corpus(" a new new new word word other"))
    assert extended.token_bytes[len(codec) :] == (b" new", b" word", b" other")
    assert extended.boundary == codec.boundary == 258


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_hardly_any_text(text, make_corpus):
    codec = WordCodec.fit(make_corpus(text))
    assert codec.decode_text(codec.encode_text("plain text")) == "plain text"
