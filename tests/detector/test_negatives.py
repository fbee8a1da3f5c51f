"""Texts of a rated generator for the training of a detector."""

import pytest

from seqloom.detector.fit import fit_detector
from seqloom.errors import ConfigError

REAL = ["the soup was warm and we came again", "a slow waiter and no bread"]


def test_a_critic_needs_a_generator_that_writes_to_ratings(run, tmp_path):
    real = tmp_path / "real.txt"
    real.write_text("\n".join(REAL), encoding="utf-8")
    with pytest.raises(ConfigError, match="`critic` filters generated texts by rating"):
        fit_detector(real, run=tmp_path / "detector", generators=[run.path], critic=tmp_path / "critic")
    assert not (tmp_path / "detector").exists()
