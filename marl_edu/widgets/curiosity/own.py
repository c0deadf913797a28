"""Curiosity whose bonus (ICM), or whose view of observations (RND), is a reader's function."""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from marl_edu.algos import icm, rnd
from marl_edu.core.protocols import Env
from marl_edu.widgets.shared.own import Own


class ReaderBonus(icm.IntrinsicCuriosityModule):
    """ICM whose eq. (5) is `own(predicted, after, eta)`."""

    def __init__(self, own: Own, *sizes: Any):
        super().__init__(*sizes)
        self.own = own

    @torch.no_grad()
    def reward(
        self,
        obs: Float[Tensor, "*B O"],
        action: Int[Tensor, "*B"],
        next_obs: Float[Tensor, "*B O"],
    ) -> Float[Tensor, "*B"]:
        """What the reader's function pays for each transition."""
        feature, after = self.encode(obs), self.encode(next_obs)
        did = F.one_hot(action, self.action_dim).to(feature.dtype)
        predicted = self.forward_model(torch.cat([feature, did], -1))
        rows = predicted.flatten(0, -2), after.flatten(0, -2)
        return self.own(*rows, self.eta, shape=(action.numel(),)).view(action.shape)


class ReaderView(rnd.RandomNetworkDistillation):
    """RND whose eq. (1) is `own(obs, mean, var)`. A variance of 0 is given as the smallest that
    there is, since the exercise's are above 0."""

    def __init__(self, own: Own, *sizes: int):
        super().__init__(*sizes)
        self.own = own

    def look(self, obs: Float[Tensor, "*B O"]) -> Float[Tensor, "*B O"]:
        """What the two networks see of observations."""
        m = self.stats
        rows = obs.flatten(0, -2)
        variance = (m.var.sqrt() + 1e-8).square()
        return self.own(rows, m.mean, variance, shape=tuple(rows.shape)).view(obs.shape)


def bonus(own: Own, cfg: Any, env: Env) -> torch.nn.Module:
    """The bonus module of a run of ICM or RND, with a reader's function in it."""
    if isinstance(cfg, icm.Config):
        sizes = cfg.feature_dim, cfg.model_dim, cfg.beta, cfg.eta, cfg.stop
        return ReaderBonus(own, env.obs_dim, env.n_actions, *sizes)
    view = ReaderView(own, env.obs_dim, cfg.feature_dim, cfg.predictor_dim)
    view.warm_up(env)
    return view
