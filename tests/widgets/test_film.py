"""Films: what is kept is what was seen, and every control does what it says."""

import base64
import json
import re
import xml.etree.ElementTree as ET
import zlib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from marl_edu.envs import TrafficJunction
from marl_edu.envs.baselines.key_door_maze import ShortestPath
from marl_edu.envs.baselines.task import Always, UniformPolicy
from marl_edu.envs.key_door_maze import KeyDoorMaze
from marl_edu.plots.untrusted import drawn_once
from marl_edu.widgets import Film
from tests.accessibility import violations
from tests.site.conftest import browser  # noqa: F401  the same browser as the site's tests
from tests.unchecked import unchecked
from tests.widgets.pages import Pages, stop_clock

CAPTION = "The way to the goal leads away from it first."
PLAYED = "() => document.querySelector('input[type=range]').value >= 3"


def svg(text: str, label: str = "") -> str:
    name = f' aria-label="{label}"' if label else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" role="img"{name}>'
        f"<text>{text}</text></svg>"
    )


def drawn(n: int = 5, **settings: Any) -> Film:
    """A film of numbers."""
    return Film([svg(f"{k}", f"number {k}") for k in range(n)], **settings)


def maze(**settings: Any) -> Film:
    return Film.record(
        KeyDoorMaze("small", noisy_tv=True, num_envs=2), ShortestPath(), caption=CAPTION, **settings
    )


# -- recording -------------------------------------------------------------------------------------


def test_a_recorded_film_is_what_the_environment_showed_from_start_to_end() -> None:
    film, env, policy = maze(seed=3, b=1), KeyDoorMaze("small", noisy_tv=True, num_envs=2), None
    env.reset(3)
    frames, policy = [env.render(1)], ShortestPath()
    while env.running[1]:
        env.step(policy(env))
        frames.append(env.render(1))
    assert film.frames == frames and len(frames) == 18  # the goal is 17 steps away
    for frame, text in zip(film.frames, film.captions, strict=True):
        assert text.startswith(ET.fromstring(frame).attrib["aria-label"] + ".")
    assert [text for text in film.captions if "Reward" in text] == [film.captions[-1]]
    assert film.captions[-1].endswith("goal reached. Reward 1.")
    film.close()


def test_a_film_can_be_shorter_than_its_episode_but_not_longer() -> None:
    assert len(maze(steps=4).frames) == 5
    assert len(maze(steps=400).frames) == 18
    env = KeyDoorMaze("small", max_steps=6, num_envs=1)
    assert len(Film.record(env, UniformPolicy()).frames) == 7  # time ran out
    with unchecked(), pytest.raises(ValueError, match="steps must be a whole number of at least 1"):
        maze(steps=0)
    with pytest.raises(IndexError, match=r"b must be an environment in 0\.\.1, got 2"):
        maze(b=2)


def test_rewards_that_differ_are_told_agent_by_agent() -> None:
    env = TrafficJunction("easy", 1.0, num_envs=1)
    film = Film.record(env, Always(1), steps=3)
    texts = [text.partition("Reward ")[2] for text in film.captions]
    assert texts[:2] == ["", ""]  # nobody has waited yet
    assert re.fullmatch(r"(-10 for car_\d[,.] ?){4}", texts[2])  # the fifth is not there yet


# -- what it carries -------------------------------------------------------------------------------


def test_frames_and_captions_are_restored_exactly() -> None:
    film = maze()
    packed = json.loads(zlib.decompress(base64.b64decode(film.pictures)))
    assert packed == [film.frames, film.captions]
    strange = Film([svg("\u2212 é \U0001f511 &lt;/script&gt;")], ['</script> "\u2028"'])
    packed = json.loads(zlib.decompress(base64.b64decode(strange.pictures)))
    assert packed == [strange.frames, strange.captions]


