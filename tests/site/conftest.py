"""The built site, a server for it, and one browser for all of its tests."""

import atexit
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from browser import launch

HTML = Path(__file__).resolve().parents[2] / "_build" / "html"
FLAGS = [
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def unavailable(reason: str) -> None:
    """Skip, but fail where everything has to run."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


class Quiet(SimpleHTTPRequestHandler):
    """The standard library's server, without its log, with the headers that the site asks for."""

    # Each a pattern of paths, and a header with its value.
    rules: Sequence[tuple[str, str, str]] = ()

    def end_headers(self) -> None:
        """Add those of all rules that fit, as a host of such a file does."""
        path = self.path.partition("?")[0]
        for pattern, name, value in self.rules:
            if re.fullmatch(pattern, path):
                self.send_header(name, value)
        super().end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


def headers(html: Path) -> list[tuple[str, str, str]]:
    """The rules of the site's `_headers`: a pattern of paths, a header's name, its value."""
    rules, pattern = [], ""
    for line in (html / "_headers").read_text("utf-8").splitlines():
        if line.startswith("/"):
            pattern = re.sub(r":\w+", "[^/]+", re.escape(line).replace(r"\*", ".*"))
        else:
            rules.append((pattern, *line.strip().split(": ", 1)))
    return rules


@pytest.fixture(scope="session")
def html() -> Path:
    """The folder of the built site."""
    if not (HTML / "index.html").is_file():
        unavailable("the book is not built: make book")
    return HTML


@pytest.fixture(scope="session")
def server(html: Path) -> Iterator[str]:
    """The address of the site on this machine, without a slash at its end.

    It sends what `_headers` says, the Content-Security-Policy too: every test runs under it.
    """
    Quiet.rules = headers(html)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(html))) as httpd:
        Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}"
        httpd.shutdown()


@cache
def launched() -> Browser:
    """A Chromium-family browser of this machine: BROWSER_PATH, or what is on PATH.

    One for the whole process, whoever asks: Playwright cannot be started twice.
    """
    found = [os.environ.get("BROWSER_PATH"), *map(shutil.which, BROWSERS)]
    path = next((one for one in found if one), None)
    if path is None:
        unavailable("no browser: see tools/browser.py")
    playwright = sync_playwright().start()
    atexit.register(playwright.stop)
    return launch(playwright, path, *FLAGS)


@pytest.fixture(scope="session")
def browser() -> Browser:
    """The browser of all tests."""
    return launched()


class Watched:
    """A page of the browser, and everything that went wrong on it."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page = page
        self.origin = origin
        self.wrong: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.wrong.append(f"uncaught: {error}"))
        page.on("request", self._request)
        page.on("requestfailed", self._failed)
        page.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"console {message.type}: {message.text}")

    def _failed(self, request: Request) -> None:
        # A page that is left takes back what it still asked for; a missing file is another error.
        if request.failure != "net::ERR_ABORTED":
            self.wrong.append(f"failed: {request.url}: {request.failure}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.origin, "data:", "blob:", "about:")):
            self.wrong.append(f"asked another origin: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.wrong.append(f"{response.status}: {response.url}")

    def open(self, path: str) -> None:
        """Load a page of the site and wait until its mathematics is set."""
        self.page.goto(f"{self.origin}/{path}", wait_until="load")
        if path == "index.html":  # leads to the landing page
            self.page.wait_for_url("**/book/index.html")
        self.page.evaluate("() => window.MathJax?.startup?.promise?.then(() => null)")

    def narrow(self) -> None:
        """Shrink the window to a phone's, and wait until the theme has taken notice."""
        self.page.set_viewport_size({"width": 375, "height": 800})
        # It lets the keyboard into what now has to be scrolled.
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('pre')]"
            ".every(e => e.scrollWidth <= e.clientWidth || e.tabIndex >= 0)"
        )

    def set_theme(self, theme: str) -> None:
        """Light or dark, as the theme's own button would."""
        self.page.evaluate(
            "theme => { document.documentElement.dataset.theme = theme;"
            " document.documentElement.dataset.mode = theme; }",
            theme,
        )


@pytest.fixture
def watched(browser: Browser, server: str) -> Iterator[Watched]:
    """A fresh page of the served site, 1280 pixels wide, without animations."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, reduced_motion="reduce", color_scheme="light"
    )
    context.set_default_timeout(120_000)  # the machine may have other work
    yield Watched(context.new_page(), server)
    context.close()
