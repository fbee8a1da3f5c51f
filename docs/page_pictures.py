"""Take the pictures of the page in `docs/images`, from a running server.

    seqloom train shakespeare.txt --run runs/shakespeare --minutes 6
    seqloom train drawings.ndjson --category word --run runs/drawings --minutes 10
    seqloom serve runs/shakespeare runs/drawings --port 8123
    python docs/page_pictures.py http://127.0.0.1:8123/ --text shakespeare --prompt ROMEO: --drawings drawings

The pictures need Chromium, and `playwright`, which drives it.
"""

import argparse
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
DESKTOP, PHONE = (1280, 1000), (390, 844)
TOKEN = 30
"""Character that is shown with its alternatives."""


def opened(browser: Browser, url: str, size: tuple[int, int], scheme: str) -> Page:
    """Return the page of a server at a size, light or dark."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("body[data-ready=true]")
    return page


def press(page: Page, button: str) -> None:
    """Press a button, and wait for the end of what it starts."""
    page.click(f"#{button}")
    page.wait_for_selector("body:not(.busy)")


def write(page: Page, model: str, prompt: str) -> None:
    """Let a model of text write, and show what else a character could have been."""
    page.select_option("#model", model)
    page.fill("#prompt", prompt)
    page.wait_for_timeout(1000)  # the distribution of the next token is asked for after a pause
    press(page, "write")
    page.locator("#written .token").nth(TOKEN).click()


def save(page: Page, name: str, *, whole: bool = False) -> None:
    """Save a picture with few colours, which is small."""
    page.wait_for_timeout(500)
    picture = Image.open(io.BytesIO(page.screenshot(full_page=whole))).convert("RGB")
    picture.quantize(128, dither=Image.Dither.NONE).save(IMAGES / name, optimize=True)


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--text", required=True, help="name of a run on text")
    parser.add_argument("--drawings", required=True, help="name of a run on drawings")
    parser.add_argument("--word", default="", help="category of the drawings")
    parser.add_argument("--guidance", default="1", help="guidance of the drawings")
    parser.add_argument("--prompt", default="")
    args = parser.parse_args()
    prompt = args.prompt.replace("\\n", "\n")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"), args=["--no-sandbox"]
        )
        page = opened(browser, args.url, DESKTOP, "light")
        write(page, args.text, prompt)
        press(page, "compare")
        save(page, "page.png")
        page.locator("#training").scroll_into_view_if_needed()
        page.locator("#training").screenshot(path=IMAGES / "page_training.png")
        page = opened(browser, args.url, PHONE, "dark")
        write(page, args.text, prompt)
        save(page, "page_phone.png")
        page = opened(browser, args.url, DESKTOP, "light")
        page.select_option("#model", args.drawings)
        page.select_option("#column-0", args.word)
        page.locator("#guidance").fill(args.guidance)
        press(page, "write")
        page.locator(".write").screenshot(path=IMAGES / "page_drawings.png")
        browser.close()


if __name__ == "__main__":
    main()
