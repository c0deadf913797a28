"""An environment written by others, shown as a team: rows of one array, a row of whole numbers.

Or, where it was asked for with `continuous=True`, rows of numbers in [0, 1]: 0 is the lower bound
of its Box, 1 the upper one.

What an agent sees is its observation without its action mask. The mask is looked for under
`action_mask` in the observation (PettingZoo's classic games, SMACv2) and in the agent's `info`
(Taxi-v4, TorchRL); it says which actions the agent has now. One that has none waits.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv

from marl_edu.core.checks import finite_number

MASK = "action_mask"  # where an observation or an info says which actions an agent has now
Shown = tuple[np.ndarray, dict[str, np.ndarray]]  # what `reset` of a team returns
Stepped = tuple[np.ndarray, float, bool, bool, dict[str, np.ndarray]]  # and its `step`


class Said(NamedTuple):
    """What an environment says after `reset` or `step`: lists with an entry for each agent."""

    obs: list[Any]  # None: it sees nothing
    infos: list[Any]
    present: list[bool]  # it is in the environment now
    rewards: list[Any]
    terminated: list[bool]
    truncated: list[bool]


class AsTeam(gymnasium.Env):
    """One environment, shown as a team: observation `(N, O)`, an action per agent.

    `info` has, for each agent, `rewards`, `alive`, `terminated`, `truncated` `(N,)`, and
    `available` `(N, A)`. A vector environment would start again what has ended; so this one never
    says that it has: once nobody is alive it stays as it is.

    An agent is alive from when the environment first names it until it is terminated or no longer
    named; an agent that has left does not come back. It is paid for the steps that it took.
    """

    def __init__(
        self, env: Any, names: list[Any], seen: list[Any], done: list[Any], continuous: bool
    ):
        """env: theirs. names, seen, done: name, observation and action space of each agent.
        continuous: actions are numbers, Boxes with bounds."""
        if not names:
            raise TypeError(f"{kind_of(env)} has no agents: its possible_agents are empty")
        self.env, self.names, self.done, self.continuous = env, names, done, continuous
        for name, space in zip(names, done, strict=True):
            _check_actions(name, space, continuous)
        self.counts = tuple(spaces.flatdim(space) for space in done)
        self.seen = [self._without_mask(i, space) for i, space in enumerate(seen)]
        try:
            self.sizes = tuple(spaces.flatdim(space) for space in self.seen)
        except (NotImplementedError, ValueError) as error:
            raise TypeError(
                f"the observations must be of spaces with a fixed size, got {seen[0]}: wrap the "
                "environment in one that leaves out the rest"
            ) from error
        shape = (len(names), max(self.sizes))
        low, high = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for i, space in enumerate(self.seen):
            box: Any = spaces.flatten_space(space)
            low[i, : self.sizes[i]], high[i, : self.sizes[i]] = box.low, box.high
        self.low, self.high = low.min(0), high.max(0)
        self.observation_space = spaces.Box(-np.inf, np.inf, shape, np.float32)
        self.action_space: Any = spaces.MultiDiscrete(list(self.counts))
        if continuous:
            self.action_space = spaces.Box(0.0, 1.0, (len(names), max(self.counts)))
        # What each agent has of all actions, whatever it may do now.
        self.own = np.arange(max(self.counts)) < np.array(self.counts)[:, None]

    def _begin(self, seed: int | None) -> Said:
        """Their `reset`."""
        raise NotImplementedError

    def _advance(self, actions: list[Any]) -> Said:
        """Their `step`, with the action of each agent as its space has them."""
        raise NotImplementedError

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Shown:
        """As Gymnasium's."""
        self.t = 0
        self.alive = self.gone = np.zeros(len(self.names), bool)
        self.last = self._show(self._begin(seed))
        return self.last

    def step(self, action: np.ndarray) -> Stepped:
        """As Gymnasium's, but for the reward and the end: see `info`."""
        if self.alive.any():
            self.t += 1
            chosen = [_theirs(space, a) for space, a in zip(self.done, action, strict=True)]
            self.last = self._show(self._advance(chosen))
        else:
            self.last[1]["rewards"] = np.zeros(len(self.names))
        rows, info = self.last
        return rows, 0.0, False, False, info

    def _show(self, said: Said) -> Shown:
        before = self.alive
        terminated, truncated = np.array(said.terminated), np.array(said.truncated)
        self.alive = np.array(said.present) & ~terminated & ~self.gone
        self.gone = self.gone | (before & ~self.alive)
        out = truncated & self.alive
        if out.any() and (self.alive & ~out).any():
            names = [str(self.names[i]) for i in out.nonzero()[0]]
            raise RuntimeError(
                f"{', '.join(names)} ran out of time while others go on; only a common time limit "
                "is taken"
            )
        rewards = np.zeros(len(self.names))
        available = self.own.copy()
        rows = np.zeros((len(self.names), max(self.sizes)), np.float32)
        for i in (before | self.alive).nonzero()[0].tolist():
            if before[i]:
                rewards[i] = self._number(i, said.rewards[i])
            if self.alive[i] and said.obs[i] is None:
                raise RuntimeError(f"{self._broken}: no observation for {self.names[i]}")
            if said.obs[i] is not None:
                rows[i, : self.sizes[i]] = self._row(i, said.obs[i])
            if self.alive[i]:
                available[i, : self.counts[i]] = self._mask(i, said.obs[i], said.infos[i])
        info = {"rewards": rewards, "alive": self.alive, "available": available}
        return rows, info | {"terminated": terminated, "truncated": truncated}

    def _without_mask(self, i: int, space: Any) -> Any:
        """The space of what agent i sees, less its mask."""
        if not isinstance(space, spaces.Dict) or MASK not in space.spaces:
            return space
        if spaces.flatdim(space[MASK]) != self.counts[i]:
            raise TypeError(
                f"the {MASK} of {self.names[i]} must have a number for each of its "
                f"{self.counts[i]} actions, got {space[MASK]}"
            )
        return spaces.Dict({key: part for key, part in space.items() if key != MASK})

    def _row(self, i: int, obs: Any) -> np.ndarray:
        """What agent i sees, as numbers (O_i,)."""
        flat: np.ndarray = np.zeros(0)
        try:
            with np.errstate(over="ignore"):  # what is too large becomes infinite
                flat = np.asarray(spaces.flatten(self.seen[i], obs), np.float32)
        except (KeyError, IndexError, TypeError, ValueError):
            pass
        if flat.shape != (self.sizes[i],):
            raise RuntimeError(
                f"the environment breaks its own interface: {self.names[i]} observes "
                f"{_shape(obs)}, its space is {self.seen[i]}"
            )
        if not np.isfinite(flat).all():
            wrong = flat[~np.isfinite(flat)][0]
            raise RuntimeError(
                f"observations must be finite numbers: {self.names[i]} observes {wrong} in step "
                f"{self.t}"
            )
        return flat

    def _number(self, i: int, reward: Any) -> float:
        """A reward of agent i."""
        found = finite_number(reward)
        if found is None:
            raise RuntimeError(
                f"rewards must be finite numbers: {self.names[i]} is paid {reward!r} in step "
                f"{self.t}"
            )
        return found

    def _mask(self, i: int, obs: Any, info: Any) -> np.ndarray:
        """Which of its actions agent i has now, (A_i,)."""
        found = np.ones(self.counts[i], bool)
        for place in (obs, info):
            if not isinstance(place, Mapping) or MASK not in place:
                continue
            mask = np.asarray(place[MASK])
            if mask.shape != found.shape or not np.isin(mask, (0, 1)).all():
                raise RuntimeError(
                    f"the {MASK} of {self.names[i]} must have 0 or 1 for each of its "
                    f"{self.counts[i]} actions, got {place[MASK]!r} in step {self.t}"
                )
            found &= mask.astype(bool)
        return found

    @property
    def length(self) -> int | None:
        """How many steps an episode lasts, where the environment says so."""
        bare = getattr(self.env, "unwrapped", self.env)
        said = [getattr(getattr(self.env, "spec", None), "max_episode_steps", None)]
        said += [getattr(bare, name, None) for name in ("max_steps", "max_cycles")]
        return next((int(one) for one in said if one), None)

    @property
    def _broken(self) -> str:
        library = "PettingZoo" if isinstance(self.env, ParallelEnv) else "Gymnasium"
        bare = getattr(self.env, "unwrapped", self.env)
        return f"{type(bare).__name__} breaks {library}'s interface"

    def _given(self, answer: Any, length: int, what: str) -> tuple[Any, ...]:
        if not isinstance(answer, tuple) or len(answer) != length:
            raise RuntimeError(f"{self._broken}: {what}() must return {length} things")
        return answer

    def close(self) -> None:
        """End the environment."""
        self.env.close()


