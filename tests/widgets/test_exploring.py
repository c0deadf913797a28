"""The agent that explores in the page: its maze is the environment's, its gradients and steps are
PyTorch's, and seeds 1 to 5 come to what the chapter says."""

import html
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser, Page
from torch import Tensor

from marl_edu.algos import counts, rnd
from marl_edu.envs.baselines.key_door_maze import goal_chances
from marl_edu.envs.key_door_maze import LAYOUTS, KeyDoorMaze
from marl_edu.results import exploration
from marl_edu.training import ppo
from marl_edu.training.bonus import NoBonus
from marl_edu.widgets.exploring.figure import (
    ACCEPTS,
    BONUSES,
    CONFIG,
    SETUP,
    ExploringFigure,
    measured,
    takeaway,
    with_steps,
)
from marl_edu.widgets.shared.bundle import figure_script
from tests.accessibility import violations
from tests.site.conftest import browser  # noqa: F401  the same browser as the site's tests
from tests.widgets.pages import Pages, functions
from tests.widgets.test_learning import double, drawn, off

__all__ = ["double"]  # a fixture

CASES = 200
SMALL = {"updates": 8, "num_envs": 16, "predictor_dim": 16, "feature_dim": 8, "hidden_dim": 16}
SHORT = ExploringFigure().setup | SMALL


@pytest.fixture(scope="module")
def js(browser: Browser) -> Iterator[Page]:  # noqa: F811
    """A page with the functions that learn on it, as `J`."""
    names = (
        "ActorCritic, Distillation, Learner, Running, States, policyShapes, predictorShapes, "
        "room, run, targetShapes"
    )
    page = functions(browser, names, "exploring/training.js")
    yield page
    page.close()


@pytest.fixture(params=[torch.float64, torch.float32], ids=["float64", "float32"])
def within(request: Any) -> Iterator[float]:
    """How far gradients may be apart where PyTorch computes with such numbers."""
    torch.set_default_dtype(request.param)
    yield 1e-5 if request.param is torch.float64 else 1e-4
    torch.set_default_dtype(torch.float32)


def numbers(net: Any, grad: bool = False) -> dict[str, list[float]]:
    """Weights, or the gradients of those that have one."""
    return {
        name: (torch.as_tensor(one.grad) if grad else one.detach()).flatten().tolist()
        for name, one in net.named_parameters()
        if not grad or one.requires_grad
    }


def at_random(net: Any) -> None:
    """Other weights, the biases too."""
    with torch.no_grad():
        for one in net.parameters():
            one.copy_(torch.randn_like(one) / max(one.shape[-1], 1) ** 0.5)


# -- the maze ------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_states_are_those_of_the_environment(js: Page, layout: str) -> None:
    """What is seen on the way, when an episode ends, and how likely random play gets there."""
    torch.manual_seed(0)
    env = KeyDoorMaze(layout, num_envs=40, seed=0, max_steps=400)
    actions = torch.randint(env.n_actions, (400, 40, 1))
    seen, ended = [env.reset()[:, 0]], []
    for action in actions:
        obs, _, terminated, _, _ = env.step(action)
        seen.append(obs[:, 0])
        ended.append(terminated)
    if layout == "small":
        assert ended[-1].any() and not ended[-1].all()
    maze = with_steps(layout)
    states, trails, chance = js.evaluate(
        """([maze, actions]) => {
            const states = new J.States(maze);
            const trails = actions.map((trail) => {
                let s = 0;
                return [0, ...trail.map((a) => (s = states.next[s][a]))];
            });
            const row = (s) => [...states.seen.subarray(s * states.obs, (s + 1) * states.obs)];
            const any = new Float64Array(states.size * states.actions).fill(1 / states.actions);
            return [states.all.map((_, s) => [row(s), states.ends[s]]), trails,
                states.arrival(any, maze.steps)];
        }""",
        [maze, actions[..., 0].T.tolist()],
    )
    for b, trail in enumerate(trails):
        for t, s in enumerate(trail):
            assert states[s][0] == seen[t][b].tolist()
            assert t == 0 or states[s][1] == ended[t - 1][b]
    assert len({tuple(row) for row, _ in states}) == len(states)
    exact = goal_chances(KeyDoorMaze(layout, num_envs=1))[-1]
    assert chance == pytest.approx(exact, rel=1e-9)


