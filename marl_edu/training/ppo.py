"""The loop of all methods that explore: PPO with an intrinsic reward and two critics.

Where the environment's reward is too rare to learn from, the agent gets an intrinsic reward, a
bonus, for what is new to it. That may be what it has seen less often (algos/counts.py), or what a
network cannot predict yet (algos/icm.py, algos/rnd.py), or nothing (bonus.py's `NoBonus`).
Without a bonus the field calls this independent PPO (IPPO) with shared parameters and no memory.

Equations:
    r^I_t / sigma                        the bonus, in units of the spread of its returns     (1)
    sigma = running s.d. of R_t,   R_t = gamma_I R_{t-1} + r^I_t
    A = c_E A^E + c_I A^I                two critics, two advantages, one policy              (2)
    A^E: gae of r^E, cut where a trajectory terminated.   A^I: gae of r^I / sigma, never cut: the
        start of the next trajectory follows the end of this one                              (3)
    rho = pi(a | o) / pi_old(a | o)
    L = -min(rho A, clip(rho, 1 - eps, 1 + eps) A)
        + c_V ((R^E - V^E)^2 + (R^I - V^I)^2) - c_H H(pi)    averaged over living agents      (4)
A^E, A^I are generalised advantages (core.ops.gae); R = A + V.

Symbols: o `obs` (B, T+1, N, O) · a `action` (B, T, N) · r^E `reward`, r^I `bonus` (B, T, N) ·
V^E, V^I `value_ext`, `value_int` (B, T+1, N) · A `advantage` (B, T, N) · sigma `normaliser` ·
c_E, c_I `ext_coef`, `int_coef` · eps `clip_coef`.

Differences from Burda et al. (arXiv 1810.12894), whose loop this is:
    - Whole episodes instead of 128 steps; networks of two small layers.
    - Advantages in units of their spread (`normalise`). The bonus fades faster than sigma forgets,
      and the entropy term would drown it at a hundredth of its first size.
    - Step sizes 10 times, entropy 10 times and clip twice the paper's, for runs that are 1,000
      times shorter.
PPO's clipped loss is that of Schulman et al., arXiv 1707.06347.

Chapters: book/chapters/icm.ipynb and book/chapters/rnd.ipynb.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from marl_edu.core.ends import in_time, is_over, take_step
from marl_edu.core.normalise import ReturnNormaliser
from marl_edu.core.ops import act, gae, log_prob_of, masked_mean, masked_normalise
from marl_edu.core.protocols import Env
from marl_edu.training import checkpoint as run_state
from marl_edu.training.bonus import NoBonus, PerAgentBonus, shuffled
from marl_edu.training.checkpoint import Row, Run, means
from marl_edu.training.config import Checked, make_env
from marl_edu.training.exploration_metrics import ExplorationMetrics


@dataclass(frozen=True)
class Config(Checked):
    """What a run depends on, and nothing else: equal configs give equal numbers."""

    env: Callable[..., Any]  # makes one of `num_envs` and `seed`: a class, a function
    env_args: dict[str, Any] = field(default_factory=dict)  # given to `env`, less B and seed
    seed: int = 0  # of all that is drawn: weights, episodes, actions
    updates: int = 150  # rounds of play and learning; each plays one episode in every environment
    num_envs: int = 64  # B, environments side by side (RND: 128)
    hidden_dim: int = 64  # D, units per layer of policy and critics
    gamma: float = 0.99  # discount of the environment's reward (RND: 0.999, ICM: 0.99)
    gamma_int: float = 0.99  # gamma_I, discount of the bonus (RND: 0.99)
    gae_lambda: float = 0.95  # lambda of both advantages (RND: 0.95)
    ext_coef: float = 2.0  # c_E (RND: 2)
    int_coef: float = 1.0  # c_I (RND: 1)
    episodic_bonus: bool = False  # cut A^I where an episode ends (RND: no)
    scale_bonus: bool = True  # eq. (1); without it the bonus is taken as it comes
    per_agent_bonus: bool = False  # every agent has a bonus module of its own, or the team has one
    shuffle_bonus: bool = False  # a control: the same bonuses, but at other moments
    normalise: bool = True  # advantages less their mean, in units of their spread (RND: no)
    epochs: int = 4  # times a round's data is gone through (RND: 4)
    minibatches: int = 4  # gradient steps per time (RND: 4)
    lr: float = 1e-3  # Adam's step size for policy and critics (RND: 1e-4)
    lr_bonus: float = 1e-3  # ... for the bonus module (RND, ICM: 1e-4)
    bonus_share: float = 0.25  # of the data, drawn anew, for the bonus module (RND: 32 / B; ICM: 1)
    clip_coef: float = 0.2  # eps (RND: 0.1)
    ent_coef: float = 0.01  # c_H (RND: 0.001, ICM: 0.01)
    vf_coef: float = 0.5  # c_V (RND: 0.5)
    max_grad_norm: float = 0.5  # largest norm of the gradient of policy and critics
    log_every: int = 2  # updates per row of the log
    checkpoint_every: int = 50  # updates between two checkpoints


class Step(NamedTuple):
    """What the network computes from an observation."""

    logits: Float[Tensor, "*B N A"]
    value_ext: Float[Tensor, "*B N"]
    value_int: Float[Tensor, "*B N"]


class ActorCritic(nn.Module):
    """One network for all agents: two layers, a policy and two critics.

    Args:
        obs_dim: O. n_actions: A. hidden_dim: D. n_agents: N; with two or more, each agent
            also gets its number as input.
    """

    def __init__(self, obs_dim: int, n_actions: int, hidden_dim: int, n_agents: int = 1):
        super().__init__()
        self.n_agents = n_agents
        sees = obs_dim + n_agents * (n_agents > 1)
        self.body = nn.Sequential(
            nn.Linear(sees, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, hidden_dim), nn.ReLU()
        )
        self.policy = nn.Linear(hidden_dim, n_actions)
        self.value_ext = nn.Linear(hidden_dim, 1)
        self.value_int = nn.Linear(hidden_dim, 1)
        with torch.no_grad():  # start undecided
            self.policy.weight.mul_(0.1)
            self.policy.bias.zero_()

    def forward(self, obs: Float[Tensor, "*B N O"]) -> Step:
        """Logits of the actions and the two values of every agent."""
        if self.n_agents > 1:
            number = torch.eye(self.n_agents, device=obs.device)
            obs = torch.cat([obs, number.expand(*obs.shape[:-1], -1)], -1)
        x = self.body(obs)
        return Step(self.policy(x), self.value_ext(x)[..., 0], self.value_int(x)[..., 0])


class Rollout(NamedTuple):
    """One batch of whole episodes; T may be shorter than the environment's, when all have ended."""

    obs: Float[Tensor, "B T1 N O"]  # T1 = T + 1: the last is what is seen after the end
    action: Int[Tensor, "B T N"]
    log_prob: Float[Tensor, "B T N"]
    value_ext: Float[Tensor, "B T1 N"]
    value_int: Float[Tensor, "B T1 N"]
    available: Bool[Tensor, "B T N A"]
    reward: Float[Tensor, "B T N"]  # this and what follows as in `core.ends.Outcome`
    paid: Float[Tensor, "B T N"]
    alive: Bool[Tensor, "B T N"]
    terminated: Bool[Tensor, "B T N"]
    observed: Bool[Tensor, "B T N"]  # the transitions that a bonus is for
    running: Bool[Tensor, "B T"]
    success: Float[Tensor, " B"]
    cell: Int[Tensor, "B T N"] | None  # where each agent is after the step, if the environment says


