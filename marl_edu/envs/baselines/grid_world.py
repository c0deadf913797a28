"""Scripted policies for the grid world: the value of looking, of being told, of knowing all."""

from functools import partial
from typing import Any

import scipy
import torch
from jaxtyping import Int
from torch import Tensor

from marl_edu.envs.baselines.task import ScriptedPolicy, Task, UniformPolicy
from marl_edu.envs.grid_world import DOWN, LEFT, MOVES, RIGHT, STAY, UP, MultiAgentGridWorld


def towards(place: Int[Tensor, "*B 2"], goal: Int[Tensor, "*B 2"]) -> Int[Tensor, "*B"]:
    """A shortest way: along the column first, then along the row."""
    down, right = (goal - place).unbind(-1)
    sideways = torch.where(right > 0, RIGHT, torch.where(right < 0, LEFT, STAY))
    return torch.where(down > 0, DOWN, torch.where(down < 0, UP, sideways))


def cells_of(env: MultiAgentGridWorld) -> Int[Tensor, "C 2"]:
    """Row and column of all cells, row by row."""
    rows = torch.arange(env.rows, device=env.device)
    return torch.cartesian_prod(rows, torch.arange(env.columns, device=env.device))


def along_the_rows(env: MultiAgentGridWorld) -> Int[Tensor, " C"]:
    """Each cell's place on the path to the right along the first row, back along the second, ..."""
    row, column = cells_of(env).unbind(-1)
    back = env.columns - 1 - column
    return row * env.columns + torch.where(row % 2 == 0, column, back)


class OpenLoopSweep:
    """Each agent goes into a corner, to know where it is, then along the rows from its own share.

    The path along the rows is cut into N shares of equal length. Nobody looks at anything: after
    H - 1 steps against one wall and W - 1 against another all are in the corners they chose.
    """

    def __call__(self, env: MultiAgentGridWorld) -> Int[Tensor, "B N"]:
        """What everybody does now."""
        H, W, N = env.rows, env.columns, env.n_agents
        if env.t == 0:
            self.path = cells_of(env)[along_the_rows(env).argsort()]
            self.at = torch.arange(N, device=env.device) * len(self.path) // N
            last = torch.tensor([H - 1, W - 1], device=env.device)
            self.low = 2 * self.path[self.at] >= last  # which of the two walls is nearer
            self.place = torch.where(self.low, last, 0)  # where it will be: the corner
        low, right = self.low.unbind(-1)
        if env.t < H - 1:
            action = torch.where(low, DOWN, UP)
        elif env.t < H - 1 + W - 1:
            action = torch.where(right, RIGHT, LEFT)
        else:
            arrived = (self.place == self.path[self.at]).all(-1)
            self.at = (self.at + arrived) % len(self.path)
            action = towards(self.place, self.path[self.at])
            self.place = self.place + torch.tensor(MOVES, device=env.device)[action]
        return action.expand(env.num_envs, -1)


class Search:
    """Everybody keeps a map of what it has seen, takes the targets on it, else goes exploring.

    It goes to the nearest target on its map, but leaves a target to another agent that it knows to
    be nearer. With no target to take it goes to a cell not yet seen: the nearest one of its own
    share of the rows, or else the nearest of all. It keeps that goal until the cell is seen.

    Args:
        told: in every step all show their maps to those who hear them, and so know where these
            are. Else each has its own map, and knows of others only where it sees them.
    """

    goal: Tensor  # (B, N), numbers of cells

    def __init__(self, told: bool):
        self.told = told

    def __call__(self, env: MultiAgentGridWorld) -> Int[Tensor, "B N"]:
        """What everybody does now."""
        B, N, cells = env.num_envs, env.n_agents, cells_of(env)
        away = (env.position[:, :, None] - cells).abs()  # (B, N, C, 2)
        in_view, distance = (away <= env.view).all(-1), away.sum(-1)
        cell_of_target = env.targets[..., 0] * env.columns + env.targets[..., 1]
        there = torch.zeros(B, len(cells), dtype=torch.bool, device=env.device)
        there.scatter_(1, cell_of_target, ~env.reached)
        if env.t == 0:
            self.seen, self.empty = torch.zeros_like(in_view), torch.zeros_like(in_view)
            share = along_the_rows(env) * N // len(cells)
            self.foreign = share != torch.arange(N, device=env.device)[:, None]  # (N, C)
        # Both only grow: targets vanish, but none appears.
        self.seen = self.seen | in_view
        self.empty = self.empty | (in_view & ~there[:, None])
        if self.told:
            known = env.adjacency()
            maps = torch.cat([self.seen, self.empty], -1).float()
            self.seen, self.empty = (known.float() @ maps > 0).chunk(2, -1)
        else:
            apart = (env.position[:, :, None] - env.position[:, None]).abs().amax(-1)
            known = apart <= env.view
        unseen, target = ~self.seen, self.seen & ~self.empty

        # Who is told tells agents apart, so that of two equally near ones the first may go.
        rank = N * distance + self.told * torch.arange(N, device=env.device)[:, None]
        far = env.rows + env.columns  # more than any distance
        nearest = torch.full_like(rank, N * far)
        for j in range(N):  # one by one: all at once would take B x N x N x C numbers
            of_j = torch.where(known[:, :, j, None], rank[:, None, j], N * far)
            nearest = torch.minimum(nearest, of_j)
        others = rank > nearest  # another one's to take

        cost = distance + far * (1 + self.foreign + 2 * others)  # of exploring
        cost = torch.where(unseen, cost, 9 * far)
        cost = torch.where(target, distance + 6 * far * others, cost)
        best = cost.argmin(-1)
        if env.t > 0:
            goals = torch.stack([best, self.goal], -1)
            keep = unseen.gather(2, goals).all(-1)  # both are for exploring
            best = torch.where(keep, self.goal, best)
        self.goal = best
        return towards(env.position, cells[best])


