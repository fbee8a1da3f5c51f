"""A table that is interrupted goes on, and only with what it was made of."""

import csv
import os
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from seqloom.corpora.augment_table import annotate
from seqloom.corpora.resumable_table import resumable_table
from seqloom.errors import ConfigError

ROWS = 1300


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "table.csv"
    with open(file, "w", encoding="utf-8", newline="") as to:
        writer = csv.writer(to)
        writer.writerow(["number", "text"])
        writer.writerows([number, f'line one,\n"quoted" {number}'] for number in range(ROWS))
    return file


def add(table: Path, output: Path, *, fails_at: int | None = None, asked: list[str] | None = None, **settings) -> int:
    seen = [] if asked is None else asked

    def lengths(texts, _):
        if fails_at is not None and len(seen) + len(texts) > fails_at:
            raise KeyboardInterrupt
        seen.extend(texts)
        return [{"length": len(text)} for text in texts]

    return annotate(table, "text", output, {"length": int}, lengths, Counter(), **{"resume": False, **settings})


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_it_goes_on_where_it_stopped(table, tmp_path, ending):
    whole, output = tmp_path / f"whole.{ending}", tmp_path / f"out.{ending}"
    assert add(table, whole) == ROWS
    with pytest.raises(KeyboardInterrupt):
        add(table, output, fails_at=1100)
    assert not output.exists()
    asked: list[str] = []
    assert add(table, output, resume=True, asked=asked) == ROWS
    assert len(asked) == ROWS - 1024
    assert output.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["table.csv", whole.name, output.name])


def test_half_a_row_that_was_written_is_written_anew(table, tmp_path):
    output = tmp_path / "out.csv"
    with pytest.raises(KeyboardInterrupt):
        add(table, output, fails_at=600)
    with open(tmp_path / ".out.csv.part", "a", encoding="utf-8") as part:
        part.write('512,"half a row')
    assert add(table, output, resume=True) == ROWS
    with open(output, encoding="utf-8", newline="") as file:
        assert [int(row["number"]) for row in csv.DictReader(file)] == list(range(ROWS))


def test_what_was_begun_is_neither_lost_nor_mixed_with_something_else(table, tmp_path):
    output = tmp_path / "out.csv"
    with pytest.raises(ConfigError, match=r"no interrupted write of"):
        add(table, output, resume=True)
    with pytest.raises(KeyboardInterrupt):
        add(table, output, fails_at=600, settings={"prior": 0.5})
    with pytest.raises(ConfigError, match="`resume` to continue, or `overwrite`"):
        add(table, output, settings={"prior": 0.5})
    with pytest.raises(ConfigError, match="other settings"):
        add(table, output, resume=True, settings={"prior": 0.1})
    assert add(table, output, resume=True, settings={"prior": 0.5}) == ROWS


def test_begun_anew_where_that_is_asked_for(table, tmp_path):
    output = tmp_path / "out.csv"
    with pytest.raises(KeyboardInterrupt):
        add(table, output, fails_at=600)
    asked: list[str] = []
    assert add(table, output, overwrite=True, asked=asked) == ROWS
    assert len(asked) == ROWS


def test_two_calls_do_not_write_one_file(tmp_path):
    output = tmp_path / "out.csv"
    with resumable_table(output, {}, resume=False, overwrite=False) as first:
        first.file.write(b"one\n")
        first.commit(1, {})
        for resume in (True, None):
            with (
                pytest.raises(ConfigError, match="is being written by another command"),
                resumable_table(output, {}, resume=resume, overwrite=True),
            ):
                pytest.fail("two write at once")
        first.file.write(b"two\n")
    assert output.read_text() == "one\ntwo\n"


def begin(output: Path, text: str, *, rows: int, overwrite: bool) -> None:
    """Write a text and commit some rows of it, and be interrupted."""
    with resumable_table(output, {}, resume=False, overwrite=overwrite) as writing:
        writing.file.write(text.encode())
        writing.file.flush()
        if rows:
            writing.commit(rows, {})
        raise KeyboardInterrupt


