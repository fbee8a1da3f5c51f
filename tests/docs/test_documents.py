"""What the documents show, works: commands, Python, faults word for word, examples, links."""

import doctest
import json
import re
import runpy
import shlex
import shutil
import string
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from seqloom.cli.app import call
from seqloom.corpora import catalogue
from seqloom.corpora.builtin import python_docs
from seqloom.corpora.music import Note, normalized_music
from seqloom.text_features.config import EncoderSettings, NetworkSettings
from seqloom.writers.midi import write_midi

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKED = [ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs" / "api").glob("*.md"))]
"""Pages whose links alone are checked."""
FETCHED = {entry.name for entry in catalogue() if not entry.is_built_in}
SHELL = re.compile(r"(make (?:\w+)|pip install [-.\w ]+|\. \.venv/bin/activate)")
"""What the documents show beside seqloom's own commands; it sets things up, and is not run here."""
TITLES = [
    (what, whom) for what in ("How to brew tea", "A garden", "Ask: a book") for whom in ("Ann", "two", "beginners")
]
"""Of a made-up table of titles: what they are on, and for whom."""


@dataclass(frozen=True)
class Command:
    """A command that a document shows, and the faults that it is shown to print."""

    line: str
    faults: tuple[str, ...]

    @property
    def words(self) -> list[str]:
        return shlex.split(self.line)


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    kind: str
    text: str

    def commands(self) -> Iterator[Command]:
        """The lines behind a `$`, each with the faults printed under it."""
        for shown in re.split(r"^\$ ", self.text.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
            line, *output = shown.splitlines()
            yield Command(line, tuple(said for said in output if said.startswith("seqloom: ")))


def blocks(document: Path) -> list[Block]:
    found = re.findall(r"^```(\w+)\n(.*?)^```$", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [Block(kind, text) for kind, text in found]


def shown_files(document: Path) -> dict[str, str]:
    """Files whose content a document shows, after a line such as "This is `speech.gbnf`:"."""
    text = document.read_text(encoding="utf-8")
    return dict(re.findall(r"This\sis\s`([\w.]+)`[^`]*:\n\n```\w+\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


def commands(document: Path) -> list[Command]:
    return [command for block in blocks(document) if block.kind == "console" for command in block.commands()]


def shortened(words: list[str]) -> list[str]:
    """The same command with a training of seconds."""
    budgets = {"--minutes", "--epochs", "--steps", "--rounds"}
    without = [word for at, word in enumerate(words) if not {word, words[at - 1]} & budgets]
    small = [] if {"--hidden-size", "--from", "--preset"} & set(words) else ["--hidden-size", "48"]
    if words[0] == "train" and "--resume" not in words:
        steps = "200" if "tunes.abc" in words else "15"  # generated tunes must be correct
        return [*without, *small, "--steps", steps, "--validate-every", steps]
    if words[:2] == ["gan", "train"]:
        stages = ("--pretrain-steps", "2", "--warmup-steps", "1", "--adversarial-steps", "1")
        return [*without, *small, "--steps", "15", *stages]
    if words[:2] == ["detect", "fit"]:
        # One document sets the minutes of the language models; a detector without them does for the others.
        slow = ["--minutes", "0.01"] if "--minutes" in words else ["--light"]
        return [*without, *slow, *(["--count", "60"] if "--generator" in words else [])]
    if words[:2] == ["detect", "duel"]:
        return [*without, "--rounds", "1", "--count", "80"]
    return words


def fetching(shown: Iterable[Command]) -> set[str]:
    """The lines that need a corpus which must be fetched, or a run that was trained on one."""
    names, lines = set(FETCHED), set()
    for command in shown:
        words = command.words
        if names & set(words):
            lines.add(command.line)
            if "--run" in words:
                names.add(words[words.index("--run") + 1])
    return lines


class Servers:
    """The servers that a document starts, each on a free port in place of the one that is shown."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[str]] = []
        self._urls: dict[str, str] = {}

    def start(self, words: list[str]) -> None:
        words, port = list(words), "8000"
        if "--port" in words:
            at = words.index("--port")
            port = words[at + 1]
            del words[at : at + 2]
        process = subprocess.Popen(
            [sys.executable, "-m", "seqloom", *words, "--port", "0"], stderr=subprocess.PIPE, text=True
        )
        self._processes.append(process)
        assert process.stderr is not None
        self._urls[f"http://localhost:{port}/"] = process.stderr.readline().split()[-1]

    def curl(self, line: str) -> None:
        for shown, real in self._urls.items():
            line = line.replace(shown, real)
        if shutil.which("curl") is None:
            return
        answer = subprocess.run([*shlex.split(line), "--silent", "--fail-with-body"], capture_output=True, text=True)
        assert answer.returncode == 0, answer.stdout
        assert answer.stdout

    def end(self) -> None:
        for process in self._processes:
            process.terminate()
            assert process.stderr is not None
            errors = process.stderr.read()
            process.stderr.close()
            assert process.wait(60) == 0
            assert errors == ""


def run_command(
    command: Command, capsys: pytest.CaptureFixture[str], servers: Servers, demo: Path | None = None
) -> None:
    program, *words = command.words
    words, kept = (words[:-2], words[-1]) if words[-2:-1] == [">"] else (words, None)
    if words == ["demo"] and demo is not None:
        shutil.copytree(demo, "runs/demo", dirs_exist_ok=True)
        return
    if program == "curl":
        servers.curl(command.line)
        return
    if words[:1] == ["serve"]:
        servers.start(words)
        return
    if program == "seqloom":
        code = call(shortened(words))
    elif program == "python":
        script, *arguments = words
        budget = ["--minutes", "0.005"] if "--minutes" in (ROOT / script).read_text(encoding="utf-8") else []
        run_script(ROOT / script, [*arguments, *budget])
        code = 0
    else:
        assert SHELL.fullmatch(command.line), f"neither run nor known: {command.line}"
        return
    out, err = capsys.readouterr()
    if kept:
        Path(kept).write_text(out, encoding="utf-8")
    assert code == (2 if command.faults else 0), f"{command.line} ended with {code}:\n{err}"
    if command.faults:
        assert err.splitlines() == list(command.faults), command.line
    elif words[0] != "train":
        assert out + err, f"{command.line} printed nothing"


def run_script(path: Path, arguments: list[str]) -> None:
    before = sys.argv
    sys.argv = [str(path), *arguments]
    try:
        runpy.run_path(str(path), run_name="__main__")
    finally:
        sys.argv = before


def run_python(block: Block, names: dict[str, Any]) -> None:
    code = re.sub(r"minutes=[\d.]+", "steps=15, validate_every=15", block.text)
    if block.kind == "python":
        exec(compile(code, "a document", "exec"), names)
        return
    example = doctest.DocTestParser().get_doctest(code, names, "a document", None, 0)
    said: list[str] = []
    outcome = doctest.DocTestRunner(verbose=False).run(example, out=said.append, clear_globs=False)
    assert outcome.attempted
    assert not outcome.failed, "".join(said)


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a stand-in for each file that the documents call a person's own; trainings are short."""
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    for settings in (EncoderSettings, NetworkSettings):
        monkeypatch.setitem(settings.__init__.__kwdefaults__, "updates", 10)
    text = python_docs()
    symbols = string.ascii_letters + string.digits + string.punctuation
    (tmp_path / "novel.txt").write_text(symbols + text[:12_000], encoding="utf-8")
    (tmp_path / "letters.txt").write_text("".join(sign for sign in text[40_000:50_000] if sign.isascii()))
    names = [
        first + last
        for first in ("Ann", "Ber", "Clar", "Dor", "El", "Fi", "Ger", "Hil")
        for last in ("a", "ta", "issa", "othy", "o", "i", "en")
    ]
    (tmp_path / "names.txt").write_text("\n".join(names * 40), encoding="utf-8")
    kinds = ("awful", "cold", "fair", "warm", "superb")
    rows = [f"Place {row % 60},{1 + row % 5},The soup was {kinds[row % 5]} at table {row}." for row in range(360)]
    (tmp_path / "reviews.csv").write_text("\n".join(["place,stars,text", *rows]), encoding="utf-8")
    written = [f"Soup the was {kinds[row % 5]} warm at again table and {row} we." for row in range(60)]
    (tmp_path / "written.csv").write_text("\n".join(["text", *written]), encoding="utf-8")
    titles = [f"{what} for {whom} {row},{1 + row % 60}" for row, (what, whom) in enumerate(TITLES * 30)]
    (tmp_path / "titles.csv").write_text("\n".join(["title,points", *titles]), encoding="utf-8")
    (tmp_path / "tunes").mkdir()
    for number in range(12):
        scale = [Note(12 * place, 60 + (number + 2 * place) % 24, 12) for place in range(16)]
        write_midi(normalized_music(scale, []), tmp_path / "tunes" / f"{number}.mid")
    write_midi(normalized_music(scale[:4], []), tmp_path / "start.mid")
    tune = "X:{}\nR:{}\nM:4/4\nL:1/8\nK:G\nG2AB c2d2|c2BA {} B4|c2BA G4|]\n"
    tunes = (tune.format(number, ("reel", "jig")[number % 2], "GAB"[number % 3]) for number in range(60))
    (tmp_path / "tunes.abc").write_text("\n".join(tunes))
    shapes = {"cross": [[[0, 9], [4, 4]], [[4, 4], [0, 9]]], "square": [[[0, 9, 9, 0, 0], [0, 0, 9, 9, 0]]]}
    drawings = [json.dumps({"word": word, "drawing": drawing}) for word, drawing in shapes.items()] * 30
    (tmp_path / "shapes.ndjson").write_text("\n".join(drawings))
    (tmp_path / "half.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0 H9"/></svg>')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `seqloom demo` makes; several documents begin with it, and one training serves them all."""
    folder = tmp_path_factory.mktemp("runs") / "demo"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.cpu_count", lambda: 1)
        assert call(["demo", "--minutes", "0.01", "--run", str(folder)]) == 0
    return folder


@pytest.mark.parametrize(
    "document",
    DOCUMENTS,
    ids=lambda path: path.name,
)
@pytest.mark.usefixtures("workplace")
@pytest.mark.filterwarnings("ignore:the prompt has characters that the run does not know")
def test_what_a_document_shows_works(document: Path, demo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    left_out = fetching(commands(document))
    names: dict[str, Any] = {}
    servers = Servers()
    for name, content in shown_files(document).items():
        Path(name).write_text(content, encoding="utf-8")
    for block in blocks(document):
        if block.kind in ("python", "pycon"):
            run_python(block, names)
        elif block.kind == "console":
            for command in block.commands():
                if command.line not in left_out:
                    run_command(command, capsys, servers, demo)
    servers.end()


@pytest.mark.parametrize("document", [path for path in DOCUMENTS if fetching(commands(path))], ids=lambda p: p.name)
@pytest.mark.usefixtures("workplace", "corpora_dir")
def test_what_a_document_shows_of_fetched_corpora_works(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = fetching(commands(document))
    for command in commands(document):
        if command.line in wanted:
            run_command(command, capsys, Servers())


def test_the_readme_opens_with_the_two_commands() -> None:
    first = blocks(ROOT / "README.md")[0]
    assert [command.line for command in first.commands()] == ["make demo", "make test"]


def test_make_knows_every_target_that_is_shown() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    shown = {command.words[1] for path in DOCUMENTS for command in commands(path) if command.words[0] == "make"}
    assert shown >= {"demo", "test"}
    assert shown <= targets


def test_every_example_is_shown() -> None:
    shown = {command.words[1] for path in DOCUMENTS for command in commands(path) if command.words[0] == "python"}
    assert shown == {f"examples/{path.name}" for path in (ROOT / "examples").glob("*.py")}


@pytest.mark.parametrize("document", [*DOCUMENTS, *LINKED], ids=lambda path: path.name)
def test_links_lead_to_files(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)", document.read_text(encoding="utf-8"))
    missing = [one for one in targets if "://" not in one and not (document.parent / one).exists()]
    assert not missing


def test_every_flag_that_is_named_exists() -> None:
    """Flags in running text, too, are flags of some command."""
    from typer.main import get_command

    from seqloom.cli.app import app

    known = {"--help"}
    pending: list[Any] = [get_command(app)]
    while pending:
        command = pending.pop()
        pending += getattr(command, "commands", {}).values()
        context = command.make_context("seqloom", [], resilient_parsing=True)
        parameters = command.get_params(context)
        known |= {flag for parameter in parameters for flag in (*parameter.opts, *parameter.secondary_opts)}
    paths = [*(ROOT / "examples").glob("*.py"), *(ROOT / "docs").glob("*.py")]
    scripts = "".join(path.read_text(encoding="utf-8") for path in paths)
    known |= set(re.findall(r"\"(--[a-z-]+)\"", scripts))
    for document in DOCUMENTS:
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", document.read_text(encoding="utf-8")))
        assert named <= known, f"{document.name} names {sorted(named - known)}"
