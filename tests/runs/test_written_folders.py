"""Folders that seqloom has written are recognised by the names of the files that their writers use."""

from pathlib import Path

from seqloom.corpora.sources import _OUTPUT_FILES
from seqloom.critic.storage import CRITIC
from seqloom.detector.storage import DETECTOR
from seqloom.runs.layout import RunFolder


def test_the_files_are_those_of_the_writers() -> None:
    run = RunFolder(Path("run"))
    assert set(_OUTPUT_FILES) == {
        (run.config_file.name, run.codec_file.name),
        (run.gan_request_file.name, run.gan_state_file.parent.name),
        (CRITIC.settings_file, CRITIC.arrays_file),
        (DETECTOR.settings_file, DETECTOR.arrays_file),
        ("store.json", "records.bin"),
    }
