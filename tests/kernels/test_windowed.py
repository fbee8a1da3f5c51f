import numpy as np
import pytest

from seqloom.kernels import WindowedDecoder, plain_decoder

TOKENS = [0, 3, 6, 6, 1, 2, 5]


@pytest.mark.parametrize("window", [1, 3, 7, 50])
def test_each_prediction_reads_the_last_window_from_zero(make, window):
    inner = plain_decoder(*make("lstm", sizes=(5,)))
    decoder = WindowedDecoder(inner, window)
    assert decoder.vocabulary == 7
    state = decoder.initial_state()
    for end, token in enumerate(TOKENS, start=1):
        logits, state = decoder.step(token, state)
        expected, _ = inner.read(TOKENS[max(0, end - window) : end], inner.initial_state())
        np.testing.assert_array_equal(logits, expected)
    read, kept = decoder.read(TOKENS, decoder.initial_state())
    np.testing.assert_array_equal(read, logits)
    np.testing.assert_array_equal(kept[0], state[0])


def test_what_left_the_window_is_forgotten(make):
    decoder = WindowedDecoder(plain_decoder(*make("gru", sizes=(5,))), 2)
    one, _ = decoder.read([1, 2, 3], decoder.initial_state())
    other, _ = decoder.read([6, 2, 3], decoder.initial_state())
    np.testing.assert_array_equal(one, other)


def test_a_kept_state_is_not_changed(make):
    decoder = WindowedDecoder(plain_decoder(*make("gru", sizes=(5,))), 2)
    _, kept = decoder.read([1, 2], decoder.initial_state())
    decoder.step(5, kept)
    np.testing.assert_array_equal(kept[0], [1, 2])


def test_windows_and_reads_of_nothing_are_refused(make):
    inner = plain_decoder(*make("gru", sizes=(5,)))
    with pytest.raises(ValueError, match="window of 0"):
        WindowedDecoder(inner, 0)
    with pytest.raises(ValueError, match="no tokens"):
        WindowedDecoder(inner, 3).read([], (np.zeros(0, np.int64),))
