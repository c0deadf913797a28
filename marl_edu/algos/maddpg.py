"""MADDPG: actors that see their own part, critics that see everything while they learn.

Papers: Lowe et al., "Multi-Agent Actor-Critic for Mixed Cooperative-Competitive Environments", NIPS
2017, arXiv 1706.02275. Twin critics, delayed actors and smoothed targets: Fujimoto et al.,
"Addressing Function Approximation Error in Actor-Critic Methods" (TD3), ICML 2018, arXiv
1802.09477.

Equations, for agent i, which has an actor and a critic of its own:
    l_i = mu_i(o_i)                        A numbers, of its own observation alone             (1)
    a_i = softmax((l_i + g) / temperature)    one of A actions, relaxed; g: Gumbel noise       (2)
    a_i = sigmoid(l_i)                        A numbers in [0, 1]                              (3)
    a'_j = a_j of the target actors at o'_j   what everybody will do next                      (4)
    y_i = r_i + gamma (1 - d_i) Q-_i(o'_1 ... o'_N, a'_1 ... a'_N)                             (5)
    L_i = (y_i - Q_i(o_1 ... o_N, a_1 ... a_N))^2     all actions as they were                 (6)
    J_i = -Q_i(o_1 ... o_N, a_1 ... a~_i ... a_N) + kappa l_i^2   a~_i: its own action, anew  (7)
    w- = (1 - tau) w- + tau w              the targets follow slowly                           (8)
L_i and J_i are means over a batch of the replay. Eqs. (5)-(7) are the paper's (6) and (5). An actor
learns through its critic: the gradient of Q_i by a_i says how to change the action.

TD3's three switches:
    `twin`          two critics; eq. (5) takes the smaller value, eq. (7) the first critic
    `actor_delay`   actors and targets move only every so many updates of the critics
    `smoothing`     noise on the target's action in eq. (4). With eq. (2) the Gumbel noise is there
                    already, and this must be 0

`critic="own"` takes the idea away: Q_i(o_i, a_i). That is DDPG, every agent by itself.

Symbols: o `obs` (E, N, O) · a `action` (E, N, A), one-hot where eq. (2) holds · l `logits`
(E, N, A) · Q `q` (C, N, E), C = 2 with twin critics, else 1 · r `reward`, d `terminated`, y `y`
(E, N) · kappa `logit_cost`. d is 0 at a time limit, so that eq. (5) bootstraps through it.

Differences from the paper:
    - An action that is done is whole: a sample of softmax(l), kept one-hot. The paper's code plays
      the relaxed one, so that a word is three numbers there. With `straight_through` eq. (7) is
      about whole actions, too, and only its gradient is that of relaxed ones.
    - Actors are updated half as often as critics (`actor_delay`).
    - B environments side by side, a round of whole episodes and then the gradient steps that are
      due for it. The step size comes down in the end.
    - No policy ensembles, and no model of the others' policies: targets use their target actors.

Chapter: book/chapters/maddpg.ipynb.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from marl_edu.core import ops
from marl_edu.core.checks import one_of
from marl_edu.core.ends import in_time, is_over, take_step
from marl_edu.core.protocols import Env
from marl_edu.core.separate import Separate, clip_each
from marl_edu.training.checkpoint import Result, Row, Run
from marl_edu.training.config import Checked, make_env
from marl_edu.training.qlearning import updates_due
from marl_edu.training.team_replay import TeamTransitions, TransitionReplay


@dataclass(frozen=True)
class Config(Checked):
    """What a run depends on, and nothing else: equal configs give equal numbers."""

    env: Callable[..., Any]  # makes one of `num_envs` and `seed`: a class, a function
    env_args: dict[str, Any] = field(default_factory=dict)  # given to `env`, less B and seed
    seed: int = 0  # of all that is drawn: weights, episodes, actions, batches
    updates: int = 12_000  # gradient steps of the critics (MADDPG: 15,000)
    train_freq: float = 100.0  # steps taken, by all agents, per gradient step (MADDPG: 100 N)
    num_envs: int = 64  # B, environments side by side (MADDPG: 1)
    hidden_dim: int = 64  # D, width of the two hidden layers (MADDPG: 64)
    critic: str = "central"  # what it sees: "central", all agents (MADDPG); "own", its own (DDPG)
    gamma: float = 0.95  # discount per step (MADDPG: 0.95)
    reward_scale: float = 1.0  # rewards are multiplied by this first
    lr: float = 5e-3  # Adam's step size at the start, annealed linearly (MADDPG: 0.01)
    lr_end: float = 0.1  # ... to this share of it (MADDPG: 1)
    tau: float = 0.02  # how far the targets follow in an update (MADDPG: 0.01)
    batch_size: int = 256  # E, steps of the team per gradient step (MADDPG: 1,024)
    capacity: int = 200_000  # steps of the team in the replay (MADDPG: 1,000,000)
    learning_starts: int = 50_000  # steps in it before the first gradient step (MADDPG: 25,600 N)
    max_grad_norm: float = 10.0  # largest norm of the gradient of each variable (MADDPG: 0.5)
    temperature: float = 1.0  # of eq. (2) (MADDPG: 1)
    straight_through: bool = False  # eq. (7) asks about one-hot actions, not relaxed ones
    logit_cost: float = 3e-3  # kappa of eq. (7) (MADDPG: 0.001)
    noise: float = 0.1  # standard deviation of exploration where actions are numbers
    twin: bool = False  # two critics, the smaller value counts (TD3: True)
    actor_delay: int = 2  # updates of the critics per update of the actors (TD3: 2, MADDPG: 1)
    smoothing: float = 0.0  # of eq. (4), cut at 2.5 of it (TD3: 0.1, since ours span 1 and not 2)
    log_every: int = 60  # gradient steps per row of the log, at least
    checkpoint_every: int = 1000  # gradient steps between two checkpoints, at least


class Team(nn.Module):
    """N actors, and N critics or N pairs of them.

    Args:
        cfg: the run. n_agents: N. obs_dim: O. n_actions: A. continuous: eq. (3) instead of (2).
    """

    def __init__(self, cfg: Config, n_agents: int, obs_dim: int, n_actions: int, continuous: bool):
        super().__init__()
        D, seen = cfg.hidden_dim, obs_dim + n_actions
        self.central = one_of("critic", cfg.critic, ("central", "own")) == "central"
        self.n_agents, self.copies, self.continuous = n_agents, 1 + cfg.twin, continuous
        inputs = n_agents * seen if self.central else seen
        self.actor = Separate(n_agents, (obs_dim, D, D, n_actions))
        self.critic = Separate(self.copies * n_agents, (inputs, D, D, 1))

    def start(self, num_envs: int, n_agents: int) -> Float[Tensor, "B N 0"]:
        """What agents remember before the first step: nothing."""
        return self.actor.weights[0].new_zeros(num_envs, n_agents, 0)

    def forward(
        self, obs: Float[Tensor, "B N O"], hidden: Float[Tensor, "B N 0"]
    ) -> tuple[Float[Tensor, "B N A"], Float[Tensor, "B N 0"]]:
        """One step of all agents: their logits, and no memory."""
        return self.logits(obs), hidden

    def logits(self, obs: Float[Tensor, "E N O"]) -> Float[Tensor, "E N A"]:
        """What each actor makes of its own observation."""
        return self.actor(obs.transpose(0, 1)).transpose(0, 1)  # eq. (1)

    def values(
        self, obs: Float[Tensor, "E N O"], action: Float[Tensor, "E N A"] | Float[Tensor, "N E N A"]
    ) -> Float[Tensor, "C N E"]:
        """Q of every agent. With four dimensions, row i of `action` is what agent i's critic is
        asked about."""
        N = self.n_agents
        seen, done = obs.expand(N, -1, -1, -1), action.expand(N, -1, -1, -1)
        x = torch.cat([seen, done], -1)  # (N, E, N, O + A)
        x = x.flatten(2) if self.central else x.diagonal(dim1=0, dim2=2).permute(2, 0, 1)
        return self.critic(x.repeat(self.copies, 1, 1)).view(self.copies, N, -1)


class TeamPolicy:
    """Trained actors as a policy: each looks at its own observation alone.

    Args:
        net: a `Team`. greedy: the most likely actions; else samples of `seed`, as in training.
    """

    def __init__(self, net: Team, greedy: bool = True, seed: int = 0, noise: float = 0.0):
        self.net, self.noise = net, noise
        device = net.actor.weights[0].device
        self.generator = None if greedy else torch.Generator(device).manual_seed(seed)

    @torch.no_grad()
    def __call__(self, env: Env) -> Tensor:
        """What everybody does, `(B, N)`, or `(B, N, A)` where actions are numbers."""
        return act(self.net, env.obs, env.available, self.noise, self.generator)[0]


def relaxed(
    logits: Float[Tensor, "*B A"],
    available: Bool[Tensor, "..."],
    temperature: float,
    generator: torch.Generator | None,
    straight_through: bool = False,
) -> Float[Tensor, "*B A"]:
    """A sample of softmax(logits) that carries a gradient; 0 for what is not available.

    Args:
        straight_through: the sample is one-hot, and only its gradient that of the relaxed one.
    """
    waits = torch.empty(logits.shape, dtype=logits.dtype, device=logits.device)
    noise = -waits.exponential_(generator=generator).log()  # Gumbel's
    a = ops.masked_softmax((logits + noise) / temperature, available)  # eq. (2)
    if not straight_through:
        return a
    whole = torch.zeros_like(a).scatter_(-1, a.argmax(-1, keepdim=True), 1.0) * available
    return whole + a - a.detach()


def target_action(
    target: Team, batch: TeamTransitions, cfg: Config, generator: torch.Generator | None
) -> Float[Tensor, "E N A"]:
    """What everybody does next, by the target actors."""
    logits, there = target.logits(batch.next_obs), batch.next_alive[..., None]
    if not target.continuous:
        has, temperature = batch.next_available, cfg.temperature
        return relaxed(logits, has, temperature, generator) * there  # eq. (4)
    a = logits.sigmoid()
    if cfg.smoothing:
        cut = 2.5 * cfg.smoothing
        noise = cfg.smoothing * torch.randn(a.shape, generator=generator, device=a.device)
        a = (a + noise.clamp(-cut, cut)).clamp(0, 1)
    return a * (batch.next_available & there)  # eq. (4)


def critic_loss(
    net: Team, target: Team, batch: TeamTransitions, cfg: Config, generator: torch.Generator | None
) -> tuple[Tensor, Row]:
    """Eq. (6), summed over agents and twins. Returns it, and its parts as a dict of floats."""
    with torch.no_grad():
        after = target_action(target, batch, cfg, generator)
        q_next = target.values(batch.next_obs, after).amin(0).T  # the smaller one of twins
        reward, going_on = cfg.reward_scale * batch.reward, (~batch.terminated).to(q_next.dtype)
        y = reward + cfg.gamma * going_on * q_next  # eq. (5)
    q = net.values(batch.obs, batch.action)
    error = (y.T - q).square()  # eq. (6)
    total = ops.masked_mean(error, batch.alive.T.expand_as(error)) * len(q) * net.n_agents
    q_mean = ops.masked_mean(q[0].detach(), batch.alive.T)
    return total, {"loss": total.item() / len(q) / net.n_agents, "q": q_mean.item()}


def actor_loss(
    net: Team, batch: TeamTransitions, cfg: Config, generator: torch.Generator | None
) -> Tensor:
    """Eq. (7), summed over agents. Actor i is reached by the gradient of critic i alone."""
    logits = net.logits(batch.obs)
    if net.continuous:
        own = logits.sigmoid() * batch.available  # eq. (3)
    else:
        kind = cfg.temperature, generator, cfg.straight_through
        own = relaxed(logits, batch.available, *kind)
    own = own * batch.alive[..., None]
    mine = torch.eye(net.n_agents, dtype=torch.bool, device=own.device)[:, None, :, None]
    asked = torch.where(mine, own, batch.action)  # row i: only agent i does something else
    q = net.values(batch.obs, asked)[0]
    cost = (logits.square() * batch.available).sum(-1) / batch.available.sum(-1).clamp_min(1)
    each = -q + cfg.logit_cost * cost.T  # eq. (7)
    return ops.masked_mean(each, batch.alive.T) * net.n_agents


@torch.no_grad()
def follow(target: nn.Module, net: nn.Module, tau: float) -> None:
    """Move all weights of the target a little towards the network's."""
    torch._foreach_lerp_(list(target.parameters()), list(net.parameters()), tau)  # eq. (8)


