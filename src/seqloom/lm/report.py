"""The end of a training: measurements, samples, plots and a report that says how to go on."""

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seqloom.data.split import Spans
from seqloom.evaluation.diversity import Diversity, diversity
from seqloom.evaluation.likelihood import Likelihood, block_likelihood, full_likelihood, window_likelihood
from seqloom.evaluation.originality import CopyIndex
from seqloom.files import write_json, write_text
from seqloom.generation.run_generators import RunGenerators
from seqloom.lm.dataset import Dataset
from seqloom.lm.evaluate import fast_run_scorer, run_scorer
from seqloom.lm.observer import Report, ReportSample, TrainingObserver, format_rating
from seqloom.lm.plots import draw_plots
from seqloom.runs.saved_run import SavedRun
from seqloom.sampling import SamplingConfig
from seqloom.training.events import Finished
from seqloom.training.loop import TrainingProgress

__all__ = ["Report", "ReportSample", "write_report"]

BLOCK = 256
"""Inputs of a block in the block protocol that is always reported."""

WINDOW = 60
"""Tokens of a window in the window protocol that is always reported."""

_MOST_TOKENS = 1_000_000
_MOST_CORPUS = 20_000_000
_COPY_GRAM = 50
_USUAL_TEMPERATURE, _RATED_TEMPERATURE = 0.7, 0.8


def write_report(
    run: SavedRun, material: Dataset, progress: TrainingProgress, finished: Finished, viewer: TrainingObserver
) -> Report:
    """Measure a run, write samples, plots, `metrics.json` and `report.md`, and say what came out.

    Args:
        run: whose training is over.
        material: what it was trained on.
        progress: the trainer's numbers at the end.
        finished: why it ended.
        viewer: is told what is being done, then the report's lines.
    """
    viewer.working("writing samples")
    samples = _write_samples(run)
    viewer.working("measuring the model")
    likelihoods = _likelihoods(run, material)
    viewer.working("looking for copies from the corpus")
    originality = _originality(material, [sample.text for sample in samples])
    metrics: dict[str, Any] = {
        "steps": finished.step,
        "reason": finished.reason,
        "training_seconds": progress.seconds,
        "tokens_per_second": progress.tokens / progress.seconds if progress.seconds else None,
        "rollbacks": progress.rollbacks,
        **likelihoods,
        "samples": [
            {"temperature": sample.temperature, "rating": sample.rating, **_variety(sample.text)} for sample in samples
        ],
        **originality,
    }
    write_json(run.folder.metrics_file, metrics)
    viewer.working("drawing")
    plots = draw_plots(run)
    report = Report(run, metrics, samples)
    write_text(run.folder.report_file, _as_markdown(report, [plot.name for plot in plots]))
    for line in _summary(metrics):
        viewer.note(line)
    viewer.note(f"run: {run.path}   report: {run.folder.report_file}   plots: {', '.join(str(plot) for plot in plots)}")
    viewer.note(f"write more with: {_more(run)}")
    return report


def _write_samples(run: SavedRun) -> list[ReportSample]:
    ratings = run.config.conditions.examples()
    if ratings:
        return [_shown(run, _RATED_TEMPERATURE, rating) for rating in ratings]
    return [_shown(run, temperature, None) for temperature in run.config.samples.temperatures]


def _shown(run: SavedRun, temperature: float, rating: Mapping[str, float | str] | None) -> ReportSample:
    config = SamplingConfig(temperature=temperature, length=run.config.samples.length, seed=run.config.training.seed)
    return ReportSample(
        temperature, RunGenerators(run).generator(rating=rating).generate_from_ids([], config).text, rating
    )


def _more(run: SavedRun) -> str:
    """The command that goes on writing; of a rated run, to a high rating."""
    command = f"seqloom generate {shlex.quote(str(run.path))}"
    conditions = run.config.conditions
    if not len(conditions):
        return f"{command} --temperature {_USUAL_TEMPERATURE:g}"
    ((name, value),) = conditions.examples()[-1].items()
    wanted = format_rating(value) if len(conditions) == 1 else f"{name}={format_rating(value)}"
    return f"{command} --rating {shlex.quote(wanted)} --temperature {_RATED_TEMPERATURE:g}"


def _likelihoods(run: SavedRun, material: Dataset) -> dict[str, Any]:
    """By full context, blocks and windows, of the validation and the held-out text.

    Windows read every token many times over, so they alone are scored by the fast kernels.
    """
    measured: dict[str, Any] = {}
    scorer, fast = run_scorer(run), fast_run_scorer(run)
    characters = run.codec.characters_per_token
    features = run.config.features_of(material.store)
    for name, spans in (("validation", material.split.validation), ("held_out", material.split.held_out)):
        part = _first(spans, _MOST_TOKENS)
        if part.num_records < 2:
            continue
        scored = {
            "full_context": full_likelihood(scorer, material.store, part, characters, features=features),
            f"blocks_{BLOCK}": block_likelihood(scorer, material.store, part, characters, BLOCK, features=features),
            f"windows_{WINDOW}": window_likelihood(
                fast, material.store, _first(part, 100_000), characters, WINDOW, 4, features=features
            ),
        }
        measured[name] = {
            protocol: _as_json(likelihood) for protocol, likelihood in scored.items() if likelihood.tokens
        }
    return measured


