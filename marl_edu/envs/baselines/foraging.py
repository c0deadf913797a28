"""Scripted policies for level-based foraging: the value of going to the same food.

Nobody can score more than 1. A team that goes together does so in every episode measured: any
three agents lift any food, and all of it is reached in time. Where everybody sees everything,
`together` looks at nothing that an agent does not see.
"""

from functools import partial

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from marl_edu.envs.baselines.task import ScriptedPolicy, Task, UniformPolicy
from marl_edu.envs.foraging import EAST, LOAD, NONE, NORTH, SOUTH, WEST, Foraging, settings

TRIES = 0.2  # how often a move is a random action; of 0.05, 0.1, 0.2, 0.3 mostly the best


def to_and_fro(env: Foraging) -> Int[Tensor, "B N"]:
    """Into the corner at the upper left, then to and fro, row by row, loading after every move.

    It looks at nothing. Who bumps into food stays beside it for the rest of the row.
    """
    edge = env.size - 1
    if env.t < 2 * edge:
        action = NORTH if env.t % 2 == 0 else WEST
    else:
        turn, rest = divmod(env.t - 2 * edge, 2 * env.size)
        sideways = EAST if turn % 2 == 0 else WEST
        action = LOAD if rest % 2 else SOUTH if rest == 0 else sideways
    return torch.full((env.num_envs, env.n_agents), action, device=env.device)


class NearestToAll:
    """Everybody walks to the food to which the agents in its view have the fewest steps, and loads.

    Without any food in view it does as `to_and_fro`. Agents that see each other mostly choose the
    same food, but may block each other on the way: now and then a move is any valid action.
    """

    def __init__(self, seed: int = 0):
        self.random = UniformPolicy(seed)

    def __call__(self, env: Foraging) -> Int[Tensor, "B N"]:
        """What everybody does now."""
        seen = env.obs.unflatten(-1, (-1, 3))  # (B, N, F + N, 3)
        food, agents = seen[:, :, : env.n_food], seen[:, :, env.n_food :]
        away = food[..., None, :2] - agents[:, :, None, :, :2]  # (B, N, F, N, 2)
        steps = away.abs().sum(-1)
        together = (steps * (agents[:, :, None, :, 2] > 0)).sum(-1)
        together = together.masked_fill(food[..., 2] == 0, torch.inf)
        goal = together.argmin(-1)[..., None]  # (B, N, 1)
        down, right = away[..., 0, :].gather(2, goal[..., None].expand(-1, -1, -1, 2)).unbind(-1)
        sideways = torch.where(right > 0, EAST, WEST)
        move = torch.where(right.abs() > down.abs(), sideways, torch.where(down > 0, SOUTH, NORTH))
        action = torch.where(steps[..., 0].gather(2, goal) == 1, LOAD, move)[..., 0]
        action = torch.where(together.amin(-1).isinf(), to_and_fro(env), action)
        chance = torch.rand(action.shape, generator=self.random.generator).to(env.device)
        return torch.where((chance < TRIES) & (action != LOAD), self.random(env), action)


def steps_to(
    env: Foraging, goal: Int[Tensor, "B M"], free: Bool[Tensor, "B cells"]
) -> Float[Tensor, "B M cells"]:
    """The number of steps from every cell to each goal, over cells that are free."""
    width, shape = env.size + 2, (*goal.shape, len(env.places))
    steps = torch.full(shape, torch.inf, device=env.device).scatter_(2, goal[..., None], 0.0)
    while True:
        beside = torch.stack([steps.roll(k, -1) for k in (1, -1, width, -width)]).amin(0)
        nearer = torch.where(free[:, None], steps.minimum(beside + 1), steps)
        if torch.equal(nearer, steps):
            return steps
        steps = nearer


def together(env: Foraging) -> Int[Tensor, "B N"]:
    """All go to the food to which all together have the fewest steps, each to its own side of it.

    Who is at a side stays there, loads, and is walked around. One after the other the rest choose
    the nearest side that is left; who wants the next cell of an earlier one lets it go first.
    """
    B, N = env.agents.shape
    away = (env.places[env.agents][:, :, None] - env.places[env.food][:, None]).abs().sum((1, 3))
    food = env.food.gather(1, away.masked_fill(env.food == 0, torch.inf).argmin(1, keepdim=True))
    sides = (food + env.steps[NORTH:LOAD]).clamp_min(0)  # (B, 4); nothing where all is eaten
    free = torch.zeros(B, len(env.places), dtype=torch.bool, device=env.device)
    free[:, env.cells] = True
    free = free.scatter(1, env.food, False)
    there = env.agents[..., None] == sides[:, None]  # (B, N, 4)
    waits, taken = there.any(-1), there.any(1)
    steps = steps_to(env, sides, free.scatter(1, torch.where(waits, env.agents, 0), False))
    next_cells: list[Tensor] = []
    actions = []
    for i in range(N):
        own = env.agents[:, i, None]
        far = steps.gather(2, own[:, None].expand(-1, 4, -1))[..., 0].masked_fill(taken, torch.inf)
        side = far.argmin(1, keepdim=True)
        taken = taken | ((torch.arange(4, device=env.device) == side) & ~waits[:, i, None])
        ahead = own + env.steps[NORTH:LOAD]  # (B, 4)
        left = steps.gather(1, side[..., None].expand(-1, -1, steps.shape[2]))[:, 0]
        action = 1 + left.gather(1, ahead).argmin(1)
        reach = own[:, 0] + env.steps[action]
        blocked = torch.stack([reach == cell for cell in next_cells]).any(0) if i else reach < 0
        blocked = blocked | far.amin(1).isinf()
        action = torch.where(waits[:, i], LOAD, torch.where(blocked, NONE, action))
        next_cells.append(own[:, 0] + env.steps[action])
        actions.append(action)
    return torch.stack(actions, 1)


def _task(key: str, name: str, title: str, isolates: str) -> Task:
    """The task of a name of the original."""
    return Task(
        key=key,
        name=title,
        isolates=isolates,
        make=partial(Foraging, **settings(name)),
        score="success",
        unit="share of the food eaten",
        policies=(
            ScriptedPolicy("random", "random", UniformPolicy),
            ScriptedPolicy("to and fro", "open-loop", lambda: to_and_fro),
            ScriptedPolicy("nearest to all in view", "own view", NearestToAll),
            ScriptedPolicy("together", "best", lambda: together),
        ),
        show="together",
        trivial="to and fro",
    )


TASKS = (
    _task("foraging8", "Foraging-8x8-2p-2f-coop-v3", "Foraging, 8 × 8, both must lift",
          "credit: a reward only if all act in the same step"),
    _task("foraging8-2s", "Foraging-2s-8x8-2p-2f-coop-v3", "Foraging, 8 × 8, sight 2",
          "talk: telling where the food is"),
    _task("foraging10", "Foraging-10x10-3p-3f-v3", "Foraging, 10 × 10, 3 agents",
          "credit: some food is for one, some for all"),
)  # fmt: skip
