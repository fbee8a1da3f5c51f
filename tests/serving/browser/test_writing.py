"""The page with text: write, look at the next token, branch, compare, colour and judge."""

import math
import re

from playwright.sync_api import Route, expect
from tests.serving.browser.conftest import Visit
from tests.serving.conftest import Server

import seqloom

COMPARED = (0.2, 0.5, 1.0, 1.2)


def written(visit: Visit) -> str:
    """Return the generated text, as it is in the page, without the sign of its end."""
    return (visit.page.locator("#written").text_content() or "").removesuffix("∎")


def settings(visit: Visit) -> None:
    """Set every control."""
    visit.page.fill("#prompt", "the quick ")
    for slider, value in (("temperature", 0.9), ("length", 60), ("top-k", 5), ("min-p", 0.02), ("seed", 3)):
        visit.set(slider, value)


def test_the_text_is_that_of_the_library(visit: Visit, site: Server) -> None:
    visit.open(site.url)
    settings(visit)
    assert visit.page.locator("output[for=temperature]").text_content() == "0.9"
    visit.press("write")
    run = seqloom.load(site.folder / "plain")
    options = {"temperature": 0.9, "length": 60, "top_k": 5, "min_p": 0.02}
    assert written(visit) == run.generate("the quick ", seed=3, **options)
    assert visit.page.locator("#written-prompt").text_content() == "the quick "
    visit.press("another")
    assert written(visit) == run.generate("the quick ", seed=4, **options)
    visit.page.locator("#prompt").press("Control+Enter")
    visit.wait()
    assert written(visit) == run.generate("the quick ", seed=4, **options)


def test_a_text_is_saved_with_its_prompt(visit: Visit, site: Server) -> None:
    visit.open(site.url)
    assert visit.page.locator("#save").is_disabled()
    settings(visit)
    visit.press("write")
    with visit.page.expect_download() as download:
        visit.page.click("#save")
    assert download.value.suggested_filename == "plain-seed-3.txt"
    assert download.value.path().read_text(encoding="utf-8") == "the quick " + written(visit)
    visit.page.select_option("#model", "rated")
    assert visit.page.locator("#save").is_disabled()


def test_a_text_can_be_stopped(visit: Visit, site: Server) -> None:
    visit.open(site.url)
    visit.page.evaluate("document.getElementById('length').max = '100000'")
    visit.set("length", 100_000)
    visit.set("temperature", 1.5)
    for stop in (lambda: visit.page.click("#stop"), lambda: visit.page.keyboard.press("Escape")):
        visit.page.click("#write")
        visit.page.wait_for_selector("#written .token", state="attached")
        stop()
        visit.wait()
        assert visit.text("status") == "stopped"
        assert len(written(visit)) < 100_000


def test_the_bars_move_with_the_temperature(visit: Visit, site: Server) -> None:
    visit.open(site.url)
    visit.set("temperature", 1)
    visit.page.fill("#prompt", "the quick brown fox jumps over the lazy dog")
    first = visit.page.locator("#bars .token").first
    expect(first).to_have_text(".")
    expected = seqloom.load(site.folder / "plain").next_distribution("the quick brown fox jumps over the lazy dog")
    entropy = -sum(share * math.log2(share) for share in expected if share)
    assert f"{entropy:.1f}" in visit.text("entropy")
    requests = len(visit.requests)
    shares = []
    for temperature in (0.3, 1, 2):
        visit.set("temperature", temperature)
        shares.append(visit.page.evaluate("parseFloat(document.querySelector('#bars .bar').style.width)"))
    assert shares[0] > shares[1] > shares[2]
    assert len(visit.requests) == requests
    visit.set("temperature", 1)
    visit.set("top-k", 1)
    assert visit.text("entropy").startswith("0.00 bits")
    visit.set("top-k", 0)
    visit.set("top-p", 0.05)
    assert visit.text("entropy").startswith("0.00 bits")
    visit.page.locator("#bars .choice").first.focus()
    visit.page.keyboard.press("Enter")
    assert visit.page.input_value("#prompt").endswith("dog.")
    expect(first).to_have_text("↵")
    assert visit.page.evaluate("document.activeElement.className") == "choice"


