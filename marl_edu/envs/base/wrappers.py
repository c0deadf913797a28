"""Wrappers: any environment, its observations changed on their way to the agents.

A wrapper makes the environment it wraps, so that it can stand wherever a class of environments is
asked for, in a config too, and around another wrapper:

    Flicker(environment=TMaze, env_args={"length": 10}, p=0.5, num_envs=32, seed=0)
    AgentId(environment=Flicker, env_args={"environment": TMaze, "p": 0.5})

The wrapped environment is `inner`. What a wrapper does not have itself is read from there: the same
episodes, rewards, pictures, and whatever else an environment has. To change a setting of the inner
environment, set it on `inner`.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from marl_edu.core.checks import probability
from marl_edu.core.registry import register
from marl_edu.envs.base.env import Actions, BatchedEnv


class Wrapper(BatchedEnv):
    """What all wrappers share: everything is the inner environment's, but for `_change`.

    Args:
        env: makes the inner environment; a class of environments. env_args: given to it.
        num_envs, device, seed: of the inner environment.
    """

    def __init__(
        self,
        env: Callable[..., BatchedEnv],
        env_args: Mapping[str, Any] | None = None,
        num_envs: int = 64,
        device: str = "cpu",
        seed: int | None = None,
    ):
        if not callable(env):
            raise TypeError(f"env must be a class of environments, such as TMaze, got {env!r}")
        args = env_args or {}
        self.inner = env(**args, num_envs=num_envs, device=device, seed=seed)
        self.agent_name, self.frozen = self.inner.agent_name, self.inner.frozen

    def _change(self, obs: Float[Tensor, "B N O"]) -> Tensor:
        """The observations that the agents get instead of `obs`."""
        raise NotImplementedError

    def reset(self, seed: int | None = None) -> Float[Tensor, "B N O"]:
        """As the inner environment's, its observations changed."""
        self.obs = self._change(self.inner.reset(seed))
        return self.obs

    def step(self, actions: Actions) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """As the inner environment's, its observations changed."""
        obs, reward, terminated, truncated, info = self.inner.step(actions)
        self.obs = self._change(obs)
        return self.obs, reward, terminated, truncated, info

    def observe(self) -> Float[Tensor, "B N O"]:
        """Look again, at what `inner` shows now."""
        self.obs = self._change(self.inner.observe())
        return self.obs

    def adjacency(self) -> Bool[Tensor, "B N N"]:
        """Who may hear whom in the inner environment."""
        return self.inner.adjacency()

    def render(self, b: int = 0) -> str:
        """The inner environment's picture."""
        return self.inner.render(b)

    def __getattr__(self, name: str) -> Any:
        """What is not found here is the inner environment's."""
        if name == "inner":  # not there yet
            raise AttributeError(name)
        return getattr(self.inner, name)

    # `BatchedEnv` has these itself: Python would not look for them in the inner environment.

    @property
    def alive(self) -> Bool[Tensor, "B N"]:  # type: ignore[override]
        """The inner environment's."""
        return self.inner.alive

    @property
    def completed(self) -> Bool[Tensor, "B N"]:  # type: ignore[override]
        """The inner environment's."""
        return self.inner.completed

    @property
    def running(self) -> Bool[Tensor, " B"]:  # type: ignore[override]
        """The inner environment's."""
        return self.inner.running

    @property
    def continuous(self) -> bool:  # type: ignore[override]
        """The inner environment's."""
        return self.inner.continuous

    @property
    def agent_names(self) -> list[str]:
        """The inner environment's."""
        return self.inner.agent_names

    @property
    def obs_sizes(self) -> tuple[int, ...]:
        """The inner environment's."""
        return self.inner.obs_sizes

    @property
    def action_counts(self) -> tuple[int, ...]:
        """The inner environment's."""
        return self.inner.action_counts

    @property
    def available(self) -> Bool[Tensor, "B N A"]:
        """The inner environment's."""
        return self.inner.available

    @property
    def available_changes(self) -> bool:
        """The inner environment's."""
        return self.inner.available_changes

    @property
    def obs_low(self) -> Float[Tensor, " O"]:
        """The inner environment's."""
        return self.inner.obs_low

    @property
    def obs_high(self) -> Float[Tensor, " O"]:
        """The inner environment's."""
        return self.inner.obs_high


