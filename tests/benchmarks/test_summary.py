"""The report's first table: what it computes from recorded measurements, and what it says of those that are missing."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def summary(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import summary

    yield summary
    for name in ("summary", "quality"):
        sys.modules.pop(name, None)


def line(summary: ModuleType, found: dict[str, Any], question: str) -> list[str]:
    """The cells of the one line that asks a question."""
    lines = [line for line in summary.table(found) if line.startswith(f"| {question} |")]
    assert len(lines) == 1
    return [cell.strip() for cell in lines[0].strip("|").split("|")]


STEP = {
    "tokens_per_second": {
        "torch float32": 100_000.0,
        "torch bfloat16": 150_000.0,
        "torch float32 restricted to AVX2": 80_000.0,
        "JAX scan float32": 30_000.0,
        "amx": 480_000.0,
        "avx2": 130_000.0,
    },
    "operations_per_token": 500_000,
    "products_per_second": {"bfloat16": 400e9, "float32": 150e9},
}


def test_a_step_is_compared_with_the_better_of_the_two_eager_peers(summary: ModuleType) -> None:
    found = {"training_step": {"128, 32 x 64": STEP}}
    _, _, measured, ratio, verdict = line(
        summary, found, "training step LSTM(128), 32 x 64, compared with the faster nn.LSTM"
    )
    assert "torch bfloat16 150,000" in measured
    assert "60% of the bound" in measured  # 480,000 x 500,000 of 400e9
    assert ratio.startswith("3.20x")
    assert "16.00x JAX scan" in ratio
    assert verdict == "met"


def test_avx2_is_held_to_both_settings_of_torch(summary: ModuleType) -> None:
    found = {"training_step": {"128, 32 x 64": STEP}}
    as_it_is = line(summary, found, "AVX2: training step LSTM(128), compared with nn.LSTM")
    held = line(summary, found, "AVX2: training step LSTM(128), compared with nn.LSTM restricted to AVX2")
    assert as_it_is[3:] == ["1.30x", "missed"]
    assert held[3:] == ["1.62x", "met"]


def test_the_median_of_the_seeds_counts_by_the_protocol_of_the_row(summary: ModuleType) -> None:
    each = [{"nats": 1.40, "blocks_256": nats, "seconds": 600.0} for nats in (1.47, 1.50, 1.51)]
    found = {"quality_ten_minutes": {"shakespeare-600s": each}}
    assert line(summary, found, "shakespeare after 10 min, blocks of 256")[2:] == [
        "1.5000 nats after 600.0 s",
        "",
        "missed",
    ]


@pytest.mark.parametrize(
    ("nats", "seconds", "verdict"), [(1.53, 4.0, "met"), (1.53, 4.5, "missed"), (1.55, 4.0, "missed")]
)
def test_keras_is_a_hundred_times_slower_to_the_same_nats(
    summary: ModuleType, nats: float, seconds: float, verdict: str
) -> None:
    found = {"quality": {"nietzsche-4s": [{"nats": nats, "seconds": seconds}]}}
    assert line(summary, found, "nietzsche lower-cased to 1.541 nats")[4] == verdict


@pytest.mark.parametrize(("memory", "verdict"), [(36.0, "met"), (60.0, "missed")])
def test_memory_that_grows_with_the_file_is_not_flat(summary: ModuleType, memory: float, verdict: str) -> None:
    whole = {"store": 250.0, "both": 130.0, "anonymous_megabytes": memory}
    found = {
        "encode": {
            "char": whole,
            "char, a tenth of the file": {"anonymous_megabytes": 34.0},
            "read and decode only": {"both": 500.0},
        }
    }
    assert line(summary, found, "a 1 GB file to the token store, characters")[4] == verdict


def test_a_start_that_imports_torch_is_missed_however_quick(summary: ModuleType) -> None:
    rows = {name: {"seconds": 0.1, "imports_torch": False} for name in ("python, nothing", "python, import torch")}
    rows["seqloom generate, first character"] = {"seconds": 0.3, "imports_torch": True}
    assert line(summary, {"cold_start": rows}, "`seqloom generate`, cold start to the first character")[4] == "missed"


def test_what_was_not_measured_is_said_and_not_counted(summary: ModuleType) -> None:
    lines = summary.table({})
    assert lines[0].startswith("0 of the 0")
    assert len([line for line in lines if "| not measured |" in line]) == len(summary.TARGETS)
