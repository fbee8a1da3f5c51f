"""Write `slow_tests.txt`, the list of the tests that `make test-fast` leaves out.

    make test PYTEST_OPTIONS=--junitxml=times.xml
    python tests/slow_tests.py times.xml          # replaces the list
    python tests/slow_tests.py --add times.xml    # adds to it, after a run of the fast tests alone

A test function is slow if all its cases together, with the fixtures that they set up, take half a second or more. The
list also names slow fixtures, such as a trained run, by the file that uses them: every test with such a fixture is left
out. Fixtures are entered by hand, and kept.
"""

import argparse
import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

LIST = Path(__file__).with_suffix(".txt")
SECONDS = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", type=Path, help="report of a test run, as JUnit XML")
    parser.add_argument("--add", action="store_true", help="keep the tests that the list names")
    arguments = parser.parse_args()
    seconds: Counter[str] = Counter()
    for case in ElementTree.parse(arguments.report).iter("testcase"):
        seconds[name_of(case)] += float(case.get("time", 0))
    slow = {name for name, total in seconds.items() if total >= SECONDS}
    listed = set(LIST.read_text(encoding="utf-8").split())
    slow |= {name for name in listed if arguments.add or "::test_" not in name}
    LIST.write_text("\n".join(sorted(slow)) + "\n", encoding="utf-8")
    print(f"{len(slow)} slow test functions")


def name_of(case: ElementTree.Element) -> str:
    """Return the name of a test function, such as `tests/api/test_run.py::test_stream`."""
    folders, module = re.fullmatch(r"(.*?)\.?(test_\w+)", case.get("classname", "")).groups()  # type: ignore[union-attr]
    return f"{folders.replace('.', '/')}/{module}.py::{case.get('name', '').partition('[')[0]}"


if __name__ == "__main__":
    main()
