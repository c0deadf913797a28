"""The live figures: their JavaScript agrees with Python, and every control does what it says."""

import json
import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser, Page
from torch import Tensor

from marl_edu.algos import commnet, tarmac
from marl_edu.core import storage
from marl_edu.core.settings import plain
from marl_edu.envs import TrafficJunction
from marl_edu.experiments import catalogue
from marl_edu.experiments.interventions import Mute, through
from marl_edu.plots.untrusted import drawn_once
from marl_edu.training import a2c
from marl_edu.widgets import JunctionFigure, export_policy, stored_policies, telling_moment
from marl_edu.widgets import __main__ as readme
from marl_edu.widgets.junction.moments import Muted, uniforms, watch
from marl_edu.widgets.junction.policies import import_policy, road_data
from marl_edu.widgets.shared.bundle import figure_script
from tests.accessibility import violations
from tests.site.conftest import browser  # noqa: F401  the same browser as the site's tests
from tests.widgets.pages import Pages, functions

NETS: dict[str, Any] = {
    "none": (a2c, {}),
    "commnet": (commnet, {}),
    "commnet-2": (commnet, {"rounds": 2}),
    "tarmac": (tarmac, {}),
    "tarmac-heads": (tarmac, {"heads": 4, "signature_dim": 5, "value_dim": 3, "rounds": 3}),
    "tarmac-others": (tarmac, {"heads": 2, "hear_self": False}),
}


def make_net(name: str, difficulty: str = "easy", hidden_dim: int = 12, seed: int = 0) -> Any:
    """A network with random weights that attends sharply and waits about every third time."""
    torch.manual_seed(seed)
    algorithm, settings = NETS[name]
    route = "one-hot" if difficulty == "medium" else "number"
    env = TrafficJunction(difficulty, 0.4, num_envs=16, route=route, seed=0)
    net = algorithm.build(
        algorithm.Config(env=TrafficJunction, hidden_dim=hidden_dim, **settings), env
    )
    with torch.no_grad():
        net.policy.weight.mul_(10)
        net.encode.weight.mul_(3)
        if name.startswith("tarmac"):
            net.communicate.W_q.weight.mul_(12)
        obs, h, eager = env.reset(), net.start(16, env.n_agents), []
        for _ in range(env.max_steps):
            step = net(obs, h, env.alive)
            eager.append((step.logits[..., 0] - step.logits[..., 1])[env.alive])
            actions = (torch.rand(env.alive.shape) < 0.3).long()
            obs, _, _, _, info = env.step(actions)
            h = step.h * ~info["completed"][..., None]
        net.policy.bias[0] -= torch.cat(eager).quantile(0.35)
    return net.eval()


# ---- JavaScript against Python -------------------------------------------------------------------


@pytest.fixture(scope="module")
def js(browser: Browser) -> Iterator[Page]:  # noqa: F811
    """A page with the figure's functions on it, as `J`."""
    names = "Episode, emptyRoads, forward, load, observe, prepare, step, uniforms"
    page = functions(browser, names, "junction/episode.js")
    yield page
    page.close()


def test_draws_are_the_same_numbers(js: Page) -> None:
    for seed, episode in ((0, 0), (1, 7), (2**31 - 1, 123456)):
        theirs = js.evaluate(
            "([s, e]) => { const next = J.uniforms(s, e); return Array.from({length: 500}, next) }",
            [seed, episode],
        )
        assert theirs == uniforms(seed, episode, 500).tolist()


def test_draws_are_uniform() -> None:
    u = torch.cat([uniforms(0, episode, 1000) for episode in range(20)])
    assert u.min() >= 0 and u.max() < 1
    counts = torch.histc(u, 10, 0, 1)
    assert (counts - 2000).abs().max() < 200
    assert uniforms(0, 1, 100).tolist() != uniforms(1, 0, 100).tolist()


@pytest.mark.parametrize("route", ["number", "one-hot"])
@pytest.mark.parametrize("difficulty", ["easy", "medium", "hard"])
def test_environment_agrees_with_python_in_every_step(
    js: Page, difficulty: str, route: str
) -> None:
    episodes = {"easy": 50, "medium": 25, "hard": 5}[difficulty]  # 1,000 steps, or 400
    watched = 2  # of these, what the cars see is compared, too
    arrival = {"easy": 0.3, "medium": 0.5, "hard": 0.7}[difficulty]  # full roads, too
    env = TrafficJunction(difficulty, arrival, num_envs=episodes, route=route, seed=5)
    obs = env.reset()
    generator = torch.Generator().manual_seed(0)
    shape = (episodes, env.max_steps, env.n_agents)
    actions = (torch.rand(shape, generator=generator) < 0.4).long()
    trace = []
    for t in range(env.max_steps):
        obs, _, _, _, info = env.step(actions[:, t])
        state = [env.route, env.place, env.wait, env.last_action, info["collided"]]
        trace.append([part.tolist() for part in (*state, info["success"], obs[:watched])])
    assert not info["success"].all()
    theirs = js.evaluate(
        """([roads, draws, actions, arrival, size, watched]) => {
            const map = J.prepare(roads);
            return draws.map((episode, b) => {
                let env = J.emptyRoads(map);
                return episode.map((u, t) => {
                    env = J.step(map, env, actions[b][t], u, arrival);
                    const { route, place, wait, last, collided, success } = env;
                    const state = [route, place, wait, last, collided, success];
                    if (b >= watched) return state;
                    const obs = J.observe(map, env, size);
                    return [...state, obs.map(o => o ? [...o] : Array(size).fill(0))];
                });
            });
        }""",
        [
            road_data(difficulty),
            env.draws.tolist(),
            actions.tolist(),
            arrival,
            env.obs_dim,
            watched,
        ],
    )
    for t, ours in enumerate(trace):
        for b in range(episodes):
            assert [part[b] for part in ours if b < len(part)] == theirs[b][t], (b, t)


