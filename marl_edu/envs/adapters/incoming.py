"""Environments made of environments written by others: the way in of `marl_edu.envs.adapters`.

Whatever comes in is first shown as a team (teams.py): N agents whose observations are rows of one
array and whose actions are one row of whole numbers. B teams are stepped by Gymnasium's own vector
environment, and that is an environment of the package: lock-step, frozen where it ended, masked.

Agents that differ in size: shorter observations are filled up with zeros, `available` masks the
actions that an agent does not have; wrap the environment in `AgentId` so that a shared network can
tell them apart. Agents that die or leave early are not `alive` from then on.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from jaxtyping import Float
from torch import Tensor

from marl_edu.envs.adapters.teams import AsTeam, ParallelTeam, gymnasium_team
from marl_edu.envs.base.env import BatchedEnv
from marl_edu.envs.drawing.shapes import canvas, words

Make = Callable[[], Any]


def from_gymnasium(
    make_env: Make,
    num_envs: int = 64,
    device: str = "cpu",
    seed: int | None = None,
    max_steps: int | None = None,
    processes: bool = False,
) -> "AdaptedEnv":
    """An environment of B copies of a Gymnasium environment, stepped by its vector environment.

    One agent, or a team where observation and action spaces are of the kind `Tuple`, with an
    entry per agent, and the reward is a list (level-based foraging, for one).

    Args:
        make_env: makes one environment, e.g. `lambda: gymnasium.make("CartPole-v1")`.
        num_envs, device, seed: as in every environment.
        max_steps: T; None: as the environment says.
        processes: a process per environment (`make_env` must be picklable) instead of one for all.
    Raises:
        TypeError: no Gymnasium environment, or spaces that are not taken. ValueError: it does not
            say how long an episode lasts.
    """
    return AdaptedEnv(make_env, gymnasium_team, num_envs, device, seed, max_steps, processes)


def from_pettingzoo(
    make_env: Make,
    num_envs: int = 64,
    device: str = "cpu",
    seed: int | None = None,
    max_steps: int | None = None,
    processes: bool = False,
) -> "AdaptedEnv":
    """An environment of B copies of a PettingZoo `ParallelEnv`.

    Args:
        make_env: makes one environment, e.g. `simple_spread_v3.parallel_env` of mpe2. The others:
            as in `from_gymnasium`.
    Raises:
        TypeError: no `ParallelEnv`, or spaces that are not taken. ValueError: it does not say how
            long an episode lasts. RuntimeError, while it runs: it breaks its own interface.
    """
    return AdaptedEnv(make_env, ParallelTeam, num_envs, device, seed, max_steps, processes)


class AdaptedEnv(BatchedEnv):
    """What `from_gymnasium` and `from_pettingzoo` return.

    `success`: the team's return so far is above 0; what an environment itself means by success is
    its own. The environments are Python, one after the other: slower than the course's
    environments.
    """

    frozen = ("obs", "total")

    def __init__(
        self,
        make_env: Make,
        team: Callable[[Any], AsTeam],
        num_envs: int,
        device: str,
        seed: int | None,
        max_steps: int | None,
        processes: bool,
    ):
        super().__init__(num_envs, device, seed)
        one = team(make_env())  # looks at the spaces once, before B copies are made
        self.max_steps = _length(one, max_steps)
        self.n_agents, self.n_actions = len(one.names), max(one.counts)
        self.obs_dim = max(one.sizes)
        self._names, self._sizes, self._counts = one.names, one.sizes, one.counts
        self._low, self._high = one.low, one.high
        one.close()
        copies = [lambda: team(make_env())] * num_envs
        mode = AutoresetMode.NEXT_STEP  # what has ended starts again, unseen
        self.vector = (AsyncVectorEnv if processes else SyncVectorEnv)(copies, autoreset_mode=mode)

    @property
    def agent_names(self) -> list[str]:
        """The name of each agent."""
        return list(self._names)

    @property
    def obs_sizes(self) -> tuple[int, ...]:
        """How many numbers of an observation are each agent's own."""
        return self._sizes

    @property
    def action_counts(self) -> tuple[int, ...]:
        """How many actions each agent has."""
        return self._counts

    @property
    def obs_low(self) -> Float[Tensor, " O"]:
        """The smallest values of an observation."""
        return torch.from_numpy(self._low)

    @property
    def obs_high(self) -> Float[Tensor, " O"]:
        """The largest values of an observation."""
        return torch.from_numpy(self._high)

    def _reset(self) -> None:
        seeds = (self.uniform(1)[:, 0].double() * 2**31).long().tolist()
        obs, info = self.vector.reset(seed=seeds)
        self.obs = self._tensor(obs)
        self.total = torch.zeros(self.num_envs, device=self.device)
        self.alive = self._tensor(info["agents_alive"])

    def _step(self, actions: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        obs, _, terminated, truncated, info = self.vector.step(actions.cpu().numpy())
        early = torch.from_numpy(truncated & ~terminated).to(self.device) & self.running
        if early.any() and self.t + 1 < self.max_steps:
            raise RuntimeError(
                f"the environment was truncated after {self.t + 1} steps, before max_steps "
                f"{self.max_steps}: pass max_steps={self.t + 1}"
            )
        self.obs = self._tensor(obs)
        self.alive = self._tensor(info["agents_alive"])
        reward = self._tensor(info["agents_rewards"]).float()
        self.total = self.total + reward.sum(1)
        return reward, self._tensor(terminated), {}

    def _get_obs(self) -> Float[Tensor, "B N O"]:
        return self.obs

    def _success(self) -> Tensor:
        return self.total > 0

    def _draw(self, b: int) -> str:
        """Their pictures are their own; this says whose they are."""
        return canvas(320, 80, [words(self._names[0], 160, 46)], f"{self.n_agents} agents")

    def close(self) -> None:
        """End the environments, and their processes if they have any."""
        self.vector.close()

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)


def _length(team: AsTeam, max_steps: int | None) -> int:
    """T, as given or as the environment says."""
    spec = getattr(team.env, "spec", None)
    bare = getattr(team.env, "unwrapped", team.env)
    said = [getattr(spec, "max_episode_steps", None)]
    said += [getattr(bare, name, None) for name in ("max_steps", "max_cycles")]
    length = max_steps or next((one for one in said if one), None)
    if not length:
        raise ValueError(
            f"max_steps must be given: {type(bare).__name__} does not say how long an episode lasts"
        )
    return int(length)
