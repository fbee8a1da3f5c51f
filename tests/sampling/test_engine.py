import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax

from seqloom.config import ModelConfig
from seqloom.errors import ConfigError, RunError
from seqloom.kernels import reference_decoder
from seqloom.kernels.sliding_window import SlidingWindowDecoder
from seqloom.kernels.weights import expected_shapes
from seqloom.sampling import SamplingConfig, generate, next_distribution, stream

SPELLED = [b"a", b"b", b"\xc3", b"\xa9", "é\n".encode(), b"ab", b""]
REQUEST = {"prompt": [6, 0], "token_bytes": SPELLED, "boundary": 6}


def test_a_sample_does_not_depend_on_how_many_are_asked_for(table_decoder):
    decoder, config = table_decoder(7), SamplingConfig(length=20, seed=5)
    many = list(generate(decoder, config, count=5, **REQUEST))
    for index, sample in enumerate(many):
        assert sample.index == index
        assert next(generate(decoder, config, first_index=index, **REQUEST)) == sample
    assert list(generate(decoder, config, count=2, **REQUEST)) == many[:2]
    assert len({sample.tokens for sample in many}) > 1
    other = list(generate(decoder, SamplingConfig(length=20, seed=6), count=5, **REQUEST))
    assert [sample.tokens for sample in other] != [sample.tokens for sample in many]


ENGINE_SETTINGS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 1000),
        "length": st.integers(4, 15),
        "min_length": st.integers(0, 4),
        "stop": st.lists(st.sampled_from(["a", "ba", "é", "\n", "bab"]), max_size=2).map(tuple),
        "ban": st.lists(st.sampled_from(["bb", "éé"]), max_size=2).map(tuple),
        "pattern": st.sampled_from([None, "[abé\n]*", "(a|é)+b?"]),
    }
)


@settings(max_examples=60)
@given(ENGINE_SETTINGS)
def test_pieces_add_up_to_the_text(options):
    random = np.random.default_rng(0)
    config = ModelConfig(vocabulary=7, core="gru", hidden_sizes=(6,))
    arrays = {name: random.standard_normal(shape) for name, shape in expected_shapes(config).items()}
    decoder = reference_decoder(config, {name: array.astype(np.float32) for name, array in arrays.items()})
    sampling = SamplingConfig(**options)
    sample = next(generate(decoder, sampling, **REQUEST))
    pieces = list(stream(decoder, sampling, **REQUEST))
    assert "".join(pieces) == sample.text
    assert all(pieces)
    assert sample.text in b"".join(SPELLED[token] for token in sample.tokens).decode("utf-8", "replace") or (
        sample.text.endswith("\ufffd")
    )


def test_a_stream_returns_its_sample(table_decoder):
    decoder, config = table_decoder(7), SamplingConfig(length=9)
    returned = []

    def following():
        returned.append((yield from stream(decoder, config, index=3, **REQUEST)))

    shown = "".join(following())
    (expected,) = generate(decoder, config, first_index=3, **REQUEST)
    assert returned == [expected]
    assert shown == expected.text


def test_windows_are_sampled_like_anything_else(table_decoder):
    """A table that looks two tokens back needs no more than a window of two."""
    decoder, config = table_decoder(7), SamplingConfig(length=20)
    assert next(generate(SlidingWindowDecoder(decoder, 2), config, **REQUEST)) == next(
        generate(decoder, config, **REQUEST)
    )


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.0])
def test_next_distribution(table_decoder, temperature):
    decoder = table_decoder(7)
    result = next_distribution(decoder, [6, 0], temperature)
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, softmax(decoder.table[6, 0].astype(float) / temperature), rtol=1e-9)
    peak = next_distribution(decoder, [6, 0], 0.0)
    assert peak.argmax() == decoder.table[6, 0].argmax()
    assert peak.max() == 1
    np.testing.assert_allclose(next_distribution(decoder, [6, 0], float("inf")), 1 / 7)


def test_faults_are_told_before_anything_is_written(table_decoder):
    decoder = table_decoder(7)
    with pytest.raises(RunError, match="6 tokens and the model 7"):
        generate(decoder, SamplingConfig(), prompt=[0], token_bytes=SPELLED[:6])
    with pytest.raises(ConfigError, match="`max_copy`"):
        stream(decoder, SamplingConfig(max_copy=5), **REQUEST)
    with pytest.raises(ConfigError, match="`bias`"):
        generate(decoder, SamplingConfig(bias={7: 1.0}), **REQUEST)


def test_writing_needs_no_torch():
    code = "import sys, seqloom.sampling, seqloom.kernels; print({'torch', 'regex'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
