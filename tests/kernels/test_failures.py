"""What the native functions do with bad arguments and without memory: an error, and never a crash."""

import subprocess
import sys
import textwrap
from ctypes import byref, c_int, c_void_p

import numpy as np
import pytest

from seqloom.config import ModelConfig
from seqloom.errors import SeqloomError, TrainingError
from seqloom.kernels import native_decoder
from seqloom.kernels.decoding_abi import (
    DraftStatistics,
    GenerationOutput,
    LayerWeights,
    Model,
    NetworkInfo,
    SamplingSettings,
    ScoringRequest,
    decoding_library,
)
from seqloom.kernels.library import available_kernels, declare
from seqloom.kernels.text_hashing import ngrams, patterns, reduce
from seqloom.kernels.trainer import NativeTrainer
from seqloom.kernels.training_abi import OptimizerStep, Window, training_library

pytestmark = pytest.mark.skipif(not available_kernels(), reason="the compiled kernels are not there")

DRAWING = {"temperature": 1.0, "top_p": 1.0, "typical_p": 1.0, "repetition_penalty": 1.0, "boundary": -1, "length": 9}


def refused(match):
    return pytest.raises(SeqloomError, match=match)


def pointer(array):
    return array.ctypes.data


def ids(*values):
    return np.array(values, np.int32)


# --- decoding


@pytest.fixture
def decoder(make):
    return native_decoder(*make("lstm", hidden_sizes=(12, 8), vocabulary=19), "float32")


@pytest.fixture
def streams(decoder):
    """Two streams that may generate, and the function that calls the library with them."""
    lanes = decoder.streams(2, 1)
    lanes.set_sampling(SamplingSettings(**DRAWING))

    def call(name, *arguments):
        return getattr(decoding_library(), f"seqloom_streams_{name}")(lanes._handle, *arguments)

    call.lanes = lanes  # kept alive
    return call


@pytest.mark.parametrize("stream", [-1, 2, 2**31 - 1])
def test_streams_out_of_range_are_refused(streams, stream):
    room = np.zeros(10_000)
    state_bytes = len(streams.lanes.state(0))
    calls = [
        ("clear", stream),
        ("read_state", stream, pointer(room), state_bytes),
        ("write_state", stream, pointer(room), state_bytes),
        ("logits", stream, byref(decoding_library().seqloom_streams_logits.argtypes[2]._type_())),
        ("set_logits", stream, pointer(room)),
        ("set_stream_gate_bias", stream, 0, pointer(room), 48),
        ("set_stream_logit_bias", stream, pointer(room)),
        ("read", stream, pointer(ids(1)), 1),
        ("read_many", stream, pointer(ids(1)), 1, 1, pointer(room)),
        ("begin", stream, 1, 2, None, 0, 0),
        ("end", stream),
        ("distribution", stream, pointer(room), byref(c_int())),
        ("draft_statistics", stream, byref(DraftStatistics())),
    ]
    for name, *arguments in calls:
        with refused(f"stream {stream} is out of range: it must be from 0 to 1"):
            streams(name, *arguments)
    with refused(f"stream is {stream}, but must be from 0 to 1"):
        streams("reorder", pointer(ids(0, stream)), 2)


@pytest.mark.parametrize("token", [19, 2**31 - 1])
def test_tokens_outside_the_vocabulary_are_refused(streams, token):
    room, positions = np.zeros(2 * 2 * 19), ids(0, token)
    three = [pointer(room)] * 3
    match = f"token is {token}, but must be from .* to 18"
    for name, *arguments in [
        ("step", pointer(positions)),
        ("read", 0, pointer(positions), 2),
        ("read_many", 0, pointer(positions), 2, 1, pointer(room)),
        ("begin", 0, 1, 2, pointer(positions), 2, 0),
        ("score", byref(ScoringRequest(1, pointer(positions), pointer(ids(0, 0)), *three, None))),
        ("score", byref(ScoringRequest(1, pointer(ids(0, 0)), pointer(positions), *three, None))),
    ]:
        with refused(match):
            streams(name, *arguments)
    with refused("token is -1, but must be from 0 to 18"):
        streams("read", 0, pointer(ids(-1)), 1)


