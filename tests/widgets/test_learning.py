"""The team that learns in the page: its gradients, its steps and its questions are PyTorch's."""

import html
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser, Page
from torch import Tensor, nn

from marl_edu import results
from marl_edu.algos import commnet, tarmac
from marl_edu.algos.commnet import MeanOfOthers
from marl_edu.algos.tarmac import TargetedAttention
from marl_edu.core import ops
from marl_edu.core.ops import masked_softmax, mean_of_others
from marl_edu.envs import SpeakerProbe
from marl_edu.experiments.catalogue.communication import probe
from marl_edu.training import a2c
from marl_edu.widgets.learning.figure import SETUP, LearningFigure
from marl_edu.widgets.shared.bundle import figure_script
from marl_edu.widgets.shared.draws import uniforms
from tests.accessibility import violations
from tests.site.conftest import browser  # noqa: F401  the same browser as the site's tests
from tests.widgets.pages import Pages, functions

CASES = 210
TALKS = ("attention", "mean", "nobody")


@pytest.fixture(scope="module")
def js(browser: Browser) -> Iterator[Page]:  # noqa: F811
    """A page with the functions that learn on it, as `J`."""
    names = "Adam, Attention, Learner, MeanOfOthers, Pass, Questions, room, run, shapesOf, uniforms"
    page = functions(browser, names, "learning/training.js")
    yield page
    page.close()


@pytest.fixture
def double() -> Iterator[None]:
    """PyTorch computes in float64, as JavaScript does."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def off(theirs: Any, ours: Any) -> float:
    """How far apart two gradients are, of all that has one: max |g - g'| / max |g|."""
    g = torch.cat([torch.as_tensor(one).flatten() for one in ours])
    found = torch.cat([torch.tensor(one, dtype=torch.float64) for one in theirs])
    return float((found - g).abs().max() / (g.abs().max() or 1.0))


def drawn(low: int, high: int) -> int:
    """A whole number between two others, at random."""
    return int(torch.randint(low, high + 1, ()))


def team(talk: str, O: int, A: int, D: int, H: int, d_k: int, d_v: int) -> a2c.ActorCritic:  # noqa: E741
    """The network that Python trains."""
    made: dict[str, Any] = {
        "attention": lambda: TargetedAttention(D, H, d_k, d_v),
        "mean": lambda: MeanOfOthers(D),
        "nobody": a2c.NoCommunication,
    }
    return a2c.ActorCritic(O, A, D, made[talk]())


def of_an_empty_memory(net: nn.Module, grad: bool = False) -> dict[str, list[float]]:
    """The weights, or their gradients, less those that an empty memory is multiplied with."""
    return {
        name: (torch.as_tensor(one.grad) if grad else one.detach()).flatten().tolist()
        for name, one in net.named_parameters()
        if name not in ("recall.weight", "memory.weight_hh")
    }


# -- gradients -----------------------------------------------------------------------------------


def test_gradients_of_the_network_are_those_of_torch(js: Page, double: None) -> None:
    """Sizes, numbers of heads and who is dead by chance; a team of the dead is among them."""
    torch.manual_seed(0)
    cases, expected = [], []
    for case in range(CASES):
        talk = TALKS[case % 3]
        B, N, A = drawn(1, 4), drawn(1, 7), drawn(2, 5)
        O, D = drawn(1, 9), drawn(1, 9)  # noqa: E741
        H, d_k, d_v = drawn(1, 3), drawn(1, 5), drawn(1, 5)
        net = team(talk, O, A, D, H, d_k, d_v)
        with torch.no_grad():
            for weight in net.parameters():
                weight.copy_(torch.randn_like(weight))
        obs, alive = torch.randn(B, N, O), torch.rand(B, N) < (0.7, 1.0, 0.0)[case % 7 % 3]
        u, w = torch.randn(B, N, A), torch.randn(B, N)
        step = net(obs, net.start(B, N), alive)
        value = net.centralised_value(step.h, alive)
        ((step.logits * u).sum() + (value * w).sum()).backward()
        shape = {"talk": talk, "N": N, "O": O, "D": D, "A": A}
        shape |= {"heads": H, "signature": d_k, "value": d_v}
        tensors = {"obs": obs, "alive": alive.long(), "dLogits": u, "dValue": w}
        given = {name: one.flatten().tolist() for name, one in tensors.items()}
        cases.append({"shape": shape, "envs": B, "weights": of_an_empty_memory(net), **given})
        expected.append((step.logits.detach(), value.detach(), of_an_empty_memory(net, grad=True)))
    found = js.evaluate(
        """cases => cases.map(({ shape, envs, weights, ...given }) => {
            const [W, G] = [0, 1].map(() => J.room(J.shapesOf(shape)));
            for (const [name, values] of Object.entries(weights)) W.named[name].set(values);
            const pass = new J.Pass(shape, W.named, G.named, envs);
            for (const [name, values] of Object.entries(given)) pass[name].set(values);
            J.run(pass.forward());
            J.run(pass.backward());
            const gradients = Object.entries(G.named).map(([name, g]) => [name, [...g]]);
            return [[...pass.logits], [...pass.values], Object.fromEntries(gradients)];
        })""",
        cases,
    )
    for (logits, value, gradients), theirs in zip(expected, found, strict=True):
        assert off(theirs[:2], (logits, value)) <= 1e-5
        assert list(theirs[2]) == list(gradients)
        assert off(theirs[2].values(), gradients.values()) <= 1e-5


