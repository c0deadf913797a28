"""QMIX: mix the agents' values with a network in which a higher one never lowers the team's.

Papers: Rashid et al., "QMIX: Monotonic Value Function Factorisation for Deep Multi-Agent
Reinforcement Learning", ICML 2018, arXiv 1803.11485. The weights of eq. (5): Rashid et al.,
"Weighted QMIX", NeurIPS 2020, arXiv 2006.10800.

Equations; those of the agents and of the loss are in team_q.py:
    W_1 = |H_1 s|     b_1 = B_1 s                       hypernetworks: weights from the state (1)
    W_2 = |H_2 s|     b_2 = V_2 relu(V_1 s)                                                   (2)
    x = elu(q W_1 + b_1)                                                                      (3)
    Q_tot = x W_2 + b_2                                                                       (4)
Both absolute values are needed, and none on the biases. Then dQ_tot / dq_i >= 0, so each agent's
best action is its part of the team's best. The state may still change how much a value counts.

Where no such mixture fits, QMIX ends at the best fit to the actions that were tried. Weighted QMIX
(`weight` < 1) weights that fit, and takes its targets from a value Q* without the restriction:
    w = 1 where Q_tot < y, else `weight`                 overestimates count less             (5)
    y = r + gamma (1 - d) Q*-(o', a*)                    eq. (7) of team_q.py, with Q* for mix (6)
    L = w (y - Q_tot)^2 + (y - Q*)^2                                                          (7)

Symbols: q `q` (B, T, N) · s `state` (B, T, S) · W_1 (B, T, N, H), b_1, x, W_2 (B, T, H), b_2
(B, T) · H `mixing_dim`, here the width of the mixer · Q_tot `q_tot`, Q* `q_star` (B, T).

Differences from the papers: those of team_q.py; of the two weightings only the optimistic one.

Chapter: book/chapters/qmix.ipynb.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from marl_edu.core.ops import masked_mean
from marl_edu.core.protocols import Env
from marl_edu.training import team_q
from marl_edu.training.checkpoint import Result, Row
from marl_edu.training.team_replay import TeamBatch


@dataclass(frozen=True)
class Config(team_q.Config):
    """The config of all teams of Q-learners, and what QMIX adds."""

    mixing_dim: int = 32  # H, width of the mixer (QMIX: 32)
    weight: float = 1.0  # of overestimates, eq. (5); 1 is QMIX (OW-QMIX: 0.5, in games 0.1)


class Mixer(nn.Module):
    """Eqs. (1)-(4).

    Args:
        n_agents: N. state_dim: S. mixing_dim: H.
    """

    def __init__(self, n_agents: int, state_dim: int, mixing_dim: int):
        super().__init__()
        self.n_agents, self.state_dim = n_agents, state_dim
        self.H_1 = nn.Linear(state_dim, n_agents * mixing_dim)
        self.B_1 = nn.Linear(state_dim, mixing_dim)
        self.H_2 = nn.Linear(state_dim, mixing_dim)
        self.V_1 = nn.Linear(state_dim, mixing_dim)
        self.V_2 = nn.Linear(mixing_dim, 1)

    def forward(
        self, q: Float[Tensor, "*B N"], state: Float[Tensor, "*B S"]
    ) -> Float[Tensor, "*B"]:
        """Q_tot.

        Raises:
            ValueError: another number of agents or another state size than it was made for.
        """
        if (q.shape[-1], state.shape[-1]) != (self.n_agents, self.state_dim):
            raise ValueError(
                f"q and state must end in N = {self.n_agents} agents and S = {self.state_dim} "
                f"numbers, got {tuple(q.shape)} and {tuple(state.shape)}"
            )
        W_1 = self.H_1(state).abs().unflatten(-1, (self.n_agents, -1))  # eq. (1)
        W_2 = self.H_2(state).abs()  # eq. (2)
        b_2 = self.V_2(F.relu(self.V_1(state)))[..., 0]  # eq. (2)
        x = F.elu((q[..., None, :] @ W_1)[..., 0, :] + self.B_1(state))  # eq. (3)
        return (x * W_2).sum(-1) + b_2  # eq. (4)


class Unrestricted(nn.Module):
    """Q*: agents of its own, and three layers over their values that need not be monotone.

    Args:
        agent: a `team_q.AgentQ`. n_agents: N. state_dim: S. hidden_dim: D.
    """

    def __init__(self, agent: team_q.AgentQ, n_agents: int, state_dim: int, hidden_dim: int):
        super().__init__()
        self.agent = agent
        self.layers = nn.Sequential(
            nn.Linear(n_agents + state_dim, hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, 1),
        )

    def forward(
        self, q: Float[Tensor, "*B N"], state: Float[Tensor, "*B S"]
    ) -> Float[Tensor, "*B"]:
        """Q* of the joint action whose parts are valued `q`."""
        return self.layers(torch.cat([q, state], -1))[..., 0]


class WeightedTeam(team_q.Team):
    """A team, and the unrestricted value that it learns from; it acts without it."""

    def __init__(self, agent: team_q.AgentQ, mixer: Mixer, star: Unrestricted):
        super().__init__(agent, mixer)
        self.star = star


def weighted_loss(
    net: WeightedTeam, target: WeightedTeam, batch: TeamBatch, cfg: Config
) -> tuple[Tensor, Row]:
    """Eq. (7) on whole episodes.

    Returns:
        the scalar loss, and its parts as a dict of floats.
    """
    state, seen = batch.obs.flatten(-2), (batch.obs, batch.terminated)
    q = net.agent.unroll(*seen)
    q_tot = net.mixer(team_q.taken(q, batch), state[:, :-1])
    q_star = net.star(team_q.taken(net.star.agent.unroll(*seen), batch), state[:, :-1])
    with torch.no_grad():
        selects = q if cfg.double else target.agent.unroll(*seen)
        then = team_q.following(target.star.agent.unroll(*seen), selects, batch)
        y = team_q.bootstrap(batch, target.star(then, state[:, 1:]), cfg)  # eq. (6)
        w = torch.where(q_tot < y, 1.0, cfg.weight)  # eq. (5)
    total = masked_mean(w * (y - q_tot) ** 2 + (y - q_star) ** 2, batch.mask)  # eq. (7)
    return total, {"loss": total.item(), "q": masked_mean(q_tot, batch.mask).item()}


def build(cfg: Config, env: Env) -> team_q.Team:
    """The network for this environment."""
    state_dim = env.n_agents * env.obs_dim
    agent, mixer = team_q.agent_of(cfg, env), Mixer(env.n_agents, state_dim, cfg.mixing_dim)
    if cfg.weight == 1:
        return team_q.Team(agent, mixer)
    own = team_q.agent_of(cfg, env)
    return WeightedTeam(agent, mixer, Unrestricted(own, env.n_agents, state_dim, cfg.hidden_dim))


def train(
    cfg: Config, on_log: Callable[[Row], None] | None = None, checkpoint: str | Path | None = None
) -> Result:
    """Train a team whose values are mixed: `qlearning.train`, with this file's mixer.

    Raises:
        ValueError: the checkpoint is damaged or of another config.
    """
    loss = team_q.loss if cfg.weight == 1 else weighted_loss
    return team_q.train(cfg, build, on_log, checkpoint, loss)