def test_layers_and_widths_are_checked(streams):
    bias = np.zeros((2, 48), np.float32)
    for layer in (-1, 2):
        with refused(f"layer {layer} is out of range"):
            streams("set_gate_bias", layer, pointer(bias), 48)
        with refused(f"layer {layer} is out of range"):
            streams("set_stream_gate_bias", 0, layer, pointer(bias), 48)
    with refused("width of the gate bias is 47, but must be 48"):
        streams("set_gate_bias", 0, pointer(bias), 47)
    with refused("width of the gate bias is 48, but must be 32"):
        streams("set_stream_gate_bias", 0, 1, pointer(bias), 48)


def test_lengths_are_checked(streams):
    room = np.zeros(100)
    with refused("number of streams is -1"):
        streams("resize", -1)
    with refused("3 indices do not fit 2 streams"):
        streams("reorder", pointer(ids(0, 1, 1)), 3)
    with refused("a state of 3 bytes does not belong to this model"):
        streams("read_state", 0, pointer(room), 3)
    with refused("a state of 3 bytes does not belong to this model"):
        streams("write_state", 0, pointer(room), 3)
    with refused("number of tokens is -1"):
        streams("read", 0, pointer(ids(1)), -1)
    for kept in (0, 3):
        with refused(f"number of tokens to keep is {kept}, but must be from 1 to 2"):
            streams("read_many", 0, pointer(ids(1, 2)), 2, kept, pointer(room))
    with refused("number of tokens is -1"):
        streams("begin", 0, 1, 2, None, -1, 0)
    with refused("number of positions is -1"):
        streams("score", byref(ScoringRequest(-1)))
    with refused("maximum number of tokens is 0"):
        streams("generate", byref(GenerationOutput(0)))
    with refused("count is -1"):
        decoding_library().seqloom_uniforms(1, 2, -1, pointer(room))


def test_null_pointers_are_refused(streams, decoder):
    bytes_of_state = len(streams.lanes.state(0))
    for name, *arguments in [
        ("read_state", 0, None, bytes_of_state),
        ("write_state", 0, None, bytes_of_state),
        ("logits", 0, None),
        ("set_logits", 0, None),
        ("set_stream_gate_bias", 0, 0, None, 48),
        ("set_stream_logit_bias", 0, None),
        ("reorder", None, 2),
        ("step", None),
        ("read", 0, None, 1),
        ("read_many", 0, pointer(ids(1)), 1, 1, None),
        ("score", None),
        ("score", byref(ScoringRequest(1))),
        ("set_sampling", None),
        ("set_stream_sampling", 0, None),
        ("begin", 0, 1, 2, None, 1, 0),
        ("generate", None),
        ("generate", byref(GenerationOutput(1))),
        ("draft_statistics", 0, None),
    ]:
        with refused("is a null pointer"):
            streams(name, *arguments)
    library = decoding_library()
    for call in (
        lambda: library.seqloom_streams_clear(None, 0),
        lambda: library.seqloom_streams_new(None, 1, 1, byref(c_void_p())),
        lambda: library.seqloom_streams_new(decoder.weights.handle, 1, 1, None),
        lambda: library.seqloom_weights_info(None, byref(NetworkInfo())),
        lambda: library.seqloom_weights_info(decoder.weights.handle, None),
        lambda: library.seqloom_weights_new(b"portable", None, byref(c_void_p())),
        lambda: library.seqloom_uniforms(1, 2, 1, None),
    ):
        with refused("is a null pointer"):
            call()


@pytest.mark.parametrize("threads", [0, -1, 5000])
def test_numbers_of_threads_are_checked(decoder, threads):
    with refused(f"number of threads is {threads}, but must be from 1 to 1024"):
        decoding_library().seqloom_streams_new(decoder.weights.handle, 1, threads, byref(c_void_p()))


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"temperature": float("nan")}, "temperature is nan"),
        ({"temperature": -1.0}, "temperature is -1"),
        ({"top_p": 1.5}, "top_p is 1.5"),
        ({"typical_p": -0.5}, "typical_p is -0.5"),
        ({"min_p": 2.0}, "min_p is 2"),
        ({"top_k": -1}, "top_k is -1"),
        ({"boundary": 19}, "boundary token is 19, but must be from -1 to 18"),
        ({"repetition_window": -2}, "repetition window is -2"),
        ({"frequency_penalty": float("nan")}, "frequency penalty is nan"),
        ({"presence_penalty": float("inf")}, "presence penalty is inf"),
        ({"dry_multiplier": -1.0}, "DRY multiplier is -1"),
        ({"dry_multiplier": 1.0, "dry_base": 0.5}, "DRY base is 0.5"),
        ({"dry_multiplier": 1.0, "dry_base": 2.0}, "allowed length of DRY is 0, but must be from 1"),
        ({"top_n_sigma": -1.0}, "top_n_sigma is -1"),
        ({"dynatemp_range": -1.0}, "range of the dynamic temperature is -1"),
        ({"xtc_probability": 2.0}, "probability of XTC is 2"),
        ({"mirostat_tau": float("nan")}, "target surprise of Mirostat is nan"),
        ({"watermark_width": 4, "watermark_groups": 5}, "watermark groups is 5, but must be from 1 to 4"),
    ],
)
def test_sampling_settings_are_checked(streams, settings, match):
    with refused(match):
        streams("set_sampling", byref(SamplingSettings(**(DRAWING | settings))))
    with refused(match):
        streams("set_stream_sampling", 0, byref(SamplingSettings(**(DRAWING | settings))))