def full_information(env: MultiAgentGridWorld) -> Int[Tensor, "B N"]:
    """A target for each agent, chosen again in every step, to make the longest way the shortest.

    To this end the sum of 2^distance is minimised. Agents in excess of targets stay.
    """
    away = (env.position[:, :, None] - env.targets[:, None]).abs().sum(-1).cpu()
    goal = env.position.clone()
    for b in env.running.nonzero()[:, 0].tolist():
        left = (~env.reached[b]).nonzero()[:, 0].cpu()
        agents, chosen = scipy.optimize.linear_sum_assignment(2.0 ** away[b][:, left].numpy())
        goal[b, agents] = env.targets[b, left[chosen].to(env.device)]
    return towards(env.position, goal)


def crowd(n_agents: int = 20, **settings: Any) -> MultiAgentGridWorld:
    """The crowd of the graph attention chapter, at the same density for any number of agents.

    A fifth of the cells are targets, as many as there are agents, and time is short.
    """
    side = round((5 * n_agents) ** 0.5)
    return MultiAgentGridWorld(
        grid_size=(side, side), n_agents=n_agents, n_targets=n_agents, max_steps=10, view=2,
        hearing=5, task="cover", **settings,
    )  # fmt: skip


def assigned(env: MultiAgentGridWorld) -> Int[Tensor, "B N"]:
    """A target for everybody, so that the ways together are the shortest: who sees everything."""
    away = (env.position[:, :, None] - env.targets[:, None]).abs().sum(-1)
    goal = torch.stack(
        [torch.from_numpy(scipy.optimize.linear_sum_assignment(one)[1]) for one in away.numpy()]
    )
    place = env.targets.gather(1, goal[..., None].expand(-1, -1, 2))
    return towards(env.position, place)


def _task(isolates: str, **settings: Any) -> Task:
    env = partial(MultiAgentGridWorld, **settings)
    H, W = settings["grid_size"]
    return Task(
        key=f"grid{H}",
        name=f"Grid world, {H} × {W}, {settings['n_agents']} agents",
        isolates=isolates,
        make=env,
        score="steps",
        unit="steps until all targets are collected",
        policies=(
            ScriptedPolicy("random", "random", UniformPolicy),
            ScriptedPolicy("open-loop sweep", "open-loop", OpenLoopSweep),
            ScriptedPolicy("own view", "own view", partial(Search, told=False)),
            ScriptedPolicy("neighbours' views", "shared view", partial(Search, told=True)),
            ScriptedPolicy("full information", "best", lambda: full_information),
        ),
        show="neighbours' views",
        higher_is_better=False,
    )


TASKS = (
    _task(
        "talk: sharing what one has seen with those nearby",
        grid_size=(8, 8),
        n_agents=3,
        n_targets=3,
        max_steps=50,
    ),
    _task(
        "talk: the same with as many cells per agent, but more agents than one can hear",
        grid_size=(16, 16),
        n_agents=12,
        n_targets=12,
        max_steps=100,
    ),
)


def _crowd_task(n_agents: int, episodes: int) -> Task:
    full = ScriptedPolicy("full information", "best", lambda: assigned)
    small = n_agents == 20  # the size that teams are trained at
    return Task(
        key="grid" if small else f"grid-{n_agents}",
        name=f"Crowd on a grid, {n_agents:,} agents",
        isolates="scale: as many agents as targets, in a hurry",
        make=partial(crowd, n_agents),
        score="success",
        unit="share of targets covered in the end",
        policies=(ScriptedPolicy("random", "random", UniformPolicy), full) if small else (full,),
        trivial="random" if small else "",
        episodes=episodes,
    )


CROWD_TASKS = tuple(
    _crowd_task(n, episodes)
    for n, episodes in ((20, 500), (100, 200), (200, 100), (400, 50), (1000, 20))
)
