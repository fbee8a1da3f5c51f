"""How much time and memory does a hostile file of about 1 MB take?

Each file is written, and a command reads it in a process of its own. A command must process the file, or refuse it in
short lines, within 1 GB of memory and 30 seconds. The table shows the seconds, the peak memory of the process, its exit
status, and its last line.

    python benchmarks/hostile_files.py                  # all files
    python benchmarks/hostile_files.py gzip config      # the files whose names contain one of the words
    python benchmarks/hostile_files.py --size 0.01      # files of about 10 kB, a quick check
"""

import argparse
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow
from pyarrow import parquet

from seqloom.files import write_checked_json

MAX_SECONDS, MAX_BYTES, MAX_LINE = 30.0, 10**9, 2_000
TRAIN = ("train", "--steps", "1", "--hidden-size", "4", "--threads", "1", "--overwrite", "--run")


class HostileFile(NamedTuple):
    """A hostile file.

    Attributes:
        name: name in the table.
        write: function from a folder and a size in bytes to the words of the command that reads the file. The folder
            contains a small run in `run`.
    """

    name: str
    write: Callable[[Path, int], list[str]]


class Outcome(NamedTuple):
    """Outcome of a command.

    Attributes:
        status: exit status.
        seconds: wall time.
        peak_bytes: largest resident memory of the process.
        line: last line of its output.
        longest_line: length of the longest line of its output.
    """

    status: int
    seconds: float
    peak_bytes: int
    line: str
    longest_line: int

    @property
    def is_bounded(self) -> bool:
        """Whether time, memory and lines are within the limits."""
        is_short = self.longest_line <= MAX_LINE and self.status in (0, 1, 2)
        return is_short and self.seconds <= MAX_SECONDS and self.peak_bytes <= MAX_BYTES


def _train(folder: Path, name: str, content: bytes, *options: str) -> list[str]:
    (folder / name).write_bytes(content)
    return [*TRAIN, str(folder / "new"), str(folder / name), *options]