def test_streams_that_have_not_begun_are_refused(decoder):
    lanes, library = decoder.streams(3, 1), decoding_library()
    tokens, nats = np.zeros((3, 1), np.int32), np.zeros((2, 3, 1))
    output = GenerationOutput(1, pointer(tokens), pointer(nats[0]), pointer(nats[1]), pointer(tokens), pointer(tokens))
    with refused("the sampling settings are not set"):
        library.seqloom_streams_begin(lanes._handle, 0, 1, 2, None, 0, 0)
    with refused("the sampling settings are not set"):
        library.seqloom_streams_generate(lanes._handle, byref(output))
    lanes.set_sampling(SamplingSettings(**DRAWING))
    with refused("stream 0 has not begun a sample"):
        lanes.distribution(0)
    library.seqloom_streams_set_guidance(lanes._handle, 2.0)
    with refused("their number must be even, but is 3"):
        lanes.generate(1)
    lanes.resize(2)
    lanes.begin(1, 1, 2, np.zeros(0, int))
    with refused("stream 1 guides stream 0 and cannot generate"):
        lanes.generate(1)


def test_other_drafts_need_a_new_beginning(make):
    """Streams that run when the settings change have drafts that the new settings may not know."""
    config, weights = make("lstm", hidden_sizes=(8,), vocabulary=19)
    shapes = {"head.ahead.0.weight": (19, 8), "head.ahead.0.bias": (19,)}
    weights |= {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
    lanes = native_decoder(ModelConfig(**(vars(config) | {"prediction_heads": 2})), weights, "float32").streams(1, 1)
    lanes.set_sampling(SamplingSettings(**DRAWING, tokens_per_step=2))
    lanes.begin(0, 1, 2, np.zeros(0, int))
    lanes.generate(3)
    lanes.set_sampling(SamplingSettings(**DRAWING))
    assert lanes.generate(3).counts[0] == 0


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"core": 3}, "core is 3, but must be from 0 to 2"),
        ({"precision": -1}, "precision is -1"),
        ({"vocabulary": 0}, "vocabulary is 0"),
        ({"num_layers": 0}, "number of layers is 0"),
        ({"layers": None}, "layers is a null pointer"),
        ({"head": None}, "head weights is a null pointer"),
        ({"head_bias": None}, "head bias is a null pointer"),
        ({"num_drafts": -1}, "number of draft heads is -1"),
        ({"draft_vocabulary": 6}, "draft vocabulary is 6, but must be from 0 to 5"),
        ({"draft_vocabulary": 1}, "draft token is a null pointer"),
    ],
)
def test_models_are_checked(change, match):
    with refused(match):
        pack({"core": 0, "vocabulary": 5, "num_layers": 1} | change)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"units": 0}, "number of units of a layer is 0"),
        ({"inputs": -1}, "number of inputs of a layer is -1"),
        ({"hidden": None}, "recurrent weights of a layer is a null pointer"),
        ({"bias": None}, "bias of a layer is a null pointer"),
        ({"table": None}, "token table of the first layer is a null pointer"),
    ],
)
def test_layers_are_checked(change, match):
    with refused(match):
        pack({"core": 0, "vocabulary": 5, "num_layers": 1}, change)


