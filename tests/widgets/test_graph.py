"""The live graph: its JavaScript agrees with Python, and every control does what it says."""

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser, Page

from marl_edu.agents.gnn_dqn_agent import LAYERS
from marl_edu.algos import gat
from marl_edu.envs.relay import Relay
from marl_edu.plots.untrusted import drawn_once
from marl_edu.training import a2c
from marl_edu.widgets import GraphPanel
from marl_edu.widgets.graph.figure import LETTERS, GraphFigure, export, listen, telling_moment
from marl_edu.widgets.shared.bundle import figure_script
from tests.accessibility import violations
from tests.site.conftest import browser  # noqa: F401  the same browser as the site's tests
from tests.widgets.pages import Pages, functions

PLACES = "50,50;150,60;250,50;350,70;60,160;160,150;260,160;340,170"
SHOWN = {"places": PLACES, "holds": "A-------", "radius": 130, "selected": 3}


@cache
def team(layers: int = 3, heads: int = 4, hidden_dim: int = 16, seed: int = 0) -> a2c.ActorCritic:
    """A team with random weights that attends sharply."""
    torch.manual_seed(seed)
    cfg = gat.Config(hidden_dim=hidden_dim, heads=heads, layers=layers)
    net = gat.build(cfg, Relay(8, symbols=4, num_envs=1))
    with torch.no_grad():
        for parameter in net.communicate.parameters():
            parameter.mul_(2)
        net.policy.weight.mul_(30)
    return net.eval()


def figure(**settings: Any) -> GraphFigure:
    return GraphFigure(team(), **{**SHOWN, **settings})


@pytest.fixture(scope="module", autouse=True)
def looked_for_once() -> Iterator[None]:
    """A team's telling moment takes seconds to find: of each team once for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("marl_edu.widgets.graph.figure.telling_moment", cache(telling_moment))
        yield


@pytest.fixture(scope="module")
def js(browser: Browser) -> Iterator[Page]:  # noqa: F811
    """A page with the figure's functions on it, as `J`."""
    page = functions(browser, "listen, load, nearby, reach", "graph/network.js", "graph/env.js")
    yield page
    page.close()


# ---- JavaScript against Python -------------------------------------------------------------------


@pytest.mark.parametrize("layers, heads, hidden_dim", [(1, 1, 8), (3, 4, 32), (2, 2, 12)])
def test_the_page_computes_what_the_network_computes(
    js: Page, layers: int, heads: int, hidden_dim: int
) -> None:
    net = team(layers, heads, hidden_dim)
    generator = torch.Generator().manual_seed(0)
    for _ in range(10):
        places = torch.randint(0, 400, (12, 2), generator=generator)
        holds = "".join("----ABCD"[k] for k in torch.randint(8, (12,), generator=generator))
        comm_graph = ((places[:, None] - places) ** 2).sum(-1) <= 150**2
        comm_graph[2, 5] = comm_graph[5, 2] = False
        ours = listen(net, comm_graph, holds)
        theirs = js.evaluate(
            """([net, places, holds, layers]) => {
                const near = J.nearby(places, 150, new Set(["2-5"]));
                const fields = places.map((_, i) => [...J.reach(near, i, layers)]);
                return { near, fields, ...J.listen(J.load(net), holds, near) };
            }""",
            [export(net), places.tolist(), holds, layers],
        )
        assert theirs["near"] == [row.nonzero()[:, 0].tolist() for row in comm_graph]
        field = [row.nonzero()[:, 0].tolist() for row in ours.field[layers]]
        assert [sorted(one) for one in theirs["fields"]] == field
        assert (torch.tensor(theirs["attention"]) - ours.attention).abs().max() < 1e-5
        assert (torch.tensor(theirs["chances"]) - ours.chances).abs().max() < 1e-5


def test_the_figure_computes_what_the_team_does_in_its_environment() -> None:
    net = team()
    env = Relay(20, 2, num_envs=1, seed=0)
    obs = env.reset()
    holds = "".join(
        LETTERS[s] if source else "-"
        for source, s in zip(env.source[0].tolist(), env.symbol[0].tolist(), strict=True)
    )
    step = net(obs, net.start(1, 20), env.alive, mask=env.adjacency())
    now = listen(net, env.adjacency()[0], holds)
    torch.testing.assert_close(now.chances, step.logits[0].softmax(-1))
    torch.testing.assert_close(now.attention, step.attention[0])


# ---- The figure in Python ------------------------------------------------------------------------