def act(
    net: Team,
    obs: Float[Tensor, "B N O"],
    available: Bool[Tensor, "B N A"],
    noise: float = 0.0,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Float[Tensor, "B N A"]]:
    """What everybody does: for the environment, and as numbers for critics.

    Args:
        generator: to sample, and for `noise` on numbers; None: the most likely, without noise.
    """
    logits = net.logits(obs)
    if not net.continuous:
        action = ops.act(logits, generator, available)
        return action, F.one_hot(action, logits.shape[-1]).to(logits.dtype)
    a = logits.sigmoid()
    if generator is not None:
        a = (a + noise * torch.randn(a.shape, generator=generator, device=a.device)).clamp(0, 1)
    a = a * available
    return a, a


@torch.no_grad()
def rollout(
    net: Team, env: Env, replay: TransitionReplay, cfg: Config, generator: torch.Generator
) -> Row:
    """Play one episode in every environment, and keep its steps in the replay.

    Returns:
        `success`, `return` (per agent and episode), `env_steps` and `taken` (by all agents).
    """
    obs, available = env.reset(), env.available
    seen, masks, done, outcomes = [obs], [available], [], []
    while not is_over(env):
        action, numbers = act(net, obs, available, cfg.noise, generator)
        obs, outcome, info = take_step(env, action)
        available = env.available if env.available_changes else available
        seen.append(obs)
        masks.append(available)
        done.append(numbers * outcome.alive[..., None])
        outcomes.append(outcome)
    came = in_time(outcomes)
    replay.add(torch.stack(seen, 1), torch.stack(done, 1), came, torch.stack(masks, 1))
    return {
        "success": info["success"].float().mean().item(),
        "return": came.paid.sum().item() / env.num_envs / env.n_agents,
        "env_steps": int(came.running.sum()),
        "taken": int(came.alive.sum()),
    }


