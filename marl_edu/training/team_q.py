"""Q-learning for teams: what IQL, VDN and QMIX share. The loop is qlearning.py's.

Every agent values its own actions by what it has seen, all with one network. Learning is from whole
episodes of the whole team, with all agents at once, so that a mixer may put their values together.

Equations, for agent i; its memory h_i starts at 0, and again at 0 when its trajectory ends:
    z_i = relu(W_e [o_i ; i])            what it sees, and its number                           (1)
    h_i = GRU(z_i, h_i)                  what it remembers                                      (2)
    Q_i = W_q h_i                        the value of each of its actions                       (3)
    a*_i = argmax_a Q_i(o'_i, a)         the network selects, each agent by itself              (4)
    q_i = Q_i(o_i, a_i)                  what was done                                          (5)
    q'_i = Q-_i(o'_i, a*_i)              what comes next, by the target network                 (6)
    y = r + gamma (1 - d) mix-(q'_1 ... q'_N, s')      the target mixes too, at the next state  (7)
    L = (y - mix(q_1 ... q_N, s))^2      mean over the steps of the episodes                    (8)
The maximum in eq. (4) is taken agent by agent, *before* the values are mixed. That finds the
best joint action if a better q_i never lowers the mixture, which VDN and QMIX make sure of.

An absent agent has q_i = 0. d is 1 where the team is gone, and 0 at a time limit.

Symbols: o `obs` (E, L+1, N, O) · h `hidden` (B, N, D) · Q_i `q` (E, L+1, N, A) · q_i `now`
(E, L, N) · q'_i `then` (E, L, N) · s `state` (E, L+1, S) · r `reward` (E, L), the mean over
the team · d `over` (E, L) · y `y` (E, L).

Differences from PyMARL, where most published numbers come from:
    - The state is what all agents see together, S = N O.
    - An agent is not told its last action.
    - Adam instead of RMSProp; B environments side by side, a round of whole episodes and then the
      gradient steps that are due for it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from marl_edu.core.ops import highest, masked_mean
from marl_edu.core.protocols import Env
from marl_edu.training import qlearning
from marl_edu.training.checkpoint import Result, Row
from marl_edu.training.team_replay import TeamBatch, TeamReplay


@dataclass(frozen=True)
class Config(qlearning.Config):
    """What all Q-learners depend on, and what teams of them add."""

    batch_size: int = 32  # E, episodes per gradient step (QMIX: 32)
    capacity: int = 5000  # episodes in the replay (QMIX: 5,000)
    double: bool = True  # eq. (4) by the network (PyMARL) or by the target (QMIX, eq. 6)


class AgentQ(nn.Module):
    """Eqs. (1)-(3): one network for all agents, each of which knows its number.

    Args:
        obs_dim: O. n_actions: A. n_agents: N. hidden_dim: D.
    """

    def __init__(self, obs_dim: int, n_actions: int, n_agents: int, hidden_dim: int):
        super().__init__()
        self.encode = nn.Linear(obs_dim + n_agents, hidden_dim)
        self.memory = nn.GRUCell(hidden_dim, hidden_dim)
        self.q = nn.Linear(hidden_dim, n_actions)

    def start(self, num_envs: int, n_agents: int) -> Float[Tensor, "B N D"]:
        """What agents remember before the first step: zeros."""
        return self.q.weight.new_zeros(num_envs, n_agents, self.q.in_features)

    def forward(
        self, obs: Float[Tensor, "B N O"], hidden: Float[Tensor, "B N D"]
    ) -> tuple[Float[Tensor, "B N A"], Float[Tensor, "B N D"]]:
        """One step of all agents: Q of every action, and what they remember now."""
        number = torch.eye(obs.shape[1], device=obs.device).to(obs.dtype).expand(len(obs), -1, -1)
        z = F.relu(self.encode(torch.cat([obs, number], -1)))  # eq. (1)
        h = self.memory(z.flatten(0, 1), hidden.flatten(0, 1)).view(hidden.shape)  # eq. (2)
        return self.q(h), h  # eq. (3)

    def unroll(
        self, obs: Float[Tensor, "E L1 N O"], terminated: Bool[Tensor, "E L N"]
    ) -> Float[Tensor, "E L1 N A"]:
        """Q of every action in every step. A new trajectory remembers nothing of the last."""
        hidden, found = self.start(len(obs), obs.shape[2]), []
        for t in range(obs.shape[1]):
            q, hidden = self(obs[:, t], hidden)
            found.append(q)
            if t < terminated.shape[1]:
                hidden = hidden * ~terminated[:, t, :, None]
        return torch.stack(found, 1)


class Team(nn.Module):
    """The agents' network and what puts their values together.

    Args:
        agent: an `AgentQ`. mixer: `(q, state) -> q_tot`, `(*B, N)` and `(*B, S)` to `(*B)`.
    """

    def __init__(self, agent: AgentQ, mixer: nn.Module):
        super().__init__()
        self.agent, self.mixer = agent, mixer

    def start(self, num_envs: int, n_agents: int) -> Tensor:
        """What agents remember before the first step."""
        return self.agent.start(num_envs, n_agents)

    def forward(self, obs: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """One step of all agents, each by itself: nothing is mixed where they act."""
        return self.agent(obs, hidden)


def agent_of(cfg: Config, env: Env) -> AgentQ:
    """The agents' network for this environment."""
    return AgentQ(env.obs_dim, env.n_actions, env.n_agents, cfg.hidden_dim)


