"""Exercise: find the bug in an environment's step. Sizes: B environments, N agents."""

from collections.abc import Callable, Iterator
from typing import Any

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Reals
from marl_edu.exercises.engine.training import Rows, Trial
from marl_edu.exercises.engine.trying import Case

UPDATES, AGENTS, CELLS, GAMMA = 120, 64, 5, 0.9  # of training; the corridor
ENOUGH = 0.9  # what an agent gets who has learned


def corridor_curve(pay: Callable[..., Any]) -> Rows:
    """Let agents learn, by a table of values, in a corridor whose far end pays 1 and is the end.

    Returns:
        rows with `update`, what an agent `got` who takes the better action in every cell, and what
        it `believed` at the start.
    """
    rng = torch.Generator().manual_seed(0)
    q, here, rows = torch.zeros(CELLS, 2), torch.zeros(AGENTS, dtype=torch.long), []
    for update in range(1, UPDATES + 1):
        # Half of the agents explore; a tie is walked away from the end.
        forth = (q[here, 1] > q[here, 0]) | (torch.rand(AGENTS, generator=rng) < 0.5)
        there = (here + 2 * forth.long() - 1).clamp_min(0)
        ended = there == CELLS
        alive = torch.ones(AGENTS, 1, dtype=torch.bool)
        paid = pay(ended.float()[:, None], alive, ended[:, None])
        paid = torch.as_tensor(paid, dtype=torch.float32)[:, 0]
        value = q[there.clamp_max(CELLS - 1)].max(-1).values
        target = paid + GAMMA * value * ~ended
        q[here, forth.long()] += 0.5 * (target - q[here, forth.long()])
        here = torch.where(ended, 0, there)
        if update % 5 == 0:
            got = float((q[:, 1] > q[:, 0]).all())
            rows.append({"update": update, "got": got, "believed": q[0].max().item()})
    return rows


def _steps(rng: torch.Generator) -> Iterator[Case]:
    T, F = True, False
    f32, f64 = torch.float32, torch.float64
    for what, alive, ended, dtype in (
        ("one agent that stays", [[T]], [[F]], f32),
        ("one agent whose last step it is", [[T]], [[T]], f32),
        ("one agent that was gone before", [[F]], [[F]], f32),
        ("two agents, one of them at its end", [[T, T]], [[F, T]], f32),
        (
            "environments with agents of every kind, in float64",
            [[T, F], [T, T]],
            [[T, F], [F, F]],
            f64,
        ),
    ):
        there, ends = torch.tensor(alive), torch.tensor(ended)
        yield Case(what, (torch.randn(there.shape, generator=rng, dtype=dtype), there, ends))
    there = torch.tensor([[T, F, T]])
    empty = torch.tensor([[1.0, torch.nan, -2.0]])
    yield Case("a slot that is empty and holds NaN", (empty, there, torch.tensor([[F, F, T]])))


exercise = Exercise(
    place=50,
    title="Bug hunt: the environment that never pays",
    difficulty=2,
    importance=4,
    minutes="5–10",
    topic="ground",
    statement="""\
`unpaid_suspect` is the last part of an environment's step: it decides who is paid. An agent that
was gone before the step gets 0. It raises no error, and as long as nobody's episode ends its
numbers are right. Yet agents never learn to walk to the end of a corridor of five cells. Find the
bug and write the function without it. The grader trains agents with yours.""",
    hint="""\
`alive` says who lived *before* the step. When, in an episode with a single reward, is that reward
paid, and what does the first line make of `alive` just then?""",
    domain=Domain(
        sizes={"B": (1, 5), "N": (1, 4)},
        given={
            "reward": Reals("B N", unused=lambda given: ~given["alive"]),
            "alive": Flags("B N"),
            "ended": Flags("B N"),
        },
        finish=lambda given, _: given | {"ended": given["ended"] & given["alive"]},
    ),
    inputs=_steps,
    gradient=False,
    trial=Trial(
        curve=corridor_curve,
        learned=lambda rows: rows[-1]["got"] > ENOUGH,
        says=lambda rows: f"In the end an agent gets {rows[-1]['got']:.0f} of 1.",
    ),
)


@exercise.suspected
def unpaid_suspect(reward, alive, ended):
    """What each agent is paid for a step: (B, N).

    reward: (B, N), what its move brought.
    alive: (B, N) bool, who lived before the step.
    ended: (B, N) bool, whose episode this step ended.
    """
    alive = alive & ~ended  # who has come to an end is gone
    return torch.where(alive, reward, 0.0)  # and who is gone gets nothing


@exercise.solved_by
def pay_step(reward, alive, ended):
    """What each agent is paid for a step: (B, N).

    reward: (B, N), what its move brought.
    alive: (B, N) bool, who lived before the step.
    ended: (B, N) bool, whose episode this step ended.
    """
    return torch.where(alive, reward, 0.0)  # the last step is paid as well


@exercise.mistake
def last_step_unpaid(reward, alive, ended):
    """Whose episode ends in this step still gets nothing for it: it is gone *after* the step, and
    the last step is often the only one that pays."""
    return unpaid_suspect(reward, alive, ended)


@exercise.mistake
def gone_are_paid(reward, alive, ended):
    """Everybody is paid, also those who were gone before the step: what an empty slot holds counts
    as a reward."""
    return reward.clone()


@exercise.mistake
def last_step_only(reward, alive, ended):
    """Now only last steps are paid; rewards on the way are lost."""
    return torch.where(ended, reward, 0.0)


@exercise.mistake
def upside_down(reward, alive, ended):
    """Paid are those who were gone, and nobody else: the two branches have changed places."""
    return torch.where(alive, 0.0, reward)


@exercise.mistake
def nothing_times_nan(reward, alive, ended):
    """The reward is multiplied by 0 where it should not count. An empty slot may hold anything, and
    0 times NaN is NaN: choose with `torch.where`."""
    return reward * alive


@exercise.mistake
def one_end_for_all(reward, alive, ended):
    """As soon as one agent's episode ends, its whole environment is paid nothing."""
    return torch.where(alive & ~ended.any(-1, keepdim=True), reward, 0.0)


exercise.slips = {
    "last_step_unpaid": ("where(alive,", "where(alive & ~ended,"),
    "gone_are_paid": ("torch.where(alive, reward, 0.0)", "reward.clone()"),
    "last_step_only": ("where(alive,", "where(ended,"),
    "upside_down": ("reward, 0.0", "0.0, reward"),
    "nothing_times_nan": ("torch.where(alive, reward, 0.0)", "reward * alive"),
}
