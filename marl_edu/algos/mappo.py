"""MAPPO: PPO for teams, with a critic that may see more than the agent. IPPO: one that may not.

Papers: Yu et al., "The Surprising Effectiveness of PPO in Cooperative Multi-Agent Games", NeurIPS
2022, arXiv 2103.01955 (MAPPO). De Witt et al., "Is Independent Learning All You Need in the
StarCraft Multi-Agent Challenge?", 2020, arXiv 2011.09533 (IPPO). PPO: Schulman et al., arXiv
1707.06347.

Equations, for agent i; those of the two networks and their memories are in recurrent_ppo.py:
    x = [o_i ; e ; i]                           the critic's input: e is nothing (IPPO), or ... (1)
    V = mu + sigma v                            values are learned in units of their spread     (2)
    A = gae(r, V),   R = A + V                  once a round, with the values of that round     (3)
    mu, sigma = mean and s.d. of all R so far                                                   (4)
    rho = pi(a | o_i, h) / pi_old(a | o_i, h)   the policy now, and the one that played         (5)
    L_pi = -min(rho A, clip(rho, 1 - eps, 1 + eps) A) - c_H H(pi)                               (6)
    L_V = max((v - y)^2, (clip(v, v_old - eps, v_old + eps) - y)^2),   y = (R - mu) / sigma     (7)
Both losses are means over living agents; A is in units of its spread among them. `critic` names e:
    "own"       nothing: IPPO
    "team"      the observations of the whole team, zeros where nobody is
    "state"     the environment's state, for those that have one (`env.state`)
    "shuffled"  the observations of the team in another environment: a control. As many numbers as
                "team", and no word about this environment
The critic is thrown away after training. Whatever it saw, agents act on what they see themselves.

Symbols: o `obs` (B, T+1, N, O) · e `extra` (B, T+1, X) · v `value` (B, T+1, N) · A `advantage`,
R `returns` (B, T, N) · y `target` (E, L, N) · mu, sigma `scale` · eps `clip_coef` · c_H `ent_coef`.

Differences from Yu et al.:
    - mu, sigma weigh all returns alike; there, a moving average with 0.99999 as its weight.
    - Squared errors; there, Huber's loss beyond 10. One layer before the memory instead of two.
    - Whole episodes, in environments side by side; step sizes larger, for shorter runs.
    - Their state is pruned of what an agent's own observation repeats. Ours is not.

Chapter: book/chapters/mappo.ipynb.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from marl_edu.core.checks import one_of
from marl_edu.core.normalise import RunningMeanStd
from marl_edu.core.ops import gae, linear, log_prob_of, masked_mean, masked_normalise
from marl_edu.core.protocols import Env
from marl_edu.training.checkpoint import Result, Row, Run
from marl_edu.training.config import Checked, make_env
from marl_edu.training.recurrent_ppo import (
    PerAgent,
    Recurrent,
    Rollout,
    critic_input,
    cut,
    nothing,
    numbered,
    rollout,
    update,
)

Net = Recurrent | PerAgent
CRITICS = ("own", "team", "state", "shuffled")
SMALLEST_SCALE = 0.01  # of sigma: where all returns are equal, there is nothing to magnify


@dataclass(frozen=True)
class Config(Checked):
    """What a run depends on, and nothing else: equal configs give equal numbers."""

    env: Callable[..., Any]  # makes one of `num_envs` and `seed`: a class, a function
    env_args: dict[str, Any] = field(default_factory=dict)  # given to `env`, less B and seed
    seed: int = 0  # of all that is drawn: weights, episodes, actions
    critic: str = "team"  # what it sees beside the agent's observation, eq. (1); "own" is IPPO
    share: bool = True  # one actor and one critic for all agents, or each has its own
    updates: int = 300  # rounds of play and learning; each plays one episode in every environment
    num_envs: int = 64  # B, environments side by side (MAPPO in particles: 128)
    hidden_dim: int = 64  # D, size of z and of the memories (MAPPO: 64)
    gamma: float = 0.99  # discount per step (MAPPO: 0.99)
    gae_lambda: float = 0.95  # lambda of the advantage (MAPPO: 0.95)
    normalise_value: bool = True  # eq. (4); without it mu = 0 and sigma = 1
    clip_value: bool = True  # the maximum of eq. (7), or its first part alone
    epochs: int = 5  # times a round's data is gone through (MAPPO: 5 to 15, in particles 10)
    minibatches: int = 1  # gradient steps per time (MAPPO: 1)
    window: int = 10  # L, steps of a window; larger than an episode: all of it (MAPPO: 10)
    lr: float = 2e-3  # Adam's step size at the start, annealed linearly (MAPPO: 5e-4 to 7e-4)
    lr_end: float = 0.1  # ... to this share of it
    clip_coef: float = 0.2  # eps, of both clips (MAPPO: 0.2)
    ent_coef: float = 0.01  # c_H (MAPPO: 0.01)
    max_grad_norm: float = 10.0  # largest norm of the gradient of each network (MAPPO: 10)
    log_every: int = 10  # updates per row of the log
    checkpoint_every: int = 100  # updates between two checkpoints

    def __post_init__(self) -> None:
        """Check all settings."""
        super().__post_init__()
        one_of("critic", self.critic, CRITICS)
        if self.critic == "shuffled" and self.num_envs == 1:
            raise ValueError("num_envs must be at least 2 with critic='shuffled', got 1")


class Team(nn.Module):
    """Actor, critic, and the scale of the values."""

    def __init__(self, actor: Net, critic: Net, hidden_dim: int):
        super().__init__()
        self.actor, self.critic, self.scale = actor, critic, RunningMeanStd()
        self.hidden_dim = hidden_dim

    def start(self, num_envs: int, n_agents: int) -> Float[Tensor, "B N D"]:
        """A memory before the first step: zeros."""
        return self.scale.mean.new_zeros(num_envs, n_agents, self.hidden_dim)

    def in_units(self, v: Tensor) -> Tensor:
        """V of v."""
        return self.scale.mean + self._sigma * v  # eq. (2)

    def out_of_units(self, returns: Tensor) -> Tensor:
        """y of R."""
        return (returns - self.scale.mean) / self._sigma  # eq. (7)

    @property
    def _sigma(self) -> Tensor:
        return self.scale.var.sqrt().clamp_min(SMALLEST_SCALE)


def extra_of(env: Any, critic: str) -> Float[Tensor, "B X"]:
    """e of eq. (1) now, for a `critic` of `CRITICS`."""
    if critic == "own":
        return nothing(env)
    if critic == "state":
        return env.state.to(env.obs.dtype)
    seen = (env.obs * env.alive[..., None]).flatten(1)
    return seen.roll(1, 0) if critic == "shuffled" else seen


class Batch(NamedTuple):
    """What the networks learn from: E windows of L steps of N agents."""

    obs: Float[Tensor, "E L N O"]
    extra: Float[Tensor, "E L X"]
    action: Int[Tensor, "E L N"]
    log_prob: Float[Tensor, "E L N"]  # under the policy that acted
    value: Float[Tensor, "E L N"]  # v_old
    advantage: Float[Tensor, "E L N"]
    target: Float[Tensor, "E L N"]  # y
    available: Bool[Tensor, "E L N A"]
    alive: Bool[Tensor, "E L N"]
    terminated: Bool[Tensor, "E L N"]
    actor_h: Float[Tensor, "E N D"]  # where each window starts
    critic_h: Float[Tensor, "E N D"]


def make_batch(net: Team, played: Rollout, cfg: Config) -> tuple[Batch, Row]:
    """The windows in which anybody lived, with eqs. (2)-(4); moves the scale of the values.

    Returns:
        the windows, and a number for the log: see `foreseen`.
    """
    value, alive, ends = net.in_units(played.value), played.alive, played.terminated
    advantage = gae(played.reward, value, ends, cfg.gamma, cfg.gae_lambda)  # eq. (3)
    returns = advantage + value[:, :-1]  # eq. (3)
    row = {"explained": foreseen(played, value, cfg.gamma)}
    if cfg.normalise_value:
        net.scale.update(returns[alive])  # eq. (4)
    parts = (
        played.obs[:, :-1],
        played.extra[:, :-1],
        played.action,
        played.log_prob,
        played.value[:, :-1],
        masked_normalise(advantage, alive, eps=1e-8),
        net.out_of_units(returns),
        played.available,
        alive,
        ends,
        played.actor_h,
        played.critic_h,
    )
    windows = [cut(part, cfg.window) for part in parts]
    windows[-2:] = [h[:, 0] for h in windows[-2:]]
    there = cut(alive, cfg.window).any(-1).any(-1)
    return Batch(*(part[there] for part in windows)), row


def foreseen(played: Rollout, value: Float[Tensor, "B T1 N"], gamma: float) -> float:
    """The share of the variance of the discounted returns that the critic's values explain.

    It is 1 for a critic that is never wrong, 0 for one that always says the mean (and where nobody
    lived), and less than 0 for one that misleads.
    """
    if not played.alive.any():
        return 0.0
    missed = gae(played.reward, value, played.terminated, gamma, 1.0)
    came = (missed + value[:, :-1])[played.alive]
    return (
        1 - (missed[played.alive].var(correction=0) / came.var(correction=0).clamp_min(1e-8)).item()
    )


def loss(net: Team, batch: Batch, cfg: Config) -> tuple[Tensor, Row]:
    """Eqs. (6) and (7), added: no weight is in both. Also returns their parts as floats."""
    logits = net.actor.unroll(numbered(batch.obs), batch.actor_h, batch.terminated)
    x = critic_input(batch.obs, batch.extra)  # eq. (1)
    v = net.critic.unroll(x, batch.critic_h, batch.terminated)[..., 0]
    log_prob, entropies = log_prob_of(logits, batch.action, batch.available)
    rho = (log_prob - batch.log_prob).exp()  # eq. (5)
    clipped = rho.clamp(1 - cfg.clip_coef, 1 + cfg.clip_coef)
    gain = torch.minimum(rho * batch.advantage, clipped * batch.advantage)
    entropy = masked_mean(entropies, batch.alive)
    policy_loss = -masked_mean(gain, batch.alive) - cfg.ent_coef * entropy  # eq. (6)
    errors = (v - batch.target) ** 2
    if cfg.clip_value:
        near = batch.value + (v - batch.value).clamp(-cfg.clip_coef, cfg.clip_coef)
        errors = torch.maximum(errors, (near - batch.target) ** 2)  # eq. (7)
    value_loss = masked_mean(errors, batch.alive)
    row = {"entropy": entropy.item(), "value_loss": value_loss.item()}
    row["clipped"] = masked_mean((rho != clipped).to(rho.dtype), batch.alive).item()
    return policy_loss + value_loss, row


def build(cfg: Config, env: Env) -> Team:
    """The networks for this environment.

    Raises:
        ValueError: critic="state" in an environment that has none.
    """
    N, O, D = env.n_agents, env.obs_dim, cfg.hidden_dim  # noqa: E741
    if cfg.critic == "state" and not hasattr(env, "state_dim"):
        raise ValueError(
            f"critic='state' needs an environment with a `state` (B, S), such as "
            f"CooperativeNavigation; {type(env).__name__} has none. critic='team' works anywhere."
        )
    extra = {"own": 0, "state": getattr(env, "state_dim", 0)}.get(cfg.critic, N * O)

    def make(inputs: int, outputs: int) -> Net:
        nets = [Recurrent(inputs, outputs, N, D) for _ in range(1 if cfg.share else N)]
        return nets[0] if cfg.share else PerAgent(nets)

    return Team(make(O, env.n_actions), make(O + extra, 1), D)


def train(
    cfg: Config,
    on_log: Callable[[Row], None] | None = None,
    checkpoint: str | Path | None = None,
    change: Callable[[Rollout], Rollout] = lambda played: played,
    loss: Callable[[Any, Any, Any], tuple[Tensor, Row]] = loss,
) -> Result:
    """Train a team from scratch, or go on from `checkpoint`.

    Args:
        cfg: the run. on_log: called with every new row of the log.
        checkpoint: file to save to and to go on from; see `Run`.
        change: of a round before anything is learned from it, for experiments that take away.
        loss: of the windows of a round; eqs. (6) and (7).
    Raises:
        ValueError: the checkpoint is damaged or of another config; a `critic` without its input.
    """
    env = make_env(cfg)
    net = build(cfg, env).to(env.device)
    optimizer = torch.optim.Adam(net.parameters(), lr=cfg.lr, fused=True)
    generator = torch.Generator(env.device).manual_seed(cfg.seed)
    parts = {"net": net, "optimizer": optimizer}
    told = partial(extra_of, critic=cfg.critic)
    run = Run(cfg, on_log, checkpoint, parts, generator, env.generator)

    while run.update < cfg.updates:
        optimizer.param_groups[0]["lr"] = cfg.lr * linear(1.0, cfg.lr_end, run.progress)
        played = change(rollout(net, env, generator, told))
        batch, metrics = make_batch(net, played, cfg)
        metrics |= update(net, batch, loss, optimizer, generator, cfg)
        run.update += 1
        run.env_steps += int(played.running.sum())
        metrics["success"] = played.success.mean().item()
        metrics["return"] = (played.paid.sum() / cfg.num_envs).item() / env.n_agents
        run.log(metrics)
        run.save()
    return run.result(net)
