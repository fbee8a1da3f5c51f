"""The documentation site builds without warnings, loads nothing from other servers, and lists the whole interface."""

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import pytest

import seqloom

ROOT = Path(__file__).parents[2]
LOADING_LINKS = {"stylesheet", "icon", "preload", "prefetch", "modulepreload", "preconnect", "manifest", "dns-prefetch"}
"""Values of `rel` with which a browser fetches the target of a `<link>`."""
CSS_FETCH = re.compile(r"""(?:url\(\s*|@import\s+)["']?((?:https?:)?//[^"')\s]+)""")


def is_external(address: str) -> bool:
    return re.match(r"(?:[a-z]+:)?//", address.strip(), re.IGNORECASE) is not None


class AssetParser(HTMLParser):
    """Collect the external addresses that a browser fetches when it shows a page."""

    def __init__(self) -> None:
        super().__init__()
        self.external: list[str] = []
        self.inside: str = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.inside = tag
        addresses = [values.get(name, "") for name in ("src", "poster", "data")]
        addresses += [candidate for candidate in values.get("srcset", "").split(",") if candidate]
        if tag in ("image", "use"):
            addresses += [values.get("href", ""), values.get("xlink:href", "")]
        if tag == "link" and LOADING_LINKS & set(values.get("rel", "").split()):
            addresses.append(values.get("href", ""))
        self.external += [address for address in addresses if is_external(address)]
        self.external += CSS_FETCH.findall(values.get("style", ""))
        # The theme loads the code that draws a Mermaid diagram from another server.
        if "mermaid" in values.get("class", "").split():
            self.external.append("mermaid")

    def handle_data(self, data: str) -> None:
        if self.inside == "style":
            self.external += CSS_FETCH.findall(data)


def external_assets(html: str) -> list[str]:
    parser = AssetParser()
    parser.feed(html)
    return parser.external


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for package in ("mkdocs", "material", "mkdocstrings", "griffe"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install 'seqloom[docs]'")
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def pages(site: Path) -> Iterator[Path]:
    files = sorted(site.rglob("*.html"))
    assert len(files) > 10
    yield from files


def test_pages_load_nothing_from_other_servers(site: Path) -> None:
    external = {page.name: external_assets(page.read_text(encoding="utf-8")) for page in pages(site)}
    assert not {name: addresses for name, addresses in external.items() if addresses}


def test_style_sheets_load_nothing_from_other_servers(site: Path) -> None:
    sheets = sorted(site.rglob("*.css"))
    assert sheets
    assert not [address for sheet in sheets for address in CSS_FETCH.findall(sheet.read_text(encoding="utf-8"))]


def test_links_between_pages_lead_to_pages(site: Path) -> None:
    missing = []
    for page in pages(site):
        for target in re.findall(r"<(?:a|img)\b[^>]*?\b(?:href|src)=\"([^\"#?]+)", page.read_text(encoding="utf-8")):
            # The page of errors has addresses from the root of a server.
            if ":" not in target and not (page.name == "404.html" or (page.parent / target).exists()):
                missing.append(f"{page.relative_to(site)}: {target}")
    assert not missing


def test_every_page_of_the_repository_is_on_the_site(site: Path) -> None:
    pages_in_docs = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    pages_in_docs |= {Path(name) for name in ("index.html", "changelog.html", "contributing.html", "benchmarks.html")}
    assert not {str(page) for page in pages_in_docs if not (site / page).exists()}


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://example.org/a.js"></script>',
        '<link rel="stylesheet" href="//example.org/a.css">',
        '<link href="https://example.org" rel="preconnect" crossorigin>',
        '<img alt="a" src="http://example.org/a.png">',
        '<img srcset="a.png 1x, https://example.org/a.png 2x">',
        "<style>@font-face { src: url('https://example.org/a.woff2') }</style>",
        '<pre class="mermaid">graph LR</pre>',
    ],
)
def test_external_assets_are_recognised(html: str) -> None:
    assert external_assets(html)


def test_links_and_local_assets_are_no_external_assets() -> None:
    html = '<a href="//example.org">a</a><img src="a"><script src="../a.js"></script><link rel="next" href="//a">'
    assert not external_assets(html)


def test_the_reference_lists_every_public_name() -> None:
    markdown = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "api").glob("*.md"))
    assert set(re.findall(r"^::: seqloom\.(\w+)$", markdown, re.MULTILINE)) == set(seqloom.__all__)
