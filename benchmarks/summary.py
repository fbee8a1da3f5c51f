"""Compare the measurements with their targets: the first table of the report.

Each row has a question, a target, and a function that computes the answer from the results of the benchmarks. All
numbers come from these results, except for the targets and one published time. Rows without results say "not measured".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from statistics import median
from typing import Any

from quality import ROWS as QUALITY

__all__ = ["TARGETS", "Answer", "Results", "Target", "table"]

Results = Mapping[str, Any]
"""Results of the benchmarks by name."""

KERAS_SECONDS = 412
"""Published time of five epochs of the textbook recipe in Keras on TensorFlow, with 1.541 nats on held-out text."""

EPOCHS, TRAINED_ON = 5, 0.9

LIKELIHOOD = "interleaved likelihood"


@dataclass(frozen=True)
class Answer:
    """A measurement, its ratio to a peer, and whether it meets the target."""

    measured: str
    ratio: str
    met: bool


@dataclass(frozen=True)
class Target:
    """A question, its target, and the function of the answer, which raises KeyError without results."""

    question: str
    target: str
    answer: Callable[[Results], Answer]


def one_stream(model: str, least: float) -> Callable[[Results], Answer]:
    """Answer with the speed of one stream on one core, and its share of the bound."""

    def answer(results: Results) -> Answer:
        rates = results["decode"]["models"][model]
        share = rates["one_core"] / rates["bound"]
        return Answer(f"{characters(rates['one_core'])}; {share:.0%} of the bound", "", rates["one_core"] >= least)

    return answer


def against_torch(model: str, least: float) -> Callable[[Results], Answer]:
    """Compare one stream with torch eager."""

    def answer(results: Results) -> Answer:
        rates = results["decode"]["peers"][model]["rates"]
        ratio = rates["seqloom"] / rates["torch eager"]
        others = (f"{times(rates['seqloom'] / rates[name])} {name}" for name in list(rates)[2:])
        measured = f"{characters(rates['seqloom'])}; torch eager {rates['torch eager']:,.0f}"
        return Answer(measured, "; ".join((times(ratio), *others)), ratio >= least)

    return answer


def against_keras(least: float) -> Callable[[Results], Answer]:
    """Compare a run with a carried state with the textbook loop."""

    def answer(results: Results) -> Answer:
        ours, peer = (results["keras_recipe"][name] for name in ("seqloom", "keras on tensorflow"))
        ratio = ours["state carried"] / peer["characters_per_second"]
        measured = f"{characters(ours['state carried'])} as text; Keras {peer['characters_per_second']:,.1f}"
        return Answer(measured, times(ratio), ratio >= least)

    return answer


def many_streams(model: str, least: float) -> Callable[[Results], Answer]:
    """Answer with the speed of a batch of 256 streams on all cores."""

    def answer(results: Results) -> Answer:
        rate, cores = results["decode"]["models"][model]["streams_256"], results["decode"]["processors"]
        return Answer(f"{characters(rate)} on {cores} cores", "", rate >= least)

    return answer


def full_chain(model: str, most: float) -> Callable[[Results], Answer]:
    """Compare all sampling transforms with temperature only."""

    def answer(results: Results) -> Answer:
        rates = results["decode"]["chain"][model]
        ratio = rates["plain"] / rates["full"]
        measured = f"{characters(rates['full'])}; temperature only {rates['plain']:,.0f}"
        return Answer(measured, f"{ratio:.2f}x the time", ratio <= most)

    return answer


def training(shape: str, least: float) -> Callable[[Results], Answer]:
    """Compare the fastest kernels with the faster of eager torch in float32 and bfloat16, and with the other peers."""

    def answer(results: Results) -> Answer:
        step = results["training_step"][shape]
        rates = step["tokens_per_second"]
        peers = {name: rate for name, rate in rates.items() if name.startswith(("torch", "JAX"))}
        ours = max((name for name in rates if name not in peers), key=lambda name: rates[name])
        best = max(("torch float32", "torch bfloat16"), key=lambda name: rates[name])
        bound = step["products_per_second"]["bfloat16" if "bf16" in ours or ours == "amx" else "float32"]
        share = rates[ours] * step["operations_per_token"] / bound
        others = ", ".join(
            f"{times(rates[ours] / rate)} {name}"
            for name, rate in peers.items()
            if name not in (best, "torch float32", "torch bfloat16") and "restricted" not in name
        )
        ratio = rates[ours] / rates[best]
        measured = f"{rates[ours]:,.0f} tokens/s ({ours}); {best} {rates[best]:,.0f}; {share:.0%} of the bound"
        return Answer(measured, times(ratio) + (f"; {others}" if others else ""), ratio >= least)

    return answer


def avx2_training(shape: str, peer: str, least: float) -> Callable[[Results], Answer]:
    """Compare the AVX2 kernels with a peer."""

    def answer(results: Results) -> Answer:
        rates = results["training_step"][shape]["tokens_per_second"]
        ratio = rates["avx2"] / rates[peer]
        return Answer(f"{rates['avx2']:,.0f} tokens/s; {peer} {rates[peer]:,.0f}", times(ratio), ratio >= least)

    return answer


def avx2_stream(model: str, least: float) -> Callable[[Results], Answer]:
    """Answer with the speed of one stream with the AVX2 kernels in their default precision."""

    def answer(results: Results) -> Answer:
        paths = results["decode"]["kernels"]["avx2"]
        rate = paths[paths["own_precision"]][model]
        return Answer(f"{characters(rate)}, {paths['own_precision']}", "", rate >= least)

    return answer


def held_out(row: str, benchmark: str = "quality") -> Callable[[Results], Answer]:
    """Answer with the median loss over the seeds, by the protocol of the row."""

    def answer(results: Results) -> Answer:
        each, target = results[benchmark][row], QUALITY[row]
        nats, seconds = (median(one[key] for one in each) for key in (target.protocol, "seconds"))
        return Answer(f"{nats:.4f} nats after {seconds:.1f} s", "", nats <= target.reach)

    return answer


def to_keras_quality(row: str) -> Callable[[Results], Answer]:
    """Compare the time to a loss with that of Keras, as published and as measured on this machine."""

    def answer(results: Results) -> Answer:
        reached = held_out(row)(results)
        seconds = median(one["seconds"] for one in results["quality"][row])
        ratio = f"{times(KERAS_SECONDS / seconds)} Keras's {KERAS_SECONDS} s" if reached.met else "not reached"
        keras = results.get("keras_recipe", {}).get("keras on tensorflow", {})
        if reached.met and "windows_per_second" in keras:
            here = EPOCHS * TRAINED_ON * keras["windows"] / keras["windows_per_second"]
            ratio += f"; {times(here / seconds)} five epochs on this machine, {here:,.0f} s"
        return Answer(reached.measured, ratio, reached.met and KERAS_SECONDS / seconds >= 100)

    return answer


def against_transformer(results: Results) -> Answer:
    """Compare the loss of both after the same time, in blocks of 64."""
    rows = results["transformer"]
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
    """Answer with the time from the start of the process to the first character."""

    def answer(results: Results) -> Answer:
        row = results["cold_start"]["seqloom generate, first character"]
        bare, torch = (results["cold_start"][name]["seconds"] for name in ("python, nothing", "python, import torch"))
        measured = f"{row['seconds']:.2f} s, torch {'imported' if row['imports_torch'] else 'not imported'}"
        ratio = f"`import torch` {torch:.2f} s, Python without imports {bare:.2f} s"
        return Answer(measured, ratio, row["seconds"] <= most and not row["imports_torch"])

    return answer


def encoding(level: str, least: float) -> Callable[[Results], Answer]:
    """Answer with the speed of building the store, and whether a tenfold file needs less than 10 % more memory."""

    def answer(results: Results) -> Answer:
        whole, tenth = results["encode"][level], results["encode"][f"{level}, a tenth of the file"]
        bound = results["encode"]["read and decode only"]["both"]
        grown = whole["anonymous_megabytes"] / tenth["anonymous_megabytes"]
        measured = (
            f"{whole['store']:,.0f} MB/s ({whole['both']:,.0f} including the fit of the codec); "
            f"{whole['anonymous_megabytes']:,.0f} MB, for a tenth of the file {tenth['anonymous_megabytes']:,.0f}"
        )
        ratio = f"{whole['store'] / bound:.2f}x reading and decoding only"
        return Answer(measured, ratio, whole["store"] >= least and grown < 1.1)

    return answer


def grammar_distance(most: float) -> Callable[[Results], Answer]:
    """Compare the mean total variation distance of the GANs with likelihood training; count missed sentences."""

    def answer(results: Results) -> Answer:
        rows = results["gan_grammar"]["grammar"]
        plain, games = ([row for name, row in rows.items() if name.startswith(kind)] for kind in ("like", "GAN"))
        if not all(games):
            return Answer("a GAN collapsed", "", False)
        ours, peer = (sum(row["total variation"] for row in side) / len(side) for side in (games, plain))
        missed = sum(row["missed"] for row in games)
        measured = f"{ours:.3f}, likelihood {peer:.3f}; {missed} sentences missed"
        return Answer(measured, f"{ours - peer:+.3f}", ours - peer <= most and not missed)

    return answer


def gan_lag(most: float) -> Callable[[Results], Answer]:
    """Answer with the lag in diversity at equal quality, over the whole common range of quality."""

    def answer(results: Results) -> Answer:
        lag = results["gan"]["sentences"]["lag"]["all"]
        return Answer(f"{lag['mean']:+.3f} nats{interval(lag)}", "", lag["mean"] <= most)

    return answer


def gan_ahead(region: str) -> Callable[[Results], Answer]:
    """Answer with the lag in a part of the range; met if the whole interval is below 0."""

    def answer(results: Results) -> Answer:
        lag = results["gan"]["sentences"]["lag"][region]
        return Answer(f"{lag['mean']:+.3f} nats{interval(lag)}", "", bool(lag["interval"]) and lag["interval"][1] < 0)

    return answer


def gan_worst(measured: str, least: float) -> Callable[[Results], Answer]:
    """Answer with the values of all seeds; the worst one counts."""

    def answer(results: Results) -> Answer:
        games = {name: one for name, one in results["gan"]["sentences"].items() if name.startswith("GAN")}
        each = [{**one["sweep"][-1], **one}[measured] for one in games.values()]
        return Answer(", ".join(f"{value:.0%}" for value in each), "", min(each) >= least)

    return answer


def gan_collapsed(results: Results) -> Answer:
    """Answer with the number of seeds that failed after repeated collapses."""
    rows = results["gan"]["sentences"]
    seeds = rows["collapsed"] + sum(name.startswith("GAN") for name in rows)
    return Answer(f"{rows['collapsed']} of {seeds}", "", not rows["collapsed"])


def gan_without(part: str) -> Callable[[Results], Answer]:
    """Answer with the increase in total variation distance if a part is left out, by seed; infinite after a collapse.

    Only the default settings count for the target. Eight times the adversarial weight and missing likelihood are shown
    for information.
    """

    def answer(results: Results) -> Answer:
        rows = results["gan_ablations"]["ablations"]["grammar"]

        def further(ones: str, others: str) -> list[float]:
            seeds = [name.removeprefix(f"{ones}, ") for name in rows if name.startswith(f"{ones}, seed")]
            far = [[rows[f"{name}, {seed}"].get("total variation", inf) for seed in seeds] for name in (ones, others)]
            return [one - other for one, other in zip(*far, strict=True)]

        differences = {
            "default settings": further(f"without {part}", "full model"),
            "adversarial weight 8": further(
                f"without {part}, adversarial weight 8", "full model, adversarial weight 8"
            ),
        }
        if part != LIKELIHOOD:
            both = f"without {LIKELIHOOD} and {part}, adversarial weight 8"
            differences["also without likelihood"] = further(both, f"without {LIKELIHOOD}, adversarial weight 8")
        measured = "; ".join(f"{name} {', '.join(f'{one:+.3f}' for one in each)}" for name, each in differences.items())
        return Answer(measured, "", min(differences["default settings"]) > 0.001)

    return answer


def interval(mean: Mapping[str, Any]) -> str:
    return " ({:+.3f} to {:+.3f})".format(*mean["interval"]) if mean["interval"] else " (one seed)"


def characters(rate: float) -> str:
    return f"{rate:,.0f} characters/s"


def times(ratio: float) -> str:
    return f"{ratio:,.0f}x" if ratio >= 100 else f"{ratio:.2f}x"


SMALL = "LSTM(128)"
STEP = "128, 32 x 64"

TARGETS = (
    Target("one stream LSTM(128), 59 symbols, one core, T=.5", "500 k characters/s", one_stream(SMALL, 500e3)),
    Target("one stream LSTM(128), compared with the Keras/TensorFlow loop", "20,000x", against_keras(20_000)),
    Target("one stream LSTM(128), compared with torch eager with carried state", "150x", against_torch(SMALL, 150)),
    Target("one stream LSTM(256)", "150 k characters/s", one_stream("LSTM(256)", 150e3)),
    Target("one stream LSTM(512)", "60 k characters/s", one_stream("LSTM(512)", 60e3)),
    Target("one stream 2 x LSTM(256)", "60 k characters/s", one_stream("2 x LSTM(256)", 60e3)),
    Target("256 streams LSTM(128), two cores", "1.5 M characters/s in total", many_streams(SMALL, 1.5e6)),
    Target(
        "top-p, min-p and repetition penalty, compared with temperature only",
        "at most 1.5x the time",
        full_chain(SMALL, 1.5),
    ),
    Target("training step LSTM(128), 32 x 64, compared with the faster nn.LSTM", "3x", training(STEP, 3)),
    Target("training step LSTM(512), 64 x 128", "1.7x", training("512, 64 x 128", 1.7)),
    Target("training step 2 x LSTM(256), 32 x 64", "1.7x", training("256 + 256, 32 x 64", 1.7)),
    Target("AVX2: training step LSTM(128), compared with nn.LSTM", "1.5x", avx2_training(STEP, "torch float32", 1.5)),
    Target(
        "AVX2: training step LSTM(128), compared with nn.LSTM restricted to AVX2",
        "1.5x",
        avx2_training(STEP, "torch float32 restricted to AVX2", 1.5),
    ),
    Target("AVX2: one stream LSTM(128)", "200 k characters/s", avx2_stream(SMALL, 200e3)),
    Target("nietzsche lower-cased to 1.541 nats", "4.1 s, 100x Keras's 412 s", to_keras_quality("nietzsche-4s")),
    Target("nietzsche lower-cased after 5 s", "1.48 nats", held_out("nietzsche-5s")),
    Target("nietzsche lower-cased after 15 s", "1.40 nats", held_out("nietzsche-15s")),
    Target("nietzsche lower-cased after 60 s", "1.33 nats", held_out("nietzsche-60s")),
    Target("shakespeare after 60 s", "1.52 nats", held_out("shakespeare-60s")),
    Target("shakespeare after 10 min, blocks of 256", "1.49 nats", held_out("shakespeare-600s", "quality_ten_minutes")),
    Target("shakespeare after 60 s, compared with a small transformer", "lower loss", against_transformer),
    Target("`seqloom generate`, cold start to the first character", "0.8 s, torch not imported", cold_start(0.8)),
    Target("a 1 GB file to the token store, characters", "200 MB/s, constant memory", encoding("char", 200)),
    Target(
        "GAN: total variation distance from a grammar, minus that of likelihood training",
        "0.02, no missed sentence",
        grammar_distance(0.02),
    ),
    Target("GAN: lag in diversity behind likelihood training at equal quality", "0.25 nats", gan_lag(0.25)),
    Target("GAN: lag in the half of the range with lower temperatures", "interval below 0", gan_ahead("cold half")),
    Target("GAN: discriminator accuracy inside [.55, .85], each seed", "80 % of steps", gan_worst("inside_band", 0.8)),
    Target("GAN: collapsed seeds", "none", gan_collapsed),
    Target("GAN: distinct greedy texts for 500 noise vectors", "90 %", gan_worst("distinct_greedy", 0.9)),
    Target(
        "GAN: rating correlation at temperature 1, as a share of that of real text",
        "85 %",
        gan_worst("share of real", 0.85),
    ),
    Target(
        "GAN without the controller: increase in total variation distance", "both seeds", gan_without("the controller")
    ),
    Target(
        "GAN without interleaved likelihood: increase in total variation distance",
        "both seeds",
        gan_without(LIKELIHOOD),
    ),
    Target("GAN without annealing: increase in total variation distance", "both seeds", gan_without("annealing")),
)


def table(results: Results) -> list[str]:
    """Return the lines of the table, after a line with the number of targets that are met."""
    lines = ["| question | target | measured | ratio to peer | met or missed |", "| --- | --- | --- | --- | --- |"]
    met = measured = 0
    for target in TARGETS:
        try:
            answer = target.answer(results)
        except (KeyError, StopIteration):
            lines.append(f"| {target.question} | {target.target} | not measured | | |")
            continue
        met, measured = met + answer.met, measured + 1
        verdict = "met" if answer.met else "missed"
        lines.append(f"| {target.question} | {target.target} | {answer.measured} | {answer.ratio} | {verdict} |")
    return [f"{met} of the {measured} measured targets are met.", "", *lines]
