"""The training set of a detector: versions and classes of texts."""

import numpy as np

from seqloom.detector.stack import GENERATED, HARD_NEGATIVE, REAL, SPLICED
from seqloom.detector.training_set import CALIBRATION, STACKING, make_training_set, split_groups


def test_spliced_texts_are_a_kind_of_their_own(known):
    labels = np.asarray(known.generated)
    data = make_training_set(known.texts, labels, split_groups(labels, np.arange(len(labels)), 0, print), 0)
    assert set(data.classes.tolist()) == {REAL, GENERATED, HARD_NEGATIVE, SPLICED}
    own = data.classes == SPLICED
    assert not (own & data.is_original).any()
    assert not (own & (data.roles == CALIBRATION)).any()
    weighing = data.roles == STACKING
    assert (own & weighing).sum() == (weighing & data.is_original & (data.classes == GENERATED)).sum()


def test_a_spliced_text_is_half_of_a_generated_one_and_half_of_a_real_one(known):
    labels = np.asarray(known.generated)
    texts = [f"{'gen' if label else 'real'}{number} " * 8 for number, label in enumerate(labels)]
    data = make_training_set(texts, labels, split_groups(labels, np.arange(len(labels)), 0, print), 0)
    for text in data.select(data.classes == SPLICED):
        words = text.split()
        assert abs(sum(word.startswith("gen") for word in words) - len(words) / 2) <= 1
