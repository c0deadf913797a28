"""OW-QMIX whose weighted error is a reader's function."""

import torch
from torch import Tensor

from marl_edu.algos import qmix
from marl_edu.core.ops import masked_mean
from marl_edu.training import team_q
from marl_edu.training.checkpoint import Row
from marl_edu.training.team_replay import TeamBatch
from marl_edu.widgets.shared.own import Own


def loss(
    own: Own, net: qmix.WeightedTeam, target: qmix.WeightedTeam, batch: TeamBatch, cfg: qmix.Config
) -> tuple[Tensor, Row]:
    """Eq. (7) of `qmix.py`, with `own(q_tot, y, mask, weight)` for its first part."""
    state, seen = batch.obs.flatten(-2), (batch.obs, batch.terminated)
    q = net.agent.unroll(*seen)
    q_tot = net.mixer(team_q.taken(q, batch), state[:, :-1])
    q_star = net.star(team_q.taken(net.star.agent.unroll(*seen), batch), state[:, :-1])
    with torch.no_grad():
        selects = q if cfg.double else target.agent.unroll(*seen)
        then = team_q.following(target.star.agent.unroll(*seen), selects, batch)
        y = team_q.bootstrap(batch, target.star(then, state[:, 1:]), cfg)  # eq. (6)
    mine = own(q_tot, y, batch.mask, cfg.weight, shape=(), learned=True)
    total = mine + masked_mean((y - q_star) ** 2, batch.mask)  # eq. (7)
    return total, {"loss": total.item(), "q": masked_mean(q_tot, batch.mask).item()}
