"""The answer to an exercise drives a lab: what it computes, and what is said where it is wrong."""

import ast
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from marl_edu import exercises, widgets
from marl_edu.algos import drqn, gat, icm, maddpg, mappo, qmix, rnd, tarmac
from marl_edu.core.evaluate import play_episodes
from marl_edu.envs import PredatorPrey, SpeakerListener, TrafficJunction
from marl_edu.envs.baselines.predator_prey import along_the_edges
from marl_edu.envs.baselines.speaker_listener import middle
from marl_edu.training import a2c
from marl_edu.widgets.corridor.lab import MemoryPanel
from marl_edu.widgets.curiosity.lab import CuriosityPanel
from marl_edu.widgets.film import Film
from marl_edu.widgets.graph import own as own_graph
from marl_edu.widgets.graph.lab import GraphPanel
from marl_edu.widgets.hunt.lab import EDGES, HuntPanel
from marl_edu.widgets.junction import own as own_junction
from marl_edu.widgets.junction.figure import JunctionFigure
from marl_edu.widgets.junction.lab import TrainingPanel
from marl_edu.widgets.pair.lab import DEAF, PairPanel
from marl_edu.widgets.payoff.lab import MixerPanel
from marl_edu.widgets.shared import lab
from marl_edu.widgets.shared.own import BOOKS, Own
from marl_edu.widgets.team.lab import TeamPanel
from tests import ROOT

# What drives each chapter's panel: the exercise, and the panel with an answer to it.
DRIVEN: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "tarmac": ("targeting", lambda mine: TrainingPanel(listen=mine)),
    "gat": ("graph_layer", lambda mine: GraphPanel(layer=mine)),
    "drqn": ("shifted_targets", lambda mine: MemoryPanel(target=mine)),
    "icm": ("surprise", lambda mine: CuriosityPanel(bonus=mine)),
    "rnd": ("clear_view", lambda mine: CuriosityPanel(look=mine)),
    "qmix": ("optimistic_weights", lambda mine: MixerPanel(loss=mine)),
    "mappo": ("value_clip", lambda mine: HuntPanel(value_loss=mine)),
    "comparison": ("team_values", lambda mine: TeamPanel(joint=mine)),
    "maddpg": ("own_action", lambda mine: PairPanel(ask=mine)),
}
FEW = {
    "tarmac": 20,
    "gat": 10,
    "drqn": 80,
    "icm": 2,
    "rnd": 2,
    "qmix": 40,
    "mappo": 2,
    "comparison": 60,
    "maddpg": 60,
}  # updates


def solution(page: str) -> Callable[..., Any]:
    return getattr(exercises, DRIVEN[page][0]).solution


def panel(page: str, mine: Any, updates: int = 0) -> Any:
    made = DRIVEN[page][1](mine)
    made.updates.step = made.updates.min = 1
    made.updates.value = updates or FEW[page]
    return made


# -- What is said of a function that cannot train ---


def nothing(*args: Any) -> Any:
    return ...


def no_return(*args: Any) -> None:
    pass


def text(*args: Any) -> str:
    return "0"


def scalar(*args: Any) -> Tensor:
    return torch.zeros(())


def whole(*args: Any) -> Tensor:
    return torch.zeros(2, 3, dtype=torch.int64)


def raises(*args: Any) -> Tensor:
    return args[99]


def not_a_number(*args: Any) -> Tensor:
    return torch.full((2, 3), torch.nan)


def infinite(*args: Any) -> Tensor:
    return torch.full((2, 3), torch.inf)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (nothing, "`nothing` is not written yet"),
        (no_return, "`no_return` must give a tensor of shape (2, 3), (B, N); it gave None. Is"),
        (text, "of shape (2, 3), (B, N); it gave a str"),
        (scalar, "of shape (2, 3), (B, N); it gave ()"),
        (whole, "of torch.float32; it gave torch.int64"),
        (raises, "`raises` raised IndexError in `return args[99]`: tuple index out of range"),
        (not_a_number, "`not_a_number` gave NaN"),
        (infinite, "`infinite` gave infinity"),
    ],
)
def test_what_is_wrong_is_a_sentence_with_its_name(
    function: Callable[..., Any], words: str
) -> None:
    own = Own("listen", function, "(B, N)")
    with pytest.raises(ValueError, match=re.escape(words)):
        own(shape=(2, 3))


