"""Scripted policies for predator-prey: the value of looking, telling and knowing, in steps.

Where predators walk on their own, the expected steps are computed. For each cell of the prey we
count from how many starts it is reached by step t. This gives the chance that all of N different
starts are among them. The walks are enumerated in `tests/envs/test_predator_prey.py`.
"""

from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from marl_edu.envs.baselines.task import Always, ScriptedPolicy, Task, UniformPolicy
from marl_edu.envs.predator_prey import DOWN, LEFT, RIGHT, STAY, UP, PredatorPrey


def towards(env: PredatorPrey, goal: Int[Tensor, "B N 2"]) -> Int[Tensor, "B N"]:
    """A shortest way to the cell `goal`: along the column first, then along the row."""
    down, right = (goal - env.predators).unbind(-1)
    sideways = torch.where(right > 0, RIGHT, torch.where(right < 0, LEFT, STAY))
    return torch.where(down > 0, DOWN, torch.where(down < 0, UP, sideways))


def see_prey(env: PredatorPrey) -> Bool[Tensor, "B N"]:
    """Who has the prey in its view."""
    away = (env.predators - env.prey[:, None]).abs()
    return (away <= env.vision).all(-1)


def all_knowing(env: PredatorPrey) -> Int[Tensor, "B N"]:
    """Everybody walks straight to the prey."""
    return towards(env, env.prey[:, None].expand_as(env.predators))


def along_the_edges(env: PredatorPrey) -> Int[Tensor, "B N"]:
    """Into the corner at the top left and then once around along the edges.

    The first leg is one short, as most need fewer steps to the wall. On 5 x 5 a search over all
    walks (simulated annealing) found nothing better by more than 0.0001 steps.
    """
    leg = (env.t + 1) // (env.size - 1)
    shape = (env.num_envs, env.n_agents)
    return torch.full(shape, (UP, LEFT, DOWN, RIGHT)[leg % 4], device=env.device)


def spiral(size: int, vision: int) -> list[tuple[int, int]]:
    """Neighbouring cells from the centre outwards, from which every cell comes into view."""
    centre, pitch = (size - 1) // 2, 2 * vision + 1
    low, high = min(vision, centre), max(size - 1 - vision, centre)
    row = column = centre
    route = [(row, column)]
    for side in range(2 * (size // pitch + 2)):  # two sides of the same length, then longer ones
        down, right = ((0, 1), (1, 0), (0, -1), (-1, 0))[side % 4]
        for _ in range(pitch * (side // 2 + 1)):
            row, column = row + down, column + right
            cell = (min(max(row, low), high), min(max(column, low), high))
            if cell != route[-1]:
                route.append(cell)
    return route


class OwnSpiral:
    """To the centre, then outwards in a spiral; who sees the prey goes there.

    All search the cells in the same order. So they find the prey at about the same time, and the
    last one, who counts, is not much later than the first.
    """

    def __call__(self, env: PredatorPrey) -> Int[Tensor, "B N"]:
        """What everybody does now."""
        if env.t == 0:
            self.route = torch.tensor(spiral(env.size, env.vision), device=env.device)
            self.next = torch.zeros_like(env.predators[..., 0])
        arrived = (self.route[self.next] == env.predators).all(-1)
        self.next = (self.next + arrived).clamp_max(len(self.route) - 1)
        prey = env.prey[:, None].expand_as(env.predators)
        return towards(env, torch.where(see_prey(env)[..., None], prey, self.route[self.next]))


def gather(env: PredatorPrey) -> Int[Tensor, "B N"]:
    """Everybody waits beside the prey until two are there, and these step on it at once.

    In "together" mode nothing is faster: of two predators the farther one arrives as soon as it
    can, and the nearer one with it.
    """
    goal = env.prey[:, None].expand_as(env.predators)
    beside = (goal - env.predators).abs().sum(-1) == 1
    ready = beside.sum(1, keepdim=True) >= 2
    return torch.where(beside & ~ready, STAY, towards(env, goal))


class PooledViews:
    """Everybody knows at once what anybody sees and has seen: what telling is worth.

    One after the other the predators choose the nearest cell that nobody has seen yet and that no
    earlier goal brings into view. As soon as any of them sees the prey, all go there. This is a
    scripted policy, not an optimum: on 5 x 5 TarMAC reports 7.24 steps with two rounds of messages.
    """

    def __call__(self, env: PredatorPrey) -> Int[Tensor, "B N"]:
        """What everybody does now."""
        B, N, size = env.num_envs, env.n_agents, env.size
        side = torch.arange(size, device=env.device)
        cells = torch.cartesian_prod(side, side)  # (cells, 2)
        away = (env.predators[:, :, None] - cells).abs()  # (B, N, cells, 2)
        if env.t == 0:
            self.seen = torch.zeros(B, size * size, dtype=torch.bool, device=env.device)
        self.seen = self.seen | (away <= env.vision).all(-1).any(1)
        known = see_prey(env).any(1)
        taken, goals = self.seen, []
        for i in range(N):
            distance = away[:, i].sum(-1) + taken * 4 * size
            goal = cells[distance.argmin(1)]  # (B, 2)
            goals.append(goal)
            taken = taken | ((cells - goal[:, None]).abs() <= env.vision).all(-1)
        goal = torch.where(known[:, None, None], env.prey[:, None], torch.stack(goals, 1))
        return towards(env, goal)


def _task(
    size: int, isolates: str, random: float, open_loop: float, own_view: float, best: float
) -> Task:
    """The task of one size; the numbers are the exact expected steps."""
    return Task(
        key=f"predator-prey{size}",
        name=f"Predator-prey, {size} × {size}",
        isolates=isolates,
        make=partial(PredatorPrey, size=size),
        score="steps",
        unit="steps until all are on the prey",
        policies=(
            ScriptedPolicy("random", "random", UniformPolicy, random),
            ScriptedPolicy("along the edges", "open-loop", lambda: along_the_edges, open_loop),
            ScriptedPolicy("own spiral", "own view", OwnSpiral, own_view),
            ScriptedPolicy("pooled views", "shared view", PooledViews),
            ScriptedPolicy("straight to the prey", "best", lambda: all_knowing, best),
        ),
        show="pooled views",
        higher_is_better=False,
    )


TASKS = (
    _task(5, "talk: telling what one has found", 19.8384, 16.4147, 13.9855, 4.6768),
    _task(10, "talk: the same, on a larger grid", 39.9993, 37.1576, 23.3094, 10.3875),
    _task(20, "talk: the same, where most never find it alone", 80.0, 77.5849, 64.1959, 23.0728),
)
PENALTIES = (0.0, -0.5)  # of the tasks where two must be there at once
TOGETHER: dict[str, Any] = {
    "size": 3, "n_predators": 2, "vision": 2, "mode": "together", "max_steps": 8
}  # fmt: skip


def _together(penalty: float) -> Task:
    """Two must step on the prey at once, and whoever is alone there costs both this much."""
    return Task(
        key=f"together{round(-100 * penalty)}",
        name=f"Predator-prey together, alone {penalty:g}",
        isolates="credit: an action that is good only if the other does it too",
        make=partial(PredatorPrey, **TOGETHER, penalty=penalty),
        score="return",
        unit="return",
        policies=(
            ScriptedPolicy("random", "random", UniformPolicy),
            ScriptedPolicy("stand still", "open-loop", lambda: Always(STAY), 0.0),
            ScriptedPolicy("gather, then step", "best", lambda: gather, 1.0),
        ),
    )


TOGETHER_TASKS = tuple(_together(penalty) for penalty in PENALTIES)
