"""Newest weights, also after files that cannot be used."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest

from seqloom.errors import RunError
from seqloom.serving import reloading
from seqloom.serving.reloading import Reloader
from seqloom.serving.served_models import ServedModels


class Model:
    """A served model whose version is the content of a file."""

    def __init__(self, path: Path) -> None:
        self.content = path.read_text(encoding="utf-8")
        self.num_jobs, self.is_closed = 0, False
        self.run = SimpleNamespace(folder=path)
        self.version = SimpleNamespace(is_newest=lambda path: path.read_text(encoding="utf-8") == self.content)

    def close(self) -> None:
        self.is_closed = True


def test_a_fault_of_one_run_ends_no_reloading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reloading, "_SECONDS_BETWEEN_LOOKS", 0.001)
    monkeypatch.setattr(reloading, "_SECONDS_TO_PREPARE", 0.0)
    paths = {name: tmp_path / name for name in ("a", "b")}
    for path in paths.values():
        path.write_text("1", encoding="utf-8")
    models = ServedModels({name: Model(path) for name, path in paths.items()})  # type: ignore[misc]
    first = dict(models.by_name)
    warnings: list[str] = []

    def reopened(served: Model) -> Model:
        model = Model(served.run.folder)
        if model.content == "damaged":
            raise ValueError("no number")
        if model.content == "half":
            raise RunError("half-written")
        return model

    async def look() -> None:
        reloader = Reloader(models, reopened, warnings.append)  # type: ignore[arg-type]
        task = asyncio.create_task(reloader.run())
        for content in ("damaged", "half", "2"):
            paths["a"].write_text(content, encoding="utf-8")
            while len(warnings) < {"damaged": 1, "half": 2, "2": 2}[content]:
                await asyncio.sleep(0.001)
        paths["b"].write_text("3", encoding="utf-8")
        while {name: model.content for name, model in models.by_name.items()} != {"a": "2", "b": "3"}:  # type: ignore[attr-defined]
            await asyncio.sleep(0.001)
        first["b"].num_jobs = 0  # type: ignore[misc]
        while not all(model.is_closed for model in first.values()):  # type: ignore[attr-defined]
            await asyncio.sleep(0.001)
        task.cancel()
        reloader.close()

    asyncio.run(look())
    assert [line.rpartition(": ")[2] for line in warnings] == ["no number", "half-written"]
    assert all(model.is_closed for model in models.by_name.values())  # type: ignore[attr-defined]
