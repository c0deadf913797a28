"""Numbers as actions, both ways: wrappers for environments of Gymnasium and PettingZoo.

In: our algorithms choose among a few actions, but for MADDPG, which also takes numbers
(`from_gymnasium(..., continuous=True)`). `discretise` offers some points of a Box, evenly
spaced from its lower to its upper bound:

    from_gymnasium(lambda: discretise(gymnasium.make("Pendulum-v1"), 5))

Out: algorithms that choose numbers (DDPG, SAC, MADDPG) may give a number per action; the action
with the largest is taken:

    with_box_actions(to_pettingzoo(env))
"""

from collections.abc import Callable
from typing import Any, TypeVar

import gymnasium
import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv
from pettingzoo.utils import BaseParallelWrapper

E = TypeVar("E", gymnasium.Env, ParallelEnv)
Change = Callable[[spaces.Space[Any], str], "Choice"]


class Choice:
    """One agent's actions, changed: the space that is shown, and what an action of it means."""

    def __init__(self, space: spaces.Space[Any], meaning: Callable[[Any], Any]):
        self.space, self.meaning = space, meaning


def discretise(env: E, bins: int = 3) -> E:
    """The environment, a Box of actions as `Discrete(bins ** d)`, d its numbers.

    Action k, written with d digits in base `bins`, the first number's digit first, says which of
    `bins` evenly spaced values each number takes. Other spaces stay as they are.

    Args:
        env: a `gymnasium.Env` or a `ParallelEnv`. bins: at least 2.
    Raises:
        ValueError: a Box without bounds, too few bins, or more than 4,096 actions.
    """
    if isinstance(bins, bool) or not isinstance(bins, int) or bins < 2:
        raise ValueError(f"bins must be a whole number of at least 2, got {bins!r}")

    def change(space: spaces.Space[Any], who: str) -> Choice:
        if not isinstance(space, spaces.Box):
            return Choice(space, lambda action: action)
        if not space.is_bounded():
            raise ValueError(f"the actions of {who} must have bounds, got {space}")
        d = int(np.prod(space.shape))
        if bins**d > 4096:
            raise ValueError(
                f"bins must leave at most 4096 actions, got {bins} for each of the {d} numbers of "
                f"{who}: {bins**d}"
            )

        def meaning(action: Any) -> np.ndarray:
            digits = np.array(np.unravel_index(int(action), (bins,) * d)).reshape(space.shape)
            share = digits / (bins - 1)
            return (space.low + share * (space.high - space.low)).astype(space.dtype)

        return Choice(spaces.Discrete(bins**d), meaning)

    return _wrap(env, change)


def with_box_actions(env: E) -> E:
    """The environment, a choice among A actions as a number in [0, 1] for each, `Box(A,)`.

    The action with the largest number is taken; of several the first. Other spaces stay.

    Args:
        env: a `gymnasium.Env` or a `ParallelEnv`.
    """

    def change(space: spaces.Space[Any], who: str) -> Choice:
        if not isinstance(space, spaces.Discrete):
            return Choice(space, lambda action: action)
        start = int(space.start)
        return Choice(
            spaces.Box(0.0, 1.0, (int(space.n),)), lambda numbers: start + int(np.argmax(numbers))
        )

    return _wrap(env, change)


def _wrap(env: Any, change: Change) -> Any:
    if isinstance(env, gymnasium.Env):
        return _Alone(env, change)
    if isinstance(env, ParallelEnv):
        return _Together(env, change)
    raise TypeError(
        f"env must be a gymnasium.Env or a pettingzoo.ParallelEnv, got {type(env).__name__}"
    )


class _Alone(gymnasium.ActionWrapper):
    def __init__(self, env: gymnasium.Env, change: Change):
        super().__init__(env)
        self.choice = change(env.action_space, "the environment")
        self.action_space = self.choice.space

    def action(self, action: Any) -> Any:
        return self.choice.meaning(action)


class _Together(BaseParallelWrapper):  # type: ignore[misc]
    def __init__(self, env: Any, change: Change):
        super().__init__(env)
        self.choices = {name: change(env.action_space(name), name) for name in env.possible_agents}
        self.action_spaces = {name: choice.space for name, choice in self.choices.items()}

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self.action_spaces[agent]

    def step(self, actions: dict[str, Any]) -> tuple[dict[str, Any], ...]:
        return super().step({name: self.choices[name].meaning(a) for name, a in actions.items()})
