"""Environments made of environments written by others: the way in of `marl_edu.envs.adapters`.

Whatever comes in is first shown as a team: N agents whose observations are rows of one array and
whose actions are one row of whole numbers. B teams are stepped by Gymnasium's own vector
environment, and that is an environment of the package: lock-step, frozen where it ended, masked.

Agents that differ in size: shorter observations are filled up with zeros, `available` masks the
actions that an agent does not have; wrap the environment in `AgentId` so that a shared network can
tell them apart. Agents that die or leave early are not `alive` from then on.
"""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from jaxtyping import Float
from pettingzoo import ParallelEnv
from torch import Tensor

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
    return AdaptedEnv(make_env, _gymnasium_team, num_envs, device, seed, max_steps, processes)


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
    return AdaptedEnv(make_env, _ParallelTeam, num_envs, device, seed, max_steps, processes)


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
        team: Callable[[Any], "_Team"],
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


def _length(team: "_Team", max_steps: int | None) -> int:
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


Seen = tuple[np.ndarray, dict[str, np.ndarray]]  # what `reset` of a team returns
Stepped = tuple[np.ndarray, float, bool, bool, dict[str, np.ndarray]]  # and its `step`


class _Team(gymnasium.Env):
    """One environment, shown as a team: observation `(N, O)`, an action per agent."""

    def __init__(self, env: Any, names: list[str], seen: list[Any], done: list[Any]):
        """env: theirs. names, seen, done: name, observation and action space of each agent."""
        self.env, self.names = env, names
        self.seen = seen
        for name, space in zip(names, done, strict=True):
            if not isinstance(space, spaces.Discrete):
                raise TypeError(
                    f"the actions of {name} must be Discrete, got {space}: wrap the environment "
                    "in one that chooses among a few actions"
                )
        self.starts = [int(space.start) for space in done]
        self.counts = tuple(int(space.n) for space in done)
        try:
            self.sizes = tuple(spaces.flatdim(space) for space in seen)
        except (NotImplementedError, ValueError) as error:
            raise TypeError(
                f"the observations must be of spaces with a fixed size, got {seen[0]}: wrap the "
                "environment in one that leaves out the rest"
            ) from error
        shape = (len(names), max(self.sizes))
        low, high = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for i, space in enumerate(seen):
            box: Any = spaces.flatten_space(space)
            low[i, : self.sizes[i]], high[i, : self.sizes[i]] = box.low, box.high
        self.low, self.high = low.min(0), high.max(0)
        self.observation_space = spaces.Box(-np.inf, np.inf, shape, np.float32)
        self.action_space = spaces.MultiDiscrete(list(self.counts))

    def rows(self, observations: list[Any]) -> np.ndarray:
        """The agents' observations as rows; None is an agent that sees nothing any more."""
        rows = np.zeros((len(self.names), max(self.sizes)), np.float32)
        for i, o in enumerate(observations):
            if o is None:
                continue
            flat = np.asarray(spaces.flatten(self.seen[i], o), np.float32)
            if flat.shape != (self.sizes[i],):
                raise RuntimeError(
                    f"the environment breaks its own interface: {self.names[i]} observes shape "
                    f"{np.shape(o)}, its space is {self.seen[i]}"
                )
            rows[i, : self.sizes[i]] = flat
        return rows

    def close(self) -> None:
        self.env.close()


def _gymnasium_team(env: Any) -> _Team:
    if not isinstance(env, gymnasium.Env):
        hint = ": use from_pettingzoo" if isinstance(env, ParallelEnv) else ""
        raise TypeError(f"make_env must make a gymnasium.Env, got {type(env).__name__}{hint}")
    return _TupleTeam(env) if isinstance(env.action_space, spaces.Tuple) else _Alone(env)


class _Alone(_Team):
    """A single agent, as a team of one."""

    def __init__(self, env: gymnasium.Env):
        super().__init__(env, ["agent_0"], [env.observation_space], [env.action_space])

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Seen:
        obs, _ = self.env.reset(seed=seed)
        return self.rows([obs]), _info(np.zeros(1), np.ones(1, bool))

    def step(self, action: np.ndarray) -> Stepped:
        obs, reward, terminated, truncated, _ = self.env.step(int(action[0]) + self.starts[0])
        info = _info(np.array([reward]), np.array([not terminated]))
        return self.rows([obs]), float(reward), bool(terminated), bool(truncated), info


