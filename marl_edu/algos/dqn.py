"""DQN: learn the value of every action from past steps, sampled at random.

Papers: Mnih et al., "Human-level control through deep reinforcement learning", Nature 518 (2015);
van Hasselt et al., "Deep Reinforcement Learning with Double Q-learning", AAAI 2016, arXiv
1509.06461.

Equations:
    Q(o, .) = W_3 relu(W_2 relu(W_1 o))                    the value of every action         (1)
    y = r + gamma (1 - d) max_a Q-(o', a)                  the target of 2015                (2)
    y = r + gamma (1 - d) Q-(o', argmax_a Q(o', a))        double Q: Q selects, Q- evaluates (3)
    L = huber(y - Q(o, a))                                 mean over sampled steps           (4)
Eqs. (2) and (3) in code are `core.ops.q_target`. Q- is the target network, a copy of Q that is
renewed every `target_update_interval` gradient steps. (In 2013 there was none: Q itself.) No
gradient goes through y. d is 1 where the trajectory terminated, else 0; a time limit leaves it 0.

Symbols: o `obs` (E, O) · a `action` (E,) · r `reward` (E,) · o' `next_obs` (E, O) ·
d `terminated` (E,) · Q `q` (E, A) · y `y` (E,).

Differences from the paper:
    - Double Q by default (`double`).
    - Observations are a few numbers instead of pixels: two layers instead of convolutions, and a
      single observation instead of the last four.
    - B environments side by side play a round of whole episodes. Then come the gradient steps that
      are due, one per `train_freq` steps. Adam instead of RMSProp.
    - All agents share the network and the replay buffer; each learns as if it were alone.

Chapter: book/chapters/drqn.ipynb.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from marl_edu.core.ops import q_target
from marl_edu.core.protocols import Env
from marl_edu.training import qlearning
from marl_edu.training.checkpoint import Result, Row
from marl_edu.training.replay import ReplayBuffer, TransitionBatch


@dataclass(frozen=True)
class Config(qlearning.Config):
    """The settings of all Q-learners, and what DQN adds."""

    batch_size: int = 128  # E, steps per gradient step (DQN: 32)
    capacity: int = 50_000  # steps in the replay (DQN: 1 million)
    double: bool = True  # the target of eq. (3) instead of eq. (2)


class QNet(nn.Module):
    """Eq. (1): two hidden layers, no memory.

    Args:
        obs_dim: O. n_actions: A. hidden_dim: D.
    """

    def __init__(self, obs_dim: int, n_actions: int, hidden_dim: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(obs_dim, hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, n_actions),
        )

    def start(self, num_envs: int, n_agents: int) -> Float[Tensor, "B N U"]:
        """The memory before the first step: empty, U = 0."""
        return next(self.parameters()).new_zeros(num_envs, n_agents, 0)

    def forward(
        self, obs: Float[Tensor, "*B O"], hidden: Tensor | None = None
    ) -> tuple[Float[Tensor, "*B A"], Tensor | None]:
        """Q of every action `(*B, A)`, and `hidden` unchanged: there is no memory."""
        return self.layers(obs), hidden  # eq. (1)


def loss(
    net: nn.Module, target: nn.Module, batch: TransitionBatch, cfg: Config
) -> tuple[Tensor, Row]:
    """Eq. (4) on steps of the replay.

    Returns:
        the scalar loss, and its parts as a dict of floats.
    """
    q, _ = net(batch.obs)
    reward = cfg.reward_scale * batch.reward
    with torch.no_grad():
        q_target_next, _ = target(batch.next_obs)
        q_next = net(batch.next_obs)[0] if cfg.double else None
        y = q_target(
            reward, batch.terminated, q_target_next, batch.available, cfg.gamma, q_next
        )  # eqs. (2), (3)
    taken = q.gather(-1, batch.action[:, None])[:, 0]
    total = F.smooth_l1_loss(taken, y)  # eq. (4)
    return total, {"loss": total.item(), "q": taken.mean().item()}


def build(cfg: Config, env: Env) -> QNet:
    """The network for this environment."""
    return QNet(env.obs_dim, env.n_actions, cfg.hidden_dim)


def make_replay(cfg: Config, env: Env, net: QNet) -> ReplayBuffer:
    """The replay buffer of steps."""
    return ReplayBuffer(cfg.capacity, env.obs_dim, env.available[0], env.available_changes)


def sample(replay: ReplayBuffer, cfg: Config, generator: torch.Generator) -> TransitionBatch:
    """The batch of one gradient step."""
    return replay.sample(cfg.batch_size, generator)


def train(
    cfg: Config,
    on_log: Callable[[Row], None] | None = None,
    checkpoint: str | Path | None = None,
    watch: Callable[[QNet], Row] | None = None,
) -> Result:
    """Train DQN agents: `qlearning.train`, with this file's network, replay and loss."""
    return qlearning.train(cfg, on_log, checkpoint, build, make_replay, sample, loss, watch)
