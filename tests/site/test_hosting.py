"""The site as a school hosts it: under its policy, without storage, with all licences."""

import re
from pathlib import Path

import pytest

from .conftest import Watched
from .test_figures import ALIVE
from .test_interview import FORBIDDEN, FULL

pytestmark = pytest.mark.site

LISTEN = """window.broken = [];
addEventListener("securitypolicyviolation", e => broken.push(`${e.violatedDirective} ${e.blockedURI}
 ${e.sourceFile}`));"""


# Whether one of a figure's controls changes what it shows.
ANSWERS = """async figure => {
    const before = figure.innerHTML;
    for (const one of figure.querySelectorAll("button, input")) {
        one.click();
        await new Promise(done => setTimeout(done, 50));
        if (figure.innerHTML !== before) return true;
    }
    return false;
}"""


def policy(html: Path) -> str:
    return re.search(r"Content-Security-Policy: (.*)", (html / "_headers").read_text("utf-8"))[1]


def test_the_policy_is_strict_and_the_same_for_every_server(html: Path) -> None:
    parts = dict(part.split(" ", 1) for part in policy(html).split("; "))
    assert parts["script-src"] == "'self'" and parts["object-src"] == "'none'"
    assert parts["worker-src"] == "'self' blob:"
    assert "unsafe-eval" not in policy(html)
    for name in (".htaccess", "hosting/nginx.conf"):
        assert f'Content-Security-Policy "{policy(html)}"' in (html / name).read_text("utf-8")


def test_no_page_runs_a_script_that_is_no_file(html: Path) -> None:
    wrong = []
    for path in html.rglob("*.html"):
        if "_static" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        for attributes, body in re.findall(r"<script((?:\s[^>]*)?)>(.*?)</script>", text, re.S):
            data = re.search(r'type="(application|text/x)[^"]*"', attributes)
            if body.strip() and not data:
                wrong.append((path.name, body[:60]))
        tags = re.findall(r"<\w+\s[^<>]*>", text)
        wrong += [(path.name, tag) for tag in tags if re.search(r'\son\w+="|"javascript:', tag)]
        scripts = re.findall(r'src="([^"]*_static/inline/[^"]*)"', text)
        wrong += [(path.name, one) for one in scripts if not (path.parent / one).is_file()]
    assert wrong == []


@pytest.mark.parametrize("name", ALIVE)
def test_figures_answer_under_the_policy(watched: Watched, html: Path, name: str) -> None:
    page = watched.page
    page.add_init_script(LISTEN)
    path, alive = ALIVE[name]
    response = page.request.get(f"{watched.origin}/{path}")
    assert response.headers["content-security-policy"] == policy(html)
    watched.open(path)
    figure = page.locator(f"[data-figure='{name}']").first
    figure.locator(alive).wait_for()
    assert figure.evaluate(ANSWERS), "no control changes what it shows"
    assert page.evaluate("broken") == [] and watched.wrong == []


@pytest.mark.parametrize(
    "path",
    [
        "book/api.html",
        "genindex.html",
        "book/interview/gat.html",
        "_modules/marl_edu/core/ops.html",
    ],
)
def test_other_pages_break_no_rule(watched: Watched, path: str) -> None:
    page = watched.page
    page.add_init_script(LISTEN)
    watched.open(path)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("broken") == [] and watched.wrong == []


def test_an_inline_script_would_be_noticed(watched: Watched) -> None:
    page = watched.page
    page.add_init_script(LISTEN)
    watched.open("genindex.html")
    page.evaluate(
        "() => { const one = document.createElement('script');"
        " one.textContent = 'window.ran = 1'; document.body.append(one); }"
    )
    page.wait_for_function("() => broken.length")
    assert page.evaluate("window.ran") is None


@pytest.mark.parametrize("store", ["", FORBIDDEN, FULL], ids=["kept", "forbidden", "full"])
def test_search_and_theme_work_whatever_can_be_kept(watched: Watched, store: str) -> None:
    page = watched.page
    page.add_init_script(LISTEN + store)
    watched.open("search.html?q=attention")
    page.locator("ul.search li a").first.wait_for()
    before = page.evaluate("document.documentElement.dataset.mode")
    page.locator(".theme-switch-button:visible").first.click()
    assert page.evaluate("document.documentElement.dataset.mode") != before
    watched.open("book/chapters/gat.html")
    page.locator(".search-button__button:visible").first.click()
    page.locator("#pst-search-dialog input").fill("tarmac")
    page.keyboard.press("Enter")
    page.locator("ul.search li a").first.wait_for()
    assert page.evaluate("broken") == [] and watched.wrong == []


def test_buttons_that_a_theme_gives_a_handler_work(watched: Watched) -> None:
    page = watched.page
    page.add_init_script("window.print = () => { window.printed = true; };")
    watched.open("book/chapters/gat.html")
    page.evaluate("document.querySelector('[data-call=print]').click()")
    assert page.evaluate("window.printed")
    page.evaluate("window.toggleFullScreen = () => { window.full = true; }")
    page.locator("[data-call=toggleFullScreen]").first.click()
    assert page.evaluate("window.full")


def test_the_licences_of_all_that_is_shipped_are_there(html: Path) -> None:
    text = (html / "licences.txt").read_text("utf-8")
    for said in (
        "Apache License",
        "TERMS AND CONDITIONS FOR USE, REPRODUCTION",
        "MathJax",
        "Bootstrap",
        "Creative Commons Attribution 4.0",
        "The marl_edu authors",
    ):
        assert said in text
    for page in ("book/index.html", "genindex.html", "_modules/marl_edu/core/ops.html"):
        (link,) = re.findall(r'href="([^"]*licences\.txt)"', (html / page).read_text("utf-8"))
        assert (html / page).parent.joinpath(link).resolve() == html / "licences.txt"