def test_a_discarded_write_leaves_no_journal_for_the_next_one(tmp_path):
    output = tmp_path / "out.csv"
    with pytest.raises(KeyboardInterrupt):
        begin(output, "complete\n", rows=1, overwrite=False)
    with pytest.raises(KeyboardInterrupt):
        begin(output, "never committed\n", rows=0, overwrite=True)
    with resumable_table(output, {}, resume=True, overwrite=False) as writing:
        assert writing.num_rows == 0
        writing.file.write(b"written again\n")
    assert output.read_text() == "written again\n"


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("source", ["csv", "parquet"])
def test_a_resumed_call_counts_in_the_whole_table(tmp_path, source, ending):
    table = tmp_path / f"in.{source}"
    texts = ["" if number % 100 == 7 else f"text {number}" for number in range(ROWS)]
    if source == "csv":
        broken = [f"{number},{text}\n" + ("broken\n" if number % 400 == 0 else "") for number, text in enumerate(texts)]
        table.write_text("number,text\n" + "".join(broken))
    else:
        parquet.write_table(pa.table({"number": range(ROWS), "text": texts}), table)

    def write(output: Path, *, fails_at: int = ROWS, resume: bool = False) -> dict[str, int]:
        tally: Counter[str] = Counter()
        seen: list[str] = []

        def compute(texts, tally):
            if len(seen) + len(texts) > fails_at:
                raise KeyboardInterrupt
            seen.extend(texts)
            tally["odd text"] += sum(text.endswith("1") for text in texts)
            return [{"length": len(text)} for text in texts]

        annotate(table, "text", output, {"length": int}, compute, tally, resume=resume)
        return dict(tally)

    whole = write(tmp_path / f"whole.{ending}")
    assert whole == {
        "row with empty text": 13,
        "odd text": 130,
        **({"row with too few cells": 4} if source == "csv" else {}),
    }
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / f"out.{ending}", fails_at=1100)
    assert write(tmp_path / f"out.{ending}", resume=True) == whole
    assert (tmp_path / f"out.{ending}").read_bytes() == (tmp_path / f"whole.{ending}").read_bytes()


@pytest.mark.parametrize("damage", ["rows", "journal", "pipe", "other program"])
def test_a_damaged_interrupted_write_is_refused(table: Path, tmp_path: Path, damage: str) -> None:
    """A changed byte of the rows, or other numbers in the journal, gave a wrong table."""
    output = tmp_path / "out.csv"
    with pytest.raises(KeyboardInterrupt):
        add(table, output, fails_at=1100)
    part, journal = tmp_path / ".out.csv.part", tmp_path / ".out.csv.part.json"
    if damage == "rows":
        part.write_bytes(part.read_bytes().replace(b"1", b"2", 1))
    elif damage == "journal":
        journal.write_text(journal.read_text().replace('"rows": 1024', '"rows": 1023'))
    elif damage == "pipe":
        journal.unlink()
        os.mkfifo(journal)
    else:
        journal.write_text("{}")
    with pytest.raises(ConfigError, match="is damaged, of another table"):
        add(table, output, resume=True)
    assert add(table, output, overwrite=True) == ROWS
    assert [path.name for path in tmp_path.glob(".out*")] == []


@pytest.mark.parametrize("before", [None, "old\n"])
def test_a_file_that_appears_during_a_write_stays(table: Path, tmp_path: Path, before: str | None) -> None:
    output = tmp_path / "out.csv"
    if before is not None:
        output.write_text(before)
    with pytest.raises(KeyboardInterrupt):
        add(table, output, fails_at=1100, overwrite=before is not None)
    assert (output.read_text() if before is not None else None) == before
    output.write_text("another program wrote this\n")
    with pytest.raises(ConfigError, match="was created or changed after its write began"):
        add(table, output, resume=True)
    assert output.read_text() == "another program wrote this\n"
    assert add(table, output, resume=True, overwrite=True) == ROWS


def test_a_file_that_is_written_during_the_last_rows_stays(tmp_path: Path) -> None:
    output = tmp_path / "out.csv"

    def write_while_another_does() -> None:
        with resumable_table(output, {}, resume=False, overwrite=False) as writing:
            writing.file.write(b"row\n")
            writing.commit(1, {})
            output.write_text("own")

    with pytest.raises(ConfigError, match="was created or changed after its write began"):
        write_while_another_does()
    assert output.read_text() == "own"
    output.unlink()
    with resumable_table(output, {}, resume=True, overwrite=False):
        pass
    assert output.read_text() == "row\n"


@pytest.mark.parametrize("kind", ["file", "link", "hard link"])
def test_a_file_with_the_name_of_a_part_stays(table: Path, tmp_path: Path, kind: str) -> None:
    part, own = tmp_path / ".out.csv.part", tmp_path / "own.csv"
    own.write_text("own")
    if kind == "file":
        own.rename(part)
    elif kind == "link":
        part.symlink_to(own)
    else:
        with pytest.raises(KeyboardInterrupt):
            add(table, tmp_path / "out.csv", fails_at=1100)
        part.unlink()
        part.hardlink_to(own)
    for settings in ({"overwrite": True}, {"overwrite": True, "resume": None}):
        with pytest.raises(ConfigError, match="is in the way, but seqloom did not write it"):
            add(table, tmp_path / "out.csv", **settings)
    assert part.read_text() == "own"


def test_another_command_does_not_discard_an_interrupted_write(table: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    with pytest.raises(KeyboardInterrupt):
        add(table, output, fails_at=1100)
    with pytest.raises(ConfigError, match="has an interrupted write"):
        add(table, output, resume=None)
    assert add(table, output, resume=True) == ROWS


def test_an_output_that_is_a_circle_of_links_is_refused(table: Path, tmp_path: Path) -> None:
    (tmp_path / "out.csv").symlink_to(tmp_path / "other.csv")
    (tmp_path / "other.csv").symlink_to(tmp_path / "out.csv")
    with pytest.raises(ConfigError, match="leads in a circle"):
        add(table, tmp_path / "out.csv", overwrite=True)
