"""Tag: slow predators hunt fast prey in the open, round obstacles.

Description:
    P predators, Q prey, K obstacles in the plane. Predators are rewarded together, so that they
    had better surround; the prey is faster than each of them. The physics and its conventions are
    those of `particles.py`; all bodies are solid:

    | body     | radius | acceleration | largest speed |
    |----------|--------|--------------|---------------|
    | predator | 0.075  | 3            | 1             |
    | prey     | 0.05   | 4            | 1.3           |
    | obstacle | 0.2    | does not move |              |
Actions:
    `0` nothing, `1` left, `2` right, `3` down, `4` up: a push for one step. With
    `continuous=True` five numbers in [0, 1] instead (`particles.py`).
Observation, per agent, in this order, without bounds, N = P + Q, O = 2 + 2 K + 2 N + 2 Q:
    own velocity (x, y); own position (x, y); for every obstacle its position minus one's own
    (x, y); for every other agent, predators first, its position minus one's own (x, y); for every
    other prey its velocity (x, y). A prey has one other prey fewer: its last two numbers are 0.
Rewards, after the move; a predator and a prey touch if they are nearer than 0.125:
    every predator: 10 for each pair of a predator and a prey that touch, whoever it is.
    every prey: -10 for each predator that touches it, - edge(|x|) - edge(|y|) of its position,
    where edge(z) = 0 up to 0.9, 10 (z - 0.9) up to 1, and min(exp(2 z - 2), 10) beyond.
Start and end:
    agents at rest anywhere in [-1, 1]², obstacles in [-0.9, 0.9]²; `max_steps` steps, then
    truncation. `success` is the predators': a prey was touched at least once in the episode.
Arguments:
    n_predators: P, from 1. n_prey: Q, from 1. n_obstacles: K, from 0. max_steps: from 1.
    continuous: see Actions. num_envs, device, seed: as in every environment. dtype: torch.float32,
    or torch.float64.
Reference scores, P = 3, Q = 1, K = 2: random agents touch in 18 % of the episodes (a predator's
return is
    4.3), predators that chase a random prey in 97 % (66), one that flees in 84 % (44).
Differences from OpenAI's original: order of a step and numbers of the actions, see `particles.py`;
    both as there with `convention="openai"`.
    Names are MPE2's: predators are `adversary_0`, ..., prey `agent_0`, ...
Source:
    Lowe et al. 2017 (MADDPG, arXiv 1706.02275); as simple_tag_v3 in MPE2 1.1.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marl_edu.core.checks import one_of, positive_int, whole_number
from marl_edu.core.registry import register
from marl_edu.envs.base.env import Actions
from marl_edu.envs.drawing.shapes import agent, canvas, target, words
from marl_edu.envs.particles import CONVENTIONS, SIDE, Particles, distances

PREDATOR = {"radius": 0.075, "acceleration": 3.0, "max_speed": 1.0}
PREY = {"radius": 0.05, "acceleration": 4.0, "max_speed": 1.3}
OBSTACLE_RADIUS = 0.2
TOUCH = 10.0  # what it brings, and costs


@register("predator-prey-tag")
class PredatorPreyTag(Particles):
    """B hunts; the module's docstring is the specification. State, more: `touched` `(B,)`."""

    def __init__(
        self,
        n_predators: int = 3,
        n_prey: int = 1,
        n_obstacles: int = 2,
        max_steps: int = 25,
        continuous: bool = False,
        num_envs: int = 64,
        device: str = "cpu",
        seed: int | None = None,
        dtype: torch.dtype = torch.float32,
        convention: str = "mpe2",
    ):
        super().__init__(continuous, num_envs, device, seed, dtype)
        P = self.n_predators = positive_int("n_predators", n_predators)
        Q = self.n_prey = positive_int("n_prey", n_prey)
        K = self.n_obstacles = whole_number("n_obstacles", n_obstacles)
        self.max_steps = positive_int("max_steps", max_steps)
        agents = [PREDATOR] * P + [PREY] * Q
        self._make_bodies(
            acceleration=[one["acceleration"] for one in agents],
            radius=[one["radius"] for one in agents] + [OBSTACLE_RADIUS] * K,
            max_speed=[one["max_speed"] for one in agents],
        )
        self._make_view(obs_dim=2 + 2 * K + 2 * (P + Q) + 2 * Q)
        self._follow(one_of("convention", convention, CONVENTIONS))

    @property
    def agent_names(self) -> list[str]:
        """The name of each agent."""
        predators = [f"adversary_{i}" for i in range(self.n_predators)]
        return predators + [f"agent_{i}" for i in range(self.n_prey)]

    @property
    def obs_sizes(self) -> tuple[int, ...]:
        """How many numbers of an observation are each agent's own."""
        return (self.obs_dim,) * self.n_predators + (self.obs_dim - 2,) * self.n_prey

    def _reset(self) -> None:
        self._place([1.0] * self.n_agents + [0.9] * self.n_obstacles)
        self.touched = torch.zeros_like(self.running)

    def _step(self, actions: Actions) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        self._move(actions)
        P, N = self.n_predators, self.n_agents
        predators, prey = self.position[:, :P], self.position[:, P:N]
        touching = distances(prey, predators) < PREY["radius"] + PREDATOR["radius"]  # (B, Q, P)
        self.touched = self.touched | touching.flatten(1).any(1)
        caught = TOUCH * touching.sum(2).to(self.dtype)
        catch = caught.sum(1, keepdim=True).expand(-1, P)
        reward = torch.cat([catch, -caught - edge(prey.abs()).sum(2)], 1)
        return reward, torch.zeros_like(self.running), {}

    def _success(self) -> Bool[Tensor, " B"]:
        return self.touched

    def _look(self, i: int, velocity: Tensor, position: Tensor) -> list[Tensor]:
        P, N, own = self.n_predators, self.n_agents, position[:, i]
        others = [j for j in range(N) if j != i]
        places = [position[:, j] - own for j in [*range(N, self.n_bodies), *others]]
        return [velocity[:, i], own] + places + [velocity[:, j] for j in others if j >= P]

    def _draw(self, b: int) -> str:
        """Obstacles are filled; prey is named; it says so once any of it was touched."""
        P, N = self.n_predators, self.n_agents
        places, scale, border = self._on_paper(b)
        half = round(scale * OBSTACLE_RADIUS / 2, 1)  # a ring as wide as its radius is a disc
        parts = [border]
        parts += [target(x, y, half, 2 * half, "var(--soft)") for x, y in places[N:]]
        touched = bool(self.touched[b])
        if touched:
            parts.append(words("touched", SIDE / 2, 22, colour="var(--bad)"))
        for i, (x, y) in enumerate(places[:N]):
            size = round(scale * (PREDATOR if i < P else PREY)["radius"], 1)
            parts.append(agent(i, x, y, radius=size))
            if i >= P:
                parts.append(words("prey", x, y - 1.6 * size, size=14))
        label = (
            f"Tag after {self.t} of {self.max_steps} steps: predators are the agents 0 to {P - 1}, "
            f"{self.n_prey} prey, {'' if touched else 'not '}touched so far"
        )
        return canvas(SIDE, SIDE, parts, label)


def edge(z: Float[Tensor, "*B"]) -> Float[Tensor, "*B"]:
    """What it costs a prey to be at a distance z from the middle, along one axis."""
    return torch.where(z < 1, 10 * (z - 0.9).clamp_min(0), torch.exp(2 * z - 2).clamp_max(10))
