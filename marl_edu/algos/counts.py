"""Counts: what has been seen less often is newer.

Paper: Bellemare et al., "Unifying Count-Based Exploration and Intrinsic Motivation", NIPS 2016,
arXiv 1606.01868, with true counts instead of pseudo-counts.

Equation:
    r^I = 1 / sqrt(n(o') + 1)            n: how often o' has been seen so far                (1)

Symbols: o' `next_obs` (*B, O) · n `table`.

Differences from the paper: observations are few and discrete, so we count them directly. The loop
is training/ppo.py's, with two critics and a bonus scaled by the spread of its returns.

Chapter: book/chapters/icm.ipynb.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from marl_edu.core.protocols import Env
from marl_edu.envs.key_door_maze import KeyDoorMaze
from marl_edu.training import ppo
from marl_edu.training.checkpoint import Row


@dataclass(frozen=True)
class Config(ppo.Config):
    """The run's config; counting needs no settings."""

    env: Callable[..., Env] = KeyDoorMaze


class CountBonus(nn.Module):
    """Eq. (1): the less often an observation was seen, the larger the bonus.

    Made for observations of whole numbers, such as the maze's. They are counted in a hash table of
    `size` buckets, chosen by a random sum of their entries, so nobody has to list them.
    """

    def __init__(self, obs_dim: int, size: int = 2**18):
        super().__init__()
        self.table: Tensor
        self.code: Tensor
        self.register_buffer("table", torch.zeros(size))
        self.register_buffer("code", torch.randint(size, (obs_dim,)))

    def bucket(self, obs: Float[Tensor, "*B O"]) -> Int[Tensor, "*B"]:
        """The bucket in which an observation is counted."""
        return (obs.round().long() * self.code).sum(-1) % len(self.table)

    def reward(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        """1 / sqrt(visits so far + 1), `(*B)`."""
        return (self.table[self.bucket(next_obs)] + 1).rsqrt()  # eq. (1)

    def loss(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        """The bonus, for the log, `(*B)`: there is nothing to learn, only to count."""
        return self.reward(obs, action, next_obs)

    def update(self, obs: Tensor, action: Tensor, next_obs: Tensor, alive: Tensor) -> None:
        """Count what was seen."""
        self.table += torch.bincount(self.bucket(next_obs)[alive], minlength=len(self.table))


def bonus(cfg: Config, env: Env) -> CountBonus:
    """The bonus module of a run."""
    return CountBonus(env.obs_dim)


def train(
    cfg: Config,
    on_log: Callable[[Row], None] | None = None,
    checkpoint: str | Path | None = None,
) -> ppo.Result:
    """Train with counts: `ppo.train`, with this file's bonus."""
    return ppo.train(cfg, on_log, checkpoint, bonus)
