"""The book without a network: what is stored, and what is said where something is not."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))
import marl_offline  # noqa: E402  it lies beside the site's other extensions

pytestmark = pytest.mark.site
SCRIPT = ROOT / "book" / "_static" / "offline.js"
FILES = [("_static/offline.js", ""), ("one.html", "Page one"), ("two.html", "Page two")]
FULL = """Cache.prototype.put = () => {
    throw new DOMException("no room", "QuotaExceededError");
};\n"""


class Host:
    """A server of a folder that can be taken away, refuses paths, and remembers what was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked, self.refused = folder, list[str](), set[str]()
        host = self

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0].lstrip("/")
                host.asked.append(path)
                if path in host.refused:
                    self.send_error(503)
                else:
                    super().do_GET()

            def end_headers(self) -> None:
                self.send_header("Cache-Control", "no-cache")
                super().end_headers()

            def log_message(self, *args: object) -> None:
                pass

        handler = partial(Handler, directory=str(folder))
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def cut(self) -> None:
        """No network from now on."""
        self.server.shutdown()
        self.server.server_close()


def write_site(folder: Path, text: str = "first", pause: int = 0) -> None:
    """A book of two pages, and one that is not stored."""
    (folder / "_static").mkdir(exist_ok=True)
    shutil.copy(SCRIPT, folder / "_static")
    for name in ("one", "two", "three"):
        (folder / f"{name}.html").write_text(
            f'<!doctype html><title>{name}</title><p id="text">{name}: {text}</p>'
            f'<p class="marl-offline"></p><script data-pause="{pause}" '
            'src="_static/offline.js"></script>',
            encoding="utf-8",
        )
    marl_offline.write_worker(folder, FILES)
    for path in folder.glob("*.*"):  # what a server knows a version by counts whole seconds
        os.utime(path, (0, 10 * len(text)))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    write_site(tmp_path)
    host = Host(tmp_path)
    yield host
    host.cut()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    context.set_default_timeout(30_000)
    yield context
    context.close()


def says(page: Page, text: str) -> None:
    page.locator(".marl-offline", has_text=text).wait_for()


def stored(page: Page) -> dict[str, list[str]]:
    """The copies on the device, and the files in each."""
    return page.evaluate(
        """async () => {
            const names = await caches.keys();
            const found = names.map(async name => [name, (await (await caches.open(name)).keys())
                .map(request => new URL(request.url).pathname).toSorted()]);
            return Object.fromEntries(await Promise.all(found));
        }"""
    )


def until(page: Page, holds: Callable[[dict[str, list[str]]], bool]) -> None:
    """Wait until this holds of what is stored."""
    end = time.monotonic() + 30
    while not holds(stored(page)):
        assert time.monotonic() < end, stored(page)
        page.wait_for_timeout(100)


def text(page: Page) -> str:
    return page.locator("#text").inner_text()


def test_pages_open_without_a_network_and_others_say_so(
    host: Host, context: BrowserContext
) -> None:
    page = context.new_page()
    page.goto(f"{host.address}/one.html")
    says(page, "Available offline")
    host.cut()
    page.goto(f"{host.address}/two.html")
    assert text(page) == "two: first"
    page.goto(f"{host.address}/three.html")
    assert "not stored on this device" in page.locator("main").inner_text()
    page.get_by_role("link", name="Page two").click()
    assert text(page) == "two: first"


def test_it_goes_on_where_it_was_interrupted(host: Host, context: BrowserContext) -> None:
    host.refused = {"two.html"}
    page = context.new_page()
    page.goto(f"{host.address}/one.html")
    until(page, lambda copies: bool(copies))
    page.wait_for_timeout(500)
    (files,) = stored(page).values()
    assert "/one.html" in files and "/two.html" not in files
    assert page.locator(".marl-offline").inner_text() == ""  # nothing is promised
    host.refused, host.asked[:] = set(), []
    page.reload()
    says(page, "Available offline")
    assert host.asked.count("one.html") == 1  # by the page itself, and not to be stored again
    assert host.asked.count("two.html") == 1


