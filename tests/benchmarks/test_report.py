"""The page: made from saved results, in parts, and with what failed named."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

WORKS = '''"""Does it work?"""
import json, sys
print("| a | b |")
open(sys.argv[sys.argv.index("--json") + 1], "w").write(json.dumps({"number": 3}))
'''
FAILS = '''"""Does it fail?"""
print("| one row |")
raise SystemExit("the disk is full")
'''


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import report

    for name, script in (("works", WORKS), ("fails", FAILS)):
        (tmp_path / f"{name}.py").write_text(script, encoding="utf-8")
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(report, "BENCHMARKS", {name: (str(tmp_path / f"{name}.py"),) for name in ("works", "fails")})
    yield report
    for name in ("report", "summary", "quality", "peers", "peers.environments"):
        sys.modules.pop(name, None)


def run(report: ModuleType, monkeypatch: pytest.MonkeyPatch, page: Path, *flags: str) -> str:
    monkeypatch.setattr(sys, "argv", ["report.py", *flags, "-o", str(page)])
    report.main()
    return page.read_text(encoding="utf-8")


def test_a_failure_is_a_row_and_the_others_go_on(
    report: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = run(report, monkeypatch, tmp_path / "page.md")
    assert "## works: Does it work?" in page
    assert "| a | b |" in page
    assert "| one row |" in page
    assert "This benchmark failed: the disk is full" in page
    assert json.loads((tmp_path / "results" / "works.json").read_text())["found"] == {"number": 3}


def test_the_other_sections_stay_when_one_is_measured_again(
    report: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    run(report, monkeypatch, page)
    (tmp_path / "fails.py").write_text('"""Does it fail?"""\nprint("| mended |")\n', encoding="utf-8")
    (tmp_path / "works.py").unlink()
    monkeypatch.setattr(report, "question", lambda script: "?")
    again = run(report, monkeypatch, page, "--only", "fails")
    assert "| mended |" in again
    assert "| a | b |" in again
    assert "failed" not in again


def test_every_benchmark_is_there_and_asks_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import report

    for script, *_ in report.BENCHMARKS.values():
        assert report.question(script).endswith("?")
