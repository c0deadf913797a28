"""Rules for the grid world: what looking, being told and knowing all are worth, in steps."""

from functools import partial

import torch
from jaxtyping import Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from marl_edu.envs.baselines.task import Rule, Task, UniformPolicy
from marl_edu.envs.grid_world import DOWN, LEFT, MOVES, RIGHT, STAY, UP, MultiAgentGridWorld


def towards(place: Int[Tensor, "*S 2"], goal: Int[Tensor, "*S 2"]) -> Int[Tensor, "*S"]:
    """A shortest way: along the column first, then along the row."""
    down, right = (goal - place).unbind(-1)
    sideways = torch.where(right > 0, RIGHT, torch.where(right < 0, LEFT, STAY))
    return torch.where(down > 0, DOWN, torch.where(down < 0, UP, sideways))


def cells_of(world: MultiAgentGridWorld) -> Int[Tensor, "C 2"]:
    """Row and column of all cells, row by row."""
    rows = torch.arange(world.rows, device=world.device)
    return torch.cartesian_prod(rows, torch.arange(world.columns, device=world.device))


def along_the_rows(world: MultiAgentGridWorld) -> Int[Tensor, " C"]:
    """Each cell's place on the path to the right along the first row, back along the second, ..."""
    row, column = cells_of(world).unbind(-1)
    back = world.columns - 1 - column
    return row * world.columns + torch.where(row % 2 == 0, column, back)


class BlindSweep:
    """Into a corner, where one knows where one is; then along the rows from one's own share on.

    The path along the rows is cut into N shares of equal length. Nobody looks at anything: after
    H - 1 steps against one wall and W - 1 against another all are in the corners they chose.
    """

    def __call__(self, world: MultiAgentGridWorld) -> Int[Tensor, "B N"]:
        H, W, N = world.rows, world.columns, world.n_agents
        if world.t == 0:
            self.path = cells_of(world)[along_the_rows(world).argsort()]
            self.at = torch.arange(N, device=world.device) * len(self.path) // N
            last = torch.tensor([H - 1, W - 1], device=world.device)
            self.low = 2 * self.path[self.at] >= last  # which of the two walls is nearer
            self.place = torch.where(self.low, last, 0)  # where it will be: the corner
        low, right = self.low.unbind(-1)
        if world.t < H - 1:
            action = torch.where(low, DOWN, UP)
        elif world.t < H - 1 + W - 1:
            action = torch.where(right, RIGHT, LEFT)
        else:
            arrived = (self.place == self.path[self.at]).all(-1)
            self.at = (self.at + arrived) % len(self.path)
            action = towards(self.place, self.path[self.at])
            self.place = self.place + torch.tensor(MOVES, device=world.device)[action]
        return action.expand(world.batch_size, -1)


class Search:
    """Everybody keeps a map of what it has seen, takes the targets on it, else goes exploring.

    It goes to the nearest target on its map, but leaves a target to another agent that it knows
    to be nearer. With no target to take it goes to a cell not yet seen, the nearest one of its
    own share of the rows, else the nearest one at all, and keeps that goal until the cell is seen.

    Args:
        told: in every step all show their maps to those who hear them, and so know where these
            are. Else each has its own map, and knows of others only where it sees them.
    """

    goal: Tensor  # (B, N), numbers of cells

    def __init__(self, told: bool):
        self.told = told

    def __call__(self, world: MultiAgentGridWorld) -> Int[Tensor, "B N"]:
        B, N, cells = world.batch_size, world.n_agents, cells_of(world)
        away = (world.position[:, :, None] - cells).abs()  # (B, N, C, 2)
        in_view, distance = (away <= world.view).all(-1), away.sum(-1)
        cell_of_target = world.targets[..., 0] * world.columns + world.targets[..., 1]
        there = torch.zeros(B, len(cells), dtype=torch.bool, device=world.device)
        there.scatter_(1, cell_of_target, ~world.reached)
        if world.t == 0:
            self.seen, self.empty = torch.zeros_like(in_view), torch.zeros_like(in_view)
            share = along_the_rows(world) * N // len(cells)
            self.foreign = share != torch.arange(N, device=world.device)[:, None]  # (N, C)
        # Both only grow: targets vanish, but none appears.
        self.seen = self.seen | in_view
        self.empty = self.empty | (in_view & ~there[:, None])
        if self.told:
            known = world.adjacency()
            maps = torch.cat([self.seen, self.empty], -1).float()
            self.seen, self.empty = (known.float() @ maps > 0).chunk(2, -1)
        else:
            apart = (world.position[:, :, None] - world.position[:, None]).abs().amax(-1)
            known = apart <= world.view
        unseen, target = ~self.seen, self.seen & ~self.empty

        # Who is told tells agents apart, so that of two equally near ones the first may go.
        rank = N * distance + self.told * torch.arange(N, device=world.device)[:, None]
        far = world.rows + world.columns  # more than any distance
        nearest = torch.full_like(rank, N * far)
        for j in range(N):  # one by one: all at once would take B x N x N x C numbers
            of_j = torch.where(known[:, :, j, None], rank[:, None, j], N * far)
            nearest = torch.minimum(nearest, of_j)
        others = rank > nearest  # another one's to take

        cost = distance + far * (1 + self.foreign + 2 * others)  # of exploring
        cost = torch.where(unseen, cost, 9 * far)
        cost = torch.where(target, distance + 6 * far * others, cost)
        best = cost.argmin(-1)
        if world.t > 0:
            goals = torch.stack([best, self.goal], -1)
            keep = unseen.gather(2, goals).all(-1)  # both are for exploring
            best = torch.where(keep, self.goal, best)
        self.goal = best
        return towards(world.position, cells[best])


def full_information(world: MultiAgentGridWorld) -> Int[Tensor, "B N"]:
    """A target for everybody, anew in every step, such that the longest way is the shortest.

    To that end the sum of 2^distance is made the smallest. Agents in excess of targets stay.
    """
    away = (world.position[:, :, None] - world.targets[:, None]).abs().sum(-1).cpu()
    goal = world.position.clone()
    for b in world.running.nonzero()[:, 0].tolist():
        left = (~world.reached[b]).nonzero()[:, 0].cpu()
        agents, chosen = linear_sum_assignment(2.0 ** away[b][:, left].numpy())
        goal[b, agents] = world.targets[b, left[chosen].to(world.device)]
    return towards(world.position, goal)


def _task(isolates: str, **settings) -> Task:
    world = partial(MultiAgentGridWorld, **settings)
    H, W = settings["grid_size"]
    return Task(
        name=f"Grid world, {H} × {W}, {settings['n_agents']} agents",
        isolates=isolates,
        make=world,
        score="steps",
        unit="steps until all targets are collected",
        rules=(
            Rule("random", "random", UniformPolicy),
            Rule("blind sweep", "blind", BlindSweep),
            Rule("own view", "own view", partial(Search, told=False)),
            Rule("neighbours' views", "shared view", partial(Search, told=True)),
            Rule("full information", "best", lambda: full_information),
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
