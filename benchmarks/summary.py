"""What was asked of seqloom, and whether the measurements reach it: the first table of the report.

It knows the questions and how each answer is computed from what the benchmarks found; every figure in the table comes
from there, but for what is asked and for one published time. What was not measured says so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from statistics import median
from typing import Any

from quality import ROWS as QUALITY

__all__ = ["REACHES", "Answer", "Reach", "Results", "table"]

Results = Mapping[str, Any]
"""What each benchmark found, by its name."""

KERAS_SECONDS = 412
"""Five epochs of the textbook's recipe in Keras on TensorFlow, after which it has 1.541 nats on held-out text."""

EPOCHS, TRAINED_ON = 5, 0.9

LIKELIHOOD = "interleaved likelihood"


@dataclass(frozen=True)
class Answer:
    """What was measured, against whom, and whether it is enough."""

    measured: str
    ratio: str
    met: bool


@dataclass(frozen=True)
class Reach:
    """A question, what is asked, and how the answer is computed; KeyError where something was not measured."""

    question: str
    asked: str
    answer: Callable[[Results], Answer]


def one_stream(model: str, least: float) -> Callable[[Results], Answer]:
    """One stream on one core, and the share of the bound."""

    def answer(found: Results) -> Answer:
        rates = found["decode"]["models"][model]
        share = rates["one_core"] / rates["bound"]
        return Answer(f"{characters(rates['one_core'])}; {share:.0%} of the bound", "", rates["one_core"] >= least)

    return answer


def against_torch(model: str, least: float) -> Callable[[Results], Answer]:
    """One stream against torch eager, in turns."""

    def answer(found: Results) -> Answer:
        rates = found["decode"]["peers"][model]["rates"]
        ratio = rates["seqloom"] / rates["torch eager"]
        others = (f"{times(rates['seqloom'] / rates[name])} {name}" for name in list(rates)[2:])
        measured = f"{characters(rates['seqloom'])}; torch eager {rates['torch eager']:,.0f}"
        return Answer(measured, "; ".join((times(ratio), *others)), ratio >= least)

    return answer


def against_keras(least: float) -> Callable[[Results], Answer]:
    """A text written by a run, its state carried, against the textbook's own loop."""

    def answer(found: Results) -> Answer:
        ours, peer = (found["classic"][name] for name in ("seqloom", "keras on tensorflow"))
        ratio = ours["state carried"] / peer["characters_per_second"]
        measured = f"{characters(ours['state carried'])} as text; Keras {peer['characters_per_second']:,.1f}"
        return Answer(measured, times(ratio), ratio >= least)

    return answer


def many_streams(model: str, least: float) -> Callable[[Results], Answer]:
    """256 streams side by side on all cores."""

    def answer(found: Results) -> Answer:
        rate, cores = found["decode"]["models"][model]["streams_256"], found["decode"]["processors"]
        return Answer(f"{characters(rate)} on {cores} cores", "", rate >= least)

    return answer


def full_chain(model: str, most: float) -> Callable[[Results], Answer]:
    """All transforms against temperature alone."""

    def answer(found: Results) -> Answer:
        rates = found["decode"]["chain"][model]
        ratio = rates["plain"] / rates["full"]
        measured = f"{characters(rates['full'])}; temperature alone {rates['plain']:,.0f}"
        return Answer(measured, f"{ratio:.2f}x the time", ratio <= most)

    return answer


def training(shape: str, least: float) -> Callable[[Results], Answer]:
    """The fastest kernels against the better of eager torch in float32 and in bfloat16, and against each other peer."""

    def answer(found: Results) -> Answer:
        step = found["training_step"][shape]
        rates = step["tokens_per_second"]
        peers = {name: rate for name, rate in rates.items() if name.startswith(("torch", "JAX"))}
        ours = max((name for name in rates if name not in peers), key=lambda name: rates[name])
        best = max(("torch float32", "torch bfloat16"), key=lambda name: rates[name])
        bound = step["products_per_second"]["bfloat16" if "bf16" in ours or ours == "amx" else "float32"]
        share = rates[ours] * step["operations_per_token"] / bound
        others = ", ".join(
            f"{times(rates[ours] / rate)} {name}"
            for name, rate in peers.items()
            if name not in (best, "torch float32", "torch bfloat16") and "held" not in name
        )
        ratio = rates[ours] / rates[best]
        measured = f"{rates[ours]:,.0f} tokens/s ({ours}); {best} {rates[best]:,.0f}; {share:.0%} of the bound"
        return Answer(measured, times(ratio) + (f"; {others}" if others else ""), ratio >= least)

    return answer


