"""A sample of the hostile files, at a hundredth of their size."""

from pathlib import Path

import pytest

from benchmarks import hostile_files

FILES = {hostile.name: hostile for hostile in hostile_files.FILES}


@pytest.mark.parametrize(
    "name",
    [
        "gzip above --max-size",
        "zstandard with a window of 2 GiB",
        "JSON, nested",
        "CSV with an open quote",
    ],
)
def test_a_hostile_source_is_refused_within_bounds(tmp_path: Path, name: str) -> None:
    outcome = hostile_files.run_command(FILES[name].write(tmp_path, 10_000))
    assert outcome.status == 2, outcome.line
    assert outcome.peak_bytes < hostile_files.MAX_BYTES
    assert outcome.longest_line < hostile_files.MAX_LINE
