"""TarMAC: every agent broadcasts a message, and attention decides who hears how much of it.

Paper: Das et al., "TarMAC: Targeted Multi-Agent Communication", ICML 2019, arXiv 1810.11187.

Equations, per head, i the receiver and j the sender:
    m_j = [k_j ; v_j],  k_j = W_k z_j,  v_j = W_v z_j        the message: signature and value (1)
    q_i = W_q z_i                                            what the receiver looks for      (2)
    alpha_ij = softmax_j(q_i . k_j / sqrt(d_k))              over all living j, itself too    (3)
    c_i = sum_j alpha_ij v_j                                 what it hears                    (4)
    z'_i = tanh(W_c c_i + W_z z_i)                           what it makes of it              (5)
R rounds repeat (1)-(5) on z' with the same weights. A receiver with nobody to hear gets c = 0.
Targeting is implicit: signature and query decide together who hears how much. There is no address.

Symbols: z `z` (B, N, D) · m `message` (B, N, H (d_k + d_v)) · k `signature` (B, H, N, d_k) ·
v `value` (B, H, N, d_v) · q `query` (B, H, N, d_k) · alpha `attention` (B, H, N, N) ·
c `heard` (B, N, H d_v).

Differences from the paper:
    - Its indices are the other way round: there j receives and i sends.
    - Messages of step t are heard in step t (paper: in step t + 1), and carry what the sender
      sees now: z comes before the memory, not after it.
    - The critic rates each agent from its own memory and the team's mean (a2c.py); the paper's
      rates joint actions. Adam, annealed entropy, whole episodes: see a2c.py.
    - Heads: the paper has one; `heads` splits into several, concatenated in eq. (4).

Chapter: book/chapters/tarmac.ipynb.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from marl_edu.core.ops import masked_softmax
from marl_edu.core.protocols import Env
from marl_edu.envs.traffic_junction import TrafficJunction
from marl_edu.training import a2c
from marl_edu.training.checkpoint import Result, Row


@dataclass(frozen=True)
class Config(a2c.Config):
    """The team's config, and what TarMAC adds."""

    env: Callable[..., Env] = TrafficJunction
    heads: int = 1  # H, heads of attention (TarMAC: 1)
    signature_dim: int = 16  # d_k, numbers per signature and query (TarMAC: 16)
    value_dim: int = 32  # d_v, numbers per value (TarMAC: 32)
    rounds: int = 1  # R, rounds of messages in a step (TarMAC: 1 and 2)
    hear_self: bool = True  # an agent also attends to its own message (TarMAC: yes)


class TargetedAttention(nn.Module):
    """Eqs. (1)-(5): R rounds of soft attention from receivers to senders.

    Args:
        hidden_dim: D. heads, signature_dim, value_dim, rounds, hear_self: as in `Config`.
    """

    def __init__(
        self,
        hidden_dim: int,
        heads: int = 1,
        signature_dim: int = 16,
        value_dim: int = 32,
        rounds: int = 1,
        hear_self: bool = True,
    ):
        super().__init__()
        sizes = {
            "heads": heads, "signature_dim": signature_dim, "value_dim": value_dim, "rounds": rounds
        }  # fmt: skip
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size!r}")
        self.heads, self.d_k, self.d_v = heads, signature_dim, value_dim
        self.rounds, self.hear_self = rounds, hear_self
        self.W_k = nn.Linear(hidden_dim, heads * signature_dim)
        self.W_v = nn.Linear(hidden_dim, heads * value_dim)
        self.W_q = nn.Linear(hidden_dim, heads * signature_dim)
        self.W_c = nn.Linear(heads * value_dim, hidden_dim, bias=False)
        self.W_z = nn.Linear(hidden_dim, hidden_dim)

    def forward(
        self, z: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N N"]
    ) -> tuple[Float[Tensor, "B N D"], Float[Tensor, "B R H N N"]]:
        """Let everyone speak and listen.

        Args:
            z: what each agent knows. mask: `mask[b, i, j]`: receiver i may hear sender j.
        Returns:
            z' and the attention of every round, receivers in rows.
        """
        rounds = []
        for _ in range(self.rounds):
            z, attention = self.listen(z, self.messages(z), mask)
            rounds.append(attention)
        return z, torch.stack(rounds, 1)

    def messages(self, z: Float[Tensor, "B N D"]) -> Float[Tensor, "B N M"]:
        """What everyone says, M = H (d_k + d_v): all signatures, then all values."""
        return torch.cat([self.W_k(z), self.W_v(z)], -1)  # eq. (1)

    def listen(
        self,
        z: Float[Tensor, "B N D"],
        message: Float[Tensor, "B N M"],
        mask: Bool[Tensor, "B N N"],
    ) -> tuple[Float[Tensor, "B N D"], Float[Tensor, "B H N N"]]:
        """What everyone makes of the messages: z', and the attention of this round."""
        if not self.hear_self:
            mask = mask & ~torch.eye(z.shape[1], dtype=torch.bool, device=z.device)
        signature, value = message.split([self.heads * self.d_k, self.heads * self.d_v], -1)
        query = self.W_q(z)  # eq. (2)
        signature, value, query = map(self._by_head, (signature, value, query))
        score = query @ signature.transpose(-1, -2) / self.d_k**0.5
        attention = masked_softmax(score, mask[:, None])  # eq. (3)
        heard = (attention @ value).transpose(1, 2).flatten(2)  # eq. (4)
        return torch.tanh(self.W_c(heard) + self.W_z(z)), attention  # eq. (5)

    def _by_head(self, x: Float[Tensor, "B N Hd"]) -> Float[Tensor, "B H N d"]:
        """Each head's share of x: its part of the last axis."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


def build(cfg: Config, env: Env) -> a2c.ActorCritic:
    """The baseline's network with targeted attention."""
    communicate = TargetedAttention(
        cfg.hidden_dim, cfg.heads, cfg.signature_dim, cfg.value_dim, cfg.rounds, cfg.hear_self
    )
    return a2c.ActorCritic(env.obs_dim, env.n_actions, cfg.hidden_dim, communicate)


def train(
    cfg: Config,
    on_log: Callable[[Row], None] | None = None,
    checkpoint: str | Path | None = None,
) -> Result:
    """Train a TarMAC team: `a2c.train`, with this file's network."""
    return a2c.train(cfg, on_log, checkpoint, build)
