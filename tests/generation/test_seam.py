"""Stop strings, banned strings and copies of the corpus across the seam between prompt and text.

They count if their last character is generated: a prompt that contains one neither stops nor fails the text.
"""

from typing import Any

import pytest

import seqloom
from seqloom.api.run import Run

SENTENCE = "the quick brown fox jumps over the lazy dog\n"


@pytest.fixture(scope="module", params=["char", "byte", "word", "subword"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("seam")
    (folder / "text.txt").write_text(SENTENCE * 80, encoding="utf-8")
    settings: dict[str, Any] = {"hidden_size": 32, "batch_size": 4, "sequence_length": 16, "threads": 1}
    return seqloom.train(folder / "text.txt", run=folder / "run", level=request.param, steps=150, seed=1, **settings)


@pytest.mark.parametrize("settings", [{}, {"beam": 3}, {"repetition_penalty": 1.0001}])
def test_a_banned_string_may_not_be_completed(run: Run, settings: dict[str, Any]) -> None:
    prompt, banned = "the quick brown f", "brown fox"
    if run.config.level in ("word", "subword"):
        prompt = "the quick brown"
    free = run.generate(prompt, length=30, temperature=0, **settings)
    assert banned in prompt + free
    kept = run.generate(prompt, length=30, temperature=0, ban=[banned], **settings)
    assert banned not in prompt + kept


@pytest.mark.parametrize("settings", [{}, {"beam": 3}])
def test_a_stop_string_that_begins_in_the_prompt_ends_the_text(run: Run, settings: dict[str, Any]) -> None:
    prompt = "the quick brown"
    (stopped,) = run.samples(prompt, length=30, temperature=0, stop=["brown fox"], **settings)
    assert (stopped.text, stopped.finish_reason) == ("", "stop")
    assert "".join(run.stream(prompt, length=30, temperature=0, stop=["brown fox"], **settings)) == ""
    (later,) = run.samples(prompt, length=30, temperature=0, stop=["fox jumps"], **settings)
    assert (later.text, later.finish_reason) == (" ", "stop")


@pytest.mark.parametrize("strings", [{"stop": ["quick"]}, {"ban": ["quick"]}])
def test_a_string_in_the_prompt_does_not_count(run: Run, strings: dict[str, Any]) -> None:
    free = run.generate("the quick", length=15 if run.config.level == "char" else 5, temperature=0)
    kept = run.generate("the quick", length=15 if run.config.level == "char" else 5, temperature=0, **strings)
    assert kept == free
    assert "quick" not in kept


@pytest.mark.parametrize("prompt", ["the quick brown fox jumps ", "jumps over", "fox"])
def test_a_copy_may_begin_in_the_prompt(run: Run, prompt: str) -> None:
    most = 10
    corpus = SENTENCE * 80
    for sample in run.samples(prompt, 5, length=30, temperature=0.7, max_copy=most):
        whole = prompt + sample.text
        new = range(max(0, len(prompt) - most), len(whole) - most)
        assert not any(whole[start : start + most + 1] in corpus for start in new if start + most + 1 > len(prompt))


def test_a_text_without_a_prompt_has_no_seam(run: Run) -> None:
    """The tokens that replace an empty prompt are not the user's."""
    end_of_opening = run.codec.decode_text(run.config.opening)[-3:]
    free = run.generate(length=10, temperature=0)
    assert run.generate(length=10, temperature=0, ban=[end_of_opening + free[:1]]) == free
