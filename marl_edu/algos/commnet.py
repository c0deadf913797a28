"""CommNet: every agent hears the mean of what the others say.

Paper: Sukhbaatar et al., "Learning Multiagent Communication with Backpropagation", NIPS 2016,
arXiv 1605.07736.

Equations, i the receiver:
    c_i = mean of z_j over the living j != i           what it hears                          (1)
    z'_i = tanh(W_z z_i + W_c c_i)                     what it makes of it                    (2)
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

from marl_edu.core.ops import mean_of_others
from marl_edu.core.protocols import Env
from marl_edu.envs.traffic_junction import TrafficJunction
from marl_edu.training import a2c
from marl_edu.training.checkpoint import Result, Row


@dataclass(frozen=True)
class Config(a2c.Config):
    """The team's config, and what CommNet adds."""

    env: Callable[..., Env] = TrafficJunction
    rounds: int = 1  # R, rounds of messages in a step (CommNet: 2 on the junction)


class MeanOfOthers(nn.Module):
    """Eqs. (1)-(2): R rounds of listening to everyone alike.

    Args:
        hidden_dim: D. rounds: R.
    """

    def __init__(self, hidden_dim: int, rounds: int = 1):
        super().__init__()
        if rounds < 1:
            raise ValueError(f"rounds must be at least 1, got {rounds!r}")
        self.rounds = rounds
        self.W_c = nn.Linear(hidden_dim, hidden_dim, bias=False)
        self.W_z = nn.Linear(hidden_dim, hidden_dim)

    def forward(
        self, z: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N N"]
    ) -> tuple[Float[Tensor, "B N D"], Float[Tensor, "B R 1 N N"]]:
        """Let everyone speak and listen.

        Args:
            z: what each agent knows. mask: `mask[b, i, j]`: receiver i may hear sender j.
        Returns:
            z' and the weights of the mean in every round, receivers in rows.
        """
        rounds = []
        for _ in range(self.rounds):
            z, attention = self.listen(z, self.messages(z), mask)
            rounds.append(attention)
        return z, torch.stack(rounds, 1)

    def messages(self, z: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        """What everyone says: everything it knows."""
        return z

    def listen(
        self,
        z: Float[Tensor, "B N D"],
        message: Float[Tensor, "B N D"],
        mask: Bool[Tensor, "B N N"],
    ) -> tuple[Float[Tensor, "B N D"], Float[Tensor, "B 1 N N"]]:
        """What everyone makes of the messages: z', and the weights of the mean."""
        heard, attention = mean_of_others(message, mask)  # eq. (1)
        return torch.tanh(self.W_z(z) + self.W_c(heard)), attention[:, None]  # eq. (2)


def build(cfg: Config, env: Env) -> a2c.ActorCritic:
    """The baseline's network with the mean of the others."""
    communicate = MeanOfOthers(cfg.hidden_dim, cfg.rounds)
    return a2c.ActorCritic(env.obs_dim, env.n_actions, cfg.hidden_dim, communicate)


def train(
    cfg: Config,
    on_log: Callable[[Row], None] | None = None,
    checkpoint: str | Path | None = None,
) -> Result:
    """Train a CommNet team: `a2c.train`, with this file's network."""
    return a2c.train(cfg, on_log, checkpoint, build)
