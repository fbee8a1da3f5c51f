import gzip
import io
import json
import lzma
import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from pyarrow import parquet

import seqloom.corpora
from seqloom.config import ReadingConfig
from seqloom.corpora import CHUNK_CHARACTERS, Corpus, SourceCorpus, open_corpus
from seqloom.errors import ConfigError, SourceError

CSV = "text,stars,place\nGood.,5,a\nBad.,1,b\n"


def texts(corpus: Corpus) -> list[str]:
    return ["".join(document.text.chunks) for document in corpus]


def read(source: Any, **reading: Any) -> tuple[list[str], SourceCorpus]:
    corpus = open_corpus(source, ReadingConfig(**reading))
    return texts(corpus), corpus


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_one_running_text(tmp_path: Path) -> None:
    path = written(tmp_path / "t.txt", "A\r\nB\rC\n")
    found, corpus = read(path)
    assert found == ["A\nB\nC\n"]
    assert texts(corpus) == found  # again, from the start
    assert (corpus.name, corpus.has_separate_documents, dict(corpus.skipped)) == (str(path), False, {})
    assert corpus.encodings == {str(path): "utf-8"}
    assert corpus.notes == ()
    assert read(path, keep_newlines=True, lowercase=True)[0] == ["a\r\nb\rc\n"]


def test_chunks_of_a_long_text_are_bounded_and_whole(tmp_path: Path) -> None:
    text = "ΑΣ é\r\nword " * 300_000
    path = written(tmp_path / "t.txt", text)
    (document,) = open_corpus(path, ReadingConfig(lowercase=True, normalize="NFD"))
    chunks = list(document.text.chunks)
    assert len(chunks) > 2
    assert all(0 < len(chunk) <= CHUNK_CHARACTERS for chunk in chunks)
    assert "".join(chunks) == unicodedata.normalize("NFD", text.replace("\r\n", "\n").lower())


def test_several_files_are_separate_documents_in_order(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "c.md"):
        written(tmp_path / name, name)
    written(tmp_path / "photo.png", b"\x89PNG\r\n\x1a\n" + bytes(50))
    written(tmp_path / "empty.txt", "")
    written(tmp_path / "table.csv", CSV)
    written(tmp_path / ".secret", "no")
    found, corpus = read(tmp_path)
    assert found == ["a.txt", "b.txt", "c.md"]
    assert corpus.has_separate_documents
    assert dict(corpus.skipped) == {
        "hidden file": 1,
        "binary file": 1,
        "empty file": 1,
        "table without `text`": 1,
    }
    found, corpus = read(tmp_path, text="text")
    assert found == ["Good.", "Bad."]
    assert corpus.skipped["file that is not a table"] == 5
    assert read([tmp_path / "c.md", tmp_path / "a.txt"])[0] == ["c.md", "a.txt"]
    assert not read(tmp_path / "*.md")[1].has_separate_documents


def test_a_folder_without_any_text_says_what_is_there(tmp_path: Path) -> None:
    written(tmp_path / "a.txt", "")
    written(tmp_path / "b.txt", " \n")
    with pytest.raises(SourceError, match=r"skipped: 1 empty file, 1 file of white space"):
        read(tmp_path)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress], ids=["gz", "zst"])
def test_packed_files_are_the_same_corpus(tmp_path: Path, pack: Any) -> None:
    plain = written(tmp_path / "t.csv", CSV)
    packed = written(tmp_path / "t.csv.gz", pack(CSV.encode()))
    reading = ReadingConfig(text="text")
    assert texts(open_corpus(packed, reading)) == ["Good.", "Bad."]
    assert open_corpus(packed, reading).fingerprint == open_corpus(plain, reading).fingerprint
    assert read(written(tmp_path / "t.zst", pack("Größe".encode())))[0] == ["Größe"]


ROWS = [{"text": "Good.", "stars": 5, "place": "a"}, {"text": "Bad.\nWorse.", "stars": 1.5, "place": "b"}]


def as_table(kind: str) -> bytes:
    if kind == "parquet":
        file = io.BytesIO()
        parquet.write_table(pa.Table.from_pylist(ROWS), file)
        return file.getvalue()
    if kind == "jsonl":
        return "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    delimiter = {"tsv": "\t", "semicolon": ";"}.get(kind, ",")
    lines = [["place", "text", "stars"]] + [[row["place"], _cell(row["text"], kind), str(row["stars"])] for row in ROWS]
    text = "\r\n".join(delimiter.join(map(str, line)) for line in lines)
    return text.encode("utf-16" if kind == "utf-16" else "utf-8")


