"""Every codec gives back every real text exactly, whatever its language, encoding and line ends."""

import pytest

from seqloom.codecs import fit_codec

MOST_CHARACTERS = 1_000_000  # of a file
FEWER_CHARACTERS = 100_000  # for the levels that cut it into pieces


def texts(folder):
    paths = sorted(path for path in folder.rglob("*") if path.suffix in (".txt", ".csv", ".abc", ".md"))
    for path in paths:
        raw = path.read_bytes()
        encoding = "utf-16" if raw[:2] == b"\xff\xfe" else "latin-1" if "latin1" in path.name else "utf-8"
        try:
            yield path.name, raw.decode(encoding)[:MOST_CHARACTERS]
        except UnicodeDecodeError:
            yield path.name, raw.decode("latin-1")[:MOST_CHARACTERS]


@pytest.mark.parametrize("level", ["char", "byte"])
def test_files_without_cuts(level, corpora_dir, make_corpus):
    num_files = 0
    for name, text in texts(corpora_dir):
        if text:
            codec = fit_codec(level, make_corpus(text))
            ids = codec.encode_text(text)
            assert codec.decode_text(ids) == text, name
            assert codec.characters_per_token[ids].sum() == len(text), name
            num_files += 1
    assert num_files > 30


@pytest.mark.parametrize("level", ["char", "word", "subword"])
def test_beginnings_with_bytes_for_what_is_rare(level, corpora_dir, make_corpus):
    beginnings = {name: text[:FEWER_CHARACTERS] for name, text in texts(corpora_dir)}
    fitted = make_corpus(*[text[:20_000] for text in beginnings.values()], separate=True)
    codec = fit_codec(level, fitted, 1_000)
    assert len(codec) == 1_000
    for name, text in beginnings.items():
        ids = codec.encode_text(text)
        assert codec.decode_text(ids) == text, name
        assert codec.characters_per_token[ids].sum() == len(text), name
