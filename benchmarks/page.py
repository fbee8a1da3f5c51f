"""Page of the server: how soon is it ready, how fast do its bars move, how large is it, and whom does it ask?

Chromium opens the page of a run. Ready is the page when its controls can be used; the first time is that of a server
which was started at the same moment. The bars are redrawn when the browser has painted two frames after the slider
has moved.

    python benchmarks/page.py                      needs Chromium, and playwright, which drives it
    python benchmarks/page.py RUN
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from markdown import print_table
from playwright.sync_api import Browser, Page, sync_playwright
from served import RUN_HELP, run_to_serve, serving

ROUNDS = 5
MOVE_SLIDER = """async value => {
    const slider = document.getElementById("temperature");
    const start = performance.now();
    slider.value = value;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise(painted => requestAnimationFrame(() => requestAnimationFrame(painted)));
    return performance.now() - start;
}"""


def opened(browser: Browser, url: str, asked: list[str]) -> Page:
    """Open the page, and note all addresses that it asks."""
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(url)
    page.wait_for_selector("body[data-ready=true]")
    return page


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", help=RUN_HELP)
    args = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    asked: list[str] = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        run = run_to_serve(args.run, Path(folder))
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        ready = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            with serving(run) as server:
                opened(browser, server.url, asked).close()
                ready.append(time.perf_counter() - start)
        with serving(run) as server:
            page = opened(browser, server.url, asked)
            page.fill("#prompt", "The ")
            page.wait_for_selector("#bars .choice")
            moves = [page.evaluate(MOVE_SLIDER, str(0.1 * step)) for step in range(1, 20)]
            files = ("", "page/page.css", "page/page.js")
            size = sum(len(page.request.get(server.url + name).body()) for name in files)
            elsewhere = [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))]
        browser.close()
    rows = [
        ["page ready after the start of the server, median", f"{statistics.median(ready):.2f} s"],
        ["slider to redrawn bars, median and longest", f"{statistics.median(moves):.0f} ms, {max(moves):.0f} ms"],
        ["all files, uncompressed", f"{size / 1000:.1f} KB"],
        ["requests to other machines", str(len(elsewhere))],
    ]
    print_table(["what", "measured"], rows)


if __name__ == "__main__":
    main()
