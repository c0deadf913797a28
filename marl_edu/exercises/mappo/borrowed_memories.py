"""Exercise: find the bug that gives every window a memory, but not its own. Sizes: B environments,
N agents, D numbers of a memory; W windows of L steps each."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from marl_edu.algos import mappo
from marl_edu.envs import TMaze
from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals
from marl_edu.exercises.engine.training import Rows, Trial
from marl_edu.exercises.engine.trying import Case
from marl_edu.training.checkpoint import Row
from marl_edu.training.recurrent_ppo import Rollout

UPDATES, LENGTH, WINDOW, ENOUGH = 100, 2, 2, 0.9  # of training; the corridor; what shows learning


def maze_curve(starts: Callable[..., Any]) -> list[Row]:
    """Train IPPO on a T-maze of two cells, with windows that start as `starts` says.

    Returns:
        the rows of the training log, with `env_steps` and `success`; takes a few seconds.
    """

    def given(h: Tensor) -> Tensor:  # where a window starts, what the reader's function gives
        B, T, *rest = h.shape
        h = torch.cat([h, h.new_zeros(B, -T % WINDOW, *rest)], 1)
        found = torch.as_tensor(starts(h, WINDOW)).detach().to(h.dtype)
        h[:, ::WINDOW] = found.view(B, -1, *rest)
        return h[:, :T]

    cfg = mappo.Config(
        TMaze, {"length": LENGTH}, critic="own", updates=UPDATES, hidden_dim=32, lr=5e-3,
        window=WINDOW, ent_coef=0.03,
    )  # fmt: skip

    def remembered(played: Rollout) -> Rollout:
        h, critic_h = given(played.actor_h), given(played.critic_h)
        return played._replace(actor_h=h, critic_h=critic_h)

    return mappo.train(cfg, change=remembered).rows


def _memories(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, B, W, L, N, D, dtype in (
        ("one window of one step", 1, 1, 1, 1, 1, f32),
        ("one environment, two windows", 1, 2, 2, 1, 2, f32),
        ("two environments, one window each", 2, 1, 3, 2, 1, f32),
        ("two environments, two windows each", 2, 2, 2, 1, 2, f32),
        ("numbers in float64", 2, 3, 2, 2, 2, f64),
        ("many windows of two agents", 3, 4, 3, 2, 2, f32),
    ):
        yield Case(what, (torch.randn(B, W * L, N, D, generator=rng, dtype=dtype), L))


def _best_of_late(rows: Rows) -> float:
    return max(row["success"] for row in rows[-3:])


exercise = Exercise(
    place=40,
    topic="ground",
    title="Bug hunt: somebody else's memory",
    difficulty=3,
    importance=4,
    minutes="10–20",
    statement="""\
The episodes of B environments are cut into windows of `window` steps: first all windows of
environment 0 in order, then those of environment 1, and so on. `borrowed` gives the memory that
each window starts with, out of `h`, the memories *before* each step; T is a multiple of `window`.
It raises nothing, and its shape is right. Yet a team trained with it turns at the end of a corridor
of two cells as if it had never seen the sign. Find the reason and write the function without it.
The grader trains an agent with yours.""",
    hint="""\
Make an `h` whose entries name their environment and step, `100 * b + t`, for two environments of
four steps. Which numbers should stand at the starts of windows of two, in which order?""",
    domain=Domain(
        sizes={"B": (1, 4), "W": (1, 4), "L": (1, 4), "N": (1, 3), "D": (1, 3)},
        given={"h": Reals("B W*L N D", spreads=(1, 40))},
        finish=lambda given, sizes: given | {"window": sizes["L"]},
        notes={"window": "L; T = W L"},
    ),
    inputs=_memories,
    trial=Trial(
        curve=maze_curve,
        learned=lambda rows: _best_of_late(rows) > ENOUGH,
        says=lambda rows: f"{_best_of_late(rows):.0%} of the agents turn right.",
    ),
)


@exercise.suspected
def borrowed(h, window):
    """The memories at the starts of all windows: (B T / window, N, D).

    h: (B, T, N, D). window: a whole number.
    """
    return h[:, ::window].transpose(0, 1).flatten(0, 1)


@exercise.solved_by
def window_starts(h, window):
    """The memories at the starts of all windows: (B T / window, N, D).

    h: (B, T, N, D). window: a whole number.
    """
    return h[:, ::window].flatten(0, 1)


@exercise.mistake
def other_environments(h, window):
    """The windows are in another order than asked: first the first ones of all environments. Most
    windows then start with the memory of another environment, which saw another sign."""
    return borrowed(h, window)


@exercise.mistake
def memory_at_the_end(h, window):
    """Each window starts with the memory before its *last* step: it knows what it is about to
    see."""
    return h[:, window - 1 :: window].flatten(0, 1)


@exercise.mistake
def one_step_late(h, window):
    """Each window starts with the memory *after* its first step, which it then takes again."""
    return h.roll(-1, 1)[:, ::window].flatten(0, 1)


@exercise.mistake
def start_of_the_episode(h, window):
    """All windows start with what was remembered at the start of the episode: nothing. What came
    before the window is lost."""
    return h[:, :1].expand(-1, h.shape[1] // window, -1, -1).flatten(0, 1)


@exercise.mistake
def zeros(h, window):
    """Every window starts with zeros. That is right for the first one of an episode alone."""
    return torch.zeros_like(h[:, ::window]).flatten(0, 1)


@exercise.mistake
def other_agents(h, window):
    """The environments are right, but every agent gets the memory of the next one."""
    return h[:, ::window].roll(1, 2).flatten(0, 1)


@exercise.mistake
def previous_window(h, window):
    """Each window starts with what the window *before* it started with."""
    return h[:, ::window].roll(1, 1).flatten(0, 1)


exercise.slips = {
    "other_environments": (".flatten(0, 1)", ".transpose(0, 1).flatten(0, 1)"),
    "memory_at_the_end": ("::window", "window - 1 :: window"),
    "one_step_late": ("h[:", "h.roll(-1, 1)[:"),
    "other_agents": ("::window]", "::window].roll(1, 2)"),
}
