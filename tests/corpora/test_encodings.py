import codecs
import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.corpora.encodings import Refused, Undecodable, check_encoding, decode_blocks, scan
from seqloom.errors import ConfigError, SourceError

ENGLISH = "It was the best of times,\nit was the worst of times.\n" * 20
RUSSIAN = "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.\n" * 20
CHINESE = "話說天下大勢，分久必合，合久必分。\n周末七國分爭，并入於秦。\n" * 20
SPANISH = "En un lugar de la Mancha, de cuyo nombre no quiero acordarme, vivía un hidalgo. Añadió: ¿qué?\n" * 20


def in_blocks(content: bytes, size: int = 1 << 20) -> Callable[[], Iterator[bytes]]:
    return lambda: iter([content[start : start + size] for start in range(0, len(content), size)])


def text_of(content: bytes, asked: str | None = None) -> str:
    return "".join(decode_blocks(in_blocks(content)(), scan(in_blocks(content), "it", asked).encoding))


@pytest.mark.parametrize("text", [ENGLISH, RUSSIAN, CHINESE, SPANISH], ids=["en", "ru", "zh", "es"])
@pytest.mark.parametrize(
    ("mark", "encoding", "named"),
    [
        (b"", "utf-8", "utf-8"),
        (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
        (codecs.BOM_UTF32_LE, "utf-32-le", "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32-be", "utf-32"),
        (b"", "utf-16-le", "utf-16-le"),
        (b"", "utf-16-be", "utf-16-be"),
    ],
)
def test_unicode_is_told_with_and_without_a_mark(text: str, mark: bytes, encoding: str, named: str) -> None:
    content = mark + text.encode(encoding)
    found = scan(in_blocks(content), "it")
    assert (found.encoding, found.is_detected, found.is_blank) == (named, True, False)
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert text_of(content) == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        *[
            (SPANISH, "cp1252"),
            (RUSSIAN, "cp1251"),
            (RUSSIAN, "koi8-r"),
            (CHINESE, "gb18030"),
            (CHINESE, "big5"),
        ],
        (ENGLISH * 50 + "a “stray” quote — and a dash", "cp1252"),
        ("café", "cp1252"),
    ],
)
def test_encodings_of_before_unicode_are_told(text: str, encoding: str) -> None:
    assert text_of(text.encode(encoding)) == text


def test_a_strange_byte_far_into_the_file_is_seen() -> None:
    content = ENGLISH.encode() * 3000 + "naïve".encode("latin-1")
    assert len(content) > 3 << 20
    assert text_of(content) == ENGLISH * 3000 + "naïve"


@pytest.mark.parametrize(
    "text",
    [
        "a\0b",
        "line\n" * 50 + "nul\0inside\nform\ffeed\v\x1b[0m\n",
        "\ufffe odd \uffff",
        "RIFF raff",
        "ID3 tags",
    ],
)
def test_text_with_a_few_control_characters_is_text(text: str) -> None:
    assert text_of(text.encode()) == text


def as_zip() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", ENGLISH)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (as_zip(), "zip archive"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG"),
        (b"\x7fELF" + bytes(100), "program"),
        (b"%PDF-1.7\n\x00\xff", "PDF"),
        (bytes(1000), "control characters"),
        (np.random.default_rng(0).bytes(100_000), "control characters"),
        (np.random.default_rng(0).normal(size=5000).astype(np.float32).tobytes(), "control characters"),
        (np.random.default_rng(0).integers(-99, 99, 9000).astype(np.int16).tobytes(), "control characters"),
    ],
    ids=["zip", "png", "elf", "pdf", "zeros", "noise", "float32", "int16"],
)
def test_binary_files_are_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(Refused, match=reason) as raised:
        scan(in_blocks(content), "it")
    assert raised.value.reason == "binary file"


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(Refused, match="is empty"):
        scan(in_blocks(b""), "it")


