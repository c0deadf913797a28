"""Environments made of environments written by others: the way in of `marl_edu.envs.adapters`.

Whatever comes in is first shown as a team (teams.py): N agents whose observations are rows of one
array and whose actions are one row of whole numbers. B teams are stepped by Gymnasium's own vector
environment, and that is an environment of the package: lock-step, frozen where it ended, masked.

Agents that differ in size: shorter observations are filled up with zeros, and `available` masks the
actions that an agent does not have. Wrap the environment in `AgentId` so that a shared network can
tell the agents apart. Where actions come and go, `available` says which each agent has now: see
teams.py.

Agents that die or leave early are not `alive` from then on; agents that come later are `alive` only
from then on. Each is paid for the steps that it took, and for no others. What an environment said
about the end is in `info`, agent by agent: `terminated` and `truncated` `(B, N)`. An agent that is
both has terminated.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from jaxtyping import Bool, Float
from torch import Tensor

from marl_edu.core.checks import positive_int, truth_value
from marl_edu.envs.adapters.gymnasium_teams import gymnasium_team
from marl_edu.envs.adapters.pettingzoo_teams import ParallelTeam
from marl_edu.envs.adapters.teams import AsTeam
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
    continuous: bool = False,
) -> "AdaptedEnv":
    """An environment of B copies of a Gymnasium environment, stepped by its vector environment.

    One agent, or a team where observation and action spaces are of the kind `Tuple`, with an
    entry per agent, and the reward is a list (level-based foraging, for one).

    Args:
        make_env: makes one environment, e.g. `lambda: gymnasium.make("CartPole-v1")`.
        num_envs, device, seed: as in every environment.
        max_steps: T; None: as the environment says.
        processes: a process per environment (`make_env` must be picklable) instead of one for all.
        continuous: actions are numbers in [0, 1], from the lower to the upper bound of a Box.
    Raises:
        TypeError: no maker, no Gymnasium environment, or spaces that are not taken. ValueError: it
            does not say how long an episode lasts, or `make_env` gives one object several times.
            RuntimeError, while it runs: it breaks its own interface, or says what is not finite.
    """
    team = partial(gymnasium_team, continuous=truth_value("continuous", continuous))
    return AdaptedEnv(make_env, team, num_envs, device, seed, max_steps, processes)


def from_pettingzoo(
    make_env: Make,
    num_envs: int = 64,
    device: str = "cpu",
    seed: int | None = None,
    max_steps: int | None = None,
    processes: bool = False,
    continuous: bool = False,
) -> "AdaptedEnv":
    """An environment of B copies of a PettingZoo `ParallelEnv`, or of an `AECEnv`.

    Where agents take turns (`AECEnv`), one step is one turn: see pettingzoo_teams.py. `max_steps`
    must be given then, in turns of all together: 9 for `tictactoe_v3.env`.

    Args:
        make_env: makes one environment, e.g. `simple_spread_v3.parallel_env` of mpe2. The others:
            as in `from_gymnasium`.
    Raises:
        As `from_gymnasium`.
    """
    team = partial(ParallelTeam, continuous=truth_value("continuous", continuous))
    return AdaptedEnv(make_env, team, num_envs, device, seed, max_steps, processes)


class AdaptedEnv(BatchedEnv):
    """What `from_gymnasium` and `from_pettingzoo` return.

    `success`: the team's return so far is above 0; what an environment itself means by success is
    its own. The environments are Python, one after the other: slower than the course's
    environments.
    """

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
        if not callable(make_env):
            raise TypeError(
                "make_env must be a function that makes an environment, such as "
                f'lambda: gymnasium.make("CartPole-v1"), got {make_env!r}'
            )
        one = team(make_env())
        self.max_steps = _length(one, max_steps)
        self.n_agents, self.n_actions = len(one.names), max(one.counts)
        self.continuous = one.continuous
        self.obs_dim = max(one.sizes)
        self._names = [str(name) for name in one.names]
        self._sizes, self._counts = one.sizes, one.counts
        self._low, self._high = one.low, one.high
        self._now: Tensor | None = None  # which actions there are; None: before the first reset
        mode = AutoresetMode.DISABLED
        if processes:
            one.close()  # it was only looked at
            copies = [lambda: team(make_env())] * self.num_envs
            self.vector: Any = AsyncVectorEnv(copies, autoreset_mode=mode)
        else:
            teams = [one, *(team(make_env()) for _ in range(self.num_envs - 1))]
            _all_different([team.env for team in teams])
            take = iter(teams).__next__
            self.vector = SyncVectorEnv([take] * self.num_envs, autoreset_mode=mode)

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
        self.obs, self._now = self._tensor(obs), self._tensor(info["available"])
        self.total = torch.zeros(self.num_envs, device=self.device)
        self.alive = self._tensor(info["alive"])

    def _step(self, actions: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        obs, _, _, _, info = self.vector.step(actions.cpu().numpy())
        said = {key: self._tensor(info[key]) for key in ("alive", "terminated", "truncated")}
        self.alive = said.pop("alive")
        going = self.alive.any(1)
        if self.t + 1 < self.max_steps:
            self._check_time((said["truncated"] & self.alive).any(1), going)
        self.obs, self._now = self._tensor(obs), self._tensor(info["available"])
        reward = self._tensor(info["rewards"]).float()
        self.total = self.total + reward.sum(1)
        return reward, ~going, said

    def _check_time(self, out: Bool[Tensor, " B"], going: Bool[Tensor, " B"]) -> None:
        """Raise if time is up for some before it is for all."""
        if not out.any():
            return
        t, T = self.t + 1, self.max_steps
        if torch.equal(out, going):
            raise RuntimeError(
                f"the environment was truncated after {t} steps, before max_steps {T}: pass "
                f"max_steps={t}, if that is its time limit"
            )
        b = int(out.nonzero()[0])
        raise RuntimeError(
            f"environment {b} was truncated after {t} steps while others go on: only a common time "
            "limit is taken. Wrap it in one that terminates there, or that leaves it out"
        )

    def _available(self) -> Bool[Tensor, "..."]:
        return super()._available() if self._now is None else self._now

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
    if max_steps is not None:
        return positive_int("max_steps", max_steps)
    if team.length is None:
        bare = getattr(team.env, "unwrapped", team.env)
        raise ValueError(
            f"max_steps must be given: {type(bare).__name__} does not say how long an episode lasts"
        )
    return team.length


def _all_different(envs: Sequence[Any]) -> None:
    """Raise if one object stands for several environments, or inside of several."""
    met: list[Any] = []
    for env in envs:
        layers = [getattr(env, "unwrapped", env)]
        while hasattr(env, "step") and not any(env is layer for layer in layers[1:]):
            layers.append(env)
            env = getattr(env, "env", None)
        if twice := [layer for layer in layers if any(layer is one for one in met)]:
            raise ValueError(
                "make_env must make a new environment whenever it is called, got one "
                f"{type(twice[0]).__name__} several times: write lambda: make(...), not lambda: env"
            )
        met += layers
