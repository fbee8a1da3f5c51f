"""All routes besides the completions."""

import json

import numpy as np
import pytest
from tests.serving.conftest import Server

import seqloom
from seqloom.critic.load import open_critic
from seqloom.detector.load import open_detector


def test_the_models_are_listed(server: Server) -> None:
    models = server.client.get("/v1/models").json()
    assert models["object"] == "list"
    assert [(model["id"], model["object"], model["kind"]) for model in models["data"]] == [
        ("plain", "model", "text"),
        ("rated", "model", "text"),
        ("windowed", "model", "text"),
    ]
    stars = {"name": "stars", "kind": "rating", "lowest": 1, "highest": 5}
    assert server.client.get("/v1/models/rated").json()["conditions"] == [stars]
    assert server.client.get("/v1/models/none").status_code == 404


def test_a_conversation_is_continued(server: Server) -> None:
    run = seqloom.load(server.folder / "plain")
    parts = [{"type": "text", "text": "the "}, {"type": "text", "text": "dog"}]
    messages = [{"role": "system", "content": "the fox"}, {"role": "user", "content": parts}]
    body = {"model": "plain", "messages": messages, "max_tokens": 30, "seed": 1}
    answer = server.post("/v1/chat/completions", **body).json()
    text = answer["choices"][0]["message"]["content"]
    assert text == run.generate("the fox\nthe dog\n", length=30, seed=1)
    assert answer["usage"]["prompt_tokens"] == 16
    with server.client.stream("POST", "/v1/chat/completions", json={**body, "stream": True}) as streamed:
        lines = [line.removeprefix("data: ") for line in streamed.iter_lines() if line]
    deltas = [json.loads(line)["choices"][0]["delta"] for line in lines[:-1]]
    assert lines[-1] == "[DONE]"
    assert "".join(delta.get("content", "") for delta in deltas) == text


@pytest.mark.parametrize("model", ["plain", "rated"])
def test_text_becomes_ids_and_text_again(server: Server, model: str) -> None:
    start = server.client.get("/tokenizer_info", params={"model": model}).json()["eos_token"]
    for text in ("the table", f"{start}was{start}", ""):
        tokens = server.post("/tokenize", prompt=text, model=model, return_token_strs=True).json()
        assert tokens["count"] == len(tokens["tokens"]) == len(tokens["token_strs"])
        assert server.post("/detokenize", tokens=tokens["tokens"], model=model).json() == {"prompt": text}
    assert server.post("/tokenize", prompt="a", add_special_tokens=True).json()["count"] == 2
    assert server.post("/detokenize", tokens=[10**6]).status_code == 400


def test_tokens_are_scored(server: Server) -> None:
    run = seqloom.load(server.folder / "plain")
    scored = server.post("/score", model="plain", text="the lazy fox").json()
    expected = run.score("the lazy fox")
    assert "".join(scored["tokens"]) == "the lazy fox"
    np.testing.assert_allclose(scored["log_probs"], [score.log_prob for score in expected])
    assert scored["ranks"] == [score.rank for score in expected]


def test_texts_are_judged(server: Server) -> None:
    texts = ["the soup was and we came again", "soup the the warm and and too slow"]
    detections = server.post("/detect", texts=texts, base_rate=0.2, light=True).json()
    expected = open_detector(server.folder / "detector").score_texts(texts, base_rate=0.2, light=True)
    np.testing.assert_allclose(detections["probabilities"], expected.probabilities)
    ratings = server.post("/rate", texts=texts).json()["ratings"]
    np.testing.assert_allclose(ratings, open_critic(server.folder / "rated").predict(texts))


def test_requests_are_counted(server: Server) -> None:
    server.client.get("/health")
    server.client.get("/no/such/path")
    text = server.client.get("/metrics").text
    assert 'seqloom_requests_total{path="/health",status="200"}' in text
    assert 'seqloom_requests_total{path="other",status="404"}' in text
    assert 'seqloom_texts{model="plain"} 0.0' in text


def test_the_schema_has_no_status_that_is_never_sent(server: Server) -> None:
    schema = server.client.get("/openapi.json").json()
    completions = schema["paths"]["/v1/completions"]["post"]["responses"]
    assert "422" not in completions
    assert completions["400"]["content"]["application/json"]["schema"]["$ref"].endswith("ErrorBody")
    assert "/docs" not in schema["paths"]
    assert server.client.get("/docs").status_code == 404


def test_a_field_of_another_route_is_named(server: Server) -> None:
    for path, fields in (("/score", {"text": "the", "rating": 5}), ("/tokenize", {"prompt": "the", "stop": "."})):
        error = server.post(path, model="plain", **fields).json()["error"]
        assert error["message"] == f"'{error['param']}': there is no such field here: leave it out"
    assert "'text': this field is missing" in server.post("/score", model="plain").json()["error"]["message"]


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ({"role": "user", "content": "a", "tool_calls": []}, "'messages.0.tool_calls': there is no such field here"),
        ({"role": "user", "content": 5}, "'messages': give a list of objects with a 'role'"),
        ({"content": "a"}, "'messages': give a list of objects with a 'role'"),
    ],
)
def test_wrong_messages_are_refused(server: Server, message: dict[str, object], fault: str) -> None:
    answer = server.post("/v1/chat/completions", model="plain", messages=[message])
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(fault)
