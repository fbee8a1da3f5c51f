"""The watermark: every text as likely as without it, and found again by who has the key."""

import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare, combine_pvalues, gamma, kstest

from seqloom.config import ModelConfig
from seqloom.errors import ConfigError
from seqloom.kernels import GuidedDecoder, native_decoder, reference_decoder
from seqloom.kernels.condition_bias import condition_bias
from seqloom.kernels.library import available_kernels
from seqloom.kernels.reference_decoder import conditioned_reference_decoder
from seqloom.kernels.weights import expected_shapes
from seqloom.sampling import SamplingConfig, generate, stream
from seqloom.sampling.rng import gumbel_argmax
from seqloom.sampling.watermark import (
    GROUPS,
    VARIANTS,
    WIDTH,
    Watermark,
    detect_watermark,
    fingerprint,
    key_number,
    variants_of,
)

LETTERS = [bytes([97 + token]) for token in range(23)]
REQUEST = {"prompt": [3, 0], "token_bytes": LETTERS}
WHOLE = 2**64 - 1


@pytest.fixture(params=available_kernels())
def kernels(request, monkeypatch):
    monkeypatch.setenv("SEQLOOM_KERNELS", request.param)


def model(core="lstm", **settings):
    config = ModelConfig(vocabulary=23, core=core, hidden_sizes=(40,), **settings)
    random = np.random.default_rng(0)
    arrays = {
        name: (1.5 / np.sqrt(shape[-1]) * random.standard_normal(shape)).astype(np.float32)
        for name, shape in expected_shapes(config).items()
    }
    arrays["head.weight"] *= 2
    return config, arrays


def texts(decoder, count=1, **settings):
    config = SamplingConfig(**({"length": 200, "watermark": "key"} | settings))
    return [list(sample.tokens) for sample in generate(decoder, config, count=count, **REQUEST)]


# --- the numbers


def splitmix(state: int, place: int) -> int:
    """The published generator, in Python's whole numbers."""
    value = (state + (place + 1) * 0x9E3779B97F4A7C15) & WHOLE
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & WHOLE
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & WHOLE
    return value ^ (value >> 31)


def after(key: int, context: Iterable[int]) -> int:
    for place in context:
        key = splitmix(key, place)
    return key


def group_of(key: int, context: Sequence[int], groups: int) -> int:
    return splitmix(after(key, context), 2**32) % groups


def number(key: int, context: Sequence[int], variant: int, token: int) -> float:
    return ((after(key, [*context, variant, token]) >> 12) + 0.5) / 2**52


def test_the_generator_is_the_published_one():
    assert [splitmix(0, place) for place in range(3)] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


@given(
    st.integers(0, WHOLE),
    st.lists(st.integers(0, 70_000), min_size=4, max_size=9),
    st.lists(st.integers(0, VARIANTS - 1), min_size=1, max_size=4),
)
def test_the_noise_is_the_numbers_of_the_last_tokens(key, tokens, variants):
    result = Watermark(key, variants).noise(tokens, 11)
    variant = variants[group_of(key, tokens[-WIDTH:], len(variants))]
    assert result.tolist() == [number(key, tokens[-WIDTH:], variant, token) for token in range(11)]


def test_the_numbers_never_change():
    """Golden numbers: a later version must find what this one marked."""
    assert key_number("key") == GOLDEN_SECRET
    assert Watermark(1, (2, 5, 9)).noise([3, 4, 5, 6], 2).tolist() == GOLDEN_NOISE
    assert [variants_of(0, 0), variants_of(1, 0), variants_of(2**64 - 1, 300)] == GOLDEN_VARIANTS
    assert fingerprint("key") == "2c70e12b"  # printf key | sha256sum


def test_a_context_marks_once_and_a_short_one_never():
    mark = Watermark(5, (0, 1, 2))
    assert mark.noise([1, 2, 3], 4) is None
    assert mark.noise([1, 2, 3, 4], 4) is not None
    assert mark.noise([9, 9, 2, 3, 4, 5], 4) is not None
    assert mark.noise([7, 1, 2, 3, 4], 4) is None