@register("flicker")
class Flicker(Wrapper):
    """Now and then an agent sees nothing: its whole observation is 0.

    This befalls each agent in each step, and before the first one, independently, with
    probability p. `blank` `(B, N)` tells whose observation was blanked last. The chances are
    Flicker's own: the inner environment's episodes are the same whatever p is, and with p = 0
    observations are too.

    Args:
        p: the probability. Others: see `Wrapper`.
    Source:
        the flickering Atari games of DRQN (arXiv 1507.06527), there with p = 1/2.
    """

    def __init__(
        self,
        env: Callable[..., BatchedEnv],
        p: float = 0.5,
        env_args: Mapping[str, Any] | None = None,
        num_envs: int = 64,
        device: str = "cpu",
        seed: int | None = None,
    ):
        super().__init__(env, env_args, num_envs, device, seed)
        self.p = probability("p", p)

    def reset(self, seed: int | None = None) -> Float[Tensor, "B N O"]:
        """As the inner environment's, its observations blanked by chance."""
        obs = self.inner.reset(seed)
        own = torch.Generator()  # follows from the episode, but takes nothing away from it
        own.manual_seed(self.inner.chance)
        self.chance = int(torch.randint(2**62, (1,), generator=own))
        self.obs = self._change(obs)
        return self.obs

    def observe(self) -> Float[Tensor, "B N O"]:
        """Look again: whose observation was blanked stays so, and nothing is drawn."""
        self.obs = torch.where(self.blank[..., None], 0, self.inner.observe())
        return self.obs

    def _change(self, obs: Float[Tensor, "B N O"]) -> Float[Tensor, "B N O"]:
        self.blank = self.uniform(self.n_agents) < self.p
        return torch.where(self.blank[..., None], 0, obs)

    @property
    def obs_low(self) -> Float[Tensor, " O"]:
        """The inner environment's, or 0 where that is smaller."""
        return self.inner.obs_low.clamp(max=0)

    @property
    def obs_high(self) -> Float[Tensor, " O"]:
        """The inner environment's, or 0 where that is larger."""
        return self.inner.obs_high.clamp(min=0)


@register("agent-id")
class AgentId(Wrapper):
    """Every agent sees which one it is: its number, one-hot, behind what it sees anyway.

    O grows by N. An empty slot sees its number too. Agents that share a network can play
    different parts with it. For the arguments see `Wrapper`.
    """

    def __init__(
        self,
        env: Callable[..., BatchedEnv],
        env_args: Mapping[str, Any] | None = None,
        num_envs: int = 64,
        device: str = "cpu",
        seed: int | None = None,
    ):
        super().__init__(env, env_args, num_envs, device, seed)
        self.obs_dim = self.inner.obs_dim + self.n_agents
        self._numbers = torch.eye(self.n_agents, device=self.device)

    def _change(self, obs: Float[Tensor, "B N O"]) -> Float[Tensor, "B N O2"]:
        return torch.cat([obs, self._numbers.expand(len(obs), -1, -1)], -1)

    @property
    def obs_sizes(self) -> tuple[int, ...]:
        """O for all: the number comes last, behind the zeros of who sees less."""
        return (self.obs_dim,) * self.n_agents

    @property
    def obs_low(self) -> Float[Tensor, " O"]:
        """The inner environment's, and 0 for the numbers."""
        return torch.cat([self.inner.obs_low, torch.zeros(self.n_agents)])

    @property
    def obs_high(self) -> Float[Tensor, " O"]:
        """The inner environment's, and 1 for the numbers."""
        return torch.cat([self.inner.obs_high, torch.ones(self.n_agents)])
