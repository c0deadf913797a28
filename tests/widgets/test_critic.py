"""The live critic: JavaScript agrees with Python, and every switch does its work."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser, Page

from marl_edu.algos import mappo
from marl_edu.envs import PredatorPrey
from marl_edu.experiments import catalogue
from marl_edu.experiments.catalogue import critics
from marl_edu.experiments.critic_inputs import PARTS, choices, foresight, hunts, values
from marl_edu.plots.untrusted import drawn_once
from marl_edu.widgets.critic import CriticFigure
from marl_edu.widgets.critic.figure import caption, checked, rows
from marl_edu.widgets.critic.record import (
    LABELS,
    LETTERS,
    NOTHING,
    SHOWN,
    Hunt,
    code,
    export,
    load,
    parts_of,
    stored_critics,
    task,
)
from marl_edu.widgets.shared.bundle import figure_script
from tests.accessibility import violations
from tests.site.conftest import browser  # noqa: F401  the same browser as the site's tests
from tests.widgets.pages import Pages, functions, stop_clock


def critic_of(
    kind: str, seed: int = 0, hidden_dim: int = 8, episodes: int = SHOWN
) -> dict[str, Any]:
    """A critic with random weights that differ enough to be told apart."""
    cfg = mappo.Config(PredatorPrey, critic=kind, hidden_dim=hidden_dim, gamma=0.9)
    torch.manual_seed(seed)
    net = mappo.build(cfg, PredatorPrey(num_envs=1))
    with torch.no_grad():
        net.critic.last.weight.mul_(20)
    net.scale.mean.fill_(-0.5)
    net.scale.var.fill_(0.09)
    return export(net, cfg, f"critic of {kind} & the tests", episodes)


CRITICS = {kind: critic_of(kind, episodes=6) for kind in ("state", "team", "own")}


@pytest.fixture(scope="module")
def stored() -> dict[str, dict[str, Any]]:
    return stored_critics()


# -- Python --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LABELS)
def test_a_hunt_is_one_of_those_that_the_stored_team_plays(stored, kind: str) -> None:
    """The network itself, in a batch of hunts, says the same up to the rounding of its weights."""
    name = critics.name_of("hunt", kind)
    net, cfg = catalogue.load_policy(name), catalogue.EXPERIMENTS[name].cfg
    for weight in net.critic.parameters():
        weight.data = weight.data.half().float()
    seen = hunts(net, cfg)
    for off in choices(PARTS[kind]):
        found = values(net, kind, seen.obs, seen.extra, off)
        assert stored[kind]["numbers"][code(off)] == pytest.approx(list(foresight(seen, found)))
        for number in (0, 7, SHOWN - 1) if len(off) < 2 else ():
            one = Hunt(stored[kind], number, off)
            assert one.steps == seen.alive[number].any(-1).sum()
            assert one.success == bool(seen.success[number])
            assert (one.value[:-1] - found[number, : one.steps]).abs().max() < 1e-5
            assert (one.came - seen.came[number, : one.steps]).abs().max() < 1e-5


@pytest.mark.parametrize("kind", LABELS)
def test_16_bits_are_enough(stored, kind: str) -> None:
    name = critics.name_of("hunt", kind)
    net, cfg = catalogue.load_policy(name), catalogue.EXPERIMENTS[name].cfg
    seen = hunts(net, cfg)
    explained, error = foresight(seen, values(net, kind, seen.obs, seen.extra))
    found = stored[kind]["numbers"][NOTHING]
    assert found == [pytest.approx(explained, abs=2e-3), pytest.approx(error, abs=2e-4)]


def test_what_the_chapter_tells_the_reader_to_find(stored) -> None:
    """The state's critic leans on the own view, though the state repeats it, and on the prey."""
    state = {part: stored["state"]["numbers"][code((part,))][0] for part in PARTS["state"]}
    everything = stored["state"]["numbers"][NOTHING][0]
    assert everything > stored["team"]["numbers"][NOTHING][0] > stored["own"]["numbers"][NOTHING][0]
    assert state["own"] < 0.2 < state["prey"] < everything - 0.2
    assert everything - 0.05 < min(state["places"], state["number"])
    assert stored["team"]["numbers"]["t"][0] < stored["own"]["numbers"][NOTHING][0]


def test_an_exported_critic_loads_as_it_was() -> None:
    cfg = mappo.Config(PredatorPrey, critic="team", hidden_dim=8)
    torch.manual_seed(3)
    net = mappo.build(cfg, PredatorPrey(num_envs=1))
    net.scale.mean.fill_(-2.0)
    net.scale.var.fill_(4.0)
    again = load(export(net, cfg, "x", episodes=1))
    assert all(map(torch.equal, net.critic.parameters(), again.critic.parameters()))
    assert again.in_units(torch.tensor([0.0, 1.0])).tolist() == pytest.approx([-2, 0])


