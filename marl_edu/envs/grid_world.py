"""Grid world: a team collects targets, and each agent sees only a few cells around itself.

Description:
    N agents on a grid of H x W cells look for K targets, which do not move. Nobody is blocked:
    any number of agents may share a cell. What lies outside an agent's small window it can only
    remember or be told.
Actions:
    `0` up (row - 1), `1` down (row + 1), `2` left (column - 1), `3` right (column + 1), `4` stay.
    All act at once; who would leave the grid stays where it is.
Observation, per agent, float32:
    row / (H - 1) and column / (W - 1) of its own cell, in [0, 1] (0 on a side of one cell); then
    for each cell of the (2 view + 1)² window around it, row by row from the top left, three
    numbers: 1 if the cell lies outside the grid; the number of other agents there, in 0..N - 1;
    1 if there is a target to be had. O = 2 + 3 (2 view + 1)²: 77 at view 2.
Rewards, per agent, after the moves of a step:
    -0.01 for the step; -0.1 for every other agent in its cell; and for a target in its cell
    "collect": 10, "cover": 10 / max_steps, divided equally among all agents in the cell.
    With `shared_reward=True` everybody gets the mean of these rewards over the team.
Tasks:
    "collect": a target that an agent stands on after the moves is collected and gone, from the
    observation of the same step on. "cover": targets stay, and pay in every step.
Start and end:
    N + K different cells, drawn without replacement, all choices equally likely. So no target is
    under an agent at the start. "collect" ends when the last target is collected (terminated), or
    after `max_steps` (truncated); "cover" always lasts `max_steps`. Success: the share of targets
    collected by now; in "cover" the share that is under an agent now.
Who hears whom:
    `adjacency()`: agents whose rows and whose columns differ by at most `hearing`, both alive,
    each itself included. `neighbours(k)`: the same as a list of the k nearest, for many agents.
Arguments:
    grid_size: (H, W), or one number for both. n_agents: N. n_targets: K. max_steps: T. view: cells
    seen in each direction, from 0. hearing: cells heard in each direction, from 0. task: "collect"
    or "cover". shared_reward: see Rewards. num_envs, device, seed: as in every environment.
State:
    `position` `(B, N, 2)`: row and column of each agent. `targets` `(B, K, 2)`: of each target.
    `reached` `(B, K)`: which targets are collected, or covered now.
Reference scores:
    in steps until all targets are collected, at the default settings / on 16 x 16 cells with 12
    agents, 12 targets and 100 steps, which are as many cells per agent (means of 2,000 / 500
    episodes): random 46 / 98; a sweep that looks at nothing 29 / 56; each with a map of its own
    6.9 / 13.9; with the maps of those it hears 6.0 / 9.5; everybody knows all 5.1 / 7.3. So
    neighbours bring half of what not knowing costs, with more agents two thirds. See
    `baselines/grid_world.py`.
Source:
    this course's demo, whose grid world has a public namesake with the same actions and rewards
    (smruthidinesh/Multi-Agent-Reinforcement-Learning). There everybody sees everything, so that
    nobody has anything to tell. View, hearing, sharing of a target and "cover" are this course's.
"""

import math
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from marl_edu.core.checks import one_of, positive_int, whole_number
from marl_edu.core.registry import register
from marl_edu.envs.base.env import BatchedEnv
from marl_edu.envs.drawing import shapes
from marl_edu.envs.drawing.shapes import CELL

UP, DOWN, LEFT, RIGHT, STAY = range(5)
MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1), (0, 0))  # (row, column) of each action
STEP_REWARD, COLLISION_REWARD, TARGET_REWARD = -0.01, -0.1, 10.0
LARGEST_PICTURE = 16  # rows and columns; of a larger grid a part is drawn