def pack(model, layer=None):
    """Call the library with a model of one layer; all its arrays are large enough."""
    room = np.zeros(1000, np.float32)
    arrays = {name: pointer(room) for name in ("table", "bias", "hidden", "output", "output_bias", "skip")}
    one = LayerWeights(**({"inputs": 5, "units": 4, "taps": 1, "dilation": 1} | arrays | (layer or {})))
    fields = {"layers": (LayerWeights * 1)(one), "head": pointer(room), "head_bias": pointer(room)} | model
    handle = c_void_p()
    decoding_library().seqloom_weights_new(b"portable", byref(Model(**fields)), byref(handle))
    decoding_library().seqloom_weights_delete(handle)


def test_unknown_kernels_are_refused():
    with refused("the library has no instruction set sse2"):
        NativeTrainer(ModelConfig(vocabulary=5, hidden_sizes=(4,)), "sse2", 1)


# --- training


@pytest.fixture
def trainer():
    trainer = NativeTrainer(ModelConfig(vocabulary=7, hidden_sizes=(8, 4), embedding=3), available_kernels()[0], 1)
    trainer.clear_state(2)
    return trainer


def compute(trainer, **changes):
    arrays = {
        "tokens": np.zeros((2, 3), np.int64),
        "targets": np.zeros((1, 2, 3), np.int64),
        "head_weights": np.ones(1, np.float32),
    }
    fields = {"batch_size": 2, "time": 3} | {name: pointer(array) for name, array in arrays.items()} | changes
    for name in ("compute", "score"):
        losses = np.zeros(6)
        getattr(training_library(), f"seqloom_trainer_{name}")(
            trainer._trainer, byref(Window(**fields)), losses.ctypes.data
        )


LARGE, NEGATIVE = np.full(6, 7, np.int64), np.full(6, -1, np.int64)
CONDITIONS = np.full(6, 2, np.int32)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"tokens": pointer(LARGE)}, "token is 7, but must be from 0 to 6"),
        ({"tokens": pointer(NEGATIVE)}, "token is -1, but must be from 0 to 6"),
        ({"targets": pointer(LARGE)}, "target is 7, but must be from .* to 6"),
        ({"tokens": None}, "token is a null pointer"),
        ({"targets": None}, "target is a null pointer"),
        ({"head_weights": None}, "head weights is a null pointer"),
        ({"batch_size": 0}, "batch size is 0"),
        ({"time": -3}, "length of the window is -3"),
        ({"batch_size": 1 << 24, "time": 1 << 24}, "number of tokens in the window is"),
        ({"dropout": 1.0}, "dropout is 1, but must be at least 0 and below 1"),
        ({"weight_dropout": float("nan")}, "weight dropout is nan"),
        ({"num_conditions": -1}, "number of conditions is -1"),
        ({"num_conditions": 2, "condition": pointer(CONDITIONS)}, "condition is 2, but must be from 0 to 1"),
        ({"num_conditions": 3, "condition": pointer(CONDITIONS)}, "gate biases of the conditions is a null pointer"),
    ],
)
def test_windows_are_checked(trainer, changes, match):
    with pytest.raises(TrainingError, match=match):
        compute(trainer, **changes)
    compute(trainer)


def test_parts_states_and_updates_are_checked(trainer):
    library, room, handle = training_library(), np.zeros(1000, np.float32), trainer._trainer
    for arguments, match in [
        ((4, 0, 0, pointer(room), 0), "arena 4 is out of range"),
        ((0, 6, 0, pointer(room), 0), "part is 6"),
        ((0, 0, 1, pointer(room), 0), "embedding 1 is out of range"),
        ((0, 2, 2, pointer(room), 0), "layer 2 is out of range"),
        ((0, 4, 1, pointer(room), 0), "head 1 is out of range"),
        ((0, 2, 0, None, 0), "values is a null pointer"),
    ]:
        with refused(match):
            library.seqloom_trainer_copy_parameter(handle, *arguments)
    for arguments, match in [
        ((-1, 2, pointer(room), pointer(room), 1), "layer -1 is out of range"),
        ((0, 0, pointer(room), pointer(room), 1), "batch size is 0"),
        ((0, 2, None, None, 0), "hidden state is a null pointer"),
        ((0, 2, pointer(room), None, 1), "cell state is a null pointer"),
    ]:
        with refused(match):
            library.seqloom_trainer_copy_state(handle, *arguments)
    with refused("optimizer is 2"):
        library.seqloom_trainer_update(handle, byref(OptimizerStep(kind=2, step=1)))
    with refused("number of the update is 0"):
        library.seqloom_trainer_update(handle, byref(OptimizerStep(step=0)))
    for name, *arguments in [("keep_state",), ("gradient_norm", None), ("update", None), ("compute", None, None)]:
        with refused("is a null pointer"):
            getattr(library, f"seqloom_trainer_{name}")(None, *arguments)


