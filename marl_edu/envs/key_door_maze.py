"""Key-door maze: one reward, far away, behind a locked door, and perhaps a noisy TV.

Description:
    N agents walk through rooms that are joined by gaps. The key lies at the far end of the rooms;
    a locked door, near where the agents start, leads to the goal. The map is fixed, agents do not
    block each other, and nothing is drawn by chance but the pictures on the noisy TV.
Actions:
    `0` up, `1` down, `2` left, `3` right: one cell; into a wall, or into the door without the key,
    is staying. `4` watch: staying, and if the TV is on and the agent is in sight of it, pressing
    its button, which brings the next channel.
Order of a step:
    all agents act at once, judged by the state before the step. Whoever is then on the key's cell
    takes the key, for the whole team: from the next step on the door lets everybody pass. The
    first agent on the door's cell leaves the door open. Then the channel changes.
Observation, per agent, float32, all 0 or 1:
    row of its cell (one-hot, R), column of its cell (one-hot, C), the team has the key (1), the
    door is open (1), the picture (`pixels`). R x C is the size of the map, walls included.
    O = R + C + 2 + pixels: 42 on the standard map. The picture is black (0) out of sight.
Noisy TV:
    With `noisy_tv=True`, each time any agent in sight presses the button, every pixel becomes 0 or
    1 with probability 1/2, for all who are in sight. Otherwise the picture stays as it is; it is
    black in the beginning. So what comes next cannot be predicted, and it is the agent's own
    action that brings it about. With `noisy_tv=False` the action and the pixels are there too, and
    nothing comes of them: all sizes agree.
Rewards:
    +1 for every agent in the step in which the first of them reaches the goal. Nothing else.
Start and end:
    all agents on S, no key, door shut, black picture. The episode ends when an agent is on the
    goal (terminated), or after `max_steps`. Success: the goal has been reached.
Maps, of `LAYOUTS`:
    `#` wall, `T` wall with the noisy TV, `.` floor, `:` floor in sight of the noisy TV, `S`
    start, also in sight of it, `K` key, `D` door, `G` goal. Rows count downwards from 0.
Arguments:
    layout: "standard" (9 x 15, 150 steps) or "small" (6 x 7, 100 steps). n_agents: N. noisy_tv:
    whether it is on. max_steps: T; None means the layout's. pixels: of the picture, from 1.
    num_envs, device, seed: as in every environment.
Reference scores, for one agent, exact (`marl_edu.envs.baselines.key_door_maze`):
    the shortest path has 40 steps (small: 17). Uniformly random actions reach the goal in 1.4e-8
    of all episodes, 0.00009 times in a million steps; if each action repeats the last one with
    probability 1/2, 0.04 times. (Small: in 1.8 % of all episodes.)
    The start is always the same, so a plan learned by heart reaches the goal without looking:
    what is difficult is to find it.
Source:
    this course; the noisy TV with a button is that of Burda et al., "Large-scale study of
    curiosity-driven learning" (arXiv 1808.04355).
"""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from marl_edu.core.checks import one_of, positive_int
from marl_edu.core.registry import register
from marl_edu.envs.base.env import BatchedEnv
from marl_edu.envs.drawing import shapes

UP, DOWN, LEFT, RIGHT, WATCH = range(5)
MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1), (0, 0))  # (rows, columns) per action

LAYOUTS = {
    "standard": (
        "##T############",
        "#:::#....#...K#",
        "#:S:..........#",
        "#:::#....#....#",
        "##D############",
        "#...#....#....#",
        "#.............#",
        "#...#....#...G#",
        "###############",
    ),
    "small": (
        "#T#####",
        "#S:#.K#",
        "#::...#",
        "#D#####",
        "#....G#",
        "#######",
    ),
}
STEPS = {"standard": 150, "small": 100}


