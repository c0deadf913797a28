"""Round bodies in the plane: the physics that the particle environments share.

Description:
    N agents and K landmarks: E = N + K bodies in the plane, which has no walls. x points to the
    right, y upwards; the starts lie in [-1, 1]². Only agents move. Solid bodies push each other
    apart where they touch.
Actions of an agent that moves:
    `0` nothing, `1` left (-x), `2` right (+x), `3` down (-y), `4` up (+y): a push with the
    force `acceleration` for one step. Every body has the mass 1. With `continuous=True` an action
    is a number in [0, 1] for each of the five instead, how hard to push that way: (0, 0, 1, 0, 0)
    is what `2` is, and a left and a right of the same size cancel. The first has no effect.
Order of a step, with position p, velocity v, force f, DT = 0.1 and DAMPING = 0.25:
    1. f = push + contact forces at the old positions;
    2. p ← p + DT · v, with the old velocity;
    3. v ← (1 - DAMPING) · v + DT · f;
    4. an agent with a largest speed s: if |v| > s, v ← v · s / |v|.
    So a push shows in the position one step later, and who stops pushing coasts on by
    v · DT / DAMPING in all.
Contact of two solid bodies at distance d, the sum of whose radii is r:
    each is pushed straight away from the other with the force
    STIFFNESS · MARGIN · ln(1 + exp((r - d) / MARGIN)), STIFFNESS = 100, MARGIN = 0.001, which is
    100 times the overlap r - d with its corner rounded off. It does not move a landmark. Two
    bodies in the very same place do not push each other (MPE2 divides by zero there).
Two conventions:
    The particle environments follow MPE2 (once a part of PettingZoo), so that numbers compare with
    it. With `convention="openai"` they are OpenAI's original environments. Those change the
    velocity first, and then move with the new one: 3, 4, and then 2 with the new velocity. In them
    `1` is right, `2` left, `3` up, `4` down. Where a team is rewarded together, each agent gets the
    sum over the team. Returns of the two do not compare.
State:
    `position` `(B, E, 2)`, agents first, and `velocity` `(B, N, 2)`. To put an environment into a
    state, assign them new tensors between two steps.
Numbers:
    `dtype` float32, or float64 to compare with other programs to the last digits.
Source:
    Lowe et al. 2017 (MADDPG, arXiv 1706.02275); MPE2 1.1.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from marl_edu.core.checks import truth_value
from marl_edu.envs.base.env import Actions, BatchedEnv
from marl_edu.envs.drawing.shapes import lines

DT, DAMPING = 0.1, 0.25
STIFFNESS, MARGIN = 100.0, 1e-3
CONVENTIONS = ("mpe2", "openai")
NOTHING, LEFT, RIGHT, DOWN, UP = range(5)
DIRECTIONS = ((0.0, 0.0), (-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0))  # of the actions

SIDE = 400  # of a picture
FIELD = 1.25  # a picture shows [-FIELD, FIELD]², or more if a body is farther out


def distances(
    a: Float[Tensor, "B one 2"], b: Float[Tensor, "B many 2"]
) -> Float[Tensor, "B one many"]:
    """From every point of `a` to every point of `b`, to full precision."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


