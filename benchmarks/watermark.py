"""What does a watermark cost, and what are its true and false positive rates?

Measured on texts of equal length that a run generates with and without a key: the true positive rate at a p-value of at
most 0.001, for whole texts, for parts of them, and with randomly replaced characters; the false positive rate on
unmarked generated texts and on real texts; the loss of marked and unmarked texts under an independent model of the same
language, in nats per character; the similarity between texts; and the speed of generation. "One variant" is a watermark
that is the same for all texts of a key.

    python benchmarks/watermark.py RUN --judge OTHER                the numbers of docs/watermark.md, some minutes
    python benchmarks/watermark.py RUN --texts 200 --judged 400 --json found.json
    python benchmarks/watermark.py RUN --temperature 0.7

RUN and OTHER are runs of the same table with different seeds or cores. The real texts are the training corpus of RUN.
"""

import argparse
import itertools
import json
import math
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

import seqloom
from seqloom.api import Run
from seqloom.evaluation.diversity import distinct_share
from seqloom.evaluation.self_bleu import self_bleu
from seqloom.evaluation.token_scores import document_scores
from seqloom.lm.evaluate import run_scorer
from seqloom.runs.training_corpus import training_corpus
from seqloom.sampling.watermark import GROUPS, VARIANTS, WIDTH, WatermarkTest, detect_watermark
from seqloom.watermark.detect import MARKED_P_VALUE

KEY = "a key for measurements"
TESTS, KEYS = 10, 10
"""Numbers of keys: different keys for each unmarked text, and keys that all texts share."""

ALIKE = 100
"""Number of texts in the first self-BLEU; the second one uses all `--texts`."""

Row = tuple[str, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--judge", type=Path, help="independent run that measures the likelihood of the texts")
    parser.add_argument("--texts", type=int, default=1000, help="number of texts of each kind")
    parser.add_argument("--judged", type=int, default=16_000, help="number of texts of each kind for the judge")
    parser.add_argument("--characters", type=int, default=200, help="length of each text")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="file for the measurements")
    chosen = parser.parse_args()
    results = measured(seqloom.load(chosen.run), chosen)
    print("| measured | |\n| --- | --- |")
    for name, said in rows(results):
        print(f"| {name} | {said} |")
    if chosen.json:
        chosen.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def measured(run: Run, chosen: argparse.Namespace) -> dict[str, Any]:
    length = chosen.characters

    def write(count: int, key: str | None = None) -> list[str]:
        settings = {"length": length, "min_length": length, "temperature": chosen.temperature, "watermark": key}
        return [sample.text[:length] for sample in run.samples("", count, **settings)]

    unmarked, marked = write(chosen.texts), write(chosen.texts, KEY)
    with one_variant():
        alike = write(chosen.texts, KEY)
    results = {
        "texts": chosen.texts,
        "characters": length,
        "temperature": chosen.temperature,
        "level": run.config.level,
        "scheme": {"width": WIDTH, "groups": GROUPS, "variants": VARIANTS},
        "threshold": MARKED_P_VALUE,
        "found": {name: share_found(run, texts) for name, texts in damaged(marked)},
        "found by tokens": found_by_tokens(run, chosen),
        "median p": statistics.median(run.find_watermark(text, KEY).p_value for text in marked),
        "false alarms": {
            "unmarked": false_alarms(run, unmarked),
            "real": false_alarms(run, list(itertools.islice(real_texts(run, length), chosen.texts))),
        },
        "alike": {
            name: {
                f"self-BLEU of {ALIKE}": self_bleu(texts[:ALIKE]),
                f"self-BLEU of {len(texts)}": self_bleu(texts),
                "distinct 4-grams of words": distinct_share([text.split() for text in texts], 4),
                "different texts": len(set(texts)),
            }
            for name, texts in (("unmarked", unmarked), ("marked", marked), ("one variant", alike))
        },
        "characters a second": speeds(run, chosen.temperature),
    }
    if chosen.judge:
        judge = seqloom.load(chosen.judge)
        results["judge"] = {"run": str(chosen.judge), "texts": chosen.judged} | {
            name: nats(judge, write(chosen.judged, key)) for name, key in (("unmarked", None), ("marked", KEY))
        }
    return results


def one_variant() -> mock._patch:
    return mock.patch("seqloom.sampling.native_engine.variants_of", return_value=(0,) * GROUPS)