def test_fifty_pictures_are_a_small_piece_of_a_page() -> None:
    for n_agents, most in ((1, 6_000), (3, 8_000)):
        env = KeyDoorMaze(n_agents=n_agents, noisy_tv=True, num_envs=1)
        film = Film.record(env, UniformPolicy(), steps=49)
        assert len(film.frames) == 50
        assert len(film.pictures) < most < sum(map(len, film.frames)) / 20
        assert len(film.to_html()) < 18_000


def test_a_picture_without_a_name_is_called_by_its_number() -> None:
    assert Film([svg("a"), svg("b", "two cars.")]).captions == ["Picture 0.", "two cars."]
    assert Film([svg("a", "b")], ["other words"]).captions == ["other words"]
    assert Film(svg("a")).frames == [svg("a")]


@pytest.mark.parametrize(
    "frames, settings, message",
    [([], {}, "frames must hold at least one picture, got none"),
     ([svg("a"), "nothing"], {}, r"frames\[1\] must be an SVG string, got 'nothing'"),
     ([svg("a"), 3], {}, r"frames\[1\] must be an SVG string, got 3"),
     (["<p>text</p>"], {}, r"frames\[0\] must be an SVG string, got an element p"),
     ([svg("a")], {"captions": []}, "captions must hold one text per frame, 1, got 0"),
     ([svg("a")], {"step": 1}, r"step must lie in 0\.\.0, got 1"),
     ([svg("a")], {"step": -1}, r"step must lie in 0\.\.0, got -1")],
)  # fmt: skip
def test_bad_films_are_refused(frames: Any, settings: Any, message: str) -> None:
    with unchecked(), pytest.raises(ValueError, match=message):
        Film(frames, **settings)


def test_the_step_can_be_set_and_is_checked() -> None:
    film = drawn()
    film.step = 4
    with pytest.raises(ValueError, match=r"step must lie in 0\.\.4, got 5"):
        film.step = 5
    assert film.step == 4


class Balanced(HTMLParser):
    """Checks that every element that begins also ends."""

    def __init__(self) -> None:
        super().__init__()
        self.inside: list[str] = []
        self.texts: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts[self.inside[-1]] = self.texts.get(self.inside[-1], "") + data


def test_its_html_is_well_formed_and_asks_nobody_for_anything() -> None:
    film = drawn(caption="</script><img src=x> & more", step=2)
    data, _ = film._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    html = drawn_once(data["text/html"])
    assert html == film.to_html()
    reader = Balanced()
    reader.feed(html)
    reader.close()
    assert reader.inside == []
    assert reader.texts["figcaption"] == "</script><img src=x> & more number 2."
    assert html.count("</script>") == 1 and "<img" not in html
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "")
    film.close()


# -- the film on a page ----------------------------------------------------------------------------


class Opened(Pages):
    """Opens films as pages."""

    def __call__(self, *films: Film, **context: Any) -> "Shown":
        return Shown(self.page(self.write(*films), **context))


class Shown:
    """A film on an open page, found as its reader finds it."""

    def __init__(self, page: Page, number: int = 0):
        self.page = page
        self.root = page.locator("[data-figure]").nth(number)
        self.slider = self.root.get_by_role("slider", name="Step")
        self.slider.wait_for()

    def button(self, name: str) -> Any:
        return self.root.get_by_role("button", name=name, exact=True)

    @property
    def now(self) -> tuple[str, str, str]:
        """The number in the picture, the text below it and the step, which always agree."""
        inside = self.root.locator(".mf-picture text").first.text_content()
        text = self.root.locator(".mf-text").text_content()
        return inside, text, self.root.locator(".mf-value").inner_text()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:  # noqa: F811
    pages = Opened(browser, tmp_path)
    yield pages
    pages.close()


def test_nothing_moves_before_it_is_asked_to(opened: Opened) -> None:
    film = drawn(step=2)
    film.playing = True  # in the lab; a page still waits for its reader
    shown = opened(film)
    shown.page.wait_for_timeout(700)
    assert shown.now == ("2", "number 2.", "2 of 4")
    assert shown.button("Play").count() == 1


