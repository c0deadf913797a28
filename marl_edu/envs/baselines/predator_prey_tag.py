"""Scripted policies for tag, for both sides; they read observations and nothing else.

Sizes: P predators, Q prey, K obstacles.
"""

import torch
from jaxtyping import Int
from torch import Tensor

from marl_edu.core.protocols import Policy
from marl_edu.envs.baselines.particles import coming, drive
from marl_edu.envs.baselines.task import ScriptedPolicy, Task, UniformPolicy
from marl_edu.envs.particles import DOWN, LEFT, NOTHING
from marl_edu.envs.predator_prey_tag import PREDATOR, PREY, PredatorPreyTag


class Match:
    """One policy for all predators and one for all prey; None: random."""

    def __init__(self, predators: Policy | None, prey: Policy | None, seed: int = 0):
        self.predators, self.prey = predators, prey
        self.random = UniformPolicy(seed)

    def __call__(self, env: PredatorPreyTag) -> Int[Tensor, "B N"]:
        """What everybody does now."""
        P, random = env.n_predators, self.random(env)
        predators = random[:, :P] if self.predators is None else self.predators(env)
        prey = random[:, P:] if self.prey is None else self.prey(env)
        return torch.cat([predators, prey], 1)


def sweep(env: PredatorPreyTag) -> Int[Tensor, "B P"]:
    """Predators drive to and fro, ten steps each way: across and upright in turns."""
    back = env.t // 10 % 2
    i = torch.arange(env.n_predators, device=env.device) % 2
    ways = torch.where(i == 0, LEFT, DOWN) + back  # each is followed by its opposite
    return ways.expand(env.num_envs, -1)


def chase(env: PredatorPreyTag) -> Int[Tensor, "B P"]:
    """Every predator drives to where the prey that is nearest to it will be if that coasts."""
    P, Q = env.n_predators, env.n_prey
    obs = env.obs[:, :P]
    offset, velocity = obs[..., -4 * Q :].unflatten(-1, (2, Q, 2)).unbind(2)  # (B, P, Q, 2)
    nearest = offset.square().sum(-1).argmin(-1)[..., None, None].expand(-1, -1, 1, 2)
    its_velocity = velocity.gather(2, nearest)[:, :, 0]
    relative, acceleration = obs[..., :2] - its_velocity, PREDATOR["acceleration"]
    goal = offset.gather(2, nearest)[:, :, 0]
    return drive(goal, relative, acceleration, env.convention)


def flee(env: PredatorPreyTag) -> Int[Tensor, "B Q"]:
    """Every prey drives to where the nearest predator will be far away and the edge is not near.

    To be farther beyond 0.9 counts twice as much as to be farther from the predator.
    """
    P, K = env.n_predators, env.n_obstacles
    obs = env.obs[:, P:]
    first = 4 + 2 * K  # of the predators' numbers
    predators = obs[..., first : first + 2 * P].unflatten(-1, (P, 2))
    moves = coming(obs[..., :2], PREY["acceleration"], convention=env.convention)  # (B, Q, A, 2)
    gap = (predators[:, :, None] - moves[:, :, :, None]).norm(dim=-1).amin(-1)
    outside = ((obs[:, :, None, 2:4] + moves).abs() - 0.9).clamp_min(0).sum(-1)
    return (gap - 2 * outside).argmax(-1)


def stay(env: PredatorPreyTag) -> Int[Tensor, "B Q"]:
    """Every prey does nothing."""
    return torch.full((env.num_envs, env.n_prey), NOTHING, device=env.device)


TASKS = (
    Task(
        key="tag",
        name="Tag, 3 predators and 1 prey",
        isolates="opponents: learning among others who learn against one",
        make=PredatorPreyTag,
        score="success",
        unit="share of episodes in which the prey is touched",
        policies=(
            ScriptedPolicy("both random", "random", lambda: Match(None, None)),
            ScriptedPolicy("sweep, prey random", "open-loop", lambda: Match(sweep, None)),
            ScriptedPolicy("chase, prey flees", "own view", lambda: Match(chase, flee)),
            ScriptedPolicy("chase, prey random", "own view", lambda: Match(chase, None)),
            ScriptedPolicy("chase, prey stays", "best", lambda: Match(chase, stay)),
        ),
        show="chase, prey flees",
    ),
)
