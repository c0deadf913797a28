"""Two methods at once, put together from the parts of their chapters; no new mathematics.

    talk and curiosity    `Talking`, ppo.py's network with one layer of gat.py's talk in it,
                          and `TeamBonus`, icm.py's bonus for what is new to the team
    talk and memory       `TeamQ`, drqn.py's network for a whole team, with tarmac.py's messages
    talk without memory   `forget`, which takes the memory out of any network of a2c.py

Equations:
    Q(o, (a_1 ... a_N)) = sum_i Q_i(o, a_i)      the value of a team's joint action         (1)
This sum is the value decomposition of Sunehag et al., arXiv 1706.05296 (VDN). The team is one
learner with A^N actions; its best action is each agent's best. It lets a message be learned: a
message changes another agent's Q, and both Qs are in the same sum.

Symbols: o `obs` (E, L, N O) · Q_i `q` (E, N, L, A) · Q `joint` (E, L, A^N).

Chapter: book/chapters/comparison.ipynb.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from marl_edu.algos import drqn, gat, icm, tarmac
from marl_edu.core.ends import outcome
from marl_edu.core.protocols import Env
from marl_edu.core.registry import register
from marl_edu.envs.base.wrappers import Wrapper
from marl_edu.training import a2c, ppo
from marl_edu.training.bonus import NoBonus
from marl_edu.training.checkpoint import Result, Row

# -- talk and curiosity ---------------------------------------------------------------------------


@dataclass(frozen=True)
class CuriousConfig(icm.Config):
    """ICM's config, and whether the team talks and is curious."""

    talk: bool = True  # a layer of graph attention between the agents, or silence
    curious: bool = True  # ICM's bonus, or none
    heads: int = 4  # H of the attention


class Talking(ppo.ActorCritic):
    """ppo.py's network with a communication layer between its two: all agents hear each other.

    Args:
        communicate: as in `a2c.ActorCritic`. Others: see `ppo.ActorCritic`.
    """

    def __init__(
        self, obs_dim: int, n_actions: int, hidden_dim: int, n_agents: int, communicate: nn.Module
    ):
        super().__init__(obs_dim, n_actions, hidden_dim, n_agents)
        first, second = self.body[:2], self.body[2:]
        self.body = nn.Sequential(first, Among(communicate), second)


class Among(nn.Module):
    """A communication module for agents `(*B, N, D)` that all hear each other."""

    def __init__(self, communicate: nn.Module):
        super().__init__()
        self.communicate = communicate

    def forward(self, z: Float[Tensor, "*B N D"]) -> Float[Tensor, "*B N D"]:
        """Features `(*B, N, D)` after one round of messages."""
        flat = z.flatten(0, -3)
        B, N, _ = flat.shape
        everybody = torch.ones(B, N, N, dtype=torch.bool, device=z.device)
        return self.communicate(flat, everybody)[0].view(z.shape)


