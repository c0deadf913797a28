"""DQN: learn what every action is worth, from steps of the past drawn at random.

Papers: Mnih et al., "Human-level control through deep reinforcement learning", Nature 518 (2015);
van Hasselt et al., "Deep Reinforcement Learning with Double Q-learning", AAAI 2016, arXiv
1509.06461.

Equations:
    Q(o, .) = W_3 relu(W_2 relu(W_1 o))              what every action is worth            (1)
    y = r + gamma c Q_target(o', argmax_a Q(o', a))  what the one taken turned out to be   (2)
    L = huber(y - Q(o, a))                           mean over steps of the replay         (3)
Acting, and eq. (2) in code, are in `marl_edu.qlearning`. Q_target is a copy of Q that is made anew
every `target_every` gradient steps; no gradient goes through y.

Symbols: o `obs` (E, O) · a `action` (E,) · r `reward` (E,) · o' `next_obs` (E, O) ·
c `goes_on` (E,) · Q `q` (E, A) · y `y` (E,).

Differences from the paper:
    - Double Q: the network picks the next action, its target rates it (2015: the target does both).
    - A few numbers are seen instead of pixels, so two layers instead of convolutions; one
      observation, not the last four.
    - B worlds side by side: a round of whole episodes is played, then the gradient steps that are
      due for it are made, one per `steps_per_update` steps. Adam instead of RMSProp.
    - All agents of a world share the network and the replay; each learns as if it were alone.

Chapter: book/chapters/drqn.ipynb.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from marl_edu.training import qlearning
from marl_edu.training.qlearning import Result, Row, Run
from marl_edu.training.replay import Steps, Transitions


@dataclass(frozen=True)
class Config(qlearning.Config):
    """What all Q-learners depend on, and what DQN adds."""

    batch: int = 128  # E, steps per gradient step (DQN: 32)
    capacity: int = 50_000  # steps in the replay (DQN: 1 million)


class QNet(nn.Module):
    """Eq. (1): two hidden layers and no memory.

    Args:
        obs_dim: O. n_actions: A. hidden: D.
    """

    def __init__(self, obs_dim: int, n_actions: int, hidden: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(obs_dim, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, n_actions),
        )

    def start(self, batch_size: int, n_agents: int) -> Float[Tensor, "B N S"]:
        """What agents remember before the first step: nothing, S = 0."""
        return next(self.parameters()).new_zeros(batch_size, n_agents, 0)

    def forward(self, obs: Float[Tensor, "*S O"], state: Tensor | None = None):
        """Q of every action `(*S, A)`, and `state` as it came: there is nothing to remember."""
        return self.layers(obs), state  # eq. (1)


def loss(net: nn.Module, target: nn.Module, batch: Steps, cfg: Config):
    """Eq. (3) on steps of the replay.

    Returns:
        the scalar loss, and its parts as a dict of floats.
    """
    q, _ = net(batch.obs)
    reward = cfg.reward_scale * batch.reward
    with torch.no_grad():
        q_next, _ = net(batch.next_obs)
        q_target_next, _ = target(batch.next_obs)
        y = qlearning.double_q(
            reward, batch.goes_on, q_next, q_target_next, batch.available, cfg.gamma
        )  # eq. (2)
    taken = q.gather(-1, batch.action[:, None])[:, 0]
    total = F.smooth_l1_loss(taken, y)  # eq. (3)
    return total, {"loss": total.item(), "q": taken.mean().item()}


def build(cfg: Config, world) -> QNet:
    """The network for this world."""
    return QNet(world.obs_dim, world.n_actions, cfg.hidden)


def train(
    cfg: Config,
    on_log: Callable[[Row], None] | None = None,
    checkpoint: Path | None = None,
    watch: Callable[[QNet], Row] | None = None,
) -> Result:
    """Train from scratch, or go on from `checkpoint`.

    Args:
        cfg: the run. on_log: called with every new row of the log.
        checkpoint: file to save to and to go on from; an interrupted run ends with the same
            numbers as an uninterrupted one.
        watch: looks at the network after every round; what it returns is added to the rows.
    Raises:
        ValueError: the checkpoint is damaged or of another config.
    """
    torch.manual_seed(cfg.seed)
    world = cfg.world(**cfg.world_args, batch_size=cfg.batch_size, seed=cfg.seed)
    net, target = (build(cfg, world).to(world.device) for _ in range(2))
    target.load_state_dict(net.state_dict())
    replay = Transitions(cfg.capacity, world.obs_dim, world.available)
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
            total, said = loss(net, target, replay.draw(cfg.batch, generator), cfg)
            optimizer.zero_grad()
            total.backward()
            nn.utils.clip_grad_norm_(net.parameters(), cfg.clip)
            optimizer.step()
            run.update += 1
            if run.update % cfg.target_every == 0:
                target.load_state_dict(net.state_dict())
        run.log(said | watch(net) if watch else said, on_log)
    return run.result(net)
