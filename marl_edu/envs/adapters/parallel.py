"""An environment of ours as a PettingZoo `ParallelEnv`: dictionaries by the names of agents."""

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.utils import seeding
from pettingzoo import ParallelEnv

from marl_edu.envs.adapters import convert
from marl_edu.envs.base.env import BatchedEnv

Infos = dict[str, dict[str, Any]]


class Parallel(ParallelEnv):  # type: ignore[misc]
    """What `to_pettingzoo` returns.

    `state()` is all observations one behind the other, `(N * O,)`. `infos[agent]` holds the same
    keys after `reset` and `step`; among them, unless it stands in the observation, `action_mask`,
    int8 `(A,)`: 1 where the agent has the action now.
    """

    def __init__(
        self,
        env: BatchedEnv,
        names: list[str],
        render_mode: str | None = "svg",
        mask_in_obs: bool = False,
    ):
        self.env = env
        self.max_steps = env.max_steps
        self.metadata = {**convert.METADATA, "name": type(env).__name__, "is_parallelizable": True}
        self.render_mode = convert.render_mode(render_mode)
        self.mask_in_obs = mask_in_obs
        self.possible_agents = list(names)
        self.agents: list[str] = []
        self.sizes = dict(zip(names, env.obs_sizes, strict=True))
        self.counts = dict(zip(names, env.action_counts, strict=True))
        self.observation_spaces = {agent: self._space(agent) for agent in names}
        self.action_spaces = {agent: spaces.Discrete(self.counts[agent]) for agent in names}
        low, high = (np.tile(x.numpy(), env.n_agents) for x in (env.obs_low, env.obs_high))
        self.state_space = spaces.Box(low, high, dtype=low.dtype.type)
        self.np_random = seeding.np_random()[0]

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """Of one agent."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """Of one agent."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], Infos]:
        """Start an episode. Returns observations and infos; `options` are ignored."""
        if seed is not None:
            self.np_random = seeding.np_random(seed)[0]
        self.env.reset(seed)
        self.agents = list(self.possible_agents)
        return self._see()

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
            if not self.action_spaces[agent].contains(actions[agent]):
                n = self.counts[agent]
                raise ValueError(f"actions[{agent!r}] must be 0..{n - 1}, got {actions[agent]!r}")
            chosen.append(int(actions[agent]))
        _, reward, terminated, truncated, _ = self.env.step(convert.batch(self.env, chosen))
        observations, infos = self._see()
        rewards = dict(zip(self.agents, reward[0].tolist(), strict=True))
        terminations = dict.fromkeys(self.agents, bool(terminated[0]))
        truncations = dict.fromkeys(self.agents, bool(truncated[0]))
        if terminated[0] or truncated[0]:
            self.agents = []
        return observations, rewards, terminations, truncations, infos

    def state(self) -> np.ndarray:
        """What all agents see together, float32 `(N * O,)`, in the order of `possible_agents`."""
        return convert.array(self.env.obs[0]).reshape(-1)

    def render(self) -> str | np.ndarray | None:
        """The environment's picture: SVG, or pixels `(height, width, 3)` as `render_mode` says."""
        return convert.picture(self.env, self.render_mode)

    def _space(self, agent: str) -> spaces.Space[Any]:
        space = convert.box(self.env, self.sizes[agent])
        return convert.with_mask(space, self.counts[agent]) if self.mask_in_obs else space

    def _see(self) -> tuple[dict[str, Any], Infos]:
        """Observations and infos: a row and a share of every info for each agent."""
        rows, masks = convert.array(self.env.obs[0]), convert.masks(self.env)[0]
        N = len(self.agents)
        told = {k: np.broadcast_to(v[0], N).tolist() for k, v in convert.infos(self.env).items()}
        observations: dict[str, Any] = {}
        infos: Infos = {}
        for i, agent in enumerate(self.agents):
            seen, mask = rows[i, : self.sizes[agent]].copy(), masks[i, : self.counts[agent]].copy()
            infos[agent] = {key: values[i] for key, values in told.items()}
            if self.mask_in_obs:  # and there alone: TorchRL takes one place or the other
                observations[agent] = {"observation": seen, "action_mask": mask}
            else:
                observations[agent] = seen
                infos[agent]["action_mask"] = mask
        return observations, infos