class TeamBonus(nn.Module):
    """A bonus module (see training/bonus.py) that sees what the whole team sees, agent by agent.

    Like the critic of a2c.py it exists in training only. Agents are the last axis of `*B`.

    Args:
        module: the bonus module, for observations of N O entries.
    """

    def __init__(self, module: Any):
        super().__init__()
        self.module = module

    def _team(self, obs: Float[Tensor, "*B N O"]) -> Float[Tensor, "*B N NO"]:
        return obs.flatten(-2)[..., None, :].expand(*obs.shape[:-1], -1)

    def reward(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        """The bonus of each agent's action, `(*B)`."""
        return self.module.reward(self._team(obs), action, self._team(next_obs))

    def loss(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        """The module's loss, `(*B)`."""
        return self.module.loss(self._team(obs), action, self._team(next_obs))

    def update(self, obs: Tensor, action: Tensor, next_obs: Tensor, alive: Tensor) -> None:
        """Update the module's statistics."""
        self.module.update(self._team(obs), action, self._team(next_obs), alive)


def build_talking(cfg: CuriousConfig, env: Env) -> Talking:
    """The network of a curious team, talking or silent."""
    talk = gat.GraphTalk(cfg.hidden_dim, cfg.heads, layers=int(cfg.talk))
    return Talking(env.obs_dim, env.n_actions, cfg.hidden_dim, env.n_agents, talk)


def team_bonus(cfg: CuriousConfig, env: Env) -> nn.Module:
    """The bonus module of a team, curious or without a bonus."""
    if not cfg.curious:
        return NoBonus()
    return TeamBonus(icm.bonus(cfg, env, env.n_agents))


def train_curious(
    cfg: CuriousConfig,
    on_log: Callable[[Row], None] | None = None,
    checkpoint: str | Path | None = None,
) -> ppo.Result:
    """Train a team that may talk and may get a bonus: `ppo.train` with these parts."""
    return ppo.train(cfg, on_log, checkpoint, team_bonus, build_talking)


# -- talk and memory ------------------------------------------------------------------------------


@dataclass(frozen=True)
class TeamConfig(drqn.Config):
    """DRQN's config; `env` makes the team's environment, which becomes an `AsOne`."""

    talk: bool = True  # TarMAC's messages, or silence


@register("as-one")
class AsOne(Wrapper):
    """The whole team as one agent, which sees what all see and acts for all.

    O becomes N O: all observations in a row. A becomes A^N: a joint action is a number whose digits
    are the agents' actions, agent 0's the last digit. It is `available` if every agent's own action
    is. The reward is the mean of the members' rewards. For the arguments see `Wrapper`.
    """

    def __init__(
        self,
        env: Callable[..., Any],
        env_args: dict[str, Any] | None = None,
        num_envs: int = 64,
        device: str = "cpu",
        seed: int | None = None,
    ):
        super().__init__(env, env_args, num_envs, device, seed)
        inner = self.inner
        self.n_agents, self.obs_dim = 1, inner.n_agents * inner.obs_dim
        self.n_actions = inner.n_actions**inner.n_agents
        self._place = inner.n_actions ** torch.arange(inner.n_agents, device=self.device)

    def split(self, action: Int[Tensor, "B 1"]) -> Int[Tensor, "B N"]:
        """The action of every agent, `(B, N)`."""
        return action // self._place % self.inner.n_actions

    def step(
        self, actions: Int[Tensor, "B 1"]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Tensor]]:
        """A step of the inner environment; a team is alive while a member is."""
        before = self.inner.alive, self.inner.running
        obs, reward, terminated, truncated, info = super().step(self.split(actions))
        paid = outcome(*before, reward, terminated, info).paid.mean(1, keepdim=True)
        info = info | {"alive": self.alive, "completed": self.completed}
        return obs, paid, terminated, truncated, info

    def _change(self, obs: Float[Tensor, "B N O"]) -> Float[Tensor, "B 1 NO"]:
        return obs.flatten(1)[:, None]

    @property
    def alive(self) -> Bool[Tensor, "B 1"]:  # type: ignore[override]
        """Whether any member is alive."""
        return self.inner.alive.any(1, keepdim=True)

    @property
    def completed(self) -> Bool[Tensor, "B 1"]:  # type: ignore[override]
        """Never: a team is not replaced by another."""
        return torch.zeros_like(self.alive)

    @property
    def available(self) -> Bool[Tensor, "B 1 A"]:
        """Joint actions open to all members; a member without any action forbids nothing."""
        own = self.inner.available
        own = own | ~own.any(-1, keepdim=True)
        digits = self.split(torch.arange(self.n_actions, device=self.device)[:, None])  # (A, N)
        has = own.gather(2, digits.T.expand(len(own), -1, -1))  # (B, N, A): its digit of each
        return has.all(1, keepdim=True)


class Told(nn.Module):
    """An encoder with a round of messages, before the memory."""

    def __init__(self, encode: nn.Linear, communicate: nn.Module, n_agents: int):
        super().__init__()
        self.encode, self.among, self.n_agents = encode, Among(communicate), n_agents

    def forward(self, obs: Float[Tensor, "EN L O"]) -> Float[Tensor, "EN L D"]:
        """Features of every agent after one round of messages."""
        z = F.relu(self.encode(obs)).unflatten(0, (-1, self.n_agents))  # (E, N, L, D)
        return self.among(z.transpose(1, 2)).transpose(1, 2).flatten(0, 1)


class TeamQ(drqn.RecurrentQ):
    """DRQN's network for each agent of a team; the value of a joint action is eq. (1).

    Args:
        n_agents, obs_dim, n_actions: of the team. communicate: as in `a2c.ActorCritic`.
        hidden_dim, memory: see `drqn.RecurrentQ`.
    """

    def __init__(
        self,
        n_agents: int,
        obs_dim: int,
        n_actions: int,
        hidden_dim: int,
        memory: str,
        communicate: nn.Module,
    ):
        super().__init__(obs_dim, n_actions, hidden_dim, memory)
        self.encode: Any = Told(self.encode, communicate, n_agents)
        self.n_agents, self.hidden_size = n_agents, n_agents * self.hidden_size

    def start(self, num_envs: int, n_agents: int = 1) -> Float[Tensor, "B N U"]:
        """The team's memory before the first step: zeros."""
        return self.q.weight.new_zeros(num_envs, n_agents, self.hidden_size)

    def unroll(
        self, obs: Float[Tensor, "E L NO"], hidden: Float[Tensor, "E NU"]
    ) -> tuple[Float[Tensor, "E L AN"], Float[Tensor, "E NU"]]:
        """As `drqn.RecurrentQ.unroll`, for a team: Q of all its actions, `(E, L, A^N)`."""
        own = obs.unflatten(-1, (self.n_agents, -1)).transpose(1, 2).flatten(0, 1)
        q, after = super().unroll(own, hidden.unflatten(-1, (self.n_agents, -1)).flatten(0, 1))
        first, *rest = q.unflatten(0, (-1, self.n_agents)).unbind(1)
        joint = first
        for one in rest:  # agent 0 is the last digit
            joint = (one[..., :, None] + joint[..., None, :]).flatten(-2)  # eq. (1)
        return joint, after.view(hidden.shape)


def build_team(cfg: TeamConfig, env: AsOne) -> TeamQ:
    """The network of a team of Q-learners, talking or silent."""
    team = env.inner
    talk = tarmac.TargetedAttention(cfg.hidden_dim) if cfg.talk else a2c.NoCommunication()
    return TeamQ(team.n_agents, team.obs_dim, team.n_actions, cfg.hidden_dim, cfg.memory, talk)


def train_team(
    cfg: TeamConfig,
    on_log: Callable[[Row], None] | None = None,
    checkpoint: str | Path | None = None,
) -> Result:
    """Train a team of Q-learners: `drqn.train` with this network. The environment must be an
    `AsOne`."""
    return drqn.train(cfg, on_log, checkpoint, build=build_team)


# -- talk without memory --------------------------------------------------------------------------


def forget(net: a2c.ActorCritic) -> a2c.ActorCritic:
    """Take a team's memory away: in every step it is replaced by zeros."""

    def blank(net: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        obs, h, *rest = inputs
        return obs, torch.zeros_like(h), *rest

    net.register_forward_pre_hook(blank)
    return net


@dataclass(frozen=True)
class ForgetfulConfig(tarmac.Config):
    """TarMAC's config, for teams without memory."""


def build_forgetful(cfg: a2c.Config, env: Env) -> a2c.ActorCritic:
    """TarMAC's network, or with a plain config the silent network, without memory."""
    build: Any = tarmac.build if isinstance(cfg, ForgetfulConfig) else a2c.build
    return forget(build(cfg, env))


def train_forgetful(
    cfg: a2c.Config,
    on_log: Callable[[Row], None] | None = None,
    checkpoint: str | Path | None = None,
) -> Result:
    """Train a team without memory: `a2c.train` with this network."""
    return a2c.train(cfg, on_log, checkpoint, build_forgetful)
