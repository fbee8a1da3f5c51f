"""Do the texts of a run match their pattern, JSON schema or grammar? Twenty patterns, three schemas, three grammars.

For each kind: the share of the texts that match (checked with `regex.fullmatch`, `json.loads` or a function of this
file), of those that say so, and of those that were drawn more than once; the time per text. A run that never writes a
brace cannot follow a JSON schema, and says so. Unsupported constructs must be refused.

    python benchmarks/pattern_kinds.py RUN [--count 200] [--length 80] [--json FILE]
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import regex
from markdown import print_table

import seqloom
from seqloom.errors import ConfigError

KINDS = {
    "literal": "to be, or not to be",
    "class": "[aeiou]{3,8}",
    "lazy repeat": r"[A-Z][a-z]*?\.",
    "lazy counted repeat": r"(?:[a-z]{2,6}? ){2,4}?[a-z]+!",
    "negated class": r"[^aeiou\s]{2,9}",
    "alternation": "(?:yes|no|may(?:be)?), (?:sir|my lord|my lady)",
    "optional groups": r"(?:O,? )?(?:my )?[a-z]+(?: and [a-z]+)?\.",
    "date": r"[A-Z][a-z]{2} [A-Z][a-z]+, [A-Z]{2,4}",
    "sentence": r"[A-Z][a-z,' ]{10,60}[.!?]",
    "two sentences": r"(?:[A-Z][a-z ]{4,30}\. ){1,2}[A-Z][a-z]+\.",
    "no end of its own": "[A-Z]?[a-z]+",
    "repeated sentences": r"(?:[A-Z][a-z,' ]+[.!?]\s)+",
    "Unicode property": r"\p{Lu}\p{Ll}+ \p{Lu}\p{Ll}+",
    "anchors": r"^[A-Z][a-z ]+$",
    "class of characters by name": "[[:upper:]][[:lower:]]{3,}",
    "case ignored": "(?i)(?:king|queen) [a-z]+",
    "dot over lines": r"(?s)[A-Z].{20,50}\.",
    "nested repeats": r"(?:(?:ha|ho)+,? ?){2,5}!",
    "lines": r"(?:[A-Z][a-z ,']{5,25}\n){2}",
    "key and value": r"NAME: [A-Z][a-z]+; CITY: [A-Z][a-z]+;",
}
"""Pattern of each kind, whose shortest match fits into 30 characters."""


def is_balanced(text: str) -> bool:
    """Return whether a text consists of words and nested brackets, each closed."""
    depth = 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0 and regex.fullmatch("[a-z() ]+", text) is not None


def is_person(text: str) -> bool:
    """Return whether a text is the JSON of a person of the schema."""
    person = json.loads(text)
    return (
        list(person) == ["name", "age"]
        and regex.fullmatch("[A-Z][a-z]{1,11}", person["name"]) is not None
        and 1 <= person["age"] <= 99
    )


def is_list_of_moods(text: str) -> bool:
    """Return whether a text is the JSON of one to four moods."""
    moods = json.loads(text)
    return 1 <= len(moods) <= 4 and set(moods) <= {"glad", "sad", "mad"}


def is_nested(text: str) -> bool:
    """Return whether a text is the JSON of a tree of numbers."""
    tree = json.loads(text)
    return isinstance(tree, int) or (
        set(tree) == {"left", "right"} and all(is_nested(json.dumps(tree[s])) for s in tree)
    )


PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": "^[A-Z][a-z]{1,11}$"},
        "age": {"type": "integer", "minimum": 1, "maximum": 99},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}
MOODS = {"type": "array", "items": {"enum": ["glad", "sad", "mad"]}, "minItems": 1, "maxItems": 4}
TREE = {
    "$ref": "#/$defs/tree",
    "$defs": {
        "tree": {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": 9},
                {
                    "type": "object",
                    "properties": {"left": {"$ref": "#/$defs/tree"}, "right": {"$ref": "#/$defs/tree"}},
                    "required": ["left", "right"],
                    "additionalProperties": False,
                },
            ]
        }
    },
}

GRAMMARS = {
    "JSON: an object": ("json_schema", PERSON, is_person),
    "JSON: a list": ("json_schema", MOODS, is_list_of_moods),
    "JSON: a tree": ("json_schema", TREE, is_nested),
    "Lark: a greeting": (
        "grammar",
        'start: ("Hail" | "Farewell") ", " name "!"\nname: /[A-Z][a-z]{2,9}/\n',
        lambda text: regex.fullmatch("(Hail|Farewell), [A-Z][a-z]{2,9}!", text) is not None,
    ),
    "GBNF: a speech": (
        "grammar",
        'root ::= [A-Z]+ ":\\n" line+\nline ::= [A-Z] [a-z ,\']* [.!?] "\\n"\n',
        lambda text: regex.fullmatch(r"[A-Z]+:\n(?:[A-Z][a-z ,']*[.!?]\n)+", text) is not None,
    ),
    "GBNF: nested brackets": ("grammar", 'root ::= ([a-z]+ | " " "(" root ")")+\n', is_balanced),
}
"""Setting, value, and function that tells whether a text follows it."""

REFUSED = {
    "lookahead": "a(?=b)b", "negative lookahead": "(?!a)[a-z]+", "lookbehind": "a(?<=a)b", "possessive repeat": "a*+b",
    "atomic group": "(?>a|ab)c", "branch reset": "(?|a|b)", "recursion": r"\((?R)?\)", "fuzzy match": "(?:cat){e<=1}",
    "reverse match": "(?r)ab", "kept out": r"a\Kb",
    "word boundary": r"\bthe\b", "back-reference": r"(a)\1",
}  # fmt: skip


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("run", help="folder of a run, such as one on shakespeare")
    reader.add_argument("--count", type=int, default=200)
    reader.add_argument("--length", type=int, default=80)
    reader.add_argument("--json", type=Path)
    options = reader.parse_args()
    run, found = seqloom.load(options.run), {}
    kinds = {
        kind: ("pattern", pattern, lambda text, pattern=pattern: regex.fullmatch(pattern, text) is not None)
        for kind, pattern in KINDS.items()
    } | GRAMMARS
    for kind, (setting, value, follows) in kinds.items():
        begun = time.perf_counter()
        try:
            samples = run.samples(count=options.count, length=options.length, seed=1, **{setting: value})
        except ConfigError as error:
            print(f"{kind}: {error}\n")
            continue
        seconds = time.perf_counter() - begun
        correct = [_checked(follows, sample.text) for sample in samples]
        found[kind] = {
            "pattern": value if setting == "pattern" else "",
            "match": sum(correct) / len(samples),
            "finished": sum(sample.finish_reason != "unmatched" for sample in samples) / len(samples),
            "wrong": sum(sample.matched is not follows for sample, follows in zip(samples, correct, strict=True)),
            "again": sum(sample.index >= 1 << 32 for sample in samples) / len(samples),
            "ms": 1000 * seconds / len(samples),
            "example": samples[0].text,
        }
    rows = [
        (
            kind,
            f"`{row['pattern']}`" if row["pattern"] else "",
            *(f"{row[share]:.1%}" for share in ("match", "finished", "again")),
            row["wrong"],
            f"{row['ms']:.1f}",
            repr(row["example"]),
        )
        for kind, row in found.items()
    ]
    print_table(
        ["kind", "pattern", "match", "finished", "drawn again", "wrongly marked", "ms a text", "first text"], rows
    )
    refusals = {name: refusal(run, pattern) for name, pattern in REFUSED.items()}
    print_table(
        ["unsupported", "pattern", "answer"], [(name, f"`{REFUSED[name]}`", refusals[name]) for name in REFUSED]
    )
    if options.json:
        options.json.write_text(json.dumps({"kinds": found, "refused": refusals}, indent=1), encoding="utf-8")


def _checked(follows: Callable[[str], bool], text: str) -> bool:
    """Return whether a text follows its grammar; one that is not JSON does not."""
    try:
        return follows(text)
    except ValueError:
        return False


def refusal(run: seqloom.Run, pattern: str) -> str:
    """Return the message that refuses a pattern, or "accepted"."""
    try:
        run.samples(count=1, length=5, pattern=pattern)
    except ConfigError as error:
        return str(error)
    return "accepted"


if __name__ == "__main__":
    main()