def test_texts_have_one_variant_in_common_at_most():
    some = np.array([variants_of(7, index) for index in range(2_000)])
    assert some.shape == (2_000, GROUPS)
    assert 0 <= some.min() <= some.max() < VARIANTS
    common = (some[:, None] == some[None]).sum(axis=2)
    np.fill_diagonal(common, 0)
    assert common.max() == 1
    assert len({variants_of(seed, 0) for seed in range(200)}) > 190


# --- what is drawn


def test_over_keys_a_token_comes_with_its_probability():
    """Chi-square over 10,000 keys; odds of a false alarm one in a million, were the keys not fixed."""
    probabilities = np.array([0.3, 0.2, 0.15, 0.15, 0.1, 0.06, 0.04, 0.0])
    with np.errstate(divide="ignore"):
        logs = np.log(probabilities)
    counts = np.zeros(8)
    for key in np.random.default_rng(2).integers(0, 2**63, 10_000).tolist():
        counts[gumbel_argmax(logs, Watermark(key, (3,)).noise([5, 1, 1, 2], 8))] += 1
    assert counts[-1] == 0
    assert chisquare(counts[:-1], 10_000 * probabilities[:-1]).pvalue > 1e-6


@pytest.mark.parametrize("drawn", [{}, {"temperature": 0.7, "min_p": 0.1}])
def test_over_keys_a_text_comes_with_its_probability(table_decoder, drawn):
    """Texts of two symbols, where contexts return all the time: how often each of 1,024 comes, by halves and pairs.

    Chi-square over 1,200 keys; odds of a false alarm one in a million for each setting, were the keys not fixed.
    """
    decoder, length, keys = table_decoder(2, scale=0.8), 10, 1_200
    ask = {"prompt": [1, 0], "token_bytes": [b"a", b"b"]}
    counts = {text: 0 for text in itertools.product((0, 1), repeat=length)}
    for key in range(keys):
        config = SamplingConfig(length=length, seed=key, watermark=f"key {key}", **drawn)
        counts[next(generate(decoder, config, **ask)).tokens] += 1
    expected = {text: keys * probability(decoder.table, text, drawn) for text in counts}
    assert sum(expected.values()) == pytest.approx(keys)
    for told in (lambda text: sum(text), lambda text: text[-4:], lambda text: text[:2] + text[5:7]):
        cells = sorted({told(text) for text in counts})
        seen, likely = (
            np.array([sum(of[text] for text in counts if told(text) == cell) for cell in cells])
            for of in (counts, expected)
        )
        kept = likely > 5
        seen, likely = (np.append(of[kept], of[~kept].sum()) for of in (seen, likely))
        likely, seen = likely[likely > 0], seen[likely > 0]
        assert chisquare(seen, likely * seen.sum() / likely.sum()).pvalue > 1e-6 / 3


def probability(table, text, drawn):
    total, before = 1.0, (1, 0)
    for token in text:
        masses = np.exp(table[before].astype(float) / drawn.get("temperature", 1))
        masses[masses < drawn.get("min_p", 0) * masses.max()] = 0
        total *= masses[token] / masses.sum()
        before = before[1], token
    return total


def test_seeds_and_indices_vary_the_text(table_decoder):
    decoder = table_decoder(23)
    many = texts(decoder, count=40)
    assert len(set(map(tuple, many))) == 40
    assert texts(decoder, count=3) == many[:3]
    others = texts(decoder, count=40, seed=1)
    assert not set(map(tuple, many)) & set(map(tuple, others))
    assert texts(decoder, watermark="another") != texts(decoder)
    assert texts(decoder, watermark=None) != texts(decoder)


def test_one_text_in_a_loop_is_not_led_back_into_it(table_decoder):
    """After the same tokens the seed decides, so that a text does not repeat itself for ever."""
    config = SamplingConfig(length=1_500, watermark="key")
    (sample,) = generate(table_decoder(4, scale=0.5), config, prompt=[3, 0], token_bytes=LETTERS[:4])
    windows = {sample.tokens[at : at + 12] for at in range(1_500 - 12)}
    assert len(windows) > 1_450


