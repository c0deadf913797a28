"""MADDPG whose critics are asked, in eq. (7), what a reader's function says."""

import torch
from torch import Tensor

from marl_edu.algos import maddpg
from marl_edu.core.ops import masked_mean
from marl_edu.training.team_replay import TeamTransitions
from marl_edu.widgets.shared.own import Own


def actor_loss(
    own: Own,
    net: maddpg.Team,
    batch: TeamTransitions,
    cfg: maddpg.Config,
    generator: torch.Generator | None,
) -> Tensor:
    """Eq. (7) of `maddpg.py` where actions are numbers, with `own(new, stored)` for its actions."""
    logits = net.logits(batch.obs)
    new = logits.sigmoid() * batch.available * batch.alive[..., None]  # eq. (3)
    asked = own(new, batch.action, shape=(net.n_agents, *new.shape), learned=True)
    q = net.values(batch.obs, asked)[0]
    cost = (logits.square() * batch.available).sum(-1) / batch.available.sum(-1).clamp_min(1)
    each = -q + cfg.logit_cost * cost.T  # eq. (7)
    return masked_mean(each, batch.alive.T) * net.n_agents
