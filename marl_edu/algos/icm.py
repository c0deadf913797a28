"""ICM: a bonus for the effects of actions that the agent's own model did not predict.

Paper: Pathak et al., "Curiosity-driven Exploration by Self-supervised Prediction", ICML 2017,
arXiv 1705.05363.

Equations:
    phi = enc(o),  phi' = enc(o')              features of an observation and the next         (1)
    L_I = -log g(a | phi, phi')                the inverse model: which action was taken?      (2)
    phi_hat = f(phi, a)                        the forward model: which features follow?       (3)
    L_F = 1/2 || phi_hat - phi' ||^2                                                           (4)
    r^I = eta/2 || phi_hat - phi' ||^2         the bonus: how wrong it was                     (5)
    L = (1 - beta) L_I + beta L_F              averaged; enc, g and f learn                    (6)
The inverse model makes enc keep what actions change; everything else may be dropped.

Symbols: o `obs`, o' `next_obs` (*B, O) · a `action` (*B) · phi `feature` (*B, F) ·
phi_hat `predicted` (*B, F) · g `inverse` · f `forward_model` · eta `eta` · beta `beta`.

Differences from the paper:
    - enc is two small layers instead of four convolutions, with the paper's ELU.
    - `stop`: in the authors' code L_F trains enc, too, through phi and through phi'. The paper's
      joint objective, its eq. (7), has no stop-gradient either. That is "nothing" here. "target"
      stops the gradient at phi', "features" at both: enc then learns from the inverse model alone.
    - The loop is training/ppo.py's, with two critics and a bonus scaled by the spread of its
      returns, so eta cancels. The paper's is A3C with one critic for the sum of both rewards.
    - The paper minimises lambda L_policy + L, lambda = 0.1; here each has its own step size.

Chapter: book/chapters/icm.ipynb.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from marl_edu.core.protocols import Env
from marl_edu.envs.key_door_maze import KeyDoorMaze
from marl_edu.training import ppo
from marl_edu.training.checkpoint import Row

STOPS = ("nothing", "target", "features")


@dataclass(frozen=True)
class Config(ppo.Config):
    """The run's config, and what ICM adds."""

    env: Callable[..., Env] = KeyDoorMaze
    feature_dim: int = 32  # F, features of enc (ICM: 288)
    model_dim: int = 128  # units per hidden layer of enc, g and f (ICM: 256)
    beta: float = 0.2  # weight of the forward model's loss (ICM: 0.2)
    eta: float = 0.5  # size of the bonus (ICM: 0.01 in the authors' code)
    stop: str = "nothing"  # where L_F's gradient stops: see above (authors' code: "nothing")


class IntrinsicCuriosityModule(nn.Module):
    """Eqs. (1)-(6): a bonus module (see training/bonus.py).

    Args:
        obs_dim: O. action_dim: A, the number of actions. feature_dim: F.
        hidden_dim: units per hidden layer. beta, eta, stop: as in `Config`.
    """

    def __init__(
        self,
        obs_dim: int,
        action_dim: int,
        feature_dim: int = 32,
        hidden_dim: int = 64,
        beta: float = 0.2,
        eta: float = 0.5,
        stop: str = "nothing",
    ):
        super().__init__()
        if not 0 <= beta <= 1:
            raise ValueError(f"beta must lie in [0, 1], got {beta!r}")
        if stop not in STOPS:
            raise ValueError(f"stop must be one of {', '.join(STOPS)}, got {stop!r}")
        self.action_dim, self.beta, self.eta, self.stop = action_dim, beta, eta, stop
        self.encode = nn.Sequential(
            nn.Linear(obs_dim, hidden_dim), nn.ELU(), nn.Linear(hidden_dim, feature_dim), nn.ELU()
        )
        self.inverse = nn.Sequential(
            nn.Linear(2 * feature_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, action_dim)
        )
        self.forward_model = nn.Sequential(
            nn.Linear(feature_dim + action_dim, hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, feature_dim),
        )

    def errors(
        self,
        obs: Float[Tensor, "*B O"],
        action: Int[Tensor, "*B"],
        next_obs: Float[Tensor, "*B O"],
    ) -> tuple[Float[Tensor, "*B"], Float[Tensor, "*B"]]:
        """L_I and L_F of each transition."""
        feature, after = self.encode(obs), self.encode(next_obs)  # eq. (1)
        guess = self.inverse(torch.cat([feature, after], -1))
        log_g = F.log_softmax(guess, -1)
        inverse = -log_g.gather(-1, action[..., None])[..., 0]  # eq. (2)
        if self.stop == "features":
            feature = feature.detach()
        if self.stop != "nothing":
            after = after.detach()
        did = F.one_hot(action, self.action_dim).to(feature.dtype)
        predicted = self.forward_model(torch.cat([feature, did], -1))  # eq. (3)
        return inverse, 0.5 * (predicted - after).square().sum(-1)  # eq. (4)

    def loss(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Float[Tensor, "*B"]:
        """The module's loss of each transition, `(*B)`."""
        inverse, forward = self.errors(obs, action, next_obs)
        return (1 - self.beta) * inverse + self.beta * forward  # eq. (6)

    @torch.no_grad()
    def reward(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Float[Tensor, "*B"]:
        """The bonus `(*B)`, without a gradient: the policy's loss must not change the models."""
        return self.eta * self.errors(obs, action, next_obs)[1]  # eq. (5)

    def update(self, obs: Tensor, action: Tensor, next_obs: Tensor, alive: Tensor) -> None:
        """Nothing: this module keeps no statistics."""


def bonus(cfg: Config, env: Env, observers: int = 1) -> IntrinsicCuriosityModule:
    """The bonus module of a run, for the joined observations of `observers` agents."""
    return IntrinsicCuriosityModule(
        observers * env.obs_dim,
        env.n_actions,
        cfg.feature_dim,
        cfg.model_dim,
        cfg.beta,
        cfg.eta,
        cfg.stop,
    )


def train(
    cfg: Config,
    on_log: Callable[[Row], None] | None = None,
    checkpoint: str | Path | None = None,
) -> ppo.Result:
    """Train with ICM: `ppo.train`, with this file's bonus."""
    return ppo.train(cfg, on_log, checkpoint, bonus)
