"""The scripts of live figures on the built site: on the pages that need them, and from disk."""

import re
from pathlib import Path

import pytest

from .conftest import HTML, Watched

pytestmark = pytest.mark.site

ALIVE = {  # a page of each figure, and what is there once it is alive
    "junction": ("book/index.html", ".mj-picture"),
    "corridor": ("book/chapters/drqn.html", ".mk-maze"),
    "curiosity": ("book/chapters/icm.html", ".mc-picture"),
    "exploring": ("book/chapters/rnd.html", ".ml-curves"),
    "graph": ("book/chapters/gat.html", ".mg-picture"),
    "learning": ("book/chapters/tarmac.html", ".ml-curves"),
    "mixing": ("book/chapters/qmix.html", ".mx-payoffs"),
    "film": ("book/chapters/environments.html", ".mf-controls"),
    "payoff": ("book/chapters/qmix.html", ".mp-payoffs"),
    "speaker": ("book/chapters/maddpg.html", ".ms-plane"),
    "critic": ("book/chapters/mappo.html", ".mr-grid"),
}
SCREEN = 684  # pixels that the theme's head leaves of a phone's 740
PAGES = sorted(
    page.relative_to(HTML).as_posix()
    for page in HTML.rglob("*.html")
    if page.parts[-2] != "_static"
)


@pytest.mark.parametrize("path", PAGES or ["index.html"])
def test_a_page_loads_the_scripts_of_its_figures_and_no_others(html: Path, path: str) -> None:
    text = (html / path).read_text(encoding="utf-8")
    figures = set(re.findall(r'<div data-figure="(\w+)"', text))
    sources = re.findall(r'<script async src="([^"]*_static/figures/[^"]*)"', text)
    assert len(sources) == len(figures)
    found = {(html / path).parent.joinpath(source.partition("?")[0]) for source in sources}
    assert {script.stem for script in found} == figures
    assert all(script.is_file() for script in found)
    # A figure brings no script of its own but its state.
    for figure in re.findall(r'<div data-figure="\w+".*?</script></div>', text, re.DOTALL):
        assert re.findall(r"<script([^>]*)>", figure) == [' type="application/json"']
    assert 'type="module"' not in text


@pytest.mark.parametrize("name", ALIVE)
def test_it_is_alive_when_opened_from_disk(browser, html: Path, name: str) -> None:
    path, alive = ALIVE[name]
    page = browser.new_page()
    watched = Watched(page, html.as_uri())
    watched.open(path)
    figure = page.locator(f"[data-figure='{name}']").first
    figure.locator(alive).wait_for()
    figure.locator("button:visible").first.click()
    assert watched.wrong == []
    page.close()


@pytest.mark.parametrize(
    "name, trait",
    [
        ("corridor", "net"),
        ("curiosity", "method"),
        ("exploring", "bonus"),
        ("exploring", "seed"),
        ("junction", "team"),
        ("junction", "difficulty"),
        ("graph", "selected"),
        ("learning", "talk"),
        ("learning", "seed"),
        ("mixing", "payoff"),
        ("mixing", "method"),
        ("speaker", "team"),
        ("speaker", "trail"),
        ("critic", "critic"),
        ("critic", "off"),
    ],
)
def test_a_link_of_nonsense_stops_no_figure(watched: Watched, name: str, trait: str) -> None:
    path, alive = ALIVE[name]
    watched.open(f"{path}#{name}-0?{trait}=__proto__")
    figure = watched.page.locator(f"[data-figure='{name}']").first
    figure.locator(alive).wait_for()
    for word in ("constructor", "zzz"):
        watched.page.evaluate("hash => { location.hash = hash; }", f"{name}-0?{trait}={word}")
    figure.locator("button").first.click()
    assert watched.wrong == []


@pytest.mark.parametrize(
    "name, actions",
    [
        ("junction", ["[data-do=play]", "[data-do=forth]", ".mj-mute"]),
        ("corridor", ["[data-do=play]", "[data-do=choose]", "[data-do=x]", "[data-do=e]"]),
        ("curiosity", ["[data-do=play]", "[data-do=curious]", ".mc-pad", "[data-name=tv]"]),
        ("exploring", ["[data-do=play]", "[data-do=step]"]),
        ("graph", ["[data-do=reset]", ".mg-ties"]),
        ("learning", ["[data-do=play]", "[data-do=step]", "[data-name=talk]"]),
        ("speaker", ["[data-do=play]", "[data-do=step]", "[data-name=word]", "[data-name=team]"]),
        ("critic", ["[data-do=play]", "[data-do=step]", ".mr-parts", "[data-name=critic]"]),
    ],
)
def test_on_a_phone_what_is_pressed_is_on_the_screen_with_the_picture(
    watched: Watched, name: str, actions: list[str]
) -> None:
    path, picture = ALIVE[name]
    watched.page.set_viewport_size({"width": 375, "height": 740})
    watched.open(path if name != "junction" else "book/chapters/tarmac.html")
    figure = watched.page.locator(f"[data-figure='{name}']").first
    figure.locator(picture).wait_for()
    top = figure.locator(picture).bounding_box()["y"]
    boxes = [figure.locator(action).first.bounding_box() for action in actions]
    assert all(box["y"] + box["height"] - top <= SCREEN for box in boxes), (top, boxes)


def test_modules_are_joined_and_not_copied(html: Path) -> None:
    scripts = sorted(path.name for path in (html / "_static" / "interview").glob("*.js"))
    assert scripts == ["bank.js", "cards.js", "mock.js", "quiz.js", "readiness.js", "wide.js"]
    for path in (html / "_static").rglob("interview/*.js"):
        assert not re.search(r"^(import|export)\b", path.read_text(encoding="utf-8"), re.MULTILINE)