@pytest.mark.parametrize("page", DRIVEN)
@pytest.mark.parametrize("function", [nothing, scalar, raises])
def test_a_panel_says_it_and_goes_on(page: str, function: Callable[..., Any]) -> None:
    made = panel(page, function, 400 if page == "drqn" else 0)
    with pytest.raises(ValueError, match=f"`{function.__name__}`"):
        made.train()
    assert f"`{function.__name__}`" in made.status.value and not made.attempts
    assert made.result is None and not made.running


@pytest.mark.parametrize("page", DRIVEN)
def test_what_is_no_function_is_refused(page: str) -> None:
    with pytest.raises(TypeError, match="must be your function itself, uncalled, got a Tensor"):
        panel(page, torch.zeros(3))


def test_one_function_at_a_time_drives_curiosity() -> None:
    with pytest.raises(ValueError, match="not both"):
        CuriosityPanel(bonus=nothing, look=nothing)


# -- What a right one computes ---


def rows(result: Any) -> list[dict[str, float]]:
    return [
        {key: x for key, x in row.items() if not key.endswith("seconds")} for row in result.rows
    ]


@pytest.mark.long
@pytest.mark.parametrize("page", ["drqn", "icm", "rnd", "qmix", "mappo", "maddpg", "comparison"])
def test_the_solution_trains_as_the_book_does(page: str) -> None:
    made = panel(page, solution(page))
    mine = made.train()
    made.whose.value = BOOKS
    books = made.train()
    for one, other in zip(rows(mine), rows(books), strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-6)
    assert made.attempts[0].settings[f"{solution(page).__name__} is"] == "yours"


def other_targets(q: Tensor, q_target: Tensor, reward: Tensor, *rest: Any) -> Tensor:
    return reward + 1


def dull(predicted: Tensor, after: Tensor, eta: float) -> Tensor:
    return torch.zeros(len(after))


def blind(obs: Tensor, mean: Tensor, var: Tensor) -> Tensor:
    return torch.zeros_like(obs)


def unweighted(q_tot: Tensor, y: Tensor, mask: Tensor, weight: float) -> Tensor:
    return (y - q_tot)[mask].square().mean()


def plain(value: Tensor, old: Tensor, target: Tensor, alive: Tensor, clip_coef: float) -> Tensor:
    return 2 * (value - target)[alive].square().mean()


def first_alone(q: Tensor) -> Tensor:
    return q[:, 0].repeat(1, q.shape[2] ** (q.shape[1] - 1))


def all_new(new: Tensor, stored: Tensor) -> Tensor:
    return new.expand(new.shape[1], -1, -1, -1)


@pytest.mark.long
@pytest.mark.parametrize(
    ("page", "function"),
    [
        ("drqn", other_targets),
        ("icm", dull),
        ("rnd", blind),
        ("qmix", unweighted),
        ("mappo", plain),
        ("maddpg", all_new),
        ("comparison", first_alone),
    ],
)
def test_another_function_trains_otherwise(page: str, function: Callable[..., Any]) -> None:
    made = panel(page, function, 200 if page == "drqn" else 0)
    mine = made.train()
    made.whose.value = BOOKS
    assert rows(mine)[-1] != pytest.approx(rows(made.train())[-1], rel=1e-3)


def junction_team(function: Callable[..., Any]) -> a2c.ActorCritic:
    torch.manual_seed(0)
    cfg = tarmac.Config()
    own = Own("listen", function, "(B, N, d_v)")
    return own_junction.build(own, cfg, TrafficJunction("easy", num_envs=2))


def test_a_listening_team_computes_tarmacs_equations() -> None:
    net = junction_team(solution("tarmac"))
    known = own_junction.as_tarmac(net)
    assert known is not None
    env = TrafficJunction("easy", num_envs=2, seed=3)
    obs = env.reset(seed=3)
    for _ in range(6):
        obs = env.step(torch.zeros(2, env.n_agents, dtype=torch.int64))[0]
    h = torch.rand(2, env.n_agents, 64)
    torch.testing.assert_close(net(obs, h, env.alive).logits, known(obs, h, env.alive).logits)


