"""A task is a world with its settings, a score, and rules that need no learning.

A policy is a function `(world) -> actions (B, N)`, called once a step. One that remembers begins
anew where `world.t` is 0. Each rule says what it may look at: nothing ("blind"), what its agents
see ("own view"), or the whole state ("best").
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from marl_edu.envs.base.env import World

Policy = Callable[[Any], Tensor]
SCORES = ("success", "return", "steps")


@dataclass(frozen=True)
class Rule:
    """One way to play without learning.

    Attributes:
        name: a few words, as a reader sees them: "nearest landmark".
        role: "random"; "blind", looks at nothing; "own view", sees what each agent sees by itself;
            "shared view", what the agents see, taken together; "best", sees everything, or knows
            the answer.
        make: makes the policy, anew for each measurement.
        exact: the expected score in closed form, where there is one.
    """

    name: str
    role: str
    make: Callable[[], Policy]
    exact: float | None = None


@dataclass(frozen=True)
class Task:
    """A world, how to score an episode in it, and the rules between which results are read.

    Attributes:
        name: as a reader sees it: "T-maze, length 10". isolates: the one difficulty it is for.
        make: `make(batch_size=, seed=)` gives the world.
        score: one of SCORES. unit: the score's, in words. higher_is_better: of two scores.
        rules: the random one, the best blind one and the best one at least.
        show: name of the rule to watch in the book.
    """

    name: str
    isolates: str
    make: Callable[..., World]
    score: str
    unit: str
    rules: tuple[Rule, ...]
    show: str
    higher_is_better: bool = True


class UniformPolicy:
    """Every action that an agent has, equally often."""

    def __init__(self, seed: int = 0):
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, world: World) -> Tensor:
        u = torch.rand(world.batch_size, world.n_agents, generator=self.generator)
        counts = torch.tensor(world.action_counts)
        return (u * counts).long().to(world.device)


class Always:
    """The same action for everybody, in every step."""

    def __init__(self, action: int):
        self.action = action

    def __call__(self, world: World) -> Tensor:
        return torch.full((world.batch_size, world.n_agents), self.action, device=world.device)


def scores(world: World, policy: Policy, episodes: int, seed: int = 0) -> dict[str, Tensor]:
    """Play at least `episodes` fresh episodes, in batches of the world's B.

    Returns:
        per episode `(n,)`: `success` in [0, 1] at its end, `return` (the sum of rewards, mean
        over agents) and `steps` that it lasted.
    """
    found: dict[str, list[Tensor]] = {name: [] for name in SCORES}
    for batch in range(-(-episodes // world.batch_size)):
        world.reset(seed + batch)
        total = torch.zeros(world.batch_size, device=world.device)
        steps = torch.zeros(world.batch_size, device=world.device)
        while world.t < world.max_steps and world.running.any():
            steps += world.running
            _, reward, _, _, info = world.step(policy(world))
            total += reward.mean(1)
        found["success"].append(info["success"].float())
        found["return"].append(total)
        found["steps"].append(steps)
    return {name: torch.cat(parts).cpu() for name, parts in found.items()}
