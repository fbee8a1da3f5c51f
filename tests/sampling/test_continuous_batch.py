"""Requests that join and leave a running batch get the texts that they get alone."""

import queue

import numpy as np
import pytest

from seqloom.config import ModelConfig
from seqloom.errors import SeqloomError
from seqloom.kernels import native_decoder
from seqloom.kernels.condition_bias import condition_bias
from seqloom.kernels.library import chosen_kernels
from seqloom.kernels.weights import expected_shapes
from seqloom.sampling import SamplingConfig, generate
from seqloom.sampling.continuous_batch import MAX_CHUNK_TOKENS, ContinuousBatch, Job
from seqloom.sampling.request import prepare_request

pytestmark = pytest.mark.skipif(chosen_kernels() is None, reason="the compiled kernels are not there, or off")

LETTERS = [bytes([97 + token]) for token in range(23)]


def decoder(num_features=0, damage=False):
    config = ModelConfig(vocabulary=23, hidden_sizes=(32,), num_condition_features=num_features)
    random = np.random.default_rng(0)
    weights = {
        name: (1.5 / np.sqrt(shape[-1]) * random.standard_normal(shape)).astype(np.float32)
        for name, shape in expected_shapes(config).items()
    }
    if damage:  # units at their limits, and logits beyond those of float32
        weights = {name: array * np.float32(100) for name, array in weights.items()}
        weights["head.weight"] = np.where(weights["head.weight"] > 0, 3e38, -3e38).astype(np.float32)
    return native_decoder(config, weights, "float32"), config, weights


class Requests:
    """Requests of many kinds, with their texts when they are alone."""

    def __init__(self):
        self.plain, *_ = decoder()
        rated, config, weights = decoder(num_features=2)
        self.shared = rated
        biases = [condition_bias(config, weights, np.array(row, np.float32)) for row in ([1, 0], [0.3, 1])]
        self.rated = [rated.conditioned(bias) for bias in biases]

    def of(self, number):
        """Return the decoder, the settings and the index of request `number`."""
        settings = [
            {"temperature": 0.8, "length": 90},
            {"top_k": 4, "length": 7},
            {"length": 200, "stop": ("bc", "q"), "min_length": 3},
            {"repetition_penalty": 1.5, "length": 33, "bias": {3: -4.0}},
            {"temperature": 0.0, "length": 40, "ban": ("d",)},
            {"top_p": 0.7, "length": 64, "frequency_penalty": 0.5},
        ][number % 6]
        model = [self.shared, *self.rated][number % 3]
        return model, SamplingConfig(seed=number // 2, **settings), number % 4


def request_of(model, config):
    return prepare_request(model, config, prompt=[3, 0], token_bytes=LETTERS, boundary=5)


class Listener:
    def __init__(self):
        self.updates = queue.Queue()

    def __call__(self, updates):
        for update in updates:
            self.updates.put(update)

    def finished(self, count):
        """Return text, tokens and sample of each of `count` jobs that finish."""
        texts, tokens, samples = {}, {}, {}
        while len(samples) < count:
            update = self.updates.get(timeout=60)
            if update.error is not None:
                raise update.error
            texts[update.job] = texts.get(update.job, "") + update.text
            tokens.setdefault(update.job, []).extend(update.tokens.tolist())
            if update.sample is not None:
                samples[update.job] = update.sample
        return texts, tokens, samples


@pytest.mark.parametrize("threads", [1, 2])
def test_every_request_gets_the_text_that_it_gets_alone(threads):
    requests, listener = Requests(), Listener()
    batch = ContinuousBatch(requests.shared, 4, listener, threads)
    jobs = {}
    for number in range(30):
        model, config, index = requests.of(number)
        jobs[number] = Job(request_of(model, config), index)
        batch.submit(jobs[number])
    texts, tokens, samples = listener.finished(30)
    batch.close()
    for number, job in jobs.items():
        model, config, index = requests.of(number)
        (alone,) = generate(model, config, prompt=[3, 0], token_bytes=LETTERS, boundary=5, count=1, first_index=index)
        assert samples[job] == alone
        assert texts[job] == alone.text
        assert tuple(tokens[job]) == alone.tokens


def test_a_cancelled_request_makes_room_within_a_chunk():
    requests, listener = Requests(), Listener()
    batch = ContinuousBatch(requests.shared, 1, listener, 1)
    endless = Job(request_of(requests.shared, SamplingConfig(length=10**9, bias={5: -50.0})))
    batch.submit(endless)
    assert listener.updates.get(timeout=60).job is endless
    short = Job(request_of(requests.shared, SamplingConfig(length=2)))
    batch.submit(short)
    assert batch.num_jobs == 2
    endless.is_cancelled = True
    num_tokens = 0
    while (update := listener.updates.get(timeout=60)).job is endless:
        num_tokens += len(update.tokens)
    assert update.job is short
    batch.close()
    assert batch.num_jobs == 0
    with pytest.raises(SeqloomError, match="is being closed"):
        batch.submit(short)
    assert MAX_CHUNK_TOKENS <= 32


def test_a_failed_request_does_not_end_the_others():
    listener = Listener()
    broken, *_ = decoder(damage=True)
    batch = ContinuousBatch(broken, 2, listener, 1)
    job = Job(request_of(broken, SamplingConfig(length=5)))
    batch.submit(job)
    with pytest.raises(SeqloomError, match="NaN or infinity"):
        listener.finished(1)
    batch.submit(Job(request_of(broken, SamplingConfig(length=5))))
    assert listener.updates.get(timeout=60).error is not None
    batch.close()