def damaged(texts: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    yield "whole", list(texts)
    for characters in (100, 50):
        yield f"the last {characters} characters", [text[-characters:] for text in texts]
    symbols = sorted(set("".join(texts)))
    for percent in (5, 10, 20):
        chance = random.Random(percent)
        changed = [
            "".join(chance.choice(symbols) if chance.random() < percent / 100 else sign for sign in text)
            for text in texts
        ]
        yield f"{percent} % of the characters replaced", changed


def share_found(run: Run, texts: Sequence[str]) -> float:
    return statistics.mean(run.find_watermark(text, KEY).p_value <= MARKED_P_VALUE for text in texts)


def found_by_tokens(run: Run, chosen: argparse.Namespace) -> dict[str, float]:
    """Compare the detection from the generated tokens with the detection from the text, which is encoded again."""
    settings = {"length": chosen.characters, "temperature": chosen.temperature, "watermark": KEY}
    samples = run.samples("", chosen.texts, **settings)
    pairs: list[tuple[WatermarkTest, WatermarkTest]] = [
        (detect_watermark(sample.tokens, KEY), run.find_watermark(sample.text, KEY)) for sample in samples
    ]
    long = [pair for pair in pairs if not pair[0].short]
    return {
        "samples": len(long),
        "by tokens": statistics.mean(one.p_value <= MARKED_P_VALUE for one, _ in long),
        "by text": statistics.mean(one.p_value <= MARKED_P_VALUE for _, one in long),
        "same tokens": statistics.mean(
            tuple(run.codec.encode_text(sample.text, skip_unknown=True).tolist()) == sample.tokens for sample in samples
        ),
        "places by tokens": statistics.mean(one.places for one, _ in long),
        "places by text": statistics.mean(one.places for _, one in long),
    }


def false_alarms(run: Run, texts: Sequence[str]) -> dict[str, Any]:
    """Return the false positive rate with a new key for each test, as the p-value assumes, and with shared keys."""
    ids = [run.text_codec.encode_text(run.normalize(text), skip_unknown=True) for text in texts]

    def seems_marked(number: int, key: str) -> bool:
        return detect_watermark(ids[number], key).p_value <= MARKED_P_VALUE

    tests = list(itertools.product(range(len(ids)), range(TESTS)))
    by_key = [statistics.mean(seems_marked(text, f"key {key}") for text in range(len(ids))) for key in range(KEYS)]
    share = statistics.mean(seems_marked(text, f"key {text} {number}") for text, number in tests)
    return {"tests": len(tests), "share": share, "by key": by_key}


def real_texts(run: Run, characters: int) -> Iterator[str]:
    for document in training_corpus(run):
        text = "".join(document.text.chunks)
        if len(text) >= characters:
            yield text[:characters]


def speeds(run: Run, temperature: float) -> dict[str, dict[str, float]]:
    """Return the speed of one text and of a batch, with alternating measurements of marked and unmarked texts."""
    return {
        name: dict(
            zip(
                ("unmarked", "marked"),
                alternating([timed(run, count, length, temperature, key) for key in (None, KEY)]),
                strict=True,
            )
        )
        for name, count, length in (("one text", 1, 20_000), ("256 texts", 256, 400))
    }


def timed(run: Run, count: int, length: int, temperature: float, key: str | None) -> Callable[[], float]:
    settings = {"length": length, "min_length": length, "temperature": temperature, "watermark": key}

    def rate() -> float:
        start = time.perf_counter()
        written = sum(len(sample.text) for sample in run.samples("", count, **settings))
        return written / (time.perf_counter() - start)

    return rate


def alternating(rates: Sequence[Callable[[], float]]) -> list[float]:
    turns = [[rate() for rate in rates] for _ in range(8)][1:]
    return [statistics.median(each) for each in zip(*turns, strict=True)]


def nats(judge: Run, texts: Sequence[str]) -> dict[str, float]:
    """Return the mean loss per character over texts, and its standard error."""
    documents = (
        np.array([judge.codec.bos_id, *judge.codec.encode_text(judge.normalize(text), skip_unknown=True).tolist()])
        for text in texts
    )
    each = [
        -sum(score.log_prob for score in scores) / len(text)
        for text, scores in zip(texts, document_scores(run_scorer(judge), documents), strict=True)
    ]
    return {"mean": statistics.mean(each), "error": statistics.stdev(each) / math.sqrt(len(each))}


def rows(results: dict[str, Any]) -> Iterator[Row]:
    texts = f"{results['texts']:,} texts of {results['characters']} characters, temperature {results['temperature']:g}"
    yield f"true positive rate at p <= {results['threshold']}", texts
    for name, share in results["found"].items():
        yield f"- {name}", f"{share:.1%}"
    yield "median p of whole texts", f"{results['median p']:.1e}"
    repeated = results["found by tokens"]
    yield (
        f"encoded again, level {results['level']}, {repeated['samples']:,} samples",
        f"{repeated['by tokens']:.1%} detected from the tokens, {repeated['by text']:.1%} from the text; "
        f"{repeated['places by text']:.0f} places instead of {repeated['places by tokens']:.0f}; "
        f"{repeated['same tokens']:.1%} have the same tokens",
    )
    for name, alarms in results["false alarms"].items():
        one = alarms["by key"]
        by_key = f"{min(one):.2%} to {max(one):.2%} with shared keys"
        yield f"false positive rate, {name} texts", f"{alarms['share']:.2%} of {alarms['tests']:,} tests; {by_key}"
    if "judge" in results:
        judge = results["judge"]
        for name in ("unmarked", "marked"):
            yield f"nats per character by the judge, {name}", f"{judge[name]['mean']:.4f} +- {judge[name]['error']:.4f}"
        difference = judge["marked"]["mean"] - judge["unmarked"]["mean"]
        error = math.hypot(judge["marked"]["error"], judge["unmarked"]["error"])
        yield f"difference, {judge['texts']:,} texts of each kind", f"{difference:+.4f} +- {error:.4f}"
    kinds = results["alike"]
    for measure in kinds["unmarked"]:
        values = (f"{values[measure]:,.3f}".removesuffix(".000") for values in kinds.values())
        yield measure, ", ".join(f"{value} {kind}" for kind, value in zip(kinds, values, strict=True))
    for name, rates in results["characters a second"].items():
        ratio = rates["marked"] / rates["unmarked"]
        yield (
            f"characters per second, {name}",
            f"{rates['unmarked']:,.0f} unmarked, {rates['marked']:,.0f} marked ({ratio:.2f})",
        )


if __name__ == "__main__":
    main()
