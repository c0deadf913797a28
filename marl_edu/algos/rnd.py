"""RND: what is new is what a network cannot imitate yet.

Paper: Burda et al., "Exploration by Random Network Distillation", ICLR 2019, arXiv 1810.12894.

Equations:
    x = clip((o' - mu) / sigma, -5, 5)         the normalised observation, entry by entry      (1)
    r^I = || f_hat(x) - f(x) ||^2 / F          the bonus: how badly f_hat imitates f           (2)
    L = r^I                                    averaged; f_hat learns, f stays as it was drawn (3)
mu, sigma: running mean and s.d. of all observations so far, the first from random play. An entry
that has never changed has sigma = 0, so its first change is clipped to 5 and the bonus is large.
(The paper writes eq. (2) as the squared norm; its code takes the mean, as here.)

Symbols: o' `next_obs` (*B, O) · f `target`, f_hat `predictor`: O -> F · F `feature_dim`.

Differences from the paper:
    - Small fully connected networks for small observations; the paper's see four pictures.
    - The same as in the paper, in training/ppo.py: two critics, the bonus scaled by the spread of
      its returns, an intrinsic return that episode ends do not cut. A random share of the data
      trains the predictor: `bonus_share`.

Chapter: book/chapters/rnd.ipynb.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from marl_edu.core.ends import is_over
from marl_edu.core.normalise import RunningMeanStd
from marl_edu.core.ops import highest
from marl_edu.core.protocols import Env
from marl_edu.envs.key_door_maze import KeyDoorMaze
from marl_edu.training import ppo
from marl_edu.training.checkpoint import Row


@dataclass(frozen=True)
class Config(ppo.Config):
    """The run's config, and what RND adds."""

    env: Callable[..., Env] = KeyDoorMaze
    feature_dim: int = 64  # F, outputs of f (RND: 512)
    predictor_dim: int = 128  # units per layer of f and f_hat: wide ones tell places apart


class RandomNetworkDistillation(nn.Module):
    """Eqs. (1)-(3): a bonus module (see training/bonus.py).

    Args:
        obs_dim: O. feature_dim: F. predictor_dim: units per layer.
    """

    def __init__(self, obs_dim: int, feature_dim: int = 64, predictor_dim: int = 128):
        super().__init__()
        self.stats = RunningMeanStd(obs_dim)
        self.target = nn.Sequential(
            nn.Linear(obs_dim, predictor_dim),
            nn.LeakyReLU(),
            nn.Linear(predictor_dim, predictor_dim),
            nn.LeakyReLU(),
            nn.Linear(predictor_dim, feature_dim),
        )
        # Two layers more than the target, or it could never catch up.
        self.predictor = nn.Sequential(
            nn.Linear(obs_dim, predictor_dim),
            nn.LeakyReLU(),
            nn.Linear(predictor_dim, predictor_dim),
            nn.ReLU(),
            nn.Linear(predictor_dim, predictor_dim),
            nn.ReLU(),
            nn.Linear(predictor_dim, feature_dim),
        )
        for layer in [*self.target, *self.predictor]:
            if isinstance(layer, nn.Linear):
                nn.init.orthogonal_(layer.weight, 2**0.5)
                nn.init.zeros_(layer.bias)
        self.target.requires_grad_(False)

    def look(self, obs: Float[Tensor, "*B O"]) -> Float[Tensor, "*B O"]:
        """Observations less their mean, in units of their spread, clipped: `(*B, O)`."""
        m = self.stats
        return ((obs - m.mean) / (m.var.sqrt() + 1e-8)).clamp(-5, 5)  # eq. (1)

    def loss(self, obs: Tensor, action: Tensor, next_obs: Float[Tensor, "*B O"]) -> Tensor:
        """The imitation error of the next observation, `(*B)`; o and a play no part."""
        x = self.look(next_obs)
        return (self.predictor(x) - self.target(x)).square().mean(-1)  # eqs. (2), (3)

    @torch.no_grad()
    def reward(self, obs: Tensor, action: Tensor, next_obs: Float[Tensor, "*B O"]) -> Tensor:
        """The same number as a bonus, without a gradient."""
        return self.loss(obs, action, next_obs)

    def update(self, obs: Tensor, action: Tensor, next_obs: Tensor, alive: Tensor) -> None:
        """Update the running mean and spread."""
        self.stats.update(next_obs[alive])

    def warm_up(self, env: Env) -> None:
        """Start mu and sigma from an episode of random play."""
        obs, seen = env.reset(), []
        while not is_over(env):
            available = env.available
            action = torch.randint(env.n_actions, available.shape[:2], device=env.device)
            allowed = available.gather(-1, action[..., None])[..., 0]
            if not allowed.all():  # draw again, among those that there are
                chance = torch.rand(available.shape, device=env.device)
                action = torch.where(allowed, action, highest(chance, available))
            obs = env.step(action)[0]
            seen.append(obs[env.alive])
        self.stats.update(torch.cat(seen))


def bonus(cfg: Config, env: Env) -> RandomNetworkDistillation:
    """The bonus module, warmed up; its steps are not counted among the run's."""
    module = RandomNetworkDistillation(env.obs_dim, cfg.feature_dim, cfg.predictor_dim)
    module.warm_up(env)
    return module


def train(
    cfg: Config,
    on_log: Callable[[Row], None] | None = None,
    checkpoint: str | Path | None = None,
) -> ppo.Result:
    """Train with RND: `ppo.train`, with this file's bonus."""
    return ppo.train(cfg, on_log, checkpoint, bonus)
