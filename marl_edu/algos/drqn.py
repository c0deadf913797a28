"""DRQN: DQN with a memory, for agents that do not see the whole state.

Paper: Hausknecht and Stone, "Deep Recurrent Q-Learning for Partially Observable MDPs", 2015, arXiv
1507.06527. Burn-in and the stored state: Kapturowski et al., "Recurrent Experience Replay in
Distributed Reinforcement Learning" (R2D2), ICLR 2019.

Equations, for one agent; the memory h (of an LSTM: h and its cell) is carried from step to step:
    z_t = relu(W_e o_t)                                     the encoded observation            (1)
    h_t = LSTM(z_t, h_{t-1})                                the memory                         (2)
    Q_t = W_q h_t                                           the value of every action          (3)
    y_t = r_t + gamma (1 - d_t) Q-_{t+1}(argmax_a Q_{t+1}(a))  Q selects, Q- evaluates         (4)
    L = huber(y_t - Q_t(a_t))                               mean over the steps to learn from  (5)
A gradient step learns from windows of L steps, sampled from stored trajectories. The network and
its target network (Q-) are both unrolled over all L + 1 observations, each with its own memory,
from one start. The flag d is 1 where the trajectory terminated. Eq. (4) in code is
`core.ops.q_target`.

Three memories h_{-1} for a window that starts in the middle of a trajectory:
    zero      h = 0, as at the start of a trajectory (the paper). What came before is unknown.
    burn-in   `burn_in` more steps before the window warm the memory up. Their own errors do not
              count; the gradient of later errors runs back through them.
    stored    what the agent remembered at the time, computed with old weights.
R2D2 combines burn-in and stored. With `window` as long as a trajectory, all three are the same.

Symbols: o `obs` (E, L+1, O) · z `z` (E, L+1, D) · h `h` (E, L+1, D) · Q `q` (E, L+1, A) ·
d `terminated` (E, L) · y `y` (E, L) · the start `hidden` (E, U), U = D, with an LSTM 2 D.

Differences from the paper:
    - Double Q; whole trajectories by default (the paper: windows of 10); GRU as well as LSTM.
    - Observations are a few numbers instead of pixels: one layer before the memory instead of
      convolutions. Adam instead of Adadelta.
    - All agents share the network; each has its own memory and learns as if it were alone.

Chapter: book/chapters/drqn.ipynb.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from marl_edu.core.ops import masked_mean, q_target
from marl_edu.core.protocols import Env
from marl_edu.training import qlearning
from marl_edu.training.checkpoint import Result, Row
from marl_edu.training.replay import SequenceBatch, SequenceReplay


@dataclass(frozen=True)
class Config(qlearning.Config):
    """The settings of all Q-learners, and what DRQN adds."""

    memory: str = "lstm"  # "lstm" (DRQN) or "gru"
    batch_size: int = 32  # E, windows per gradient step (DRQN: 32)
    capacity: int = 2000  # trajectories in the replay (DRQN: 400,000 steps)
    window: int = 10**6  # L, steps of a window; larger than a trajectory: all of it (DRQN: 10)
    start: str = "zero"  # of the memory before a window: "zero" (DRQN) or "stored" (R2D2)
    burn_in: int = 0  # steps before the window that warm the memory up (DRQN: 0, R2D2: 40)


class RecurrentQ(nn.Module):
    """Eqs. (1)-(3).

    Args:
        obs_dim: O. n_actions: A. hidden_dim: D. memory: "lstm" or "gru".
    """

    def __init__(self, obs_dim: int, n_actions: int, hidden_dim: int, memory: str = "lstm"):
        super().__init__()
        if memory not in ("lstm", "gru"):
            raise ValueError(f"memory must be 'lstm' or 'gru', got {memory!r}")
        self.lstm = memory == "lstm"
        self.encode = nn.Linear(obs_dim, hidden_dim)
        self.memory = (nn.LSTM if self.lstm else nn.GRU)(hidden_dim, hidden_dim, batch_first=True)
        self.q = nn.Linear(hidden_dim, n_actions)
        self.hidden_size = hidden_dim * (1 + self.lstm)  # U: an LSTM also carries its cell
        with torch.no_grad():  # start out remembering: open the forget gate, the second
            bias: Any = self.memory.bias_ih_l0
            bias[hidden_dim : 2 * hidden_dim] += 1.0

    def start(self, num_envs: int, n_agents: int) -> Float[Tensor, "B N U"]:
        """The memory before the first step: zeros."""
        return self.encode.weight.new_zeros(num_envs, n_agents, self.hidden_size)

    def unroll(
        self, obs: Float[Tensor, "E L O"], hidden: Float[Tensor, "E U"]
    ) -> tuple[Float[Tensor, "E L A"], Float[Tensor, "E U"]]:
        """Read L observations in order, carrying the memory along.

        Returns:
            Q of every action in every step `(E, L, A)`, and the memory at the end `(E, U)`.
        """
        z = F.relu(self.encode(obs))  # eq. (1)
        before = [part.contiguous() for part in hidden[None].split(self.memory.hidden_size, -1)]
        h, after = self.memory(z, tuple(before) if self.lstm else before[0])  # eq. (2)
        return self.q(h), torch.cat(after, -1)[0] if self.lstm else after[0]  # eq. (3)

    def forward(
        self, obs: Float[Tensor, "B N O"], hidden: Float[Tensor, "B N U"]
    ) -> tuple[Float[Tensor, "B N A"], Float[Tensor, "B N U"]]:
        """One step of all agents. Returns Q `(B, N, A)` and their memory `(B, N, U)`."""
        q, after = self.unroll(obs.flatten(0, 1)[:, None], hidden.flatten(0, 1))
        return q.view(*obs.shape[:2], -1), after.view(hidden.shape)


def loss(
    net: RecurrentQ, target: RecurrentQ, batch: SequenceBatch, cfg: Config
) -> tuple[Tensor, Row]:
    """Eq. (5) on windows of stored trajectories.

    Returns:
        the scalar loss, and its parts as a dict of floats.
    """
    hidden = batch.hidden if cfg.start == "stored" else net.start(1, len(batch.obs))[0]
    q, _ = net.unroll(batch.obs, hidden)  # L + 1 observations: the last is for the target only
    reward = cfg.reward_scale * batch.reward
    with torch.no_grad():
        q_target_all, _ = target.unroll(batch.obs, hidden)  # with a memory of its own
        y = q_target(
            reward, batch.terminated, q_target_all[:, 1:], batch.available, cfg.gamma, q[:, 1:]
        )  # eq. (4)
    taken = q[:, :-1].gather(-1, batch.action[..., None])[..., 0]
    error = F.smooth_l1_loss(taken, y, reduction="none")
    total = masked_mean(error, batch.mask)  # eq. (5)
    return total, {"loss": total.item(), "q": masked_mean(taken, batch.mask).item()}


def build(cfg: Config, env: Env) -> RecurrentQ:
    """The network for this environment."""
    return RecurrentQ(env.obs_dim, env.n_actions, cfg.hidden_dim, cfg.memory)


def make_replay(cfg: Config, env: Env, net: RecurrentQ) -> SequenceReplay:
    """The replay buffer of trajectories; with `start="stored"` it keeps the memories, too."""
    kept = net.hidden_size if cfg.start == "stored" else 0
    has, changes = env.available[0], env.available_changes
    return SequenceReplay(cfg.capacity, env.max_steps, env.obs_dim, has, kept, changes)


def sample(replay: SequenceReplay, cfg: Config, generator: torch.Generator) -> SequenceBatch:
    """The windows of one gradient step."""
    return replay.sample(cfg.batch_size, cfg.window, cfg.burn_in, generator)


def train(
    cfg: Config,
    on_log: Callable[[Row], None] | None = None,
    checkpoint: str | Path | None = None,
    watch: Callable[[RecurrentQ], Row] | None = None,
    build: Callable[[Any, Any], RecurrentQ] = build,
) -> Result:
    """Train DRQN agents: `qlearning.train`, with this file's network, replay and loss.

    Raises:
        ValueError: the checkpoint is damaged or of another config; `start` is unknown.
    """
    if cfg.start not in ("zero", "stored"):
        raise ValueError(f"start must be 'zero' or 'stored', got {cfg.start!r}")
    return qlearning.train(cfg, on_log, checkpoint, build, make_replay, sample, loss, watch)