def avx2_training(shape: str, peer: str, least: float) -> Callable[[Results], Answer]:
    """The AVX2 kernels against torch in float32."""

    def answer(found: Results) -> Answer:
        rates = found["training_step"][shape]["tokens_per_second"]
        ratio = rates["avx2"] / rates[peer]
        return Answer(f"{rates['avx2']:,.0f} tokens/s; {peer} {rates[peer]:,.0f}", times(ratio), ratio >= least)

    return answer


def avx2_stream(model: str, least: float) -> Callable[[Results], Answer]:
    """One stream by the AVX2 kernels in the precision that they take by themselves."""

    def answer(found: Results) -> Answer:
        paths = found["decode"]["kernels"]["avx2"]
        rate = paths[paths["own_precision"]][model]
        return Answer(f"{characters(rate)}, {paths['own_precision']}", "", rate >= least)

    return answer


def held_out(row: str, benchmark: str = "quality") -> Callable[[Results], Answer]:
    """The median of the seeds, by the protocol that the row names."""

    def answer(found: Results) -> Answer:
        each, asked = found[benchmark][row], QUALITY[row]
        nats, seconds = (median(one[key] for one in each) for key in (asked.protocol, "seconds"))
        return Answer(f"{nats:.4f} nats after {seconds:.1f} s", "", nats <= asked.reach)

    return answer


def to_keras_quality(row: str) -> Callable[[Results], Answer]:
    """The same, against the time that Keras takes to get there: as published, and at its speed here."""

    def answer(found: Results) -> Answer:
        reached = held_out(row)(found)
        seconds = median(one["seconds"] for one in found["quality"][row])
        ratio = f"{times(KERAS_SECONDS / seconds)} Keras's {KERAS_SECONDS} s" if reached.met else "not reached"
        keras = found.get("classic", {}).get("keras on tensorflow", {})
        if reached.met and "windows_per_second" in keras:
            here = EPOCHS * TRAINED_ON * keras["windows"] / keras["windows_per_second"]
            ratio += f"; {times(here / seconds)} its five epochs here, {here:,.0f} s"
        return Answer(reached.measured, ratio, reached.met and KERAS_SECONDS / seconds >= 100)

    return answer


def against_transformer(found: Results) -> Answer:
    """Both after the same seconds, in blocks of 64: the lower the better."""
    rows = found["transformer"]
    peer = next(rows[name] for name in rows if name.startswith("transformer, "))
    ours = next(rows[name] for name in rows if name.startswith("seqloom, "))
    published = rows["transformer as published"]
    return Answer(
        f"{ours['blocks']:.3f} nats in blocks of 64; transformer {peer['blocks']:.3f}, "
        f"as published {published['blocks']:.3f} in {published['seconds']:.0f} s",
        f"{peer['blocks'] - ours['blocks']:+.3f} nats",
        ours["blocks"] < peer["blocks"],
    )


def cold_start(most: float) -> Callable[[Results], Answer]:
    """From the start of the process to the first character."""

    def answer(found: Results) -> Answer:
        row = found["start"]["seqloom generate, first character"]
        bare, torch = (found["start"][name]["seconds"] for name in ("python, nothing", "python, import torch"))
        measured = f"{row['seconds']:.2f} s, torch {'imported' if row['imports_torch'] else 'not imported'}"
        ratio = f"importing torch alone {torch:.2f} s, bare Python {bare:.2f} s"
        return Answer(measured, ratio, row["seconds"] <= most and not row["imports_torch"])

    return answer


def encoding(level: str, least: float) -> Callable[[Results], Answer]:
    """The pass that builds the store; memory is flat when ten times the file takes no tenth more."""

    def answer(found: Results) -> Answer:
        whole, tenth = found["encode"][level], found["encode"][f"{level}, a tenth of the file"]
        bound = found["encode"]["read and decode only"]["both"]
        grown = whole["anonymous_megabytes"] / tenth["anonymous_megabytes"]
        measured = (
            f"{whole['store']:,.0f} MB/s ({whole['both']:,.0f} with the pass that fits the codec); "
            f"{whole['anonymous_megabytes']:,.0f} MB, a tenth of the file {tenth['anonymous_megabytes']:,.0f}"
        )
        ratio = f"{whole['store'] / bound:.2f}x reading and decoding alone"
        return Answer(measured, ratio, whole["store"] >= least and grown < 1.1)

    return answer


