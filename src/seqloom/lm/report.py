"""Measure a trained run, and write samples, plots, `metrics.json` and `report.md`."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqloom.codecs.text import TextCodec
from seqloom.evaluation.diversity import Diversity, diversity
from seqloom.evaluation.likelihood import (
    bits_measure,
    block_likelihood,
    full_likelihood,
    start_token_of,
    window_likelihood,
)
from seqloom.evaluation.originality import CopyIndex
from seqloom.files import quoted_path, write_text
from seqloom.generation.run_generators import RunGenerators
from seqloom.lm.dataset import Dataset
from seqloom.lm.evaluate import fast_run_scorer, run_scorer
from seqloom.lm.observer import Report, ReportSample, TrainingObserver, format_rating
from seqloom.lm.plots import draw_plots
from seqloom.lm.report_plan import BLOCK, MAX_SEARCHED_CHARACTERS, WINDOW, WINDOW_STRIDE, ReportPlan
from seqloom.lm.reproduce_command import repetition_command
from seqloom.plural import first_part
from seqloom.runs.saved_run import SavedRun
from seqloom.runs.suggestion import RATED_TEMPERATURE, Suggestion
from seqloom.sampling import SamplingConfig
from seqloom.training.events import Finished
from seqloom.training.loop import TrainingProgress

__all__ = ["Report", "ReportSample", "write_report"]

_COPY_WINDOW = 50
"""Characters per window: the copied share of a sample is the share of its windows that occur in the corpus."""


def write_report(
    run: SavedRun,
    dataset: Dataset,
    progress: TrainingProgress,
    finished: Finished,
    viewer: TrainingObserver,
    plan: ReportPlan,
) -> Report:
    """Measure a run, write samples, plots, `metrics.json` and `report.md`, and return the report.

    Args:
        run: trained run.
        dataset: dataset of the training.
        progress: trainer's progress at the end.
        finished: last event of the training.
        viewer: receives the activities, then the lines of the summary.
        plan: amount of text to score.
    """
    viewer.working("writing samples")
    samples = _generate_samples(run)
    viewer.working("measuring the model")
    likelihoods = _likelihoods(run, dataset, plan)
    originality: dict[str, Any] = {}
    if isinstance(dataset.codec, TextCodec):
        viewer.working("searching for copies of the corpus")
        originality = _originality(dataset, [sample.text for sample in samples])
    metrics: dict[str, Any] = {
        "steps": finished.step,
        "reason": finished.reason,
        "training_seconds": progress.seconds,
        "tokens_per_second": progress.tokens / progress.seconds if progress.seconds else None,
        "rollbacks": progress.rollbacks,
        "paused_seconds": progress.paused,
        **likelihoods,
        "samples": [
            {"temperature": sample.temperature, "rating": sample.rating, **_diversity(sample.text)}
            for sample in samples
        ],
        **originality,
    }
    run.folder.write_metrics(metrics)
    viewer.working("drawing plots")
    plots = draw_plots(run)
    report = Report(run, metrics, samples)
    write_text(run.folder.report_file, _as_markdown(report, [plot.name for plot in plots]))
    _show(report, plots, viewer)
    return report


def _show(report: Report, plots: Sequence[Path], viewer: TrainingObserver) -> None:
    """Show the main figures, the paths of the report and the plots, and what to do next."""
    run = report.run
    for line in _summary(report.metrics, run.codec.unit):
        viewer.result(line)
    plot_paths = ", ".join(map(str, plots))
    viewer.result(f"run: {run.path}   report: {run.folder.report_file}   plots: {plot_paths}")
    viewer.note(f"generate more with: {_generate_command(run)}")
    parts = [part for part in ("held_out", "validation") if report.metrics.get(part)]
    if run.config.parent is not None and parts:
        names = f"{quoted_path(run.path)} --against {shlex.quote(run.config.parent)}"
        viewer.note(f"compare it with its parent: seqloom evaluate {names} --split {parts[0].replace('_', '-')}")


def _generate_samples(run: SavedRun) -> list[ReportSample]:
    ratings = run.config.conditions.examples()
    if ratings:
        return [_sample(run, RATED_TEMPERATURE, rating) for rating in ratings]
    return [_sample(run, temperature, None) for temperature in run.config.samples.temperatures]


def _sample(run: SavedRun, temperature: float, rating: Mapping[str, float | str] | None) -> ReportSample:
    config = SamplingConfig(temperature=temperature, length=run.config.samples.length, seed=run.config.training.seed)
    text = RunGenerators(run).generator(rating=rating).generate_from_ids([], config).text
    return ReportSample(temperature, text, rating)


def _generate_command(run: SavedRun) -> str:
    """Return a command that generates more text; for a run with conditions, with the last of the example ratings."""
    command = f"seqloom generate {quoted_path(run.path)}"
    conditions, suggested = run.config.conditions, Suggestion.of(run)
    suggestion = f" --temperature {suggested.temperature:g}{f' -o {suggested.file}' if suggested.file else ''}"
    if not len(conditions):
        return f"{command}{suggestion}"
    ((name, value),) = conditions.examples()[-1].items()  # an example sets one condition; the last one is the highest
    argument = format_rating(value) if len(conditions) == 1 else f"{name}={format_rating(value)}"
    return f"{command} --rating {shlex.quote(argument)}{suggestion}"


def _likelihoods(run: SavedRun, dataset: Dataset, plan: ReportPlan) -> dict[str, Any]:
    """Return the likelihoods of validation and held-out text by full context, blocks and windows.

    If the time is not enough for the whole text, the first part is scored; `of_tokens` is then the size of the whole.
    Only the windows, which read every token many times, are scored by the fast kernels, which may use bfloat16.
    """
    likelihoods: dict[str, Any] = {}
    scorer, fast_scorer = run_scorer(run), fast_run_scorer(run)
    units_per_token = run.codec.units_per_token
    features = run.config.features_of(dataset.store)
    for name, spans in (("validation", dataset.split.validation), ("held_out", dataset.split.held_out)):
        scored = spans.first(plan.scored_tokens)
        if scored.num_records < 2:  # no token with a token to predict after it
            continue
        by_protocol = {
            "full_context": full_likelihood(
                scorer,
                dataset.store,
                scored,
                units_per_token,
                features=features,
                start_token=start_token_of(dataset.store, run.codec),
            ),
            f"blocks_{BLOCK}": block_likelihood(
                scorer, dataset.store, scored, units_per_token, block_size=BLOCK, features=features
            ),
            f"windows_{WINDOW}": window_likelihood(
                fast_scorer,
                dataset.store,
                scored.first(plan.window_tokens),
                units_per_token,
                window_size=WINDOW,
                stride=WINDOW_STRIDE,
                features=features,
            ),
        }
        whole = {"of_tokens": spans.num_records} if scored.num_records < spans.num_records else {}
        likelihoods[name] = {
            protocol: {**likelihood.measures(), **whole}
            for protocol, likelihood in by_protocol.items()
            if likelihood.tokens
        }
    return likelihoods


def _diversity(text: str) -> dict[str, Any]:
    measured: Diversity = diversity([text])
    distinct_words, distinct_pairs, *_ = measured.distinct_words
    return {
        "distinct_1": distinct_words,
        "distinct_2": distinct_pairs,
        "repeated_share": measured.repeated_share,
        "longest_loop": measured.loop.length,
    }


def _originality(dataset: Dataset, texts: list[str]) -> dict[str, Any]:
    index = CopyIndex.from_corpus(dataset.corpus, limit=MAX_SEARCHED_CHARACTERS)
    copies = [index.longest_copy(text) for text in texts]
    longest = max(copies, key=len)
    return {
        "longest_copy": {"characters": len(longest), "text": longest.text},
        "copied_share": [index.copied_share(text, _COPY_WINDOW) for text in texts],
        "corpus_left_out_of_copy_search": index.num_skipped,
    }


def _summary(metrics: dict[str, Any], unit: str) -> Iterator[str]:
    """Yield the lines of the summary; `unit` is the unit of the codec, such as "character"."""
    rate = metrics["tokens_per_second"]
    speed = f", {rate:,.0f} tokens/s" if rate else ""
    yield f"{metrics['steps']:,} steps in {metrics['training_seconds']:.1f} s of training ({metrics['reason']}){speed}"
    for name in ("validation", "held_out"):
        if metrics.get(name):
            likelihood = metrics[name]["full_context"]
            nats = f"{likelihood['nats_per_token']:.4f} nats per token"
            bits = f"{likelihood[bits_measure(unit)]:.4f} bits per {unit}"
            perplexity = f"perplexity {likelihood['perplexity']:.2f}{first_part(likelihood)}"
            yield f"{name.replace('_', '-')}: {nats}, {bits}, {perplexity}"
    if "longest_copy" in metrics:
        yield f"longest copy from the corpus: {metrics['longest_copy']['characters']} characters"


def _as_markdown(report: Report, plots: list[str]) -> str:
    config, metrics = report.run.config, report.metrics
    lines = [
        f"# {Path(config.corpus).name}",
        "",
        f"{config.model.core} of {' + '.join(map(str, config.model.hidden_sizes))}, level {config.level}, "
        f"{len(report.run.codec):,} symbols. " + ". ".join(_summary(metrics, report.run.codec.unit)) + ".",
        "",
        *_likelihood_table(metrics, report.run.codec.unit),
        *_diversity_table(report),
        *[f"![{plot}](plots/{plot})" for plot in plots],
        "",
    ]
    for sample in report.samples:
        title = sample.title[0].upper() + sample.title[1:]
        lines += [f"## {title}", "", "```text", sample.text.replace("```", "'''"), "```", ""]
    # `opening` holds token ids, which mean nothing to a reader. In the file, paths are relative where the user's were.
    stored = report.run.folder.read_json(report.run.folder.config_file)
    settings = {name: value for name, value in stored.items() if name != "opening"}
    settings["repeat_command"] = repetition_command(report.run.config)
    lines += ["## Settings", "", "```json", json.dumps(settings, indent=2, ensure_ascii=False), "```", ""]
    return "\n".join(lines)


def _likelihood_table(metrics: dict[str, Any], unit: str) -> Iterator[str]:
    parts = [name for name in ("validation", "held_out") if metrics.get(name)]
    if not parts:
        return
    yield f"| text | protocol | nats per token | bits per {unit} | perplexity | tokens |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name in parts:
        for protocol, likelihood in metrics[name].items():
            yield (
                f"| {name.replace('_', '-')} | {protocol.replace('_', ' ')} | {likelihood['nats_per_token']:.4f} | "
                f"{likelihood[bits_measure(unit)]:.4f} | {likelihood['perplexity']:.2f} | {likelihood['tokens']:,} |"
            )
    yield ""
    yield (
        "Validation text selects the best weights; held-out text only measures. Lower is better; one nat is 1.44 bits. "
        "Full context predicts each token from all tokens before it. Blocks are read independently of each other, and "
        "windows predict a token from the last tokens only; the number in their name is their length in tokens."
    )
    yield ""


def _diversity_table(report: Report) -> Iterator[str]:
    yield "| sample | distinct words | distinct bigrams | repeated | longest loop | copied 50-grams |"
    yield "| --- | --- | --- | --- | --- | --- |"
    copied_shares = report.metrics.get("copied_share", [None] * len(report.samples))
    rows = zip(report.samples, report.metrics["samples"], copied_shares, strict=True)
    for sample, row, copied in rows:
        shares = [row["distinct_1"], row["distinct_2"], row["repeated_share"]]
        cells = " | ".join("-" if share is None else f"{share:.2f}" for share in shares)
        copied_cell = "-" if copied is None else f"{copied:.2f}"
        yield f"| {sample.title} | {cells} | {row['longest_loop']} | {copied_cell} |"
    yield ""
    yield (
        "Shares are between 0 and 1. Distinct: different words, or pairs of words, among all of the sample. Repeated: "
        "phrases of four words that occurred shortly before. Longest loop: characters of the longest stretch that "
        f"repeats one unit. Copied: passages of {_COPY_WINDOW} characters that occur in the corpus."
    )
    yield ""