def test_white_space_is_told() -> None:
    assert scan(in_blocks(b"\n \t\r\n" * 10), "it").is_blank
    assert not scan(in_blocks(b"\n \t\r\n" * 10 + b"."), "it").is_blank


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_a_named_encoding_is_held_to_and_the_fault_is_placed(size: int) -> None:
    content = "Größe\n".encode() * 5 + b"\xff!"
    at = len(content) - 2
    with pytest.raises(SourceError, match=f"0xFF at byte {at} "):
        scan(in_blocks(content, size), "it", "utf-8")
    with pytest.raises(Undecodable, match=f"^0xFF at byte {at} cannot be decoded$"):
        list(decode_blocks(in_blocks(content, size)(), "utf-8"))


def test_long_blocks_are_decoded_in_short_pieces() -> None:
    text = "aé中🚀" * 50_000  # characters of one to four bytes, which the pieces' ends cut
    pieces = list(decode_blocks(iter([text.encode()]), "utf-8"))
    assert "".join(pieces) == text
    assert max(map(len, pieces)) <= 1 << 15


def test_a_fault_deep_in_a_long_block_is_placed() -> None:
    content = "é".encode() * 150_000
    with pytest.raises(Undecodable, match=r"^0xFF at byte 300,000 cannot be decoded$"):
        list(decode_blocks(iter([content + b"\xff" + content]), "utf-8"))


def test_the_message_of_a_decoder_without_a_position_is_a_sentence() -> None:
    with pytest.raises(SourceError, match=r"^it is not in utf-16: within the first 5 bytes: .*BOM; set another"):
        scan(in_blocks(b"plain"), "it", "utf-16")


STRAY = b"\xff"


@pytest.mark.parametrize(
    ("content", "named", "encoding", "count", "text"),
    [
        (RUSSIAN.encode() + "я".encode()[:1], None, "utf-8", 1, RUSSIAN + "\ufffd"),  # the end cuts a character
        (b"\x80" + RUSSIAN.encode(), None, "utf-8", 1, "\ufffd" + RUSSIAN),
        (SPANISH.encode() + "Añadió".encode("latin-1"), None, "utf-8", 2, SPANISH + "A\ufffdadi\ufffd"),
        (ENGLISH.encode() + "“so”, he said; “it’s…”".encode() + STRAY, None, "utf-8", 1, None),
        (ENGLISH.encode() + "“so”, “it”".encode() + b" caf\xe9 ", None, "utf-8", 1, None),  # few quotes in much ASCII
        (RUSSIAN.encode() + "\ufffd".encode() + STRAY, None, "utf-8", 1, RUSSIAN + "\ufffd\ufffd"),
        (codecs.BOM_UTF8 + ENGLISH.encode() + STRAY, None, "utf-8-sig", 1, ENGLISH + "\ufffd"),
        (ENGLISH.encode() + STRAY, "utf-8", "utf-8", 1, ENGLISH + "\ufffd"),
        (codecs.BOM_UTF16_LE + RUSSIAN.encode("utf-16-le")[:-1], None, "utf-16", 1, RUSSIAN[:-1] + "\ufffd"),
        (ENGLISH.encode("utf-16-be") + b"\xdc\x00", None, "utf-16-be", 1, ENGLISH + "\ufffd"),
    ],
)
def test_unicode_with_a_few_invalid_bytes_is_damaged_unicode(
    content: bytes, named: str | None, encoding: str, count: int, text: str | None
) -> None:
    scanned = scan(in_blocks(content, 7), "it", named)
    assert scanned.encoding == encoding
    assert scanned.damage is not None
    assert scanned.damage.num_places == count
    assert scanned.damage.first.endswith("cannot be decoded")
    assert scanned.sha256 == hashlib.sha256(content).hexdigest()
    if text is not None:
        assert "".join(decode_blocks(in_blocks(content, 7)(), encoding, "replace")) == text
    with pytest.raises(SourceError, match=rf"it is {encoding} text with {count} damaged place.*cannot be decoded"):
        scan(in_blocks(content), "it", named, strict=True)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [ENGLISH, RUSSIAN])
