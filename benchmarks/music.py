"""Music: round trips of MIDI, and the quality of models of MIDI, piano rolls and ABC, with medians of several seeds.

The Nottingham collection has each tune up to three times; only the complete files are used, at the top of the archive.
Each file is a tune of its own and goes to one part as a whole, so that held-out tunes are new to the model.

    python benchmarks/music.py round-trip NOTTINGHAM.zip
    python benchmarks/music.py events NOTTINGHAM.zip --minutes 5     against Kneser-Ney and PPM of the same tokens
    python benchmarks/music.py piano-roll NOTTINGHAM.zip --minutes 10
    python benchmarks/music.py abc IRISH.abc --minutes 10            share of tunes that the strict parser accepts
    python benchmarks/music.py speed NOTTINGHAM.zip                  tune to file, cold; events per second

With `--runs FOLDER` the trained runs are kept there, and a run that is there already is measured again, not trained.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from markdown import print_table
from token_baselines import kneser_ney_nats, ppm_nats

import seqloom
from seqloom.codecs import fit_codec
from seqloom.config import SamplingConfig
from seqloom.corpora import open_corpus
from seqloom.corpora.abc.parser import parse_tune
from seqloom.data.store_cache import cached_store
from seqloom.runs.corpus_part import spans_of
from seqloom.runs.training_corpus import training_corpus

LEVELS = ("tsd", "remi", "midi-like")
HOLD_OUT = 0.1
ORDER = 5


def complete_files(archive: str) -> str:
    """Return the source of the complete files of the collection."""
    return f"{archive}/*.mid"


def round_trips(archive: str) -> None:
    """Encode and decode every complete file."""
    corpus = open_corpus(complete_files(archive))
    pieces = [document.payload for document in corpus]
    rows = []
    for level in LEVELS:
        codec = fit_codec(level, corpus, None)
        lengths, num_exact = [], 0
        for piece in pieces:
            ids = [token for part in codec.encode(piece) for token in part.ids.tolist()]
            lengths.append(len(ids))
            num_exact += codec.decode(ids) == piece
        rows.append([level, f"{num_exact:,} of {len(pieces):,}", f"{statistics.median(lengths):.0f}", f"{len(codec)}"])
    print_table(["level", "exact", "tokens per tune, median", "vocabulary"], rows)


def trained_runs(args: argparse.Namespace, source: str, level: str) -> Iterator[Any]:
    """Yield a run for each seed."""
    folder = Path(args.runs or tempfile.mkdtemp())
    for seed in args.seeds:
        sizes = f"{args.layers or ''}-{args.hidden_size or ''}-{args.sequence_length or ''}"
        path = folder / f"{level}-{args.minutes:g}-{args.transpose}-{sizes}-{seed}"
        if path.exists():
            yield seqloom.load(path)
            continue
        yield seqloom.train(
            source,
            run=path,
            level=level,
            minutes=args.minutes,
            hold_out=HOLD_OUT,
            transpose=args.transpose,
            seed=seed,
            threads=args.threads,
            hidden_size=args.hidden_size,
            layers=args.layers,
            sequence_length=args.sequence_length,
            progress=False,
        )


def part_of(run: Any, part: str) -> list[list[int]]:
    """Return the token ids of the documents of a part of a run's corpus, without altered copies."""
    store = cached_store(training_corpus(run), run.codec)
    spans = spans_of(run, store, part).without_copies(store)
    return [store.records[start:stop].tolist() for start, stop in zip(spans.starts, spans.stops, strict=True)]


def events(args: argparse.Namespace) -> None:
    """Compare nats per token on held-out tunes with counting models of the same tokens."""
    runs = list(trained_runs(args, complete_files(args.source), "tsd"))
    figures = [run.evaluate(split="held-out").nats_per_token for run in runs]
    train, test, size = part_of(runs[0], "train"), part_of(runs[0], "held-out"), len(runs[0].codec)
    baselines = {
        f"Kneser-Ney, order {ORDER}": kneser_ney_nats(train, test, size, ORDER),
        **{f"PPMD, order {order}": ppm_nats(train, test, size, order) for order in (ORDER, ORDER + 3)},
    }
    best = min(baselines.values())
    rows = [[name, f"{nats:.4f}", ""] for name, nats in baselines.items()]
    median = statistics.median(figures)
    rows.append([f"seqloom, {args.minutes:g} min, {shown(figures)}", f"{median:.4f}", f"{median / best - 1:+.1%}"])
    print_table(["model", "nats per token", "against the best of the others"], rows)