# -- gradients -----------------------------------------------------------------------------------


def test_loss_and_gradients_of_the_policy_are_those_of_torch(js: Page, within: float) -> None:
    """Sizes, weights and steps by chance; ratios inside the clip, outside and exactly 1."""
    torch.manual_seed(0)
    cases, expected = [], []
    for case in range(CASES):
        O, A, D = drawn(1, 9), drawn(2, 6), drawn(1, 12)  # noqa: E741
        S, M = drawn(1, 6), drawn(1, 30)
        net = ppo.ActorCritic(O, A, D)
        at_random(net)
        cfg = ppo.Config(
            env=KeyDoorMaze,
            clip_coef=(0.1, 0.2, 0.5)[case % 3],
            ent_coef=(0.0, 0.05, 0.5)[case % 3],
        )
        seen, row = torch.randn(S, O), torch.randint(S, (M,))
        row[0] = S - 1  # rows in a batch are those of states in it
        action = torch.randint(A, (M, 1))
        log_pi = net(seen[row][:, None]).logits.log_softmax(-1)
        chance = log_pi.gather(-1, action[..., None])[..., 0].detach()
        chance = chance + 0.5 * torch.randn(M, 1) * (torch.rand(M, 1) < 0.8)
        advantage, ext, int_ = (torch.randn(M, 1) for _ in range(3))
        there = torch.ones(M, 1, dtype=torch.bool)
        obs = seen[row][:, None]
        batch = ppo.Batch(
            obs,
            action,
            obs,
            chance,
            advantage,
            ext,
            int_,
            there,
            there,
            there[..., None].expand(M, 1, A),
        )
        total, _ = ppo.loss(net, batch, cfg)
        total.backward()
        steps = {"row": row, "action": action, "chance": chance, "advantage": advantage}
        steps |= {"ext": ext, "int": int_}
        cases.append(
            {
                "sizes": {"O": O, "A": A, "D": D},
                "seen": seen.flatten().tolist(),
                "weights": numbers(net),
                "steps": {name: one.flatten().tolist() for name, one in steps.items()},
                "setup": {key: getattr(cfg, key) for key in ("clip_coef", "ent_coef", "vf_coef")},
            }
        )
        expected.append((total.item(), numbers(net, grad=True)))
    found = js.evaluate(
        """cases => cases.map(({ sizes, seen, weights, steps, setup }) => {
            const [W, G] = [0, 1].map(() => J.room(J.policyShapes(sizes)));
            for (const [name, values] of Object.entries(weights)) W.named[name].set(values);
            const S = seen.length / sizes.O;
            const net = new J.ActorCritic(sizes, S + 3, W.named, G.named); // some rows are not used
            net.forward(Float64Array.from([...seen, ...Array(3 * sizes.O).fill(NaN)]), S);
            const loss = net.learn(steps, setup);
            return [loss, Object.fromEntries(Object.entries(G.named).map(([k, g]) => [k, [...g]]))];
        })""",
        cases,
    )
    for (loss, gradients), theirs in zip(expected, found, strict=True):
        assert theirs[0] == pytest.approx(loss, rel=within, abs=within)
        assert list(theirs[1]) == list(gradients)
        assert off(theirs[1].values(), gradients.values()) <= within


