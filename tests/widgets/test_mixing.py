"""The game that is learned in the page: its gradients and steps are PyTorch's, its ends the stored
runs'."""

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

from marl_edu import results
from marl_edu.algos import iql, qmix, vdn
from marl_edu.envs.games import CLIMBING_GAME, QTRAN_GAME, TWO_STEP_PAYOFFS, MatrixGame
from marl_edu.experiments import catalogue, joint_values
from marl_edu.training import qlearning, team_q
from marl_edu.training.team_replay import TeamBatch
from marl_edu.widgets.mixing.figure import ACCEPTS, EXPLORES, GAMES, METHODS, SETUP, MixingFigure
from marl_edu.widgets.shared.bundle import figure_script
from tests.accessibility import violations
from tests.site.conftest import browser  # noqa: F401  the same browser as the site's tests
from tests.widgets.pages import Pages, functions
from tests.widgets.test_learning import double, drawn, off

__all__ = ["double"]  # a fixture

CASES = 200
ALGORITHMS: dict[str, tuple[Any, Any]] = {  # module, loss
    "iql": (iql, iql.loss),
    "vdn": (vdn, team_q.loss),
    "qmix": (qmix, team_q.loss),
    "owqmix": (qmix, qmix.weighted_loss),
}


@pytest.fixture(scope="module")
def js(browser: Browser) -> Iterator[Page]:  # noqa: F811
    """A page with the functions that learn on it, as `J`."""
    page = functions(browser, "Learner, Net, Team, room, run, shapesOf", "mixing/training.js")
    yield page
    page.close()


def config(method: str, payoff: Any = QTRAN_GAME, **settings: Any) -> Any:
    """Of this method, in a game."""
    own = {"weight": 0.1} if method == "owqmix" else {}
    return ALGORITHMS[method][0].Config(
        env=MatrixGame, env_args={"payoff": payoff}, **{**catalogue.values.GAME, **own, **settings}
    )


def of_an_empty_memory(net: Any, grad: bool = False) -> dict[str, list[float]]:
    """The weights, or their gradients, less those that an empty memory is multiplied with."""
    return {
        name: (torch.as_tensor(one.grad) if grad else one.detach()).flatten().tolist()
        for name, one in net.named_parameters()
        if not name.endswith("weight_hh")
    }


def batch_of(payoff: Tensor, action: Tensor) -> TeamBatch:
    """One-step episodes in which these pairs were played, and paid."""
    E, A = len(action), len(payoff)
    alive = torch.ones(E, 2, 2, dtype=torch.bool)
    alive[:, 1] = False
    return TeamBatch(
        obs=torch.ones(E, 2, 2, 1),
        action=action[:, None],
        reward=payoff[action[:, 0], action[:, 1]][:, None, None].expand(E, 1, 2),
        terminated=torch.ones(E, 1, 2, dtype=torch.bool),
        alive=alive,
        mask=torch.ones(E, 1, dtype=torch.bool),
        available=torch.ones(E, 2, 2, A, dtype=torch.bool),
    )


def shares(action: Tensor, A: int) -> list[float]:
    """How large a part of a batch each pair of actions is."""
    pairs = action[..., 0] * A + action[..., 1]
    return (torch.bincount(pairs.flatten(), minlength=A * A) / pairs.numel()).tolist()


# -- gradients -----------------------------------------------------------------------------------


