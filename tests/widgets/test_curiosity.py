"""The live map of curiosity: its JavaScript learns what Python learns, and works for everyone."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser, Page

from marl_edu.envs.baselines.key_door_maze import plan
from marl_edu.envs.key_door_maze import KeyDoorMaze
from marl_edu.plots.untrusted import drawn_once
from marl_edu.widgets import CuriosityPanel
from marl_edu.widgets.curiosity.figure import (
    LONGEST,
    METHODS,
    CuriosityFigure,
    Walk,
    draw_networks,
    export,
    maze_data,
    shade,
)
from marl_edu.widgets.shared.bundle import figure_script
from tests.accessibility import violations
from tests.site.conftest import browser  # noqa: F401  the same browser as the site's tests
from tests.widgets.pages import Pages, functions

WAY = "w" + "".join(map(str, plan(KeyDoorMaze(num_envs=1))))
TRAILS = ["w", "w3333044", "w34p20.23t4441p5.3", WAY + "33"]


@pytest.fixture(scope="module")
def js(browser: Browser) -> Iterator[Page]:  # noqa: F811
    """A page with the figure's functions on it, as `J`."""
    page = functions(browser, "Walk, shade", "curiosity/env.js")
    yield page
    page.close()


@pytest.mark.parametrize("tv", [False, True])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("trail", TRAILS)
def test_the_page_learns_what_python_learns(js: Page, trail: str, method: str, tv: bool) -> None:
    made = draw_networks()
    nets = {name: export(made[name]) for name in ("rnd", "icm")}
    maze = maze_data(KeyDoorMaze(num_envs=1))
    theirs = js.evaluate(
        """([maze, nets, method, tv, trail]) => {
            const walk = new J.Walk(maze, nets, method, tv).follow(trail);
            const { cell, key, door, paid, picture } = walk;
            return { cell, key, door, paid, map: walk.map(), trail: walk.trail,
                     tv: walk.tv, picture: [...picture] };
        }""",
        [maze, nets, method, tv, trail],
    )
    ours = Walk(method, tv).follow(trail)
    assert [theirs[k] for k in ("cell", "key", "door")] == [ours.cell, ours.key, ours.door]
    assert theirs["trail"] == trail and theirs["tv"] == ours.tv
    assert theirs["picture"] == ours.picture.tolist()
    assert theirs["paid"] == pytest.approx(ours.paid, rel=1e-6, abs=1e-9)
    assert theirs["map"] == pytest.approx(ours.map(), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("tv", [False, True])
def test_a_walk_is_one_through_the_environment(tv: bool) -> None:
    """Cell, key, door and what is seen agree with `KeyDoorMaze` in every step of an episode."""
    env, walk = KeyDoorMaze(noisy_tv=tv, num_envs=1), Walk("rnd", tv)
    env.reset()
    if tv:
        env.channels = walk.pictures[None, : env.max_steps].float()
    for action in [4, *plan(env)[:3], 4, *plan(env)[3:-1]]:
        obs = env.step(torch.tensor([[action]]))[0]
        walk.step(action)
        assert walk.cell == env.cell.item() and walk.key == env.has_key.item()
        seen = walk.see(walk.cell, walk.key, walk.door, walk.picture)
        assert torch.equal(seen.float(), obs[0, 0])


def test_at_the_goal_an_episode_ends_and_what_was_learned_stays() -> None:
    walk = Walk().follow(WAY)
    assert (walk.cell, walk.key, walk.door) == (walk.env.start, 0, 0)
    assert walk.map()[walk.env.start] < 0.3 * Walk().map()[walk.env.start]


def test_where_the_agent_has_been_curiosity_fades() -> None:
    walk = Walk().follow("w" + "32" * 10)
    before, after = Walk().map(), walk.map()
    assert after[walk.cell] < 0.05 * before[walk.cell]
    far = walk.env.key
    assert after[far] > 0.2 * before[far]


def test_a_painted_cell_is_old() -> None:
    walk = Walk("rnd")
    before = walk.map()[30]
    for _ in range(5):
        walk.paint(30)
    assert walk.map()[30] < 0.1 * before


def test_what_is_painted_for_icm_are_the_four_steps_from_the_cell() -> None:
    walk = Walk("icm")
    walk.paint(30)
    assert [action for _, action, _ in walk.memory] == [0, 1, 2, 3]
    assert all(torch.equal(obs, walk.transition(30, 0)[0]) for obs, _, _ in walk.memory)


def test_both_kinds_of_icm_start_from_the_same_numbers() -> None:
    assert Walk("icm").map() == Walk("features").map()


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"method": "dqn"}, "method must be one of .* got 'dqn'"),
        ({"trail": "w9"}, "trail must be w, .* got 'w9'"),
        ({"trail": "333"}, "trail must be w"),
        ({"trail": "wp999."}, "cells below"),
        ({"trail": "w" + "0" * (LONGEST + 1)}, f"at most {LONGEST} steps"),
    ],
)
def test_bad_settings_are_named(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CuriosityFigure(**settings)
    with pytest.raises(TypeError, match="takes no colour"):
        CuriosityFigure(colour="red")


def test_what_is_displayed_serves_lab_and_page() -> None:
    shown = CuriosityFigure(trail="w33")
    data, _ = shown._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert drawn_once(data["text/html"]) == shown.to_html()
    assert "http" not in shown.to_html().replace("http://www.w3.org/2000/svg", "")
    assert len(shown.to_html()) + len(figure_script("curiosity")) < 130_000
    shown.close()


def test_the_still_picture_says_what_it_shows() -> None:
    shown = CuriosityFigure(trail="wt3334", tv=False)
    walk = Walk().follow(shown.trail)
    root = ET.fromstring(shown.picture(walk))
    assert "TV on. After 4 steps" in root.attrib["aria-label"]
    assert f"Newest cell {max(walk.map()):.2f}" in shown.to_html()
    shown.close()


def test_shades_are_the_same(js: Page) -> None:
    for share in (-1.0, 0.0, 0.01, 0.33, 0.5, 0.77, 1.0, 2.0):
        assert js.evaluate("x => `rgb(${J.shade(x)})`", share) == shade(share)


# ---- The lab's panel -----------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("method", ["no bonus", "counts", "ICM", "RND"])
def test_the_panel_trains_what_was_chosen_and_shows_a_stored_run_without_a_kernel(method) -> None:
    panel = CuriosityPanel(method)
    panel.updates.min, panel.updates.value, panel.units.value = 2, 2, 8
    panel.tv.value = True
    run = panel.train()
    assert panel.bar.value == 2 and len(run.rows) == 1
    assert sum(p.numel() for p in run.bonus.parameters()) < 3000
    assert "fresh episodes" in panel.status.value
    assert all("<svg" in one.value for one in (panel.seen, panel.success, panel.map))
    assert "make lab" in panel._repr_mimebundle_()["text/html"]


@pytest.mark.long
def test_the_panel_knows_both_encoders() -> None:
    panel = CuriosityPanel("ICM, encoder trained by the inverse model alone")
    panel.updates.min, panel.updates.value = 2, 2
    assert panel.train().bonus.stop == "features"
    panel.method.value = "ICM"
    assert panel.train().bonus.stop == "nothing"


# ---- The figure on a page ------------------------------------------------------------------------


class Opened(Pages):
    """Opens figures as pages."""

    def __call__(self, link: str = "", settings: dict | None = None, **context: Any) -> Page:
        url = self.write(CuriosityFigure(**(settings or {})))
        return self.page(url + link, **context)


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:  # noqa: F811
    pages = Opened(browser, tmp_path)
    yield pages
    pages.close()


def words(page: Page) -> str:
    return page.locator(".mc-status").inner_text()


def test_buttons_and_arrow_keys_walk(opened: Opened) -> None:
    page = opened()
    page.get_by_role("button", name="Right", exact=True).click()
    assert words(page).startswith("Step 1, row 2, column 3,")
    page.keyboard.press("ArrowDown")
    assert words(page).startswith("Step 2, row 3, column 3,")
    paid = Walk().follow("w31").paid[-1]
    assert f"The last step paid {paid:.2f}." in words(page)
    assert page.locator(".mc-bars rect").count() == 2
    page.get_by_role("button", name="Undo").click()
    assert words(page).startswith("Step 1,")
    page.get_by_role("button", name=re.compile("^Reset")).click()
    assert words(page).startswith("Step 0,")


def test_a_link_shows_its_moment(opened: Opened) -> None:
    page = opened(f"#curiosity-0?method=features&tv=true&trail={WAY[:20]}t3")
    ours = Walk("features", True).follow(f"{WAY[:20]}t3")
    row, column = ours.env.free[ours.cell]
    assert words(page).startswith(f"Step {ours.t}, row {row}, column {column}, with the key.")
    assert f"Newest cell {max(ours.map()):.2f}" in words(page)
    assert page.locator("[data-name=method]").nth(2).is_checked()
    assert not page.locator("[data-name=tv]").is_checked()
    page.get_by_role("button", name="Remote control").click()
    assert page.url.endswith(f"trail={WAY[:20]}t34")


def test_television_method_and_paint(opened: Opened) -> None:
    page = opened()
    page.get_by_label("TV on").check()
    page.get_by_role("button", name="Remote control").click()
    page.locator("[data-cell='17']").click()
    page.get_by_label(METHODS["icm"]).check()
    ours = Walk("icm").follow("wt4p17.")
    assert f"Newest cell {max(ours.map()):.2f}, oldest {min(ours.map()):.2f}." in words(page)
    page.get_by_role("button", name="Go where it is newest").click()
    assert words(page).startswith("Step 2,")


def test_it_walks_only_when_asked_to(opened: Opened) -> None:
    page = opened()
    page.wait_for_timeout(600)
    assert words(page).startswith("Step 0,")
    page.get_by_role("button", name="Walk at random").click()
    page.wait_for_function(
        "() => /Step [3-9]/.test(document.querySelector('.mc-status').innerText)"
    )
    page.get_by_role("button", name="Stop").click()
    now = words(page)
    page.wait_for_timeout(600)
    assert words(page) == now


def test_without_javascript_there_is_a_picture_with_numbers(opened: Opened) -> None:
    page = opened(settings={"trail": "w333"}, java_script_enabled=False)
    assert page.locator("figure svg[role=img]").is_visible()
    assert "After 3 steps" in page.locator("figcaption").inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1100])
def test_it_is_open_to_everyone(opened: Opened, width: int, theme: str) -> None:
    page = opened(settings={"tv": True}, viewport={"width": width, "height": 900})
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    for press in ("Right", "Remote control"):
        page.get_by_role("button", name=press, exact=True).click()
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    unmarked = page.evaluate(
        """() => [...document.querySelectorAll("button, input")].filter(one => {
            one.focus({ focusVisible: true });
            return getComputedStyle(one).outlineStyle === "none";
        }).map(one => one.outerHTML)"""
    )
    assert unmarked == []
