"""A task is an environment with its settings, a score, and policies that need no learning.

A scripted policy is a function `(env) -> actions (B, N)`, called once a step. A policy that
remembers starts afresh where `env.t` is 0. Each policy says what it may look at: nothing
("open-loop"), what its agents see ("own view"), or the whole state ("best").
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from marl_edu.core.protocols import Policy
from marl_edu.envs.base.env import BatchedEnv

SCORES = ("success", "return", "steps")  # what `core.evaluate.play_episodes` gives


@dataclass(frozen=True)
class ScriptedPolicy:
    """One way to play without learning.

    Attributes:
        name: a few words, as a reader sees them: "nearest landmark".
        role: "random"; "open-loop", looks at nothing; "own view", sees what each agent sees by
            itself; "shared view", what the agents see, taken together; "best", sees everything, or
            knows the answer.
        make: makes the policy, a new one for each measurement.
        exact: the expected score in closed form, where there is one.
    """

    name: str
    role: str
    make: Callable[[], Policy]
    exact: float | None = None


@dataclass(frozen=True)
class Task:
    """An environment, how to score an episode in it, and the policies that give scores a meaning.

    Attributes:
        key: a short name, the task of an experiment's name: "tmaze" of "drqn-tmaze".
        name: as a reader sees it: "T-maze, length 10". isolates: the one difficulty it is for.
        make: `make(num_envs=, seed=)` gives the environment.
        score: one of SCORES. unit: the score's, in words. higher_is_better: of two scores.
        policies: the random one, the best open-loop one and the best one at least.
        show: name of the policy to watch in the book; "": the task is not shown there.
        trivial: name of the policy that a team should beat; "": none is held beside a team's score.
        episodes: how many its policies are measured on.
    """

    key: str
    name: str
    isolates: str
    make: Callable[..., BatchedEnv]
    score: str
    unit: str
    policies: tuple[ScriptedPolicy, ...]
    show: str = ""
    trivial: str = ""
    higher_is_better: bool = True
    episodes: int = 4000


class UniformPolicy:
    """Every action that an agent has now, equally often."""

    def __init__(self, seed: int = 0):
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, env: BatchedEnv) -> Tensor:
        """What everybody does now."""
        u = torch.rand(env.num_envs, env.n_agents, generator=self.generator)
        available = env.available
        number = (u.to(env.device) * available.sum(-1)).long()  # of those that it has
        return (available.cumsum(-1) > number[..., None]).int().argmax(-1)


class Always:
    """The same action for everybody, in every step."""

    def __init__(self, action: int):
        self.action = action

    def __call__(self, env: BatchedEnv) -> Tensor:
        """What everybody does now."""
        return torch.full((env.num_envs, env.n_agents), self.action, device=env.device)