def test_losses_gradients_and_tables_are_those_of_torch(js: Page, double: None) -> None:
    """Sizes, payoffs, weights and batches by chance; also of pairs that nobody has tried."""
    torch.manual_seed(0)
    cases, expected = [], []
    for case in range(CASES):
        method = METHODS[case % 4]
        module, loss = ALGORITHMS[method]
        A, D, H = drawn(2, 3), drawn(1, 9), drawn(1, 7)
        weight = (0.1, 0.5, 0.9)[case % 3]
        mixes = {"mixing_dim": H} | ({"weight": weight} if method == "owqmix" else {})
        payoff = 10 * torch.randn(A, A)
        cfg = module.Config(env=MatrixGame, hidden_dim=D, **(mixes if module is qmix else {}))
        env = MatrixGame(payoff, num_envs=1)
        net = module.build(cfg, env)
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.copy_(torch.randn_like(parameter))
        action = torch.randint(A, (drawn(1, 12), 2))
        total, _ = loss(net, net, batch_of(payoff, action), cfg)
        total.backward()
        q = net.agent(torch.ones(1, 2, 1), net.start(1, 2))[0][0].detach()
        table = joint_values.matrix_game(net, env) if method != "iql" else torch.zeros(0)
        cases.append(
            {
                "shape": {"method": method, "A": A, "D": D, "H": H},
                "weights": of_an_empty_memory(net),
                "payoff": payoff.flatten().tolist(),
                "share": shares(action, A),
                "weight": weight,
            }
        )
        expected.append((total.detach(), q, table, of_an_empty_memory(net, grad=True)))
    found = js.evaluate(
        """cases => cases.map(({ shape, weights, payoff, share, weight }) => {
            const [W, G] = [0, 1].map(() => J.room(J.shapesOf(shape)));
            for (const [name, values] of Object.entries(weights)) W.named[name].set(values);
            const net = new J.Net(shape, W.named, G.named);
            net.forward();
            const loss = net.learn(payoff, Float64Array.from(share), weight);
            const gradients = Object.entries(G.named).map(([name, g]) => [name, [...g]]);
            return [loss, [...net.agent.values.Y], [...net.mixer?.total ?? []],
                Object.fromEntries(gradients)];
        })""",
        cases,
    )
    for (loss, q, table, gradients), theirs in zip(expected, found, strict=True):
        assert theirs[0] == pytest.approx(loss.item(), rel=1e-5)
        assert off([theirs[1]], [q]) <= 1e-5
        assert theirs[2] == pytest.approx(table.flatten().tolist(), rel=1e-5, abs=1e-4)
        assert list(theirs[3]) == list(gradients)
        assert off(theirs[3].values(), gradients.values()) <= 1e-5


# -- a hundred updates ---------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_a_hundred_updates_are_those_of_torch(js: Page, double: None, method: str) -> None:
    """From the same weights and batches, with a rate that anneals and a gradient that is cut: the
    same losses, and the same weights at the end."""
    module, loss = ALGORITHMS[method]
    cfg = config(method, CLIMBING_GAME, updates=100, max_grad_norm=3.0, seed=5, lr=0.01)
    nets, start, losses, batches = [], [], [], []

    def build(cfg: Any, env: Any) -> Any:
        torch.manual_seed(1)
        nets.append(module.build(cfg, env))
        start.append(of_an_empty_memory(nets[-1]))
        return nets[-1]

    def watched(net: Any, target: Any, batch: TeamBatch, cfg: Any) -> Any:
        batches.append(shares(batch.action, 3))
        total, row = loss(net, target, batch, cfg)
        losses.append(total.item())
        return total, row

    team_q.train(cfg, build, None, None, watched)
    setup = MixingFigure().setup | {"updates": 100, "max_grad_norm": 3.0}
    choice = {"method": method, "payoff": CLIMBING_GAME, "explore": "all", "weight": 0.1}
    found = js.evaluate(
        """([setup, choice, start, batches]) => {
            const learner = new J.Learner(setup, choice);
            for (const [name, values] of Object.entries(start))
                learner.weights.named[name].set(values);
            learner.sample = () => learner.share.set(batches[learner.updates]);
            const losses = batches.map(() => { J.run(learner.update()); return learner.last; });
            const { weights } = learner;
            return [losses, Object.entries(weights.named).map(([k, one]) => [k, [...one]]),
                learner.rows, learner.played];
        }""",
        [setup, choice | {"lr": cfg.lr, "seed": 5}, start[0], batches],
    )
    assert found[0] == pytest.approx(losses, rel=1e-3)
    end = of_an_empty_memory(nets[0])
    assert [name for name, _ in found[1]] == list(end)
    for name, theirs in found[1]:
        assert off([end[name]], [torch.tensor(start[0][name])]) > 0.01, name  # it has learned
        assert off([theirs], [torch.tensor(end[name])]) <= 1e-3, name
    for k, row in enumerate(found[2]):
        assert row["update"] == 10 * (k + 1)
        assert row["loss"] == pytest.approx(sum(losses[10 * k : 10 * k + 10]) / 10, rel=1e-3)
    assert found[3] == 25 * cfg.num_envs  # four updates a round, as in Python