def test_what_else_a_character_could_have_been(visit: Visit, site: Server) -> None:
    visit.open(site.url)
    settings(visit)
    visit.set("top-k", 0)
    visit.press("write")
    token = visit.page.locator("#written .token").nth(8)
    token.hover()
    assert visit.page.locator("#details .alternatives button").count() == 8
    visit.page.locator("#written .token").nth(4).click()
    token.click()  # holds another one
    visit.page.locator("#written .token").nth(2).hover()
    assert visit.page.evaluate("document.querySelector('#written .selected').dataset.index") == "8"
    visit.page.keyboard.press("Escape")
    visit.page.locator("#written .token").nth(3).hover()
    assert visit.page.evaluate("document.querySelector('#written .selected').dataset.index") == "3"
    for key, index in (("Home", 0), ("End", 59), ("Home", 0), ("ArrowRight", 1)):
        visit.page.locator("#written .token[tabindex='0']").press(key)
        assert visit.page.evaluate("document.activeElement.dataset.index") == str(index)
    place = "document.activeElement.getBoundingClientRect()"
    top = visit.page.evaluate(f"{place}.top")
    visit.page.keyboard.press("ArrowDown")
    assert visit.page.evaluate(f"{place}.top") > top
    visit.page.keyboard.press("ArrowUp")
    assert visit.page.evaluate(f"{place}.top") == top
    visit.page.locator("#written .token").nth(9).click()
    before = "the quick " + written(visit)[:9]
    other = visit.page.locator("#details .alternatives button:enabled").first
    other.click()
    visit.wait()
    prompt = visit.page.input_value("#prompt")
    assert prompt[:-1] == before
    options = {"temperature": 0.9, "length": 60, "min_p": 0.02}
    assert written(visit) == seqloom.load(site.folder / "plain").generate(prompt, seed=3, **options)
    visit.press("undo")
    assert visit.page.input_value("#prompt") == "the quick "
    assert not visit.page.locator("#undo").is_visible()
    visit.page.locator("#written .token").nth(9).click()
    visit.page.locator("#details .alternatives button:enabled").first.click()
    visit.wait()
    assert visit.page.locator("#undo").is_visible()
    visit.page.fill("#prompt", "a prompt that nothing takes back")
    assert not visit.page.locator("#undo").is_visible()


def test_four_temperatures(visit: Visit, site: Server) -> None:
    visit.open(site.url)
    visit.page.fill("#prompt", "the ")
    visit.set("length", 60)
    visit.press("compare")
    run = seqloom.load(site.folder / "plain")
    samples = visit.page.locator("#samples .sample")
    for index, temperature in enumerate(COMPARED):
        sample = samples.nth(index)
        assert sample.locator("h3").inner_text() == f"temperature {temperature:g}"
        expected = run.generate("the ", temperature=temperature, length=60, seed=0)
        assert sample.locator(".text").text_content() == "the " + expected


def test_a_pasted_text_is_coloured(visit: Visit, site: Server) -> None:
    text = "the quick brown <img src=x onerror=alert(1)> fox"
    visit.open(site.url)
    visit.page.fill("#paste", text)
    visit.page.locator("#paste").press("Control+Enter")
    visit.page.wait_for_selector("#pasted-text .token")
    run = seqloom.load(site.folder / "plain")
    scores = run.score(text, skip_unknown=True)
    tokens = visit.page.locator("#pasted-text .token")
    assert visit.page.locator("#pasted-text").text_content() == text
    assert visit.page.locator("#pasted-text .unknown").first.text_content() == "<"
    assert visit.page.locator("#pasted-text img").count() == 0
    for index in (7, 9):
        bits = -scores[index].log_prob / math.log(2)
        assert f"surprise-{min(5, int(bits / 1.5))}" in (tokens.nth(index).get_attribute("class") or "")
        tokens.nth(index).hover()
        assert f"{bits:.1f} bits" in visit.text("pasted-details")
    assert "bits per token" in visit.text("pasted-mean")


def test_ratings_and_judges(visit: Visit, site: Server) -> None:
    visit.open(site.url, "rated")
    assert visit.page.locator("output[for=column-0]").text_content() == "any"
    visit.page.check("#column-0-use")
    visit.set("column-0", 2)
    visit.set("length", 60)
    visit.page.fill("#prompt", "the soup ")
    visit.press("write")
    run = seqloom.load(site.folder / "rated")
    assert written(visit) == run.generate("the soup ", rating=2, temperature=0.8, length=60, seed=0)
    visit.set("guidance", 2)
    visit.press("write")
    expected = run.generate("the soup ", rating=2, guidance=2, temperature=0.8, length=60, seed=0)
    assert written(visit) == expected
    pasted = "the bread was nice and we came again"
    visit.page.fill("#paste", pasted)
    for button, text, request in (("judge", "the soup " + expected, "stars 2"), ("judge-paste", pasted, "")):
        visit.page.click(f"#{button}")
        rating = site.post("/rate", texts=[text]).json()["ratings"][0]
        expect(visit.page.locator("#verdict")).to_contain_text(f"{rating:.2f}")
        assert request in visit.text("verdict")
        assert site.post("/api/explain", text=text).json()["sentences"][0] in visit.text("verdict")
    visit.press("another")
    assert visit.text("verdict") == ""


