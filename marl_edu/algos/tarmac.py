"""TarMAC: every agent says something, and every agent chooses whom to listen to.

Paper: Das et al., "TarMAC: Targeted Multi-Agent Communication", ICML 2019, arXiv 1810.11187.

Equations, per head, j the receiver and i the sender:
    m_i = [k_i ; v_i],  k_i = W_k z_i,  v_i = W_v z_i        the message: signature and value (1)
    q_j = W_q z_j                                            what the receiver looks for      (2)
    alpha_ji = softmax_i(q_j . k_i / sqrt(d_k))              over all living i, itself too    (3)
    c_j = sum_i alpha_ji v_i                                 what it hears                    (4)
    z'_j = tanh(W_c c_j + W_z z_j)                           what it makes of it              (5)
R rounds repeat (1)-(5) on z' with the same weights. A receiver with nobody to hear gets c = 0.

Symbols: z `z` (B, N, D) · m `message` (B, N, H (d_k + d_v)) · k `signature` (B, N, H, d_k) ·
v `content` (B, N, H, d_v) · q `query` (B, N, H, d_k) · alpha `attention` (B, H, N, N) ·
c `heard` (B, N, H d_v).

Differences from the paper:
    - Messages of step t are heard in step t (paper: in step t + 1), and carry what the sender
      sees now: z comes before the memory, not after it.
    - The critic rates each agent from its own memory and the team's mean (a2c.py); the paper's
      rates joint actions. Adam, annealed entropy, whole episodes: see a2c.py.
    - Heads: the paper has one; `heads` splits into several, concatenated in eq. (4).
    - The gate (`gate`) is IC3Net's (arXiv 1812.09755), not the paper's; off by default.

Chapter: book/chapters/tarmac.ipynb.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from marl_edu.core.ops import masked_softmax
from marl_edu.training import a2c


@dataclass(frozen=True)
class Config(a2c.Config):
    """The team's config, and what TarMAC adds."""

    heads: int = 1  # H (TarMAC: 1)
    signature: int = 16  # d_k, numbers per signature and query (TarMAC: 16)
    content: int = 32  # d_v, numbers per value (TarMAC: 32)
    rounds: int = 1  # R (TarMAC: 1 and 2)
    hear_self: bool = True  # an agent also attends to its own message (TarMAC: yes)
    gate: str = "none"  # "none", "soft" or "hard": see a2c.ActorCritic


class TargetedAttention(nn.Module):
    """Eqs. (1)-(5): R rounds of soft attention from receivers to senders.

    `channel`, if set, maps the messages `(B, N, M)` that were sent, and who may hear whom, to
    those that arrive, and who hears whom: the place to mute or corrupt them (channel.py).
    """

    def __init__(
        self,
        hidden: int,
        heads: int = 1,
        signature: int = 16,
        content: int = 32,
        rounds: int = 1,
        hear_self: bool = True,
    ):
        super().__init__()
        sizes = {"heads": heads, "signature": signature, "content": content, "rounds": rounds}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size!r}")
        self.heads, self.d_k, self.d_v = heads, signature, content
        self.rounds, self.hear_self = rounds, hear_self
        self.speak = nn.Linear(hidden, heads * (signature + content))  # W_k and W_v, stacked
        self.ask = nn.Linear(hidden, heads * signature)  # W_q
        self.W_c = nn.Linear(heads * content, hidden, bias=False)
        self.W_z = nn.Linear(hidden, hidden)
        self.channel: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]] | None = None

    def forward(self, z: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N N"]):
        """Let everyone speak and listen.

        Args:
            z: what each agent knows. mask: `mask[b, i, j]`: receiver i may hear sender j.
        Returns:
            z' `(B, N, D)` and the last round's attention `(B, H, N, N)`, receivers in rows.
        """
        for _ in range(self.rounds):
            z, attention = self.round(z, mask)
        return z, attention

    def round(self, z: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N N"]):
        """One round: `(z', attention)`, as `forward`."""
        B, N, _ = z.shape
        H, d_k, d_v = self.heads, self.d_k, self.d_v
        message = self.speak(z)  # eq. (1)
        if self.channel is not None:
            message, mask = self.channel(message, mask)
        if not self.hear_self:
            mask = mask & ~torch.eye(N, dtype=torch.bool, device=z.device)
        signature, content = message.view(B, N, H, d_k + d_v).transpose(1, 2).split([d_k, d_v], -1)
        query = self.ask(z).view(B, N, H, d_k).transpose(1, 2)  # eq. (2)
        score = query @ signature.transpose(-1, -2) / d_k**0.5
        attention = masked_softmax(score, mask[:, None])  # eq. (3)
        heard = (attention @ content).transpose(1, 2).flatten(2)  # eq. (4)
        return torch.tanh(self.W_c(heard) + self.W_z(z)), attention  # eq. (5)


def build(cfg: Config, world) -> a2c.ActorCritic:
    """The baseline's network with targeted attention in the place of silence."""
    communicate = TargetedAttention(
        cfg.hidden, cfg.heads, cfg.signature, cfg.content, cfg.rounds, cfg.hear_self
    )
    return a2c.ActorCritic(
        world.obs_dim, world.n_actions, cfg.hidden, communicate, cfg.gate, world.available
    )


def train(cfg: Config, on_log=None, checkpoint: Path | None = None) -> a2c.Result:
    """Train a TarMAC team: `a2c.train`, with this file's network."""
    return a2c.train(cfg, on_log, checkpoint, build)