# --- finding


def naive(tokens, key, width, groups, variants):
    secret, seen = key_number(key), set()
    sums = [[0.0] * variants for _ in range(groups)]
    counts = [0] * groups
    for at in range(width, len(tokens)):
        context = tuple(tokens[at - width : at])
        if context not in seen:
            seen.add(context)
            group = group_of(secret, context, groups)
            counts[group] += 1
            for variant in range(variants):
                sums[group][variant] -= math.log1p(-number(secret, context, variant, tokens[at]))
    best = [1 - gamma.cdf(max(one), count) ** variants for one, count in zip(sums, counts, strict=True) if count]
    return len(seen), sum(map(max, sums)), combine_pvalues(best).pvalue if best else 1


@given(
    st.lists(st.integers(0, 3), max_size=60),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 3),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=5),
)
def test_the_statistic_is_that_of_a_plain_loop(tokens, width, groups, variants, key):
    result = detect_watermark(tokens, key, width=width, groups=groups, variants=variants)
    expected = naive(tokens, key, width, groups, variants)
    assert result.places == expected[0]
    assert (result.statistic, result.p_value) == pytest.approx(expected[1:], rel=1e-9, abs=1e-12)


def test_with_one_variant_the_p_value_is_that_of_gamma():
    result = detect_watermark(range(100), "key", groups=1, variants=1)
    assert result.p_value == pytest.approx(gamma.sf(result.statistic, result.places), rel=1e-9)


@pytest.mark.parametrize(("groups", "variants"), [(1, 1), (1, 200), (GROUPS, VARIANTS)])
def test_p_values_of_unmarked_text_are_uniform(groups, variants):
    """Kolmogorov and Smirnov over 1,000 texts, some repetitive, some short; odds of a false alarm one in a million."""
    random = np.random.default_rng(4)
    p_values = []
    for text in range(1_000):
        vocabulary, length = int(random.choice([2, 5, 60])), int(random.integers(6, 120))
        tokens = random.integers(0, vocabulary, length)
        p_values.append(detect_watermark(tokens, f"key {text}", groups=groups, variants=variants).p_value)
    assert kstest(p_values, "uniform").pvalue > 1e-6


def test_marked_texts_of_200_characters_are_found(table_decoder):
    """All 40 of 40, where one in a thousand is allowed to be missed; by another key, or unmarked, none of 40.

    The odds of a false alarm in either of the two are 80 in a million.
    """
    decoder = table_decoder(23)
    marked, unmarked = texts(decoder, count=40), texts(decoder, count=40, watermark=None)
    result = [detect_watermark(text, "key") for text in marked]
    assert max(one.p_value for one in result) < 1e-3
    assert [one.variants for one in result] == [variants_of(0, index) for index in range(40)]
    assert not any(one.short for one in result)
    assert min(detect_watermark(text, "another").p_value for text in marked) > 1e-6
    assert min(detect_watermark(text, "key").p_value for text in unmarked) > 1e-6


def test_a_piece_from_the_middle_is_found_and_so_is_a_text_with_changes(table_decoder):
    (text,) = texts(table_decoder(23), length=400)
    assert detect_watermark(text[100:300], "key").p_value < 1e-6
    random = np.random.default_rng(1)
    changed = [int(random.integers(23)) if random.random() < 0.1 else token for token in text]
    assert detect_watermark(changed, "key").p_value < 1e-6


def test_short_texts_say_so():
    assert detect_watermark([], "key") == detect_watermark([1, 2, 3, 4], "key")
    assert (detect_watermark([], "key").places, detect_watermark([], "key").p_value) == (0, 1)
    assert detect_watermark(range(30), "key").short
    assert not detect_watermark(range(80), "key").short


def test_what_cannot_be_looked_for_is_refused():
    for wrong in ({"key": ""}, {"key": "k", "width": 0}, {"key": "k", "variants": 1.5}, {"key": "k", "groups": 0}):
        with pytest.raises(ConfigError):
            detect_watermark([1, 2, 3], **wrong)


# --- every engine

