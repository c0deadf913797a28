"""What all environments share: B episodes side by side, N agents each, in lock-step.

The interface, and the meaning of an end, are those of `core.protocols.Env`.

Chance: whatever environment b draws depends on the seed alone, not on B, so that a smaller batch is
a slice of a larger one. It comes from the environment's own generator; the global one is not
touched.

Time: `t` counts the steps of the batch. What an environment does or shows depends on `clock`
`(B,)`, the steps of each episode, so that one of them can restart while others go on
(`adapters/vector.py`). `info` is what the last `reset` or `step` told, with the same keys.

Actions: whole numbers `(B, N)`, one of A each. A `continuous` environment takes A numbers in [0, 1]
of each agent instead, `(B, N, A)`.

Agents that differ: `obs_sizes` and `action_counts` tell, agent by agent, how many of the O numbers
and A actions are its own. The other numbers are 0, the other actions not `available`. What is
available may also change from step to step: see `_available`.
"""

from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from marl_edu.core.checks import (
    check_actions,
    check_continuous_actions,
    positive_int,
    seed_number,
)

Actions = Int[Tensor, "B N"] | Float[Tensor, "B N A"]


class BatchedEnv:
    """An environment fills in `_reset`, `_step`, `_get_obs`, `_success` and `_draw`.

    It also sets `n_agents`, `n_actions`, `obs_dim` and `max_steps`. `_draw` is for pictures only::

        class Swap(BatchedEnv):  # four times, whoever says the other one's bit is paid 1
            n_agents, n_actions, obs_dim, max_steps = 2, 2, 1, 4

            def _reset(self):
                self.bit, self.score = self.uniform(2) > 0.5, self.uniform() * 0

            def _get_obs(self):
                return self.bit[..., None].float()  # (B, N, O)

            def _step(self, actions):
                right = (actions == self.bit.flip(1)).float()  # (B, N)
                self.score = self.score + right.mean(1) / self.max_steps
                self.bit = self.uniform(2) > 0.5
                return right, torch.zeros_like(self.running), {}  # it ends by max_steps alone

            def _success(self):
                return self.score  # (B,)

    `commnet.train(commnet.Config(env=Swap, updates=250))` trains a team in it.

    Args:
        num_envs: B. device: of all tensors. seed: of the environment's own generator; None: by
            chance.
    """

    n_agents: int
    n_actions: int
    obs_dim: int
    max_steps: int
    continuous = False  # an action is A numbers in [0, 1], not one of A
    agent_name = "agent"  # what agents are called where they need a name: agent_0, agent_1, ...
    # Before the first reset there is nobody and nothing.
    obs = torch.zeros(1, 1, 1)
    alive = completed = torch.zeros(1, 1, dtype=torch.bool)
    running = torch.zeros(1, dtype=torch.bool)
    frozen: tuple[str, ...] = ()  # the tensors (B, ...) that stay as they are behind an end
    info_keys: tuple[str, ...] = ()  # what `_step` adds to info, flags (B, N) each

    def __init__(
        self, num_envs: int = 64, device: str | torch.device = "cpu", seed: int | None = None
    ):
        self.num_envs = positive_int("num_envs", num_envs)
        self.device = torch.device(device)
        self.generator = torch.Generator()
        if seed is None:
            self.generator.seed()
        else:
            self.generator.manual_seed(seed_number(seed))
        self.t = -1  # steps taken; -1 before the first reset

    # -- what an environment fills in -------------------------------------------------------------

    def _reset(self) -> None:
        """Make the state of B fresh episodes."""
        raise NotImplementedError

    def _step(self, actions: Actions) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Change the state by one step. Returns reward `(B, N)`, ended `(B,)`, more of `info`."""
        raise NotImplementedError

    def _get_obs(self) -> Float[Tensor, "B N O"]:
        """What every agent sees of the state."""
        raise NotImplementedError

    def _success(self) -> Tensor:
        """`(B,)`: whether (bool), or how far (in [0, 1]), the episode has succeeded by now."""
        raise NotImplementedError

    def _draw(self, b: int) -> str:
        """Environment b as SVG."""
        raise NotImplementedError

    def _available(self) -> Tensor:
        """Which actions each agent has now, `(N, A)` or `(B, N, A)`; here: all of its own, always.

        One that overrides this has a mask that changes. An agent that is not alive may have none.
        """
        counts = torch.tensor(self.action_counts, device=self.device)
        return torch.arange(self.n_actions, device=self.device) < counts[:, None]

    # -- what everybody uses ----------------------------------------------------------------------

    def reset(self, seed: int | None = None) -> Float[Tensor, "B N O"]:
        """Start B fresh episodes, with a seed always the same ones. Observations `(B, N, O)`."""
        sizes = ("n_agents", "n_actions", "obs_dim", "max_steps")
        if missing := [name for name in sizes if not hasattr(self, name)]:
            raise TypeError(f"{type(self).__name__} must set {', '.join(missing)}")
        if seed is not None:
            self.generator.manual_seed(seed_number(seed))
        self.chance = int(torch.randint(2**62, (1,), generator=self.generator))
        self.running = torch.ones(self.num_envs, dtype=torch.bool, device=self.device)
        self.alive = self.running[:, None].expand(-1, self.n_agents)
        self.t = 0
        self.clock = torch.zeros(self.num_envs, dtype=torch.int64, device=self.device)
        self.completed = torch.zeros_like(self.alive)
        self._reset()
        self.observe()
        self.info = self._info(dict.fromkeys(self.info_keys, self.completed))
        return self.obs

    def step(self, actions: Actions) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """Advance every environment that has not ended by one step.

        Args:
            actions: `(B, N)` integers; where the environment is `continuous`, numbers `(B, N, A)`.
        Returns:
            obs `(B, N, O)`, reward `(B, N)`, terminated `(B,)`, truncated `(B,)` and info with
            `alive`, `completed` `(B, N)` and `success` `(B,)`, and what the environment adds.
        Raises:
            RuntimeError: before `reset`, or after T steps. ValueError, TypeError: bad actions.
        """
        T = self.max_steps
        if not 0 <= self.t < T:
            state = "has not begun" if self.t < 0 else f"of {T} step{'s' * (T > 1)} is over"
            raise RuntimeError(f"the episode {state}: call reset() first")
        shape = (self.num_envs, self.n_agents)
        if self.continuous:
            check_continuous_actions(actions, (*shape, self.n_actions), self.device)
            self._check_own(actions)
        else:
            check_actions(actions, shape, self.n_actions, self.device)
            self._check_available(actions)
        before = {name: getattr(self, name) for name in self.frozen}
        reward, ended, more = self._step(actions)
        self._check_shape("reward of _step", reward, self.n_agents)
        self._check_shape("what _step says has ended", ended)
        self.t += 1
        self.clock = self.clock + 1
        was_running = self.running
        if not was_running.all():  # what has ended stays as it was
            for name, old in before.items():
                where = was_running.view(-1, *(1,) * (old.dim() - 1))
                setattr(self, name, torch.where(where, getattr(self, name), old))
            reward = reward * was_running[:, None]
        self.running = was_running & ~ended
        if ended.any() or not was_running.all():
            self.alive = self.alive & self.running[:, None]
        info = self.info = self._info(more)
        truncated = self.running & (self.clock == T)
        self.completed = info["completed"]
        return self.observe(), _for_networks(reward), ~self.running, truncated, info

    def _info(self, more: dict[str, Tensor]) -> dict[str, Tensor]:
        completed = torch.zeros_like(self.alive)
        return {"alive": self.alive, "completed": completed, "success": self._success(), **more}

    def uniform(self, *shape: int) -> Float[Tensor, "B ..."]:
        """Chances in [0, 1) `(B, *shape)` from the episode's own source, a fresh set per call."""
        source = torch.Generator()
        source.manual_seed(self.chance)
        self.chance = (self.chance + 1) % 2**63
        return torch.rand(self.num_envs, *shape, generator=source).to(self.device)

    def now(self, drawn: Tensor) -> Tensor:
        """What was drawn `(B, T, ...)` for the step that each environment is in, `(B, ...)`."""
        return drawn[torch.arange(self.num_envs, device=self.device), self.clock]

    def observe(self) -> Float[Tensor, "B N O"]:
        """Look again, for whoever has changed the state by hand; `obs` is what is seen."""
        obs = self._get_obs()
        self._check_shape("what _get_obs returns", obs, self.n_agents, self.obs_dim)
        self.obs = _for_networks(obs)
        return self.obs

    def _check_shape(self, what: str, value: Tensor, *sizes: int) -> None:
        shape = (self.num_envs, *sizes)
        if not isinstance(value, Tensor) or tuple(value.shape) != shape:
            name = ("(B,)", "(B, N)", "(B, N, O)")[len(sizes)]
            got = tuple(value.shape) if isinstance(value, Tensor) else repr(value)
            raise ValueError(f"{what} must be a tensor {name} = {shape}, got {got}")

    def __repr__(self) -> str:
        sizes: dict[str, Any] = {"B": self.num_envs}
        names = {"N": "n_agents", "O": "obs_dim", "A": "n_actions", "T": "max_steps"}
        sizes |= {key: getattr(self, name, "?") for key, name in names.items()}
        return f"{type(self).__name__}({', '.join(f'{k}={v}' for k, v in sizes.items())})"

    def adjacency(self) -> Bool[Tensor, "B N N"]:
        """`[b, i, j]`: i may hear j, itself included. Here: everybody alive hears everybody."""
        return self.alive[:, :, None] & self.alive[:, None, :]

    def render(self, b: int = 0) -> str:
        """Environment `b` as an SVG picture.

        Raises:
            IndexError: no such environment. RuntimeError: before the first `reset`.
        """
        if not 0 <= b < self.num_envs:
            raise IndexError(f"b must be an environment in 0..{self.num_envs - 1}, got {b!r}")
        if self.t < 0:
            raise RuntimeError("there is nothing to see yet: call reset() first")
        return self._draw(b)

    # -- agents that differ, and the bounds of what they see ---------------------------------------

    @property
    def agent_names(self) -> list[str]:
        """A name for every agent, in order."""
        return [f"{self.agent_name}_{i}" for i in range(self.n_agents)]

    @property
    def obs_sizes(self) -> tuple[int, ...]:
        """How many of the O numbers each agent really sees; the others are 0."""
        return (self.obs_dim,) * self.n_agents

    @property
    def action_counts(self) -> tuple[int, ...]:
        """How many actions each agent really has: `0..count - 1`."""
        return (self.n_actions,) * self.n_agents

    @property
    def available(self) -> Bool[Tensor, "B N A"]:
        """Which actions each agent has now, as a mask."""
        return self._available().expand(self.num_envs, self.n_agents, self.n_actions)

    @property
    def available_changes(self) -> bool:
        """Whether `available` may be different in another step or environment."""
        return type(self)._available is not BatchedEnv._available  # noqa: SLF001

    @property
    def obs_low(self) -> Float[Tensor, " O"]:
        """The smallest value of each number of an observation."""
        return torch.zeros(self.obs_dim)

    @property
    def obs_high(self) -> Float[Tensor, " O"]:
        """The largest value of each number of an observation."""
        return torch.ones(self.obs_dim)

    def _check_own(self, actions: Tensor) -> None:
        if len(set(self.action_counts)) > 1:
            for i, (name, count) in enumerate(
                zip(self.agent_names, self.action_counts, strict=True)
            ):
                if actions[:, i, count:].any():
                    raise ValueError(
                        f"{name} has {count} numbers, and those behind them must be 0, got "
                        f"{actions[:, i, count:].max().item()}"
                    )

    def _check_available(self, actions: Tensor) -> None:
        names = self.agent_names
        if len(set(self.action_counts)) > 1:
            for i, (name, count) in enumerate(zip(names, self.action_counts, strict=True)):
                highest: Any = actions[:, i].max().item()
                if highest >= count:
                    raise ValueError(f"{name} has the actions 0..{count - 1}, got {highest}")
        if self.available_changes:  # those who are there and have a choice must keep to it
            available = self.available
            allowed = available.gather(-1, actions.long()[..., None])[..., 0]
            for b, i in (self.alive & available.any(-1) & ~allowed).nonzero().tolist():
                has = available[b, i].nonzero()[:, 0].tolist()
                raise ValueError(
                    f"{names[i]} of environment {b} has the actions {has} in step {self.t}, "
                    f"got {actions[b, i].item()}"
                )


def _for_networks(x: Tensor) -> Tensor:
    """Numbers as networks take them: in torch's default dtype, or finer where they are."""
    return x.to(torch.promote_types(x.dtype, torch.get_default_dtype()))
