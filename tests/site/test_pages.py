"""Every page of the built site in a browser: nothing broken, nothing fetched, open to everyone."""

from pathlib import Path

import pytest

from tests import accessibility

from .conftest import HTML, Watched

pytestmark = pytest.mark.site


def longest(folder: str) -> list[Path]:
    """The pages of a folder, the longest first."""
    return sorted((HTML / folder).rglob("*.html"), key=lambda page: -page.stat().st_size)


# Pages of the package and of its source are made alike: the longest of each stand for all.
ALIKE = {*longest("book/api")[6:], *longest("_modules")[6:]} - {HTML / "_modules" / "index.html"}
PAGES = sorted(
    page.relative_to(HTML).as_posix()
    for page in HTML.rglob("*.html")
    if page.parts[-2] != "_static" and page not in ALIKE
)
LANDING = "book/index.html"


def violations(watched: Watched, without: str = "", only: list[str] | None = None) -> list[str]:
    """What the page breaks of the rules of accessibility: see accessibility.py."""
    before = list(watched.wrong)
    found = accessibility.violations(watched.page, without, only)
    watched.wrong[:] = before  # axe itself fetches imported style sheets, from a wrong address
    return found


SOURCES = ("_modules/index.html", "_modules/marl_edu/training/ppo.html")

# A caption is the first or the last in its figure; HTML knows no other.
CAPTIONS_BETWEEN = """() => [...document.querySelectorAll("figcaption")]
    .filter((one) => one.previousElementSibling && one.nextElementSibling)
    .map((one) => one.textContent)"""


def overflow(watched: Watched) -> list[str]:
    """The elements that make the document wider than the window; none, if it is not."""
    wide: list[str] = []
    for _ in range(20):  # the theme rearranges a page that was just resized
        wide = watched.page.evaluate(
            """() => {
                const width = document.documentElement.clientWidth;
                if (document.documentElement.scrollWidth <= width) return [];
                return [...document.querySelectorAll("body *")]
                    .filter(e => e.getBoundingClientRect().right > width + 1)
                    .filter(e => getComputedStyle(e).overflowX === "visible")
                    .map(e => e.outerHTML.slice(0, 120)).slice(0, 5).concat("document too wide");
            }"""
        )
        if not wide:
            break
        watched.page.wait_for_timeout(100)
    return wide


@pytest.mark.parametrize("path", PAGES or ["index.html"])
def test_page(watched: Watched, path: str) -> None:
    watched.open(path)
    assert watched.page.locator("h1:visible").count() == 1
    assert watched.page.evaluate(CAPTIONS_BETWEEN) == []
    # Thousands of coloured words are slow to check: one page of source code stands for all.
    source = path.startswith("_modules/") and path not in SOURCES
    assert overflow(watched) == []
    assert violations(watched, without="pre" if source else "") == []
    # Dark on a phone: what is beside the article is checked in dark on the landing page below, and
    # what only a phone shows there, too.
    watched.set_theme("dark")
    watched.narrow()
    assert overflow(watched) == []
    assert source or violations(watched, only=accessibility.LOOKS) == []
    assert watched.wrong == []


def test_landing_page_in_the_dark(watched: Watched) -> None:
    watched.open(LANDING)
    watched.set_theme("dark")
    assert violations(watched) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_landing_page_on_a_phone(watched: Watched, theme: str) -> None:
    watched.page.set_viewport_size({"width": 375, "height": 800})
    watched.open(LANDING)
    watched.set_theme(theme)
    assert violations(watched) == []
    watched.page.locator(".primary-toggle").click()
    assert watched.page.get_by_role("link", name="Glossary").first.is_visible()
    assert violations(watched) == []
    assert watched.wrong == []


@pytest.mark.parametrize(
    "path", ["index.html", LANDING, "book/notation.html", "search.html?q=mask"]
)
def test_opens_from_disk(browser, html: Path, path: str) -> None:
    page = browser.new_page()
    watched = Watched(page, html.as_uri())
    watched.open(path)
    assert page.locator("h1:visible").count() == 1
    if "notation" in path:
        assert page.locator("mjx-container").count() > 10
    if "search" in path:
        page.locator("#search-results li a").first.wait_for()
    assert watched.wrong == []
    page.close()


def test_search_page_finds(watched: Watched) -> None:
    watched.open("search.html?q=attention")
    watched.page.locator("#search-results li a").first.wait_for()
    watched.page.wait_for_load_state("networkidle")  # excerpts: leaving now would abort some
    watched.page.locator("#search-results").get_by_role("link", name="Glossary").first.click()
    watched.page.wait_for_load_state()
    assert watched.page.locator("h1:visible").inner_text().startswith("Glossary")
    assert watched.wrong == []


def test_search_by_keyboard(watched: Watched) -> None:
    watched.open(LANDING)
    watched.page.keyboard.press("Control+k")
    watched.page.locator("#pst-search-dialog input").wait_for(state="visible")
    assert violations(watched) == []
    watched.page.keyboard.type("softmax")
    watched.page.keyboard.press("Enter")
    watched.page.locator("#search-results li a").first.wait_for()
    assert watched.wrong == []


def test_keyboard_reaches_the_content(watched: Watched) -> None:
    watched.open(LANDING)
    watched.page.keyboard.press("Tab")
    assert watched.page.evaluate("document.activeElement.textContent").strip() == (
        "Skip to main content"
    )
    watched.page.keyboard.press("Enter")
    watched.page.keyboard.press("Tab")
    assert watched.page.evaluate("document.activeElement.closest('main') !== null")


def test_every_focused_element_is_marked(watched: Watched) -> None:
    watched.open(LANDING)
    unmarked = set()
    for _ in range(25):
        watched.page.keyboard.press("Tab")
        unmarked.add(
            watched.page.evaluate(
                """() => {
                    const focused = document.activeElement;
                    const card = focused.closest(".sd-card");  // its link covers all of it
                    const s = getComputedStyle(card ?? focused);
                    const marked = s.outlineStyle !== "none" || (!card && s.boxShadow !== "none");
                    return marked ? null : focused.outerHTML.slice(0, 150);
                }"""
            )
        )
    assert unmarked == {None}


def test_theme_button_switches_and_is_remembered(watched: Watched) -> None:
    watched.open(LANDING)
    seen = set()
    for _ in range(3):
        watched.page.locator(".theme-switch-button:visible").click()
        seen.add(watched.page.evaluate("document.documentElement.dataset.mode"))
    assert seen == {"light", "dark", "auto"}
    watched.page.locator(".theme-switch-button:visible").click()
    chosen = watched.page.evaluate("document.documentElement.dataset.mode")
    watched.open("book/glossary.html")
    assert watched.page.evaluate("document.documentElement.dataset.mode") == chosen
    assert watched.wrong == []


def test_landing_page_without_javascript(browser, server: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server}/{LANDING}")
    assert page.get_by_role("heading", level=1).is_visible()
    assert "junction" in page.locator("article").inner_text()
    assert page.get_by_role("link", name="Glossary").first.is_visible()
    context.close()