def test_gradients_of_masked_attention_are_those_of_torch(js: Page, double: None) -> None:
    """Any mask: also of receivers who may hear nobody, to whom nothing comes back."""
    torch.manual_seed(1)
    cases, expected = [], []
    for _ in range(CASES):
        B, N, H, d_k, d_v = drawn(1, 4), drawn(1, 6), drawn(1, 3), drawn(1, 5), drawn(1, 5)
        q, k = (3 * torch.randn(B, N, H, d_k, requires_grad=True) for _ in range(2))
        v = torch.randn(B, N, H, d_v, requires_grad=True)
        mask, back = torch.rand(B, N, N) < 0.6, torch.randn(B, N, H, d_v)
        scores = torch.einsum("bihd,bjhd->bhij", q, k) / d_k**0.5
        heard = torch.einsum("bhij,bjhd->bihd", masked_softmax(scores, mask[:, None]), v)
        gradients = torch.autograd.grad((heard * back).sum(), (q, k, v))
        numbers = {"Q": q, "K": k, "V": v, "mask": mask.long(), "back": back}
        given = {name: one.flatten().tolist() for name, one in numbers.items()}
        cases.append({"sizes": (B, N, H, d_k, d_v), **given})
        expected.append((heard.detach(), *gradients))
    found = js.evaluate(
        """cases => cases.map(({ sizes, Q, K, V, mask, back }) => {
            const layer = new J.Attention(...sizes);
            const [q, k, v, dC] = [Q, K, V, back].map((one) => Float64Array.from(one));
            const heard = [...layer.forward(q, k, v, Uint8Array.from(mask))];
            layer.backward(dC);
            return [heard, ...[layer.dQ, layer.dK, layer.dV].map((one) => [...one])];
        })""",
        cases,
    )
    for ours, theirs in zip(expected, found, strict=True):
        assert off(theirs[:1], ours[:1]) <= 1e-5 and off(theirs[1:], ours[1:]) <= 1e-5


def test_gradients_of_the_mean_are_those_of_torch(js: Page, double: None) -> None:
    torch.manual_seed(2)
    cases, expected = [], []
    for _ in range(CASES):
        B, N, D = drawn(1, 4), drawn(1, 6), drawn(1, 5)
        z, mask = torch.randn(B, N, D, requires_grad=True), torch.rand(B, N, N) < 0.6
        back = torch.randn(B, N, D)
        heard, _ = mean_of_others(z, mask)
        gradient = torch.autograd.grad((heard * back).sum(), z)[0]
        numbers = {"z": z, "mask": mask.long(), "back": back}
        given = {name: one.flatten().tolist() for name, one in numbers.items()}
        cases.append({"sizes": (B, N, D), **given})
        expected.append((heard.detach(), gradient))
    found = js.evaluate(
        """cases => cases.map(({ sizes, z, mask, back }) => {
            const layer = new J.MeanOfOthers(...sizes);
            const heard = [...layer.forward(Float64Array.from(z), Uint8Array.from(mask))];
            return [heard, [...layer.backward(Float64Array.from(back))]];
        })""",
        cases,
    )
    for ours, theirs in zip(expected, found, strict=True):
        assert off(theirs[:1], ours[:1]) <= 1e-5 and off(theirs[1:], ours[1:]) <= 1e-5


