"""Runs the benchmarks one after another and puts their tables into one page: `make bench` writes `REPORT.md`.

    python benchmarks/report.py [--only NAME ...] [-o benchmarks/REPORT.md]

Everything takes about an hour, most of it `quality` with its ten-minute row; run it on a machine that does nothing
else. A benchmark that fails is named in the report, with the last line that it said.
"""

import argparse
import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

from seqloom.kernels.native import available_kernels

HERE = Path(__file__).parent

BENCHMARKS: dict[str, tuple[str, ...]] = {
    "training_step": ("training_step.py",),
    "decode": ("decode.py",),
    "classic": ("classic.py",),
    "encode": ("encode.py", "--levels", "char,byte"),
    "quality": ("quality.py",),
}
"""Names, and the command of each."""


def heading() -> list[str]:
    """Machine, versions and date."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        named = re.search(r"^model name\s*: (.+)$", cpuinfo.read_text(encoding="utf-8"), re.MULTILINE)
        processor = named[1] if named else processor
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("seqloom", "torch", "numpy"))
    return [
        "# Benchmarks",
        "",
        f"Made by `make bench` on {datetime.date.today()}: {processor}, {os.cpu_count()} cores, "
        f"kernels {', '.join(available_kernels()) or 'none'}; Python {platform.python_version()}, {versions}.",
        "",
        "Figures of one run, medians of repeated measurements; ratios are of the same run. What was tried and did not "
        "help is in [LOG.md](LOG.md).",
    ]


def section(name: str) -> list[str]:
    """What a benchmark asks, and what it found."""
    script, *flags = BENCHMARKS[name]
    asked = (HERE / script).read_text(encoding="utf-8").split('"""')[1].strip().splitlines()[0]
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, str(HERE / script), *flags], capture_output=True, text=True)
    minutes = (time.perf_counter() - begun) / 60
    found = done.stdout.strip() or "nothing was measured"
    if done.returncode:
        found += f"\n\nThis benchmark failed: {(done.stderr.strip().splitlines() or ['it said nothing'])[-1]}"
    command = " ".join(["python", f"benchmarks/{script}", *flags])
    return ["", f"## {asked}", "", f"`{command}`, {minutes:.0f} min", "", found]


def main() -> None:
    """Run what is named, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(BENCHMARKS), default=list(BENCHMARKS))
    parser.add_argument("-o", "--output", type=Path, default=HERE / "REPORT.md")
    asked = parser.parse_args()
    lines = heading()
    for name in asked.only:
        print(f"{name} ...", file=sys.stderr, flush=True)
        lines += section(name)
    asked.output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(asked.output)


if __name__ == "__main__":
    main()
