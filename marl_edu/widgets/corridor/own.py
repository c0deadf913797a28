"""DRQN whose targets, eq. (4), are a reader's function."""

import torch
from torch import Tensor
from torch.nn import functional as F

from marl_edu.algos import drqn
from marl_edu.core.ops import masked_mean
from marl_edu.training.checkpoint import Row
from marl_edu.training.replay import SequenceBatch
from marl_edu.widgets.shared.own import Own


def loss(
    own: Own,
    net: drqn.RecurrentQ,
    target: drqn.RecurrentQ,
    batch: SequenceBatch,
    cfg: drqn.Config,
) -> tuple[Tensor, Row]:
    """Eq. (5) of `drqn.py` with targets from `own(q, q_target, reward, terminated, gamma)`."""
    hidden = net.start(1, len(batch.obs))[0]
    q, _ = net.unroll(batch.obs, hidden)
    with torch.no_grad():
        q_target, _ = target.unroll(batch.obs, hidden)
    reward = cfg.reward_scale * batch.reward
    y = own(q, q_target, reward, batch.terminated, cfg.gamma, shape=tuple(reward.shape))  # eq. (4)
    taken = q[:, :-1].gather(-1, batch.action[..., None])[..., 0]
    error = F.smooth_l1_loss(taken, y, reduction="none")
    total = masked_mean(error, batch.mask)  # eq. (5)
    return total, {"loss": total.item(), "q": masked_mean(taken, batch.mask).item()}
