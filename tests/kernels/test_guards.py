"""Arrays that do not fit are refused before the compiled kernels see them, also without assertions (`python -O`)."""

import subprocess
import sys

import pytest

from seqloom.kernels.library import available_kernels

pytestmark = pytest.mark.skipif(not available_kernels(), reason="the compiled kernels are not available")

PROGRAM = """
from dataclasses import replace
import numpy as np
from seqloom.config import ModelConfig
from seqloom.errors import SeqloomError
from seqloom.kernels.batched_decoder import BatchedDecoder
from seqloom.kernels.library import available_kernels
from seqloom.kernels.native_weights import NativeWeights
from seqloom.kernels.text_hashing.reduce import companion_statistics, sum_levels, sum_values
from seqloom.kernels.trainer import ConditionBiasRows, DropoutSettings, NativeTrainer
from seqloom.kernels.weights import expected_shapes

assert False, "python -O ignores this"
config = ModelConfig(vocabulary=7, core="lstm", hidden_sizes=(4,), embedding=3)
kernels = available_kernels()[-1]
trainer = NativeTrainer(config, kernels, 1)
trainer.clear_state(2)
tokens = np.zeros((2, 3), np.int64)
targets = np.zeros((1, 2, 3), np.int64)
weights = np.ones(1, np.float32)
rows = ConditionBiasRows(np.zeros((2, 3), np.int32), np.zeros((2, 16), np.float32), np.zeros((2, 7), np.float32))
decoder = BatchedDecoder(
    NativeWeights(config, {n: np.zeros(s, np.float32) for n, s in expected_shapes(config).items()}, kernels, "float32"),
    2,
)
gradients = lambda **changed: trainer.compute_gradients(
    **{"tokens": tokens, "targets": targets, "resets": None, "head_weights": weights, "dropout": DropoutSettings()}
    | changed
)
counts, ids = np.array([2], np.int64), np.array([0, 1], np.int32)
cases = {
    "tokens": lambda: gradients(tokens=tokens + 7),
    "negative tokens": lambda: gradients(tokens=tokens - 1),
    "tokens of 32 bits": lambda: gradients(tokens=tokens.astype(np.int32)),
    "targets": lambda: gradients(targets=targets + 7),
    "few targets": lambda: gradients(targets=targets[:, :1]),
    "few resets": lambda: gradients(resets=np.zeros((1, 1), bool)),
    "few head weights": lambda: gradients(head_weights=weights[:0]),
    "condition index": lambda: gradients(conditions=replace(rows, index=rows.index + 2)),
    "negative condition index": lambda: gradients(conditions=replace(rows, index=rows.index - 1)),
    "index of 64 bits": lambda: gradients(conditions=replace(rows, index=rows.index.astype(np.int64))),
    "narrow gate bias": lambda: gradients(conditions=replace(rows, gate_bias=rows.gate_bias[:, :3])),
    "few logit biases": lambda: trainer.score(tokens, targets[0], replace(rows, logit_bias=rows.logit_bias[:1])),
    "scored tokens": lambda: trainer.score(tokens + 7, targets[0]),
    "loaded weights": lambda: trainer.load("parameter", {n: np.zeros(1) for n in trainer.parameter_names}),
    "loaded state": lambda: trainer.load_state([(np.zeros((2, 3)), np.zeros((2, 3)))]),
    "half a state": lambda: trainer.load_state([(np.zeros((2, 4)),)]),
    "step of one stream": lambda: decoder.step(np.zeros(1, np.int32)),
    "step outside of the vocabulary": lambda: decoder.step(np.array([0, 7], np.int32)),
    "read outside of the vocabulary": lambda: decoder.read(0, np.array([2**31 - 1])),
    "score outside of the vocabulary": lambda: decoder.score(np.full((2, 1), 99), np.zeros((2, 1), int)),
    "few logits": lambda: decoder.set_logits(0, np.zeros(3, np.float32)),
    "indices": lambda: sum_values(np.zeros(2, np.float32), ids + 5, counts),
    "values of 64 bits": lambda: sum_values(np.zeros(2), ids, counts),
    "narrow levels": lambda: sum_levels(
        np.zeros((2, 1), np.uint8), np.zeros((256, 3), np.float32), ids, counts, np.zeros(1, np.int8)
    ),
    "few values": lambda: sum_levels(
        np.zeros((2, 2), np.uint8), np.zeros((9, 3), np.float32), ids, counts, np.zeros(1, np.int8)
    ),
    "three pair counts": lambda: companion_statistics(
        np.zeros(3, np.uint8), np.zeros(2, np.int32), 1, ids, counts, np.zeros(1, bool), max_distance=2, rare_below=1
    ),
}
for name, case in cases.items():
    try:
        case()
    except (SeqloomError, ValueError, IndexError) as error:
        if "\\n" in str(error) or len(str(error)) > 400:
            print("long:", name)
    else:
        print("accepted:", name)
print(len(gradients(conditions=rows)), len(cases))
"""


def test_arrays_that_do_not_fit_are_refused_without_assertions() -> None:
    done = subprocess.run([sys.executable, "-O", "-c", PROGRAM], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 26\n", "")
