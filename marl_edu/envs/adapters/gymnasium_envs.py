"""An environment of ours as a Gymnasium `Env`: its team as one, one agent of it, or each by itself.

The three differ in what is seen, chosen and paid.
"""

from collections.abc import Callable, Iterator
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces

from marl_edu.envs.adapters import convert
from marl_edu.envs.base.env import BatchedEnv


class OneEnv(gymnasium.Env):
    """What all three share.

    `info` holds the same keys after `reset` and `step`; among them `action_mask`, as
    `action_space.sample(mask)` takes it.
    """

    def __init__(self, env: BatchedEnv, render_mode: str | None = "svg"):
        self.env = env
        self.max_steps, self.n_agents = env.max_steps, env.n_agents
        self.metadata = dict(convert.METADATA)
        self.render_mode = convert.render_mode(render_mode)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Start an episode. Returns the observation and infos; `options` are ignored."""
        super().reset(seed=seed)
        self.env.reset(seed)
        return self._see(), self._info()

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Advance by one step. Returns observation, reward, terminated, truncated, info.

        Raises:
            ValueError: an action outside the space. RuntimeError: the episode is over.
        """
        if not self.action_space.contains(action):
            raise ValueError(f"action must be one of {self.action_space}, got {action!r}")
        if self.env.t > 0 and not self.env.running.any():
            raise RuntimeError("the episode is over: call reset() first")
        _, reward, terminated, truncated, _ = self.env.step(self._all_actions(action))
        paid = self._paid(reward[0])
        return self._see(), paid, bool(terminated[0]), bool(truncated[0]), self._info()

    def render(self) -> str | np.ndarray | None:
        """The environment's picture: SVG, or pixels `(height, width, 3)` as `render_mode` says."""
        return convert.picture(self.env, self.render_mode)

    def action_masks(self) -> np.ndarray:
        """Which actions there are now, one agent's behind the other's: as `sb3_contrib` asks."""
        mask = self._mask()
        return np.concatenate(mask if isinstance(mask, tuple) else [mask]).astype(bool)

    def _info(self) -> dict[str, Any]:
        told = convert.infos(self.env).items()
        own = {key: self._own(np.asarray(value[0])) for key, value in told}
        return {**own, "action_mask": self._mask()}

    def _masks(self) -> tuple[np.ndarray, ...]:
        rows = zip(convert.masks(self.env)[0], self.env.action_counts, strict=True)
        return tuple(row[:count].copy() for row, count in rows)

    def _rows(self) -> tuple[np.ndarray, ...]:
        rows = zip(convert.array(self.env.obs[0]), self.env.obs_sizes, strict=True)
        return tuple(row[:size].copy() for row, size in rows)

    def _see(self) -> Any:
        raise NotImplementedError

    def _mask(self) -> Any:
        return self._masks()

    def _own(self, value: np.ndarray) -> Any:
        """What it is told: a number of the environment `()`, or one for every agent `(N,)`."""
        return value.tolist()

    def _paid(self, reward: torch.Tensor) -> Any:
        raise NotImplementedError

    def _all_actions(self, action: Any) -> torch.Tensor:
        return convert.batch(self.env, [int(a) for a in action])


class Team(OneEnv):
    """The team as one: observation `(N, O)`, the mean of the rewards, an action for each."""

    def __init__(self, env: BatchedEnv, render_mode: str | None = "svg"):
        super().__init__(env, render_mode)
        self.observation_space = convert.boxes(env)
        self.action_space = spaces.MultiDiscrete(list(env.action_counts))

    def _see(self) -> np.ndarray:
        return convert.array(self.env.obs[0])

    def _paid(self, reward: torch.Tensor) -> float:
        return float(reward.mean())


class Each(OneEnv):
    """Each by itself, in tuples, as EPyMARL and level-based foraging have it.

    Observations `(O_i,)`, actions and rewards are one for each agent; the end is common.
    """

    def __init__(self, env: BatchedEnv, render_mode: str | None = "svg"):
        super().__init__(env, render_mode)
        self.observation_space = spaces.Tuple([convert.box(env, size) for size in env.obs_sizes])
        self.action_space = spaces.Tuple([spaces.Discrete(count) for count in env.action_counts])

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """As `OneEnv.step`, with an action and a reward for each; a list of actions is taken
        too."""
        return super().step(tuple(action))

    def _see(self) -> tuple[np.ndarray, ...]:
        return self._rows()

    def _paid(self, reward: torch.Tensor) -> list[float]:
        return reward.tolist()


class Single(OneEnv):
    """One agent: observation `(O,)`, its own reward, one action; the others play by a policy.

    `reset(seed)` also reseeds the random numbers of the others: every `torch.Generator` that their
    policy holds is seeded from its first seed and from `seed`.
    """

    def __init__(
        self,
        env: BatchedEnv,
        agent: int,
        others: Callable[[Any], torch.Tensor] | None,
        render_mode: str | None = "svg",
        mask_in_obs: bool = False,
    ):
        super().__init__(env, render_mode)
        self.agent, self.others, self.mask_in_obs = agent, others, mask_in_obs
        self.chances = [(source, source.initial_seed()) for source in generators(others)]
        space, count = convert.box(env, env.obs_sizes[agent]), env.action_counts[agent]
        self.observation_space = convert.with_mask(space, count) if mask_in_obs else space
        self.action_space = spaces.Discrete(count)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """As `OneEnv.reset`; a seed is the others' too."""
        if seed is not None:
            for source, first in self.chances:
                mixed = np.random.SeedSequence([first, seed]).generate_state(1)
                source.manual_seed(int(mixed[0]))
        return super().reset(seed=seed, options=options)

    def _see(self) -> Any:
        seen = self._rows()[self.agent]
        return {"observation": seen, "action_mask": self._mask()} if self.mask_in_obs else seen

    def _mask(self) -> np.ndarray:
        return self._masks()[self.agent]

    def _own(self, value: np.ndarray) -> Any:
        return (value if value.ndim == 0 else value[self.agent]).item()

    def _paid(self, reward: torch.Tensor) -> float:
        return float(reward[self.agent])

    def _all_actions(self, action: Any) -> torch.Tensor:
        if self.others is None:
            return convert.batch(self.env, [int(action)])
        actions = self.others(self.env).clone()
        actions[0, self.agent] = int(action)
        return actions


def generators(policy: Any) -> Iterator[torch.Generator]:
    """The sources of chance of a policy: its own, and those of what it holds."""
    if isinstance(policy, torch.Generator):
        yield policy
    elif not isinstance(policy, torch.nn.Module | torch.Tensor | type):
        for value in getattr(policy, "__dict__", {}).values():
            yield from generators(value)
