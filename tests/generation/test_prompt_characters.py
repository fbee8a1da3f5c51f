"""Unknown characters of a prompt are replaced by known ones of the same meaning."""

import pytest

import seqloom
from seqloom.api import Run
from seqloom.codecs.chars import CharCodec
from seqloom.codecs.vocabulary import Vocabulary
from seqloom.errors import CodecError
from seqloom.generation.prompt_characters import replace_unknown

PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 '\"-.,!\n*"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\u201ccaf\u00e9\u2019s\u201d", '"cafe\'s"'),
        ("na\u00efve \u2013 Stra\u00dfe\u2026", "naive - Strasse..."),
        ("\uff21\uff22\uff23\uff11\u00b2", "ABC12"),
        ("e\u0301a\u00a0b\u2022", "ea b*"),
        ("\ufb01ne \u00c6sir \u0141\u00f3d\u017a", "fine AEsir Lodz"),
        ("\ufeffa\u200bb", "ab"),
        ("\u65e5a", "\u65e5a"),  # nothing known has its meaning
        ("plain", "plain"),
    ],
)
def test_characters_become_plain(text: str, expected: str) -> None:
    codec = CharCodec(Vocabulary.build(sorted(PLAIN), byte_fallback=False, has_boundary=False))
    replaced, pairs = replace_unknown(text, codec)
    assert replaced == expected
    assert all(before in text and after != before for before, after in pairs.items())


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    source = tmp_path_factory.mktemp("source") / "text.txt"
    source.write_text("a cat - and a dog. " * 60, encoding="utf-8")
    settings = {"hidden_size": 8, "batch_size": 4, "sequence_length": 8, "threads": 1, "steps": 3}
    return seqloom.train(source, run=source.parent / "run", **settings)


def test_what_was_replaced_is_reported(run: Run) -> None:
    with pytest.warns(UserWarning, match="the prompt has characters that the run does not know: '\u2014' became '-'"):
        (sample,) = run.samples("a \u2014 ", length=5)
    assert sample.prompt == "a \u2014 "
    assert run.generate("a - ", length=5) == sample.text
    with pytest.raises(CodecError, match="not in the vocabulary: '\u2014'"):
        run.score("a \u2014 ")
