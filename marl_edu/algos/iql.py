"""IQL: a team of independent Q-learners. To each agent the others are part of the environment.

Paper: Tan, "Multi-Agent Reinforcement Learning: Independent vs. Cooperative Agents", ICML 1993.
With memory: Foerster et al., "Learning to Communicate with Deep Multi-Agent Reinforcement
Learning", NeurIPS 2016, arXiv 1605.06676.

Equations, for each agent i by itself; the others are those of team_q.py:
    y_i = r_i + gamma (1 - d_i) q'_i                                                          (1)
    L = (y_i - q_i)^2                             mean over the steps of all agents           (2)

Symbols: q_i `now`, q'_i `then`, r_i `reward`, d_i `terminated`, y_i `y`, all (E, L, N).

Differences from the papers: one network for all agents; double Q-learning by default.

Chapter: book/chapters/qmix.ipynb.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from marl_edu.core.ops import masked_mean
from marl_edu.core.protocols import Env
from marl_edu.training import team_q
from marl_edu.training.checkpoint import Result, Row
from marl_edu.training.team_replay import TeamBatch


@dataclass(frozen=True)
class Config(team_q.Config):
    """The config of all teams of Q-learners."""


def loss(
    net: team_q.Team, target: team_q.Team, batch: TeamBatch, cfg: team_q.Config
) -> tuple[Tensor, Row]:
    """Eq. (2) on whole episodes.

    Returns:
        the scalar loss, and its parts as a dict of floats.
    """
    now, then = team_q.values(net, target, batch, cfg.double)
    reward = cfg.reward_scale * batch.reward
    y = reward + cfg.gamma * (1 - batch.terminated.to(reward.dtype)) * then  # eq. (1)
    there = batch.alive[:, :-1] & batch.mask[..., None]
    total = masked_mean((y - now) ** 2, there)  # eq. (2)
    return total, {"loss": total.item(), "q": masked_mean(now, there).item()}


def build(cfg: Config, env: Env) -> team_q.Team:
    """The network for this environment; nothing is mixed."""
    return team_q.Team(team_q.agent_of(cfg, env), nn.Identity())


def train(
    cfg: Config, on_log: Callable[[Row], None] | None = None, checkpoint: str | Path | None = None
) -> Result:
    """Train independent learners: `qlearning.train`, with this file's loss.

    Raises:
        ValueError: the checkpoint is damaged or of another config.
    """
    return team_q.train(cfg, build, on_log, checkpoint, loss)