def grammar_distance(most: float) -> Callable[[Results], Answer]:
    """Mean total variation of the GANs above that of likelihood; every sentence that should come did."""

    def answer(found: Results) -> Answer:
        rows = found["gan_grammar"]["grammar"]
        plain, games = ([row for name, row in rows.items() if name.startswith(kind)] for kind in ("like", "GAN"))
        if not all(games):
            return Answer("a GAN collapsed", "", False)
        ours, peer = (sum(row["total variation"] for row in side) / len(side) for side in (games, plain))
        missed = sum(row["missed"] for row in games)
        measured = f"{ours:.3f}, likelihood {peer:.3f}; {missed} sentences missed"
        return Answer(measured, f"{ours - peer:+.3f}", ours - peer <= most and not missed)

    return answer


def gan_lag(most: float) -> Callable[[Results], Answer]:
    """Nats by which diversity is worse at equal quality, over all qualities that all writers reach."""

    def answer(found: Results) -> Answer:
        lag = found["gan"]["sentences"]["lag"]["all"]
        return Answer(f"{lag['mean']:+.3f} nats{interval(lag)}", "", lag["mean"] <= most)

    return answer


def gan_ahead(region: str) -> Callable[[Results], Answer]:
    """A part of the sweep in which the whole interval is on the GAN's side."""

    def answer(found: Results) -> Answer:
        lag = found["gan"]["sentences"]["lag"][region]
        return Answer(f"{lag['mean']:+.3f} nats{interval(lag)}", "", bool(lag["interval"]) and lag["interval"][1] < 0)

    return answer


def gan_worst(measured: str, least: float) -> Callable[[Results], Answer]:
    """The worst of the seeds."""

    def answer(found: Results) -> Answer:
        games = {name: one for name, one in found["gan"]["sentences"].items() if name.startswith("GAN")}
        each = [{**one["sweep"][-1], **one}[measured] for one in games.values()]
        return Answer(", ".join(f"{value:.0%}" for value in each), "", min(each) >= least)

    return answer


def gan_collapsed(found: Results) -> Answer:
    """Seeds whose texts collapsed again and again."""
    rows = found["gan"]["sentences"]
    seeds = rows["collapsed"] + sum(name.startswith("GAN") for name in rows)
    return Answer(f"{rows['collapsed']} of {seeds}", "", not rows["collapsed"])


def gan_without(part: str) -> Callable[[Results], Answer]:
    """How much further from the grammar GANs are that lack a part, by seed; none is left of one that collapsed.

    Enough is what shows as usual; that the verdict counts for eight times as much, or that nothing is learned by
    likelihood either, is not.
    """

    def answer(found: Results) -> Answer:
        rows = found["gan_ablations"]["ablations"]["grammar"]

        def further(ones: str, others: str) -> list[float]:
            seeds = [name.removeprefix(f"{ones}, ") for name in rows if name.startswith(f"{ones}, seed")]
            far = [[rows[f"{name}, {seed}"].get("total variation", inf) for seed in seeds] for name in (ones, others)]
            return [one - other for one, other in zip(*far, strict=True)]

        told = {
            "as usual": further(f"without {part}", "whole"),
            "verdict x 8": further(f"without {part}, pressed", "whole, pressed"),
        }
        if part != LIKELIHOOD:
            both = f"without {LIKELIHOOD} and {part}, pressed"
            told["that beside no likelihood"] = further(both, f"without {LIKELIHOOD}, pressed")
        measured = "; ".join(f"{name} {', '.join(f'{one:+.3f}' for one in each)}" for name, each in told.items())
        return Answer(measured, "", min(told["as usual"]) > 0.001)

    return answer


def interval(mean: Mapping[str, Any]) -> str:
    return " ({:+.3f} to {:+.3f})".format(*mean["interval"]) if mean["interval"] else " (one seed)"


def characters(rate: float) -> str:
    return f"{rate:,.0f} characters/s"


def times(ratio: float) -> str:
    return f"{ratio:,.0f}x" if ratio >= 100 else f"{ratio:.2f}x"


SMALL = "LSTM(128)"
STEP = "128, 32 x 64"