PLAY = """([roads, policy, seed, episodes, changes]) => {
    const map = J.prepare(roads);
    const net = J.load(policy);
    return Array.from({ length: episodes }, (_, number) => {
        const episode = new J.Episode(map, net, seed, number, changes);
        return Array.from({ length: map.steps + 1 }, (_, t) => {
            const { env, logits, attention, actions } = episode.at(t);
            const { alive, route, place, wait, collided } = env;
            return { alive, route, place, wait, collided, attention, actions,
                     logits: logits.map(row => [...row]) };
        });
    });
}"""


def check_policy(js: Page, net: Any, difficulty: str, episodes: int, arrival: float) -> None:
    """Let the JavaScript play, and follow it in Python: car 1 is mute from step 5 on."""
    changes = [
        {"step": 0, "arrival": arrival, "muted": []},
        {"step": 5, "arrival": arrival, "muted": [1]},
    ]
    record = export_policy(net)
    played = js.evaluate(PLAY, [road_data(difficulty), record, 3, episodes, changes])
    route = "one-hot" if difficulty == "medium" else "number"
    env = TrafficJunction(difficulty, arrival, num_envs=episodes, route=route)
    obs, alive, loud = env.reset(), env.alive, net.communicate
    draws = [uniforms(3, number, env.draws[0].numel()) for number in range(episodes)]
    env.draws = torch.stack(draws).view_as(env.draws)
    h, collided = net.start(episodes, env.n_agents), torch.zeros_like(alive)
    worst, waited, drove, crashed = 0.0, 0, 0, 0
    for t in range(env.max_steps + 1):
        net.communicate = Muted(loud, [1]) if t >= 5 else loud
        with torch.no_grad():
            step = net(obs, h, alive)
        theirs = {key: torch.tensor([one[t][key] for one in played]) for key in played[0][0]}
        for key in ("route", "place", "wait"):
            assert torch.equal(theirs[key], getattr(env, key)), (key, t)
        assert torch.equal(theirs["alive"], alive)
        assert torch.equal(theirs["collided"], collided)
        worst = max(worst, (theirs["logits"] - step.logits).abs().max().item())
        assert (theirs["attention"] - step.attention[:, -1]).abs().max() < 1e-5
        waited += int((theirs["actions"][alive] == 1).sum())
        drove += int((theirs["actions"][alive] == 0).sum())
        crashed += int(collided.sum())
        if t < env.max_steps:
            obs, _, _, _, info = env.step(theirs["actions"])
            h = step.h * ~info["completed"][..., None]
            alive, collided = info["alive"], info["collided"]
    net.communicate = loud
    assert worst < 1e-5
    assert waited > 50 and drove > 50 and crashed > 0


@pytest.mark.parametrize("difficulty, episodes", [("easy", 50), ("medium", 25)])  # 1,000 steps
@pytest.mark.parametrize("name", NETS)
def test_policy_agrees_with_python_in_every_step(
    js: Page, name: str, difficulty: str, episodes: int
) -> None:
    check_policy(js, make_net(name, difficulty), difficulty, episodes, 0.4)


def test_policy_of_full_size_agrees_with_python(js: Page) -> None:
    check_policy(js, make_net("tarmac", hidden_dim=64), "easy", 20, 0.4)


def test_an_episode_of_python_is_that_of_the_page(js: Page) -> None:
    net = make_net("tarmac")
    changes = [{"step": 0, "arrival": 0.3, "muted": []}, {"step": 6, "arrival": 0.3, "muted": [2]}]
    theirs = js.evaluate(PLAY, [road_data("easy"), export_policy(net), 4, 2, changes])[1]
    ours = list(watch(net, "easy", 4, 1, changes={6: [2]}))
    assert len(ours) == len(theirs) == 21
    for now, then in zip(ours, theirs, strict=True):
        assert (now.routes, now.places) == (then["route"], then["place"])
        assert now.crashed.tolist() == then["collided"]
        living = torch.tensor(then["alive"])
        assert torch.equal(now.actions[living], torch.tensor(then["actions"])[living])
        assert (now.attention - torch.tensor(then["attention"])).abs().max() < 1e-5
    assert not isinstance(net.communicate, Muted)