def test_rounds_exploration_and_replay_are_those_of_the_config(js: Page) -> None:
    """How often games are played, how likely an action at random is, and what is sampled."""
    figure = MixingFigure()
    cfg = config("vdn", **{key: figure.setup[key] for key in EXPLORES}, updates=200)
    setup = figure.setup | {"updates": 200, "capacity": 100}
    found = js.evaluate(
        """setup => {
            const choice = { method: "vdn", payoff: [[1, 0], [0, 0]], explore: "less", weight: 1,
                lr: 0.005, seed: 3 };
            const learner = new J.Learner(setup, choice);
            const rows = [];
            while (learner.updates < 200) {
                const { epsilon } = learner;
                J.run(learner.update());
                rows.push([epsilon, learner.played, learner.held,
                    learner.share.reduce((a, b) => a + b, 0)]);
            }
            return rows;
        }""",
        setup,
    )
    for k, (epsilon, played, held, total) in enumerate(found):
        assert epsilon == pytest.approx(qlearning.epsilon_at(cfg, k / 200))
        assert played == 32 * (k // 4 + 1) and held == min(played, 100)
        assert total == pytest.approx(1)
    figure.close()


# -- what is learned -----------------------------------------------------------------------------


def ends(js: Page, method: str, payoff: Any, explore: str = "all") -> list[Any]:
    """What seeds 1 to 5 get in the end, and the tables that they believe."""
    figure = MixingFigure()
    made = {"method": method, "payoff": payoff, "explore": explore, "weight": 0.1}
    found = js.evaluate(
        """([setup, choice]) => [1, 2, 3, 4, 5].map((seed) => {
            const learner = new J.Learner(setup, { ...choice, seed });
            while (learner.updates < setup.updates) J.run(learner.update());
            return [learner.score(), learner.belief().table];
        })""",
        [figure.setup, made | {"lr": figure.lr}],
    )
    figure.close()
    return [list(one) for one in zip(*found, strict=True)]


@pytest.mark.parametrize("method", METHODS)
def test_qtran_s_game_ends_as_in_the_stored_runs(js: Page, method: str) -> None:
    """What is played, and what is believed: within 0.7 of every stored seed's table or of VDN's
    within 1.5, since both vary with the pairs that the replay holds."""
    got, believed = ends(js, method, QTRAN_GAME)
    assert got == [8 if method == "owqmix" else 0] * 5
    if method == "iql":
        return  # it has no table
    name = "qmix-qtran-weighted" if method == "owqmix" else f"{method}-qtran"
    assert set(results.scores(name, "return").tolist()) == set(got)
    env = MatrixGame(QTRAN_GAME, num_envs=1)
    mean = torch.stack(
        [joint_values.matrix_game(catalogue.load_policy(name, k), env) for k in range(8)]
    ).mean(0)
    for table in believed:
        assert (torch.tensor(table) - mean).abs().max() < (1.5 if method == "vdn" else 0.7)


def test_two_best_pairs_are_mixed_up_by_some_seeds_of_owqmix(js: Page) -> None:
    """As the chapter says; in the climbing game it finds the best pair, and averages play safe."""
    got, _ = ends(js, "owqmix", GAMES["penalty game"])
    assert min(got) == -30
    for method, score in (("owqmix", 11), ("vdn", 5), ("iql", 5)):
        assert ends(js, method, CLIMBING_GAME)[0] == [score] * 5, method


def test_two_actions_are_learned_too(js: Page) -> None:
    """2B of the two-step game: QMIX fits it, VDN fits its least squares; both dare."""
    game = TWO_STEP_PAYOFFS[1]
    for method, table, within in (("qmix", game, 0.1), ("vdn", ((-1.5, 2.5), (2.5, 6.5)), 0.5)):
        got, believed = ends(js, method, game)
        assert got == [8] * 5
        for one in believed:
            assert (torch.tensor(one) - torch.tensor(table)).abs().max() < within, method


def test_runs_side_by_side_are_those_of_each_alone(browser: Browser) -> None:  # noqa: F811
    page = functions(browser, "Desk, Learner, run", "shared/engine.js", "mixing/training.js")
    both = page.evaluate(
        """([setup, payoff]) => {
            const choices = ["qmix", "iql"].map((method) => ({ method, payoff, explore: "less",
                weight: 0.1, lr: 0.005, seed: 2 }));
            const desk = new J.Desk(J.Learner);
            desk.hear({ begin: { number: 1, setup, choices }, until: 80 });
            while (desk.work(5));
            const { runs } = desk.report(false);
            const alone = choices.map((choice) => {
                const learner = new J.Learner(setup, choice);
                while (learner.updates < 80) J.run(learner.update());
                return learner.rows;
            });
            return [runs.map((run) => run.rows), alone, runs.map((run) => run.updates)];
        }""",
        [MixingFigure().setup, QTRAN_GAME],
    )
    assert both[0] == both[1] and both[2] == [80, 80]
    assert both[0][0] != both[0][1]
    page.close()


# -- Python --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"method": "maddpg"}, r"method must be one of .*, got 'maddpg'"),
        ({"weight": 2.0}, "weight must be one of .*, got 2.0"),
        ({"payoff": ((1, 2, 3), (4, 5, 6))}, "payoff must have as many rows as columns"),
        ({"payoff": "1,2;3,x"}, "payoff must have two or three rows and columns of whole numbers"),
        ({"colour": "red"}, "MixingFigure takes no colour"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message):
        MixingFigure(**settings)


def test_it_trains_with_the_settings_of_the_stored_runs() -> None:
    shown = MixingFigure()
    stored = config("qmix")
    assert {key: shown.setup[key] for key in SETUP} == {key: getattr(stored, key) for key in SETUP}
    assert shown.lr == stored.lr and (stored.epsilon, stored.epsilon_end) == (1.0, 1.0)
    assert shown.games[0][1] == "8,-12,-12;-12,0,0;-12,0,0"
    assert len(GAMES) == len(shown.games)
    shown.close()


def test_the_still_picture_has_the_stored_teams() -> None:
    """Their tables, what they play, and what all seeds get."""
    shown = MixingFigure()
    text = html.unescape(shown.to_html())
    picture = ET.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])
    framed = [one for one in picture.iter() if one.get("stroke-width") == "4"]
    assert len(framed) == 3  # a pair each
    assert "VDN gets 0 (n = 8), QMIX gets 0 (n = 8), OW-QMIX gets 8 (n = 8)" in text
    for name, score in (("vdn-qtran", 0), ("qmix-qtran", 0), ("qmix-qtran-weighted", 8)):
        assert set(results.scores(name, "return").tolist()) == {score}
    assert len(text) + len(figure_script("mixing")) < 90_000
    shown.close()


