"""Adapters outward: an environment of ours as PettingZoo and Gymnasium know them.

Dictionaries, numpy and the names of agents live here, and in `incoming.py`.
"""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from pettingzoo import ParallelEnv

from marl_edu.envs.base.env import BatchedEnv


def to_pettingzoo(env: BatchedEnv, name: str | None = None) -> "Parallel":
    """An environment as a PettingZoo `ParallelEnv`; the two share their state.

    All slots are agents for the whole episode: in PettingZoo an agent that has left cannot come
    back, but slots of the junction are used again. A slot without an agent observes zeros, gets
    reward 0, and its action is ignored; `infos[agent]["alive"]` tells.

    Args:
        env: with `num_envs` 1. name: agents are called `<name>_0`, `<name>_1`, ...; None: as
            the environment calls them.
    Raises:
        ValueError: the environment is a batch of several.
    """
    _one(env, "a PettingZoo environment")
    names = env.agent_names if name is None else [f"{name}_{i}" for i in range(env.n_agents)]
    return Parallel(env, names)


def to_gymnasium(
    env: BatchedEnv,
    agent: int | None = None,
    others: Callable[[Any], torch.Tensor] | None = None,
) -> "Single | Team":
    """An environment as a Gymnasium `Env`: one of its agents, or the team as one; both share its
    state.

    Args:
        env: with `num_envs` 1.
        agent: the one who is played: observation `(O,)`, its own reward, one action. None: the
            only one there is, or else the team as one: observation `(N, O)`, the mean of the
            rewards, an action for each.
        others: how the others act, a policy `(env) -> actions (1, N)`; needed for one of many.
    Raises:
        ValueError: a batch of several environments, no such agent, or nobody to act for the others.
    """
    _one(env, "a Gymnasium environment")
    N = env.n_agents
    if agent is None and N > 1:
        if others is not None:
            raise ValueError("others act beside one agent: name it with agent=")
        return Team(env)
    agent = 0 if agent is None else agent
    if not 0 <= agent < N:
        raise ValueError(f"agent must be one of 0..{N - 1}, got {agent!r}")
    if N > 1 and others is None:
        raise ValueError(f"others must be a policy for the other {N - 1} agents, got None")
    return Single(env, agent, others)


def _one(env: BatchedEnv, what: str) -> None:
    if env.num_envs != 1:
        raise ValueError(f"env must have num_envs 1 to become {what}, got {env.num_envs}")


def _box(env: BatchedEnv, size: int) -> spaces.Box:
    """The space of the first `size` numbers of an observation."""
    low, high = env.obs_low[:size].numpy(), env.obs_high[:size].numpy()
    return spaces.Box(low, high, dtype=low.dtype.type)


class Parallel(ParallelEnv):  # type: ignore[misc]
    """What `to_pettingzoo` returns."""

    def __init__(self, env: BatchedEnv, names: list[str]):
        self.env = env
        self.metadata = {
            "name": type(env).__name__,
            "render_modes": ["svg"],
            "render_fps": 4,
        }
        self.render_mode = "svg"
        self.possible_agents = list(names)
        self.agents: list[str] = []
        self.sizes = dict(zip(names, env.obs_sizes, strict=True))
        self._observations = {agent: _box(env, size) for agent, size in self.sizes.items()}
        counts = zip(names, env.action_counts, strict=True)
        self._actions = {agent: spaces.Discrete(count) for agent, count in counts}

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """Of one agent."""
        return self._observations[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """Of one agent."""
        return self._actions[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, np.ndarray], dict[str, dict[str, Any]]]:
        """Start an episode. Returns observations and infos; `options` are ignored."""
        obs = self.env.reset(seed)
        self.agents = list(self.possible_agents)
        return self._deal(obs), self._infos({"alive": self.env.alive})

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
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
                n = self._actions[agent].n
                raise ValueError(f"actions[{agent!r}] must be 0..{n - 1}, got {actions[agent]!r}")
            chosen.append(int(actions[agent]))
        obs, reward, terminated, truncated, info = self.env.step(_batch(self.env, chosen))
        observations, infos = self._deal(obs), self._infos(info)
        rewards = dict(zip(self.agents, reward[0].tolist(), strict=True))
        terminations = dict.fromkeys(self.agents, bool(terminated[0]))
        truncations = dict.fromkeys(self.agents, bool(truncated[0]))
        if terminated[0] or truncated[0]:
            self.agents = []
        return observations, rewards, terminations, truncations, infos

    def render(self) -> str:
        """The environment's picture, as SVG."""
        return self.env.render(0)

    def _deal(self, batch: torch.Tensor) -> dict[str, np.ndarray]:
        rows = dict(zip(self.agents, batch[0].cpu().numpy(), strict=True))
        return {agent: row[: self.sizes[agent]].copy() for agent, row in rows.items()}

    def _infos(self, info: dict[str, torch.Tensor]) -> dict[str, dict[str, Any]]:
        """Environment by environment `(1,)` and agent by agent `(1, N)`, to agent by agent."""
        shares = {k: v[0].expand(len(self.agents)).tolist() for k, v in info.items()}
        return {a: {k: v[i] for k, v in shares.items()} for i, a in enumerate(self.agents)}


