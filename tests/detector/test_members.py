"""The encoder of a detector, and what is checked before any member is fitted."""

import csv

import numpy as np
import pytest

from seqloom.detector.fit import fit_detector
from seqloom.detector.members import fit_encoder
from seqloom.errors import ConfigError
from seqloom.text_features.config import EncoderSettings


def test_an_encoder_with_few_updates_sees_a_part_of_the_texts(monkeypatch):
    """Two updates of eight texts need sixteen texts."""
    from seqloom.text_features.encoder import Encoder

    seen = []
    fit = Encoder.fit
    monkeypatch.setattr(
        Encoder, "fit", lambda encoder, texts, above: seen.append((texts, above)) or fit(encoder, texts, above)
    )
    texts = [f"text number {number} of the whole" for number in range(40)]
    generated = np.arange(40) % 2 == 1
    settings = EncoderSettings(updates=2, max_updates=2, batch=8)
    logits = [fit_encoder(texts, generated, 0, settings).logits(texts) for _ in range(2)]
    np.testing.assert_array_equal(*logits)
    for some, above in seen:
        assert len(set(some)) == 16
        assert [texts.index(text) % 2 == 1 for text in some] == above[:, 0].tolist()
    fit_encoder(texts, generated, 0, EncoderSettings(updates=2, epochs=1, batch=8))
    assert seen[-1][0] == texts


@pytest.mark.parametrize("minutes", [None, 1.0])
def test_all_texts_that_are_on_both_sides_are_counted(tmp_path, minutes):
    """Also if only some of the texts are used, because the time is short."""
    table = tmp_path / "texts.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text"], *([f"the text number {number} of both"] for number in range(300))])
    with pytest.raises(ConfigError, match="300 generated texts are also among the real texts"):
        fit_detector(table, run=tmp_path / "d", generated=[table], text="text", minutes=minutes)
    assert not (tmp_path / "d" / "detector.json").exists()
