import pytest

from seqloom.corpora.legacy_encodings import legacy_encodings

JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。" * 40
GREEK = "Η γρήγορη αλεπού πηδά πάνω από το τεμπέλικο σκυλί. " * 30
GERMAN = "Die Größe der Äpfel über den Häusern: süß, schön, müde, fröhlich. " * 3


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(JAPANESE, "cp932"), (JAPANESE, "euc_jp"), (GREEK, "cp1253"), (GERMAN, "cp1252")],
)
def test_the_right_encoding_comes_first(text: str, encoding: str) -> None:
    content = text.encode(encoding)
    assert content.decode(legacy_encodings([content])[0]) == text


@pytest.mark.parametrize("shift", range(2))
def test_a_sample_that_is_cut_inside_a_character_still_tells(shift: int) -> None:
    content = b"x" * shift + ("话说天下大势，分久必合，合久必分。" * 10_000).encode("gb18030")
    assert legacy_encodings([content])[0] == "gb18030"


def test_a_few_stray_bytes_are_taken_for_western() -> None:
    content = b"plain words, plain words\n" * 1000 + "(werthschã¤tzung)\n".encode("latin-1")
    assert legacy_encodings([content])[:2] == ["cp1252", "latin_1"]


def test_reading_stops_when_there_is_enough_to_judge_by() -> None:
    def blocks():  # type: ignore[no-untyped-def]
        yield RUSSIAN_BLOCK
        raise AssertionError("read too far")

    assert legacy_encodings(blocks())[0] == "cp1251"


RUSSIAN_BLOCK = (
    "Все счастливые семьи похожи друг на друга, каждая несчастливая несчастлива по-своему.\n" * 4000
).encode("cp1251")