# -- the figure on a page ------------------------------------------------------------------------


class Figure:
    """The figure on an open page, found as its reader finds it."""

    def __init__(self, page: Page):
        self.page = page
        self.root = page.locator("[data-figure=mixing]").first

    def press(self, name: str) -> None:
        self.root.get_by_role("button", name=name, exact=True).click()

    def choose(self, label: str, value: str) -> None:
        self.root.get_by_label(label, exact=True).select_option(value)

    def says(self, words: str | re.Pattern[str]) -> str:
        """What it says, once that has these words in it."""
        status = self.root.locator(".ml-status")
        status.filter(has_text=words).wait_for(timeout=120_000)
        return str(status.text_content())

    def believes(self, number: int = 0) -> list[str]:
        """The cells of a team's table."""
        cells = self.root.locator(".mx-belief").nth(number).locator("tbody td")
        return [str(one) for one in cells.all_text_contents()]


class Opened(Pages):
    """Opens figures as pages."""

    def __call__(self, shown: MixingFigure | None = None, **context: Any) -> Figure:
        context = {"reduced_motion": "reduce"} | context  # it is not paced then
        return Figure(self.page(self.write(shown or MixingFigure()), **context))


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:  # noqa: F811
    pages = Opened(browser, tmp_path)
    yield pages
    pages.close()


def short(**settings: Any) -> MixingFigure:
    """The figure with runs of 120 updates."""
    shown = MixingFigure(**settings)
    shown.setup = shown.setup | {"updates": 120}
    return shown