class Particles(BatchedEnv):
    """What the particle environments have in common; the module's docstring is the specification.

    An environment calls `_make_bodies` when it is made, `_place` at a start and `_move` in a step.
    What its agents see it says in `_look` and calls `_make_view`, or it has an `_get_obs` of its
    own.
    """

    n_actions = len(DIRECTIONS)
    convention = CONVENTIONS[0]

    def __init__(
        self,
        continuous: bool,
        num_envs: int,
        device: str,
        seed: int | None,
        dtype: torch.dtype,
    ):
        super().__init__(num_envs, device, seed)
        self.continuous = truth_value("continuous", continuous)
        if dtype not in (torch.float32, torch.float64):
            raise TypeError(f"dtype must be torch.float32 or torch.float64, got {dtype!r}")
        self.dtype = dtype

    def _make_bodies(
        self,
        acceleration: Sequence[float],
        radius: Sequence[float],
        max_speed: Sequence[float] | None = None,
    ) -> None:
        """Say what moves and what collides.

        Args:
            acceleration: of a push, per agent; 0: it cannot move.
            radius: per body, agents first; 0: it is not solid.
            max_speed: per agent; None: no limit.
        """
        N, E = len(acceleration), len(radius)
        self.n_agents, self.n_bodies = N, E
        self.acceleration = self._numbers([[a, a] for a in acceleration])  # along x, along y
        self.directions = self._numbers(DIRECTIONS)
        self.max_speed = None if max_speed is None else self._numbers([[s] for s in max_speed])
        # The pairs that can touch, and the distance at which they do.
        pairs = [(i, j) for i in range(N) for j in range(i + 1, E) if radius[i] and radius[j]]
        self.first = torch.tensor([i for i, _ in pairs], dtype=torch.int64, device=self.device)
        self.second = torch.tensor([j for _, j in pairs], dtype=torch.int64, device=self.device)
        self.touch = self._numbers([radius[i] + radius[j] for i, j in pairs])

    def _follow(self, convention: str) -> None:
        """Take one of CONVENTIONS; after `_make_bodies`."""
        self.convention = convention
        if convention == "openai":
            self.directions = -self.directions

    def _numbers(self, values: Sequence[Any]) -> Tensor:
        return torch.tensor(values, dtype=self.dtype, device=self.device)

    def _place(self, half_side: Sequence[float]) -> None:
        """Every body at rest, anywhere in its square [-half_side, half_side]²."""
        u = self.uniform(self.n_bodies, 2).to(self.dtype)
        self.position = (2 * u - 1) * self._numbers(half_side)[:, None]
        self.velocity = torch.zeros_like(self.position[:, : self.n_agents])

    def _move(self, actions: Actions) -> None:
        """One step of the physics."""
        N = self.n_agents
        if self.continuous:
            push = actions.to(self.dtype) @ self.directions
        else:
            push = F.embedding(actions, self.directions)
        force = push * self.acceleration
        if len(self.touch):
            force = force + self._contact()[:, :N]
        velocity = (1 - DAMPING) * self.velocity + DT * force
        if self.max_speed is not None:
            speed = torch.hypot(*velocity.unbind(-1))[..., None]
            velocity = velocity * (self.max_speed / speed).clamp_max(1)  # at rest: inf, so 1
        position = self.position.clone()
        moving = velocity if self.convention == "openai" else self.velocity
        position[:, :N].add_(moving, alpha=DT)
        self.position, self.velocity = position, velocity

    def _contact(self) -> Float[Tensor, "B E 2"]:
        """The force on every body from all those that it touches."""
        p = self.position
        apart = p.index_select(1, self.first) - p.index_select(1, self.second)
        distance = torch.hypot(*apart.unbind(-1))
        overlap = F.softplus(self.touch - distance, beta=1 / MARGIN)
        push = apart * (STIFFNESS * overlap / distance.clamp_min(1e-9))[..., None]
        force = torch.zeros_like(p).index_add_(1, self.first, push)
        return force.index_add_(1, self.second, push, alpha=-1)

    # -- what agents see --------------------------------------------------------------------------

    def _look(self, i: int, velocity: Tensor, position: Tensor) -> list[Tensor]:
        """What agent i sees, in order: `(·, 2)` each, made of `(·, N, 2)` and `(·, E, 2)`."""
        raise NotImplementedError

    def _make_view(self, obs_dim: int) -> None:
        """Make the matrix with which `_get_obs` does for all agents at once what `_look` says.

        What an agent sees is linear in velocities and positions. So the matrix holds what `_look`
        makes of each unit vector. Its entries are 0, 1 and -1, and nothing is rounded more often.
        """
        N, E = self.n_agents, self.n_bodies
        units = torch.eye(2 * (N + E), dtype=self.dtype, device=self.device).view(-1, N + E, 2)
        rows = [torch.cat(self._look(i, units[:, :N], units[:, N:]), 1) for i in range(N)]
        self.view = torch.cat([F.pad(row, (0, obs_dim - row.shape[1])) for row in rows], 1)
        self.obs_dim = obs_dim

    def _get_obs(self) -> Float[Tensor, "B N O"]:
        seen = torch.cat([self.velocity, self.position], 1).flatten(1) @ self.view
        return seen.view(self.num_envs, self.n_agents, self.obs_dim)

    @property
    def state_dim(self) -> int:
        """S."""
        return 2 * (self.n_agents + self.n_bodies)

    @property
    def state(self) -> Float[Tensor, "B S"]:
        """All there is to know: every agent's velocity, every body's position."""
        return torch.cat([self.velocity, self.position], 1).flatten(1)

    @property
    def obs_low(self) -> Float[Tensor, " O"]:
        """No bound: the plane has no walls."""
        return torch.full((self.obs_dim,), -torch.inf)

    @property
    def obs_high(self) -> Float[Tensor, " O"]:
        """No bound: the plane has no walls."""
        return torch.full((self.obs_dim,), torch.inf)

    # -- the picture ------------------------------------------------------------------------------

    def _on_paper(self, b: int) -> tuple[list[tuple[float, float]], float, str]:
        """Where the bodies of environment b are drawn, the scale, and the edge of the start
        square."""
        p = self.position[b]
        scale = SIDE / 2 / max(FIELD, p.abs().max().item() + 0.2)
        places = [(SIDE / 2 + scale * x, SIDE / 2 - scale * y) for x, y in p.tolist()]
        low, high = SIDE / 2 - scale, SIDE / 2 + scale
        edge = [(low, low, high, low), (low, high, high, high)]
        edge += [(low, low, low, high), (high, low, high, high)]
        return places, scale, lines(edge, 1)
