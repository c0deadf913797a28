"""Cooperative navigation: a team spreads over landmarks without bumping into each other.

Description:
    N agents and N landmarks in the plane; nobody is told which landmark is whose. The physics and
    its conventions are those of `particles.py`: agents are solid, of radius 0.15, acceleration 5
    and without a largest speed; landmarks are marks on the ground.
Actions:
    `0` nothing, `1` left, `2` right, `3` down, `4` up: a push for one step. With
    `continuous=True` five numbers in [0, 1] instead (`particles.py`).
Observation, per agent, in this order, without bounds, O = 6 N:
    own velocity (x, y); own position (x, y); for every landmark its position minus one's own
    (x, y); for every other agent, in order of number, its position minus one's own (x, y); then
    2 (N - 1) zeros: MPE2 has a channel of two numbers per other agent there, on which nobody can
    send.
Rewards, after the move, per agent:
    (1 - local_ratio) · (- sum over landmarks of the distance to the agent nearest to it), the
    same for all, + local_ratio · (- number of other agents nearer to one than 0.3).
Start and end:
    agents and landmarks at rest, each anywhere in [-1, 1]²; `max_steps` steps, then truncation.
    `success`: the share of landmarks to which some agent is now nearer than 0.1.
Arguments:
    n_agents: N, from 1. local_ratio: in [0, 1]. max_steps: from 1. continuous: see Actions.
    num_envs, device, seed: as in every environment. dtype: torch.float32, or torch.float64.
Reference scores, N = 3, per agent: -26.5 random, -24.2 standing still; -16.0 if everybody drives to
the
    landmark nearest to itself; -7.3 with the landmarks shared out.
Differences from OpenAI's original: order of a step and numbers of the actions, see `particles.py`;
    there every agent receives the sum over the team, the two parts weigh 1 each, and an agent
    counts as colliding with itself, which costs the team N in every step. It can be had with
    `convention="openai"`, and then without a `local_ratio`.
Source:
    Lowe et al. 2017 (MADDPG, arXiv 1706.02275); as simple_spread_v3 in MPE2 1.1.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from marl_edu.core.checks import one_of, positive_int, probability
from marl_edu.core.registry import register
from marl_edu.envs.base.env import Actions
from marl_edu.envs.drawing.shapes import agent, canvas, target
from marl_edu.envs.particles import CONVENTIONS, SIDE, Particles, distances

ACCELERATION, RADIUS = 5.0, 0.15
NEAR = 0.1  # who is nearer to a landmark covers it


@register("cooperative-navigation")
class CooperativeNavigation(Particles):
    """B teams of N agents; the module's docstring is the specification."""

    def __init__(
        self,
        n_agents: int = 3,
        local_ratio: float = 0.5,
        max_steps: int = 25,
        continuous: bool = False,
        num_envs: int = 64,
        device: str = "cpu",
        seed: int | None = None,
        dtype: torch.dtype = torch.float32,
        convention: str = "mpe2",
    ):
        super().__init__(continuous, num_envs, device, seed, dtype)
        N = positive_int("n_agents", n_agents)
        self.local_ratio = probability("local_ratio", local_ratio)
        self.max_steps = positive_int("max_steps", max_steps)
        self._make_bodies([ACCELERATION] * N, radius=[RADIUS] * N + [0.0] * N)
        self._make_view(obs_dim=6 * N)
        self._follow(one_of("convention", convention, CONVENTIONS))
        if convention == "openai" and local_ratio != 0.5:
            raise ValueError(
                "local_ratio must be left out with convention 'openai', where both parts weigh 1, "
                f"got {local_ratio!r}"
            )

    def _reset(self) -> None:
        self._place([1.0] * self.n_bodies)
        self._measure()

    def _step(self, actions: Actions) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        self._move(actions)
        self._measure()
        agents = self.position[:, : self.n_agents]
        bumps = (distances(agents, agents) < 2 * RADIUS).sum(2) - 1  # everybody is near itself
        together = self.nearest.sum(1, keepdim=True)
        if self.convention == "openai":  # everybody bumps into itself, and gets what all get
            reward = (-together - (bumps + 1)).sum(1, keepdim=True).expand_as(bumps)
        else:
            reward = (self.local_ratio - 1) * together - self.local_ratio * bumps
        return reward, torch.zeros_like(self.running), {}

    def _measure(self) -> None:
        """How far from each landmark the nearest agent is, `(B, N)`."""
        agents, landmarks = self.position.chunk(2, dim=1)
        self.nearest = distances(landmarks, agents).amin(2)

    def _success(self) -> Float[Tensor, " B"]:
        return (self.nearest < NEAR).float().mean(1)

    def _look(self, i: int, velocity: Tensor, position: Tensor) -> list[Tensor]:
        N, own = self.n_agents, position[:, i]
        seen = [*range(N, 2 * N), *(j for j in range(N) if j != i)]  # landmarks, other agents
        return [velocity[:, i], own] + [position[:, j] - own for j in seen]

    def _draw(self, b: int) -> str:
        """A landmark is covered when the disc of an agent lies within its ring."""
        N = self.n_agents
        places, scale, edge = self._on_paper(b)
        rings = [target(*xy, radius=round(scale * (RADIUS + NEAR), 1)) for xy in places[N:]]
        discs = [agent(i, *places[i], radius=round(scale * RADIUS, 1)) for i in range(N)]
        covered = int((self.nearest[b] < NEAR).sum())
        label = (
            f"Cooperative navigation after {self.t} of {self.max_steps} steps: "
            f"{N} agents, {covered} of {N} landmarks covered"
        )
        return canvas(SIDE, SIDE, [edge, *rings, *discs], label)