def piano_rolls(args: argparse.Namespace) -> None:
    """Measure nats per time step over all 88 keys."""
    runs = list(trained_runs(args, complete_files(args.source), "pianoroll"))
    figures = [run.evaluate(split="held-out").nats_per_unit for run in runs]
    row = [f"seqloom, {args.minutes:g} min, {shown(figures)}", f"{statistics.median(figures):.3f}"]
    print_table(["model", "nats per eighth note, held-out"], [row])


def shown(figures: Sequence[float]) -> str:
    """Return figures of single seeds."""
    return "seeds " + ", ".join(f"{figure:.4f}" for figure in figures)


def tunes(args: argparse.Namespace) -> None:
    """Compare generated tunes with held-out ones, by the strict parser."""
    runs = list(trained_runs(args, args.source, "abc"))
    real = [runs[0].codec.decode(ids).text for ids in part_of(runs[0], "held-out")]
    rows = [["held-out tunes", f"{len(real):,}", *rates(real)]]
    for temperature in (1.0, 0.8):
        config = SamplingConfig(temperature=temperature, length=1500)
        for seed, run in zip(args.seeds, runs, strict=True):
            samples = generated(run, config, args.count)
            rows.append([f"generated, temperature {temperature:g}, seed {seed}", f"{len(samples):,}", *rates(samples)])
    print_table(["tunes", "number", "accepted by the parser", "and all bars fit the metre"], rows)


def generated(run: Any, config: SamplingConfig, count: int) -> list[str]:
    """Return texts of first draws: none is drawn again because of a fault."""
    generator = run.generator()
    return [sample.text for sample in generator.generate(generator.prompt(""), config, count=count)]


def rates(texts: Sequence[str]) -> list[str]:
    """Return the share of texts without faults, and of those whose bars also fit."""
    parsed = [parse_tune(text) for text in texts]
    correct = [tune for tune in parsed if not tune.faults]
    fitting = [tune for tune in correct if tune.fits_metre]
    return [f"{len(correct) / len(texts):.1%}", f"{len(fitting) / len(texts):.1%}"]


def speed(args: argparse.Namespace) -> None:
    """Time the command that writes a tune, in a new process, and the events per second of one stream."""
    run = next(trained_runs(args, complete_files(args.source), "tsd"))
    seqloom_command = [sys.executable, "-m", "seqloom", "generate", str(run.path), "--overwrite", "-o"]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".mid", ".wav", ".png"):
            seconds = []
            for _ in range(3):
                start = time.perf_counter()
                subprocess.run([*seqloom_command, str(Path(folder) / f"tune{suffix}"), "-l", "1000"], check=True)
                seconds.append(time.perf_counter() - start)
            rows.append([f"tune{suffix} of 1,000 tokens, cold", f"{statistics.median(seconds):.2f} s"])
    run.generate(length=1000, min_length=1000)
    start = time.perf_counter()
    run.generate(length=100_000, min_length=100_000)
    rate = 100_000 / (time.perf_counter() - start)
    sizes = "+".join(map(str, run.config.model.hidden_sizes))
    rows.append([f"one stream, {run.config.model.core} of {sizes}", f"{rate:,.0f} events/s"])
    print_table(["what", "measured"], rows)


def main() -> None:
    """Run a part of the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["round-trip", "events", "piano-roll", "abc", "speed"])
    parser.add_argument("source")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--transpose", type=int, default=5)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--hidden-size", type=int)
    parser.add_argument("--layers", type=int)
    parser.add_argument("--sequence-length", type=int)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--runs")
    args = parser.parse_args()
    if args.part == "round-trip":
        round_trips(args.source)
    else:
        {"events": events, "piano-roll": piano_rolls, "abc": tunes, "speed": speed}[args.part](args)


if __name__ == "__main__":
    main()
