"""Peers in processes of their own: they take turns, and one that fails leaves the others alone."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

GOOD = "print(0.0, flush=True)\nfor line in open(0): print(2 * float(line), flush=True)"
LATE = "import time; time.sleep(60)"
BROKEN = "raise ValueError('no such thing')"
DIES = "print(0.0, flush=True)\ninput()\nraise RuntimeError('gone')"


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(BENCHMARKS / "peers"))
    import processes

    yield processes
    sys.modules.pop("processes", None)


def test_failures_are_named_and_the_rest_is_measured(processes: ModuleType, tmp_path: Path) -> None:
    scripts = {"good": GOOD, "broken": BROKEN, "dies": DIES}
    for name, script in scripts.items():
        (tmp_path / name).write_text(script, encoding="utf-8")
    ways = {name: lambda name=name: processes.PeerProcess(sys.executable, str(tmp_path / name)) for name in scripts}
    ways["ours"] = lambda: lambda seconds: 7.0
    found, failed = processes.in_turn(ways, 3, 0.25)
    assert found == {"good": 0.5, "ours": 7.0}
    assert failed == {"broken": "ValueError: no such thing", "dies": "RuntimeError: gone"}


def test_one_that_never_gets_ready_is_given_up(processes: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "late").write_text(LATE, encoding="utf-8")
    with pytest.raises(processes.PeerError, match="no answer within"):
        processes.PeerProcess(sys.executable, str(tmp_path / "late"), patience_seconds=0.3)


@pytest.mark.parametrize("work", ["training", "writing"])
def test_torch_answers_with_rates(work: str) -> None:
    script = BENCHMARKS / "peers" / "torch_lstm.py"
    command = [sys.executable, str(script), work, "--sizes", "8", "--lanes", "2", "--window", "3"]
    done = subprocess.run(command, input="0.01\n0.01\n", capture_output=True, text=True, check=True)
    ready, *rates = map(float, done.stdout.split())
    assert ready == 0
    assert len(rates) == 2
    assert min(rates) > 0
