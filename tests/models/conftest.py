import pytest

from seqloom.registry import CORES, HEADS


@pytest.fixture(autouse=True)
def toy_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the core and the head of the examples as "toy"."""
    monkeypatch.setitem(CORES.built_in, "toy", "examples.extensions.tanh_rnn:TANH_RNN")
    monkeypatch.setitem(HEADS.built_in, "toy", "examples.extensions.mixture_head:MIXTURE")