def test_an_error_of_the_server_is_shown(visit: Visit, site: Server) -> None:
    visit.open(site.url, "tunes")
    visit.page.fill("#prompt", "no tune")
    expect(visit.page.locator("#entropy.error")).to_contain_text("not in the vocabulary")
    visit.page.click("#write")
    visit.page.wait_for_selector("#status.error")
    assert "not in the vocabulary" in visit.text("status")
    assert visit.page.locator("#status").bounding_box()["y"] < visit.page.viewport_size["height"]  # type: ignore[index]
    visit.page.fill("#prompt", "")
    expect(visit.page.locator("#bars .choice").first).to_be_visible()
    assert "not in the vocabulary" in visit.text("status")
    assert visit.console  # the browser itself reports the status 400
    visit.console.clear()


def test_bars_of_an_earlier_prompt_append_nothing(visit: Visit, site: Server) -> None:
    visit.open(site.url)
    visit.page.fill("#prompt", "the quick ")
    visit.wait_for_bars()
    first = visit.page.locator("#bars .token").first.inner_text()
    held: list[Route] = []
    visit.page.route("**/api/next", lambda route: held.append(route))
    with visit.page.expect_request("**/api/next"):
        visit.page.locator("#bars .choice").first.dblclick()
    assert visit.page.input_value("#prompt") == "the quick " + first
    expect(visit.page.locator("#bars[aria-busy=true]")).to_be_visible()
    visit.page.fill("#prompt", "the quick ")
    with visit.page.expect_event("requestfinished"):
        held[0].continue_()
    assert visit.page.locator("#bars[aria-busy=false] .token").first.inner_text() == first


def test_a_text_that_ends(visit: Visit, site: Server) -> None:
    visit.open(site.url, "rated")
    visit.set("length", 1000)
    visit.press("write")
    last = visit.page.locator("#written .token").last
    assert last.inner_text() == "∎"
    last.hover()
    assert "end of the text" in visit.text("details")
    assert visit.page.locator("#details .alternatives button", has_text="end").is_disabled()


def test_a_pasted_text_of_many_bytes(visit: Visit, site: Server) -> None:
    visit.open(site.url, "bytes")
    visit.page.fill("#paste", "schön ist")
    visit.page.click("#colour")
    letter = visit.page.locator("#pasted-text .token", has_text="ö")
    expect(letter).to_be_visible()
    assert visit.page.locator("#pasted-text").text_content() == "schön ist"
    letter.hover()
    assert visit.text("pasted-details").startswith("ö: ")
    visit.page.fill("#paste", "")
    visit.page.click("#colour")
    expect(visit.page.locator("#status.error")).to_contain_text("there is no text")
    assert visit.page.locator("#pasted-text").text_content() == ""


def test_the_seed_that_is_used_is_shown(visit: Visit, site: Server) -> None:
    visit.open(site.url)
    for typed, used in (("-3", "0"), ("1.5", "1"), ("99999999999999999999", str(2**53 - 1)), ("", "0")):
        visit.page.fill("#seed", typed)
        visit.page.keyboard.press("Control+Enter")
        assert visit.page.input_value("#seed") == used
        visit.wait()


def test_only_the_last_question_is_answered(visit: Visit, site: Server) -> None:
    visit.open(site.url, "rated")
    held: list[Route] = []
    visit.page.route(re.compile("/rate$|/score$"), lambda route: held.append(route))
    visit.page.fill("#paste", "the soup was cold")
    for button, result in (("judge-paste", "verdict"), ("colour", "pasted-text")):
        with visit.page.expect_request(re.compile("/rate$|/score$")):
            visit.page.click(f"#{button}")
        visit.page.select_option("#model", "plain")
        with visit.page.expect_event("requestfinished"):
            held.pop().continue_()
        visit.page.wait_for_timeout(100)  # time to show the answer, if it were shown
        assert visit.page.locator(f"#{result}").text_content() == ""
        visit.page.select_option("#model", "rated")


def test_bytes_and_words_are_shown_as_text(visit: Visit, site: Server) -> None:
    for model, prompt in (("bytes", "schöne "), ("words", "the quick ")):
        visit.open(site.url, model)
        visit.page.fill("#prompt", prompt)
        visit.set("length", 60)
        visit.set("temperature", 0.5)
        visit.press("write")
        expected = seqloom.load(site.folder / model).generate(prompt, temperature=0.5, length=60, seed=0)
        assert written(visit) == expected
        visit.wait_for_bars()
        steps = [str(level * (3 if model == "words" else 1.5)).removesuffix(".0") for level in range(6)]
        assert visit.page.locator("#surprise .token").all_inner_texts() == steps
        tokens = visit.page.locator("#bars .token").all_inner_texts()
        assert not any("bytes:" in token or "#" in token for token in tokens)
        first = visit.page.locator("#bars .choice:enabled").first
        shown = first.locator(".token").inner_text().replace("␣", " ")
        first.click()
        assert visit.page.input_value("#prompt") == prompt + shown