def build(cfg: Config, env: Env) -> Team:
    """Actors and critics for this environment.

    Raises:
        ValueError: `critic` is unknown; `smoothing` where an action is one of a few.
    """
    if cfg.smoothing and not env.continuous:
        raise ValueError(
            f"smoothing must be 0 where agents choose among a few actions, got {cfg.smoothing}: "
            "the Gumbel noise smooths their targets"
        )
    return Team(cfg, env.n_agents, env.obs_dim, env.n_actions, env.continuous)


def train(
    cfg: Config,
    on_log: Callable[[Row], None] | None = None,
    checkpoint: str | Path | None = None,
    actor_loss: Callable[..., Tensor] = actor_loss,
) -> Result:
    """Train from scratch, or continue from `checkpoint`; eq. (7) is `actor_loss`.

    Raises:
        ValueError: the checkpoint is damaged or of another config; see also `build`.
    """
    env = make_env(cfg, continuous=True)
    net, target = (build(cfg, env).to(env.device) for _ in range(2))
    target.load_state_dict(net.state_dict())
    replay = TransitionReplay(cfg.capacity, env.obs_dim, env.available[0], env.available_changes)
    generator = torch.Generator(env.device).manual_seed(cfg.seed)
    nets = {"actor": net.actor, "critic": net.critic}
    optimizers = {k: torch.optim.Adam(m.parameters(), cfg.lr, fused=True) for k, m in nets.items()}
    parts = {"net": net, "target": target, "replay": replay, **optimizers}
    run = Run(cfg, on_log, checkpoint, parts, generator, env.generator)

    def descend(name: str, loss: Tensor) -> None:
        variables = list(nets[name].parameters())
        optimizers[name].param_groups[0]["lr"] = cfg.lr * ops.linear(1.0, cfg.lr_end, run.progress)
        optimizers[name].zero_grad()
        loss.backward(inputs=variables)
        clip_each(variables, cfg.max_grad_norm)
        optimizers[name].step()

    while run.update < cfg.updates:
        played = rollout(net, env, replay, cfg, generator)
        run.env_steps += int(played.pop("env_steps"))
        metrics: Row = {}
        for _ in range(updates_due(run, cfg, int(played.pop("taken")), replay.steps)):
            batch = replay.sample(cfg.batch_size, generator)
            loss, metrics = critic_loss(net, target, batch, cfg, generator)
            descend("critic", loss)
            run.update += 1
            if run.update % cfg.actor_delay == 0:
                descend("actor", actor_loss(net, batch, cfg, generator))
                follow(target, net, cfg.tau)
        run.log(played, metrics)
        run.save()
    return run.result(net)
