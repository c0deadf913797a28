"""QMIX with a part of its mixer changed: what is each part worth?

    blind     the mixer sees zeros instead of the state; the agents see what they always see
    linear    no hidden layer: Q_tot = q W + b, with W = |H s| and b = V_2 relu(V_1 s)
    signed    no absolute values: weights of either sign

Blind and linear are the paper's own ablations, QMIX-NS and QMIX-Lin (arXiv 1803.11485).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from marl_edu.algos import qmix
from marl_edu.core.checks import one_of
from marl_edu.core.protocols import Env
from marl_edu.training import team_q
from marl_edu.training.checkpoint import Result, Row


class Blind(qmix.Mixer):
    """QMIX's mixer with zeros instead of the state: the same function everywhere."""

    def forward(
        self, q: Float[Tensor, "*B N"], state: Float[Tensor, "*B S"]
    ) -> Float[Tensor, "*B"]:
        """Q_tot."""
        return super().forward(q, torch.zeros_like(state))


class Linear(qmix.Mixer):
    """A weighted sum, the weights chosen by the state: what the hidden layer adds to."""

    def __init__(self, n_agents: int, state_dim: int, mixing_dim: int):
        super().__init__(n_agents, state_dim, mixing_dim)
        self.H_1 = nn.Linear(state_dim, n_agents)
        del self.B_1, self.H_2

    def forward(
        self, q: Float[Tensor, "*B N"], state: Float[Tensor, "*B S"]
    ) -> Float[Tensor, "*B"]:
        """Q_tot."""
        b = self.V_2(F.relu(self.V_1(state)))[..., 0]
        return (q * self.H_1(state).abs()).sum(-1) + b


class Signed(qmix.Mixer):
    """QMIX's mixer without its absolute values."""

    def forward(
        self, q: Float[Tensor, "*B N"], state: Float[Tensor, "*B S"]
    ) -> Float[Tensor, "*B"]:
        """Q_tot."""
        W_1 = self.H_1(state).unflatten(-1, (self.n_agents, -1))
        b_2 = self.V_2(F.relu(self.V_1(state)))[..., 0]
        x = F.elu((q[..., None, :] @ W_1)[..., 0, :] + self.B_1(state))
        return (x * self.H_2(state)).sum(-1) + b_2


MIXERS = {"blind": Blind, "linear": Linear, "signed": Signed}


@dataclass(frozen=True)
class Config(qmix.Config):
    """QMIX's, and which of its mixer's parts is changed."""

    mixer: str = "blind"  # or "linear", "signed"

    def __post_init__(self) -> None:
        """Check all settings.

        Raises:
            ValueError: no such mixer; a `weight`, which these mixers have no use for.
        """
        super().__post_init__()
        one_of("mixer", self.mixer, MIXERS)
        if self.weight != 1:
            raise ValueError(f"weight must be 1 with a changed mixer, got {self.weight!r}")


def build(cfg: Config, env: Env) -> team_q.Team:
    """The network for this environment."""
    sizes = env.n_agents, env.n_agents * env.obs_dim, cfg.mixing_dim
    return team_q.Team(team_q.agent_of(cfg, env), MIXERS[cfg.mixer](*sizes))


def train(
    cfg: Config, on_log: Callable[[Row], None] | None = None, checkpoint: str | Path | None = None
) -> Result:
    """Train a team as `qmix.train` does, with this mixer.

    Raises:
        ValueError: the checkpoint is damaged or of another config.
    """
    return team_q.train(cfg, build, on_log, checkpoint)