# ---- Policies as data ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETS)
def test_export_and_import_give_the_same_network(name: str) -> None:
    net = make_net(name)
    record = json.loads(json.dumps(export_policy(net)))
    again = import_policy(record)
    for key, value in net.state_dict().items():
        if not key.startswith("value."):
            assert torch.equal(value, again.state_dict()[key])


def test_export_names_what_it_cannot_show() -> None:
    net = make_net("tarmac")
    with (
        through(net, Mute([0])),
        pytest.raises(TypeError, match=r"one of .*TargetedAttention, got Through"),
    ):
        export_policy(net)
    with pytest.raises(TypeError, match="got Linear"):
        export_policy(a2c.ActorCritic(17, 2, 8, torch.nn.Linear(8, 8)))


def store(folder: Path, experiment: str, **changes: Any) -> Any:
    """Write a random network where the trained one of this experiment would be."""
    found = catalogue.EXPERIMENTS[experiment]
    torch.manual_seed(0)
    net = found.algorithm.build(found.cfg, catalogue.make_env(experiment))
    record = {"settings": found.cfg, "evaluation": {"success": 0.75, "episodes": 40}}
    path = folder / f"{experiment}-seed0.safetensors"
    storage.save_checkpoint(path, net.state_dict(), plain(record) | changes)
    return net


def test_stored_policies_are_found_again(tmp_path: Path) -> None:
    net = store(tmp_path, "tarmac-heads")
    store(tmp_path, "none-easy")
    found = stored_policies(("none-easy", "tarmac-heads"), folder=tmp_path)
    assert {k: list(v) for k, v in found.items()} == {"easy": ["none", "tarmac-heads"]}
    assert found["easy"]["none"]["measured"] == {"success": 0.75, "episodes": 40}
    assert found["easy"]["tarmac-heads"]["label"] == "TarMAC, 4 heads, 2 rounds"
    again = import_policy(found["easy"]["tarmac-heads"]).state_dict()
    for key, value in net.state_dict().items():
        if not key.startswith("value."):
            assert torch.allclose(value, again[key], rtol=2**-16, atol=0)


def test_stored_policies_say_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"marl_edu\.experiments run tarmac-easy"):
        stored_policies(("tarmac-easy",), folder=tmp_path)
    store(tmp_path, "none-probe1")
    with pytest.raises(ValueError, match="of the junction, got 'none-probe1'"):
        stored_policies(("none-probe1",), folder=tmp_path)


# ---- The figure in Python ------------------------------------------------------------------------