def test_it_trains_steps_goes_on_and_begins_again(opened: Opened) -> None:
    shown = opened()
    assert shown.says("After 0 of 1,500 updates").count("not trained yet") == 2
    shown.press("Step")
    shown.says("After 1 of 1,500 updates")
    assert len(shown.page.workers) == 1
    step = shown.root.get_by_role("button", name="Step", exact=True)
    step.press("Enter")  # by keyboard it may be pressed again at once
    shown.says("After 2 of 1,500 updates")
    assert step.evaluate("e => e === document.activeElement")
    shown.press("Train")
    words = shown.says("After 1,500 of 1,500 updates")
    assert re.search(r"QMIX plays [BC] with [BC]: expects .*, gets 0\. IQL plays", words)
    assert "Best possible 8, random −4.44." in words
    assert "Train on adds 1,500." in words
    assert shown.root.locator(".ml-curves path[stroke-width='2.5']").count() == 2
    assert shown.root.locator(".ml-curves path[stroke-width='2.5'][stroke-dasharray]").count() == 1
    assert shown.believes()[4] in ("0.0", "−0.0", "0.1", "−0.1")
    assert shown.believes(1) == [""] * 9  # independent learners value no pairs
    own = shown.root.locator(".mx-belief").nth(1).locator(".mx-own").all_text_contents()
    assert len(own) == 6
    shown.press("Train on")
    shown.says("After 3,000 of 3,000 updates")
    shown.choose("The team learns by", "owqmix")
    shown.says("After 0 of 1,500 updates")
    shown.press("Train")
    assert "OW-QMIX plays A with A: expects 8, gets 8." in shown.says("After 1,500 of")
    shown.press("Reset")
    assert "QMIX: not trained yet" in shown.says("After 0 of")


def test_it_is_paced_so_that_it_can_be_seen_and_stops_where_it_is_paused(opened: Opened) -> None:
    shown = opened(reduced_motion="no-preference")
    shown.press("Train")
    shown.says(re.compile(r"After [1-9]\d* of"))
    shown.root.get_by_role("button", name="Pause").click()
    shown.root.get_by_role("button", name="Train", exact=True).wait_for()
    before = shown.says("After")
    shown.page.wait_for_timeout(700)
    assert shown.says("After") == before
    done = int(re.findall(r"After (\d+)", before)[0])
    assert done % 15 == 0 and done < 1500
    shown.press("Step")
    shown.says(f"After {done + 1} of")


def test_payoffs_are_typed(opened: Opened) -> None:
    """Anything that is no whole number in range becomes one."""
    shown = opened(short(beside="nothing"))
    cell = shown.root.get_by_label("payoff of A with B")
    for typed, becomes in (("-3", "-3"), ("500", "99"), ("", "0"), ("2.6", "3")):
        cell.fill(typed)
        cell.press("Enter")
        assert cell.input_value() == becomes
    assert shown.root.get_by_label("Game", exact=True).input_value() == ""  # your own
    assert "Best possible 8" in shown.says("After 0")
    cell.fill("20")
    cell.press("Tab")
    assert "Best possible 20, random" in shown.says("After 0")
    assert "payoff=8,20,-12;-12,0,0;-12,0,0" in shown.page.url
    focused = "document.activeElement.getAttribute('aria-label')"
    assert shown.page.evaluate(focused) == "payoff of A with C"
    shown.choose("Game", "11,-30,0;-30,7,6;0,0,5")
    assert "Best possible 11" in shown.says("After 0")
    assert cell.input_value() == "-30"
    shown.choose("Game", "")  # your own is what stands there
    assert cell.input_value() == "-30"


@pytest.mark.parametrize("how", ["none", "throws"])
def test_without_a_worker_it_trains_in_slices(opened: Opened, how: str) -> None:
    """And comes to the same end as with one."""
    with_one = opened(short())
    with_one.press("Train")
    url = with_one.page.url
    ends = with_one.says("After 120 of 120")
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
    assert without.says("After 120 of 120") == ends
    page.close()


def test_five_seeds_are_a_band(opened: Opened) -> None:
    shown = opened(short(beside="nothing", band="five", explore="less"))
    assert shown.root.get_by_label("Seed", exact=True).is_disabled()
    assert shown.root.get_by_label("OW-QMIX’s weight").is_disabled()
    shown.press("Train")
    assert re.search(r"Seeds 1 to 5 get [−\d]", shown.says("After 120 of 120"))
    assert shown.root.locator(".ml-curves path[opacity]").count() == 1


