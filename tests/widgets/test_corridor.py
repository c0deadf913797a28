"""The live T-maze: its JavaScript agrees with Python, and every control does what it says."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser, Page

from marl_edu.algos.drqn import RecurrentQ
from marl_edu.envs.tmaze import DOWN, UP, TMaze
from marl_edu.experiments import memory_probe
from marl_edu.plots.untrusted import drawn_once
from marl_edu.training import qlearning
from marl_edu.widgets.corridor import figure as corridor
from marl_edu.widgets.corridor.figure import CorridorFigure, Walk, caption, export, load
from marl_edu.widgets.shared.bundle import figure_script
from tests.accessibility import violations
from tests.site.conftest import browser  # noqa: F401  the same browser as the site's tests
from tests.widgets.pages import Pages, functions

TRAILS = ("w", "wfffxfff", "wudfeffffffffffu", "wfffffffffffd", "wffxfxfef", "w" + "u" * 40)


def chosen_trail(record: dict[str, Any], sign: str = "up", changes: str = "") -> str:
    """The trail of a walk that the network makes itself.

    Args:
        changes: what is done to it on the way, `5x` or `3e7x`: at which step, and what.
    """
    at = {int(step): how for step, how in re.findall(r"(\d+)([xe])", changes)}
    walk, trail = Walk(record, sign), "w"
    while not walk.over:
        if walk.t in at:
            walk.change(at[walk.t])
            trail += at.pop(walk.t)
        action = walk.choose()
        trail += "fud"[action]
        walk.step(action)
    return trail


def agent(kind: str = "lstm", seed: int = 0) -> dict[str, Any]:
    """An agent with random weights that differ enough for its numbers to move."""
    torch.manual_seed(seed)
    net = RecurrentQ(4, 3, 8, kind)
    with torch.no_grad():
        for weight in net.parameters():
            weight.mul_(3)
    probe = memory_probe.Probe(torch.randn(net.hidden_size), torch.tensor(0.1))
    return export(net, probe, f"{kind.upper()} of the tests")


WALKERS = {kind: agent(kind) for kind in ("lstm", "gru")}


# -- Python --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("sign", ["up", "down"])
def test_a_walk_is_the_environment_s(kind, sign):
    """Step by step the same observations and values as in the T-maze itself."""
    record = WALKERS[kind]
    net, _ = load(record)
    side = UP if sign == "up" else DOWN
    env = TMaze(10, num_envs=20, seed=0)
    obs = env.reset(0)
    b = int((env.sign[:, 0] == side).nonzero()[0])
    state, walk = net.start(20, 1), Walk(record, sign)
    for letter in "fufffdffffffffu":
        q, state = net(obs, state)
        torch.testing.assert_close(walk.q, q[b, 0].detach())
        torch.testing.assert_close(walk.memories[-1], state[b, 0].detach())
        action = "fud".index(letter)
        obs, *_ = env.step(torch.full((20, 1), action))
        walk.step(action)
        assert walk.cell == env.cell[b, 0] and walk.turned == env.turned[b, 0]
    assert walk.over and walk.turned == UP


def test_exchanging_the_memory_gives_the_other_walk_s():
    a, b = (Walk(WALKERS["lstm"], sign).follow("wfff") for sign in ("up", "down"))
    assert not torch.allclose(a.q, b.q)
    a.change("x")
    torch.testing.assert_close(a.memories[-1], b.memories[-1])
    torch.testing.assert_close(a.q, b.q)
    a.change("x")
    a.change("e")
    assert not a.memories[-1].any()


def test_what_the_network_chooses_is_what_it_plays():
    record = WALKERS["lstm"]
    net, _ = load(record)
    trail = chosen_trail(record, "up")
    env = TMaze(10, num_envs=20, seed=0)
    episodes, _ = qlearning.rollout(net, env, seed=0)
    b = int((env.sign[:, 0] == UP).nonzero()[0])
    steps = int(episodes.alive[b].sum())
    played = "".join("fud"[a] for a in episodes.action[b, :steps, 0].tolist())
    assert trail == "w" + played
    assert chosen_trail(record, "up", "2e5x").startswith("w" + played[:2] + "e")


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"net": "rnn"}, r"net must be one of \['gru', 'lstm'\], got 'rnn'"),
        ({"sign": "left"}, r"sign must be one of \['down', 'up'\], got 'left'"),
        ({"trail": "wq"}, "trail must be w, then letters of fudxe, got 'wq'"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(Exception, match=message):
        CorridorFigure(WALKERS, **settings)
    fine = CorridorFigure(WALKERS)
    with pytest.raises(Exception, match=message):
        fine.set_trait(*next(iter(settings.items())))
    fine.close()


def test_bad_walkers_are_named():
    with pytest.raises(TypeError, match="takes no colour"):
        CorridorFigure(WALKERS, colour="red")
    with pytest.raises(ValueError, match="at least one agent"):
        CorridorFigure({})


def test_what_is_displayed_serves_lab_and_page():
    shown = CorridorFigure(WALKERS, trail="wff")
    data, _ = shown._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert drawn_once(data["text/html"]) == shown.to_html()
    assert "http" not in shown.to_html().replace("http://www.w3.org/2000/svg", "")
    shown.close()


def test_the_still_pictures_are_well_formed_and_say_what_they_show():
    for trail in TRAILS:
        shown = CorridorFigure(WALKERS, trail=trail)
        walk = shown.walk()
        maze = ET.fromstring(corridor.picture(walk))
        assert caption(walk) in maze.attrib["aria-label"]
        units = ET.fromstring(corridor.memory_picture(walk, WALKERS["lstm"]["order"]))
        cells = list(units.iter("{http://www.w3.org/2000/svg}rect"))
        assert len(cells) == 8 * len(walk.memories)
        shown.close()


# -- JavaScript against Python -------------------------------------------------------------------


@pytest.fixture(scope="module")
def js(browser: Browser) -> Iterator[Page]:  # noqa: F811
    """A page with the figure's functions on it, as `J`."""
    page = functions(browser, "Walk, caption, load, reads", "corridor/env.js")
    yield page
    page.close()


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("sign", ["up", "down"])
@pytest.mark.parametrize("trail", TRAILS)
def test_a_walk_in_the_page_is_that_of_python(js: Page, kind, sign, trail):
    theirs = js.evaluate(
        """([maze, record, sign, trail]) => {
            const walk = new J.Walk(maze, J.load(record), sign).follow(trail);
            return {
                memories: walk.memories.map((m) => [...m]), q: [...walk.q],
                reads: walk.memories.map((m) => J.reads(walk.net, m)), caption: J.caption(walk),
                where: [walk.t, walk.cell, walk.turned, walk.over],
            };
        }""",
        [corridor.maze_data(), WALKERS[kind], sign, trail],
    )
    walk = Walk(WALKERS[kind], sign).follow(trail)
    ours = torch.stack(walk.memories)
    assert (torch.tensor(theirs["memories"]) - ours).abs().max() < 1e-5
    assert (torch.tensor(theirs["q"]) - walk.q).abs().max() < 1e-5
    assert theirs["reads"] == pytest.approx([walk.reads(m) for m in ours], abs=1e-5)
    assert theirs["where"] == [walk.t, walk.cell, walk.turned, walk.over]
    assert theirs["caption"] == caption(walk)


