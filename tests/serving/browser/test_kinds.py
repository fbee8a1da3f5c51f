"""The page with drawings, tunes, and a run that still trains."""

import json
import shutil
import zlib

from playwright.sync_api import Page, expect
from tests.serving.browser.conftest import CATEGORIES, Visit
from tests.serving.conftest import Server

import seqloom


def ink(page: Page, canvas: str) -> float:
    """Return the share of the pixels of a canvas that have ink."""
    share: float = page.evaluate(
        """selector => {
            const canvas = document.querySelector(selector);
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let count = 0;
            for (let place = 3; place < data.length; place += 4) count += data[place] > 0;
            return count / (data.length / 4);
        }""",
        canvas,
    )
    return share


def ink_colour(page: Page) -> list[int]:
    """Return the colour of the strongest pixel of the first drawing."""
    colour: list[int] = page.evaluate(
        """() => {
            const canvas = document.querySelector("#samples canvas.drawing");
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            for (let place = 0; place < data.length; place += 4) {
                if (data[place + 3] === 255) return [...data.slice(place, place + 3)];
            }
            return [];
        }"""
    )
    return colour


def saved(visit: Visit, number: int) -> str:
    """Save a sample, and return the text of its file."""
    with visit.page.expect_download() as download:
        visit.page.locator("#samples .save").nth(number).click()
    return download.value.path().read_text(encoding="utf-8")


def test_drawings(visit: Visit, site: Server) -> None:
    visit.open(site.url, "shapes")
    assert visit.page.locator("output[for=temperature]").text_content() == "0.3"
    assert visit.text("write") == "Draw"
    for hidden in ("prompt", "compare", "next", "top-k", "paste", "judge"):
        assert not visit.page.locator(f"#{hidden}").is_visible()
    choices = visit.page.locator("#column-0 option").all_inner_texts()
    assert choices == ["any", *CATEGORIES]
    visit.page.select_option("#column-0", "circle")
    visit.press("write")
    drawings = visit.page.locator("#samples canvas.drawing")
    assert drawings.count() == 8
    visit.page.wait_for_timeout(100)  # one frame, in which the drawings are drawn
    assert 0.001 < ink(visit.page, "#samples canvas.drawing") < 0.5
    assert saved(visit, 0).startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    other = "light" if visit.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") else "dark"
    colours = [ink_colour(visit.page)]
    visit.page.emulate_media(color_scheme=other)
    visit.page.wait_for_timeout(100)
    colours.append(ink_colour(visit.page))
    assert colours[0] != colours[1]
    assert (drawings.first.get_attribute("aria-label") or "").startswith("drawing 1 of ")
    assert "nats per point" in visit.text("course")


def test_tunes(visit: Visit, site: Server) -> None:
    visit.open(site.url, "tunes")
    visit.page.select_option("#column-0", index=1)
    visit.set("length", 200)
    visit.press("write")
    assert visit.page.locator("#samples canvas.roll").count() == 2
    visit.page.wait_for_timeout(100)
    assert ink(visit.page, "#samples canvas.roll") > 0.01
    assert saved(visit, 0).startswith("X:1\nT:tunes seed 0 1\nM:4/4\n")
    buttons = visit.page.locator("#samples button:not(.save)")
    play = buttons.first
    play.click()
    assert play.inner_text() == "Stop"
    assert visit.page.locator("#samples .cursor").first.is_visible()
    buttons.nth(1).click()  # one piece sounds at a time
    assert play.inner_text() == "Play"
    visit.page.keyboard.press("Escape")
    assert buttons.nth(1).inner_text() == "Play"
    visit.page.locator("#samples summary").first.click()
    assert "M:4/4" in visit.page.locator("#samples details .text").first.inner_text()


def test_settings_and_texts_belong_to_a_model(visit: Visit, site: Server) -> None:
    visit.open(site.url, "rated")
    visit.page.fill("#prompt", "the soup")
    visit.page.check("#column-0-use")
    visit.set("temperature", 1.2)
    visit.press("write")
    visit.press("compare")
    visit.page.select_option("#model", "tunes")
    assert visit.page.input_value("#prompt") == ""
    assert visit.page.locator("#written").text_content() == ""
    assert visit.page.locator("#samples .sample").count() == 0
    visit.page.select_option("#model", "rated")
    assert visit.page.input_value("#prompt") == "the soup"
    assert visit.page.input_value("#temperature") == "1.2"
    assert visit.page.is_checked("#column-0-use")


def test_another_model_ends_the_text(visit: Visit, site: Server) -> None:
    visit.open(site.url)
    visit.page.evaluate("document.getElementById('length').max = '100000'")
    visit.set("length", 100_000)
    visit.page.click("#write")
    visit.page.wait_for_selector("#written .token", state="attached")
    visit.page.select_option("#model", "rated")
    visit.wait()
    assert visit.page.locator("#written").text_content() == ""


def test_a_finished_training(visit: Visit, site: Server) -> None:
    visit.open(site.url)
    visit.page.wait_for_selector("#training")
    assert "60 steps" in visit.text("course")
    assert visit.text("training-state") == ""
    assert ink(visit.page, "#loss") > 0.005


def log_line(**values: float) -> str:
    """Return a line of a training log."""
    text = json.dumps(values)
    return f'{text[:-1]}, "crc32": {zlib.crc32(text.encode())}}}\n'


def test_a_run_that_still_trains(visit: Visit, site: Server) -> None:
    run = site.folder / "growing"
    shutil.copy(site.folder / "plain" / "log.jsonl", run)
    shutil.rmtree(run / "samples", ignore_errors=True)
    visit.open(site.url, "growing")
    visit.page.wait_for_selector("#training")
    assert visit.text("training-state") == "not finished"
    assert not visit.page.locator("#epochs").is_visible()
    samples = run / "samples"
    samples.mkdir()
    for epoch in (1, 2):
        parts = [f"--- temperature {temperature}\nsample {epoch} at {temperature}\n" for temperature in (0.2, 1.0)]
        (samples / f"epoch-{epoch:04d}.txt").write_text(f"epoch {epoch}, step 3\n\n" + "".join(parts))
    with (run / "log.jsonl").open("a") as log:
        log.write(log_line(step=70, loss=1.5, seconds=3.0))
    expect(visit.page.locator("#course")).to_contain_text("step 70 of ")
    expect(visit.page.locator("#epoch-samples")).to_contain_text("sample 2 at 0.2")
    assert "loss 1.500" in visit.text("course")
    visit.set("epoch", 0)
    expect(visit.page.locator("#epoch-samples")).to_contain_text("sample 1 at 1")
    visit.set("temperature", 1)
    assert visit.text("epoch-number") == "1"


def test_the_page_writes_with_the_newest_weights(visit: Visit, site: Server) -> None:
    path = site.folder / "growing"
    steps = seqloom.load(path).config.training.total_steps + 20
    (path / "metrics.json").unlink(missing_ok=True)
    visit.open(site.url, "growing")
    visit.page.fill("#prompt", "the ")
    visit.set("length", 100)
    expect(visit.page.locator("#course")).to_contain_text("weights of step")
    seqloom.train(
        site.folder / "plain.txt", run=path, steps=steps, hidden_size=24, batch_size=8, progress=False, overwrite=True
    )
    expect(visit.page.locator("#course")).to_contain_text(f"{steps} steps")
    expect(visit.page.locator("#course")).not_to_contain_text("weights of step")
    visit.press("write")
    expected = seqloom.load(path).generate("the ", temperature=0.7, length=100, seed=0)
    assert visit.page.locator("#written").text_content() == expected