def taken(q: Float[Tensor, "E L1 N A"], batch: TeamBatch) -> Float[Tensor, "E L N"]:
    """The value of what each agent did; 0 where there is no agent."""
    return q[:, :-1].gather(-1, batch.action[..., None])[..., 0] * batch.alive[:, :-1]  # eq. (5)


def following(
    q_target: Float[Tensor, "E L1 N A"], selects: Float[Tensor, "E L1 N A"], batch: TeamBatch
) -> Float[Tensor, "E L N"]:
    """The value of what each agent will do next, the best by `selects`; 0 where there is none."""
    best = highest(selects[:, 1:], batch.available[:, 1:])  # eq. (4)
    return q_target[:, 1:].gather(-1, best[..., None])[..., 0] * batch.alive[:, 1:]  # eq. (6)


def values(
    net: Team, target: Team, batch: TeamBatch, double: bool
) -> tuple[Float[Tensor, "E L N"], Float[Tensor, "E L N"]]:
    """`taken` by the network, and `following` by its target, which no gradient goes through."""
    q = net.agent.unroll(batch.obs, batch.terminated)
    with torch.no_grad():
        q_target = target.agent.unroll(batch.obs, batch.terminated)
        then = following(q_target, q if double else q_target, batch)
    return taken(q, batch), then


def bootstrap(
    batch: TeamBatch, next_value: Float[Tensor, "E L"], cfg: Config
) -> Float[Tensor, "E L"]:
    """The team's target, eq. (7); `next_value` is that of the state after each step."""
    reward = cfg.reward_scale * batch.reward.mean(-1)
    return reward + cfg.gamma * (1 - batch.over.to(reward.dtype)) * next_value


def loss(net: Team, target: Team, batch: TeamBatch, cfg: Config) -> tuple[Tensor, Row]:
    """Eq. (8) on whole episodes.

    Returns:
        the scalar loss, and its parts as a dict of floats.
    """
    now, then = values(net, target, batch, cfg.double)
    state = batch.obs.flatten(-2)
    with torch.no_grad():
        y = bootstrap(batch, target.mixer(then, state[:, 1:]), cfg)  # eq. (7)
    q_tot = net.mixer(now, state[:, :-1])
    total = masked_mean((y - q_tot) ** 2, batch.mask)  # eq. (8)
    return total, {"loss": total.item(), "q": masked_mean(q_tot, batch.mask).item()}


def make_replay(cfg: Config, env: Env, net: nn.Module) -> TeamReplay:
    """Where episodes are kept."""
    has, changes = env.available[0], env.available_changes
    return TeamReplay(cfg.capacity, env.max_steps, env.obs_dim, has, changes)


def sample(replay: TeamReplay, cfg: Config, generator: torch.Generator) -> TeamBatch:
    """What one gradient step learns from."""
    return replay.sample(cfg.batch_size, generator)


def train(
    cfg: Config,
    build: Callable[[Any, Any], Team],
    on_log: Callable[[Row], None] | None = None,
    checkpoint: str | Path | None = None,
    loss: Callable[[Any, Any, TeamBatch, Any], tuple[Tensor, Row]] = loss,
) -> Result:
    """Train a team: `qlearning.train`, with the replay of whole teams and this loss."""
    return qlearning.train(cfg, on_log, checkpoint, build, make_replay, sample, loss)
