"""The page in Chromium: a server with a run of each kind, and pages at two widths, light and dark."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from tests.serving.conftest import Server

import seqloom

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PAGE_FOLDER = Path(__file__).parents[3] / "page"
DESKTOP, PHONE = (1280, 900), (390, 844)
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
LONGEST_WAIT = 60_000
"""Milliseconds: the machine may be busy with other tests."""

CATEGORIES = ("circle", "square")
RUNS = ("plain", "rated", "shapes", "tunes", "growing", "bytes", "words")
TUNE = "X:{}\nM:4/4\nL:1/8\nK:{}\nG2AB c2d2|c2BA G4|]\n"


@pytest.fixture(scope="session")
def all_kinds(folder: Path) -> Path:
    """Add runs of drawings and tunes, and a run that still trains."""
    ring = [[0, 20, 30, 20, 0, -20, -30, -20, 0], [-30, -20, 0, 20, 30, 20, 0, -20, -30]]
    frame = [[0, 40, 40, 0, 0], [0, 0, 40, 40, 0]]
    lines = [
        json.dumps({"word": word, "drawing": [shape]}) for word, shape in zip(CATEGORIES, (ring, frame), strict=True)
    ] * 30
    (folder / "shapes.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
    keys = ("G", "D")
    (folder / "tunes.abc").write_text("\n".join(TUNE.format(n, keys[n % 2]) for n in range(60)), encoding="utf-8")
    settings = {"batch_size": 8, "progress": False}
    seqloom.train(
        folder / "shapes.ndjson", run=folder / "shapes", category="word", hidden_size=32, steps=40, **settings
    )
    seqloom.train(folder / "tunes.abc", run=folder / "tunes", category="key", hidden_size=32, steps=150, **settings)
    (folder / "german.txt").write_text("schöne grüße für die süße möwe.\n" * 60, encoding="utf-8")
    text = "the quick brown fox has a constructor, a toString and a __proto__.\n"
    (folder / "code.txt").write_text(text * 60, encoding="utf-8")
    for name, source, level in (("bytes", "german.txt", "byte"), ("words", "code.txt", "word")):
        seqloom.train(folder / source, run=folder / name, level=level, hidden_size=24, steps=60, **settings)
    shutil.copytree(folder / "plain", folder / "growing")
    (folder / "growing" / "metrics.json").unlink()
    return folder


@pytest.fixture(scope="session")
def site(all_kinds: Path) -> Iterator[Server]:
    """Return a server of runs of all kinds, which must still answer at the end."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    server = Server(all_kinds, runs=RUNS)
    yield server
    assert server.end() == 0
    assert server.errors == ""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a browser. It ends with the tests of a file: while it runs, its event loop is that of the thread."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    expect.set_options(timeout=LONGEST_WAIT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """An open page, with what it has written to the console and what it has requested."""

    page: Page
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, url: str, model: str | None = None) -> "Visit":
        """Open the page of a server with all controls, and choose a model."""
        self.page.goto(url)
        self.page.wait_for_selector("body[data-ready=true]")
        self.page.evaluate("document.getElementById('controls').open = true")
        if model is not None:
            self.page.select_option("#model", model)
        return self

    def press(self, button: str) -> None:
        """Press a button that starts a request, and wait for its end."""
        self.page.click(f"#{button}")
        self.wait()

    def wait(self) -> None:
        """Wait until no request runs."""
        self.page.wait_for_selector("body:not(.busy)")

    def wait_for_bars(self) -> None:
        """Wait until the bars are those of the prompt."""
        self.page.wait_for_selector("#bars[aria-busy=false] .choice")

    def set(self, slider: str, value: float) -> None:
        """Move a slider."""
        self.page.locator(f"#{slider}").fill(str(value))

    def text(self, element: str) -> str:
        """Return the text of an element."""
        return self.page.locator(f"#{element}").inner_text()


@pytest.fixture(
    params=[(DESKTOP, "light"), (DESKTOP, "dark"), (PHONE, "light"), (PHONE, "dark")],
    ids=["desktop-light", "desktop-dark", "phone-light", "phone-dark"],
)
def visit(browser: Browser, site: Server, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Return a page, which must write nothing to the console, ask only this server, and fit into its width."""
    (width, height), scheme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    context.set_default_timeout(LONGEST_WAIT)
    visit = Visit(context.new_page())
    page = visit.page

    def note(message: ConsoleMessage) -> None:
        if "willReadFrequently" not in message.text:  # the tests read canvases, and the page does not
            visit.console.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: visit.console.append(str(error)))
    page.on("request", lambda request: visit.requests.append(request.url))
    yield visit
    assert visit.console == []
    assert [url for url in visit.requests if not re.match(r"http://127\.0\.0\.1:\d+/|blob:|data:", url)] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


@pytest.fixture(scope="session")
def axe_script(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the script of axe-core, from the page's packages."""
    packages = PAGE_FOLDER / "node_modules"
    if not (packages / "axe-core").is_dir():
        if shutil.which("npm") is None:
            pytest.skip("npm is not installed")
        folder = tmp_path_factory.mktemp("axe")
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PAGE_FOLDER / name, folder)
        if subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, capture_output=True).returncode:
            pytest.skip("npm cannot install axe-core")
        packages = folder / "node_modules"
    return (packages / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
