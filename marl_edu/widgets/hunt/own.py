"""MAPPO whose loss of the critic is a reader's function."""

import torch
from torch import Tensor

from marl_edu.algos import mappo
from marl_edu.core.ops import log_prob_of, masked_mean
from marl_edu.training.checkpoint import Row
from marl_edu.training.recurrent_ppo import critic_input, numbered
from marl_edu.widgets.shared.own import Own


def loss(own: Own, net: mappo.Team, batch: mappo.Batch, cfg: mappo.Config) -> tuple[Tensor, Row]:
    """Eqs. (6) and (7) of `mappo.py`, with `own(value, old, target, alive, clip_coef)` for (7)."""
    logits = net.actor.unroll(numbered(batch.obs), batch.actor_h, batch.terminated)
    log_prob, entropies = log_prob_of(logits, batch.action, batch.available)
    rho = (log_prob - batch.log_prob).exp()
    clipped = rho.clamp(1 - cfg.clip_coef, 1 + cfg.clip_coef)
    gain = torch.minimum(rho * batch.advantage, clipped * batch.advantage)
    entropy = masked_mean(entropies, batch.alive)
    policy_loss = -masked_mean(gain, batch.alive) - cfg.ent_coef * entropy  # eq. (6)
    x = critic_input(batch.obs, batch.extra)
    v = net.critic.unroll(x, batch.critic_h, batch.terminated)[..., 0]
    rows = [x.flatten(0, 1) for x in (v, batch.value, batch.target, batch.alive)]
    value_loss = own(*rows, cfg.clip_coef, shape=(), learned=True)  # eq. (7)
    row = {"entropy": entropy.item(), "value_loss": value_loss.item()}
    row["clipped"] = masked_mean((rho != clipped).to(rho.dtype), batch.alive).item()
    return policy_loss + value_loss, row