def test_loss_and_gradients_of_the_bonus_are_those_of_torch(js: Page, within: float) -> None:
    """Sizes, weights, statistics and what was met by chance; also an entry that never changed."""
    torch.manual_seed(1)
    cases, expected = [], []
    for _ in range(CASES):
        O, W, F = drawn(1, 9), drawn(1, 12), drawn(1, 6)  # noqa: E741
        S, M = drawn(1, 6), drawn(1, 20)
        module = rnd.RandomNetworkDistillation(O, F, W)
        at_random(module)
        module.stats.mean.copy_(torch.randn(O))
        module.stats.var.copy_(torch.rand(O) * (torch.rand(O) < 0.8))
        seen, met = torch.randn(S, O), torch.randint(S, (M,))
        total = module.loss(seen, met, seen[met]).mean()
        total.backward()
        cases.append(
            {
                "sizes": {"O": O, "W": W, "F": F},
                "seen": seen.flatten().tolist(),
                "weights": numbers(module),
                "mean": module.stats.mean.tolist(),
                "spread": module.stats.var.tolist(),
                "share": (torch.bincount(met, minlength=S) / M).tolist(),
            }
        )
        expected.append((total.item(), module.reward(seen, met, seen), numbers(module, grad=True)))
    found = js.evaluate(
        """cases => cases.map(({ sizes, seen, weights, mean, spread, share }) => {
            const learned = J.predictorShapes(sizes);
            const [W, G] = [J.room([...learned, ...J.targetShapes(sizes)]), J.room(learned)];
            for (const [name, values] of Object.entries(weights)) W.named[name].set(values);
            const own = new J.Distillation(sizes, Float64Array.from(seen), W.named, G.named);
            own.stats.mean.set(mean);
            own.stats.spread.set(spread);
            own.look();
            const pays = new Float64Array(share.length);
            own.reward(pays);
            const loss = own.learn(Float64Array.from(share));
            return [loss, [...pays],
                Object.fromEntries(Object.entries(G.named).map(([k, g]) => [k, [...g]]))];
        })""",
        cases,
    )
    for (loss, pays, gradients), theirs in zip(expected, found, strict=True):
        assert theirs[0] == pytest.approx(loss, rel=10 * within, abs=within)
        assert theirs[1] == pytest.approx(pays.tolist(), rel=10 * within, abs=within)
        assert list(theirs[2]) == list(gradients)
        assert off(theirs[2].values(), gradients.values()) <= within


# -- a hundred gradient steps --------------------------------------------------------------------


class Recorded(KeyDoorMaze):
    """The maze in float64."""

    def _get_obs(self) -> Tensor:
        return super()._get_obs().double()


def cell_of(batch: ppo.Rollout) -> Tensor:
    """Where each agent is after each step: the maze says so."""
    assert batch.cell is not None
    return batch.cell


def watched(act: Any, into: list[Any]) -> Any:
    """The same function, which notes what it gives."""

    def call(*given: Any, **more: Any) -> Any:
        into.append(act(*given, **more))
        return into[-1]

    return call


ALGORITHMS: dict[str, Any] = {"rnd": rnd, "counts": counts, "none": None}