class _Env(gymnasium.Env):
    """What `Team` and `Single` share; they differ in what is seen, chosen and paid."""

    def __init__(self, env: BatchedEnv):
        self.env = env
        self.metadata = {"render_modes": ["svg"], "render_fps": 4}
        self.render_mode = "svg"

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode. Returns the observation and infos; `options` are ignored."""
        super().reset(seed=seed)
        return self._see(self.env.reset(seed)), {"alive": self._own(self.env.alive)}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Advance by one step. Returns observation, reward, terminated, truncated, info.

        Raises:
            ValueError: an action outside the space. RuntimeError: the episode is over.
        """
        if not self.action_space.contains(action):
            raise ValueError(f"action must be one of {self.action_space}, got {action!r}")
        if self.env.t > 0 and not self.env.running.any():
            raise RuntimeError("the episode is over: call reset() first")
        actions = self._all_actions(action)
        obs, reward, terminated, truncated, info = self.env.step(actions)
        infos = {key: self._own(value) for key, value in info.items()}
        paid = float(self._paid(reward))
        return self._see(obs), paid, bool(terminated), bool(truncated), infos

    def render(self) -> str:
        """The environment's picture, as SVG."""
        return self.env.render(0)

    def _see(self, obs: torch.Tensor) -> np.ndarray:
        raise NotImplementedError

    def _own(self, value: torch.Tensor) -> Any:
        raise NotImplementedError

    def _paid(self, reward: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError

    def _all_actions(self, action: Any) -> torch.Tensor:
        raise NotImplementedError


class Team(_Env):
    """What `to_gymnasium` returns for the team as one."""

    def __init__(self, env: BatchedEnv):
        super().__init__(env)
        shape = (env.n_agents, env.obs_dim)
        low, high = (np.broadcast_to(x.numpy(), shape) for x in (env.obs_low, env.obs_high))
        self.observation_space = spaces.Box(low, high, dtype=low.dtype.type)
        self.action_space = spaces.MultiDiscrete(list(env.action_counts))

    def _see(self, obs: torch.Tensor) -> np.ndarray:
        return obs[0].cpu().numpy().copy()

    def _own(self, value: torch.Tensor) -> Any:
        return value[0].tolist()

    def _paid(self, reward: torch.Tensor) -> torch.Tensor:
        return reward.mean()

    def _all_actions(self, action: Any) -> torch.Tensor:
        return _batch(self.env, [int(a) for a in action])


class Single(_Env):
    """What `to_gymnasium` returns for one agent."""

    def __init__(self, env: BatchedEnv, agent: int, others: Callable[[Any], torch.Tensor] | None):
        super().__init__(env)
        self.agent, self.others = agent, others
        self.observation_space = _box(env, env.obs_sizes[agent])
        self.action_space = spaces.Discrete(env.action_counts[agent])

    def _see(self, obs: torch.Tensor) -> np.ndarray:
        return obs[0, self.agent, : self.env.obs_sizes[self.agent]].cpu().numpy().copy()

    def _own(self, value: torch.Tensor) -> Any:
        return (value[0] if value.dim() == 1 else value[0, self.agent]).item()

    def _paid(self, reward: torch.Tensor) -> torch.Tensor:
        return reward[0, self.agent]

    def _all_actions(self, action: Any) -> torch.Tensor:
        if self.others is None:
            return _batch(self.env, [int(action)])
        actions = self.others(self.env).clone()
        actions[0, self.agent] = int(action)
        return actions


def _batch(env: BatchedEnv, actions: list[int]) -> torch.Tensor:
    return torch.tensor([actions], dtype=torch.int64, device=env.device)