def test_a_run_whose_numbers_are_none_says_so_and_the_same_can_begin_again(
    js: Page, opened: Opened
) -> None:
    diverged = js.evaluate(
        """([setup, payoff]) => {
            const learner = new J.Learner(setup, { method: "qmix", payoff, explore: "all",
                weight: 1, lr: 0.01, seed: 1 });
            const before = learner.diverged;
            learner.weights.flat[0] = NaN;
            J.run(learner.update());
            return [before, learner.diverged];
        }""",
        [MixingFigure().setup, QTRAN_GAME],
    )
    assert diverged == ["", "numbers"]
    figure = short(beside="nothing")
    figure.setup = figure.setup | {"max_grad_norm": 1e300, "lr_end": 1e308}
    shown = opened(figure)
    shown.press("Train")
    words = shown.says("has diverged (seed 1)")
    assert "Choose a smaller learning rate" in words
    shown.press("Train")
    shown.says("has diverged (seed 1)")


def test_a_link_holds_the_settings(opened: Opened) -> None:
    shown = opened(short())
    shown.choose("The team learns by", "owqmix")
    shown.choose("Beside it", "vdn")
    shown.choose("OW-QMIX’s weight", "0.5")
    shown.choose("They try", "less")
    shown.choose("Runs", "five")
    link = shown.page.url
    for one in ("method=owqmix", "beside=vdn", "weight=0.5", "explore=less", "band=five"):
        assert one in link
    again = Figure(opened.page(link))
    assert again.root.get_by_label("The team learns by").input_value() == "owqmix"
    assert again.root.get_by_label("OW-QMIX’s weight").input_value() == "0.5"
    assert "VDN: not trained yet" in again.says("After 0")


@pytest.mark.parametrize(
    "words, sentence",
    [
        ("seed=99", "seed “99” (it takes 1, 2, 3, 4, 5; kept: 1)"),
        ("method=zzz", "method “zzz” (it takes qmix, vdn, iql, owqmix; kept: qmix)"),
        ("payoff=1,2,3;4,5,6", "payoff “1,2,3;4,5,6” (it takes two or three rows of as many"),
        ("payoff=%22%3E%3Cb%3E", 'payoff “"><b>” (it takes'),
    ],
)
def test_a_damaged_link_gives_a_sentence(opened: Opened, words: str, sentence: str) -> None:
    url = opened.write(short())
    shown = Figure(opened.page(f"{url}#mixing-0?{words}"))
    assert sentence in shown.says("The link asks for")
    shown.press("Step")
    shown.says("After 1 of 120")


def test_without_javascript_picture_and_numbers_are_there(opened: Opened) -> None:
    shown = opened(java_script_enabled=False)
    assert shown.root.locator("svg").count() == 1
    assert "(n = 8); random play −4.44" in shown.root.inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1200])
def test_it_breaks_no_rule_of_accessibility_and_fits_the_screen(
    opened: Opened, theme: str, width: int
) -> None:
    url = opened.write(short(band="five"), theme=theme)
    viewport = {"width": width, "height": 740}
    shown = Figure(opened.page(url, viewport=viewport, reduced_motion="reduce"))
    shown.press("Train")
    shown.says("After 120 of 120")
    assert violations(shown.page) == []
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= width
    bottom = shown.root.get_by_role("button", name="Step").bounding_box()
    assert bottom is not None and bottom["y"] + bottom["height"] <= 684


def test_everything_that_may_be_chosen_trains(js: Page) -> None:
    """Every setting but seeds: some updates, without a number that is none."""
    figure = MixingFigure()
    made = js.evaluate(
        """([setup, accepts, games]) => accepts.method.flatMap((method) =>
            accepts.explore.flatMap((explore) => accepts.weight.flatMap((weight) =>
                games.map(([name, word]) => {
                    const payoff = word.split(";").map((row) => row.split(",").map(Number));
                    const learner = new J.Learner(setup, { method, explore, weight, payoff,
                        lr: 0.1, seed: 1 });
                    while (learner.updates < 12) J.run(learner.update());
                    return learner.diverged;
                }))))""",
        [figure.setup, figure.accepts, figure.games],
    )
    assert len(made) == len(METHODS) * 2 * len(ACCEPTS["weight"]) * len(GAMES)
    assert set(made) == {""}
    figure.close()