def _check_actions(name: Any, space: Any, continuous: bool) -> None:
    """Raise unless the actions of an agent are of the kind that was asked for."""
    if continuous:
        if not isinstance(space, spaces.Box) or not space.is_bounded():
            raise TypeError(
                f"the actions of {name} must be a Box with bounds where continuous=True, got "
                f"{space}: all agents choose among a few actions, or all give numbers"
            )
    elif not isinstance(space, spaces.Discrete):
        way_out = "wrap the environment in one that chooses among a few actions"
        if isinstance(space, spaces.Box):
            way_out = "wrap the environment in discretise(env, bins), or pass continuous=True"
        raise TypeError(f"the actions of {name} must be Discrete, got {space}: {way_out}")


def _theirs(space: Any, action: Any) -> Any:
    """An action of an agent as its space has it."""
    if isinstance(space, spaces.Discrete):
        return int(action) + int(space.start)
    share = action[: spaces.flatdim(space)].reshape(space.shape)
    return (space.low + share * (space.high - space.low)).astype(space.dtype)


def kind_of(env: Any) -> str:
    """What something is, by the name of its class and where that comes from."""
    kind = type(env)
    home = kind.__module__.partition(".")[0]
    return kind.__name__ if home in ("builtins", "__main__") else f"{kind.__name__} of {home}"


def _shape(obs: Any) -> str:
    """An observation, in short."""
    try:
        return f"shape {np.shape(obs)}"
    except ValueError:
        return repr(obs)
