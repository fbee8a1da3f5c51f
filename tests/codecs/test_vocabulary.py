import pytest

from seqloom.codecs.vocabulary import Vocabulary, symbol_capacity
from seqloom.errors import CodecError, ConfigError


def test_symbols_bytes_boundary_in_that_order():
    vocabulary = Vocabulary.build(["a", "é"], byte_fallback=True, has_boundary=True)
    assert vocabulary.tokens == ("a", "é", *range(256), None)
    assert (vocabulary.first_byte_id, vocabulary.boundary) == (2, 258)
    assert vocabulary.token_bytes[:4] == (b"a", "é".encode(), b"\x00", b"\x01")
    assert vocabulary.token_bytes[-2:] == (b"\xff", b"")


def test_a_second_boundary_is_never_appended():
    vocabulary = Vocabulary.build(["a"], byte_fallback=False, has_boundary=False).extend(["b"], has_boundary=True)
    assert vocabulary.tokens == ("a", "b", None)
    assert vocabulary.extend(["c"], has_boundary=True).tokens == ("a", "b", None, "c")


@pytest.mark.parametrize(
    "tokens",
    [
        None,
        [],
        "ab",
        ["a", "a"],
        [""],
        [None, None],
        [1.5],
        [True],
        [0, 1],
        [*range(1, 257)],
        ["a", *range(255), "b", 255],
        [["a"]],
    ],
)
def test_damaged_tokens_are_refused(tokens):
    with pytest.raises(CodecError):
        Vocabulary.from_json(tokens)


def test_room_counts_the_bytes_and_the_boundary():
    assert symbol_capacity("char", cap=300, has_boundary=True) == 43
    assert symbol_capacity("char", cap=257, has_boundary=False) == 1
    with pytest.raises(ConfigError, match="258 or more"):
        symbol_capacity("char", cap=257, has_boundary=True)
