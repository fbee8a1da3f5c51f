"""What the precisions of generation cost a model that was really trained."""

from pathlib import Path

import numpy as np
import pytest

import seqloom
from seqloom.api import Run
from seqloom.corpora import open_corpus
from seqloom.errors import ConfigError
from seqloom.kernels import native_decoder
from seqloom.kernels.library import available_kernels, chosen_kernels

pytestmark = pytest.mark.skipif(chosen_kernels() is None, reason="the compiled kernels are not there, or off")


@pytest.fixture(scope="module", params=["lstm", "gru"])
def learned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that has learned the built-in text for some seconds."""
    folder = tmp_path_factory.mktemp("learned")
    text = "".join(chunk for document in open_corpus("python-docs") for chunk in document.text.chunks)[:120_000]
    (folder / "text.txt").write_text(text, encoding="utf-8")
    return seqloom.train(
        folder / "text.txt", run=folder / "run", steps=400, hidden_size=64, core=request.param, hold_out=0.1, seed=1
    )


def nats_per_token(run: Run, precision: str | None) -> float:
    """Of half of the held-out tenth, read in 16 lanes."""
    text = Path(run.config.sources[0]).read_text(encoding="utf-8")
    ids = np.resize(run.codec.encode_text(text[-6_000:]), (16, 375)).astype(np.int32)
    decoder = native_decoder(run.config.model, run.weights, precision)
    assert decoder is not None
    lanes, nats = decoder.streams(16), []
    for now, following in zip(ids.T, ids.T[1:], strict=False):
        lanes.step(now)
        logits = np.array([lanes.logits(lane) for lane in range(16)], np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        nats.append(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(16), following])
    return float(np.mean(nats))


@pytest.mark.parametrize("kernels", available_kernels())
def test_held_out_loss_moves_by_less_than_two_thousandths(learned, kernels, monkeypatch):
    monkeypatch.setenv("SEQLOOM_KERNELS", kernels)
    exact = nats_per_token(learned, "float32")
    assert exact < 2.9  # a guess costs 4.5
    for precision in ("bfloat16", "int8", None):
        assert abs(nats_per_token(learned, precision) - exact) < 0.002


def test_precision_is_a_setting_of_generation(learned):
    texts = {
        precision: learned.generate("The ", length=40, seed=1, precision=precision) for precision in ("float32", "int8")
    }
    assert all(len(text) == 40 for text in texts.values())
    assert learned.generate("The ", length=40, seed=1, precision="int8") == texts["int8"]
    with pytest.raises(ConfigError, match="`precision` got 'half'"):
        learned.generate(precision="half")


def test_info_says_which_kernels_write(learned, monkeypatch):
    assert "int8 (generation)" in learned.info()["kernel"] or "bfloat16 (generation)" in learned.info()["kernel"]
    monkeypatch.setenv("SEQLOOM_KERNELS", "off")
    assert learned.info()["kernel"].startswith("numpy (generation)")
    with pytest.raises(ConfigError, match="`precision` int8 needs the compiled kernels"):
        learned.generate(precision="int8")
    assert len(learned.generate(length=10)) == 10
