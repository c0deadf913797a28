"""VDN: the value of a team's joint action is the sum of its agents' values.

Paper: Sunehag et al., "Value-Decomposition Networks For Cooperative Multi-Agent Learning", AAMAS
2018, arXiv 1706.05296.

Equation; the others are those of team_q.py:
    Q_tot = sum_i q_i                                                                         (1)
The gradient of eq. (8) there is the same for every agent: all share the team's error. In the sum a
better q_i is always better, so each agent's best action is its part of the team's best.

Symbols: q_i `q` (B, T, N) · Q_tot (B, T).

Differences from the paper: no dueling networks; a GRU instead of an LSTM; double Q-learning by
default. Agents share their weights and know their numbers, one of the paper's variants.

Chapter: book/chapters/qmix.ipynb.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Float
from torch import Tensor, nn

from marl_edu.core.protocols import Env
from marl_edu.training import team_q
from marl_edu.training.checkpoint import Result, Row


@dataclass(frozen=True)
class Config(team_q.Config):
    """The config of all teams of Q-learners."""


class Sum(nn.Module):
    """Eq. (1)."""

    def forward(
        self, q: Float[Tensor, "*B N"], state: Float[Tensor, "*B S"]
    ) -> Float[Tensor, "*B"]:
        """Q_tot. The state makes no difference."""
        return q.sum(-1)  # eq. (1)


def build(cfg: Config, env: Env) -> team_q.Team:
    """The network for this environment."""
    return team_q.Team(team_q.agent_of(cfg, env), Sum())


def train(
    cfg: Config, on_log: Callable[[Row], None] | None = None, checkpoint: str | Path | None = None
) -> Result:
    """Train a team whose values add up: `qlearning.train`, with `team_q.loss`.

    Raises:
        ValueError: the checkpoint is damaged or of another config.
    """
    return team_q.train(cfg, build, on_log, checkpoint)
