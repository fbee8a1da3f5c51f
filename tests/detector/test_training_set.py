"""What a detector learns from: which versions of a text there are, and of what kind."""

import numpy as np

from seqloom.detector.stack import DECOY, GENERATED, REAL, SPLICED
from seqloom.detector.training_set import CALIBRATING, STACKING, make_versions, split_groups


def test_spliced_texts_are_a_kind_of_their_own(known):
    labels = np.asarray(known.generated)
    made = make_versions(known.texts, labels, split_groups(labels, np.arange(len(labels)), 0, print), 0)
    assert set(made.kinds.tolist()) == {REAL, GENERATED, DECOY, SPLICED}
    own = made.kinds == SPLICED
    assert not (own & made.whole).any()
    assert not (own & (made.parts == CALIBRATING)).any()
    weighing = made.parts == STACKING
    assert (own & weighing).sum() == (weighing & made.whole & (made.kinds == GENERATED)).sum()


def test_a_spliced_text_is_half_of_a_generated_one_and_half_of_a_real_one(known):
    labels = np.asarray(known.generated)
    texts = [f"{'gen' if label else 'real'}{number} " * 8 for number, label in enumerate(labels)]
    made = make_versions(texts, labels, split_groups(labels, np.arange(len(labels)), 0, print), 0)
    for text in made.some(made.kinds == SPLICED):
        words = text.split()
        assert abs(sum(word.startswith("gen") for word in words) - len(words) / 2) <= 1