def test_adam_is_torch_s_with_a_gradient_that_is_cut(js: Page, double: None) -> None:
    torch.manual_seed(3)
    weight = torch.randn(7, requires_grad=True)
    start, gradients = weight.tolist(), 4 * torch.randn(20, 7)
    optimizer = torch.optim.Adam([weight], lr=0.1)
    for lr, gradient in zip(torch.linspace(0.1, 0.01, 20).tolist(), gradients, strict=True):
        optimizer.param_groups[0]["lr"] = lr
        weight.grad = gradient.clone()
        nn.utils.clip_grad_norm_([weight], 10.0)
        optimizer.step()
    found = js.evaluate(
        """([start, gradients]) => {
            const [weights, adam] = [Float64Array.from(start), new J.Adam(start.length)];
            gradients.forEach((g, k) => {
                const lr = 0.1 + (0.01 - 0.1) * k / (gradients.length - 1);
                adam.step(weights, Float64Array.from(g), lr, 10);
            });
            return [...weights];
        }""",
        [start, gradients.tolist()],
    )
    assert off([found], [weight.detach()]) <= 1e-9


# -- a hundred updates ---------------------------------------------------------------------------


class Recorded(SpeakerProbe):
    """The probe, and what it dealt, in float64."""

    def _reset(self) -> None:
        super()._reset()
        DEALT.append([one.flatten().tolist() for one in (self.colour, self.symbol, self.asked)])

    def _get_obs(self) -> Tensor:
        return super()._get_obs().double()


DEALT: list[Any] = []
ALGORITHMS = {"attention": tarmac, "mean": commnet, "nobody": a2c}


@pytest.mark.parametrize("talk", TALKS)
def test_a_hundred_updates_are_those_of_torch(
    js: Page, double: None, monkeypatch: pytest.MonkeyPatch, talk: str
) -> None:
    """From the same weights, questions and answers, with a rate and an entropy that anneal, a
    gradient that is cut and two heads: the same losses, and the same weights at the end."""
    algorithm, talks = ALGORITHMS[talk], {"attention": {"heads": 2, "value_dim": 6}}
    cfg = algorithm.Config(
        **{**probe(2), "env": Recorded, "updates": 100, "num_envs": 16, "hidden_dim": 12},
        **talks.get(talk, {}), seed=5, lr=0.01, max_grad_norm=0.3, log_every=10,
    )  # fmt: skip
    actions: list[Tensor] = []
    losses: list[Any] = []
    nets, start = [], []

    def watched(act: Any, into: list[Any]) -> Any:
        def call(*given: Any, **more: Any) -> Any:
            into.append(act(*given, **more))
            return into[-1]

        return call

    def build(cfg: Any, env: Any) -> Any:
        torch.manual_seed(1)
        nets.append(algorithm.build(cfg, env))
        start.append(of_an_empty_memory(nets[0]))
        return nets[0]

    DEALT.clear()
    monkeypatch.setattr(a2c, "act", watched(ops.act, actions))
    monkeypatch.setattr(a2c, "loss", watched(a2c.loss, losses))
    a2c.train(cfg, None, None, build)
    setup = {key: getattr(cfg, key) for key in SETUP} | {"symbols": 4}
    choice = {"talk": talk, "distractors": 2, "lr": cfg.lr, "seed": 5, "heads": 2}
    found = js.evaluate(
        """([setup, choice, start, dealt, actions]) => {
            const learner = new J.Learner(setup, choice);
            for (const [name, values] of Object.entries(start))
                learner.weights.named[name].set(values);
            const { questions, shape: { N } } = learner;
            let now;
            questions.deal = () => {
                ["colour", "symbol", "asked"].forEach((key, k) => questions[key].set(now[k]));
                questions.answer.forEach((_, i, all) => {
                    all[i] = questions.symbol[i - i % N + questions.asked[i]];
                });
            };
            const act = learner.act.bind(learner);
            learner.act = (part) => {
                act(part);
                const { rows } = learner.passes[part];
                const own = actions[learner.updates].slice(part * rows, (part + 1) * rows);
                learner.actions.set(own, part * rows);
            };
            const losses = dealt.map((one) => {
                now = one;
                J.run(learner.update());
                return [learner.last.loss, learner.last.entropy, learner.last.success];
            });
            const { weights } = learner;
            return [losses, Object.entries(weights.named).map(([k, one]) => [k, [...one]]),
                learner.rows];
        }""",
        [setup, choice | {"signature": 16, "value": 6}, start[0], DEALT,
         [one.flatten().tolist() for one in actions]],
    )  # fmt: skip
    ours = [(total.item(), row["entropy"]) for total, row in losses]
    for (loss, entropy), theirs in zip(ours, found[0], strict=True):
        assert theirs[:2] == pytest.approx([loss, entropy], rel=1e-3)
    end = of_an_empty_memory(nets[0])
    still = {
        "communicate.W_k.bias"
    }  # it adds the same to all scores, of which a softmax knows none
    for name in end.keys() - still:  # the others have learned something
        assert off([end[name]], [torch.tensor(start[0][name])]) > 0.01, name
    assert [name for name, _ in found[1]] == list(end)
    for name, theirs in found[1]:
        assert off([theirs], [torch.tensor(end[name])]) <= 1e-3, name
    success = [sum(one[2] for one in found[0][k : k + 10]) / 10 for k in range(0, 100, 10)]
    assert [row["success"] for row in found[2]] == pytest.approx(success)


