"""Scripted policies for cooperative navigation: the value of sharing out the landmarks."""

from dataclasses import replace
from functools import partial
from itertools import permutations

import torch
from jaxtyping import Int
from torch import Tensor

from marl_edu.envs.baselines.particles import drive
from marl_edu.envs.baselines.task import Always, ScriptedPolicy, Task, UniformPolicy
from marl_edu.envs.cooperative_navigation import CooperativeNavigation
from marl_edu.envs.particles import NOTHING, distances


def nearest_landmark(env: CooperativeNavigation) -> Int[Tensor, "B N"]:
    """Everybody drives to the landmark that is nearest to itself, whoever else does."""
    N, obs = env.n_agents, env.obs
    offsets = obs[..., 4 : 4 + 2 * N].unflatten(-1, (N, 2))
    nearest = offsets.square().sum(-1).argmin(-1)[..., None, None].expand(-1, -1, 1, 2)
    goal = offsets.gather(2, nearest)[:, :, 0]
    return drive(goal, obs[..., :2], convention=env.convention)


def share_out(env: CooperativeNavigation) -> Int[Tensor, "B N"]:
    """A landmark for everybody such that the sum of squared distances is the smallest.

    Squared: those who set out and arrive together then never meet on the way. All N! ways to
    share are tried.
    """
    agents, landmarks = env.position.chunk(2, dim=1)
    ways = torch.tensor(list(permutations(range(env.n_agents))), device=env.device)
    squares = distances(agents, landmarks).square()
    total = squares[:, torch.arange(env.n_agents, device=env.device), ways].sum(2)
    chosen = ways[total.argmin(1)]  # (B, N)
    goal = landmarks.gather(1, chosen[..., None].expand(-1, -1, 2))
    return drive(goal - agents, env.velocity, convention=env.convention)


TASKS = (
    Task(
        key="spread",
        name="Cooperative navigation, 3 agents",
        isolates="talk: sharing out what is to be done",
        make=CooperativeNavigation,
        score="return",
        unit="return per agent",
        policies=(
            ScriptedPolicy("random", "random", UniformPolicy),
            ScriptedPolicy("stand still", "open-loop", lambda: Always(NOTHING)),
            ScriptedPolicy("nearest landmark", "own view", lambda: nearest_landmark),
            ScriptedPolicy("share out", "best", lambda: share_out),
        ),
        show="share out",
    ),
)
# As in OpenAI's original, where everybody is paid the sum over the team.
OPENAI_TASKS = (
    replace(
        TASKS[0],
        key="spread-openai",
        name="Cooperative navigation, 3 agents, OpenAI's",
        make=partial(CooperativeNavigation, convention="openai"),
        unit="return of the team",
    ),
)