REACHES = (
    Reach("one stream LSTM(128), 59 symbols, one core, T=.5", "500 k characters/s", one_stream(SMALL, 500e3)),
    Reach("the same, against the Keras/TensorFlow loop", "20,000x", against_keras(20_000)),
    Reach("the same, against torch eager with carried state", "150x", against_torch(SMALL, 150)),
    Reach("one stream LSTM(256)", "150 k characters/s", one_stream("LSTM(256)", 150e3)),
    Reach("one stream LSTM(512)", "60 k characters/s", one_stream("LSTM(512)", 60e3)),
    Reach("one stream 2 x LSTM(256)", "60 k characters/s", one_stream("2 x LSTM(256)", 60e3)),
    Reach("256 streams LSTM(128), two cores", "1.5 M characters/s together", many_streams(SMALL, 1.5e6)),
    Reach("top-p, min-p and repetition against temperature alone", "at most 1.5x the time", full_chain(SMALL, 1.5)),
    Reach("training step LSTM(128), 32 x 64, against the better of nn.LSTM", "3x", training(STEP, 3)),
    Reach("training step LSTM(512), 64 x 128", "1.7x", training("512, 64 x 128", 1.7)),
    Reach("training step 2 x LSTM(256), 32 x 64", "1.7x", training("256 + 256, 32 x 64", 1.7)),
    Reach("AVX2: training step LSTM(128), against nn.LSTM", "1.5x", avx2_training(STEP, "torch float32", 1.5)),
    Reach(
        "AVX2: the same, against nn.LSTM held to AVX2", "1.5x", avx2_training(STEP, "torch float32 held to AVX2", 1.5)
    ),
    Reach("AVX2: one stream LSTM(128)", "200 k characters/s", avx2_stream(SMALL, 200e3)),
    Reach("nietzsche lower-cased to 1.541 nats", "4.1 s, 100x Keras's 412 s", to_keras_quality("nietzsche-4s")),
    Reach("nietzsche lower-cased after 5 s", "1.48 nats", held_out("nietzsche-5s")),
    Reach("nietzsche lower-cased after 15 s", "1.40 nats", held_out("nietzsche-15s")),
    Reach("nietzsche lower-cased after 60 s", "1.33 nats", held_out("nietzsche-60s")),
    Reach("shakespeare after 60 s", "1.52 nats", held_out("shakespeare-60s")),
    Reach("shakespeare after 10 min, blocks of 256", "1.49 nats", held_out("shakespeare-600s", "quality_ten_minutes")),
    Reach("shakespeare, a minute, against a small transformer", "fewer nats", against_transformer),
    Reach("`seqloom generate`, cold to the first character", "0.8 s, torch not imported", cold_start(0.8)),
    Reach("a 1 GB file to the token store, characters", "200 MB/s, memory flat", encoding("char", 200)),
    Reach("GAN: total variation from a grammar, above likelihood", "0.02, every sentence", grammar_distance(0.02)),
    Reach("GAN: lag in diversity to likelihood at equal quality", "0.25 nats", gan_lag(0.25)),
    Reach("GAN: ahead in the cold half of the sweep", "an interval below 0", gan_ahead("cold half")),
    Reach("GAN: discriminator inside [.55, .85], each seed", "80 % of rounds", gan_worst("inside_band", 0.8)),
    Reach("GAN: collapsed seeds", "none", gan_collapsed),
    Reach("GAN: greedy texts of 500 noises that differ", "90 %", gan_worst("distinct_greedy", 0.9)),
    Reach("GAN: rating read at temperature 1, as a share of real text", "85 %", gan_worst("share of real", 0.85)),
    Reach("GAN without the controller: further from a grammar", "both seeds", gan_without("the controller")),
    Reach("GAN without interleaved likelihood: the same", "both seeds", gan_without(LIKELIHOOD)),
    Reach("GAN without annealing: the same", "both seeds", gan_without("annealing")),
)


def table(found: Results) -> list[str]:
    """The lines of the table, and how many of what was measured is met."""
    lines = ["| question | reach | measured | ratio to peer | met or missed |", "| --- | --- | --- | --- | --- |"]
    met = measured = 0
    for reach in REACHES:
        try:
            answer = reach.answer(found)
        except (KeyError, StopIteration):
            lines.append(f"| {reach.question} | {reach.asked} | not measured | | |")
            continue
        met, measured = met + answer.met, measured + 1
        verdict = "met" if answer.met else "missed"
        lines.append(f"| {reach.question} | {reach.asked} | {answer.measured} | {answer.ratio} | {verdict} |")
    return [f"{met} of the {measured} that were measured are met.", "", *lines]
