"""An environment written by others, shown as a team: rows of one array, a row of whole numbers."""

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

Seen = tuple[np.ndarray, dict[str, np.ndarray]]  # what `reset` of a team returns
Stepped = tuple[np.ndarray, float, bool, bool, dict[str, np.ndarray]]  # and its `step`


class AsTeam(gymnasium.Env):
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
        """End the environment."""
        self.env.close()


def gymnasium_team(env: Any) -> AsTeam:
    """A Gymnasium environment as a team, of one agent or of a Tuple of them."""
    if not isinstance(env, gymnasium.Env):
        hint = ": use from_pettingzoo" if isinstance(env, ParallelEnv) else ""
        raise TypeError(f"make_env must make a gymnasium.Env, got {type(env).__name__}{hint}")
    return TupleTeam(env) if isinstance(env.action_space, spaces.Tuple) else AloneTeam(env)


class AloneTeam(AsTeam):
    """A single agent, as a team of one."""

    def __init__(self, env: gymnasium.Env):
        super().__init__(env, ["agent_0"], [env.observation_space], [env.action_space])

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Seen:
        """As Gymnasium's."""
        obs, _ = self.env.reset(seed=seed)
        return self.rows([obs]), _info(np.zeros(1), np.ones(1, bool))

    def step(self, action: np.ndarray) -> Stepped:
        """As Gymnasium's; the rewards of all are in `info`."""
        obs, reward, terminated, truncated, _ = self.env.step(int(action[0]) + self.starts[0])
        info = _info(np.array([reward]), np.array([not terminated]))
        return self.rows([obs]), float(reward), bool(terminated), bool(truncated), info


class TupleTeam(AsTeam):
    """A team with a Tuple of spaces and a list of rewards."""

    def __init__(self, env: gymnasium.Env):
        done, seen = env.action_space, env.observation_space
        if not isinstance(seen, spaces.Tuple) or len(seen) != len(done):  # type: ignore[arg-type]
            raise TypeError(f"a team of {len(done)} needs as many observations, got {seen}")  # type: ignore[arg-type]
        names = [f"agent_{i}" for i in range(len(seen))]
        super().__init__(env, names, list(seen.spaces), list(done.spaces))  # type: ignore[attr-defined]

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Seen:
        """As Gymnasium's."""
        obs, _ = self.env.reset(seed=seed)
        N = len(self.names)
        return self.rows(list(obs)), _info(np.zeros(N), np.ones(N, bool))

    def step(self, action: np.ndarray) -> Stepped:
        """As Gymnasium's; the rewards of all are in `info`."""
        chosen = tuple(int(a) + start for a, start in zip(action, self.starts, strict=True))
        obs, reward, terminated, truncated, _ = self.env.step(chosen)
        N = len(self.names)
        rewards = np.broadcast_to(np.asarray(reward, np.float64), (N,)).copy()
        over = bool(np.all(terminated))
        info = _info(rewards, np.full(N, not over))
        return self.rows(list(obs)), float(rewards.sum()), over, bool(np.all(truncated)), info


class ParallelTeam(AsTeam):
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
        """As Gymnasium's."""
        obs, _ = self._given(self.env.reset(seed=seed), 2, "reset")
        self._known(self.env.agents)
        return self._rows(obs, self.env.agents), _info(np.zeros(len(self.names)), self._alive())

    def step(self, action: np.ndarray) -> Stepped:
        """As Gymnasium's; the rewards of all are in `info`."""
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
