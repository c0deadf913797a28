"""A PettingZoo environment as a team: all agents act at once, or they take turns.

Where they take turns (`AECEnv`), one step is one turn. Whose turn it is acts; the others wait, see
what happens, and are paid for it: they have no action, and nothing is done with what they choose.
So a discount counts the turns of all.
"""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from pettingzoo import AECEnv, ParallelEnv
from pettingzoo.utils.conversions import aec_to_parallel, turn_based_aec_to_parallel_wrapper

from marl_edu.envs.adapters.teams import MASK, AsTeam, Said, kind_of

Dicts = tuple[dict[Any, Any], ...]


class ParallelTeam(AsTeam):
    """A PettingZoo environment, its dictionaries in the order of `possible_agents`."""

    def __init__(self, env: Any, continuous: bool = False):
        env = _parallel(env)
        if continuous and isinstance(env, Turns):
            raise TypeError(
                f"agents must act at once where continuous=True; in {kind_of(env.env)} they take "
                "turns"
            )
        if not isinstance(env, ParallelEnv):
            hint = ": use from_gymnasium" if isinstance(env, gymnasium.Env) else ""
            raise TypeError(
                "make_env must make a pettingzoo.ParallelEnv or, where agents take turns, an "
                f"AECEnv, got {kind_of(env)}{hint}"
            )
        try:
            names = list(env.possible_agents)
        except AttributeError:
            raise TypeError(
                f"{kind_of(env)} must name all of its agents in possible_agents, before they play"
            ) from None
        seen = [env.observation_space(name) for name in names]
        done = [env.action_space(name) for name in names]
        super().__init__(env, names, seen, done, continuous)

    @property
    def length(self) -> int | None:
        """As the environment says; of turns it does not say how many there are."""
        return None if isinstance(self.env, Turns) else super().length

    def _begin(self, seed: int | None) -> Said:
        obs, infos = self._given(self.env.reset(seed=seed), 2, "reset")
        return self._sort(obs, infos, self._listed())

    def _advance(self, actions: list[Any]) -> Said:
        before = set(self.env.agents)
        row = dict(zip(self.names, actions, strict=True))
        answer = self.env.step({name: row[name] for name in self.env.agents})
        obs, rewards, terminations, truncations, infos = self._given(answer, 5, "step")
        acted = [name for name, alive in zip(self.names, self.alive, strict=True) if alive]
        for what, found in (("reward", rewards), ("termination", terminations)):
            if missing := [str(name) for name in acted if name not in found]:
                raise RuntimeError(f"{self._broken}: no {what} for {', '.join(missing)}")
        listed = self._listed()
        gone = {name for name, gone in zip(self.names, self.gone, strict=True) if gone}
        if back := (listed & gone) - before:
            raise RuntimeError(
                f"{self._broken}: {', '.join(map(str, back))} came back after an end; who comes "
                "later needs another name"
            )
        out = {name for name in acted if truncations.get(name)}  # seen for the last time
        return self._sort(obs, infos, listed | out, rewards, terminations, truncations)

    def _sort(
        self, obs: Any, infos: Any, present: set[Any], rewards: Any = None,
        terminations: Any = None, truncations: Any = None,
    ) -> Said:  # fmt: skip
        """Dictionaries as lists."""
        for what, found in (("observations", obs), ("infos", infos)):
            if not isinstance(found, Mapping):
                raise RuntimeError(f"{self._broken}: {what} must be a dictionary, got {found!r}")
        return Said(
            [obs.get(name) for name in self.names],
            [infos.get(name) for name in self.names],
            [name in present for name in self.names],
            [(rewards or {}).get(name, 0.0) for name in self.names],
            [bool((terminations or {}).get(name)) for name in self.names],
            [bool((truncations or {}).get(name)) for name in self.names],
        )

    def _listed(self) -> set[Any]:
        listed = set(self.env.agents)
        if unknown := listed - set(self.names):
            raise RuntimeError(f"{self._broken}: {sorted(unknown)} are not in possible_agents")
        return listed


def _parallel(env: Any) -> Any:
    """A PettingZoo environment as a `ParallelEnv`; what is none of PettingZoo's stays as it is."""
    if isinstance(env, turn_based_aec_to_parallel_wrapper):  # it does not say whose turn it is
        env = env.aec_env
    if not isinstance(env, AECEnv):
        return env
    return aec_to_parallel(env) if env.metadata.get("is_parallelizable") else Turns(env)


class Turns(ParallelEnv):  # type: ignore[misc]
    """An `AECEnv` as a `ParallelEnv`: `infos[agent]["action_mask"]` says whose turn it is."""

    def __init__(self, env: Any):
        self.env, self.metadata = env, env.metadata
        if hasattr(env, "possible_agents"):
            self.possible_agents = list(env.possible_agents)
        self.agents: list[Any] = []

    @property
    def unwrapped(self) -> Any:
        """The environment itself."""
        return self.env.unwrapped

    def observation_space(self, agent: Any) -> Any:
        """Of one agent."""
        return self.env.observation_space(agent)

    def action_space(self, agent: Any) -> Any:
        """Of one agent."""
        return self.env.action_space(agent)

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Dicts:
        """As PettingZoo's."""
        self.env.reset(seed=seed, options=options)
        self.agents = list(self.env.agents)
        return self._see(), self._infos()

    def step(self, actions: dict[Any, Any]) -> Dicts:
        """One turn; `actions` of those who wait are not looked at."""
        self.env.step(actions[self.env.agent_selection])
        said = [self.env.rewards, self.env.terminations, self.env.truncations]
        rewards, terminations, truncations = (dict(one) for one in said)
        obs = self._see()
        while self.env.agents and self._ended(self.env.agent_selection):
            self.env.step(None)  # so it leaves
        self.agents = list(self.env.agents)
        return obs | self._see(), rewards, terminations, truncations, self._infos()

    def close(self) -> None:
        """As PettingZoo's."""
        self.env.close()

    def _ended(self, agent: Any) -> bool:
        return bool(self.env.terminations[agent] or self.env.truncations[agent])

    def _see(self) -> dict[Any, Any]:
        return {agent: self.env.observe(agent) for agent in self.env.agents}

    def _infos(self) -> dict[Any, dict[str, Any]]:
        """Theirs; who waits has no action."""
        infos = {agent: dict(self.env.infos.get(agent) or {}) for agent in self.env.agents}
        for agent in self.env.agents:
            if agent != self.env.agent_selection:
                infos[agent][MASK] = np.zeros(int(self.env.action_space(agent).n))
        return infos