def _cell(text: str, kind: str) -> str:
    return text.replace("\n", " ") if kind == "tsv" else f'"{text}"'


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *[("csv", "t.csv"), ("csv", "T.CSV"), ("tsv", "t.tsv"), ("semicolon", "t.csv"), ("utf-16", "t.csv")],
        *[("jsonl", "t.jsonl"), ("jsonl", "t.ndjson"), ("parquet", "t.parquet")],
        *[("csv", "t.txt"), ("tsv", "table"), ("jsonl", "t.json"), ("parquet", "t")],  # told from the content
    ],
)
def test_every_kind_of_table_gives_the_same_documents(tmp_path: Path, kind: str, name: str) -> None:
    path = written(tmp_path / name, as_table(kind))
    corpus = open_corpus(path, ReadingConfig(text="text", rating=("stars",), group="place"))
    found = [("".join(document.text.chunks), document.conditions, document.group) for document in corpus]
    bad = "Bad. Worse." if kind == "tsv" else "Bad.\nWorse."  # a cell of TSV has no line end
    assert found == [("Good.", {"stars": 5.0}, "a"), (bad, {"stars": 1.5}, "b")]
    assert corpus.has_separate_documents
    assert not corpus.skipped


@pytest.mark.parametrize(("kind", "name"), [("csv", "t.csv"), ("jsonl", "t.jsonl.gz"), ("parquet", "t.parquet")])
def test_a_table_wants_to_know_its_columns(tmp_path: Path, kind: str, name: str) -> None:
    content = as_table(kind)
    path = written(tmp_path / name, gzip.compress(content) if name.endswith(".gz") else content)
    with pytest.raises(SourceError, match=r"with `text` \(.*text.*\)"):
        open_corpus(path)
    with pytest.raises(SourceError, match=r"no column 'txt'.*stars.*did you mean 'text'"):
        open_corpus(path, ReadingConfig(text="txt"))
    with pytest.raises(SourceError, match="no column 'author'"):
        open_corpus(path, ReadingConfig(text="text", group="author"))


def test_text_that_is_no_table_says_so(tmp_path: Path) -> None:
    path = written(tmp_path / "t.txt", "Call me Ishmael.\n" * 3)
    with pytest.raises(SourceError, match="does not begin like a table with a column 'body'"):
        open_corpus(path, ReadingConfig(text="body"))
    with pytest.raises(SourceError, match="does not begin like a table"):
        open_corpus("python-docs", ReadingConfig(text="text"))


def test_ratings_are_judged_after_the_last_row(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", CSV)
    corpus = open_corpus(path, ReadingConfig(text="text", rating=("place",)))
    with pytest.raises(SourceError, match=r"'place' .* such as 'a' in row 1 of .*t\.csv"):
        texts(corpus)


def test_a_table_without_rows_holds_no_text(tmp_path: Path) -> None:
    corpus = open_corpus(written(tmp_path / "t.csv", "text,stars\n,5\n"), ReadingConfig(text="text"))
    with pytest.raises(SourceError, match=r"holds no text \(skipped: 1 row with empty text\)"):
        texts(corpus)


def test_half_a_surrogate_pair_costs_its_row_only(tmp_path: Path) -> None:
    path = written(tmp_path / "t.jsonl", '{"t": "\\ud83d\\ude00"}\n{"t": "\\ud83d"}\n{"t": "x"}\n')
    found, corpus = read(path, text="t")
    assert found == ["😀", "x"]
    assert corpus.skipped == {"row with half a surrogate pair": 1}


def test_records_of_a_text(tmp_path: Path) -> None:
    path = written(tmp_path / "t.txt", "ONE\r\n\r\n{two\r\n2}\r\n")
    assert read(path, records="line", lowercase=True)[0] == ["one", "{two", "2}"]
    assert read(path, records="blank")[0] == ["ONE", "{two\n2}"]
    assert read(path, records="blank", keep_newlines=True)[0] == ["ONE", "{two\r\n2}"]
    found, corpus = read(path, records="{}")
    assert found == ["two\n2"]
    assert corpus.has_separate_documents
    assert corpus.skipped == {"character outside the marks": 3}


def test_what_was_left_out_is_that_of_the_last_pass(tmp_path: Path) -> None:
    _, corpus = read(written(tmp_path / "t.txt", "a\n\nb"), records="line")
    for _ in range(2):
        texts(corpus)
        assert corpus.skipped == {"empty line": 1}


def test_the_fingerprint_follows_content_and_reading_only(tmp_path: Path) -> None:
    one, two, other = (written(tmp_path / name, text) for name, text in [("1", "same"), ("2", "same"), ("3", "Same")])
    same = open_corpus(one).fingerprint
    assert re.fullmatch("[0-9a-f]{64}", same)
    assert open_corpus(two).fingerprint == same
    others = {
        open_corpus(other).fingerprint,
        open_corpus(one, ReadingConfig(lowercase=True)).fingerprint,
        open_corpus(one, ReadingConfig(records="line")).fingerprint,
        open_corpus([one, two]).fingerprint,
        open_corpus([one, other]).fingerprint,
        open_corpus([other, one]).fingerprint,
    }
    assert len(others | {same}) == 7


def test_a_guessed_encoding_is_told_and_a_wrong_one_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "t.txt", "Die Größe der Äpfel, schön und süß.\n".encode("cp1252") * 9)
    _, corpus = read(path)
    assert corpus.encodings == {str(path): "cp1252"}
    assert "read as cp1252" in corpus.notes[0]
    assert read(path, encoding="latin-1")[1].notes == ()
    with pytest.raises(SourceError, match="0xF6 at byte 6 cannot be decoded"):
        read(path, encoding="utf-8")
    with pytest.raises(ConfigError, match="not a text encoding"):
        read(path, encoding="klingon")


