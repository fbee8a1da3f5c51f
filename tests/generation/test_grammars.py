"""Texts that follow a JSON schema or a grammar, and texts of runs that have no token for their end."""

import json
from typing import Any

import pytest

import seqloom
from seqloom.api.run import Run
from seqloom.errors import ConfigError

SETTINGS: dict[str, Any] = {"hidden_size": 24, "batch_size": 4, "sequence_length": 16, "threads": 1, "steps": 60}
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^[A-Z][a-z]{1,8}$"},
        "age": {"type": "integer", "minimum": 1, "maximum": 99},
        "tags": {"type": "array", "items": {"enum": ["red", "blue"]}, "maxItems": 2},
    },
    "required": ["name", "age", "tags"],
    "additionalProperties": False,
}
GBNF = 'root ::= name ": " line\nname ::= [A-Z] [a-z]+\nline ::= [a-z ,]+ "."\n'


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    source = tmp_path_factory.mktemp("source") / "people.txt"
    people = [
        '{"name": "Anna", "age": 41, "tags": ["red"]}',
        '{"name": "Bert", "age": 7, "tags": []}',
        "Anna: so she said, again.",
    ]
    source.write_text("\n".join(people * 40) + "\n", encoding="utf-8")
    return seqloom.train(source, run=tmp_path_factory.mktemp("runs") / "run", **SETTINGS)


@pytest.mark.parametrize("schema", [SCHEMA, json.dumps(SCHEMA)], ids=["mapping", "text"])
def test_a_json_schema_is_followed(run: Run, schema: Any) -> None:
    samples = run.samples(count=8, length=90, json_schema=schema, seed=5)
    for sample in samples:
        person = json.loads(sample.text)
        assert sample.matched
        assert list(person) == ["name", "age", "tags"]
        assert person["name"].isalpha()
        assert 1 <= person["age"] <= 99
        assert set(person["tags"]) <= {"red", "blue"}
    assert len({sample.text for sample in samples}) > 1


def test_a_grammar_is_followed(run: Run) -> None:
    for sample in run.samples(count=8, length=60, grammar=GBNF, seed=5):
        name, line = sample.text.split(": ")
        assert name.istitle()
        assert line.endswith(".")
        assert sample.matched


@pytest.mark.parametrize("length", [40, 2])
def test_a_text_without_an_end_stops_where_it_matches(run: Run, length: int) -> None:
    words = [sample.text for sample in run.samples(count=20, length=length, pattern="[A-Z]?[a-z]+", seed=2)]
    assert all(0 < len(word) <= length for word in words)
    assert "".join(words).isalpha()
    if length == 40:
        assert max(map(len, words)) < 40
        assert len({len(word) for word in words}) > 1


def test_the_smallest_length_holds(run: Run) -> None:
    samples = run.samples(count=10, length=40, min_length=12, pattern="[A-Z]?[a-z ,]+", seed=2)
    assert all(len(sample.tokens) >= 12 for sample in samples)


def test_a_text_of_maximum_length_is_cut_after_its_longest_match(run: Run) -> None:
    """The pattern allows whatever follows, so nothing ends a text before its maximum length."""
    settings: dict[str, Any] = {"pattern": r"(?s)(?:.*[^a])?", "length": 12, "seed": 4}
    samples = run.samples(count=30, **settings)
    free = run.samples(count=30, length=12, seed=4)
    for sample, whole in zip(samples, free, strict=True):
        assert sample.matched
        assert sample.finish_reason == "length"
        assert sample.text == whole.text.rstrip("a")
        assert len(sample.tokens) == len(sample.text)
    assert any(sample.text != whole.text for sample, whole in zip(samples, free, strict=True))


def test_a_text_that_is_shown_while_it_grows_is_the_same(run: Run) -> None:
    settings: dict[str, Any] = {"pattern": "[A-Z]?[a-z]+", "length": 30, "seed": 6}
    assert "".join(run.stream(**settings)) == run.generate(**settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"json_schema": "{"}, "`json_schema` is not JSON"),
        ({"json_schema": "[]"}, "give a JSON object"),
        ({"json_schema": {"type": "number", "minimum": 3, "maximum": 1}}, "minimum \\(3\\) is greater"),
        ({"json_schema": {"if": {}}}, "Unimplemented keys"),
        ({"json_schema": {"a": {1}}}, "cannot be written as JSON"),
        ({"json_schema": 3}, "`json_schema` got 3"),
        ({"json_schema": '{"a":' * 100_000}, "`json_schema`"),
        ({"grammar": " "}, "`grammar` is empty"),
        ({"grammar": "start: foo"}, 'unknown name: "foo"'),
        ({"grammar": 'root ::= "a'}, "Unexpected end of input"),
        ({"grammar": "root ::= foo"}, "Rule 'foo' not found"),
        ({"grammar": GBNF, "pattern": "a"}, "`pattern` and `grammar` contradict each other"),
    ],
)
def test_what_cannot_be_followed_is_refused(run: Run, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        run.generate(**settings)
    assert len(str(caught.value)) < 400
