from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from seqloom.corpora.formats.parquet import parquet_columns, parquet_rows
from seqloom.errors import SourceError


def test_rows_come_in_order_across_batches(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    texts = [f"review {number}" for number in range(5000)]
    table = pa.table(
        {"text": texts, "stars": [number % 5 if number % 7 else None for number in range(5000)], "x": texts}
    )
    parquet.write_table(table, path, row_group_size=1500)
    assert parquet_columns(path) == ["text", "stars", "x"]
    rows = list(parquet_rows(path, ["text", "stars", "text"]))
    assert [number for number, _ in rows] == list(range(1, 5001))
    assert [cells["text"] for _, cells in rows] == texts
    assert [cells["stars"] for _, cells in rows] == table["stars"].to_pylist()
    assert set(rows[0][1]) == {"text", "stars"}


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(100) + b"PAR1", b"text"])
def test_what_is_no_parquet_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="as Parquet"):
        parquet_columns(path)


def test_damage_inside_is_one_plain_line(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    parquet.write_table(pa.table({"text": ["word " * 50] * 3000}), path, use_dictionary=False, compression="gzip")
    content = bytearray(path.read_bytes())
    content[30:300] = bytes(270)
    path.write_bytes(content)
    with pytest.raises(SourceError, match="as Parquet"):
        list(parquet_rows(path, ["text"]))