# -- questions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("distractors, symbols", [(0, 2), (1, 4), (3, 4), (7, 5)])
def test_questions_are_those_of_the_environment(
    js: Page, monkeypatch: pytest.MonkeyPatch, distractors: int, symbols: int
) -> None:
    """From the same draws, the same observations and answers."""
    B, N = 50, distractors + 2
    env = SpeakerProbe(distractors, symbols, num_envs=B)
    monkeypatch.setattr(env, "uniform", lambda *shape: uniforms(7, 1, B * 3 * N).view(B, *shape))
    obs = env.reset()
    found = js.evaluate(
        """([B, N, M]) => {
            const questions = new J.Questions(B, N, M);
            const obs = new Float64Array(B * N * (2 * N + M));
            questions.deal(J.uniforms(7, 1));
            questions.show(obs, 0, B);
            return [[...obs], [...questions.answer], [...questions.asked]];
        }""",
        [B, N, symbols],
    )
    assert found[0] == obs.flatten().tolist()
    assert found[1] == env.answer.flatten().tolist()
    assert found[2] == env.asked.flatten().tolist()


# -- what computes -------------------------------------------------------------------------------

SMALL = {"updates": 60, "num_envs": 16, "hidden_dim": 12}


def small(**settings: Any) -> LearningFigure:
    """The figure with a run that takes a second, not half a minute."""
    shown = LearningFigure(**settings)
    shown.setup = shown.setup | SMALL
    return shown


def test_runs_side_by_side_are_those_of_each_alone(browser: Browser) -> None:  # noqa: F811
    page = functions(browser, "Desk, Learner, run", "shared/engine.js", "learning/training.js")
    setup = LearningFigure().setup | SMALL
    both = page.evaluate(
        """setup => {
            const choices = ["attention", "mean"].map((talk) => ({ talk, distractors: 1, heads: 1,
                signature: 4, value: 8, lr: 0.01, seed: 2 }));
            const desk = new J.Desk(J.Learner);
            desk.hear({ begin: { number: 1, setup, choices }, until: 40 });
            while (desk.work(5));
            const { runs } = desk.report(false);
            const alone = choices.map((choice) => {
                const learner = new J.Learner(setup, choice);
                while (learner.updates < 40) J.run(learner.update());
                return learner.rows;
            });
            return [runs.map((run) => run.rows), alone, runs.map((run) => run.updates)];
        }""",
        setup,
    )
    assert both[0] == both[1] and both[2] == [40, 40]
    assert both[0][0] != both[0][1]
    page.close()


# -- Python --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"talk": "shouting"}, "talk must be one of .*, got 'shouting'"),
        ({"distractors": 99}, r"distractors must be one of \[1, 2, 3, 5, 7\], got 99"),
        ({"lr": -1.0}, "lr must be one of .*, got -1.0"),
        ({"colour": "red"}, "LearningFigure takes no colour"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=message):
        LearningFigure(**settings)