def figure(**settings: Any) -> JunctionFigure:
    names = {"none": "none", "commnet": "commnet", "tarmac": "tarmac"}
    policies = {"easy": {team: make_net(name) for team, name in names.items()}}
    return JunctionFigure(policies, **settings)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"team": "gat"}, r"team must be one of \['commnet', 'none', 'tarmac'\], got 'gat'"),
        ({"difficulty": "hard"}, r"difficulty must be one of \['easy'\], got 'hard'"),
        ({"arrival": 1.5}, r"arrival must be a number in \[0, 1\], got 1.5"),
        ({"arrival": -0.1}, "arrival must be"),
        ({"muted": [5]}, r"muted must lie in 0..4, got 5"),
        ({"selected": -1}, r"selected must lie in 0..4, got -1"),
        ({"step": 21}, r"step must lie in 0..20, got 21"),
        ({"seed": -1}, "seed must lie in"),
    ],
)
def test_bad_settings_are_named(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        figure(**settings)
    fine = figure()
    (name, value) = next(iter(settings.items()))
    with pytest.raises(ValueError, match=message):
        setattr(fine, name, value)
    fine.close()


def test_bad_policies_are_named() -> None:
    with pytest.raises(ValueError, match=r"at least one team, got \{\}"):
        JunctionFigure({})
    with pytest.raises(ValueError, match=r"difficulty must be one of .* got 'huge'"):
        JunctionFigure({"huge": {"none": make_net("none")}})
    with pytest.raises(ValueError, match=r"policies\['medium'\]\['none'\] must take observations"):
        JunctionFigure({"medium": {"none": make_net("none", "easy")}})
    with pytest.raises(TypeError, match="takes no colour"):
        figure(colour="red")


def test_another_junction_starts_over() -> None:
    teams = {d: {"none": make_net("none", d)} for d in ("easy", "medium")}
    both = JunctionFigure(teams, difficulty="medium", muted=[9], selected=8, step=33)
    both.difficulty = "easy"
    assert (both.muted, both.selected, both.step, both.arrival) == ([], None, 0, 0.3)
    both.close()


def test_what_is_displayed_serves_lab_and_page() -> None:
    shown = figure(step=7)
    data, _ = shown._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert drawn_once(data["text/html"]) == shown.to_html()
    assert "http" not in shown.to_html().replace("http://www.w3.org/2000/svg", "")
    shown.close()


def test_a_team_of_full_size_is_a_small_piece_of_a_page() -> None:
    one = JunctionFigure({"easy": {"tarmac": make_net("tarmac", hidden_dim=64)}})
    assert len(one.to_html()) + len(figure_script("junction")) < 280_000
    one.close()


def test_still_picture_is_well_formed_and_says_what_it_shows() -> None:
    shown = figure(step=9, selected=None, arrival=0.8)
    root = ET.fromstring(shown.picture(standalone=True))
    assert "Step 9 of 20, team: TarMAC" in root.attrib["aria-label"]
    moment = shown._moment()
    numbers = {str(i) for i, route in enumerate(moment.routes) if route < 2}
    texts = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")} - {"crash"}
    assert texts == numbers and len(numbers) > 2
    for car in map(int, numbers):
        shown.selected = car
        assert f"Car {car} " in shown.caption()
    shown.close()


def test_telling_moment_is_refused_where_there_is_none() -> None:
    with pytest.raises(ValueError, match="no telling moment in the first episodes=2 of seed=0"):
        telling_moment(make_net("none"), episodes=2)


def test_telling_moment_of_the_trained_team() -> None:
    net = catalogue.load_policy("tarmac-easy")
    now = telling_moment(net)
    where = {key: now[key] for key in ("seed", "episode")}
    assert list(watch(net, "easy", **where))[-1].success
    moment = list(watch(net, "easy", **where))[now["step"]]
    assert moment.actions[now["selected"]] == 1
    heard = moment.attention.mean(0)[now["selected"]]
    loudest = int(heard.argmax())
    assert loudest != now["selected"]
    assert now["hint"] == f"mute car {loudest}, then press Play."
    then = list(watch(net, "easy", **where, changes={now["step"]: [loudest]}))
    assert not then[now["step"] + 1].success


@pytest.mark.long
def test_the_page_s_shorter_numbers_change_nothing() -> None:
    """A stored policy is rounded to 16 bits: the cars decide as before, nearly to the digit."""
    for name in ("commnet-easy", "tarmac-easy", "tarmac-heads"):
        net = catalogue.load_policy(name)
        (short,) = stored_policies((name,))["easy"].values()
        assert short["measured"]["success"] > 0.9
        for episode in range(5):
            ours, theirs = (watch(one, "easy", 0, episode) for one in (net, import_policy(short)))
            for now, then in zip(ours, theirs, strict=True):
                assert (now.routes, now.places) == (then.routes, then.places)
                assert (now.attention - then.attention).abs().max() < 1e-3


def test_the_picture_of_the_readme_is_up_to_date() -> None:
    assert readme.PATH.read_text(encoding="utf-8") == readme.picture(), "python -m marl_edu.widgets"


# ---- env.render ----------------------------------------------------------------------------------


@pytest.mark.parametrize("difficulty", ["easy", "medium", "hard"])
def test_an_environment_can_be_drawn(difficulty: str) -> None:
    env = TrafficJunction(difficulty, 0.9, num_envs=2, seed=1)
    with pytest.raises(RuntimeError, match="reset"):
        env.render()
    env.reset()
    for t in range(env.max_steps):
        root = ET.fromstring(env.render(1))
        texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
        cars = [int(text) for text in texts if text != "crash"]
        assert sorted(cars) == env.alive[1].nonzero().flatten().tolist()
        assert root.attrib["aria-label"] == f"Junction after {t} of {env.max_steps} steps"
        *_, info = env.step(torch.randint(2, (2, env.n_agents)))
        crashed = ET.fromstring(env.render(1)).iter("{http://www.w3.org/2000/svg}text")
        assert ("crash" in [text.text for text in crashed]) == bool(info["collided"][1].any())
    for b in (2, -1):
        with pytest.raises(IndexError, match=rf"b must be an environment in 0..1, got {b}"):
            env.render(b)


# ---- The figure on a page ------------------------------------------------------------------------


class Figure:
    """A figure on an open page, found as its reader finds it."""

    def __init__(self, page: Page, number: int = 0):
        self.page = page
        self.root = page.locator("[data-figure]").nth(number)
        self.get_by_role = self.root.get_by_role

    def slider(self, name: str) -> Any:
        return self.get_by_role("slider", name=name)

    def value(self, name: str) -> str:
        """The text that stands beside a slider."""
        label = f'label:text-is("{name}")'
        return self.root.locator(f".mj-field:has({label}) .mj-value").inner_text()

    def press(self, name: str) -> None:
        self.get_by_role("button", name=name, exact=True).click()

    def team(self, label: str) -> None:
        self.root.locator(".mj-team label", has_text=label).locator("input").check()

    def mute(self, label: str) -> Any:
        labels = self.root.locator(".mj-mute label")
        return labels.get_by_text(label, exact=True).locator("xpath=ancestor-or-self::label/input")

    def listener(self, label: str) -> Any:
        labels = self.root.locator(".mj-listener label")
        return labels.get_by_text(label, exact=True).locator("xpath=ancestor-or-self::label/input")

    def cells(self) -> list[list[str]]:
        rows = self.root.locator(".mj-map tbody tr")
        return [row.locator("td").all_inner_texts() for row in rows.all()]

    def cars(self) -> list[str]:
        return self.root.locator(".mj-car").evaluate_all(
            "all => all.map(one => one.dataset.slot + one.style.transform).sort()"
        )

    @property
    def words(self) -> str:
        return self.root.locator("svg.mj-picture").get_attribute("aria-label")


class Opened(Pages):
    """Opens figures as pages."""

    def __call__(self, *figures: JunctionFigure, **context: Any) -> Figure:
        return Figure(self.page(self.write(*(figures or (figure(),))), **context))


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:  # noqa: F811
    pages = Opened(browser, tmp_path)
    yield pages
    pages.close()


def test_nothing_moves_before_it_is_asked_to(opened: Opened) -> None:
    shown = opened(figure(step=8))
    before = shown.cars()
    shown.page.wait_for_timeout(900)
    assert shown.cars() == before
    assert shown.value("Step") == "8 of 20, episode 1"


def test_play_and_pause(opened: Opened) -> None:
    shown = opened()
    shown.slider("Speed").fill("8")
    shown.press("Play")
    shown.page.wait_for_function("() => document.querySelector('[data-name=step]').value >= 3")
    shown.press("Pause")
    step = shown.slider("Step").input_value()
    shown.page.wait_for_timeout(400)
    assert shown.slider("Step").input_value() == step


def test_an_episode_that_ends_is_counted_once_and_the_next_begins(opened: Opened) -> None:
    shown = opened(figure(team="none"))
    score = shown.root.locator(".mj-score")
    in_the_picture = shown.root.locator(".mj-count")
    assert score.inner_text() == "Episodes without a crash: none played yet"
    assert in_the_picture.text_content().split() == []
    for _ in range(2):
        shown.slider("Step").fill("20")
        shown.slider("Step").fill("3")
    good = int(list(watch(make_net("none"), "easy"))[-1].success)
    assert score.inner_text() == f"Episodes without a crash: {good} of 1"
    assert in_the_picture.text_content().split() == f"{good} of 1 without a crash".split()
    shown.slider("Step").fill("20")
    shown.press("Play")
    shown.page.wait_for_function("() => document.querySelector('.mj-clock').textContent < 'step 2'")
    assert shown.value("Step").endswith("episode 2")


def test_sliders_say_their_value_and_take_the_keyboard(opened: Opened) -> None:
    shown = opened(figure(step=5))
    for name, key, before, after in (
        ("Step", "ArrowRight", "5 of 20, episode 1", "6 of 20, episode 1"),
        ("Step", "Home", "6 of 20, episode 1", "0 of 20, episode 1"),
        ("Arrivals", "ArrowRight", "0.30 per entry and step", "0.35 per entry and step"),
        ("Speed", "ArrowLeft", "2 steps a second", "1.5 steps a second"),
    ):
        assert shown.value(name) == before
        shown.slider(name).focus()
        shown.page.keyboard.press(key)
        assert shown.value(name) == after
        assert shown.slider(name).get_attribute("aria-valuetext") == after
        assert shown.slider(name).get_attribute("data-lm-suppress-shortcuts") == "true"


def test_buttons_step_back_and_forth(opened: Opened) -> None:
    shown = opened(figure(step=6))
    before = shown.cars()
    shown.press("Step")
    assert shown.value("Step").startswith("7 of")
    shown.press("Back")
    assert shown.cars() == before
    shown.press("Next episode")
    assert shown.value("Step") == "0 of 20, episode 2"
    assert shown.get_by_role("button", name="Back").is_disabled()


def test_a_muted_car_is_heard_by_nobody_but_itself(opened: Opened) -> None:
    shown = opened(figure(step=12, arrival=0.9))
    loud = shown.cells()
    others = [i for i in range(5) if i != 1 and loud[i][1]]
    assert len(others) > 1 and all(loud[i][1] != "·" for i in others)
    hollow = shown.root.locator(".mj-car[data-slot='1'] circle[fill='var(--paper)']")
    assert hollow.count() == 0
    shown.mute("1").check()
    quiet = shown.cells()
    assert all(quiet[i][1] == "·" for i in others)
    assert quiet[1][1] not in ("·", "")
    assert hollow.count() == 1
    shown.press("Back")  # it was loud then
    assert not shown.mute("1").is_checked()
    assert shown.cells()[others[0]][1] != "·"
    shown.press("Step")
    assert shown.mute("1").is_checked()
    shown.mute("all").check()
    assert all(
        text in ("·", "")
        for i, row in enumerate(shown.cells())
        for j, text in enumerate(row)
        if i != j
    )


def test_muting_changes_what_happens_from_then_on_only(opened: Opened) -> None:
    shown = opened(figure(step=12, arrival=0.9))
    shown.slider("Step").fill("20")
    end = shown.cars()
    shown.slider("Step").fill("11")
    before = shown.cars()
    shown.slider("Step").fill("12")
    shown.mute("all").check()
    shown.slider("Step").fill("11")
    assert shown.cars() == before
    shown.slider("Step").fill("12")
    shown.mute("all").uncheck()
    shown.slider("Step").fill("20")
    assert shown.cars() == end


def test_numbers_of_the_map_are_those_of_python(opened: Opened) -> None:
    shown = opened(figure(step=12, arrival=0.9))
    moment = list(watch(make_net("tarmac"), "easy", arrival=0.9))[12]
    living = [i for i in range(5) if moment.routes[i] < 2]
    for i, row in enumerate(shown.cells()):
        for j, text in enumerate(row):
            if i in living and j in living:
                assert int(text) == pytest.approx(100 * moment.attention[0, i, j].item(), abs=0.51)
            else:
                assert text == ""


def test_pointing_at_a_car_shows_whom_it_heard(opened: Opened) -> None:
    shown = opened(figure(step=12, arrival=0.9))
    arrows = shown.root.locator(".mj-arrows > g")
    everyone = arrows.count()
    living = [i for i, row in enumerate(shown.cells()) if row[i]]
    car = living[0]
    shown.root.locator(f".mj-car[data-slot='{car}'] text").hover()
    heard = [int(text) for j, text in enumerate(shown.cells()[car]) if j != car and text.isdigit()]
    assert f"Car {car} " in shown.words
    assert arrows.count() == sum(percent >= 5 for percent in heard) < everyone
    shown.page.mouse.move(1, 1)
    assert arrows.count() == everyone
    shown.listener(str(living[1])).check()
    assert f"Car {living[1]} " in shown.words
    shown.root.locator(f".mj-car[data-slot='{car}'] text").click()
    assert shown.listener(str(car)).is_checked()
    shown.page.keyboard.press("Tab")
    shown.listener("all").check()
    shown.page.mouse.move(1, 1)
    assert arrows.count() == everyone


def test_no_arrow_below_five_percent(opened: Opened) -> None:
    shown = opened(figure(step=12, arrival=0.9, team="tarmac"))
    weights = list(watch(make_net("tarmac"), "easy", arrival=0.9))[12].attention[0]
    weights = weights * (1 - torch.eye(5))
    drawn = shown.root.locator(".mj-arrows > g")
    widths = drawn.locator("path[stroke-width]").evaluate_all(
        "all => all.map(one => +one.getAttribute('stroke-width'))"
    )
    assert len(widths) == int((weights >= 0.05).sum())
    assert (weights > 0).sum() > len(widths)
    expected = sorted(1 + 7 * weights[weights >= 0.05].double())
    assert sorted(widths) == pytest.approx([float(w) for w in expected], abs=0.06)


def test_teams_play_the_same_traffic(opened: Opened) -> None:
    shown = opened(figure(step=12, arrival=0.9))
    shown.team("no communication")
    assert shown.value("Step") == "12 of 20, episode 1"
    assert {text for row in shown.cells() for text in row} <= {"·", ""}
    shown.team("CommNet")
    row = next(row for row in shown.cells() if sum(map(bool, row)) > 2)
    heard = {text for text in row if text not in ("·", "")}
    assert heard == {f"{100 / (sum(map(bool, row)) - 1):.0f}"}


def test_many_episodes_at_once(opened: Opened) -> None:
    shown = opened(figure(team="none"))
    shown.press("Play 100 at once")
    shown.page.wait_for_function(
        "() => document.querySelector('.mj-score').textContent.endsWith('of 100')", timeout=30000
    )
    net, good = make_net("none"), 0
    for episode in range(100):
        good += list(watch(net, "easy", 0, episode))[-1].success
    score = shown.root.locator(".mj-score").inner_text()
    assert score == f"Episodes without a crash: {good} of 100"
    assert shown.root.locator(".mj-team label").first.inner_text().endswith("without a crash")
    shown.slider("Arrivals").fill("0.5")  # other conditions, another count
    assert shown.root.locator(".mj-score").inner_text().endswith("none played yet")
    shown.slider("Arrivals").fill("0.3")


def test_an_episode_that_was_changed_midway_counts_and_says_so(opened: Opened) -> None:
    quiet = list(watch(make_net("tarmac"), "easy", arrival=0.9, changes={12: [1]}))
    until = next((moment.step for moment in quiet if not moment.success), quiet[-1].step)
    at = 12 if until > 12 else 0
    shown = opened(figure(step=at, arrival=0.9))
    score = shown.root.locator(".mj-score")
    assert score.inner_text() == "Episodes without a crash: none played yet"
    shown.press("Step")
    shown.mute("1").check()
    shown.slider("Step").fill("20")
    good = 0 if "somebody crashed" in shown.words else 1
    assert score.inner_text() in (
        f"Episodes without a crash: {good} of 1 (with a change midway)",
        "Episodes without a crash: none played yet",  # it had crashed before
    )
    shown.press("Next episode")  # muted from its first step on
    shown.slider("Step").fill("20")
    assert score.inner_text().endswith(("of 1", "of 2 (1 of them with a change midway)"))


def test_what_is_watched_and_pressed_needs_no_unfolding(opened: Opened) -> None:
    page = opened.page(opened.write(figure(step=8)), unfold=False)
    figure_ = Figure(page)
    for name in ("Play", "Step", "Reset"):
        assert figure_.get_by_role("button", name=name, exact=True).is_visible()
    assert figure_.mute("1").is_visible() and not figure_.slider("Speed").is_visible()
    figure_.root.locator("summary").click()
    assert figure_.slider("Speed").is_visible()


def test_reset_restores_the_beginning(opened: Opened) -> None:
    shown = opened(figure(step=9, selected=None, arrival=0.6, muted=[2]))
    before, cells = shown.cars(), shown.cells()
    assert shown.mute("2").is_checked()
    shown.slider("Step").fill("20")
    shown.mute("0").check()
    shown.team("CommNet")
    shown.slider("Arrivals").fill("0.9")
    shown.slider("Speed").fill("8")
    shown.press("Next episode")
    shown.press("Reset")
    assert (shown.cars(), shown.cells()) == (before, cells)
    assert shown.value("Arrivals") == "0.60 per entry and step"
    assert shown.value("Speed") == "2 steps a second"
    assert [shown.mute(str(i)).is_checked() for i in range(5)] == [i == 2 for i in range(5)]


def test_another_junction_keeps_the_focus(opened: Opened) -> None:
    teams = {d: {"none": make_net("none", d)} for d in ("easy", "medium")}
    shown = opened(JunctionFigure(teams, step=9))
    shown.root.locator(".mj-difficulty input").last.check()
    assert shown.value("Step") == "0 of 40, episode 1"
    assert shown.page.evaluate("document.activeElement.value") == "medium"
    assert shown.root.locator(".mj-difficulty").is_visible()
    assert len(shown.cells()) == 10
    shown.slider("Step").fill("40")
    assert shown.cars()


def test_heads_can_be_told_apart(opened: Opened) -> None:
    net = make_net("tarmac-heads")
    shown = opened(JunctionFigure({"easy": {"tarmac": net}}, step=12, arrival=0.9))
    attention = list(watch(net, "easy", arrival=0.9))[12].attention
    i = next(i for i, row in enumerate(shown.cells()) if row[i])
    for choice, weights in (("mean of all", attention.mean(0)), ("3", attention[2])):
        shown.root.locator("select").select_option(choice)
        words = shown.root.locator("caption").inner_text()
        assert ("mean of 4 heads" if choice != "3" else "head 3 of 4") in words
        assert "round 3" in words
        for j, text in enumerate(shown.cells()[i]):
            if text:
                assert int(text) == pytest.approx(100 * weights[i, j].item(), abs=0.51)


def test_a_link_shows_the_moment_it_was_copied_at(opened: Opened) -> None:
    url = opened.write(figure(), figure())
    page = opened.page(url)
    assert "#" not in page.url  # nothing touched yet
    shown = Figure(page, 1)
    shown.slider("Step").fill("7")
    shown.mute("2").check()
    shown.slider("Step").fill("12")
    shown.slider("Arrivals").fill("0.7")
    shown.listener("1").check()
    shown.press("Step")
    link = page.url
    assert link.startswith(f"{url}#junction-1?") and "step=13" in link
    again = Figure(opened.page(link), 1)
    assert again.cars() == shown.cars()
    assert again.cells() == shown.cells()
    assert again.words == shown.words
    assert again.mute("2").is_checked()
    assert again.value("Arrivals") == "0.70 per entry and step"
    assert Figure(again.page, 0).value("Step") == "0 of 20, episode 1"
    # A link within the page does the same.
    page.goto(link.replace("step=13", "step=9"))
    assert shown.value("Step") == "9 of 20, episode 1"


def test_a_link_of_nonsense_does_no_harm(opened: Opened) -> None:
    url = opened.write(figure())
    words = "team=x&difficulty=y&step=99&selected=7&episode=a&seed=-3&changes=0:9:8;;"
    shown = Figure(opened.page(f"{url}#junction-0?{words}"))
    assert shown.value("Step") == "20 of 20, episode 1"
    assert shown.slider("Arrivals").input_value() == "0.3"
    shown.press("Back")


def test_two_figures_on_a_page_leave_each_other_alone(opened: Opened) -> None:
    first = opened(figure(step=3), figure(step=5, team="none"))
    second = Figure(first.page, 1)
    first.press("Step")
    first.team("CommNet")
    first.mute("1").check()
    assert first.value("Step").startswith("4") and second.value("Step").startswith("5")
    assert second.root.locator(".mj-team input").first.is_checked()
    assert not second.mute("1").is_checked()


def test_text_in_the_state_cannot_break_out(opened: Opened) -> None:
    text = "</script><img src=x onerror=alert(1)>"
    shown = opened(figure(hint=text))
    assert text in shown.root.locator(".mj-try").inner_text()
    assert shown.page.locator("img").count() == 0


def test_reduced_motion_is_no_motion(opened: Opened) -> None:
    shown = opened(figure(playing=True), reduced_motion="reduce")
    assert shown.get_by_role("button", name="Play", exact=True).count() == 1
    shown.press("Step")
    moving = shown.root.locator(".mj-picture").evaluate(
        "svg => svg.getAnimations({ subtree: true }).length"
    )
    assert moving == 0


def test_playing_figure_plays(opened: Opened) -> None:
    shown = opened(figure(playing=True))
    moved = "() => document.querySelector('[data-name=step]').value >= 1"
    assert shown.page.wait_for_function(moved).json_value() is True


def test_status_is_spoken_when_it_stands_still(opened: Opened) -> None:
    shown = opened(figure(step=12, arrival=0.9))
    live = shown.root.get_by_role("status")
    shown.page.wait_for_timeout(600)
    assert live.text_content() == shown.words
    shown.slider("Speed").fill("8")
    shown.press("Play")
    said = live.text_content()
    shown.page.wait_for_timeout(500)
    assert live.text_content() == said


def test_without_javascript_there_is_a_picture_and_the_numbers(
    opened: Opened, tmp_path: Path
) -> None:
    store(tmp_path, "none-easy")
    policies = stored_policies(("none-easy",), folder=tmp_path)
    url = opened.write(JunctionFigure(policies, step=8))
    page = opened.page(url, java_script_enabled=False)
    assert page.locator("svg[role=img]").is_visible()
    assert "75.0" in page.locator("table").inner_text()
    assert "Step 8 of 20" in page.locator("figcaption").inner_text()
    assert page.locator("button").count() == 0
    page = opened.page(url)
    assert page.locator("figcaption").count() == 0
    page.emulate_media(media="print")
    assert (
        page.locator(".mj-picture").is_visible() and not page.locator("button").first.is_visible()
    )


@pytest.mark.parametrize("width", [1280, 375])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_open_to_everyone(opened: Opened, theme: str, width: int) -> None:
    nets = {d: {n: make_net(n, d) for n in ("none", "tarmac-heads")} for d in ("easy", "medium")}
    live = JunctionFigure(nets, step=12, selected=None, arrival=0.9, team="tarmac-heads")
    shown = opened(live, viewport={"width": width, "height": 900}, reduced_motion="reduce")
    page = shown.page
    page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
    for change in ("step", "mute", "medium"):
        if change == "mute":
            shown.mute("1").check()
        if change == "medium":
            shown.root.locator(".mj-difficulty input").last.check()
            shown.slider("Step").fill("25")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    unmarked = page.evaluate(
        """() => [...document.querySelectorAll("button, input, select")].filter(one => {
            one.focus({ focusVisible: true });
            return getComputedStyle(one).outlineStyle === "none" && !one.disabled;
        }).map(one => one.outerHTML)"""
    )
    assert unmarked == []


def test_discs_can_be_told_from_the_road() -> None:
    """Numbers on discs have 4.5 : 1; a disc's edge has 3 : 1 on the road, in both themes."""

    def luminance(colour: str) -> float:
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(a: str, b: str) -> float:
        low, high = sorted((luminance(a), luminance(b)))
        return (high + 0.05) / (low + 0.05)

    from marl_edu.envs.drawing import junction

    assert all(contrast(fill, text) >= 4.5 for fill, text in junction.AGENT_COLOURS)
    for theme in (2, 3):
        colours = {name: values[theme] for name, values in junction.COLOURS.items()}
        for ground in ("road", "block", "paper"):
            assert contrast(colours["ink"], colours[ground]) >= 4.5
            assert contrast(colours["bad"], colours[ground]) >= 3


def test_parity_needs_no_rounding(js: Page) -> None:
    values = torch.tensor([1e-38, -3.4e38, 0.1, math.pi, 0.0, -0.0])
    net = make_net("none")
    with torch.no_grad():
        net.policy.weight.view(-1)[:6] = values
    W = js.evaluate("p => [...J.load(p).W['policy.weight']]", export_policy(net))
    flat: Tensor = net.policy.weight.detach().flatten()
    assert torch.equal(torch.tensor(W), flat)