def test_the_stored_walkers_agree_over_a_thousand_steps(js: Page):
    for record in corridor.stored_agents().values():
        steps = 0
        for number in range(40):
            generator = torch.Generator().manual_seed(number)
            drawn = torch.randint(5, (33,), generator=generator).tolist()
            trail = "w" + "".join("ffudx"[k] for k in drawn)
            walk = Walk(record, "up").follow(trail)
            theirs = js.evaluate(
                """([maze, record, trail]) => {
                    const walk = new J.Walk(maze, J.load(record), "up").follow(trail);
                    return walk.memories.map((m) => [...m]);
                }""",
                [corridor.maze_data(), record, trail],
            )
            ours = torch.stack(walk.memories)
            assert (torch.tensor(theirs) - ours).abs().max() < 1e-5
            steps += len(theirs)
        assert steps > 500


# -- the figure on a page ------------------------------------------------------------------------


class Figure:
    """A figure on an open page, found as its reader finds it."""

    def __init__(self, page: Page, number: int = 0):
        self.page = page
        self.root = page.locator("[data-figure]").nth(number)
        self.get_by_role = self.root.get_by_role

    def press(self, name: str) -> None:
        self.get_by_role("button", name=name, exact=True).click()

    def choose(self, name: str, value: str) -> None:
        self.root.locator(f"[data-name={name}][value={value}]").check()

    @property
    def words(self) -> str:
        return self.root.locator(".mk-status").text_content()


class Opened(Pages):
    """Opens figures as pages."""

    def __call__(self, *figures: CorridorFigure, **context: Any) -> Figure:
        return Figure(self.page(self.write(*(figures or (CorridorFigure(WALKERS),))), **context))


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:  # noqa: F811
    pages = Opened(browser, tmp_path)
    yield pages
    pages.close()


def said(trail: str, sign: str = "up", kind: str = "lstm") -> str:
    return caption(Walk(WALKERS[kind], sign).follow(trail))


