"""`/v1/completions`: texts, streams, log-probabilities."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import httpx
import numpy as np
import pytest
from tests.serving.conftest import Server

import seqloom
from seqloom.config.serving import ServingConfig
from seqloom.evaluation.token_scores import token_scores
from seqloom.lm.evaluate import run_scorer
from seqloom.serving.api_errors import ApiError
from seqloom.serving.app import make_app
from seqloom.serving.channel import deliver_into
from seqloom.serving.generation import Generation
from seqloom.serving.openai.character_count import CharacterCount
from seqloom.serving.served_model import ServedModel
from seqloom.serving.served_models import ServedModels


def events_of(server: Server, **body: object) -> list[dict]:  # type: ignore[type-arg]
    """Return the events of a stream, after a check of its frame."""
    with server.client.stream("POST", "/v1/completions", json={"model": "plain", **body, "stream": True}) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-accel-buffering"] == "no"
        lines = [line for line in answer.iter_lines() if line.startswith("data: ")]
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


def text_of(events: list[dict], index: int = 0) -> str:  # type: ignore[type-arg]
    choices = [choice for event in events for choice in event["choices"] if choice["index"] == index]
    return "".join(choice["text"] for choice in choices)


def test_the_texts_are_those_of_the_library(server: Server) -> None:
    run = seqloom.load(server.folder / "plain")
    choice = server.complete(seed=7, max_tokens=40, temperature=0.7, top_k=5)
    assert choice["text"] == run.generate("the ", seed=7, length=40, temperature=0.7, top_k=5)
    assert choice["finish_reason"] == "length"
    assert choice["logprobs"] is None


def test_a_stream_joins_to_the_same_text(server: Server) -> None:
    events = events_of(server, prompt="the ", seed=7, max_tokens=300, stream_options={"include_usage": True})
    assert text_of(events) == server.complete(seed=7, max_tokens=300)["text"]
    assert [choice["finish_reason"] for event in events for choice in event["choices"]][-1] == "length"
    assert events[-1]["choices"] == []
    assert events[-1]["usage"] == {"prompt_tokens": 4, "completion_tokens": 300, "total_tokens": 304}


def test_requests_at_the_same_time_get_the_texts_that_they_get_alone(server: Server) -> None:
    requests = [
        {"prompt": prompt, "seed": seed, "temperature": temperature, "max_tokens": 60 + seed, "model": model}
        for seed, prompt in enumerate(("the ", "fox ", "w", ""))
        for temperature in (0.0, 0.8, 1.3)
        for model in ("plain", "rated")
        if model == "plain" or prompt != "fox "
    ]
    alone = [server.complete(**request) for request in requests]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda request: server.complete(**request), requests * 2))
    assert together == alone * 2


def test_several_prompts_and_several_texts(server: Server) -> None:
    answer = server.post("/v1/completions", model="plain", prompt=["the ", "fox "], n=2, max_tokens=9, seed=3).json()
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2, 3]
    assert answer["choices"][2]["text"] == server.complete("fox ", max_tokens=9, seed=3)["text"]
    assert answer["usage"] == {"prompt_tokens": 8, "completion_tokens": 36, "total_tokens": 44}
    events = events_of(server, prompt=["the ", "fox "], n=2, max_tokens=9, seed=3)
    assert [text_of(events, index) for index in range(4)] == [choice["text"] for choice in answer["choices"]]


def test_the_likeliest_of_several_texts(server: Server) -> None:
    run = seqloom.load(server.folder / "plain")
    answer = server.post("/v1/completions", model="plain", prompt="the ", n=2, best_of=6, max_tokens=30, seed=1).json()
    samples = sorted(run.samples("the ", 6, length=30, seed=1), key=lambda sample: -sample.log_prob)
    assert [choice["text"] for choice in answer["choices"]] == [sample.text for sample in samples[:2]]


@pytest.mark.parametrize("stream", [False, True])
def test_a_stop_string_ends_a_text(server: Server, stream: bool) -> None:
    body = {"prompt": "the ", "stop": ["fox", "dog"], "max_tokens": 400, "seed": 0, "temperature": 0.3}
    if stream:
        events = events_of(server, **body)
        text, reason = text_of(events), events[-1]["choices"][0]["finish_reason"]
    else:
        choice = server.complete(**body)
        text, reason = choice["text"], choice["finish_reason"]
    assert reason == "stop"
    assert "fox" not in text
    assert "dog" not in text


def test_a_bias_excludes_a_token(server: Server) -> None:
    (token,) = server.post("/tokenize", prompt="o").json()["tokens"]
    choice = server.complete(seed=0, max_tokens=300, temperature=1.5, logit_bias={str(token): -100})
    assert "o" not in choice["text"]


def test_a_rating_is_requested(server: Server) -> None:
    run = seqloom.load(server.folder / "rated")
    for rating in (1, 5):
        choice = server.complete("the ", model="rated", rating=rating, seed=2, max_tokens=50)
        assert choice == server.complete("the ", model="rated", rating={"stars": str(rating)}, seed=2, max_tokens=50)
        assert choice["text"] == run.generate("the ", rating=rating, seed=2, length=50)
    guided = server.complete("the ", model="rated", rating=5, guidance=2, seed=2, max_tokens=50)
    assert guided["text"] == run.generate("the ", rating=5, guidance=2, seed=2, length=50)


def test_a_prompt_of_token_ids(server: Server) -> None:
    ids = server.post("/tokenize", prompt="the ").json()["tokens"]
    assert server.complete(ids, seed=4) == server.complete("the ", seed=4)
    assert server.complete([ids, ids], seed=4) == server.complete("the ", seed=4)


def test_log_probabilities_are_those_of_the_library(server: Server) -> None:
    run = seqloom.load(server.folder / "plain")
    choice = server.complete("the fox", echo=True, logprobs=3, max_tokens=12, seed=5, temperature=0.5)
    logprobs, text = choice["logprobs"], choice["text"]
    assert text.startswith("the fox")
    assert "".join(logprobs["tokens"]) == text
    assert logprobs["text_offset"] == list(range(len(text)))
    assert logprobs["token_logprobs"][0] is None
    expected = [score.log_prob for score in token_scores(run_scorer(run), run.codec.encode_text(text))]
    np.testing.assert_allclose(logprobs["token_logprobs"][1:], expected, atol=1e-6)
    columns = (logprobs[name][1:] for name in ("tokens", "token_logprobs", "top_logprobs"))
    for name, value, top in zip(*columns, strict=True):
        assert top[name] == value
        assert 3 <= len(top) <= 4
        assert max(top.values()) >= value
    of_new = server.complete("the fox", logprobs=3, max_tokens=12, seed=5, temperature=0.5)["logprobs"]
    assert of_new["token_logprobs"] == logprobs["token_logprobs"][7:]
    assert of_new["text_offset"] == list(range(12))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "prompt", "rating"),
    [
        ("plain", "t", None),
        ("plain", "", None),
        ("rated", "the ", None),
        ("rated", "", 1),
        ("rated", "the ", 5),
        ("windowed", "the fox ", None),
        ("windowed", "", None),
    ],
)
def test_log_probabilities_are_those_of_the_draws(
    server: Server, model: str, prompt: str, rating: float | None, stream: bool
) -> None:
    fields = {"model": model, "prompt": prompt, "logprobs": 5, "max_tokens": 8, "seed": 1}
    if rating is not None:
        fields["rating"] = rating
    if stream:
        events = [choice for event in events_of(server, **fields) for choice in event["choices"]]
        text = "".join(choice["text"] for choice in events)
        tops = [top for choice in events for top in choice["logprobs"]["top_logprobs"]]
    else:
        choice = server.complete(**fields)
        text, tops = choice["text"], choice["logprobs"]["top_logprobs"]
    run = seqloom.load(server.folder / model)
    names = [
        server.post("/detokenize", model=model, tokens=[token]).json()["prompt"] for token in range(len(run.codec))
    ]
    read = prompt or (run.codec.decode_text(run.config.opening) if model != "rated" else "")
    for position, top in enumerate(tops):
        shares = run.next_distribution(read + text[:position], rating=rating)
        expected = dict(zip(names, np.log(shares), strict=True))
        for name, value in top.items():
            assert value == pytest.approx(expected["" if name == "<|start|>" else name], abs=1e-4)


def test_greedy_tokens_are_the_likeliest_ones(server: Server) -> None:
    logprobs = server.complete(logprobs=1, max_tokens=40, temperature=0)["logprobs"]
    columns = logprobs["token_logprobs"], logprobs["top_logprobs"]
    assert all(max(top.values()) == value for value, top in zip(*columns, strict=True))


def test_a_prompt_alone_is_scored(server: Server) -> None:
    for model in ("plain", "rated"):
        run = seqloom.load(server.folder / model)
        start = server.client.get("/tokenizer_info", params={"model": model}).json()["eos_token"]
        text = "the table was warm" if model == "rated" else "the lazy dog"
        ids = server.post("/tokenize", prompt=start + text, model=model).json()["tokens"]
        choice = server.complete(ids, model=model, echo=True, logprobs=0, max_tokens=0)
        assert choice["text"] == text
        assert choice["logprobs"]["tokens"] == [start, *text]
        expected = [score.log_prob for score in run.score(text)]
        np.testing.assert_allclose(choice["logprobs"]["token_logprobs"][1:], expected, atol=1e-6)
        # A start token in the middle forgets what was before it.
        twice = server.complete(ids + ids, model=model, echo=True, logprobs=0, max_tokens=0)["logprobs"]
        assert twice["token_logprobs"][1 - len(ids) :] == choice["logprobs"]["token_logprobs"][1:]
        assert len(twice["token_logprobs"]) == 2 * len(ids)


def test_a_stream_of_no_tokens_has_a_choice(server: Server) -> None:
    (choice,) = (choice for event in events_of(server, max_tokens=0, prompt="the ") for choice in event["choices"])
    assert (choice["text"], choice["finish_reason"]) == ("", "length")


def test_too_many_log_probabilities_of_prompts_are_refused(server: Server) -> None:
    body = {"model": "plain", "prompt": "the " * 2000, "echo": True, "logprobs": 20, "n": 4, "max_tokens": 1}
    answer = server.post("/v1/completions", **body)
    assert answer.status_code == 400
    assert "672,000 log-probabilities of prompts" in answer.json()["error"]["message"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("echo", [False, True])
def test_a_space_at_the_end_of_a_prompt_is_counted_once(tmp_path: Path, stream: bool, echo: bool) -> None:
    (tmp_path / "a.txt").write_text("the quick brown fox jumps over the lazy dog.\n" * 60, encoding="utf-8")
    settings = {"level": "word", "hidden_size": 24, "steps": 40, "batch_size": 8, "progress": False}
    run = seqloom.train(tmp_path / "a.txt", run=tmp_path / "words", **settings)
    answers: list[tuple[str, list[str], list[int]]] = []

    async def ask() -> None:
        models = ServedModels({})
        served = ServedModel("words", run, 2, deliver_into(asyncio.get_running_loop()))
        models.by_name["words"] = served
        transport = httpx.ASGITransport(make_app(models, ServingConfig()))
        body = {"model": "words", "prompt": "the quick ", "max_tokens": 6, "seed": 1, "logprobs": 1, "echo": echo}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.post("/v1/completions", json={**body, "stream": stream})
        served.close()
        lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: {")]
        events = [json.loads(line) for line in lines] if stream else [answer.json()]
        choices = [choice for event in events for choice in event["choices"]]
        tokens = [token for choice in choices for token in choice["logprobs"]["tokens"]]
        offsets = [offset for choice in choices for offset in choice["logprobs"]["text_offset"]]
        answers.append(("".join(choice["text"] for choice in choices), tokens, offsets))

    asyncio.run(ask())
    ((text, tokens, offsets),) = answers
    assert text == ("the quick " if echo else "") + run.generate("the quick ", length=6, seed=1, temperature=1)
    joined = "".join(token.partition("#")[0] for token in tokens)
    assert joined == (text if echo else f" {text}")
    assert offsets[0] == 0
    for offset, token in list(zip(offsets, tokens, strict=True))[1:]:
        assert text[offset:].startswith(token.partition("#")[0])


def test_the_end_of_a_document_is_a_token(server: Server) -> None:
    choice = server.complete("the ", model="rated", max_tokens=400, seed=0, logprobs=1)
    assert choice["finish_reason"] == "stop"
    assert choice["logprobs"]["tokens"][-1] == "<|start|>"
    assert "".join(choice["logprobs"]["tokens"][:-1]) == choice["text"]
    events = events_of(server, model="rated", prompt="the ", max_tokens=400, seed=0, logprobs=1)
    streamed = [choice["logprobs"]["token_logprobs"] for event in events for choice in event["choices"]]
    assert [value for part in streamed for value in part] == choice["logprobs"]["token_logprobs"]


@pytest.mark.parametrize(
    ("body", "status", "fault"),
    [
        ({"model": "../plain"}, 404, "the model '../plain' does not exist: choose from plain, rated"),
        ({"suffix": "."}, 400, "'suffix' is not supported"),
        ({"best_of": 2, "stream": True}, 400, "'best_of' chooses among finished texts"),
        ({"n": 3, "best_of": 2}, 400, "'best_of' 2 is below 'n' 3"),
        ({"n": 5000}, 400, "this server allows up to 128"),
        ({"max_tokens": -1}, 400, "'max_tokens'"),
        ({"max_tokens": 10**7}, 400, "this server allows up to 100,000"),
        ({"temperature": -1}, 400, "'temperature'"),
        ({"top_p": 2}, 400, "'top_p'"),
        ({"unknown_field": 1}, 400, "'unknown_field': there is no such field here: leave it out"),
        ({"stop": ["x"] * 10**5}, 400, "'stop"),
        ({"logit_bias": {"9999": 1}}, 400, "'logit_bias' names the token '9999'"),
        ({"prompt": "\u2603"}, 400, "not in the vocabulary"),
        ({"prompt": ["the", "\u2603"]}, 400, "prompt 2: "),
        ({"prompt": [99999]}, 400, "the token id 99999 does not exist"),
        ({"prompt": []}, 400, "'prompt' is an empty list"),
        ({"rating": 3}, 400, "rating"),
        ({"stream_options": {"include_usage": True}}, 400, "'stream_options' has no effect"),
    ],
)
def test_wrong_requests_are_refused(server: Server, body: dict, status: int, fault: str) -> None:  # type: ignore[type-arg]
    answer = server.post("/v1/completions", **{"model": "plain", "prompt": "the ", **body})
    assert answer.status_code == status
    error = answer.json()["error"]
    assert fault in error["message"]
    assert error["type"] == "invalid_request_error"
    assert set(error) == {"message", "type", "param", "code"}


def test_a_client_that_leaves_frees_its_stream(server: Server) -> None:
    """More endless texts than streams, one after another; then a text that needs a stream."""
    for _ in range(8):
        body = {"model": "plain", "prompt": "the ", "max_tokens": 100_000, "stream": True}
        with server.client.stream("POST", "/v1/completions", json=body) as answer:
            next(answer.iter_lines())
    assert server.complete(max_tokens=5, seed=1)["finish_reason"] == "length"


def test_too_many_texts_are_refused() -> None:
    config = ServingConfig(streams=3, max_waiting=20)
    for num_jobs, num_texts, is_refused in ((0, 23, False), (0, 100, False), (20, 3, False), (20, 4, True)):
        jobs: list[object] = []
        served = SimpleNamespace(num_jobs=num_jobs, submit=jobs.append, is_closed=False)
        requests = [(SimpleNamespace(), 0)] * num_texts
        with pytest.raises(ApiError, match="too many texts") if is_refused else nullcontext() as refused:
            Generation.begun(served, requests, config)  # type: ignore[arg-type]
        assert len(jobs) == (0 if is_refused else num_texts)
        if is_refused:
            assert refused.value.status == 429  # type: ignore[union-attr]
            assert refused.value.headers == {"Retry-After": "1"}  # type: ignore[union-attr]


def test_a_replaced_model_asks_to_try_again() -> None:
    served = SimpleNamespace(num_jobs=0, is_closed=True)
    with pytest.raises(ApiError, match="the model has new weights by now: try again") as refused:
        Generation.begun(served, [(SimpleNamespace(), 0)], ServingConfig())  # type: ignore[arg-type,list-item]
    assert refused.value.status == 503


def test_offsets_count_bytes_that_are_no_characters() -> None:
    characters = CharacterCount(0)
    numbers = []
    for spelling in (b"\xa9", b" ", b"\xc3", b"\xa9", b"\xe4\xb8", b"a", b"\xf0"):
        characters.add(spelling)
        numbers.append(characters.number)
    assert numbers == [1, 2, 3, 3, 4, 5, 6]
    assert len(b"\xa9 \xc3\xa9\xe4\xb8a\xf0".decode(errors="replace")) == 6