def test_the_still_picture_has_the_stored_numbers() -> None:
    shown = LearningFigure()
    text = html.unescape(shown.to_html())
    picture = ET.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])
    assert len([one for one in picture.iter() if one.get("opacity")]) == 3  # bands
    for name in ("tarmac-probe3", "commnet-probe3", "none-probe3"):
        found = results.summary(name)
        share = f"{100 * found.value:.1f}\u00a0% ({100 * found.low:.1f} to {100 * found.high:.1f})"
        assert share in picture.attrib["aria-label"]
    assert len(text) + len(figure_script("learning")) < 80_000
    shown.close()


# -- the figure on a page ------------------------------------------------------------------------


class Figure:
    """The figure on an open page, found as its reader finds it."""

    def __init__(self, page: Page):
        self.page = page
        self.root = page.locator("[data-figure=learning]").first

    def press(self, name: str) -> None:
        self.root.get_by_role("button", name=name, exact=True).click()

    def choose(self, label: str, value: str) -> None:
        self.root.get_by_label(label, exact=True).select_option(value)

    def says(self, words: str) -> str:
        """What it says, once that has these words in it."""
        status = self.root.locator(".ml-status")
        status.filter(has_text=words).wait_for(timeout=120_000)
        return str(status.text_content())


class Opened(Pages):
    """Opens figures as pages."""

    def __call__(self, shown: LearningFigure | None = None, **context: Any) -> Figure:
        return Figure(self.page(self.write(shown or small()), **context))


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opened]:  # noqa: F811
    pages = Opened(browser, tmp_path)
    yield pages
    pages.close()


def test_it_trains_steps_goes_on_and_begins_again(opened: Opened) -> None:
    shown = opened()
    assert shown.says("After 0 of 60 updates").count("not trained yet") == 2
    shown.press("Step")
    shown.says("After 1 of 60 updates")
    assert len(shown.page.workers) == 1
    step = shown.root.get_by_role("button", name="Step", exact=True)
    step.press("Enter")  # by keyboard it may be pressed again at once
    shown.says("After 2 of 60 updates")
    assert step.evaluate("e => e === document.activeElement")
    shown.press("Train")
    shown.root.get_by_role("button", name="Train on").wait_for(timeout=120_000)
    words = shown.says("After 60 of 60 updates")
    assert len(re.findall(r"\d+\s% right in 500 fresh episodes", words)) == 2
    assert shown.root.locator(".ml-curves path[stroke-width='2.5']").count() == 2
    shown.press("Train on")
    shown.says("After 120 of 120 updates")
    shown.choose("Distractors", "1")
    shown.says("After 0 of 60 updates")
    assert shown.root.locator(".ml-map").first.locator("tbody tr").count() == 3
    shown.press("Reset")
    assert shown.root.locator(".ml-map").first.locator("tbody tr").count() == 5


def test_it_stops_where_it_was_paused_and_goes_on(opened: Opened) -> None:
    figure = LearningFigure(beside="nothing", distractors=1)
    shown = opened(figure)
    shown.press("Train")
    shown.root.get_by_role("button", name="Pause").click()
    shown.root.get_by_role("button", name="Train", exact=True).wait_for()
    before = shown.says("After")
    shown.page.wait_for_timeout(700)
    assert shown.says("After") == before
    shown.press("Step")
    done = int(re.findall(r"After (\d+)", before)[0])
    shown.says(f"After {done + 1} of")


@pytest.mark.parametrize("how", ["none", "throws", "fails"])
def test_without_a_worker_it_trains_in_slices(opened: Opened, how: str) -> None:
    """And comes to the same end as with one."""
    with_one = opened()
    with_one.press("Train")
    url = with_one.page.url
    ends = with_one.says("fresh episodes. The mean")
    page = opened.browser.new_page()
    page.add_init_script(
        {
            "none": "delete window.Worker",
            "throws": "window.Worker = class { constructor() { throw new Error('no') } }",
            "fails": """window.Worker = class extends EventTarget {
                constructor() { super(); setTimeout(() => this.dispatchEvent(new Event("error"))); }
                postMessage() {} terminate() {} }""",
        }[how]
    )
    page.goto(url)
    without = Figure(page)
    without.press("Train")
    assert without.says("fresh episodes. The mean") == ends
    page.close()


def test_five_seeds_are_a_band(opened: Opened) -> None:
    shown = opened(small(beside="nobody", band="five"))
    assert shown.root.get_by_label("Seed", exact=True).is_disabled()
    shown.press("Train")
    words = shown.says("After 60 of 60 updates. Attention: ")
    assert shown.root.locator(".ml-curves path[opacity]").count() == 2
    assert re.search(r"Attention: \d+\s% to \d+\s%", words)


