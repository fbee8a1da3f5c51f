"""A megabyte of hostile input stays small in memory, or is refused in one line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no file says how much memory is used")

_NUM = 500_000

FILES = {
    "lists.jsonl": '{"text": ' + "[" * _NUM + "]" * _NUM + "}\n",
    "objects.jsonl": '{"text": "a"}\n{"k": ' + '{"a":' * 160_000 + "1" + "}" * 160_000 + "}\n",
    "open.json": "[" * 2 * _NUM,
    "number.jsonl": '{"text": "a", "n": ' + "9" * 2 * _NUM + "}\n",
    "cell.csv": "text\n" + "x" * 2 * _NUM,
    "header.csv": "text" + "," * 2 * _NUM + "\n",
    "name.csv": "y" * 2 * _NUM + "\nz\n",
    "quotes.csv": "text\n" + '"' * (2 * _NUM + 1),
    "open quotes.csv": "text,n\n" + '"a\n' * 330_000,
    "backslashes.csv": "text,n\n" + '"' + "\\" * 2 * _NUM + "\n",
}

PROGRAM = """
import json, sys
from collections import Counter
from pathlib import Path
from seqloom.corpora.augment_table import annotate
from seqloom.errors import SourceError
source = Path(sys.argv[1])
faults = []
for suffix in (".csv", ".jsonl", ".parquet"):
    try:
        annotate(source, "text", source.with_suffix(".out" + suffix), {"p": float},
                 lambda texts, _: [{"p": 1.0} for _ in texts], Counter())
    except SourceError as error:
        faults.append(len(error.faults))
# The peak of this program alone: `getrusage` counts the program that started it too.
peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
print(json.dumps({"faults": faults, "kibibytes": int(peak)}))
"""


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_table_takes_little_memory(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(FILES[name])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / name)], capture_output=True, text=True, timeout=120, check=True
    )
    result = json.loads(done.stdout)
    assert set(result["faults"]) <= {1}
    assert result["kibibytes"] < 400_000
