"""T-maze: what is seen at the start decides which way to turn at the end.

Description:
    A corridor of `length` cells, numbered from 0, leads to a junction, cell number `length`. Each
    agent starts in cell 0, where a sign says "up" or "down"; at the junction it turns up or down.
    Agents do not meet: each has a maze and a sign of its own.
    With `witness=True` there are two agents and one maze: agent 0 is shown the sign, once, and
    then waits outside; agent 1 walks and never sees the sign. It has to be told, and one of the
    two has to remember.
Actions:
    `0` FORWARD: one cell on; nothing happens at the junction. `1` UP, `2` DOWN: turn at the
    junction; nothing happens before it. There is no way back. The actions of an agent that has
    turned, and all those of the witness, are ignored.
Observation, per agent, float32, O = 4, at most one number is 1, the others are 0:
    0: the sign, which says up; 1: the sign, which says down; 2: a cell of the corridor; 3: the
    junction. An agent in cell 0 sees the sign, as long as it stays there; with a witness it sees a
    cell of the corridor. The witness sees the sign before the first step, all zero afterwards.
    All zero for an agent that has turned.
Rewards:
    1 to an agent in the step in which it turns as its sign said, else 0. With a witness both get
    the agent's reward.
Start and end:
    each sign is up or down with probability 1/2. An agent that has turned is no longer alive; the
    episode ends (terminated) when all have turned, else after `max_steps` (truncated). Success:
    the share of agents that have turned the right way.
Arguments:
    length: of the corridor in cells, from 1. n_agents: N, from 1; with a witness 2. Default: 1
    without, 2 with a witness. max_steps: T; default 3 (length + 1), in which an agent that moves
    by chance turns more often than not, however long the maze. witness: see Description.
    num_envs, device, seed: as in every environment.
Reference scores, exact, of the success:
    1/2 without memory, since at the junction all look the same; a clock would be memory too, as a
    agent can wait by the sign. With memory 1. With a witness 1/2 without talking, however good
    the memory; with both 1. Random moves 0.32 at length 10; the formula is `random_success` in
    `baselines/tmaze.py`.
Source:
    the T-maze of Bakker, Reinforcement learning with long short-term memory (NeurIPS 2001). There
    one can also walk back, and rewards are 4, or -0.1 for a wrong turn and for walking into a
    wall. Here getting to the junction is easy, so that memory is what makes it hard. The witness
    is of this course.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from marl_edu.core.checks import positive_int
from marl_edu.core.registry import register
from marl_edu.envs.base.env import BatchedEnv
from marl_edu.envs.drawing import shapes
from marl_edu.envs.drawing.shapes import CELL

FORWARD, UP, DOWN = range(3)
SIGN_UP, SIGN_DOWN, CORRIDOR, JUNCTION, NOTHING = range(5)  # what an agent sees


@register("t-maze")
class TMaze(BatchedEnv):
    """B times N mazes; the module's docstring is the specification."""

    n_actions = 3
    obs_dim = 4
    frozen = ("cell", "turned")

    def __init__(
        self,
        length: int = 10,
        n_agents: int | None = None,
        max_steps: int | None = None,
        witness: bool = False,
        num_envs: int = 64,
        device: str = "cpu",
        seed: int | None = None,
    ):
        super().__init__(num_envs, device, seed)
        self.length = positive_int("length", length)
        if not isinstance(witness, bool):
            raise TypeError(f"witness must be True or False, got {witness!r}")
        self.witness = witness
        self.n_agents = positive_int("n_agents", 1 + witness if n_agents is None else n_agents)
        if witness and self.n_agents != 2:
            raise ValueError(f"n_agents must be 2 with a witness, got {n_agents!r}")
        steps = 3 * (self.length + 1) if max_steps is None else max_steps
        self.max_steps = positive_int("max_steps", steps)

    def _reset(self) -> None:
        """Put up the signs; everybody stands in cell 0."""
        B, N = self.num_envs, self.n_agents
        self.sign = torch.where(self.uniform(N) < 0.5, UP, DOWN)
        if self.witness:
            self.sign = self.sign[:, :1].expand(B, N)  # one maze, one sign
        self.cell = torch.zeros(B, N, dtype=torch.int64, device=self.device)
        self.turned = torch.zeros_like(self.cell)  # UP, DOWN, or 0: not yet

    def _step(self, actions: Int[Tensor, "B N"]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        if self.witness:
            actions = actions[:, 1:].expand_as(actions)  # wherever the agent is, both are
        turns = (self.cell == self.length) & (actions != FORWARD) & (self.turned == 0)
        self.cell = (self.cell + (actions == FORWARD)).clamp_max(self.length)
        self.turned = torch.where(turns, actions, self.turned)
        self.alive = self.turned == 0
        reward = (turns & (actions == self.sign)).float()
        return reward, ~self.alive.any(1), {}

    def _success(self) -> Float[Tensor, " B"]:
        return (self.turned == self.sign).float().mean(1)

    def _get_obs(self) -> Float[Tensor, "B N O"]:
        place = torch.where(self.cell == self.length, JUNCTION, CORRIDOR)
        sign = torch.where(self.sign == UP, SIGN_UP, SIGN_DOWN)
        if self.witness:
            shown = torch.where(self.clock == 0, sign[:, 0], NOTHING)[:, None]
            seen = torch.cat([shown, place[:, 1:]], 1)
        else:
            seen = torch.where(self.cell == 0, sign, place)
        seen = torch.where(self.turned == 0, seen, NOTHING)
        return F.one_hot(seen, 5)[..., :4].float()

    @property
    def state_dim(self) -> int:
        """S."""
        return self.n_agents * (self.length + 6)

    @property
    def state(self) -> Float[Tensor, "B S"]:
        """All there is to know, one-hot: every agent's cell, sign, and how it has turned."""
        cell, turned = F.one_hot(self.cell, self.length + 1), F.one_hot(self.turned, 3)
        return torch.cat([cell, F.one_hot(self.sign - UP, 2), turned], -1).float().flatten(1)

    def _draw(self, b: int) -> str:
        """A maze per agent, one below the other. A witness stands beside the corridor."""
        agents = [1] if self.witness else range(self.n_agents)
        parts = [part for k, i in enumerate(agents) for part in self._draw_maze(b, i, 4 * k)]
        if self.witness:
            parts.append(shapes.agent(0, *shapes.centre(2, 0)))
        right = int((self.turned == self.sign)[b, list(agents)].sum())
        label = (
            f"T-maze after {self.t} of {self.max_steps} steps: {right} of {len(agents)} "
            f"agent{'s' * (len(agents) > 1)} turned the right way"
        )
        size = (self.length + 1) * CELL, (4 * len(agents) - 1) * CELL
        return shapes.canvas(*size, parts, label)

    def _draw_maze(self, b: int, i: int, top: int) -> list[str]:
        """Agent i's maze, its first row `top`. The ring is where the sign above cell 0 points."""
        rows = {0: top + 1, UP: top, DOWN: top + 2}  # by the turn taken
        sign, turned = int(self.sign[b, i]), int(self.turned[b, i])
        walls = [(top + side, column) for side in (0, 2) for column in range(self.length)]
        if self.witness:
            walls.remove((top + 2, 0))
        x, y = shapes.centre(top, 0)
        return [
            shapes.cells(walls),
            shapes.words("↑" if sign == UP else "↓", x, y + 9, 26, "var(--paper)"),
            shapes.target(*shapes.centre(rows[sign], self.length), radius=17),
            shapes.agent(i, *shapes.centre(rows[turned], int(self.cell[b, i]))),
        ]
