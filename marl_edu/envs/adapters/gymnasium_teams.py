"""A Gymnasium environment as a team: of one agent, or of a Tuple of them."""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from pettingzoo import AECEnv, ParallelEnv

from marl_edu.envs.adapters.teams import MASK, AsTeam, Said, kind_of


def gymnasium_team(env: Any, continuous: bool = False) -> AsTeam:
    """A Gymnasium environment as a team, of one agent or of a Tuple of them."""
    if not isinstance(env, gymnasium.Env):
        ours = isinstance(env, ParallelEnv | AECEnv)
        hint = ": use from_pettingzoo" if ours else ""
        raise TypeError(f"make_env must make a gymnasium.Env, got {kind_of(env)}{hint}")
    together = isinstance(env.action_space, spaces.Tuple)
    return (TupleTeam if together else AloneTeam)(env, continuous)


class AloneTeam(AsTeam):
    """A single agent, as a team of one."""

    def __init__(self, env: gymnasium.Env, continuous: bool):
        seen, done = [env.observation_space], [env.action_space]
        super().__init__(env, ["agent_0"], seen, done, continuous)

    def _begin(self, seed: int | None) -> Said:
        obs, info = self._given(self.env.reset(seed=seed), 2, "reset")
        return Said([obs], [info], [True], [0.0], [False], [False])

    def _advance(self, actions: list[Any]) -> Said:
        answer = self._given(self.env.step(actions[0]), 5, "step")
        obs, reward, terminated, truncated, info = answer
        return Said([obs], [info], [True], [reward], [bool(terminated)], [bool(truncated)])


class TupleTeam(AsTeam):
    """A team with a Tuple of spaces; rewards and ends are lists, or one for all."""

    def __init__(self, env: gymnasium.Env, continuous: bool):
        done, seen = env.action_space, env.observation_space
        if not isinstance(seen, spaces.Tuple) or len(seen) != len(done):  # type: ignore[arg-type]
            raise TypeError(f"a team of {len(done)} needs as many observations, got {seen}")  # type: ignore[arg-type]
        names = [f"agent_{i}" for i in range(len(seen))]
        super().__init__(env, names, list(seen.spaces), list(done.spaces), continuous)  # type: ignore[attr-defined]

    def _begin(self, seed: int | None) -> Said:
        obs, info = self._given(self.env.reset(seed=seed), 2, "reset")
        no = [False] * len(self.names)
        return Said(list(obs), self._infos(info), [True] * len(no), [0.0] * len(no), no, no)

    def _advance(self, actions: list[Any]) -> Said:
        answer = self._given(self.env.step(tuple(actions)), 5, "step")
        obs, rewards, terminated, truncated, info = answer
        present = [True] * len(self.names)
        rewards = self._each("reward", rewards)
        ends = [[bool(x) for x in self._each("end", flags)] for flags in (terminated, truncated)]
        return Said(list(obs), self._infos(info), present, rewards, *ends)

    def _each(self, what: str, values: Any) -> list[Any]:
        """One of them for each agent."""
        N = len(self.names)
        found = list(values) if np.ndim(values) else [values] * N
        if len(found) != N:
            raise RuntimeError(
                f"{self._broken}: step() must return one {what}, or one for each of {N} agents, "
                f"got {values!r}"
            )
        return found

    def _infos(self, info: Any) -> list[Any]:
        """The masks of all stand in one list, (N, A)."""
        if not isinstance(info, Mapping) or MASK not in info:
            return [{}] * len(self.names)
        return [{MASK: mask} for mask in self._each(MASK, info[MASK])]
