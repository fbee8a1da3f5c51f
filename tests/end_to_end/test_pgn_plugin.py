"""The example of a plug-in: chess games in PGN, found by the entry points that its pyproject.toml declares."""

import random
import sys
import tomllib
from pathlib import Path

import pytest

import seqloom
from seqloom.cli.app import call

EXAMPLE = Path(__file__).parents[2] / "examples" / "pgn"
OPENINGS = ("1. e4 e5 2. Nf3 Nc6 3. Bb5 a6", "1. d4 d5 2. c4 e6 3. Nc3 Nf6", "1. e4 c5 2. Nf3 d6 3. d4 cxd4")
SETTINGS = {"steps": 80, "hidden_size": 24, "layers": 1, "batch_size": 4, "sequence_length": 8, "threads": 1}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the example as a package manager would: its module and the list of its entry points."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    site = tmp_path / "site"
    info = site / f"seqloom_pgn-{project['version']}.dist-info"
    info.mkdir(parents=True)
    groups = (
        f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in points.items())
        for group, points in project["entry-points"].items()
    )
    (info / "entry_points.txt").write_text("\n".join(groups))
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    (site / "seqloom_pgn.py").write_text((EXAMPLE / "seqloom_pgn.py").read_text())
    monkeypatch.syspath_prepend(str(site))
    yield tmp_path
    sys.modules.pop("seqloom_pgn", None)


def test_games_are_trained_on_and_written(installed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    choose = random.Random(0)
    games = (f'[Event "{number}"]\n\n{choose.choice(OPENINGS)} {{good}} 1-0\n' for number in range(60))
    (installed / "games.pgn").write_text("\n".join(games) + '\n[Event "odd"]\n\n1. what is this\n')
    run = seqloom.train(installed / "games.pgn", run=installed / "run", progress=False, **SETTINGS)
    assert run.config.level == "moves"
    assert run.evaluate().unit == "move"
    assert run.generate("d4 d5", length=2, temperature=0).split() == ["c4", "e6"]
    words = ["generate", str(installed / "run"), "--prompt", "e4 c5", "-t", "0", "-o", str(installed / "new.pgn")]
    assert call(words) == 0
    assert (installed / "new.pgn").read_text() == '[Event "generated"]\n\n1. e4 c5 2. Nf3 d6 3. d4 cxd4 *\n'
    (installed / "bad.pgn").write_text("no games")
    assert call(["train", str(installed / "bad.pgn"), "--run", str(installed / "none")]) == 2
    assert "bad.pgn has no chess game in PGN" in capsys.readouterr().err
