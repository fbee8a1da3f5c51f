"""The training log: appended lines, and what is left of it after a resumption."""

import pytest

from seqloom.errors import SeqloomError
from seqloom.runs.layout import RunFolder
from seqloom.runs.log import LogWriter


def test_lines_of_later_steps_and_a_cut_line_are_removed(tmp_path):
    folder = RunFolder(tmp_path)
    first = LogWriter(folder, 0)
    for step in (10, 20, 30):
        first.write(step=step, loss=1 / step)
    with open(folder.log_file, "a") as file:
        file.write('{"step": 40, "lo')
    resumed = LogWriter(folder, 20)
    assert [line["step"] for line in folder.read_log()] == [10, 20]
    resumed.write(step=30, loss=0.5, seconds=2.0)
    assert folder.read_log()[-1] == {"step": 30, "loss": 0.5, "seconds": 2.0}


def test_a_log_that_cannot_be_written_is_one_line(tmp_path):
    log = LogWriter(RunFolder(tmp_path), 0)
    (tmp_path / "log.jsonl").unlink()
    (tmp_path / "log.jsonl").mkdir()
    with pytest.raises(SeqloomError, match=r"cannot write .*log\.jsonl.*`resume`"):
        log.write(step=1, loss=0.0)