@pytest.mark.parametrize("bonus", BONUSES)
def test_a_hundred_gradient_steps_are_those_of_torch(
    js: Page, double: None, monkeypatch: pytest.MonkeyPatch, bonus: str
) -> None:
    """From the same weights, actions and order of samples: the same losses, the same weights of
    policy, critics and predictor, and the same bonus in the end."""
    small: dict[str, Any] = {
        "updates": 25,
        "num_envs": 8,
        "hidden_dim": 12,
        "epochs": 2,
        "minibatches": 2,
    }
    small |= {"lr": 0.003, "lr_bonus": 0.003, "log_every": 1}
    nets: dict[str, Any] = {"predictor_dim": 16, "feature_dim": 8}
    own = nets if bonus == "rnd" else {}
    module = ALGORITHMS[bonus]
    config = module.Config if module else ppo.Config
    cfg = config(env=Recorded, env_args={"layout": "small"}, seed=5, **small, **own)
    made: list[Any] = []
    start: dict[str, list[float]] = {}
    stats: dict[str, Any] = {}
    rounds: list[ppo.Rollout] = []
    orders: list[Tensor] = []
    losses: list[Any] = []

    def make_bonus(cfg: Any, env: Any) -> Any:
        torch.manual_seed(2)
        one: Any = module.bonus(cfg, env) if module else NoBonus()
        made.append(one)
        start.update(numbers(one))
        if bonus == "rnd":
            mean, spread, count = (part.tolist() for part in one.stats.buffers())
            stats.update(mean=mean, spread=spread, count=count)
        return one

    def build(cfg: Any, env: Any) -> Any:
        torch.manual_seed(1)
        made.append(ppo.build(cfg, env))
        start.update(numbers(made[-1]))
        return made[-1]

    for where, name, into in (
        (ppo, "rollout", rounds), (torch, "randperm", orders), (ppo, "loss", losses)
    ):  # fmt: skip
        monkeypatch.setattr(where, name, watched(getattr(where, name), into))
    done = ppo.train(cfg, None, None, make_bonus, build)
    assert len(losses) == 100 and sum(float(one.success.sum()) for one in rounds) > 0
    figure = ExploringFigure()
    setup = figure.setup | small | nets
    figure.close()
    choice = {"bonus": bonus, "maze": "small", "share": cfg.bonus_share, "lr": cfg.lr, "seed": 5}
    actions = [one.action[one.alive].tolist() for one in rounds]
    found = js.evaluate(
        """([setup, choice, start, stats, actions, orders]) => {
            const learner = new J.Learner(setup, choice);
            const { weights, module, pays } = learner;
            for (const [name, values] of Object.entries(start)) weights.named[name].set(values);
            if (stats.mean) {
                module.stats.mean.set(stats.mean);
                module.stats.spread.set(stats.spread);
                module.stats.count = stats.count;
                module.look();
                module.reward(pays);
            }
            let [next, order] = [0, 0];
            learner.act = () => actions[learner.updates][next++];
            learner.shuffle = () => Uint16Array.from(orders[order++]);
            const [losses, errors, taken] = [[], [], []];
            const learn = learner.learn.bind(learner);
            learner.learn = (index) => losses[losses.push(learn(index)) - 1];
            const imitate = learner.imitate.bind(learner);
            learner.imitate = (...given) => errors[errors.push(imitate(...given)) - 1];
            for (const _ of actions) {
                next = 0;
                J.run(learner.update());
                taken.push(learner.taken);
            }
            return [losses, Object.fromEntries(Object.entries(weights.named).map(
                ([k, one]) => [k, [...one]])), errors, taken, learner.rows,
                learner.states.all.map(([cell, key]) => [cell, key])];
        }""",
        [setup, choice, start, stats, actions, [one.tolist() for one in orders]],
    )
    assert found[3] == [len(one) for one in actions]
    assert found[0] == pytest.approx([one.item() for one, _ in losses], rel=1e-3, abs=1e-6)
    end = {name: one for net in made for name, one in numbers(net).items()}
    for name, ours in end.items():
        assert off([found[1][name]], [torch.tensor(ours)]) <= 1e-3, name
        if not name.startswith("target"):  # it has learned
            assert off([ours], [torch.tensor(start[name])]) > 0.01, name
    if bonus == "rnd":
        ours = [row["bonus_loss"] for row in done.rows]
        theirs = [sum(found[2][k : k + 4]) / 4 for k in range(0, 100, 4)]
        assert theirs == pytest.approx(ours, rel=1e-3)
    assert [row["cells"] for row in found[4]] == pytest.approx([r["coverage"] for r in done.rows])
    assert [row["found"] for row in found[4]] == [r["found"] for r in done.rows]
    means = [sum(found[0][k : k + 4]) / 4 for k in range(0, 100, 4)]
    assert [row["loss"] for row in found[4]] == pytest.approx(means)
    cells = torch.cat([cell_of(one)[one.alive] for one in rounds]).bincount(minlength=15).tolist()
    visits = dict.fromkeys(range(15), 0)
    for (cell, _), n in zip(found[5], found[1]["visits"], strict=True):
        visits[cell] += n
    assert list(visits.values()) == cells
    route = [int(s) for s in found[1]["route"] if s >= 0]  # of the first environment, to its end
    last = rounds[-1]
    steps = int(last.alive[0].sum())
    assert [found[5][s][0] for s in route[1:]] == cell_of(last)[0, :steps, 0].tolist()


# -- what is learned -----------------------------------------------------------------------------