def test_letters_and_inputs() -> None:
    assert code(()) == "none" and parts_of("none") == ()
    for off in choices(tuple(LETTERS)):
        assert parts_of(code(off)) == off and checked(code(off)) == code(off)
    assert code(["memory", "own"]) == "om"


def test_a_moment_in_words() -> None:
    now = Hunt(CRITICS["state"], 1, ("own", "prey", "memory"))
    says = [f"{float(x):.2f}".replace("-", "−") for x in (now.all_on[2, 1], now.came[2, 1])]
    assert caption(now, 2, 1, ()) == (
        f"Hunt 1, step 2 of {now.steps}. Agent 1: the critic says {says[0]}; the return that "
        f"followed is {says[1]}."
    )
    assert "Without own view, prey’s place and memory it says" in caption(
        now, 2, 1, ("own", "prey", "memory")
    )
    end = "All are on the prey." if now.success else "Time is up."
    assert caption(now, 20, 1, ()) == f"Hunt 1, step {now.steps} of {now.steps}. {end}"


def test_the_table_says_what_is_lost_and_marks_what_is_shown() -> None:
    found = rows(CRITICS, "team", ("own", "memory"))
    assert [row[0] for row, _ in found] == [
        "nothing", "own view", "others’ views", "agent’s number", "memory", "own view and memory",
        "nothing: IPPO’s critic, its own team",
    ]  # fmt: skip
    assert [shown for _, shown in found] == [False] * 5 + [True, False]
    explained, error = CRITICS["team"]["numbers"]["om"]
    numbers = f"{explained:.2f}".replace("-", "−"), f"{error:.3f}"
    assert found[5][0][1:] == numbers
    assert len(rows(CRITICS, "own", ())) == 4 and rows(CRITICS, "own", ())[0][1]


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"critic": "x"}, r"critic must be one of \['own', 'state', 'team'\], got 'x'"),
        ({"hunt": 6}, r"hunt must lie in 0\.\.5, got 6"),
        ({"step": 21}, r"step must lie in 0\.\.20, got 21"),
        ({"agent": -1}, r"agent must lie in 0\.\.2, got -1"),
        ({"off": "oo"}, "off must be \"none\", or letters of otpynm in this order, got 'oo'"),
        ({"off": "mo"}, 'off must be "none"'),
        ({"off": "x"}, 'off must be "none"'),
        ({"off": ""}, 'off must be "none"'),
    ],
)
def test_bad_settings_are_named(settings, message: str) -> None:
    with pytest.raises(Exception, match=message):
        CriticFigure(CRITICS, **settings)
    fine = CriticFigure(CRITICS)
    with pytest.raises(Exception, match=message):
        fine.set_trait(*next(iter(settings.items())))
    fine.close()


def test_bad_critics_are_named() -> None:
    with pytest.raises(TypeError, match="takes no colour"):
        CriticFigure(CRITICS, colour="red")
    with pytest.raises(ValueError, match="critics must hold at least one critic, got none"):
        CriticFigure({})


