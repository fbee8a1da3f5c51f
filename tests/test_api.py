"""What a person meets in a Python session: wrong types, and how things look when they are printed."""

import math
from html import escape
from typing import Any

import numpy as np
import pytest

import seqloom
from seqloom.api import Run
from seqloom.errors import ConfigError
from seqloom.evaluation.likelihood import Likelihood


@pytest.mark.parametrize(
    ("settings", "faults"),
    [
        ({"temperature": "hot"}, ["`temperature` got 'hot': give a number"]),
        ({"count": "3"}, ["`count` got '3': choose a whole number from 1 up"]),
        ({"count": 3, "beam": "2"}, ["`beam` got '2': give a whole number"]),
        ({"prompt": 7}, ["the text is 7, but must be a string"]),
        (
            {"count": 0, "seed": None},
            ["`count` got 0: choose a whole number from 1 up", "`seed` got None"],
        ),
    ],
)
def test_settings_of_another_type_are_faults(run: Run, settings: dict[str, Any], faults: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        run.samples(**settings)
    assert len(caught.value.faults) == len(faults)
    assert all(found.startswith(said) for found, said in zip(caught.value.faults, faults, strict=True))


def test_a_temperature_that_is_no_number_is_a_fault(run: Run) -> None:
    with pytest.raises(ConfigError, match="temperature got 'hot': choose 0"):
        run.next_distribution("the", temperature="hot")  # type: ignore[arg-type]


def test_numbers_of_numpy_are_numbers(run: Run) -> None:
    settings = {"temperature": np.float32(0.5), "length": np.int64(5), "seed": np.uint8(3)}
    assert run.generate("the", **settings) == run.generate("the", temperature=0.5, length=5, seed=3)


def test_a_run_says_what_it_is(run: Run) -> None:
    parameters = sum(array.size for array in run.weights.values())
    loss = run.folder.read_metrics()["held_out"]["full_context"]["nats_per_token"]
    shape = f"lstm of 32, {parameters:,} parameters, level char"
    assert repr(run) == f"<Run {run.path}: {shape}, {loss:.3f} nats per token on held-out text>"


def test_a_notebook_shows_a_run(run: Run) -> None:
    page = run._repr_html_()
    assert "nats per token on held-out text" in page
    assert 'src="data:image/png;base64,' in page
    assert escape(run.generate(length=240, temperature=0.7)) in page


def test_all_public_names_are_listed() -> None:
    assert set(seqloom.__all__) <= set(dir(seqloom))
    assert all(hasattr(seqloom, name) for name in dir(seqloom))


def test_a_likelihood_says_what_it_means() -> None:
    scored = Likelihood(nats=2000 * math.log(2), tokens=1000, num_units=4000)
    said = "0.5000 bits per character, perplexity 4.00 (1,000 tokens, 4,000 characters)"
    assert str(scored) == f"1.3863 nats per token, {said}"
    assert repr(scored) == f"<Likelihood: {scored}>"


def test_a_misspelt_argument_names_the_nearest(run: Run) -> None:
    with pytest.raises(TypeError, match=r"did you mean temperature\?$"):
        run.generate("the", temprature=0.5)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"^train has no argument 'epoch': did you mean epochs\?$"):
        seqloom.train("x", epoch=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"^score has no argument 'zzz': its arguments are text, skip_unknown$"):
        run.score("the", zzz=1)  # type: ignore[call-arg]
