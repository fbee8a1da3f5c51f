"""Who can use the page: people with keys, screen readers and other settings, and clients with a token."""

from typing import Any

import pytest
from playwright.sync_api import Browser
from tests.serving.browser.conftest import LONGEST_WAIT, Visit
from tests.serving.conftest import Server


def show_all(visit: Visit, model: str) -> None:
    """Open everything that the page has for a model."""
    visit.set("length", 100)
    visit.press("write")
    if visit.page.locator("#written").is_visible():
        visit.page.locator("#written .token").nth(5).click()
        visit.press("compare")
        visit.page.fill("#paste", "the quick zebra")
        visit.page.click("#colour")
        visit.page.locator("#pasted-text .token").nth(5).hover()
    if visit.page.locator("#judge").is_visible():
        visit.page.click("#judge")
        visit.page.wait_for_selector("#verdict p")
    visit.page.wait_for_selector("#training")


@pytest.mark.parametrize("model", ["rated", "shapes", "tunes"])
def test_axe_finds_nothing_serious(visit: Visit, site: Server, axe_script: str, model: str) -> None:
    visit.open(site.url, model)
    show_all(visit, model)
    visit.page.evaluate(axe_script)
    violations: list[dict[str, Any]] = visit.page.evaluate("axe.run().then(result => result.violations)")
    serious = [
        (rule["id"], [node["html"] for node in rule["nodes"]])
        for rule in violations
        if rule["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_every_control_is_reached_by_keys_and_shows_focus(visit: Visit, site: Server) -> None:
    visit.open(site.url, "rated")
    show_all(visit, "rated")
    reached = []
    visit.page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")
    for _ in range(160):
        visit.page.keyboard.press("Tab")
        name, outline = visit.page.evaluate(
            "[document.activeElement.id, getComputedStyle(document.activeElement).outlineStyle]"
        )
        if name:
            reached.append(name)
            assert outline != "none", name
    expected = {"model", "prompt", "write", "another", "compare", "temperature", "length", "top-k", "min-p", "seed"}
    assert expected | {"column-0-use", "judge", "paste", "colour"} <= set(reached)


def test_a_token_opens_the_page_and_stays_out_of_addresses(browser: Browser, all_kinds: Any) -> None:
    server = Server(all_kinds, "--token", "a-secret", runs=("plain",))
    context = browser.new_context()
    context.set_default_timeout(LONGEST_WAIT)
    page = context.new_page()
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url.partition("#")[0]))
    try:
        page.goto(server.url)
        page.wait_for_selector("#status.error")
        assert "end the address of this page with #token=TOKEN" in page.locator("#status").inner_text()
        page.goto(f"{server.url}#token=a-secret")  # the same page reads its new address
        page.wait_for_selector("body[data-ready=true]")
        page.locator("#length").fill("40")
        page.click("#write")
        page.wait_for_selector("#written .token", state="attached")
        page.wait_for_selector("body:not(.busy)")
        assert not any("a-secret" in address for address in addresses)
    finally:
        context.close()
        assert server.end() == 0
    assert "a-secret" not in server.errors
