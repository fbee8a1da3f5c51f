"""Texts that follow a JSON schema or a grammar, and texts of runs that have no token for their end."""

import json
from pathlib import Path
from typing import Any

import pytest

import seqloom
from seqloom.api.run import Run
from seqloom.errors import ConfigError
from seqloom.sampling.grammar_constraint import GrammarConstraint

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
        ({"json_schema": {"const": -(2**63)}}, "number -9223372036854775808, which is not exact"),
        ({"json_schema": {"enum": [1.5, 9007199254740993]}}, "number 9007199254740993"),
        ({"json_schema": {"$ref": "#"}}, "allows no text at all|cannot be followed"),
        ({"json_schema": {"anyOf": [{"$ref": "#/a"}] * 1500}}, "1,500 references: use up to 1,000"),
        ({"json_schema": []}, "`json_schema` got \\[\\]"),
        ({"pattern": False}, "`pattern` got False"),
        ({"grammar": 0}, "`grammar` got 0"),
        ({"grammar": 'start: %json {"const": 99999999999999999}'}, "number 99999999999999999"),
        ({"grammar": "start: a\na[max_tokens=2]: /x+/"}, "attribute max_tokens"),
        ({"grammar": "start: r0\n" + "".join(f'r{n}: "a" r{n + 1}\n' for n in range(1100))}, "rules: use up to 1,000"),
        ({"grammar": "start: <|end|>"}, "unknown special token"),
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


@pytest.mark.filterwarnings("ignore:.* ended before matching")
def test_a_text_that_is_drawn_again_is_shown_as_it_is_generated(run: Run) -> None:
    settings: dict[str, Any] = {"pattern": r"[A-Za-z :]+\.", "length": 9}
    for seed in range(6):
        (sample,) = run.samples(seed=seed, **settings)
        assert "".join(run.stream(seed=seed, **settings)) == sample.text == run.generate(seed=seed, **settings)


def test_a_text_that_ends_before_its_smallest_length_says_so(run: Run) -> None:
    (sample,) = run.samples(pattern="[a-z]{3}", min_length=10, length=20)
    assert (sample.finish_reason, sample.matched, len(sample.text)) == ("stop", True, 3)


@pytest.mark.filterwarnings("ignore:.* ended before matching")
def test_bytes_of_a_character_are_no_match(tmp_path: Path) -> None:
    source = tmp_path / "text.txt"
    source.write_text("\u65e5\u672c\u8a9e " * 200, encoding="utf-8")
    run = seqloom.train(source, run=tmp_path / "run", level="byte", **SETTINGS)
    for sample in run.samples("\u65e5", count=20, pattern=".", length=1, temperature=1.5):
        assert sample.matched == (len(sample.text) == 1 and sample.text != "\ufffd")


def test_a_matcher_at_its_limit_begins_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patterns such as this one have a state for each text; here, the limit is a few hundred."""
    from seqloom.sampling import grammar_constraint

    matchers_of = []
    new_matcher = grammar_constraint.GrammarConstraint._new_matcher

    def limited(self: Any) -> Any:
        from llguidance import LLMatcher, LLParserLimits

        matchers_of.append(self)
        grammar = grammar_constraint.llguidance_grammar(self._setting, self._grammar)
        limits = LLParserLimits(max_lexer_states=700)
        return LLMatcher(grammar_constraint._tokenizer(self._pieces), grammar, log_level=0, limits=limits)

    settings: dict[str, Any] = {"pattern": "(?s).*[aeiou].{12}", "length": 40, "count": 30, "seed": 2}
    expected = run.samples(**settings)
    monkeypatch.setattr(grammar_constraint.GrammarConstraint, "_new_matcher", limited)
    assert run.samples(**settings) == expected
    assert len(matchers_of) > 1
    assert new_matcher is not limited


def test_a_text_that_never_matches_is_the_subject_of_a_warning(run: Run) -> None:
    advice = "matches go on with 'Z', which this run never writes"
    with pytest.warns(UserWarning, match=advice) as caught:
        run.generate(pattern="aZ")
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="2 of 2 texts ended before matching `pattern`"):
        run.samples(count=2, pattern="aZ")
    with pytest.warns(UserWarning, match="raise `length`"):
        list(run.stream(pattern="[a-z]{9}", length=3))


@pytest.mark.parametrize("setting", ["json_schema", "grammar"])
@pytest.mark.parametrize("name", ["forms/person.json", "person.json", "C\\person"])
def test_the_name_of_a_file_is_no_grammar(run: Run, setting: str, name: str) -> None:
    with pytest.raises(ConfigError, match="looks like the name of a file: give its text, Path"):
        run.generate(**{setting: name})


GBNF_TEXTS = [
    ('root ::= line "END"\nline ::= [A-Za-z ]+\n', ["fooEND", "ENDEND"], ["END", "foo"]),
    ('root ::= x "b"\nx ::= "a" | "ab"\n', ["ab", "abb"], ["a", "b"]),
    ('root ::= "\\u0041BC" [\\u0061-c] "\\U0001F600"\n', ["ABCb\U0001f600"], ["ABCd\U0001f600"]),
    ("root ::= [a-z]+ [!&&|] [*--]\n", ["ab!+", "x&-"], ["ab", "a&"]),
    ('root ::= "(" root ")" | "x"\n', ["((x))"], ["((x)"]),
]


@pytest.mark.parametrize(("grammar", "texts", "others"), GBNF_TEXTS)
def test_gbnf_means_what_it_says(grammar: str, texts: list[str], others: list[str]) -> None:
    constraint = GrammarConstraint("grammar", grammar, [bytes([value]) for value in range(256)])
    assert all(constraint.matches(text) for text in texts)
    assert not any(constraint.matches(text) for text in others)