@pytest.mark.parametrize("has_mark", [True, False])
def test_a_lost_byte_in_the_middle_of_utf_16_is_refused(encoding: str, text: str, *, has_mark: bool) -> None:
    content = ("\ufeff" * has_mark + (text + " and so on. ") * 20).encode(encoding)
    middle = len(content) // 2
    damaged = content[:middle] + content[middle + 1 :]
    with pytest.raises(SourceError, match="a byte is missing or added near byte") as refused:
        scan(in_blocks(damaged, 100), "it")
    near = int(re.search(r"near byte ([\d,]+)", str(refused.value))[1].replace(",", ""))  # type: ignore[index]
    assert abs(near - middle) <= 1024


def test_a_text_with_many_invalid_bytes_is_in_a_legacy_encoding() -> None:
    with pytest.raises(Refused, match="is not UTF-8 and its encoding could not be detected"):
        scan(in_blocks(SPANISH.encode() + SPANISH.encode("latin-1")), "it")
    assert scan(in_blocks(SPANISH.encode("latin-1")), "it").damage is None
    with pytest.raises(SourceError, match="is not in utf-8"):
        scan(in_blocks(SPANISH.encode("latin-1")), "it", "utf-8")


def test_a_character_that_the_end_cuts_is_a_fault() -> None:
    with pytest.raises(SourceError, match="0xE4 0xB8 at byte 1 "):
        scan(in_blocks("a中".encode()[:-1]), "it", "utf-8")


def test_a_mark_that_lies_is_a_fault() -> None:
    with pytest.raises(SourceError, match="byte-order mark of utf-8-sig"):
        scan(in_blocks(codecs.BOM_UTF8 + b"caf\xe9"), "it")


def test_a_named_encoding_wins_over_detection() -> None:
    content = "ä".encode()
    assert text_of(content, "latin-1") == "Ã¤"
    assert not scan(in_blocks(content), "it", "latin-1").is_detected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "utf-32-le"])
def test_the_mark_is_no_text_in_a_named_encoding_but_a_second_one_is(encoding: str) -> None:
    codec = encoding.removesuffix("-sig")
    assert text_of("\ufeffa\ufeff".encode(codec), encoding) == "a\ufeff"
    assert text_of("\ufeff\ufeffa".encode(codec), encoding) == "\ufeffa"


@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-16-be", "utf-32", "gb18030"]),
    size=st.integers(1, 9),
)
def test_where_bytes_are_cut_does_not_matter(text: str, encoding: str, size: int) -> None:
    text = text.lstrip("\ufeff")
    assert "".join(decode_blocks(in_blocks(text.encode(encoding), size)(), encoding)) == text


@pytest.mark.parametrize("name", ["utf-99", "base64", "rot13", "", "nul\0", "latin one"])
def test_what_is_no_text_encoding_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="not a text encoding"):
        check_encoding(name)


def test_a_misspelt_encoding_gets_near_names() -> None:
    with pytest.raises(ConfigError, match=r"did you mean .*latin1"):
        check_encoding("latin11")


@pytest.mark.parametrize("name", ["utf-8", "UTF8", "cp1252", "gb18030", "shift_jis", "utf-16"])
def test_text_encodings_are_taken(name: str) -> None:
    check_encoding(name)


def test_the_real_broken_files(corpora_dir: Path) -> None:
    def read(name: str) -> str:
        return text_of((corpora_dir / "dirty" / name).read_bytes())

    spanish = (corpora_dir / "dirty/es_quijote_head.latin1_crlf.txt").read_bytes()
    assert read("es_quijote_head.latin1_crlf.txt") == spanish.decode("latin-1")
    chinese = (corpora_dir / "dirty/zh_sanguo_head.utf16le_bom.txt").read_bytes()
    assert read("zh_sanguo_head.utf16le_bom.txt") == chinese[2:].decode("utf-16-le")
    edge_cases = (corpora_dir / "dirty/unicode_edge_cases.txt").read_bytes()
    assert read("unicode_edge_cases.txt").encode() == edge_cases
    assert scan(in_blocks((corpora_dir / "dirty/only_newlines.txt").read_bytes()), "it").is_blank
    assert "Ã¤" in read("nietzsche_bom_crlf_mojibake.txt") or "ÃƒÂ" in read("nietzsche_bom_crlf_mojibake.txt")
    assert len(read("nietzsche_latin1_lower.txt")) == 600_902