class _TupleTeam(_Team):
    """A team with a Tuple of spaces and a list of rewards."""

    def __init__(self, env: gymnasium.Env):
        done, seen = env.action_space, env.observation_space
        if not isinstance(seen, spaces.Tuple) or len(seen) != len(done):  # type: ignore[arg-type]
            raise TypeError(f"a team of {len(done)} needs as many observations, got {seen}")  # type: ignore[arg-type]
        names = [f"agent_{i}" for i in range(len(seen))]
        super().__init__(env, names, list(seen.spaces), list(done.spaces))  # type: ignore[attr-defined]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Seen:
        obs, _ = self.env.reset(seed=seed)
        N = len(self.names)
        return self.rows(list(obs)), _info(np.zeros(N), np.ones(N, bool))

    def step(self, action: np.ndarray) -> Stepped:
        chosen = tuple(int(a) + start for a, start in zip(action, self.starts, strict=True))
        obs, reward, terminated, truncated, _ = self.env.step(chosen)
        N = len(self.names)
        rewards = np.broadcast_to(np.asarray(reward, np.float64), (N,)).copy()
        over = bool(np.all(terminated))
        info = _info(rewards, np.full(N, not over))
        return self.rows(list(obs)), float(rewards.sum()), over, bool(np.all(truncated)), info


class _ParallelTeam(_Team):
    """A PettingZoo environment, its dictionaries in the order of `possible_agents`."""

    def __init__(self, env: Any):
        if not isinstance(env, ParallelEnv):
            raise TypeError(
                f"make_env must make a pettingzoo.ParallelEnv, got {type(env).__name__}: for one "
                "in which agents take turns see pettingzoo.utils.conversions.turn_based_aec_to_"
                "parallel, for a Gymnasium environment from_gymnasium"
            )
        names = list(env.possible_agents)
        seen = [env.observation_space(name) for name in names]
        super().__init__(env, names, seen, [env.action_space(name) for name in names])

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Seen:
        obs, _ = self._given(self.env.reset(seed=seed), 2, "reset")
        self._known(self.env.agents)
        return self._rows(obs, self.env.agents), _info(np.zeros(len(self.names)), self._alive())

    def step(self, action: np.ndarray) -> Stepped:
        acting = list(self.env.agents)
        starts = dict(zip(self.names, self.starts, strict=True))
        row = dict(zip(self.names, action.tolist(), strict=True))
        answer = self.env.step({name: row[name] + starts[name] for name in acting})
        obs, rewards, terminations, truncations, _ = self._given(answer, 5, "step")
        for what, found in (("reward", rewards), ("termination", terminations)):
            if missing := [name for name in acting if name not in found]:
                raise RuntimeError(f"{self._broken}: no {what} for {', '.join(missing)}")
        self._known(self.env.agents)
        truncated = not self.env.agents and any(truncations.get(name) for name in acting)
        if self.env.agents and any(truncations.get(name) for name in acting):
            gone = [name for name in acting if truncations.get(name)]
            raise RuntimeError(
                f"{', '.join(gone)} ran out of time while others go on; only a common time limit "
                "is taken"
            )
        paid = np.array([float(rewards.get(name, 0.0)) for name in self.names])
        alive = np.array([name in acting and not terminations.get(name) for name in self.names])
        living = self.env.agents  # who has left may be shown once more, or not
        rows = self._rows(obs, [name for name in acting if name in obs or name in living])
        over = not self.env.agents and not truncated
        return rows, float(paid.sum()), over, truncated, _info(paid, alive & (not over))

    @property
    def _broken(self) -> str:
        return f"{type(self.env.unwrapped).__name__} breaks PettingZoo's interface"

    def _given(self, answer: Any, length: int, what: str) -> tuple[Any, ...]:
        if not isinstance(answer, tuple) or len(answer) != length:
            raise RuntimeError(f"{self._broken}: {what}() must return {length} things")
        return answer

    def _known(self, agents: list[str]) -> None:
        if unknown := set(agents) - set(self.names):
            raise RuntimeError(f"{self._broken}: {sorted(unknown)} are not in possible_agents")

    def _rows(self, obs: dict[str, Any], expected: list[str]) -> np.ndarray:
        if missing := [name for name in expected if name not in obs]:
            raise RuntimeError(f"{self._broken}: no observation for {', '.join(missing)}")
        return self.rows([obs[name] if name in expected else None for name in self.names])

    def _alive(self) -> np.ndarray:
        return np.array([name in self.env.agents for name in self.names])


def _info(rewards: np.ndarray, alive: np.ndarray) -> dict[str, np.ndarray]:
    """What the vector environment passes on of each team."""
    return {"agents_rewards": rewards.astype(np.float64), "agents_alive": alive.astype(bool)}