def _zstandard(content: bytes, size: int) -> bytes:
    """Return a frame of blocks that repeat the single byte `content`, four bytes for 128 KiB each."""
    header = b"\x28\xb5\x2f\xfd" + b"\x00" + b"\x38"  # no content size; a window of 128 KiB
    block = (2**17 << 3 | 1 << 1).to_bytes(3, "little") + content
    return header + block * (size // 4) + b"\x01\x00\x00"


def _wide_window(size: int) -> bytes:
    """Return a frame that asks for a window of 2 GiB."""
    block = (2**17 << 3 | 1 << 1).to_bytes(3, "little") + b"a"
    return b"\x28\xb5\x2f\xfd" + b"\x00" + bytes([21 << 3]) + block * (size // 4) + b"\x01\x00\x00"


def _gzip(size: int) -> bytes:
    compressor = zlib.compressobj(wbits=31)  # in pieces: the memory of this process counts for its children
    pieces = [compressor.compress(b"a" * 1_000_000) for _ in range(size // 1_000)]
    return b"".join([*pieces, compressor.flush()])


def _parquet(column: pyarrow.Array) -> bytes:
    file = io.BytesIO()
    parquet.write_table(pyarrow.table({"text": column}), file, compression="zstd", write_statistics=False)
    return file.getvalue()


def _equal_rows(size: int) -> bytes:
    """Return a Parquet file of ten rows per byte, all of the same text."""
    rows = pyarrow.array(np.zeros(10 * size, np.int32))
    return _parquet(pyarrow.DictionaryArray.from_arrays(rows, pyarrow.array(["a" * 1000])))


def _settings(folder: Path, **changes: object) -> list[str]:
    config = folder / "run" / "config.json"
    stored = json.loads(config.read_text(encoding="utf-8"))
    del stored["sha256"]
    write_checked_json(config, {**stored, **changes})
    return ["generate", str(folder / "run")]


def _layers(folder: Path, size: int) -> list[str]:
    stored = json.loads((folder / "run" / "config.json").read_text(encoding="utf-8"))
    return _settings(folder, model={**stored["model"], "hidden_sizes": [4] * (size // 9)})


def _run_file(folder: Path, name: str, content: bytes) -> list[str]:
    (folder / "run" / name).write_bytes(content)
    return ["generate", str(folder / "run")]


def _arrays_header(folder: Path, size: int) -> list[str]:
    entries = (f'"t{number}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for number in range(size // 55))
    header = ("{" + ",".join(entries) + "}").encode()
    return _run_file(folder, "model.safetensors", len(header).to_bytes(8, "little") + header)


FILES = (
    HostileFile("gzip, 1000 times its size", lambda f, size: _train(f, "a.txt.gz", _gzip(size))),
    HostileFile("gzip as a table", lambda f, size: _train(f, "a.csv.gz", _gzip(size), "--text", "text")),
    HostileFile("gzip above --max-size", lambda f, size: _train(f, "a.gz", _gzip(size), "--max-size", "0.001")),
    HostileFile("zstandard, 32768 times its size", lambda f, size: _train(f, "a.txt.zst", _zstandard(b"a", size))),
    HostileFile("zstandard of zeros", lambda f, size: _train(f, "a.txt.zst", _zstandard(b"\0", size))),
    HostileFile("zstandard with a window of 2 GiB", lambda f, size: _train(f, "a.txt.zst", _wide_window(size))),
    HostileFile("Parquet of equal rows", lambda f, size: _train(f, "a.parquet", _equal_rows(size), "--text", "text")),
    HostileFile(
        "Parquet of one cell, 100 times its size",
        lambda f, size: _train(f, "a.parquet", _parquet(pyarrow.array(["ab" * (50 * size)])), "--text", "text"),
    ),
    HostileFile("JSON, nested", lambda f, size: _train(f, "a.jsonl", b"[" * size, "--text", "text")),
    HostileFile(
        "JSON, nested in a column",
        lambda f, size: _train(
            f, "a.jsonl", b'{"text": ' + b"[" * (size // 2) + b"]" * (size // 2) + b"}", "--text", "t"
        ),
    ),
    HostileFile(
        "JSON, a number", lambda f, size: _train(f, "a.jsonl", b'{"text": ' + b"9" * size + b"}", "--text", "text")
    ),
    HostileFile(
        "CSV of one cell", lambda f, size: _train(f, "a.csv", b'text\n"' + b"a" * size + b'"\n', "--text", "text")
    ),
    HostileFile(
        "CSV with an open quote",
        lambda f, size: _train(f, "a.csv", b'text\n"' + b"a,\n" * (size // 3), "--text", "text"),
    ),
    HostileFile(
        "CSV of many columns", lambda f, size: _train(f, "a.csv", b"text," * (size // 5) + b"\n", "--text", "text")
    ),
    HostileFile("one line of text", lambda f, size: _train(f, "a.txt", b"ab " * (size // 3))),
    HostileFile("config.json, nested", lambda f, size: _run_file(f, "config.json", b"[" * size)),
    HostileFile(
        "config.json, a number", lambda f, size: _run_file(f, "config.json", b'{"format": ' + b"9" * size + b"}")
    ),
    HostileFile("config.json, many layers", _layers),
    HostileFile("config.json, a long name", lambda f, size: _settings(f, level="x" * size)),
    HostileFile("config.json, a wide layer", lambda f, size: _settings(f, threads=10**9, opening=[0] * (size // 3))),
    HostileFile("codec.json, nested", lambda f, size: _run_file(f, "codec.json", b"[" * size)),
    HostileFile("safetensors header, many arrays", _arrays_header),
    HostileFile(
        "safetensors header, nested",
        lambda f, size: _run_file(f, "model.safetensors", size.to_bytes(8, "little") + b"[" * size),
    ),
    HostileFile(
        "safetensors header, a wrong length",
        lambda f, size: _run_file(f, "model.safetensors", b"\xff" * 8 + b"{" * size),
    ),
    HostileFile(
        "log.jsonl, one line", lambda f, size: [*_run_file(f, "log.jsonl", b"[" * size + b"\n"), "--length", "5"]
    ),
)


_MEASURED = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[2:])
_, status, usage = os.wait4(process.pid, 0)
with open(sys.argv[1], "w") as file:
    file.write(f"{os.waitstatus_to_exitcode(status)} {usage.ru_maxrss}")
"""
"""Program that runs a command, and writes its exit status and its peak memory in KiB to a file.

A new process begins with the peak memory of the process that started it, so a small process has to start the command.
"""


def run_command(words: list[str]) -> Outcome:
    """Run a command of seqloom in a process of its own, ended after twice the largest time."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as output:
        result = Path(folder) / "result"
        command = [sys.executable, "-c", _MEASURED, str(result), sys.executable, "-m", "seqloom", *words]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            process.wait(2 * MAX_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        seconds = time.perf_counter() - start
        status, peak = map(int, result.read_text().split()) if result.exists() else (-signal.SIGKILL, 0)
        output.seek(0)
        lines = output.read().decode(errors="replace").splitlines() or [""]
    return Outcome(status, seconds, peak * 1024, lines[-1], max(map(len, lines)))


def measure(words: list[str], size: int) -> Iterator[tuple[str, Outcome]]:
    """Yield the names of the files that contain one of the words (all without words), and the outcomes.

    Args:
        words: words of the names.
        size: size of the files in bytes.
    """
    for hostile in FILES:
        if words and not any(word in hostile.name for word in words):
            continue
        with tempfile.TemporaryDirectory() as folder, _cache_in(Path(folder)):
            path = Path(folder)
            (path / "fox.txt").write_text("the quick brown fox. " * 100, encoding="utf-8")
            run_command([*TRAIN, str(path / "run"), str(path / "fox.txt")])
            yield hostile.name, run_command(hostile.write(path, size))


class _cache_in:
    """Context manager: commands keep their cache in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        os.environ["SEQLOOM_CACHE"] = str(self._folder / "cache")

    def __exit__(self, *_: object) -> None:
        del os.environ["SEQLOOM_CACHE"]


def main() -> None:
    """Print the table; exit with status 1 if a command was not bounded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="words of the names of the files")
    parser.add_argument("--size", type=float, default=1.0, help="size of the files in MB")
    options = parser.parse_args()
    print("| file | seconds | peak MB | status | last line |\n| --- | ---: | ---: | ---: | --- |")
    is_bounded = True
    for name, outcome in measure(options.words, int(options.size * 1e6)):
        is_bounded &= outcome.is_bounded
        mark = "" if outcome.is_bounded else " (too much)"
        figures = f"{outcome.seconds:.1f} | {outcome.peak_bytes / 1e6:,.0f} | {outcome.status}{mark}"
        print(f"| {name} | {figures} | {outcome.line[:100]} |", flush=True)
    sys.exit(not is_bounded)


if __name__ == "__main__":
    main()
