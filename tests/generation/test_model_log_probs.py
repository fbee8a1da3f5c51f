"""The log-probability of a text that is returned is that of the model, not that of its packed weights."""

import math
from typing import Any

import pytest
from tests.end_to_end.test_damaged_folders import make_gan
from tests.rating.test_rated_runs import write_table

import seqloom
from seqloom.api.run import Run
from seqloom.kernels.library import chosen_kernels
from seqloom.sampling import SamplingConfig

SIZES: dict[str, Any] = {"hidden_size": 48, "threads": 1, "steps": 30}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    folder = tmp_path_factory.mktemp("runs")
    text, table = folder / "text.txt", write_table(folder / "table.csv", 600)
    text.write_text("the quick brown fox jumps over the lazy dog.\nand again!\n" * 60, encoding="utf-8")
    make_gan(table, folder / "gan")
    return {
        "chars": seqloom.train(text, run=folder / "chars", level="char", **SIZES),
        "words": seqloom.train(text, run=folder / "words", level="word", **SIZES),
        "texts": seqloom.train(table, run=folder / "texts", text="text", **SIZES),
        "rated": seqloom.train(table, run=folder / "rated", text="text", rating="stars", **SIZES),
        "gan": seqloom.load(folder / "gan"),
    }


@pytest.mark.parametrize("precision", [None, "int8"])
@pytest.mark.parametrize(
    ("name", "prompt"), [("chars", "the "), ("chars", "t"), ("words", "the quick"), ("texts", ""), ("texts", "a")]
)
def test_it_is_the_sum_of_the_scores(runs: dict[str, Run], name: str, prompt: str, precision: Any) -> None:
    if precision == "int8" and chosen_kernels() is None:
        pytest.skip("the compiled kernels are not there, or off")
    run, num_compared = runs[name], 0
    num_prompt_tokens = len(run.codec.encode_text(prompt))
    for sample in run.samples(prompt, 8, length=40, precision=precision):
        scores = run.score(prompt + sample.text)[num_prompt_tokens:]
        if [score.token for score in scores] != list(sample.tokens):
            continue  # two generated words without a space between them are one word
        num_compared += 1
        total = math.fsum(score.log_prob for score in scores)
        if sample.finish_reason == "length":
            assert sample.log_prob == pytest.approx(total, abs=1e-4)
        else:
            assert sample.log_prob < total  # it includes the end of the text
    assert num_compared > 0


@pytest.mark.parametrize(
    ("name", "rating"), [("texts", None), ("rated", None), ("rated", 5), ("gan", None), ("gan", 1)]
)
def test_it_is_what_exact_weights_give(runs: dict[str, Run], name: str, rating: float | None) -> None:
    run, precision = runs[name], None if chosen_kernels() is None else "float32"
    generator = run.generator(rating=rating, precision=precision)
    exact = generator.generate(generator.prompt(""), SamplingConfig(length=30), count=6)
    samples = run.samples("", 6, length=30, rating=rating, precision=precision)
    for sample, drawn in zip(samples, exact, strict=True):
        assert sample.tokens == drawn.tokens
        assert sample.log_prob == pytest.approx(drawn.log_prob, abs=1e-4)


def test_rated_texts_have_it_too(runs: dict[str, Run]) -> None:
    run = runs["rated"]
    plain = run.samples("", 4, length=30, rating=4)
    for rated, sample in zip(run.generate_rated(4, "", 4, length=30, methods=("conditioning",)), plain, strict=True):
        assert rated.sample.tokens == sample.tokens
        assert rated.sample.log_prob == pytest.approx(sample.log_prob, abs=1e-5)


def test_a_text_has_the_same_value_in_any_batch(runs: dict[str, Run]) -> None:
    samples = runs["chars"].samples("the ", 9, length=20)
    alone = [runs["chars"].samples("the ", count, length=20)[-1] for count in range(1, 10)]
    assert [sample.log_prob for sample in samples] == pytest.approx([sample.log_prob for sample in alone], abs=1e-5)
