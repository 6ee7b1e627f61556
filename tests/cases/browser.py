"""The study page in a browser."""

import shutil
from typing import Any

import numpy as np
import pytest

from loopbp.study.page import page_html

from .pages import Engine

SHOWN = """
return Array.from(document.querySelectorAll("[data-q]"))
  .map((e) => [e.getAttribute("data-q"), e.textContent]);
"""


def chrome(folder):
    """A browser whose profile is in a folder; skips where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    service = shutil.which("chromedriver")
    if not browser or not service:
        pytest.skip("there is no Chromium with its chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (
        "headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync",
        "disable-background-networking", "disable-component-update",
        f"user-data-dir={folder}",
    ):  # fmt: skip
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.chrome.service.Service(service))


class Page:
    """The study page of a network in the browser, and the engine's numbers beside it."""

    def __init__(self, driver, tmp_path, case, text=None, width=1300, **arguments):
        self.driver, self.case = driver, case
        path = tmp_path / "study.html"
        path.write_text(text or page_html(*case, **arguments), encoding="utf-8")
        self.resize(width)
        driver.get_log("browser")
        driver.get(path.as_uri())
        self.at_load = Engine(*case)
        self.moved: Any = None

    def resize(self, width, height=900):
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        self.settle()

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def settle(self):
        """Wait until what was asked for is drawn."""
        self.driver.execute_async_script(
            "const done = arguments[0];"
            "requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 0)));"
        )

    def find(self, selector):
        return self.driver.find_element("css selector", selector)

    def text(self, identifier):
        return self.run("return document.getElementById(arguments[0]).textContent", identifier)

    def theta(self):
        return np.array(self.run("return Array.from(theta)"))

    def choose(self, identifier, value):
        """Give a field or list a value, as a reader's choice would."""
        self.run(
            "const e = document.getElementById(arguments[0]); e.value = arguments[1];"
            "for (const kind of ['input', 'change'])"
            " e.dispatchEvent(new Event(kind, {bubbles: true}));",
            identifier,
            str(value),
        )
        self.settle()

    def press(self, *keys, target=None):
        (target or self.driver.switch_to.active_element).send_keys(*keys)
        self.settle()

    def click(self, identifier):
        self.find(f"#{identifier}").click()
        self.settle()

    def check(self, least=60):
        """Every number on screen is the engine's at the page's theta; the console is silent."""
        net, X, Y = self.case
        kept = net.theta.copy()
        net.theta = self.theta()
        try:
            shown = self.run(SHOWN)
            engine = Engine(net, X, Y, self.at_load, self.moved)
            assert len(shown) >= least
            assert (
                engine.wrong([pair for pair in ((q, t.strip("▲▼ ")) for q, t in shown) if pair[1]])
                == []
            )
        finally:
            net.theta = kept
        assert self.driver.get_log("browser") == []

    def fits(self):
        """Nothing sticks out of the page to the right."""
        return self.run("return document.documentElement.scrollWidth <= window.innerWidth")
