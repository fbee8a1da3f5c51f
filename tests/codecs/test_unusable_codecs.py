"""A codec of another distribution that cannot be used is refused before anything is trained or replaced."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqloom
from seqloom.codecs.base import Encoded
from seqloom.codecs.chars import CharCodec
from seqloom.errors import CodecError, ConfigError
from seqloom.registry import CODECS


class UnreadableCodec(CharCodec):
    level = "bad"

    @classmethod
    def from_json(cls, stored: Any) -> "UnreadableCodec":
        raise KeyError("symbols")


class OtherLevelCodec(CharCodec):
    level = "char"

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "level": None}


class ArrayCodec(CharCodec):
    level = "bad"

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "weights": np.zeros(2)}


class WrongBoundaryCodec(CharCodec):
    level = "bad"

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.boundary = 999


class NoUnitsCodec(CharCodec):
    level = "bad"
    units_per_token = np.zeros(3, np.int64)  # type: ignore[assignment]


class WrongIdsCodec(CharCodec):
    level = "bad"
    wrong_ids: Any = np.array([0, -1])

    def encode(self, payload: Any) -> Iterator[Encoded]:
        yield from (Encoded(self.wrong_ids, encoded.num_units) for encoded in super().encode(payload))


class FloatIdsCodec(WrongIdsCodec):
    wrong_ids = np.array([0.5, 1])


class LargeIdsCodec(WrongIdsCodec):
    wrong_ids = np.array([0, 1000])


@pytest.mark.parametrize(
    ("codec", "message"),
    [
        (UnreadableCodec, r"cannot be stored with a run \(KeyError: 'symbols'\)"),
        (OtherLevelCodec, "cannot be stored with a run .*its level is None"),
        (ArrayCodec, "cannot be stored with a run .*JSON serializable"),
        (WrongBoundaryCodec, r"its boundary is 999, which is not an id from 0 to \d+"),
        (NoUnitsCodec, r"units_per_token has the shape \(3,\); it needs one number for each of the \d+ ids"),
        (WrongIdsCodec, r"int64 numbers such as \[0, -1\]: a token id must be a whole number from 0 to"),
        (FloatIdsCodec, "float64 numbers"),
        (LargeIdsCodec, r"such as \[0, 1000\]"),
    ],
)
def test_it_is_refused_and_the_run_is_kept(
    codec: type, message: str, text_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CODECS.built_in, "bad", f"{__name__}:{codec.__name__}")
    (tmp_path / "run").mkdir()
    with pytest.raises(CodecError, match=message):
        seqloom.train(text_file, run=tmp_path / "run", level="bad", steps=1, hidden_size=4, overwrite=True)
    assert not list((tmp_path / "run").iterdir())


@pytest.mark.parametrize("fault", ["raise RuntimeError('no licence')", "import sys; sys.exit(3)", "def"])
def test_a_module_that_fails_is_one_error(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from seqloom.registry import Registry, resolve

    (tmp_path / "broken_part.py").write_text(fault, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    registry = Registry({}, "seqloom.codecs")
    monkeypatch.setattr(Registry, "_plugins", lambda self: {"broken": "broken_part:Codec"})
    with pytest.raises(ConfigError, match="the level 'broken' cannot be imported from broken_part:Codec: "):
        resolve("level", "broken", registry)
