from typing import Any, cast

import pytest

from seqloom.registry import CORES, HEADS


@pytest.fixture(autouse=True)
def toy_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register a core and a head that only these tests have."""
    monkeypatch.setitem(cast(dict[str, Any], CORES), "toy", "tests.models.toy_parts:TANH_RNN")
    monkeypatch.setitem(cast(dict[str, Any], HEADS), "toy", "tests.models.toy_parts:LOW_RANK")