def test_field_is_who_can_have_been_heard_of() -> None:
    shown = figure(cut="2-3")
    field = shown.moment().field
    assert field[0].equal(torch.eye(8, dtype=torch.bool))
    assert field[1][3].nonzero()[:, 0].tolist() == [3, 6, 7]
    assert not field[2][3, 0] and field[3][3, 5]
    shown.close()


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"layer": 0}, r"layer must lie in 1..3, got 0"),
        ({"head": 5}, r"head must lie in 0..4, got 5"),
        ({"selected": 8}, r"selected must lie in 0..7, got 8"),
        ({"radius": -1}, "radius must lie in"),
    ],
)
def test_bad_settings_are_named(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        figure(**settings)


def test_a_team_without_layers_and_unknown_settings_are_refused() -> None:
    with pytest.raises(TypeError, match="at least one layer"):
        GraphFigure(team(layers=0))
    with pytest.raises(TypeError, match="takes no colour"):
        figure(colour="red")


def test_what_is_displayed_serves_lab_and_page() -> None:
    shown = figure()
    data, _ = shown._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert drawn_once(data["text/html"]) == shown.to_html()
    assert "http" not in re.sub(r"http://www\.w3\.org/2000/svg", "", shown.to_html())
    root = ET.fromstring(shown.picture())
    assert root.attrib["aria-label"] == shown.caption()
    assert len(shown.to_html()) + len(figure_script("graph")) < 150_000
    shown.close()


@pytest.mark.long
def test_telling_moment_is_what_it_says() -> None:
    moment = telling_moment(team())
    assert {"places", "holds", "radius", "selected", "hint"} == moment.keys()
    assert len(moment["places"].split(";")) == len(moment["holds"]) == 16


# ---- The figure on a page ------------------------------------------------------------------------


class Figure:
    """A figure on an open page, found as its reader finds it."""

    def __init__(self, page: Page):
        self.page = page
        self.root = page.locator("[data-figure]").first
        self.get_by_role = self.root.get_by_role

    def control(self, name: str) -> Any:
        return self.root.get_by_label(name, exact=True)

    def value(self, name: str) -> str:
        return self.root.locator(f"[data-value={name}]").inner_text()

    @property
    def words(self) -> str:
        return self.root.locator("svg").get_attribute("aria-label")


class Opened(Pages):
    """Opens figures as pages."""

    def __call__(self, shown: GraphFigure | None = None, **context: Any) -> Figure:
        page = self.page(self.write(shown or figure()), **context)
        page.wait_for_selector(".mg-side")
        return Figure(page)


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:  # noqa: F811
    pages = Opened(browser, tmp_path)
    yield pages
    pages.close()


def test_the_page_opens_at_the_moment_of_python(opened: Opened) -> None:
    shown = figure(head=2, layer=2)
    now = shown.moment()
    chance = now.chances[3]
    page = opened(shown)
    answer = int(chance.argmax())
    assert f"Agent 3 answers {LETTERS[answer]} ({100 * chance[answer]:.0f}" in page.words
    loudest = int(now.attention[1, 1, 3].argmax())
    heard = "itself" if loudest == 3 else f"agent {loudest}"
    weight = 100 * now.attention[1, 1, 3, loudest]
    assert f"layer 2, head 2, it hears {heard} ({weight:.0f}" in page.words
    assert f"{int(now.field[2, 3].sum())} of 8 agents" in page.words


def test_an_agent_is_dragged(opened: Opened) -> None:
    page = opened()
    before = page.words
    box = page.root.locator("[data-agent='0'] circle").last.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    page.page.mouse.move(x + 40, y + 60, steps=4)
    page.page.mouse.up()
    assert page.control("Agent").input_value() == "0"
    assert page.words != before
    across = int(page.control("Across").input_value())
    assert across > 70 and page.value("across").startswith(f"{across} of")


def test_a_finger_drags_the_agent_and_not_the_page(opened: Opened) -> None:
    phone = {"viewport": {"width": 375, "height": 500}, "has_touch": True, "is_mobile": True}
    page = opened(**phone)
    box = page.root.locator("[data-agent='0'] circle").last.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    chrome = page.page.context.new_cdp_session(page.page)
    for kind, up in (("Start", 0), *(("Move", k) for k in range(10, 100, 10)), ("End", None)):
        points = [] if up is None else [{"x": x, "y": y - up}]
        chrome.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
    assert page.page.evaluate("scrollY") == 0
    moved = page.root.locator("[data-agent='0'] circle").last.bounding_box()
    assert (
        moved["y"] < box["y"] - 20 or moved["y"] < page.root.locator("svg").bounding_box()["y"] + 40
    )


def test_an_agent_is_moved_by_keyboard(opened: Opened) -> None:
    page = opened()
    page.control("Across").focus()
    page.page.keyboard.press("ArrowRight")
    assert page.value("across").startswith("283 of") or page.value("across").endswith("283")
    assert page.control("Across").get_attribute("data-lm-suppress-shortcuts") == "true"


def test_a_link_is_cut_and_restored(opened: Opened) -> None:
    page = opened()
    tie = page.root.locator(".mg-ties input").first
    other = tie.get_attribute("value")
    before = page.words
    tie.uncheck()
    assert page.words != before
    assert f"cut={min(3, int(other))}-{max(3, int(other))}" in page.page.url
    page.root.locator(f"[data-link='{min(3, int(other))}-{max(3, int(other))}']").dispatch_event(
        "click"
    )
    assert tie.is_checked() and page.words == before


def test_radius_layer_head_and_letter_change_what_is_said(opened: Opened) -> None:
    page = opened()
    page.control("Radius").fill("0")
    assert "0 neighbours" in page.value("radius") and "1 of 8 agents" in page.words
    page.get_by_role("button", name="Reset").click()
    sizes = []
    for layer in "123":
        page.control("Layers").fill(layer)
        sizes.append(int(re.search(r"of (\d+) of 8 agents", page.words)[1]))
    assert sizes == sorted(sizes) and sizes[0] < sizes[2]
    words = set()
    for head in ("0", "1", "2", "3", "4"):
        page.control("Head").select_option(head)
        words.add(page.words)
    assert len(words) == 5
    before = page.words
    page.control("It holds").select_option("C")
    assert page.words != before and "holds=A--C----" in page.page.url


def test_reset_restores_the_beginning(opened: Opened) -> None:
    page = opened()
    before = page.words
    page.control("Across").fill("10")
    page.control("Radius").fill("300")
    page.control("Agent").select_option("5")
    page.get_by_role("button", name="Reset").click()
    assert page.words == before


def test_a_link_shows_the_moment_it_was_copied_at(opened: Opened) -> None:
    page = opened()
    page.control("Agent").select_option("1")
    page.control("Across").fill("200")
    page.root.locator(".mg-ties input").first.uncheck()
    again = Figure(opened.page(page.page.url))
    again.page.wait_for_selector(".mg-side")
    assert again.words == page.words


def test_a_link_of_nonsense_does_no_harm(opened: Opened) -> None:
    url = opened.write(figure())
    words = "places=1;2&holds=ZZZ&cut=9-1,a&radius=x&layer=77&head=-4&selected=99"
    page = Figure(opened.page(f"{url}#graph-0?{words}"))
    page.page.wait_for_selector(".mg-side")
    assert page.control("Agent").input_value() == "7"
    assert page.control("Layers").input_value() == "3"


def test_without_javascript_there_is_a_picture_and_the_numbers(opened: Opened) -> None:
    shown = figure()
    caption = shown.caption()
    page = opened.page(opened.write(shown), java_script_enabled=False)
    assert page.locator("svg[role=img]").is_visible()
    assert page.locator("figcaption").inner_text() == caption
    assert "%" in page.locator("table").inner_text()
    assert page.locator("button").count() == 0


@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_open_to_everyone(opened: Opened, theme: str, width: int) -> None:
    page = opened(viewport={"width": width, "height": 900}, reduced_motion="reduce").page
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    unmarked = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select")].filter(one => {
            one.focus({ focusVisible: true });
            return getComputedStyle(one).outlineStyle === "none";
        }).map(one => one.outerHTML)"""
    )
    assert unmarked == []


def test_what_is_exported_is_plain_data() -> None:
    assert json.loads(json.dumps(export(team())))["layers"] == 3


# ---- The lab's panel -----------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("kind, layers, drawn", [("gat", 1, 1), ("mean", 2, 0), ("gat", 0, 0)])
def test_the_panel_trains_what_was_chosen_and_draws_what_it_can(
    kind: str, layers: int, drawn: int
) -> None:
    panel = GraphPanel()
    panel.updates.min, panel.updates.value = 2, 2
    panel.hops.value, panel.layers.value, panel.kind.value = 1, layers, kind
    run = panel.train()
    assert [type(one) for one in run.net.communicate.layers] == [LAYERS[kind]] * layers
    assert panel.bar.value == panel.bar.max == 2 and not panel.button.disabled
    assert "among 1,024" in panel.status.value and "<svg" in panel.curve.value
    assert len(panel.graph.children) == drawn
    assert all(isinstance(one, GraphFigure) for one in panel.graph.children)
    assert "make lab" in panel._repr_mimebundle_()["text/html"]
    panel.close()
