"""DRQN: a DQN that remembers, for agents that do not see everything at once.

Paper: Hausknecht and Stone, "Deep Recurrent Q-Learning for Partially Observable MDPs", 2015, arXiv
1507.06527. Burn-in and the stored state: Kapturowski et al., "Recurrent Experience Replay in
Distributed Reinforcement Learning" (R2D2), ICLR 2019.

Equations, for one agent; the memory h (with an LSTM: h and its cell) is carried from step to step:
    z_t = relu(W_e o_t)                                     what it sees now                   (1)
    h_t = LSTM(z_t, h_{t-1})                                what it remembers                  (2)
    Q_t = W_q h_t                                           what every action is worth         (3)
    y_t = r_t + gamma c_t Q-_{t+1}(argmax_a Q_{t+1}(a))     what the one taken turned out to be (4)
    L = huber(y_t - Q_t(a_t))                               mean over the steps to learn from  (5)
Learning is from windows of L steps, drawn out of stored lives. The network and its target are both
unrolled over all L + 1 observations, each with its own memory, from the same start; Q- is the
target's. Eq. (4) in code is `marl_edu.qlearning.double_q`.

Three ways to start a window that does not begin where the life does, `h_{-1}`:
    zero      h = 0, as at the start of a life (the paper). What came before is unknown.
    burn-in   `burn_in` steps more, before the window, which warm the memory up. Their own errors
              do not count; the gradient of later ones does run back through them.
    stored    what the agent remembered when it lived through it, with the weights of then.
Burn-in and stored go together, too (R2D2). With `window` as long as a life all are the same.

Symbols: o `obs` (E, L+1, O) · z `z` (E, L+1, D) · h `h` (E, L+1, D) · Q `q` (E, L+1, A) ·
c `goes_on` (E, L) · y `y` (E, L) · the start `state` (E, S), S = D, with an LSTM 2 D.

Differences from the paper:
    - Double Q; whole lives by default (the paper: windows of 10); GRU as well as LSTM.
    - A few numbers are seen instead of pixels, so one layer before the memory instead of
      convolutions. Adam instead of Adadelta.
    - All agents of a world share the network; each has a memory of its own, and learns as if it
      were alone.

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

from marl_edu.core.ops import masked_mean
from marl_edu.training import qlearning
from marl_edu.training.qlearning import Result, Row, Run
from marl_edu.training.replay import Lives, Windows


@dataclass(frozen=True)
class Config(qlearning.Config):
    """What all Q-learners depend on, and what DRQN adds."""

    memory: str = "lstm"  # "lstm" (DRQN) or "gru"
    batch: int = 32  # E, windows per gradient step (DRQN: 32)
    capacity: int = 2000  # lives in the replay (DRQN: 400,000 steps)
    window: int = 10**6  # L, steps of a window to learn from; longer than a life: all (DRQN: 10)
    start: str = "zero"  # of the memory before a window: "zero" (DRQN) or "stored" (R2D2)
    burn_in: int = 0  # steps before the window that warm the memory up (DRQN: 0, R2D2: 40)


class RecurrentQ(nn.Module):
    """Eqs. (1)-(3).

    Args:
        obs_dim: O. n_actions: A. hidden: D. memory: "lstm" or "gru".
    """

    def __init__(self, obs_dim: int, n_actions: int, hidden: int, memory: str = "lstm"):
        super().__init__()
        if memory not in ("lstm", "gru"):
            raise ValueError(f"memory must be 'lstm' or 'gru', got {memory!r}")
        self.lstm = memory == "lstm"
        self.encode = nn.Linear(obs_dim, hidden)
        self.memory = (nn.LSTM if self.lstm else nn.GRU)(hidden, hidden, batch_first=True)
        self.q = nn.Linear(hidden, n_actions)
        self.state_size = hidden * (1 + self.lstm)  # S: an LSTM has its cell to remember, too
        with torch.no_grad():  # start out remembering: the gate that keeps is the second
            bias: Any = self.memory.bias_ih_l0
            bias[hidden : 2 * hidden] += 1.0

    def start(self, batch_size: int, n_agents: int) -> Float[Tensor, "B N S"]:
        """What agents remember before the first step: zeros."""
        return self.encode.weight.new_zeros(batch_size, n_agents, self.state_size)

    def unroll(self, obs: Float[Tensor, "E L O"], state: Float[Tensor, "E S"]):
        """Live through L observations, one after the other, remembering.

        Returns:
            Q of every action in every step `(E, L, A)`, and what is remembered in the end.
        """
        z = F.relu(self.encode(obs))  # eq. (1)
        before = [part.contiguous() for part in state[None].split(self.memory.hidden_size, -1)]
        h, after = self.memory(z, tuple(before) if self.lstm else before[0])  # eq. (2)
        return self.q(h), torch.cat(after, -1)[0] if self.lstm else after[0]  # eq. (3)

    def forward(self, obs: Float[Tensor, "B N O"], state: Float[Tensor, "B N S"]):
        """One step of all agents. Returns Q `(B, N, A)` and what they remember now."""
        q, after = self.unroll(obs.flatten(0, 1)[:, None], state.flatten(0, 1))
        return q.view(*obs.shape[:2], -1), after.view(state.shape)


def loss(net: RecurrentQ, target: RecurrentQ, batch: Windows, cfg: Config):
    """Eq. (5) on windows of stored lives.

    Returns:
        the scalar loss, and its parts as a dict of floats.
    """
    state = batch.state if cfg.start == "stored" else net.start(1, len(batch.obs))[0]
    q, _ = net.unroll(batch.obs, state)  # L + 1 observations: the last is for the target only
    reward = cfg.reward_scale * batch.reward
    with torch.no_grad():
        q_target, _ = target.unroll(batch.obs, state)  # with a memory of its own
        available = batch.available[:, None]
        y = qlearning.double_q(
            reward, batch.goes_on, q[:, 1:], q_target[:, 1:], available, cfg.gamma
        )  # eq. (4)
    taken = q[:, :-1].gather(-1, batch.action[..., None])[..., 0]
    error = F.smooth_l1_loss(taken, y, reduction="none")
    total = masked_mean(error, batch.learn)  # eq. (5)
    return total, {"loss": total.item(), "q": masked_mean(taken, batch.learn).item()}


def build(cfg: Config, world) -> RecurrentQ:
    """The network for this world."""
    return RecurrentQ(world.obs_dim, world.n_actions, cfg.hidden, cfg.memory)


def train(
    cfg: Config,
    on_log: Callable[[Row], None] | None = None,
    checkpoint: Path | None = None,
    watch: Callable[[RecurrentQ], Row] | None = None,
    build: Callable[[Any, Any], RecurrentQ] = build,
) -> Result:
    """Train from scratch, or go on from `checkpoint`.

    Args:
        cfg: the run. on_log: called with every new row of the log.
        checkpoint: file to save to and to go on from; an interrupted run ends with the same
            numbers as an uninterrupted one.
        watch: looks at the network after every round; what it returns is added to the rows.
        build: makes the network from `(cfg, world)`.
    Raises:
        ValueError: the checkpoint is damaged or of another config; a start of another name.
    """
    if cfg.start not in ("zero", "stored"):
        raise ValueError(f"start must be 'zero' or 'stored', got {cfg.start!r}")
    torch.manual_seed(cfg.seed)
    world = cfg.world(**cfg.world_args, batch_size=cfg.batch_size, seed=cfg.seed)
    net, target = (build(cfg, world).to(world.device) for _ in range(2))
    target.load_state_dict(net.state_dict())
    kept = net.state_size if cfg.start == "stored" else 0
    replay = Lives(cfg.capacity, world.max_steps, world.obs_dim, world.available, kept)
    optimizer = torch.optim.Adam(net.parameters(), lr=cfg.lr, fused=True)
    generator = torch.Generator(world.device).manual_seed(cfg.seed)
    parts = {"net": net, "target": target, "replay": replay, "optimizer": optimizer}
    run = Run(cfg, checkpoint, parts, generator, world.generator)

    while run.update < cfg.updates:
        episodes, round = qlearning.play(net, world, run.epsilon, generator)
        replay.add(episodes)
        said: Row = {}
        for _ in range(run.due(int(episodes.alive.sum()), replay.steps, round)):
            run.begin(optimizer)
            batch = replay.draw(cfg.batch, cfg.window, cfg.burn_in, generator)
            total, said = loss(net, target, batch, cfg)
            optimizer.zero_grad()
            total.backward()
            nn.utils.clip_grad_norm_(net.parameters(), cfg.clip)
            optimizer.step()
            run.update += 1
            if run.update % cfg.target_every == 0:
                target.load_state_dict(net.state_dict())
        run.log(said | watch(net) if watch else said, on_log)
    return run.result(net)