def test_a_run_that_gets_stuck_says_so_and_how_to_go_on(opened: Opened) -> None:
    figure = small(beside="nothing", lr=0.1)
    figure.setup = figure.setup | {"updates": 1000, "ent_coef": 0.0, "hidden_dim": 64}
    shown = opened(figure)
    shown.press("Train")
    assert "Choose a smaller learning rate" in shown.says("is stuck (seed 1)")
    shown.choose("Learning rate", "0.002")
    shown.says("After 0 of")


def test_a_run_whose_numbers_are_none_says_so(js: Page) -> None:
    setup = LearningFigure().setup | SMALL
    diverged = js.evaluate(
        """setup => {
            const choice = { talk: "mean", distractors: 1, heads: 1, signature: 1, value: 2,
                lr: 0.01, seed: 1 };
            const learner = new J.Learner(setup, choice);
            const before = learner.diverged;
            learner.weights.flat[0] = NaN;
            J.run(learner.update());
            return [before, learner.diverged];
        }""",
        setup,
    )
    assert diverged == ["", "numbers"]


def test_what_one_agent_asks_is_shown_step_by_step(opened: Opened) -> None:
    shown = opened()
    words = shown.root.locator(".ml-words")
    assert shown.root.get_by_role("button", name="Back", exact=True).is_disabled()
    for start in ("1. Query", "2. Signatures", "3. Softmax", "4. Values", "5. Answer"):
        assert str(words.text_content()).startswith(start)
        if start != "5. Answer":
            shown.press("Next")
    assert shown.root.get_by_role("button", name="Next", exact=True).is_disabled()
    shown.choose("Agent", "3")
    asked = shown.root.locator(".ml-map").first.locator("tr[data-agent='3'] th").text_content()
    shown.press("Back")
    shown.press("Back")
    assert f"Agent {str(asked)[-1]} gets" in str(words.text_content())
    weights = shown.root.locator(".ml-steps td:nth-child(4)").all_text_contents()
    assert sum(int(one.split()[0]) for one in weights) == pytest.approx(100, abs=3)
    before = shown.root.locator(".ml-maps").inner_html()
    shown.press("Another question")
    assert shown.root.locator(".ml-maps").inner_html() != before


def test_a_link_holds_the_settings(opened: Opened) -> None:
    shown = opened(small())
    shown.choose("The team hears", "mean")
    shown.choose("Beside it", "nobody")
    shown.choose("Learning rate", "0.02")
    shown.choose("Runs", "five")
    link = shown.page.url
    assert all(one in link for one in ("talk=mean", "beside=nobody", "lr=0.02", "band=five"))
    again = Figure(opened.page(link))
    assert again.root.get_by_label("The team hears").input_value() == "mean"
    assert again.root.get_by_label("Learning rate").input_value() == "0.02"
    assert "Silence: not trained yet" in again.says("After 0")


@pytest.mark.parametrize(
    "words, sentence",
    [
        ("distractors=99", "distractors “99” (it takes 1, 2, 3, 5, 7; kept: 3)"),
        ("talk=&lr=zzz", "talk “null” (it takes attention, mean, nobody; kept: attention) and lr"),
        ("heads=%22%3E%3Cb%3E", 'heads “"><b>” (it takes 1, 2, 4; kept: 1)'),
    ],
)
def test_a_damaged_link_gives_a_sentence(opened: Opened, words: str, sentence: str) -> None:
    url = opened.write(small())
    shown = Figure(opened.page(f"{url}#learning-0?{words}"))
    assert sentence in shown.says("The link asks for")
    shown.press("Step")
    shown.says("After 1 of 60")


def test_without_javascript_picture_and_numbers_are_there(opened: Opened) -> None:
    shown = opened(java_script_enabled=False)
    assert shown.root.locator("svg").count() == 1
    assert "stored seeds" in shown.root.inner_text()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1200])
def test_it_breaks_no_rule_of_accessibility_and_fits_the_screen(
    opened: Opened, theme: str, width: int
) -> None:
    url = opened.write(small(distractors=7), theme=theme)
    shown = Figure(opened.page(url, viewport={"width": width, "height": 900}))
    shown.press("Train")
    shown.says("After 60 of 60")
    for _ in range(4):
        shown.press("Next")
    assert violations(shown.page) == []
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= width
