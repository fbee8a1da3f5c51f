"""A sample of the faults of `benchmarks/fault_injection.py`: nothing is lost or mixed, and nothing is left over."""

import itertools
import os
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
try:
    import fault_commands
    import fault_injection
finally:
    sys.path.remove(str(BENCHMARKS))

SAMPLED = [command for command in fault_commands.COMMANDS if command.num_sampled]

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the faults are injected into forked processes")


@pytest.mark.parametrize("command", SAMPLED, ids=[command.name for command in SAMPLED])
def test_a_fault_loses_and_mixes_nothing(command, tmp_path, monkeypatch):
    monkeypatch.setenv("SEQLOOM_CACHE", "replaced by the benchmark")

    def spread(num_operations):
        numbers = np.linspace(0, num_operations - 1, command.num_sampled).round().astype(int).tolist()
        return zip(itertools.cycle(fault_injection.FAULTS), numbers)

    count, outcomes, failures = fault_injection.measure(command, tmp_path.resolve(), spread)
    assert not failures, "\n".join(failures)
    assert count >= command.num_sampled == outcomes.total()


def test_a_mix_of_old_and_new_files_is_noticed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = fault_commands.replace(fault_commands._CRITIC, use=lambda: None, has_own_files=False)
    folder.path.mkdir()
    before, after = {"a": "1", "b": "2"}, {"a": "3", "b": "4"}
    hashes = {"old": before, "new": after, "mixed": {"a": "3", "b": "2"}}
    for outcome, now in hashes.items():
        monkeypatch.setattr(fault_commands, "snapshot", lambda _path, now=now: now)
        if outcome == "mixed":
            with pytest.raises(AssertionError, match="old and new files are mixed"):
                folder.check(before, after)
        else:
            changed = fault_commands.replace(folder, identity=("a", "b"))
            assert changed.check(before, after) == outcome