@register("grid-world")
class MultiAgentGridWorld(BatchedEnv):
    """B grids with N agents each; the module's docstring is the specification."""

    n_actions = 5
    frozen = ("position", "reached")
    info_keys = ("collided",)

    def __init__(
        self,
        grid_size: int | tuple[int, int] = (8, 8),
        n_agents: int = 3,
        n_targets: int = 3,
        max_steps: int = 50,
        view: int = 2,
        hearing: int = 5,
        task: str = "collect",
        shared_reward: bool = False,
        num_envs: int = 64,
        device: str = "cpu",
        seed: int | None = None,
    ):
        super().__init__(num_envs, device, seed)
        self.rows, self.columns = _sides(grid_size)
        self.n_agents = positive_int("n_agents", n_agents)
        self.n_targets = positive_int("n_targets", n_targets)
        self.max_steps = positive_int("max_steps", max_steps)
        self.view, self.hearing = whole_number("view", view), whole_number("hearing", hearing)
        self.task = one_of("task", task, ("collect", "cover"))
        if not isinstance(shared_reward, bool):
            raise ValueError(f"shared_reward must be True or False, got {shared_reward!r}")
        self.shared_reward = shared_reward
        n_cells = self.rows * self.columns
        if n_agents + n_targets > n_cells:
            raise ValueError(
                f"n_agents + n_targets must be at most {n_cells}, the cells of a grid of "
                f"{self.rows} x {self.columns}, got {n_agents} + {n_targets}"
            )
        self._build_tables()

    def _build_tables(self) -> None:
        """Constants on the device. Things are counted on a grid with a border as wide as a view."""
        H, W, v = self.rows, self.columns, self.view
        self.obs_dim = 2 + 3 * (2 * v + 1) ** 2
        self._moves = torch.tensor(MOVES, device=self.device)
        self._last = torch.tensor([H - 1, W - 1], device=self.device)
        outside = F.pad(torch.zeros(H, W), (v, v, v, v), value=1.0)
        self._outside = outside.flatten().to(self.device)  # (G,)
        self._window = _window(v, W + 2 * v).to(self.device)  # ((2 view + 1)²,)

    @property
    def obs_high(self) -> Float[Tensor, " O"]:
        """1, but for the numbers of other agents: N - 1."""
        high = torch.ones(self.obs_dim)
        high[3::3] = self.n_agents - 1
        return high

    def _reset(self) -> None:
        N, K = self.n_agents, self.n_targets
        chance = self.uniform(self.rows * self.columns)
        cells = chance.argsort(dim=1, stable=True)[:, : N + K]
        places = torch.stack([cells // self.columns, cells % self.columns], -1)
        self.position, self.targets = places[:, :N], places[:, N:]
        self.reached = torch.zeros(self.num_envs, K, dtype=torch.bool, device=self.device)
        self._target_cell = self._cell(self.targets, self.view)

    def _cell(self, place: Int[Tensor, "B M 2"], border: int) -> Int[Tensor, "B M"]:
        """Numbers of cells, row by row, on the grid with a border of so many cells."""
        return (place[..., 0] + border) * (self.columns + 2 * border) + place[..., 1] + border

    def _count(self, cell: Int[Tensor, "B N"]) -> Float[Tensor, "B cells"]:
        """How many agents are in every cell of the grid with its border."""
        count = self._outside.new_zeros(self.num_envs, len(self._outside))
        return count.scatter_add_(1, cell, count.new_ones(cell.shape))

    def _to_be_had(self) -> Float[Tensor, "B cells"]:
        """Where a target is to be had, on the grid with its border."""
        there = torch.ones_like(self.reached) if self.task == "cover" else ~self.reached
        free = self._outside.new_zeros(self.num_envs, len(self._outside))
        return free.scatter_(1, self._target_cell, there.to(free.dtype))

    def _step(self, actions: Int[Tensor, "B N"]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        moved = self.position + F.embedding(actions, self._moves)
        self.position = torch.minimum(moved.clamp_min(0), self._last)
        cell = self._cell(self.position, self.view)
        count = self._count(cell)
        here = count.gather(1, cell)  # itself included
        prize = TARGET_REWARD if self.task == "collect" else TARGET_REWARD / self.max_steps
        found = self._to_be_had().gather(1, cell)
        reward = STEP_REWARD + COLLISION_REWARD * (here - 1) + prize * found / here
        if self.shared_reward:
            reward = reward.mean(1, keepdim=True).expand_as(reward)
        covered = count.gather(1, self._target_cell) > 0
        if self.task == "cover":
            self.reached = covered
            ended = torch.zeros_like(self.running)
        else:
            self.reached = self.reached | covered
            ended = self.reached.all(1)
        return reward, ended, {"collided": here > 1}

    def _success(self) -> Float[Tensor, " B"]:
        return self.reached.float().mean(1)

    def _get_obs(self) -> Float[Tensor, "B N O"]:
        B, N, G = self.num_envs, self.n_agents, len(self._outside)
        cell = self._cell(self.position, self.view)
        outside = self._outside.expand(B, -1)
        grid = torch.stack([outside, self._count(cell), self._to_be_had()], -1)  # (B, G, 3)
        first = G * torch.arange(B, device=self.device)  # of each environment's cells
        seen = (first[:, None] + cell)[..., None] + self._window  # (B, N, window²)
        obs = torch.empty(B, N, self.obs_dim, device=self.device)
        obs[..., :2] = self.position / self._last.clamp_min(1)
        obs[..., 2:] = F.embedding(seen, grid.view(B * G, 3)).flatten(2)
        obs[..., 3 + 3 * (len(self._window) // 2)] -= 1  # not itself, in the middle
        return obs

    # -- who hears whom ---------------------------------------------------------------------------

    def adjacency(self) -> Bool[Tensor, "B N N"]:
        """`[b, i, j]`: i hears j, itself included: at most `hearing` rows and columns away."""
        away = (self.position[:, :, None] - self.position[:, None]).abs().amax(-1)
        return super().adjacency() & (away <= self.hearing)

    def neighbours(self, k: int) -> tuple[Int[Tensor, "B N k"], Bool[Tensor, "B N k"]]:
        """The k nearest of those whom each agent hears, and which of the k places are taken.

        Itself comes first, then the others by distance: the larger of the differences of rows and
        columns. At the same distance cells come row by row, and agents in a cell by number. If k is
        large enough this is `adjacency()` as a list. Memory grows with N, not with N², even where
        all agents crowd into one cell.
        """
        k, N = positive_int("k", k), self.n_agents
        h = min(self.hearing, max(self.rows, self.columns) - 1)
        cell = self._cell(self.position, h)
        n_cells = (self.rows + 2 * h) * (self.columns + 2 * h)
        # Agents sorted by cell: those of cell c are order[first[c]], order[first[c] + 1], ...
        order = cell.argsort(dim=1, stable=True)
        count = cell.new_zeros(self.num_envs, n_cells)
        count.scatter_add_(1, cell, torch.ones_like(cell))
        first = count.cumsum(1) - count
        rank = order.argsort(1) - first.gather(1, cell)  # among those in its own cell

        window = _window(h, self.columns + 2 * h).to(self.device)
        side = torch.arange(-h, h + 1, device=self.device).abs()
        ring = torch.maximum(side[:, None], side).flatten()
        around = cell[..., None] + window[ring.argsort(stable=True)]  # (B, N, cells), nearest first
        there = count.gather(1, around.flatten(1)).view(around.shape)
        there[..., 0] -= 1  # others
        up_to = there.cumsum(-1)
        # The n-th of the others is in the first cell up to which there are more than n.
        n = torch.arange(k - 1, device=self.device).expand(self.num_envs, N, -1).contiguous()
        which = torch.searchsorted(up_to, n, right=True)
        taken = which < len(window)
        which = which.clamp_max(len(window) - 1)
        in_cell = n - (up_to - there).gather(2, which)
        in_cell = in_cell + ((which == 0) & (in_cell >= rank[..., None]))  # pass over itself
        start = first.gather(1, around.gather(2, which).flatten(1)).view(which.shape)
        others = order.gather(1, (start + in_cell).clamp_max(N - 1).flatten(1)).view(which.shape)

        itself = torch.arange(N, device=self.device).expand(self.num_envs, -1)[..., None]
        index = torch.cat([itself, torch.where(taken, others, itself)], -1)
        mask = torch.cat([torch.ones_like(taken[..., :1]), taken], -1) if k > 1 else itself >= 0
        return index, mask & self.alive[..., None]

    # -- the picture ------------------------------------------------------------------------------

    def _draw(self, b: int) -> str:
        """Agents in one cell share it. Of a large grid the part around agent 0 is drawn."""
        height, width = min(self.rows, LARGEST_PICTURE), min(self.columns, LARGEST_PICTURE)
        row, column = self.position[b, 0].tolist()
        top = min(max(row - height // 2, 0), self.rows - height)
        left = min(max(column - width // 2, 0), self.columns - width)
        shown: dict[tuple[int, int], list[int]] = {}  # agents by cell
        for i, (r, c) in enumerate((self.position[b].cpu() - torch.tensor([top, left])).tolist()):
            if 0 <= r < height and 0 <= c < width:
                shown.setdefault((r, c), []).append(i)
        outlines, discs = [], []
        for (r, c), here in shown.items():
            outlines.append(shapes.outline(r, c, self.view, height, width, here[0]))
            across = math.ceil(math.sqrt(len(here)))  # discs side by side in this cell
            for n, i in enumerate(here):
                down, right = (x - (across - 1) / 2 for x in divmod(n, across))
                x, y = shapes.centre(r + down / across, c + right / across)
                discs.append(shapes.agent(i, x, y, 15 / across))
        had = self.reached[b].tolist() if self.task == "collect" else [False] * self.n_targets
        rings = [
            shapes.target(*shapes.centre(r - top, c - left), radius=17)
            for (r, c), gone in zip(self.targets[b].tolist(), had, strict=True)
            if not gone and 0 <= r - top < height and 0 <= c - left < width
        ]
        done = {"collect": "collected", "cover": "covered"}[self.task]
        part = "" if (height, width) == (self.rows, self.columns) else ", the part around agent 0"
        label = (
            f"Grid world of {self.rows} x {self.columns} cells{part}, {self.n_agents} agents, "
            f"after {self.t} of {self.max_steps} steps: "
            f"{int(self.reached[b].sum())} of {self.n_targets} targets {done}"
        )
        parts = [*outlines, shapes.grid(height, width), *rings, *discs]
        return shapes.canvas(width * CELL, height * CELL, parts, label)


def _window(reach: int, columns: int) -> Int[Tensor, " window"]:
    """What to add to a cell's number for the cells around it, on a grid of so many columns."""
    side = torch.arange(-reach, reach + 1)
    return (side[:, None] * columns + side).flatten()


def _sides(grid_size: Any) -> tuple[int, int]:
    """(rows, columns), or a ValueError."""
    sides = grid_size if isinstance(grid_size, tuple | list) else (grid_size, grid_size)
    try:
        rows, columns = (positive_int("grid_size", side) for side in sides)
    except ValueError:
        raise ValueError(
            f"grid_size must be two whole numbers of at least 1, (rows, columns), or one for both, "
            f"got {grid_size!r}"
        ) from None
    return rows, columns