@pytest.mark.parametrize(
    ("position", "value", "match"),
    [
        (2, 0, "number of layers is 0"),
        (3, (c_int * 1)(1 << 25), "size of a layer is 33554432"),
        (3, None, "sizes is a null pointer"),
        (4, 0, "vocabulary is 0"),
        (5, -1, "embedding is -1"),
        (6, 0, "number of heads is 0"),
        (7, 0, "number of threads is 0"),
    ],
)
def test_setups_are_checked(position, value, match):
    arguments = [b"portable", 0, 1, (c_int * 1)(4), 7, 3, 1, 1, byref(c_void_p())]
    arguments[position] = value
    with pytest.raises(TrainingError, match=match):
        training_library().seqloom_trainer_new(*arguments)


# --- text


def test_indices_and_counts_outside_of_their_arrays_are_refused():
    values, counts = np.zeros(4, np.float32), np.array([2, 1])
    with refused("index is 4, but must be from 0 to 3"):
        reduce.sum_values(values, ids(0, 4, 1), counts)
    with refused("sum of the counts is 4, but must be from 0 to 3"):
        reduce.sum_values(values, ids(0, 1, 1), np.array([2, 2]))
    with refused("sum of the counts is 2, but must be 3"):
        reduce.sum_values(values, ids(0, 1, 1), np.array([1, 1]))
    with refused("count is -1"):
        reduce.sum_values(values, ids(0, 1, 1), np.array([4, -1]))
    sides = np.zeros(2, np.int8)
    with refused("index is -1, but must be from 0 to 3"):
        reduce.sum_levels(np.zeros((4, 2), np.uint8), np.zeros((256, 3), np.float32), ids(0, -1, 1), counts, sides)
    with refused("row is 3, but must be from 0 to 2"):
        reduce.mean_cosines(np.zeros((3, 5), np.float32), ids(0, 3, 1), counts, ((1, 2),))
    with refused("start of a reach is 0"):
        reduce.mean_cosines(np.zeros((3, 5), np.float32), ids(0, 2, 1), counts, ((0, 2),))
    with refused("row is 3, but must be from 0 to 2"):
        reduce.companion_statistics(
            *(np.zeros(8, np.uint8), ids(1, 1, 1), 5, ids(0, 3, 1), counts, np.ones(2, bool)),
            max_distance=2,
            rare_below=3,
        )


def test_characters_and_rooms_of_texts_are_checked():
    codes, kinds, lower = np.array([97, 98], np.uint32), np.zeros(0x110000, np.uint8), np.zeros(0x110000, np.uint32)
    settings = {"bits": 10, "word_offsets": ((0, 1),), "character_lengths": (3,)}
    with refused("code point is 1114112"):
        patterns.read_patterns(np.array([0x110000], np.uint32), np.array([1]), kinds, lower, **settings)
    with refused("length of all texts is 3, but must be from 0 to 2"):
        patterns.read_patterns(codes, np.array([1, 1]), kinds, lower, **settings)
    for change, match in [
        ({"bits": 32}, "bits is 32"),
        ({"word_offsets": ((0, 2, 1),)}, "offset of a word in a run is 2, but must be from 0 to 1"),
        ({"character_lengths": (0,)}, "characters of a substring is 0"),
    ]:
        with refused(match):
            patterns.read_patterns(codes, np.array([2]), kinds, lower, **(settings | change))
    with refused("number of buckets is 3, but must be a power of two"):
        ngrams.count_hashed(["some text"], 3)


def test_an_error_names_the_function():
    library = declare({"seqloom_uniforms": decoding_library().seqloom_uniforms.argtypes}, remedy="")
    with refused(r"failed: count is -5, but must be from 0 to 2147483647 \(in seqloom_uniforms\)"):
        library.seqloom_uniforms(1, 2, -5, None)


# --- memory