@pytest.mark.learning
@pytest.mark.parametrize("bonus", BONUSES)
def test_seeds_1_to_5_come_to_what_was_measured(js: Page, bonus: str) -> None:
    """Counts and most seeds of RND find the goal and learn the way; without a bonus nobody does.
    As in the stored runs, of which RND's solve the maze in eight of ten."""
    figure = ExploringFigure()
    found = js.evaluate(
        """([setup, choice]) => [1, 2, 3, 4, 5].map((seed) => {
            const learner = new J.Learner(setup, { ...choice, seed });
            while (learner.updates < setup.updates) J.run(learner.update());
            J.run(learner.finish());
            return [learner.rows, learner.fresh];
        })""",
        [
            figure.setup,
            {"bonus": bonus, "maze": "standard", "share": figure.share, "lr": figure.lr},
        ],
    )
    figure.close()
    assert [rows[-1]["success"] == fresh for rows, fresh in found] == [True] * 5
    firsts = [next((r["update"] for r in rows if r["found"]), None) for rows, _ in found]
    solved = [
        next((r["update"] for r in rows if r["success"] >= exploration.ENOUGH), None)
        for rows, _ in found
    ]
    stored = measured()
    assert js.context.browser is not None
    if js.context.browser.version == stored["provenance"]["versions"]["chromium"]:
        # Another version may round otherwise, and small differences grow.
        assert [row["found"] for row in stored["runs"][bonus]] == firsts
        assert [row["solved"] for row in stored["runs"][bonus]] == solved
    share = exploration.solved(f"{bonus}-maze")
    solves = sum(fresh >= exploration.ENOUGH for _, fresh in found) / 5
    assert share.low <= solves <= share.high
    random = float(goal_chances(KeyDoorMaze(num_envs=1))[-1])
    assert all(
        (fresh > 1000 * random) == (first is not None)
        for (_, fresh), first in zip(found, firsts, strict=True)
    )


def test_the_takeaway_has_the_numbers_that_were_measured() -> None:
    runs = {bonus: [row["found"] for row in rows] for bonus, rows in measured()["runs"].items()}
    assert all(len(found) == 5 for found in runs.values())
    assert runs["none"] == [None] * 5 and None not in runs["counts"]
    ways = [sorted(n for n in runs[bonus] if n) for bonus in ("rnd", "counts")]
    numbers = [int(n) for n in re.findall(r"\d+", takeaway())]
    expected = [1, 5, *(n for way in ways for n in (len(way), way[0], way[-1])), 0, CONFIG.updates]
    assert numbers == expected


def test_surprise_fades_where_the_agent_has_been(js: Page) -> None:
    """After five rounds arriving where it was often pays little of what it did; where it never was
    it pays more: with counts as much as at the start, with RND less, since learning leaks."""
    figure = ExploringFigure()
    for bonus in ("rnd", "counts"):
        pays, visits, largest = js.evaluate(
            """([setup, choice]) => {
                const learner = new J.Learner(setup, choice);
                while (learner.updates < 5) J.run(learner.update());
                return [[...learner.pays], [...learner.visits], learner.largest];
            }""",
            [
                figure.setup,
                {"bonus": bonus, "maze": "standard", "share": 0.25, "lr": 0.001, "seed": 1},
            ],
        )
        often = [p for p, n in zip(pays, visits, strict=True) if n > 1000]
        never = [p for p, n in zip(pays, visits, strict=True) if n == 0]
        assert len(often) >= 8 and len(never) >= 50, bonus
        assert max(often) < largest / 20 and max(often) < min(never), bonus
        assert min(never) == 1 if bonus == "counts" else max(never) < largest
    figure.close()


def test_runs_side_by_side_are_those_of_each_alone(browser: Browser) -> None:  # noqa: F811
    page = functions(browser, "Desk, Learner, run", "shared/engine.js", "exploring/training.js")
    both = page.evaluate(
        """setup => {
            const choices = ["rnd", "none"].map((bonus) => ({ bonus, maze: "small", share: 0.25,
                lr: 0.001, seed: 2 }));
            const desk = new J.Desk(J.Learner);
            desk.hear({ begin: { number: 1, setup, choices }, until: 6 });
            while (desk.work(5));
            const { runs } = desk.report(false);
            const alone = choices.map((choice) => {
                const learner = new J.Learner(setup, choice);
                while (learner.updates < 6) J.run(learner.update());
                return learner.rows;
            });
            return [runs.map((run) => run.rows), alone, runs.map((run) => run.updates)];
        }""",
        SHORT,
    )
    assert both[0] == both[1] and both[2] == [6, 6]
    assert both[0][0] != both[0][1]
    page.close()