def test_buttons_walk_turn_and_undo(opened: Opened):
    shown = opened()
    assert shown.words == said("w")
    assert shown.get_by_role("button", name="Undo").is_disabled()
    for _ in range(10):
        shown.press("Forward")
    assert shown.words == said("w" + 10 * "f")
    shown.press("Turn up")
    assert "turned up: the right way" in shown.words
    for name in ("Forward", "Turn down", "Step", "Exchange memory", "Erase memory"):
        assert shown.get_by_role("button", name=name, exact=True).is_disabled()
    shown.press("Undo")
    shown.press("Turn down")
    assert "turned down: the wrong way" in shown.words
    shown.press("Reset")
    assert shown.words == said("w")


def test_reset_returns_to_the_moment_it_was_made_with(opened: Opened):
    shown = opened(CorridorFigure(WALKERS, trail="wffff"))
    before = shown.words
    shown.press("Exchange memory")
    shown.press("Step")
    shown.choose("sign", "down")
    shown.choose("net", "gru")
    shown.press("Reset")
    assert shown.words == before == said("wffff")


def test_the_memory_is_exchanged_and_erased(opened: Opened):
    shown = opened(CorridorFigure(WALKERS, trail="wfff"))
    shown.press("Exchange memory")
    assert shown.words == said("wfffx")
    shown.press("Forward")
    shown.press("Erase memory")
    assert shown.words == said("wfffxfe")
    cells = shown.root.locator(".mk-memory rect[fill-opacity='0.00']")
    assert cells.count() >= 8  # all units of the last step


def test_reset_returns_to_the_prepared_moment(opened: Opened):
    shown = opened(CorridorFigure(WALKERS, trail="wfff"))
    shown.press("Forward")
    shown.press("Erase memory")
    shown.press("Reset")
    assert shown.words == said("wfff")


def test_keys_walk(opened: Opened):
    shown = opened()
    shown.get_by_role("button", name="Forward", exact=True).focus()
    for key, trail in (("ArrowRight", "wf"), ("ArrowUp", "wfu"), ("ArrowDown", "wfud")):
        shown.page.keyboard.press(key)
        assert shown.words == said(trail)


def test_sign_and_memory_can_be_changed_and_the_walk_stays(opened: Opened):
    shown = opened(CorridorFigure(WALKERS, trail="wffuf"))
    shown.choose("sign", "down")
    assert shown.words == said("wffuf", "down")
    shown.choose("net", "gru")
    assert shown.words == said("wffuf", "down", "gru")


def test_it_walks_by_itself_until_it_is_stopped_or_done(opened: Opened):
    record = agent(seed=3)
    shown = opened(CorridorFigure({"lstm": record}))
    shown.press("Step")
    first = chosen_trail(record)
    assert shown.words == caption(Walk(record).follow(first[:2]))
    shown.press("Let it walk")
    shown.page.wait_for_function(
        "() => document.querySelector('.mk-status').textContent.startsWith('Step 3')"
    )
    shown.press("Pause")
    before = shown.words
    shown.page.wait_for_timeout(700)
    assert shown.words == before


def test_a_link_shows_the_moment_it_was_copied_at(opened: Opened):
    url = opened.write(CorridorFigure(WALKERS), CorridorFigure(WALKERS))
    page = opened.page(url)
    assert "#" not in page.url
    shown = Figure(page, 1)
    shown.press("Forward")
    shown.press("Exchange memory")
    shown.choose("sign", "down")
    assert page.url.startswith(f"{url}#corridor-1?") and "trail=wfx" in page.url
    again = Figure(opened.page(page.url), 1)
    assert again.words == shown.words == said("wfx", "down")
    nonsense = Figure(opened.page(f"{url}#corridor-0?net=x&sign=y&trail=w12"), 0)
    assert nonsense.words == said("w")


def test_without_javascript_picture_and_numbers_are_there(opened: Opened):
    shown = opened(CorridorFigure(WALKERS, trail="wfff"), java_script_enabled=False)
    assert shown.root.locator("svg").count() == 2
    assert (
        said("wfff")
        in re.sub(r"\s+", " ", shown.root.locator("figcaption").inner_text()).replace(
            "100 %", "100\u00a0%"
        )
        or "Step 3 of 33" in shown.root.inner_text()
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1200])
def test_it_breaks_no_rule_of_accessibility_and_fits_the_screen(opened: Opened, theme, width):
    url = opened.write(CorridorFigure(WALKERS, trail="wfffxff"), theme=theme)
    page = opened.page(url, viewport={"width": width, "height": 900})
    page.wait_for_selector("[data-do=play]")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_module_is_small():
    shown = CorridorFigure({kind: agent(kind) for kind in ("lstm", "gru")})
    assert len(shown.to_html()) + len(figure_script("corridor")) < 60_000
    json.loads(re.search(r'application/json">(.*?)</script>', shown.to_html(), re.S)[1])
    shown.close()