def _first(spans: Spans, most: int) -> Spans:
    """The first spans, the last of them cut, of at most `most` records in all."""
    before = spans.lengths.cumsum() - spans.lengths
    cut = Spans(spans.starts, (spans.starts + (most - before)).clip(max=spans.stops), spans.documents)
    return cut.chosen(cut.lengths > 0)


def _as_json(likelihood: Likelihood) -> dict[str, Any]:
    return {
        "nats_per_token": likelihood.nats_per_token,
        "bits_per_char": likelihood.bits_per_char,
        "perplexity": likelihood.perplexity,
        "tokens": likelihood.tokens,
        "characters": likelihood.characters,
    }


def _variety(text: str) -> dict[str, Any]:
    measured: Diversity = diversity([text])
    return {
        "distinct_1": measured.distinct_words[0],
        "distinct_2": measured.distinct_words[1],
        "repeated_share": measured.repeated_share,
        "longest_loop": measured.loop.length,
    }


def _originality(material: Dataset, texts: list[str]) -> dict[str, Any]:
    index = CopyIndex.over(material.corpus, limit=_MOST_CORPUS)
    copies = [index.longest_copy(text) for text in texts]
    longest = max(copies, key=len)
    return {
        "longest_copy": {"characters": len(longest), "text": longest.text},
        "copied_share": [index.copied_share(text, _COPY_GRAM) for text in texts],
        "corpus_left_out_of_copy_search": index.left_out,
    }


def _summary(metrics: dict[str, Any]) -> Iterator[str]:
    """The lines that a person wants first."""
    rate = metrics["tokens_per_second"]
    speed = f", {rate:,.0f} tokens a second" if rate else ""
    yield f"{metrics['steps']:,} steps in {metrics['training_seconds']:.1f} s of training ({metrics['reason']}){speed}"
    for name in ("validation", "held_out"):
        if metrics.get(name):
            full = metrics[name]["full_context"]
            yield (
                f"{name.replace('_', '-')}: {full['nats_per_token']:.4f} nats a token, "
                f"{full['bits_per_char']:.4f} bits a character, perplexity {full['perplexity']:.2f}"
            )
    yield f"longest copy from the corpus: {metrics['longest_copy']['characters']} characters"


def _as_markdown(report: Report, plots: list[str]) -> str:
    config, metrics = report.run.config, report.metrics
    lines = [
        f"# {Path(config.corpus).name}",
        "",
        f"{config.model.core} of {' + '.join(map(str, config.model.hidden_sizes))}, level {config.level}, "
        f"{len(report.run.codec):,} symbols. " + ". ".join(_summary(metrics)) + ".",
        "",
        *_likelihood_table(metrics),
        *_variety_table(report),
        f"Longest stretch that stands in the corpus word for word: {metrics['longest_copy']['characters']} characters.",
        "",
        *[f"![{plot}](plots/{plot})" for plot in plots],
        "",
    ]
    for sample in report.samples:
        title = sample.title[0].upper() + sample.title[1:]
        lines += [f"## {title}", "", "```text", sample.text.replace("```", "'''"), "```", ""]
    settings = {name: value for name, value in config.to_json().items() if name != "opening"}
    lines += ["## Settings", "", "```json", json.dumps(settings, indent=2, ensure_ascii=False), "```", ""]
    return "\n".join(lines)


def _likelihood_table(metrics: dict[str, Any]) -> Iterator[str]:
    parts = [name for name in ("validation", "held_out") if metrics.get(name)]
    if not parts:
        return
    yield "| text | protocol | nats a token | bits a character | perplexity | tokens |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name in parts:
        for protocol, scored in metrics[name].items():
            yield (
                f"| {name.replace('_', '-')} | {protocol.replace('_', ' ')} | {scored['nats_per_token']:.4f} | "
                f"{scored['bits_per_char']:.4f} | {scored['perplexity']:.2f} | {scored['tokens']:,} |"
            )
    yield ""


def _variety_table(report: Report) -> Iterator[str]:
    yield "| sample | distinct words | distinct pairs | repeated | longest loop | copied 50-grams |"
    yield "| --- | --- | --- | --- | --- | --- |"
    measured = zip(report.samples, report.metrics["samples"], report.metrics["copied_share"], strict=True)
    for sample, row, copied in measured:
        shares = [row["distinct_1"], row["distinct_2"], row["repeated_share"]]
        shown = " | ".join("-" if share is None else f"{share:.2f}" for share in shares)
        last = "-" if copied is None else f"{copied:.2f}"
        yield f"| {sample.title} | {shown} | {row['longest_loop']} | {last} |"
    yield ""
