"""How fast is a text file encoded to a token store, and how much memory do encoding and training use?

Measured for each level: fitting the codec (one pass over the file) and building the store (a second pass). The speed is
in megabytes of the file per second, compared with reading and decoding the file only. The memory is the peak of the
process's anonymous memory (`RssAnon`); mapped files do not count, since the system can drop them. A tenth of the file
is encoded too: if the memory use does not depend on the file size, both need the same amount.

    python benchmarks/encode.py [--json FILE]       1,000 MB of the built-in text
    python benchmarks/encode.py --megabytes 100 --source nietzsche --levels char,byte
"""

import argparse
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import seqloom
from seqloom.codecs import fit_codec
from seqloom.corpora import open_corpus
from seqloom.data.store import build_store

MEGABYTE = 1_000_000


COLUMNS = ("fit", "store", "both", "characters_per_token", "anonymous_megabytes")
Found = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1_000, help="size of the generated file")
    parser.add_argument("--source", default="python-docs", help="text to repeat in the file")
    parser.add_argument("--levels", default="char,byte,word,subword", help="codecs to measure, separated by commas")
    parser.add_argument("--steps", type=int, default=200, help="training steps on the file; 0 skips the training")
    parser.add_argument("--json", type=Path, help="file for the measurements")
    chosen = parser.parse_args()
    everything: dict[str, Found | float] = {"megabytes": chosen.megabytes}
    with tempfile.TemporaryDirectory() as name:
        file, tenth = Path(name) / "text.txt", Path(name) / "tenth.txt"
        write_repeated(file, chosen.source, chosen.megabytes * MEGABYTE)
        write_repeated(tenth, chosen.source, chosen.megabytes * MEGABYTE // 10)
        print(f"{file.stat().st_size / MEGABYTE:,.0f} MB of {chosen.source}\n")
        print("| work | fit, MB/s | store, MB/s | both, MB/s | characters per token | anonymous memory, MB |")
        print("| --- | --- | --- | --- | --- | --- |")

        def tell(work: str, results: Found) -> None:
            everything[work] = results
            print(f"| {work} | {' | '.join(shown(results.get(column)) for column in COLUMNS)} |", flush=True)

        tell("read and decode only", in_a_process(read_through, file))
        for level in chosen.levels.split(","):
            tell(level, in_a_process(encode, file, level, Path(name) / level))
            tell(f"{level}, a tenth of the file", in_a_process(encode, tenth, level, Path(name) / f"{level}-tenth"))
        if chosen.steps:
            trained = in_a_process(train_on, file, Path(name) / "run", chosen.steps)
            tell(f"train, {chosen.steps} steps: {trained['seconds']:,.0f} s in all", trained)
    if chosen.json:
        chosen.json.write_text(json.dumps(everything, indent=2), encoding="utf-8")


def shown(number: float | None) -> str:
    return "" if number is None else f"{number:,.2f}" if number < 10 else f"{number:,.0f}"


def write_repeated(file: Path, source: str, num_bytes: int) -> None:
    chunks = [chunk.encode() for document in open_corpus(source) for chunk in document.text.chunks]
    written = 0
    with open(file, "wb") as target:
        while written < num_bytes:
            written += sum(map(target.write, chunks))


def in_a_process(work: Callable[..., Found], *arguments: object) -> Found:
    """Run a function in a new process, so that memory is measured separately."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def read_through(file: Path) -> Found:
    start = time.perf_counter()
    with measured_memory() as memory, open(file, encoding="utf-8", newline="") as text:
        while text.read(1 << 20):
            pass
    return {"both": speed(file, start), "anonymous_megabytes": max(memory)}


def encode(file: Path, level: str, folder: Path) -> Found:
    with measured_memory() as memory:
        corpus = open_corpus(file)
        begun = time.perf_counter()
        codec = fit_codec(level, corpus)
        fit = speed(file, begun)
        start = time.perf_counter()
        store = build_store(corpus, codec, folder)
        results = {"fit": fit, "store": speed(file, start), "both": speed(file, begun)}
    ratio = store.num_units / store.num_records
    return results | {"ids": len(codec), "characters_per_token": ratio, "anonymous_megabytes": max(memory)}


def train_on(file: Path, run: Path, steps: int) -> Found:
    """Train a run at level char from the file, including encoding, measurements and plots."""
    os.environ["SEQLOOM_CACHE"] = str(run.parent / "cache")
    start = time.perf_counter()
    with measured_memory() as memory:
        seqloom.train(file, run=run, steps=steps)
    return {"seconds": time.perf_counter() - start, "anonymous_megabytes": max(memory)}


def speed(file: Path, start: float) -> float:
    """Return the megabytes per second since `start`."""
    return file.stat().st_size / MEGABYTE / (time.perf_counter() - start)


@contextmanager
def measured_memory(every_seconds: float = 0.02) -> Iterator[list[float]]:
    """Sample the anonymous memory in megabytes in a thread until the block ends."""
    samples = [anonymous_megabytes()]
    done = threading.Event()

    def sample() -> None:
        while not done.wait(every_seconds):
            samples.append(anonymous_megabytes())

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        done.set()
        thread.join()


def anonymous_megabytes() -> float:
    """Return `RssAnon` of this process, which Linux reports in kibibytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:")) * 1024 / MEGABYTE


if __name__ == "__main__":
    main()