def test_a_damaged_text_is_read_and_reported(tmp_path: Path) -> None:
    text = "Das ist schön.\n" * 50
    path = written(tmp_path / "t.txt", text.encode() + "schön".encode("cp1252"))
    documents, corpus = read(path)
    assert documents == [text + "sch\ufffdn"]
    assert corpus.encodings == {str(path): "utf-8"}
    (note,) = corpus.notes
    assert "is utf-8 text with 1 damaged place, read as U+FFFD (0xF6 at byte 803 cannot be decoded)" in note
    with pytest.raises(SourceError, match=r"t\.txt is utf-8 text with 1 damaged place .*: repair the file"):
        read(path, strict=True)
    table = written(tmp_path / "t.csv", b"text\n" + text.encode() + "schön".encode("cp1252"))
    documents, corpus = read(table, text="text")
    assert documents[-1] == "sch\ufffdn"
    assert corpus.notes == corpus.damage_notes != ()


def test_a_file_that_changes_under_the_reader_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "t.txt", "fine")
    corpus = open_corpus(path)
    written(path, b"\xff\xff")
    with pytest.raises(SourceError, match="changed while it was being read"):
        texts(corpus)


def test_standard_input_can_be_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO("größer".encode("utf-16"))))
    found, corpus = read("-")
    assert found == texts(corpus) == ["größer"]
    assert corpus.name == "standard input"


def test_the_spooled_copy_goes_when_python_ends(tmp_path: Path) -> None:
    code = "from seqloom.corpora import open_corpus; print(*open_corpus('-').encodings.values())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=b"text",
        capture_output=True,
        check=True,
        env={"TMPDIR": str(tmp_path)},
    )
    assert done.stdout == b"utf-8\n"
    assert list(tmp_path.iterdir()) == []


def test_importing_costs_no_heavy_package() -> None:
    heavy = [
        "torch",
        "numpy",
        "pyarrow",
        "pooch",
        "requests",
        "rich",
        "charset_normalizer",
        "zstandard",
        "pydoc_data",
    ]
    code = f"import sys, seqloom.corpora; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "[]\n"


def test_exported_names_are_there() -> None:
    assert sorted(seqloom.corpora.__all__) == seqloom.corpora.__all__
    for name in seqloom.corpora.__all__:
        assert getattr(seqloom.corpora, name).__doc__ or name == "Condition"


def test_the_built_in_corpus() -> None:
    found, corpus = read("python-docs")
    assert len(found[0]) > 400_000
    assert not corpus.has_separate_documents
    assert corpus.fingerprint == open_corpus("python-docs").fingerprint


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("twice.txt.gz", gzip.compress(gzip.compress(b"some text " * 50)), "compressed with gzip, perhaps twice"),
        ("old.lzma", lzma.compress(b"some text " * 50, format=lzma.FORMAT_ALONE), "compressed with lzma"),
    ],
    ids=["gzip", "lzma"],  # the content has the time, and all workers must collect the same names
)
def test_what_is_still_compressed_is_said(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=f"is not text: it is {kind}"):
        open_corpus(tmp_path / name)


@pytest.mark.parametrize("content", ["[]", "", '[{"text": "a"}]\n[{"text": "b"}]\n'])
def test_a_table_without_rows_is_said(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.json").write_text(content, encoding="utf-8")
    with pytest.raises(SourceError, match=r"has no rows, or none that can be read, and so no column 'text'|is empty"):
        open_corpus(tmp_path / "t.json", ReadingConfig(text="text"))