@torch.no_grad()
def rollout(net: ActorCritic, env: Any, generator: torch.Generator) -> Rollout:
    """Play one episode in every environment."""
    seen, actions, masks, outputs, outcomes, cells = [env.reset()], [], [], [], [], []
    while not is_over(env):
        outputs.append(net(seen[-1]))
        masks.append(env.available)
        actions.append(act(outputs[-1].logits, generator, masks[-1]))
        obs, outcome, info = take_step(env, actions[-1])
        seen.append(obs)
        outcomes.append(outcome)
        if hasattr(env, "n_cells"):
            cells.append(env.cell)
    outputs.append(net(seen[-1]))
    logits, value_ext, value_int = (torch.stack(part, 1) for part in zip(*outputs, strict=True))
    action, available, came = torch.stack(actions, 1), torch.stack(masks, 1), in_time(outcomes)
    return Rollout(
        obs=torch.stack(seen, 1),
        action=action,
        log_prob=log_prob_of(logits[:, :-1], action, available)[0],
        value_ext=value_ext,
        value_int=value_int,
        available=available,
        **came._asdict(),
        success=info["success"].float(),
        cell=torch.stack(cells, 1) if cells else None,
    )


def advantages(
    batch: Rollout, bonus: Float[Tensor, "B T N"], cfg: Config
) -> tuple[Float[Tensor, "B T N"], Float[Tensor, "B T N"]]:
    """A^E and A^I, eq. (3). `bonus` is in its final units."""
    ext = gae(batch.reward, batch.value_ext, batch.terminated, cfg.gamma, cfg.gae_lambda)
    value = batch.value_int
    if not cfg.episodic_bonus:
        # The end is followed by the start of another trajectory: bootstrap from its slot's first.
        start = value.gather(1, batch.alive.int().argmax(1, keepdim=True))
        ended = batch.alive & batch.terminated
        bonus = bonus + cfg.gamma_int * ended * start
        value = torch.cat([value[:, :-1], start], 1)
    return ext, gae(bonus, value, batch.terminated, cfg.gamma_int, cfg.gae_lambda)


