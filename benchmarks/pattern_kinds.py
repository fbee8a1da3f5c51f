"""Do the texts of a run match their pattern? Twenty kinds of patterns, and the constructs that are refused.

For each kind: the share of the texts that match (checked with `regex.fullmatch`), of those that say so, and of those
that were drawn more than once; the time per text. Unsupported constructs must be refused.

    python benchmarks/pattern_kinds.py RUN [--count 200] [--length 80] [--json FILE]
"""

import argparse
import json
import time
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
    "back-reference": r"([a-z])[a-z]* \1[a-z]*",
    "palindrome by back-references": r"(\w)(\w)(\w)\2\1",
    "Unicode property": r"\p{Lu}\p{Ll}+ \p{Lu}\p{Ll}+",
    "anchors": r"^[A-Z][a-z ]+$",
    "word boundary": r"\bthe\b [a-z]+",
    "case ignored": "(?i)(?:king|queen) [a-z]+",
    "dot over lines": r"(?s)[A-Z].{20,50}\.",
    "nested repeats": r"(?:(?:ha|ho)+,? ?){2,5}!",
    "lines": r"(?:[A-Z][a-z ,']{5,25}\n){2}",
    "key and value": r"NAME: [A-Z][a-z]+; CITY: [A-Z][a-z]+;",
}
"""Pattern of each kind, whose shortest match fits into 30 characters."""

REFUSED = {
    "lookahead": "a(?=b)b", "negative lookahead": "(?!a)[a-z]+", "lookbehind": "a(?<=a)b", "possessive repeat": "a*+b",
    "atomic group": "(?>a|ab)c", "branch reset": "(?|a|b)", "recursion": r"\((?R)?\)", "fuzzy match": "(?:cat){e<=1}",
    "reverse match": "(?r)ab", "kept out": r"a\Kb",
}  # fmt: skip


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("run", help="folder of a run, such as one on shakespeare")
    reader.add_argument("--count", type=int, default=200)
    reader.add_argument("--length", type=int, default=80)
    reader.add_argument("--json", type=Path)
    options = reader.parse_args()
    run, found = seqloom.load(options.run), {}
    for kind, pattern in KINDS.items():
        begun = time.perf_counter()
        samples = run.samples(count=options.count, length=options.length, pattern=pattern, seed=1)
        seconds = time.perf_counter() - begun
        found[kind] = {
            "pattern": pattern,
            "match": sum(bool(regex.fullmatch(pattern, sample.text)) for sample in samples) / len(samples),
            "finished": sum(sample.finish_reason != "unmatched" for sample in samples) / len(samples),
            "wrong": sum(sample.matched is not bool(regex.fullmatch(pattern, sample.text)) for sample in samples),
            "again": sum(sample.index >= 1 << 32 for sample in samples) / len(samples),
            "ms": 1000 * seconds / len(samples),
            "example": samples[0].text,
        }
    rows = [
        (
            kind,
            f"`{row['pattern']}`",
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


def refusal(run: seqloom.Run, pattern: str) -> str:
    """Return the message that refuses a pattern, or "accepted"."""
    try:
        run.samples(count=1, length=5, pattern=pattern)
    except ConfigError as error:
        return str(error)
    return "accepted"


if __name__ == "__main__":
    main()
