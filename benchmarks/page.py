"""How heavy a page of the built site is, and when its figure answers, as a phone on a train has it.

    python benchmarks/page.py                     landing page and chapters, five times each
    python benchmarks/page.py --rounds 1 book/index.html

Weight is every response, gzip -6, from a cold cache until the figure has answered and nothing was
asked for over two seconds. Time is that of the first click that changes the figure: 375 pixels, a
processor four times slower, 1.6 Mbit/s, 150 ms to the server; the median.
"""

import argparse
import gzip
import os
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))
from browser import launch, on_this_machine  # noqa: E402  a tool of this repository

HTML = ROOT / "_build" / "html"
QUIET = 2.0  # seconds without a request
SLOW = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 0.75e6 / 8,
}
CPU_RATE = 4
# A click on these, tried again and again, changes what the figure says.
BUTTONS = ", ".join(
    f"[data-figure] {one}"
    for one in ("[data-do=forth]", "[data-do=choose]", "[data-move='3']", ".mg-ties input",
                "[data-do=raise]", ".ms-buttons [data-do=next]", "[data-name=part]",
                ".mf-controls button")
)  # fmt: skip


class Compressed(SimpleHTTPRequestHandler):
    """Serves files as a web host does: compressed, and over a connection that stays open."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """One file."""
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            self.send_error(404)
            return
        packed = path.suffix not in (".woff", ".png")
        body = gzip.compress(path.read_bytes(), 6) if packed else path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serve(folder: Path = HTML) -> Iterator[str]:
    """The address of a server of this folder."""
    handler = partial(Compressed, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def answer(page: Page, limit: float = 60.0) -> float:
    """Click until the figure changes. The seconds that took; 0 where the page has no figure."""
    if not page.locator("[data-figure]").count():
        return 0.0
    start = time.perf_counter()
    page.wait_for_function(
        """buttons => {
            const figure = document.querySelector("[data-figure]");
            const words = () => figure.innerText + figure.querySelector("svg")?.ariaLabel;
            const before = words();
            document.querySelector(buttons)?.click();
            return words() !== before;
        }""",
        arg=BUTTONS,
        timeout=1000 * limit,
        polling=50,
    )
    return time.perf_counter() - start


def weigh(context: BrowserContext, url: str) -> dict[str, int]:
    """Every response of a page, compressed: path -> bytes."""
    page = context.new_page()
    found: dict[str, int] = {}
    last = time.perf_counter()

    def finished(request: Any) -> None:
        nonlocal last
        last = time.perf_counter()
        response = request.response()
        if response and request.url.startswith("http"):
            found[request.url.partition("?")[0]] = len(gzip.compress(response.body(), 6))

    page.on("requestfinished", finished)
    page.goto(url, wait_until="load")
    answer(page)
    while time.perf_counter() - last < QUIET:
        page.wait_for_timeout(100)
    page.close()
    return found


def first_click(browser: Browser, url: str) -> float:
    """Seconds from the request to the first click that changes the figure, on a slow line."""
    context = browser.new_context(viewport={"width": 375, "height": 740})
    page = context.new_page()
    chrome = context.new_cdp_session(page)
    chrome.send("Network.enable")
    chrome.send("Network.emulateNetworkConditions", SLOW)
    chrome.send("Emulation.setCPUThrottlingRate", {"rate": CPU_RATE})
    start = time.perf_counter()
    page.goto(url, wait_until="commit")
    page.locator("[data-figure]").first.wait_for(state="attached")
    answer(page)
    taken = time.perf_counter() - start
    context.close()
    return taken


def chapters() -> list[str]:
    """The landing page and every chapter of the built site."""
    pages = sorted((HTML / "book" / "chapters").glob("*.html"))
    return ["book/index.html", *(page.relative_to(HTML).as_posix() for page in pages)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line per page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pages", nargs="*", help="paths below _build/html; default: all chapters")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args(arguments)
    path = on_this_machine()
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > 0.5 * cores:
        print(f"This machine is busy (load {load:.1f} on {cores} cores): times are too long.")
    with sync_playwright() as playwright, serve() as address:
        browser = launch(playwright, path)
        print(f"{'page':40} {'KB':>6} {'seconds':>8}")
        for name in asked.pages or chapters():
            with browser.new_context() as context:
                weight = sum(weigh(context, f"{address}/{name}").values())
            alive = 'data-figure="' in (HTML / name).read_text(encoding="utf-8")
            times = [first_click(browser, f"{address}/{name}") for _ in range(alive * asked.rounds)]
            shown = f"{statistics.median(times):8.1f}" if times else f"{'–':>8}"
            print(f"{name:40} {weight / 1000:6.0f} {shown}", flush=True)
        browser.close()


if __name__ == "__main__":
    main()