def test_a_new_build_is_shown_at_once_and_replaces_the_old_copy(
    host: Host, context: BrowserContext
) -> None:
    page = context.new_page()
    page.goto(f"{host.address}/one.html")
    says(page, "Available offline")
    before = stored(page)
    write_site(host.folder, "second")
    page.goto(f"{host.address}/one.html")
    assert text(page) == "one: second"
    until(page, lambda copies: not set(before) & set(copies))
    host.cut()
    page.goto(f"{host.address}/two.html")
    assert text(page) == "two: second"


def test_a_failed_update_leaves_the_old_copy_whole(host: Host, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"{host.address}/one.html")
    says(page, "Available offline")
    (before,) = stored(page)
    write_site(host.folder, "second")
    (host.folder / "two.html").write_text("of a third build", encoding="utf-8")
    page.goto(f"{host.address}/one.html")
    until(page, lambda copies: len(copies) == 2)
    page.wait_for_timeout(500)
    assert {f"/{path}" for path, _ in FILES} <= set(stored(page)[before])
    host.cut()
    for name in ("one", "two"):
        page.goto(f"{host.address}/{name}.html")
        assert text(page) == f"{name}: first"


def test_a_device_without_room_says_so_in_a_sentence(host: Host, context: BrowserContext) -> None:
    worker = host.folder / "sw.js"
    worker.write_text(FULL + worker.read_text(encoding="utf-8"), encoding="utf-8")
    page = context.new_page()
    page.goto(f"{host.address}/one.html")
    says(page, "no room left")
    assert page.locator(".marl-offline").inner_text().count(".") == 1


@pytest.mark.parametrize(
    "setting",
    [
        'Object.defineProperty(navigator, "connection", { value: { saveData: true } })',
        "",
    ],
    ids=["save-data", "busy"],
)
def test_it_waits_and_is_never_asked_to_save_data(
    host: Host, context: BrowserContext, setting: str
) -> None:
    if not setting:
        write_site(host.folder, pause=60_000)
    context.add_init_script(setting or "0")
    page = context.new_page()
    page.goto(f"{host.address}/one.html")
    page.wait_for_timeout(1000)
    assert "sw.js" not in host.asked and stored(page) == {}


def test_the_book_is_stored_with_its_cards_and_figures(browser: Browser, html: Path) -> None:
    host = Host(html)
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{host.address}/book/index.html")
    page.locator(".marl-offline", has_text="Available offline").wait_for(timeout=120_000)
    size = page.evaluate(
        """async () => {
            const cache = await caches.open((await caches.keys())[0]);
            const sizes = (await cache.keys()).map(async request =>
                (await (await cache.match(request)).arrayBuffer()).byteLength);
            return (await Promise.all(sizes)).reduce((a, b) => a + b);
        }"""
    )
    assert 500_000 < size <= marl_offline.MOST
    host.cut()
    alive: dict[str, Callable[[], None]] = {
        "book/chapters/drqn.html": lambda: page.locator(".mk-maze").wait_for(),
        "book/interview/cards.html": lambda: page.get_by_role("button").first.wait_for(),
        "book/notation.html": lambda: page.locator("mjx-container").first.wait_for(),
    }
    for path, works in alive.items():
        page.goto(f"{host.address}/{path}")
        works()
    page.goto(f"{host.address}/book/api.html")
    assert "not stored on this device" in page.locator("main").inner_text()
    context.close()


def test_the_list_holds_every_chapter_in_reading_order(html: Path) -> None:
    listed = (html / "sw.js").read_text(encoding="utf-8").partition(";\n")[0]
    chapters = [f"book/chapters/{path.name}" for path in (html / "book/chapters").glob("*.html")]
    assert all(f'"{path}"' in listed for path in chapters) and '"book/api' not in listed
    assert listed.index("book/index.html") < listed.index("book/tour.html")
    assert listed.index("book/tour.html") < min(listed.index(path) for path in chapters)