class Batch(NamedTuple):
    """What the network learns from: M steps of N agents."""

    obs: Float[Tensor, "M N O"]
    action: Int[Tensor, "M N"]
    next_obs: Float[Tensor, "M N O"]
    log_prob: Float[Tensor, "M N"]  # under the policy that acted
    advantage: Float[Tensor, "M N"]
    return_ext: Float[Tensor, "M N"]
    return_int: Float[Tensor, "M N"]
    alive: Bool[Tensor, "M N"]
    observed: Bool[Tensor, "M N"]
    available: Bool[Tensor, "M N A"]


def make_batch(batch: Rollout, bonus: Float[Tensor, "B T N"], cfg: Config) -> Batch:
    """All steps with a living agent, with their advantages and returns."""
    ext, int_ = advantages(batch, bonus, cfg)
    advantage = cfg.ext_coef * ext + cfg.int_coef * int_  # eq. (2)
    if cfg.normalise:
        advantage = masked_normalise(advantage, batch.alive, eps=1e-8)
    parts = (
        batch.obs[:, :-1],
        batch.action,
        batch.obs[:, 1:],
        batch.log_prob,
        advantage,
        ext + batch.value_ext[:, :-1],
        int_ + batch.value_int[:, :-1],
        batch.alive,
        batch.observed,
        batch.available,
    )
    there = batch.alive.any(-1)
    return Batch(*(part[there] for part in parts))


def loss(net: ActorCritic, batch: Batch, cfg: Config) -> tuple[Tensor, Row]:
    """Eq. (4). Returns the scalar loss and its parts as a dict of floats."""
    step = net(batch.obs)
    log_prob, entropies = log_prob_of(step.logits, batch.action, batch.available)
    ratio = (log_prob - batch.log_prob).exp()
    clipped = ratio.clamp(1 - cfg.clip_coef, 1 + cfg.clip_coef)
    gain = torch.minimum(ratio * batch.advantage, clipped * batch.advantage)
    errors = (batch.return_ext - step.value_ext) ** 2 + (batch.return_int - step.value_int) ** 2
    entropy = masked_mean(entropies, batch.alive)
    policy_loss, value_loss = -masked_mean(gain, batch.alive), masked_mean(errors, batch.alive)
    total = policy_loss + cfg.vf_coef * value_loss - cfg.ent_coef * entropy  # eq. (4)
    return total, {"entropy": entropy.item(), "value_loss": value_loss.item()}


@dataclass
class Result(run_state.Result):
    """The result of training, with the bonus module."""

    bonus: nn.Module


def build(cfg: Config, env: Env) -> ActorCritic:
    """The network, the same for every bonus."""
    return ActorCritic(env.obs_dim, env.n_actions, cfg.hidden_dim, env.n_agents)