def deaf(z: Tensor, W_k: Tensor, W_v: Tensor, W_q: Tensor, alive: Tensor) -> Tensor:
    return z @ W_v


def test_a_team_that_does_something_else_is_filmed() -> None:
    assert own_junction.as_tarmac(junction_team(deaf)) is None
    made = panel("tarmac", deaf)
    made.train()
    assert isinstance(made.team.children[0], Film) and made.map.value == ""


@pytest.mark.long
def test_the_live_junction_plays_a_right_team_beside_the_stored_curve() -> None:
    made = panel("tarmac", solution("tarmac"))
    made.train()
    assert isinstance(made.team.children[0], JunctionFigure) and "attention" in made.map.value
    drawn = made.curves("tarmac", made.attempts[-1].rows)
    said = [text.get_text() for text in drawn.axes[0].texts]
    assert any(one.startswith("stored runs ") for one in said)


def one_by_one(h: Tensor, W: Tensor, score: Tensor, adjacency: Tensor) -> Tensor:
    """Right, but it asks for single numbers, as torch.vmap does not allow."""
    heard = []
    for i in range(len(h)):
        who = [j for j in range(len(h)) if bool(adjacency[i, j]) or i == j]
        weight = score[i, who].softmax(0)
        heard.append(weight @ (h[who] @ W))
    return torch.stack(heard)


@pytest.mark.parametrize("function", [solution("gat"), one_by_one])
def test_a_layer_of_ones_own_is_the_papers(function: Callable[..., Any]) -> None:
    torch.manual_seed(0)
    own = Own("layer", function, "(N, F)")
    mine, papers = own_graph.OwnLayer(6, 4, 2, own=own), gat.GraphAttention(6, 4, 2)
    papers.load_state_dict(mine.state_dict())
    h, graph = torch.rand(3, 5, 6), torch.rand(3, 5, 5) < 0.5
    torch.testing.assert_close(mine(h, graph)[0], papers(h, graph)[0])
    for a, b in zip(mine.parameters(), papers.parameters(), strict=True):
        wanted = [torch.autograd.grad(layer(h, graph)[0].square().sum(), p)[0]
                  for layer, p in ((mine, a), (papers, b))]  # fmt: skip
        torch.testing.assert_close(*wanted)


def mean(h: Tensor, W: Tensor, score: Tensor, adjacency: Tensor) -> Tensor:
    hood = (adjacency | torch.eye(len(h), dtype=torch.bool)).float()
    return hood / hood.sum(1, keepdim=True) @ (h @ W)


@pytest.mark.long
@pytest.mark.parametrize(("function", "shown"), [(solution("gat"), 1), (mean, 0)])
def test_the_live_graph_plays_the_layers_that_it_knows(
    function: Callable[..., Any], shown: int
) -> None:
    made = panel("gat", function)
    made.train()
    assert len(made.graph.children) == shown and "right among 1,024" not in made.status.value
    assert "among 1,024" in made.status.value


def test_without_a_kernel_it_says_whose_function_would_train() -> None:
    made = panel("icm", dull)
    assert "your <code>dull</code>" in made._repr_mimebundle_()["text/html"]


def test_stored_runs_are_compared_as_far_as_the_new_ones_come() -> None:
    curve = widgets.shared.lab.results.learning_curve("tarmac-easy")
    short = lab.up_to(curve, [{"env_steps": float(curve.steps[5])}])
    assert len(short.steps) == len(short.iqm) == 6
    assert len(lab.up_to(curve, [{"env_steps": 1.0}]).steps) == 2


# -- The chapters ---


def cells(notebook: str) -> list[dict[str, Any]]:
    return json.loads((ROOT / "book" / f"{notebook}.ipynb").read_text("utf-8"))["cells"]


@pytest.mark.parametrize("page", DRIVEN)
def test_a_chapters_panel_takes_the_answer_above_it(page: str) -> None:
    name = DRIVEN[page][0]
    found = cells(f"chapters/{page}")
    parts = [cell["metadata"].get("part") for cell in found]
    names = [cell["metadata"].get("exercise") for cell in found]
    below = list(zip(names, parts, strict=True)).index((name, "solution")) + 1
    source = "".join(found[below]["source"])
    assert f"={solution(page).__name__})" in source and source.endswith("\npanel")


