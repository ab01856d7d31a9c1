"""The page in a real browser; skipped where there is none.

``python -m tests.experiments.serve.test_page docs/images/page.png`` draws the picture of the README.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.experiments.serve.house import IMAGES, Server, call, serving, until

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1200,1150",
)  # fmt: skip
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="there is no chromium with its chromedriver here")


@contextmanager
def browser() -> Iterator[Any]:
    """Open a browser with a profile of its own."""
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    with tempfile.TemporaryDirectory() as folder:
        for flag in (*FLAGS, f"--user-data-dir={folder}"):
            options.add_argument(flag)
        options.binary_location = str(CHROMIUM)
        driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
        try:
            yield driver
        finally:
            driver.quit()


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    """A browser."""
    with browser() as driver:
        yield driver


def find(page: Any, selector: str) -> Any:
    """Find an element."""
    return page.find_element("css selector", selector)


def pixels(page: Any) -> int:
    """Return how many colours the timeline has."""
    count = page.execute_script(
        "const c = document.getElementById('timeline');"
        "const d = new Uint32Array(c.getContext('2d').getImageData(0, 0, c.width, c.height).data.buffer);"
        "return new Set(d).size"
    )
    assert isinstance(count, int)
    return count


def test_a_request_by_the_form(images: Server, page: Any) -> None:
    """Tests that a request that is sent by the form is answered with its picture, and appears in timeline and tables."""
    page.get(images.url)
    until(lambda: find(page, "#state").text == "connected")
    until(lambda: len(page.find_elements("css selector", "#ask option")) > 10)
    find(page, "#ask input[name=slo_ms]").send_keys("60000")
    find(page, "#timeline-title").click()
    page.execute_script("document.querySelector('details').open = true")
    before = pixels(page)
    find(page, "#ask button").click()
    until(lambda: "on time" in find(page, "#answer").text)
    assert "of 60.000 s" in find(page, "#answer").text
    assert (
        find(page, "#picture").is_displayed()
        and find(page, "#picture").get_attribute("alt") == "a lighthouse above a stormy sea"
    )
    until(lambda: "1024x1024" in find(page, "#classes").text)
    until(lambda: "1024x1024" in find(page, "#table").text)
    until(lambda: pixels(page) > before)
    assert not [entry for entry in page.get_log("browser") if entry["level"] == "SEVERE"]


def test_errors_are_told(images: Server, page: Any) -> None:
    """Tests that what is wrong with a request is said where its answer would be."""
    page.get(images.url)
    until(lambda: len(page.find_elements("css selector", "#ask option")) > 10)
    page.execute_script("document.querySelector('#ask input[name=num_inference_steps]').max = 999")
    steps = find(page, "#ask input[name=num_inference_steps]")
    steps.clear()
    steps.send_keys("300")
    find(page, "#ask button").click()
    until(lambda: "num_inference_steps is 300" in find(page, "#answer").text)


def test_a_phone(images: Server, page: Any) -> None:
    """Tests that nothing is wider than a screen of 360 pixels, in either scheme of colours."""
    for scheme in ("light", "dark"):
        page.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": True}
        )
        page.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        )
        page.get(images.url)
        until(lambda: find(page, "#state").text == "connected")
        assert page.execute_script("return document.documentElement.scrollWidth") == 360
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_every_field_has_a_name(images: Server, page: Any) -> None:
    """Tests that fields have labels, headings are in order, and the keyboard reaches the form in the order of the page."""
    from selenium.webdriver.common.keys import Keys

    page.get(images.url)
    assert page.execute_script(
        "return [...document.querySelectorAll('input, select')].every((field) => field.labels.length > 0)"
    )
    levels = page.execute_script("return [...document.querySelectorAll('h1, h2')].map((head) => head.tagName)")
    assert levels[0] == "H1" and set(levels[1:]) == {"H2"}
    names = []
    find(page, "body").send_keys(Keys.TAB)
    for _ in range(6):
        names.append(page.execute_script("return document.activeElement.name ?? document.activeElement.tagName"))
        page.switch_to.active_element.send_keys(Keys.TAB)
    assert [name for name in names if name in ("prompt", "size", "num_inference_steps", "slo_ms")] == [
        "prompt", "size", "num_inference_steps", "slo_ms",
    ]  # fmt: skip


def test_the_page_waits_for_its_server(tmp_path: Path, page: Any) -> None:
    """Tests that the page asks for a key, keeps it, says when the server is away, and goes on when it is back."""
    with serving(tmp_path / "first", "serve.api_key=secret") as server:
        port = server.url.rsplit(":", 1)[1]
        page.get(server.url)
        until(lambda: find(page, "#key").get_attribute("open") is not None)
        find(page, "#key input").send_keys("secret")
        find(page, "#key button").click()
        until(lambda: find(page, "#state").text == "connected")
        server.stop()
    until(lambda: "away" in find(page, "#state").text)
    with serving(tmp_path / "second", "serve.api_key=secret", f"serve.port={port}"):
        until(lambda: find(page, "#state").text == "connected")


def _draw(path: Path) -> None:
    """Serve a busy half minute, and take the picture."""
    import random
    import time

    sizes = ["256x256", "512x512", "1024x1024", "1024x1024", "2048x2048"]
    with tempfile.TemporaryDirectory() as folder:
        options = (
            "serve.admission=promise",
            "serve.tiers=[{name: premium, weight: 5, deadline: 0.8}]",
            "engine.speed=2",
        )
        with serving(Path(folder) / "session", *options) as server, browser() as driver:
            driver.get(server.url)
            chance = random.Random(3)
            for _ in range(24):
                body = {"prompt": "x", "size": chance.choice(sizes)} | (
                    {"tier": "premium"} if chance.random() < 0.2 else {}
                )
                threading.Thread(target=call, args=(server.url + IMAGES, body), daemon=True).start()
                time.sleep(chance.expovariate(0.9))
            find(driver, "#ask button").click()
            until(lambda: "s of" in find(driver, "#answer").text)
            time.sleep(1.0)
            driver.execute_script("scrollTo(0, 0)")
            driver.save_screenshot(str(path))


if __name__ == "__main__":
    _draw(Path(sys.argv[1]))
