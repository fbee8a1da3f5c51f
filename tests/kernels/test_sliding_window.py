import numpy as np
import pytest

from seqloom.kernels import reference_decoder, sliding_window_decoder

TOKENS = [0, 3, 6, 6, 1, 2, 5]


@pytest.mark.parametrize("core", ["lstm", "gru", "conv"])
@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("window", [1, 3, 7, 50])
def test_each_prediction_reads_the_last_window_from_zero(make, core, layer_norm, window):
    inner = reference_decoder(*make(core, hidden_sizes=(5, 4), layer_norm=layer_norm))
    decoder = sliding_window_decoder(inner, window)
    assert decoder.vocabulary == 7
    state = decoder.initial_state()
    for end, token in enumerate(TOKENS, start=1):
        logits, state = decoder.step(token, state)
        expected, _ = inner.read(TOKENS[max(0, end - window) : end], inner.initial_state())
        np.testing.assert_allclose(logits, expected, atol=1e-5)
    read, kept = decoder.read(TOKENS, decoder.initial_state())
    np.testing.assert_allclose(read, logits, atol=1e-5)
    following, _ = decoder.step(4, kept)
    np.testing.assert_allclose(following, decoder.step(4, state)[0], atol=1e-5)


def test_what_left_the_window_is_forgotten(make):
    decoder = sliding_window_decoder(reference_decoder(*make("gru", hidden_sizes=(5,))), 2)
    one, _ = decoder.read([1, 2, 3], decoder.initial_state())
    other, _ = decoder.read([6, 2, 3], decoder.initial_state())
    np.testing.assert_array_equal(one, other)


def test_a_kept_state_is_not_changed(make):
    decoder = sliding_window_decoder(reference_decoder(*make("gru", hidden_sizes=(5,))), 2)
    _, kept = decoder.read([1, 2], decoder.initial_state())
    before = [part.copy() for part in kept]
    decoder.step(5, kept)
    for part, was in zip(kept, before, strict=True):
        np.testing.assert_array_equal(part, was)


def test_windows_and_reads_of_nothing_are_refused(make):
    inner = reference_decoder(*make("gru", hidden_sizes=(5,)))
    with pytest.raises(ValueError, match="window has 0 tokens"):
        sliding_window_decoder(inner, 0)
    with pytest.raises(ValueError, match="no tokens"):
        sliding_window_decoder(inner, 3).read([], ())