def test_play_goes_on_and_pause_stops(opened: Opened) -> None:
    shown = opened(drawn(50))
    shown.button("Play").click()
    assert shown.button("Play").count() == 0
    shown.page.wait_for_function(PLAYED)
    shown.button("Pause").click()
    step = shown.slider.input_value()
    assert shown.now == (step, f"number {step}.", f"{step} of 49")
    shown.page.wait_for_timeout(600)
    assert shown.slider.input_value() == step


def test_about_four_pictures_a_second(opened: Opened) -> None:
    shown = opened(drawn(50))
    stop_clock(shown.page)
    shown.button("Play").click()
    shown.page.clock.run_for(2000)
    assert int(shown.slider.input_value()) == 8


def test_it_stops_at_the_end_and_plays_again_from_the_beginning(opened: Opened) -> None:
    shown = opened(drawn(3))
    stop_clock(shown.page)
    shown.button("Play").click()
    shown.page.clock.run_for(5000)
    assert shown.now == ("2", "number 2.", "2 of 2")
    shown.button("Play").click()
    assert shown.now[2] == "0 of 2"
    shown.page.clock.run_for(260)
    assert shown.now[2] == "1 of 2"


def test_the_text_is_spoken_when_it_stands_still(opened: Opened) -> None:
    shown = opened(drawn(6))
    stop_clock(shown.page)
    text = shown.root.locator(".mf-text")
    assert text.get_attribute("aria-live") == "polite"
    shown.button("Play").click()
    shown.page.clock.run_for(300)
    assert text.get_attribute("aria-live") == "off"
    order = """() => new Promise(done => {
        const text = document.querySelector(".mf-text");
        new MutationObserver(() => done(text.getAttribute("aria-live"))).observe(
            text, { childList: true });
        document.querySelector("button").click();
        document.querySelector("input").value = 5;
        document.querySelector("input").dispatchEvent(new Event("input", { bubbles: true }));
    })"""
    assert shown.page.evaluate(order) == "polite"


def test_the_slider_moves_the_film_and_stops_it(opened: Opened) -> None:
    shown = opened(drawn(9))
    shown.button("Play").click()
    shown.slider.fill("6")
    assert shown.now == ("6", "number 6.", "6 of 8")
    assert shown.button("Play").count() == 1


def test_all_works_by_keyboard(opened: Opened) -> None:
    shown = opened(drawn(9))
    keyboard = shown.page.keyboard
    keyboard.press("Tab")
    assert shown.button("Play").evaluate("one => one === document.activeElement")
    keyboard.press("Space")
    keyboard.press("Enter")
    assert shown.button("Play").count() == 1
    keyboard.press("Tab")
    for key, step in (("Home", 0), ("ArrowRight", 1), ("ArrowRight", 2), ("End", 8)):
        keyboard.press(key)
        assert shown.now == (f"{step}", f"number {step}.", f"{step} of 8")
        assert shown.slider.get_attribute("aria-valuetext") == f"{step} of 8"
    assert shown.slider.get_attribute("data-lm-suppress-shortcuts") == "true"


def test_a_page_shows_every_picture_of_a_recorded_film(opened: Opened) -> None:
    film = maze(steps=17)
    frames, captions = film.frames, film.captions
    shown = opened(film)
    for k in (0, 9, 17):
        shown.slider.fill(str(k))
        html = shown.root.locator(".mf-picture").inner_html()
        canonical = shown.page.evaluate(
            "text => { const d = document.createElement('div'); d.innerHTML = text;"
            " return d.innerHTML }",
            frames[k],
        )
        assert html == canonical
        assert shown.now[1] == captions[k]
    assert shown.root.locator("figcaption").inner_text() == CAPTION
    name = shown.root.get_by_role("figure", name=CAPTION)
    assert name.count() == 1


