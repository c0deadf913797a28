"""CommNet: every agent hears the mean of what the others say.

Paper: Sukhbaatar et al., "Learning Multiagent Communication with Backpropagation", NIPS 2016,
arXiv 1605.07736. With `gate="hard"` it is the communication of IC3Net, arXiv 1812.09755.

Equations, j the receiver:
    c_j = mean of z_i over the living i != j           what it hears                          (1)
    z'_j = tanh(W_z z_j + W_c c_j)                     what it makes of it                    (2)
R rounds repeat (1)-(2) on z', with the same weights. A receiver with nobody to hear gets c = 0.

Symbols: z `z` (B, N, D) · c `heard` (B, N, D) · the weights of the mean, `attention`
(B, 1, N, N): 1 / (number of others) for every other, whatever was said.

Differences from the paper: rounds share their weights; the memory (a2c.py) comes after
communication, so that messages carry what the sender sees now; training as in a2c.py.

Chapter: book/chapters/tarmac.ipynb.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from marl_edu.training import a2c


@dataclass(frozen=True)
class Config(a2c.Config):
    """The team's config, and what CommNet adds."""

    rounds: int = 1  # R (CommNet: 2 on the junction)
    gate: str = "none"  # "none", "soft" or "hard" (IC3Net): see a2c.ActorCritic


class MeanOfOthers(nn.Module):
    """Eqs. (1)-(2): R rounds of listening to everyone alike.

    `channel`, if set, maps the messages `(B, N, D)` that were sent, and who may hear whom, to
    those that arrive, and who hears whom (channel.py).
    """

    def __init__(self, hidden: int, rounds: int = 1):
        super().__init__()
        if rounds < 1:
            raise ValueError(f"rounds must be at least 1, got {rounds!r}")
        self.rounds = rounds
        self.W_c = nn.Linear(hidden, hidden, bias=False)
        self.W_z = nn.Linear(hidden, hidden)
        self.channel: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None

    def forward(self, z: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N N"]):
        """Let everyone speak and listen.

        Args:
            z: what each agent knows. mask: `mask[b, i, j]`: receiver i may hear sender j.
        Returns:
            z' `(B, N, D)` and the weights of the mean `(B, 1, N, N)`, receivers in rows.
        """
        itself = torch.eye(z.shape[1], dtype=torch.bool, device=z.device)
        for _ in range(self.rounds):
            message, hears = (z, mask) if self.channel is None else self.channel(z, mask)
            others = (hears & ~itself).to(z.dtype)
            attention = others / others.sum(-1, keepdim=True).clamp_min(1.0)
            heard = attention @ message  # eq. (1)
            z = torch.tanh(self.W_z(z) + self.W_c(heard))  # eq. (2)
        return z, attention[:, None]


def build(cfg: Config, world) -> a2c.ActorCritic:
    """The baseline's network with the mean of the others in the place of silence."""
    communicate = MeanOfOthers(cfg.hidden, cfg.rounds)
    return a2c.ActorCritic(
        world.obs_dim, world.n_actions, cfg.hidden, communicate, cfg.gate, world.available
    )


def train(cfg: Config, on_log=None, checkpoint: Path | None = None) -> a2c.Result:
    """Train a CommNet team: `a2c.train`, with this file's network."""
    return a2c.train(cfg, on_log, checkpoint, build)
