"""Hooks of the documentation site: add pages from outside `docs/`, and adapt the links between files."""

import os.path
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "benchmarks/REPORT.md": "benchmarks.md",
    "benchmarks/LOG.md": "benchmark_log.md",
}
"""Files outside `docs/` that are pages of the site, with their names there."""

_SOURCES = {page: source for source, page in PAGES.items()}
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^)#\s]*)(#[^)\s]*)?\)")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages from outside `docs/`."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Point links between repository files at the site's pages; a link to any other file becomes its label."""
    source = page.file.src_uri
    repository_path = _SOURCES.get(source, f"docs/{source}")

    def rewritten(link: re.Match[str]) -> str:
        image, label, target, anchor = link[1], link[2], link[3], link[4] or ""
        if not target or ":" in target:
            return link[0]
        file = posixpath.normpath(posixpath.join(posixpath.dirname(repository_path), target))
        if file in PAGES:
            destination = PAGES[file]
        elif file.startswith("docs/"):
            destination = file.removeprefix("docs/")
        elif (ROOT / file).exists():
            return label
        else:
            return link[0]
        relative = os.path.relpath(destination, posixpath.dirname(source) or ".").replace(os.sep, "/")
        return f"{image}[{label}]({relative}{anchor})"

    return _LINK.sub(rewritten, markdown)