SETTINGS = [
    {},
    {"temperature": 0.6},
    {"temperature": math.inf},
    {"top_p": 0.9, "min_p": 0.02, "repetition_penalty": 1.2},
    {"top_k": 5, "typical_p": 0.95},
    {"xtc_probability": 0.4, "mirostat_tau": 2.5, "presence_penalty": 0.5},
    {"ban": ("a", "k"), "bias": {3: 1.0}, "min_length": 30},
]


@pytest.mark.parametrize("options", SETTINGS)
@pytest.mark.parametrize("boundary", [None, 5])
def test_the_compiled_kernels_write_what_the_plain_loop_does(kernels, options, boundary):
    config, weights = model()
    sampling = SamplingConfig(length=120, seed=3, watermark="key", **options)
    ask = REQUEST | {"boundary": boundary}
    expected = list(generate(reference_decoder(config, weights), sampling, count=4, **ask))
    decoder = native_decoder(config, weights, "float32")
    result = list(generate(decoder, sampling, count=4, **ask))
    for one, other in zip(result, expected, strict=True):
        assert (one.tokens, one.text, one.finish_reason) == (other.tokens, other.text, other.finish_reason)
        assert one.log_prob == pytest.approx(other.log_prob, abs=4e-3)
        assert one.sampling_log_prob == pytest.approx(other.sampling_log_prob, abs=4e-3)
    assert "".join(stream(decoder, sampling, index=2, **ask)) == expected[2].text
    unmarked = SamplingConfig(length=120, seed=3, **options)
    assert next(generate(decoder, unmarked, **ask)).tokens != expected[0].tokens


@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_texts_to_a_rating_are_marked_in_every_engine(kernels, guidance):
    config, weights = model(num_condition_features=2)
    added = condition_bias(config, weights, np.array([1.0, -0.5], np.float32))
    native = native_decoder(config, weights, "float32")
    pairs = (
        (conditioned_reference_decoder(config, weights, added), reference_decoder(config, weights)),
        (native.conditioned(added), native),
    )
    written = [
        texts(told if guidance == 1 else GuidedDecoder(told, untold, guidance), count=3) for told, untold in pairs
    ]
    assert written[0] == written[1]
    assert all(detect_watermark(text, "key").p_value < 1e-3 for text in written[0])


@pytest.mark.skipif(not available_kernels(), reason="the compiled kernels are not there")
def test_a_marked_text_is_the_same_at_any_batch_size():
    decoder = native_decoder(*model())
    many = texts(decoder, count=300)
    config = SamplingConfig(length=200, watermark="key")
    for index in (0, 1, 255, 256, 299):
        assert list(next(generate(decoder, config, first_index=index, **REQUEST)).tokens) == many[index]


@pytest.mark.skipif(not available_kernels(), reason="the compiled kernels are not there")
def test_what_is_marked_is_not_drafted():
    """A model with further heads writes with a mark what its twin without them writes."""
    config, weights = model()
    random = np.random.default_rng(5)
    heads = {
        "head.ahead.0.weight": random.standard_normal(weights["head.weight"].shape).astype(np.float32),
        "head.ahead.0.bias": np.zeros(23, np.float32),
    }
    drafts = native_decoder(ModelConfig(**{**config.to_json(), "prediction_heads": 2}), weights | heads, "float32")
    assert drafts.weights.max_draft_length == 2
    (sample,) = generate(drafts, SamplingConfig(length=200, watermark="key"), **REQUEST)
    assert sample.speculative is None
    assert [list(sample.tokens)] == texts(native_decoder(config, weights, "float32"))


def test_patterns_and_copies_of_the_prompt_go_with_a_mark(table_decoder):
    (text,) = texts(table_decoder(23), pattern="[a-w]*", ban=("ab",))
    assert detect_watermark(text, "key").p_value < 1e-3


GOLDEN_SECRET = 7386098166362424686
GOLDEN_NOISE = [0.4113240894636748, 0.21011062592310126]
GOLDEN_VARIANTS = [(87, 125, 36), (116, 105, 94), (102, 7, 39)]