# -- Python --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"bonus": "praise"}, r"bonus must be one of .*, got 'praise'"),
        ({"maze": "endless"}, "maze must be one of .*, got 'endless'"),
        ({"share": 2.0}, "share must be one of .*, got 2.0"),
        ({"seed": 6}, r"seed must be one of \[1, 2, 3, 4, 5\], got 6"),
        ({"colour": "red"}, "ExploringFigure takes no colour"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message):
        ExploringFigure(**settings)


def test_it_trains_with_the_settings_of_the_stored_runs() -> None:
    shown = ExploringFigure()
    assert {key: shown.setup[key] for key in SETUP} == {key: getattr(CONFIG, key) for key in SETUP}
    assert rnd.Config() == CONFIG
    assert (shown.lr, shown.share) == (CONFIG.lr, CONFIG.bonus_share)
    assert shown.setup["mazes"]["standard"]["steps"] == KeyDoorMaze(num_envs=1).max_steps
    shown.close()


def test_the_still_picture_has_the_stored_numbers() -> None:
    shown = ExploringFigure()
    text = html.unescape(shown.to_html())
    picture = ET.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])
    assert len([one for one in picture.iter() if one.get("opacity")]) == 3  # bands
    for name, label in (("rnd", "RND"), ("counts", "counts"), ("none", "no bonus")):
        found = exploration.solved(f"{name}-maze")
        words = f"{label} {round(found.value * found.n)} of {found.n}"
        assert words in picture.attrib["aria-label"]
        assert any((one.tail or "").strip() == words for one in picture.iter("tspan")), words
    assert len(text) + len(figure_script("exploring")) < 90_000
    shown.close()


# -- the figure on a page ------------------------------------------------------------------------


class Figure:
    """The figure on an open page, found as its reader finds it."""

    def __init__(self, page: Page):
        self.page = page
        self.root = page.locator("[data-figure=exploring]").first

    def press(self, name: str) -> None:
        self.root.get_by_role("button", name=name, exact=True).click()

    def choose(self, label: str, value: str) -> None:
        self.root.get_by_label(label, exact=True).select_option(value)

    def says(self, words: str | re.Pattern[str]) -> str:
        """What it says, once that has these words in it."""
        status = self.root.locator(".ml-status")
        status.filter(has_text=words).wait_for(timeout=120_000)
        return str(status.text_content())


class Opened(Pages):
    """Opens figures as pages."""

    def __call__(self, shown: ExploringFigure | None = None, **context: Any) -> Figure:
        context = {"reduced_motion": "reduce"} | context  # it is not paced then
        return Figure(self.page(self.write(shown or ExploringFigure()), **context))


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:  # noqa: F811
    pages = Opened(browser, tmp_path)
    yield pages
    pages.close()


def short(**settings: Any) -> ExploringFigure:
    """The figure with runs that take a second."""
    shown = ExploringFigure(**settings)
    shown.setup = shown.setup | SMALL
    return shown


def test_it_trains_steps_goes_on_and_begins_again(opened: Opened) -> None:
    shown = opened(short())
    assert shown.says("After 0 of 8 updates").count("not trained yet") == 2
    shown.press("Step")
    shown.says("After 1 of 8 updates")
    assert len(shown.page.workers) == 1
    step = shown.root.get_by_role("button", name="Step", exact=True)
    step.press("Enter")  # by keyboard it may be pressed again at once
    shown.says("After 2 of 8 updates")
    assert step.evaluate("e => e === document.activeElement")
    shown.press("Train")
    words = shown.says("After 8 of 8 updates")
    assert re.search(r"RND: \d+\s% of the cells seen, the goal not found\. No bonus: \d+\s%", words)
    assert "Random play: 1 episode in 72,000,000." in words
    assert shown.root.locator(".ml-curves path[stroke-width='2.5']").count() == 2
    assert shown.root.locator(".me-maps svg").count() == 4
    shown.press("Train on")
    shown.says("After 16 of 16 updates")
    shown.choose("It is paid by", "counts")
    assert "Counts: not trained yet" in shown.says("After 0 of 8 updates")
    shown.press("Train")
    shown.says("After 8 of 8")
    shown.press("Reset")
    assert "RND: not trained yet" in shown.says("After 0 of")