LITTLE_MEMORY = """
import resource, sys
from ctypes import byref, c_void_p
import numpy as np
from seqloom.config import ModelConfig
from seqloom.errors import SeqloomError, TrainingError
from seqloom.kernels import native_decoder
from seqloom.kernels.text_hashing import patterns, reduce
from seqloom.kernels.decoding_abi import LayerWeights, Model, SamplingSettings, decoding_library
from seqloom.kernels.library import available_kernels
from seqloom.kernels.trainer import DropoutSettings, NativeTrainer
from seqloom.kernels.weights import expected_shapes

def allow(megabytes):
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (megabytes << 20), resource.RLIM_INFINITY))

def fails(work, error=SeqloomError):
    try:
        work()
    except error as raised:
        print(raised)
        assert "out of memory" in str(raised), raised
    else:
        raise AssertionError("there was memory enough")
"""

DECODE = """
config = ModelConfig(core="lstm", vocabulary=5000, hidden_sizes=(64,))
weights = {name: np.zeros(shape, np.float32) for name, shape in expected_shapes(config).items()}
decoder = native_decoder(config, weights, "float32")
lanes = decoder.streams(2, 2)
lanes.step(np.array([1, 2]))
settings = SamplingSettings(temperature=1, top_p=1, typical_p=1, repetition_penalty=1.2, boundary=-1, length=9,
                            repetition_window=8)
lanes.set_sampling(settings)
before = lanes.logits(0)
# A model whose packed weights are larger than the memory; all its arrays are one.
room = np.zeros(20_000 * 2048, np.float32).ctypes
names = ("table", "bias", "hidden")
layers = (LayerWeights * 1)(LayerWeights(inputs=1, units=512, **{name: room.data for name in names}))
large = Model(vocabulary=20_000, num_layers=1, layers=layers, head=room.data, head_bias=room.data)
allow(16)
fails(lambda: lanes.resize(100_000))
fails(lambda: decoder.streams(100_000))
fails(lambda: decoding_library().seqloom_weights_new(b"portable", byref(large), byref(c_void_p())))
np.testing.assert_array_equal(lanes.logits(0), before)
lanes.begin(0, 1, 2, np.zeros(0, int))
assert lanes.generate(4).counts.tolist() == [4, 0]
"""

TRAIN = """
trainer = NativeTrainer(ModelConfig(vocabulary=50, hidden_sizes=(64, 64), embedding=8), available_kernels()[0], 2)
def compute(lanes, time):
    zeros = np.zeros((lanes, time), np.int64)
    return trainer.compute_gradients(zeros, zeros[None], None, np.ones(1, np.float32), DropoutSettings(dropout=0.5))
trainer.clear_state(4)
expected = compute(4, 8)
large = np.zeros((500, 500), np.int64)
allow(64)
wide = ModelConfig(vocabulary=50, hidden_sizes=(1 << 16,))
fails(lambda: NativeTrainer(wide, available_kernels()[0], 1), TrainingError)
fails(lambda: compute(500, 500), TrainingError)
fails(lambda: trainer.score(large, large), TrainingError)
fails(lambda: trainer.clear_state(200_000), TrainingError)
trainer.carry_state()
trainer.clear_state(4)
assert compute(4, 8) == expected
"""

TEXT = """
codes = np.full(8_000_000, 97, np.uint32)
lengths = np.array([len(codes)])
kinds, lower = np.ones(0x110000, np.uint8), np.zeros(0x110000, np.uint32)
vectors, rows = np.ones((3, 64), np.float32), np.ones(2_000_000, np.int32)
short = np.array([len(rows)])
settings = dict(bits=10, word_offsets=(), character_lengths=())
# The arrays for the results are there before memory is limited: what fails is the native function.
results, empty = [np.empty((2, len(codes) + 2), np.int32), np.empty((2, 1), np.int64)], np.empty
allow(40)
patterns.np.empty = lambda *_: results.pop(0)
fails(lambda: patterns.read_patterns(codes, lengths, kinds, lower, **settings))
patterns.np.empty = empty
fails(lambda: reduce.mean_cosines(vectors, rows, short, ((1, 2),)))
np.testing.assert_array_equal(reduce.sum_values(np.ones(3, np.float32), rows[:5], np.array([5])), [5])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory can be limited on Linux alone")
@pytest.mark.parametrize("work", ["decode", "train", "text"])
def test_without_memory_there_is_an_error_and_the_process_goes_on(work, tmp_path):
    script = LITTLE_MEMORY + {"decode": DECODE, "train": TRAIN, "text": TEXT}[work]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the compiled kernels ran out of memory" in done.stdout
