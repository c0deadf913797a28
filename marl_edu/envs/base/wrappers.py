"""Wrappers: any world, its observations changed on their way to the agents.

A wrapper makes the world it wraps, so that it can stand wherever a class of worlds is asked for,
in a config too, and around another wrapper:

    Flicker(world=TMaze, world_args={"length": 10}, p=0.5, batch_size=32, seed=0)
    AgentId(world=Flicker, world_args={"world": TMaze, "p": 0.5})

The wrapped world is `inner`. What a wrapper does not have itself is read from there: the same
episodes, rewards, pictures, and whatever else a world has. To change a setting of the inner
world, set it on `inner`.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from marl_edu.envs.base.checks import probability
from marl_edu.envs.base.env import World


class Wrapper(World):
    """What all wrappers share: everything is the inner world's, but for `_change`.

    Args:
        world: makes the inner world; a class of worlds. world_args: given to it.
        batch_size, device, seed: of the inner world.
    """

    def __init__(
        self,
        world: Callable[..., World],
        world_args: Mapping[str, Any] | None = None,
        batch_size: int = 64,
        device: str = "cpu",
        seed: int | None = None,
    ):
        if not callable(world):
            raise TypeError(f"world must be a class of worlds, such as TMaze, got {world!r}")
        args = world_args or {}
        self.inner = world(**args, batch_size=batch_size, device=device, seed=seed)
        self.agent_name, self.state = self.inner.agent_name, self.inner.state

    def _change(self, obs: Float[Tensor, "B N O"]) -> Tensor:
        """The observations that the agents get instead of `obs`."""
        raise NotImplementedError

    def reset(self, seed: int | None = None) -> Float[Tensor, "B N O"]:
        """As the inner world's, its observations changed."""
        return self._change(self.inner.reset(seed))

    def step(self, actions: Int[Tensor, "B N"]):
        """As the inner world's, its observations changed."""
        obs, *rest = self.inner.step(actions)
        return self._change(obs), *rest

    def adjacency(self) -> Bool[Tensor, "B N N"]:
        """Who may hear whom in the inner world."""
        return self.inner.adjacency()

    def render(self, b: int = 0) -> str:
        """The inner world's picture."""
        return self.inner.render(b)

    def __getattr__(self, name: str) -> Any:
        """What is not found here is the inner world's."""
        if name == "inner":  # not there yet
            raise AttributeError(name)
        return getattr(self.inner, name)

    # `World` has these itself: Python would not look for them in the inner world.

    @property
    def agent_names(self) -> list[str]:
        """The inner world's."""
        return self.inner.agent_names

    @property
    def obs_sizes(self) -> tuple[int, ...]:
        """The inner world's."""
        return self.inner.obs_sizes

    @property
    def action_counts(self) -> tuple[int, ...]:
        """The inner world's."""
        return self.inner.action_counts

    @property
    def available(self) -> Bool[Tensor, "..."]:
        """The inner world's."""
        return self.inner.available

    @property
    def obs_low(self) -> Float[Tensor, " O"]:
        """The inner world's."""
        return self.inner.obs_low

    @property
    def obs_high(self) -> Float[Tensor, " O"]:
        """The inner world's."""
        return self.inner.obs_high


class Flicker(Wrapper):
    """Now and then an agent sees nothing: its whole observation is 0.

    This befalls each agent in each step, and before the first one, independently, with
    probability p. `blank` `(B, N)` tells whose observation was blanked last. The chances are
    Flicker's own: the inner world's episodes are the same whatever p is, and with p = 0
    observations are too.

    Args:
        p: the probability. Others: see `Wrapper`.
    Source:
        the flickering Atari games of DRQN (arXiv 1507.06527), there with p = 1/2.
    """

    def __init__(
        self,
        world: Callable[..., World],
        p: float = 0.5,
        world_args: Mapping[str, Any] | None = None,
        batch_size: int = 64,
        device: str = "cpu",
        seed: int | None = None,
    ):
        super().__init__(world, world_args, batch_size, device, seed)
        self.p = probability("p", p)

    def reset(self, seed: int | None = None) -> Float[Tensor, "B N O"]:
        """As the inner world's, its observations blanked by chance."""
        obs = self.inner.reset(seed)
        own = torch.Generator()  # follows from the episode, but takes nothing away from it
        own.manual_seed(self.inner._chance)
        self._chance = int(torch.randint(2**62, (1,), generator=own))
        return self._change(obs)

    def _change(self, obs: Float[Tensor, "B N O"]) -> Float[Tensor, "B N O"]:
        self.blank = self.uniform(self.n_agents) < self.p
        return torch.where(self.blank[..., None], 0, obs)

    @property
    def obs_low(self) -> Float[Tensor, " O"]:
        """The inner world's, or 0 where that is smaller."""
        return self.inner.obs_low.clamp(max=0)

    @property
    def obs_high(self) -> Float[Tensor, " O"]:
        """The inner world's, or 0 where that is larger."""
        return self.inner.obs_high.clamp(min=0)


class AgentId(Wrapper):
    """Every agent sees which one it is: its number, one-hot, behind what it sees anyway.

    O grows by N. An empty slot sees its number too. Agents that share a network can play
    different parts with it. For the arguments see `Wrapper`.
    """

    def __init__(
        self,
        world: Callable[..., World],
        world_args: Mapping[str, Any] | None = None,
        batch_size: int = 64,
        device: str = "cpu",
        seed: int | None = None,
    ):
        super().__init__(world, world_args, batch_size, device, seed)
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
        """The inner world's, and 0 for the numbers."""
        return torch.cat([self.inner.obs_low, torch.zeros(self.n_agents)])

    @property
    def obs_high(self) -> Float[Tensor, " O"]:
        """The inner world's, and 1 for the numbers."""
        return torch.cat([self.inner.obs_high, torch.ones(self.n_agents)])