def test_the_goal_is_found_in_the_small_maze(opened: Opened) -> None:
    """In which random play finds it, too; the numbers are those of the run."""
    shown = opened(short(maze="small", bonus="counts", beside="nothing"))
    shown.press("Train")
    words = shown.says("After 8 of 8")
    assert re.search(r"Counts: 100\s% of the cells seen, the goal found by update \d;", words)
    assert "Random play: 1 episode in 56." in words


def test_it_stops_where_it_is_paused(opened: Opened) -> None:
    shown = opened(ExploringFigure(bonus="counts", beside="nothing"))
    shown.press("Train")
    shown.says(re.compile("After [1-9]"))
    shown.root.get_by_role("button", name="Pause").click()
    shown.root.get_by_role("button", name="Train", exact=True).wait_for()
    shown.page.wait_for_timeout(300)
    before = shown.says("After")
    shown.page.wait_for_timeout(500)
    assert shown.says("After") == before
    done = int(re.findall(r"After (\d+)", before)[0])
    assert 0 < done < 150
    shown.press("Step")
    shown.says(f"After {done + 1} of")


def test_maps_show_surprise_or_visits_of_the_run_that_is_under_way(opened: Opened) -> None:
    """The other maps start no new run. Without a bonus there is no surprise to show."""
    shown = opened(short())
    titles = shown.root.locator(".me-maps p")
    assert titles.all_text_contents() == ["RND: surprise", "No bonus: visits"]
    before = shown.root.locator(".me-maps figcaption").all_text_contents()
    assert before[1].endswith("to 100\u00a0%") and before[2:] == [
        "before the key: 0 to 0",
        "with the key: 0 to 0",
    ]
    cells = ".me-maps section:first-of-type figure:first-of-type g rect"
    dark = f"[...document.querySelectorAll('{cells}')].map((one) => one.getAttribute('fill'))"
    fills = shown.page.evaluate(dark)
    shown.press("Train")
    shown.says("After 8 of 8")
    after = shown.page.evaluate(dark)
    light = [int(re.findall(r"\d+", one)[0]) for one in after]  # how red: the lightest is yellow
    assert sum(light) > sum(int(re.findall(r"\d+", one)[0]) for one in fills)
    assert shown.root.locator(".me-maps path[stroke-linecap]").first.get_attribute("d")
    shown.choose("The maps show", "visits")
    assert titles.all_text_contents() == ["RND: visits", "No bonus: visits"]
    shown.says("After 8 of 8")
    assert "map=visits" in shown.page.url
    most = shown.root.locator(".me-maps figcaption").first.text_content()
    assert int(str(most).rpartition(" ")[2].replace(",", "")) > 100


@pytest.mark.parametrize("how", ["none", "throws"])
def test_without_a_worker_it_trains_in_slices(opened: Opened, how: str) -> None:
    """And comes to the same end as with one."""
    with_one = opened(short())
    with_one.press("Train")
    url = with_one.page.url
    ends = with_one.says("After 8 of 8")
    page = opened.browser.new_page(reduced_motion="reduce")
    page.add_init_script(
        {
            "none": "delete window.Worker",
            "throws": "window.Worker = class { constructor() { throw new Error('no') } }",
        }[how]
    )
    page.goto(url)
    without = Figure(page)
    without.press("Train")
    assert without.says("After 8 of 8") == ends
    page.close()


def test_five_seeds_are_a_band(opened: Opened) -> None:
    shown = opened(short(bonus="none", beside="nothing", band="five"))
    assert shown.root.get_by_label("Seed", exact=True).is_disabled()
    assert shown.root.get_by_label("Predictor learns from").is_disabled()
    shown.press("Train")
    words = shown.says("After 8 of 8")
    assert "No bonus: 0 of 5 seeds have found the goal; 0 reach it in 90\u00a0% of" in words
    assert shown.root.locator(".ml-curves path[opacity]").count() == 1