@register("key-door-maze")
class KeyDoorMaze(BatchedEnv):
    """B mazes with N agents each; the module's docstring is the specification.

    `n_cells` cells are not wall; cell c is at `free[c]`, a (row, column). `cell (B, N)` is where
    the agents are.
    """

    n_actions = 5
    frozen = ("cell", "has_key", "door_open", "picture", "found")

    def __init__(
        self,
        layout: str = "standard",
        n_agents: int = 1,
        noisy_tv: bool = False,
        max_steps: int | None = None,
        pixels: int = 16,
        num_envs: int = 64,
        device: str = "cpu",
        seed: int | None = None,
    ):
        self.map = LAYOUTS[one_of("layout", layout, LAYOUTS)]
        super().__init__(num_envs, device, seed)
        self.n_agents = positive_int("n_agents", n_agents)
        if not isinstance(noisy_tv, bool):
            raise TypeError(f"noisy_tv must be True or False, got {noisy_tv!r}")
        self.noisy_tv, self.pixels = noisy_tv, positive_int("pixels", pixels)
        self.max_steps = (
            STEPS[layout] if max_steps is None else positive_int("max_steps", max_steps)
        )
        self.rows, self.columns = len(self.map), len(self.map[0])
        self.obs_dim = self.rows + self.columns + 2 + self.pixels
        self._build_tables()

    def _build_tables(self) -> None:
        """Number the cells; tabulate where each move leads, and what is seen of each cell."""
        marks = {(r, c): mark for r, row in enumerate(self.map) for c, mark in enumerate(row)}
        self.free = [where for where, mark in marks.items() if mark not in "#T"]
        self.n_cells = len(self.free)
        number = {where: cell for cell, where in enumerate(self.free)}
        self.start, self.key, self.door, self.goal = (
            next(number[where] for where in self.free if marks[where] == mark) for mark in "SKDG"
        )
        leads = torch.tensor(
            [[number.get((r + dr, c + dc), number[r, c]) for r, c in self.free] for dr, dc in MOVES]
        )
        here = torch.arange(self.n_cells)
        locked = torch.where(leads == self.door, here, leads)
        self.leads = torch.stack([locked, leads]).to(self.device)  # [key or not, action, cell]
        rows, columns = torch.tensor(self.free).T
        one_hot = torch.zeros(self.n_cells, self.rows + self.columns)
        one_hot[here, rows] = one_hot[here, self.rows + columns] = 1
        self.place = one_hot.to(self.device)  # (cells, R + C)
        sees = torch.tensor([marks[where] in ":S" for where in self.free])
        self.sees = sees.to(self.device)  # (cells,)

    def _reset(self) -> None:
        """Send everybody to the start; draw the pictures of the channels to come."""
        B, N, K = self.num_envs, self.n_agents, self.pixels
        self.cell = torch.full((B, N), self.start, device=self.device)
        self.has_key, self.door_open, self.found = (~self.running for _ in range(3))
        self.picture = torch.zeros(B, K, device=self.device)
        if self.noisy_tv:
            self.channels = (self.uniform(self.max_steps, K) < 0.5).float()

    def _step(self, actions: Int[Tensor, "B N"]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        pressed = (actions == WATCH) & self.sees[self.cell]
        self.cell = self.leads[self.has_key[:, None].long(), actions, self.cell]
        self.has_key = self.has_key | (self.cell == self.key).any(1)
        self.door_open = self.door_open | (self.cell == self.door).any(1)
        self.found = (self.cell == self.goal).any(1)
        if self.noisy_tv:
            change = pressed.any(1, keepdim=True)
            self.picture = torch.where(change, self.now(self.channels), self.picture)
        reward = self.found[:, None].float().expand(-1, self.n_agents)
        return reward, self.found, {}

    def _get_obs(self) -> Float[Tensor, "B N O"]:
        N = self.n_agents
        team = torch.stack([self.has_key, self.door_open], 1)[:, None].expand(-1, N, -1)
        picture = self.picture[:, None] * self.sees[self.cell][..., None]
        return torch.cat([self.place[self.cell], team, picture], -1)

    def _success(self) -> Bool[Tensor, " B"]:
        return self.found

    def _draw(self, b: int) -> str:
        """Whoever walks with the key of the team has it above the head."""
        marks = {(r, c): mark for r, row in enumerate(self.map) for c, mark in enumerate(row)}
        has_key, is_open = bool(self.has_key[b]), bool(self.door_open[b])
        at = [shapes.centre(row, column) for row, column in self.free]
        parts = [
            shapes.cells((w for w in marks if self.noisy_tv and marks[w] in ":S"), "var(--road)"),
            shapes.grid(self.rows, self.columns),
            shapes.cells(w for w in marks if marks[w] in "#T"),
            draw_door(*at[self.door], is_open),
            shapes.target(*at[self.goal], colour="var(--accent)"),
        ]
        if self.noisy_tv:
            (screen,) = (w for w in marks if marks[w] == "T")
            parts.append(draw_tv(*shapes.centre(*screen), self.picture[b].tolist()))
        if not has_key:
            parts.append(draw_key(*at[self.key]))
        cells = self.cell[b].tolist()
        for i, cell in enumerate(cells):
            n, (x, y) = cells.count(cell), at[cell]
            x += 38 / n * (cells[:i].count(cell) - (n - 1) / 2)  # side by side in their cell
            radius = 13 if n == 1 else max(19 / n, 6)
            parts.append(shapes.agent(i, x, y + 2, radius))
            if has_key:
                parts.append(draw_key(x, y - radius, 0.6))
        where = ", ".join(
            f"agent {i} in row {self.free[cell][0]}, column {self.free[cell][1]}"
            for i, cell in enumerate(cells)
        )
        label = (
            f"Maze after {self.t} of {self.max_steps} steps: {where}; "
            f"key {'taken' if has_key else 'not taken'}, door {'open' if is_open else 'shut'}, "
            f"goal {'reached' if self.found[b] else 'not reached'}"
        )
        size = self.columns * shapes.CELL, self.rows * shapes.CELL
        return shapes.canvas(*size, parts, label)


def draw_key(x: float, y: float, scale: float = 1) -> str:
    """A ring, a shaft and two teeth, on a light edge so that it is seen on anything."""
    shape = "M-1 0h13v5M7 0v4"
    return (
        f'<g transform="translate({x:.1f} {y:.1f}) scale({scale:g})" fill="none">'
        '<g stroke="var(--paper)" stroke-width="8" stroke-linejoin="round">'
        f'<circle cx="-6" r="5"/><path d="{shape}"/></g>'
        '<g stroke="var(--ink)" stroke-width="3">'
        f'<circle cx="-6" r="5"/><path d="{shape}"/></g></g>'
    )


def draw_door(x: float, y: float, is_open: bool) -> str:
    """A leaf with a keyhole; when open, only the frame."""
    left, top, side = x - shapes.CELL / 2 + 2, y - shapes.CELL / 2 + 2, shapes.CELL - 4
    fill = "none" if is_open else "var(--bad)"
    hole = f'<path d="M{x - 3:g} {y + 8:g}L{x:g} {y - 2:g}L{x + 3:g} {y + 8:g}z"/>'
    hole = f'<g fill="var(--paper)"><circle cx="{x:g}" cy="{y - 3:g}" r="5"/>{hole}</g>'
    return (
        f'<rect x="{left:g}" y="{top:g}" width="{side:g}" height="{side:g}" rx="3" '
        f'fill="{fill}" stroke="var(--bad)" stroke-width="4"/>{"" if is_open else hole}'
    )


def draw_tv(x: float, y: float, picture: list[float]) -> str:
    """A screen of square pixels, row by row: white light on black, in both themes of the page."""
    across = math.ceil(math.sqrt(len(picture)))
    size = 28 / across
    lit = "".join(
        f"M{x - 14 + size * (k % across):.1f} {y - 14 + size * (k // across):.1f}"
        f"h{size:.1f}v{size:.1f}h-{size:.1f}z"
        for k, pixel in enumerate(picture)
        if pixel
    )
    return (
        f'<rect x="{x - 17:g}" y="{y - 17:g}" width="34" height="34" rx="4" fill="#000" '
        'stroke="var(--paper)" stroke-width="3"/>'
        + (f'<path d="{lit}" fill="#fff"/>' if lit else "")
    )