def test_two_films_on_a_page_leave_each_other_alone(opened: Opened) -> None:
    first = opened(drawn(5, step=1), drawn(8, step=3))
    second = Shown(first.page, 1)
    first.slider.fill("4")
    second.button("Play").click()
    first.page.wait_for_function("() => document.querySelectorAll('input')[1].value > 3")
    assert first.now[2] == "4 of 4" and first.button("Play").count() == 1
    second.button("Pause").click()


def test_a_link_shows_the_moment_it_was_copied_at(opened: Opened) -> None:
    url = opened.write(drawn(5), drawn(8))
    page = opened.page(url)
    second = Shown(page, 1)
    assert "#" not in page.url  # nothing touched yet
    second.slider.fill("6")
    assert page.url == f"{url}#film-1?step=6"
    again = opened.page(page.url)
    assert Shown(again, 1).now[2] == "6 of 7" and Shown(again, 0).now[2] == "0 of 4"
    for words, step in (("step=99", 7), ("step=x", 0), ("step=", 0), ("", 0)):
        assert Shown(opened.page(f"{url}#film-1?{words}"), 1).now[2] == f"{step} of 7"


def test_text_cannot_break_out(opened: Opened) -> None:
    text = "</script><img src=x onerror=alert(1)>"
    shown = opened(Film([svg("a")], [text], caption=text))
    assert shown.now[1] == text
    assert shown.root.locator("figcaption").inner_text() == text
    assert shown.page.locator("img").count() == 0


def test_a_film_of_one_picture_does_not_play(opened: Opened) -> None:
    shown = opened(drawn(1))
    shown.button("Play").click()
    assert shown.button("Play").count() == 1 and shown.now[2] == "0 of 0"


def test_without_javascript_there_is_a_picture_and_its_caption(opened: Opened) -> None:
    film = maze()
    film.step = 17
    url = opened.write(film)
    page = opened.page(url, java_script_enabled=False)
    assert page.locator("figure svg[role=img]").is_visible()
    caption = page.locator("figcaption").inner_text()
    assert caption.startswith(CAPTION) and "Maze after 17 of 100 steps" in caption
    assert page.locator("button, input").count() == 0
    page = opened.page(url)
    Shown(page)
    page.emulate_media(media="print")
    assert page.locator(".mf-picture svg").is_visible() and page.locator(".mf-text").is_visible()
    assert not page.locator("button").is_visible() and not page.locator("input").is_visible()


def test_where_pictures_cannot_be_unpacked_the_still_one_stays(opened: Opened) -> None:
    url = opened.write(drawn(step=1))
    context = opened.browser.new_context()
    context.add_init_script("delete window.DecompressionStream")
    page = context.new_page()
    page.goto(url)
    page.wait_for_timeout(300)
    assert page.locator("figure svg").is_visible() and page.locator("button").count() == 0
    assert "number 1." in page.locator("figcaption").inner_text()


@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_open_to_everyone(opened: Opened, theme: str, width: int) -> None:
    maze_film = maze()
    junction = Film.record(TrafficJunction("easy", num_envs=1), UniformPolicy(), caption="Cars.")
    shown = opened(maze_film, junction, viewport={"width": width, "height": 900})
    page = shown.page
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    Shown(page, 1).slider.fill("12")
    for playing in (False, True):
        if playing:
            shown.button("Play").click()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    unmarked = page.evaluate(
        """() => [...document.querySelectorAll("button, input")].filter(one => {
            document.activeElement.blur();
            one.focus({ focusVisible: true });
            return getComputedStyle(one).outlineStyle === "none";
        }).map(one => one.outerHTML)"""
    )
    assert unmarked == []
    small = page.locator("button, input").evaluate_all(
        "all => all.filter(one => one.getBoundingClientRect().height < 24).length"
    )
    assert small == 0