def test_a_run_whose_numbers_are_none_says_so_and_the_same_can_begin_again(
    js: Page, opened: Opened
) -> None:
    diverged = js.evaluate(
        """setup => {
            const learner = new J.Learner(setup, { bonus: "rnd", maze: "small", share: 0.25,
                lr: 0.001, seed: 1 });
            const before = learner.diverged;
            learner.weights.flat[0] = NaN;
            J.run(learner.update());
            return [before, learner.diverged];
        }""",
        SHORT,
    )
    assert diverged == ["", "numbers"]
    figure = short(beside="nothing")
    figure.setup = figure.setup | {"ext_coef": 1e300, "vf_coef": 1e300}
    shown = opened(figure)
    shown.press("Train")
    words = shown.says("has diverged (seed 1)")
    assert "Choose a smaller learning rate" in words
    shown.press("Train")
    shown.says("has diverged (seed 1)")


def test_a_link_holds_the_settings(opened: Opened) -> None:
    shown = opened(short())
    shown.choose("It is paid by", "counts")
    shown.choose("Beside it", "rnd")
    shown.choose("Predictor learns from", "0.0625")
    shown.choose("Learning rate", "0.003")
    shown.choose("Maze", "small")
    shown.choose("Runs", "five")
    link = shown.page.url
    for one in (
        "bonus=counts",
        "beside=rnd",
        "share=0.0625",
        "lr=0.003",
        "maze=small",
        "band=five",
    ):
        assert one in link
    again = Figure(opened.page(link))
    assert again.root.get_by_label("It is paid by").input_value() == "counts"
    assert again.root.get_by_label("Predictor learns from").input_value() == "0.0625"
    assert "RND: not trained yet" in again.says("After 0")


@pytest.mark.parametrize(
    "words, sentence",
    [
        ("seed=99", "seed “99” (it takes 1, 2, 3, 4, 5; kept: 1)"),
        ("bonus=zzz", "bonus “zzz” (it takes rnd, counts, none; kept: rnd)"),
        ("maze=__proto__", "maze “__proto__” (it takes standard, small; kept: standard)"),
        ("lr=%22%3E%3Cb%3E", 'lr “"><b>” (it takes'),
    ],
)
def test_a_damaged_link_gives_a_sentence(opened: Opened, words: str, sentence: str) -> None:
    url = opened.write(short())
    shown = Figure(opened.page(f"{url}#exploring-0?{words}"))
    assert sentence in shown.says("The link asks for")
    shown.press("Step")
    shown.says("After 1 of 8")


def test_without_javascript_picture_and_numbers_are_there(opened: Opened) -> None:
    shown = opened(java_script_enabled=False)
    assert shown.root.locator("svg").count() == 1
    assert "RND 8 of 10, counts 10 of 10, no bonus 0 of 10" in shown.root.inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1200])
def test_it_breaks_no_rule_of_accessibility_and_fits_the_screen(
    opened: Opened, theme: str, width: int
) -> None:
    url = opened.write(short(band="five"), theme=theme)
    viewport = {"width": width, "height": 740}
    shown = Figure(opened.page(url, viewport=viewport, reduced_motion="reduce"))
    shown.press("Train")
    shown.says("After 8 of 8")
    assert violations(shown.page) == []
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= width
    for picture in shown.root.locator(".me-maps svg").all():
        box = picture.bounding_box()
        assert box is not None and box["x"] + box["width"] <= width
    bottom = shown.root.get_by_role("button", name="Step").bounding_box()
    assert bottom is not None and bottom["y"] + bottom["height"] <= 684


def test_everything_that_may_be_chosen_trains(js: Page) -> None:
    """Every setting but seeds: some updates, without a number that is none."""
    figure = ExploringFigure()
    made = js.evaluate(
        """([setup, accepts]) => accepts.bonus.flatMap((bonus) => accepts.maze.flatMap((maze) =>
            accepts.share.flatMap((share) => accepts.lr.map((lr) => {
                const learner = new J.Learner(setup, { bonus, maze, share, lr, seed: 1 });
                while (learner.updates < 3) J.run(learner.update());
                return learner.diverged;
            }))))""",
        [SHORT, figure.accepts],
    )
    assert len(made) == 3 * 2 * len(ACCEPTS["share"]) * len(ACCEPTS["lr"])
    assert set(made) == {""}
    figure.close()