def train(
    cfg: Config,
    on_log: Callable[[Row], None] | None = None,
    checkpoint: str | Path | None = None,
    bonus: Callable[[Any, Env], Any] = lambda cfg, env: NoBonus(),
    build: Callable[[Any, Any], ActorCritic] = build,
    metrics: Callable[[Env], nn.Module] = ExplorationMetrics,
) -> Result:
    """Train a team from scratch, or continue from `checkpoint`.

    Args:
        cfg: the run. on_log: called with every new row of the log.
        checkpoint: file to save to and to go on from; see `Run`.
        bonus, build: make the bonus module and the network from `(cfg, env)`.
        metrics: makes a callback from the environment, `(rollout, bonus)` to numbers for the log.
    Raises:
        ValueError: the checkpoint is damaged or of another config.
    """
    env = make_env(cfg)
    net, N = build(cfg, env).to(env.device), env.n_agents
    modules = [bonus(cfg, env) for _ in range(N if cfg.per_agent_bonus else 1)]
    curious: Any = (PerAgentBonus(modules) if cfg.per_agent_bonus else modules[0]).to(env.device)
    normaliser = ReturnNormaliser(env.num_envs, N, cfg.gamma_int).to(env.device)
    explored = metrics(env).to(env.device)
    optimizer = make_optimizer(cfg, net, curious)
    generator = torch.Generator(env.device).manual_seed(cfg.seed)
    parts = {"net": net, "bonus": curious, "normaliser": normaliser, "metrics": explored,
             "optimizer": optimizer}  # fmt: skip
    run = Run(cfg, on_log, checkpoint, parts, generator, env.generator)

    while run.update < cfg.updates:
        batch = rollout(net, env, generator)
        transitions = (batch.obs[:, :-1], batch.action, batch.obs[:, 1:])
        raw = curious.reward(*transitions) * batch.observed  # before the module learns from them
        if cfg.shuffle_bonus:
            raw = shuffled(raw, batch.observed, generator)
        normaliser.update(raw, batch.observed)
        curious.update(*transitions, batch.observed)
        samples = make_batch(batch, normaliser(raw) if cfg.scale_bonus else raw, cfg)
        losses = update(net, curious, samples, optimizer, generator, cfg)
        run.update += 1
        run.env_steps += int(batch.running.sum())
        run.log(losses | explored(batch, raw))
        run.save()
    return Result(**vars(run.result(net)), bonus=curious)


def make_optimizer(cfg: Config, net: nn.Module, bonus: nn.Module) -> torch.optim.Optimizer:
    """Adam for both, each with its own step size."""
    groups = [{"params": list(net.parameters()), "lr": cfg.lr}]
    learned = [p for p in bonus.parameters() if p.requires_grad]
    if learned:
        groups.append({"params": learned, "lr": cfg.lr_bonus})
    return torch.optim.Adam(groups, fused=True)


def update(
    net: ActorCritic,
    bonus: Any,
    samples: Batch,
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
    cfg: Config,
) -> Row:
    """`epochs` passes over the samples, `minibatches` steps each; returns the mean losses."""
    seen = []
    for _ in range(cfg.epochs):
        order = torch.randperm(len(samples.action), generator=generator)
        for index in order.chunk(cfg.minibatches):
            batch = Batch(*(part[index] for part in samples))
            total, parts = loss(net, batch, cfg)
            few = slice(max(1, round(cfg.bonus_share * len(index))))  # the order is random anyway
            errors = bonus.loss(batch.obs[few], batch.action[few], batch.next_obs[few])
            bonus_loss = masked_mean(errors, batch.observed[few])
            optimizer.zero_grad()
            (total + bonus_loss).backward()
            nn.utils.clip_grad_norm_(net.parameters(), cfg.max_grad_norm)
            optimizer.step()
            seen.append(parts | {"bonus_loss": bonus_loss.item()})
    return means(seen)


class TeamPolicy:
    """A trained team as a policy.

    Args:
        net: the team. greedy: take the most likely actions instead of sampling.
        seed: of the sampling.
    """

    def __init__(self, net: ActorCritic, greedy: bool = True, seed: int = 10**6):
        self.net = net
        device = net.policy.weight.device
        self.generator = None if greedy else torch.Generator(device).manual_seed(seed)

    @torch.no_grad()
    def __call__(self, env: Env) -> Tensor:
        """What everybody does now, (B, N)."""
        return act(self.net(env.obs).logits, self.generator, env.available)