@pytest.mark.long
@pytest.mark.parametrize("notebook", exercises.NOTEBOOKS.values())
def test_to_start_at_the_exercises_one_cell_is_enough(notebook: str) -> None:
    """It, the functions of the page's exercises and its panel: nothing of the rest of the page."""
    found = cells(notebook)
    starts = [k for k, cell in enumerate(found) if "# To start here, run this cell." in
              "".join(cell["source"])]  # fmt: skip
    first = [cell["metadata"].get("part") for cell in found].index("statement")
    assert len(starts) == 1 and starts[0] < first
    page: dict[str, Any] = {"__name__": "__main__"}
    exec("".join(found[starts[0]]["source"]), page)
    assert page["exercises"] is exercises and page["torch"] is torch
    for cell in found[first:]:
        source = "".join(cell["source"])
        part = cell["metadata"].get("part")
        if part in ("starter", "suspect", "solution") or source.startswith("def advantages("):
            kept = [one for one in ast.parse(source).body if isinstance(one, ast.FunctionDef)]
            exec(compile(ast.Module(kept, []), notebook, "exec"), page)
        elif source.startswith("from marl_edu.widgets import") and source.endswith("\npanel"):
            exec(source, page)
            assert page["panel"].own.function is not None
    for exercise in exercises.pages()[notebook]:
        solved = page[f"solved_{exercise.solution.__name__}"]
        solved(*exercise.cases()[0].args)


def test_no_algorithm_knows_of_readers_functions() -> None:
    for module in (tarmac, gat, drqn, icm, rnd, qmix, mappo, maddpg):
        assert "Own" not in vars(module)


def test_a_loss_without_a_gradient_is_refused() -> None:
    own = Own("loss", scalar, "one number")
    with pytest.raises(ValueError, match="`scalar` gave a tensor without a gradient"):
        own(shape=(), learned=True)
    assert own(shape=()) == 0


# -- The panels of the chapters on teams ---


@pytest.mark.parametrize("critic", ["own", "state"])
def test_the_hunts_panel_trains_what_was_chosen(critic: str) -> None:
    made = HuntPanel()
    made.updates.min = made.updates.step = 1
    made.updates.value, made.critic.value, made.seed.value = 2, critic, 3
    run = made.train()
    assert made.attempts[-1].cfg.critic == critic and made.attempts[-1].cfg.seed == 3
    assert run.rows[-1]["update"] == 2 and "fresh hunts succeed" in made.status.value
    assert isinstance(made.team.children[0], Film)
    assert made.stored({"critic": "own"}) == "ippo-hunt"
    assert made.stored({"critic": "team"}) == "mappo-hunt"
    assert "with the team" in made._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize("critic", ["own", "central"])
def test_the_pairs_panel_trains_what_was_chosen(critic: str) -> None:
    made = PairPanel()
    made.updates.min = made.updates.step = 1
    made.updates.value, made.critic.value = 60, critic
    run = made.train()
    assert run.net.central == (critic == "central") and "a deaf listener gets" in made.status.value
    assert isinstance(made.team.children[0], Film)
    assert "return: " in made.curve.value and " % after" not in made.curve.value
    assert made.stored({"critic": "own"}) == "ddpg-speaker-listener-numbers"
    assert "with central critics" in made._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize("talk", [True, False])
def test_the_teams_panel_trains_what_was_chosen(talk: bool) -> None:
    made = TeamPanel()
    made.updates.min = made.updates.step = 1
    made.updates.value, made.talk.value = 60, talk
    run = made.train()
    assert made.attempts[-1].cfg.talk == talk and run.rows[-1]["update"] == 60
    assert "correct turns in 1000 fresh episodes" in made.status.value
    assert made.stored({"talk": talk}) == ("tarmac" if talk else "team") + "_drqn-witness"
    assert "that talks and remembers" in made._repr_mimebundle_()["text/html"]


def test_what_the_panels_compare_with_is_what_scripted_policies_get() -> None:
    walk = play_episodes(PredatorPrey(num_envs=1000), along_the_edges, 4000)["success"].mean()
    assert abs(100 * walk - EDGES[1]) < 2.5
    deaf = play_episodes(SpeakerListener(num_envs=1000), middle, 4000)["return"].mean()
    assert abs(deaf - DEAF[1]) < 0.8
