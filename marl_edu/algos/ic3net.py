"""IC3Net: every agent also chooses when to speak.

Paper: Singh et al., "Learning when to Communicate at Scale in Multiagent Cooperative and
Competitive Tasks", ICLR 2019, arXiv 1812.09755.

Equations, i the receiver and j the sender:
    g_j ~ softmax([0 ; W_g z_j])                       does it speak? chosen like an action   (1)
    c_i = mean of z_j over the j != i with g_j = 1     what it hears                          (2)
    z'_i = tanh(W_z z_i + W_c c_i)                     what it makes of it                    (3)
Closing the gate gates sending, not receiving. log pi(g) is added to log pi(a) in the loss of
a2c.py: the gate learns from the same advantage as the action.
A soft gate g_i = sigmoid(W_g z_i) says instead how much an agent *uses* of what it heard:
    z''_i = g_i z'_i + (1 - g_i) z_i                                                          (4)

Symbols: z `z` (B, N, D) · g `gate` (B, N) · c `heard` (B, N, D).

Differences from the paper:
    - The mean is over those who speak (paper: over all others, silent ones counting as zeros).
    - The gate is always learned (paper: fixed to 1 at the junction).
    - One round; the memory and training of a2c.py.

Chapter: none. The stored runs of the junction are CommNet's and TarMAC's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from marl_edu.core.ops import act, log_prob_of, mean_of_others
from marl_edu.core.protocols import Env
from marl_edu.envs.traffic_junction import TrafficJunction
from marl_edu.training import a2c
from marl_edu.training.checkpoint import Result, Row

GATES = ("hard", "soft")


@dataclass(frozen=True)
class Config(a2c.Config):
    """The team's config, and what IC3Net adds."""

    env: Callable[..., Env] = TrafficJunction
    gate: str = "hard"  # "hard" (IC3Net) or "soft": see above


class MeanOfSpeakers(nn.Module):
    """Eqs. (2) and (3).

    Args:
        hidden_dim: D.
    """

    def __init__(self, hidden_dim: int):
        super().__init__()
        self.W_c = nn.Linear(hidden_dim, hidden_dim, bias=False)
        self.W_z = nn.Linear(hidden_dim, hidden_dim)

    def forward(
        self, z: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N N"]
    ) -> tuple[Float[Tensor, "B N D"], Float[Tensor, "B 1 1 N N"]]:
        """z' and the weights of the mean; `mask[b, i, j]`: j speaks, and i may hear it."""
        heard, attention = mean_of_others(z, mask)  # eq. (2)
        return torch.tanh(self.W_z(z) + self.W_c(heard)), attention[:, None, None]  # eq. (3)


class GatedActorCritic(a2c.ActorCritic):
    """The network of a2c.py with a gate before, or behind, any communication module.

    Args:
        gate: "hard" or "soft". The others: see `a2c.ActorCritic`.
    """

    def __init__(
        self,
        obs_dim: int,
        n_actions: int,
        hidden_dim: int,
        communicate: nn.Module,
        gate: str = "hard",
    ):
        if gate not in GATES:
            raise ValueError(f"gate must be one of {', '.join(GATES)}, got {gate!r}")
        super().__init__(obs_dim, n_actions, hidden_dim, communicate)
        self.gate = gate
        self.W_g = nn.Linear(hidden_dim, 1)

    def forward(
        self,
        obs: Float[Tensor, "B N O"],
        h: Float[Tensor, "B N D"],
        alive: Bool[Tensor, "B N"],
        generator: torch.Generator | None = None,
        mask: Any = None,
    ) -> a2c.Step:
        """One step of the team; see `a2c.ActorCritic`. `generator` samples the hard gate."""
        if mask is None:
            mask = alive[:, :, None] & alive[:, None, :]
        z = self.know(obs, h)
        log_prob = torch.zeros_like(z[..., 0])
        if self.gate == "hard":
            speaks, log_prob = self.choose(z, generator)
            mask = mask & speaks[:, None, :]
        heard, attention = self.communicate(z, mask)
        if self.gate == "soft":
            gate = torch.sigmoid(self.W_g(z))
            heard = gate * heard + (1 - gate) * z  # eq. (4)
        logits, h = self.decide(heard, h, alive)
        return a2c.Step(logits, h, attention, log_prob)

    def choose(
        self, z: Float[Tensor, "B N D"], generator: torch.Generator | None
    ) -> tuple[Bool[Tensor, "B N"], Float[Tensor, "B N"]]:
        """Who speaks, and the log-probability of that choice."""
        score = self.W_g(z)
        logits = torch.cat([torch.zeros_like(score), score], -1)  # silent, speaking
        gate = act(logits.detach(), generator)  # eq. (1)
        return gate == 1, log_prob_of(logits, gate)[0]


def build(cfg: Config, env: Env) -> GatedActorCritic:
    """The network of IC3Net."""
    communicate = MeanOfSpeakers(cfg.hidden_dim)
    return GatedActorCritic(env.obs_dim, env.n_actions, cfg.hidden_dim, communicate, cfg.gate)


def train(
    cfg: Config,
    on_log: Callable[[Row], None] | None = None,
    checkpoint: str | Path | None = None,
) -> Result:
    """Train an IC3Net team: `a2c.train`, with this file's network."""
    return a2c.train(cfg, on_log, checkpoint, build)
