"""The border to environments written by others: dictionaries, numpy and agents' names live here.

`to_pettingzoo` shows a world as a PettingZoo `ParallelEnv`.
"""

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from pettingzoo import ParallelEnv

from marl_edu.envs.traffic_junction import TrafficJunction


def to_pettingzoo(world: Any, name: str = "car") -> "Parallel":
    """A world as a PettingZoo `ParallelEnv`; the two share their state.

    All slots are agents for the whole episode: in PettingZoo an agent that has left cannot come
    back, but slots of the junction are used again. A slot without a car observes zeros, gets
    reward 0, and its action is ignored; `infos[agent]["alive"]` tells.

    Args:
        world: with `batch_size` 1. name: agents are called `<name>_0`, `<name>_1`, ...
    Raises:
        ValueError: the world is a batch of several.
    """
    if world.batch_size != 1:
        raise ValueError(
            f"world must have batch_size 1 to become a PettingZoo environment, "
            f"got {world.batch_size}"
        )
    return Parallel(world, name)


class Parallel(ParallelEnv):
    """What `to_pettingzoo` returns."""

    def __init__(self, world: Any, name: str):
        self.world = world
        self.metadata = {"name": type(world).__name__, "render_modes": ["svg"]}
        self.render_mode = "svg"
        self.possible_agents = [f"{name}_{i}" for i in range(world.n_agents)]
        self.agents: list[str] = []
        shape, high = (world.obs_dim,), _highest(world)
        self._observations = {
            agent: spaces.Box(np.zeros(shape, np.float32), high) for agent in self.possible_agents
        }
        self._actions = {agent: spaces.Discrete(world.n_actions) for agent in self.possible_agents}

    def observation_space(self, agent: str) -> spaces.Space:
        return self._observations[agent]

    def action_space(self, agent: str) -> spaces.Space:
        return self._actions[agent]

    def reset(self, seed: int | None = None, options: dict | None = None):
        """Start an episode. Returns observations and infos; `options` are ignored."""
        obs = self.world.reset(seed)
        self.agents = list(self.possible_agents)
        return self._deal(obs), self._infos({"alive": self.world.alive})

    def step(self, actions: dict[str, Any]):
        """Advance by one step. Returns observations, rewards, terminations, truncations, infos.

        Raises:
            ValueError: an agent without an action, an action without an agent, or none of 0..A-1.
            RuntimeError: the episode is over.
        """
        if not self.agents:
            raise RuntimeError("the episode is over: call reset() first")
        if set(actions) != set(self.agents):
            wrong = sorted(set(actions) ^ set(self.agents))
            raise ValueError(f"actions must hold one action for each of {self.agents}; see {wrong}")
        chosen = []
        for agent in self.agents:
            if not self._actions[agent].contains(actions[agent]):
                n = self.world.n_actions
                raise ValueError(f"actions[{agent!r}] must be 0..{n - 1}, got {actions[agent]!r}")
            chosen.append(int(actions[agent]))
        batch = torch.tensor(chosen, dtype=torch.int64, device=self.world.device).view(1, -1)
        obs, reward, terminated, truncated, info = self.world.step(batch)
        observations, infos = self._deal(obs), self._infos(info)
        rewards = dict(zip(self.agents, reward[0].tolist(), strict=True))
        terminations = dict.fromkeys(self.agents, bool(terminated[0]))
        truncations = dict.fromkeys(self.agents, bool(truncated[0]))
        if terminated[0] or truncated[0]:
            self.agents = []
        return observations, rewards, terminations, truncations, infos

    def render(self) -> str:
        """The world's picture, as SVG."""
        return self.world.render(0)

    def _deal(self, batch: torch.Tensor) -> dict[str, np.ndarray]:
        return dict(zip(self.agents, batch[0].cpu().numpy().copy(), strict=True))

    def _infos(self, info: dict[str, torch.Tensor]) -> dict[str, dict[str, Any]]:
        """World by world `(1,)` and agent by agent `(1, N)`, to agent by agent."""
        shares = {k: v[0].expand(len(self.agents)).tolist() for k, v in info.items()}
        return {a: {k: v[i] for k, v in shares.items()} for i, a in enumerate(self.agents)}


def _highest(world: Any) -> np.ndarray:
    """The largest value of each number of an observation; the smallest is 0 everywhere."""
    high = np.ones(world.obs_dim, np.float32)
    if isinstance(world, TrafficJunction):
        cells = (2 * world.vision + 1) ** 2
        view = high[-cells * (world.roads.base + 3) :].reshape(cells, -1)
        view[:, -1] = world.n_agents  # a count of cars
    return high