@pytest.mark.parametrize("off", ["none", "o", "otnm"])
@pytest.mark.parametrize("step", [0, 3, 20])
def test_the_still_picture_is_well_formed_and_says_what_it_shows(off: str, step: int) -> None:
    shown = CriticFigure(CRITICS, critic="team", hunt=2, step=step, off=off)
    still = shown.to_html()
    pictures = [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", still, re.S)]
    said = caption(shown.moment(), step, 0, parts_of(off))
    assert said in pictures[0].attrib["aria-label"] and said in still
    assert "what followed" in pictures[1].attrib["aria-label"]
    for row, _ in rows(CRITICS, "team", parts_of(off)):
        assert all(text in still for text in row)
    shown.close()


def test_what_is_displayed_serves_lab_and_page() -> None:
    shown = CriticFigure()
    data, _ = shown._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert drawn_once(data["text/html"]) == shown.to_html()
    assert "http" not in shown.to_html().replace("http://www.w3.org/2000/svg", "")
    assert len(shown.to_html()) + len(figure_script("critic")) < 200_000
    shown.close()


# -- JavaScript against Python -------------------------------------------------------------------


@pytest.fixture(scope="module")
def js(browser: Browser) -> Iterator[Page]:  # noqa: F811
    """A page with the figure's functions on it, as `J`."""
    names = "Hunt, load, caption, rows, switched, summary, readState, listed"
    page = functions(browser, names, "critic/words.js", "critic/hunt.js")
    yield page
    page.close()


GO = """([task, record, number, off]) => {
    const now = new J.Hunt(task, J.load(record), number, off);
    const texts = [0, 3, 20].map((step) => J.caption(now, step, 1, off));
    const { came, allOn, value, success } = now;
    return { came, allOn, value, success, texts, summary: J.summary(now, 1, off) };
}"""


@pytest.mark.parametrize("kind", LABELS)
def test_the_stored_critics_say_the_same_in_the_page(js: Page, stored, kind: str) -> None:
    """In every step of twenty hunts, for every agent, with every choice of inputs."""
    for number, off in enumerate((choices(PARTS[kind]) * SHOWN)[:SHOWN]):
        letters = code(off).replace(NOTHING, "")
        theirs = js.evaluate(GO, [task(), stored[kind], number, letters])
        now = Hunt(stored[kind], number, off)
        for name, ours in (("came", now.came), ("allOn", now.all_on), ("value", now.value)):
            assert (torch.tensor(theirs[name]).T - ours).abs().max() < 1e-5
        assert theirs["success"] == now.success
        if letters:
            assert any(len(one) > 60 for one in theirs["texts"])


@pytest.mark.parametrize("kind", CRITICS)
def test_words_in_the_page_are_those_of_python(js: Page, kind: str) -> None:
    for number, off in enumerate(choices(PARTS[kind])[:6]):
        letters = code(off).replace(NOTHING, "")
        theirs = js.evaluate(GO, [task(), CRITICS[kind], number, letters])
        now = Hunt(CRITICS[kind], number, off)
        assert theirs["texts"] == [caption(now, step, 1, off) for step in (0, 3, 20)]
        table = js.evaluate(
            "([all, name, off, task]) => J.rows(all, name, off, task)",
            [CRITICS, kind, letters, task()],
        )
        assert table == [[list(row), shown] for row, shown in rows(CRITICS, kind, off)]


def test_a_link_may_be_nonsense(js: Page) -> None:
    first = {"critic": "team", "hunt": 2, "step": 1, "agent": 1, "off": "om"}
    read = "([traits, first, all, task]) => J.readState(traits, first, all, task)"

    def found(traits: dict[str, Any]) -> Any:
        return js.evaluate(read, [traits, first, CRITICS, task()])

    assert found(first) == first
    odd = {"critic": "__proto__", "hunt": 1e9, "step": "x", "agent": -4, "off": "constructor"}
    assert found(odd) == {"critic": "team", "hunt": 5, "step": 0, "agent": 0, "off": "none"}
    assert found(first | {"off": None, "critic": "own"}) == first | {"off": "none", "critic": "own"}


# -- the figure on a page ------------------------------------------------------------------------


def words(step: int = 0, off: str = NOTHING, **settings: Any) -> str:
    """What the figure says of a moment."""
    shown = CriticFigure(CRITICS, step=step, off=off, **settings)
    shown.close()
    return caption(shown.moment(), step, shown.agent, shown.switched())


class Figure:
    """A figure on an open page, found as its reader finds it."""

    def __init__(self, page: Page, number: int = 0):
        self.page = page
        self.root = page.locator("[data-figure]").nth(number)

    def press(self, name: str) -> None:
        self.button(name).click()

    def button(self, name: str) -> Any:
        return self.root.get_by_role("button", name=name, exact=True)

    def switch(self, name: str, on: bool) -> None:
        self.root.get_by_label(name, exact=True).set_checked(on)

    def choose(self, critic: str) -> None:
        self.root.locator("[data-name=critic]").select_option(critic)

    @property
    def words(self) -> str:
        label = self.root.locator(".mr-grid").get_attribute("aria-label")
        assert label.removeprefix("A hunt. ") == self.root.locator(".mr-words").inner_text()
        return label.removeprefix("A hunt. ")

    @property
    def marked(self) -> list[str]:
        return self.root.locator(".mr-now th").all_text_contents()


class Opened(Pages):
    """Opens figures as pages."""

    def __call__(self, *figures: CriticFigure, **context: Any) -> Figure:
        return Figure(self.page(self.write(*(figures or (CriticFigure(CRITICS),))), **context))


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:  # noqa: F811
    pages = Opened(browser, tmp_path)
    yield pages
    pages.close()


def test_inputs_are_switched_off_and_on_in_every_step(opened: Opened) -> None:
    shown = opened()
    assert shown.words == words() and shown.marked == ["nothing"]
    shown.press("Step")
    shown.switch("own view", False)
    assert shown.words == words(1, "o") and shown.marked == ["own view"]
    assert "switched" in shown.root.locator(".mr-chart").inner_html()
    shown.press("Step")
    shown.switch("memory", False)
    shown.switch("prey’s place", False)
    assert shown.words == words(2, "oym")
    assert shown.marked == ["own view, prey’s place and memory"]
    for name in ("own view", "prey’s place", "memory"):
        shown.switch(name, True)
    assert shown.words == words(2) and shown.marked == ["nothing"]
    assert "switched" not in shown.root.locator(".mr-chart").inner_html()
    shown.press("Reset")
    assert shown.words == words()


def test_critics_hunts_and_agents_change(opened: Opened) -> None:
    shown = opened(CriticFigure(CRITICS, step=2, off="oy"))
    assert shown.root.locator("[data-part]:visible").count() == 5
    shown.choose("team")  # it has no place of the prey
    assert shown.words == words(0, "oy", critic="team") and shown.marked == ["own view"]
    assert shown.root.locator("[data-part]:visible").count() == 4
    shown.choose("state")
    assert shown.words == words(0, "oy") and shown.marked == ["own view and prey’s place"]
    for hunt in (1, 2, 3, 4, 5, 0):
        shown.press("Next hunt")
        assert shown.words == words(0, "oy", hunt=hunt)
    shown.root.locator("[data-name=agent][value='2']").check()
    assert shown.words == words(0, "oy", agent=2)


def test_the_end_of_a_hunt_is_the_end(opened: Opened) -> None:
    shown = opened(CriticFigure(CRITICS, step=20))
    assert shown.button("Step").is_disabled() and shown.words == words(20)
    shown.press("Play again")
    assert shown.words == words(0)
    shown.press("Pause")


def test_keys_switch(opened: Opened) -> None:
    shown = opened()
    shown.root.get_by_label("own view", exact=True).focus()
    shown.page.keyboard.press("Space")
    shown.button("Step").focus()
    shown.page.keyboard.press("Enter")
    assert shown.words == words(1, "o")


def test_it_plays_until_it_is_stopped_or_over(opened: Opened) -> None:
    page = opened.page(opened.write(CriticFigure(CRITICS)))
    stop_clock(page)
    shown = Figure(page)
    shown.press("Play")
    page.clock.run_for(1550)
    assert shown.words == words(3)
    shown.press("Pause")
    page.clock.run_for(3000)
    assert shown.words == words(3)
    shown.press("Play")
    page.clock.run_for(12_000)
    assert shown.words == words(20) and shown.button("Play again").is_visible()


def test_what_it_shows_is_said_aloud_once_it_stands_still(opened: Opened) -> None:
    shown = opened()
    shown.press("Step")
    shown.page.wait_for_function(
        "words => document.querySelector('[role=status]').textContent === words", arg=words(1)
    )


def test_a_link_shows_the_moment_it_was_copied_at(opened: Opened) -> None:
    url = opened.write(CriticFigure(CRITICS), CriticFigure(CRITICS))
    page = opened.page(url)
    assert "#" not in page.url
    shown = Figure(page, 1)
    shown.choose("team")
    shown.press("Step")
    shown.switch("others’ views", False)
    assert page.url == f"{url}#critic-1?critic=team&hunt=0&step=1&agent=0&off=t"
    again = Figure(opened.page(page.url), 1)
    assert again.words == shown.words == words(1, "t", critic="team")
    assert not again.root.get_by_label("others’ views", exact=True).is_checked()
    again.press("Reset")
    assert again.words == words()
    nonsense = Figure(opened.page(f"{url}#critic-0?critic=x&hunt=y&step=-4&agent=9&off=abc"))
    assert nonsense.words == words(agent=2)


def test_without_javascript_picture_and_numbers_are_there(opened: Opened) -> None:
    shown = opened(CriticFigure(CRITICS, step=3, off="y"), java_script_enabled=False)
    assert shown.root.locator("svg").count() == 2
    assert words(3, "y") in shown.root.locator("figcaption").inner_text()
    assert shown.root.locator("tbody tr").count() == 7


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1200])
def test_it_breaks_no_rule_of_accessibility_and_fits_the_screen(
    opened: Opened, theme: str, width: int
) -> None:
    url = opened.write(CriticFigure(CRITICS, step=3, off="oy"), theme=theme)
    page = opened.page(url, viewport={"width": width, "height": 900})
    page.wait_for_selector("[data-do=reset]")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_finger_finds_what_is_pressed_on_the_screen_with_the_picture(opened: Opened) -> None:
    shown = opened(viewport={"width": 375, "height": 740}, has_touch=True)
    top = shown.root.locator(".mr-grid").bounding_box()["y"]
    pressed = ".mr-buttons button, .mr-parts label:visible, [data-name=critic]"
    for one in shown.root.locator(pressed).all():
        box = one.bounding_box()
        assert box["height"] >= 44 and box["width"] >= 44
        assert box["y"] + box["height"] - top <= 684
    shown.button("Step").tap()
    assert shown.words == words(1)
