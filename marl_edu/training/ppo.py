"""Actor-critic with a bonus for what is new: two critics, and the one training loop.

The world pays so seldom that there is nothing to learn from. So the agent pays itself, for
whatever is new to it. What is new, a bonus module says: nothing ever (`NoBonus`), what has been
counted less often (`Counts`), or what a network cannot predict yet (algos/icm.py, algos/rnd.py).

Equations:
    r^I_t / sigma                        the bonus, in units of the spread of its returns     (1)
    sigma = running s.d. of R_t,   R_t = gamma_I R_{t-1} + r^I_t
    A = c_E A^E + c_I A^I                two critics, two advantages, one policy              (2)
    A^E: gae of r^E, cut where the world ended.   A^I: gae of r^I / sigma, never cut: the end
        of an episode is followed by the start of the next                                    (3)
    rho = pi(a | o) / pi_old(a | o)
    L = -min(rho A, clip(rho, 1 - eps, 1 + eps) A)
        + c_V ((R^E - V^E)^2 + (R^I - V^I)^2) - c_H H(pi)    averaged over living agents      (4)
A^E, A^I are generalised advantages (ops.gae); R = A + V.
    r^I = 1 / sqrt(n(o') + 1)            the bonus of `Counts`                                (5)

Symbols: o `obs` (B, T+1, N, O) · a `action` (B, T, N) · r^E `reward`, r^I `bonus` (B, T, N) ·
V^E, V^I `value_ext`, `value_int` (B, T+1, N) · A `advantage` (B, T, N) · sigma `scale` ·
c_E, c_I `weight_ext`, `weight_int` · eps `ratio_clip` · n `table`.

A bonus module has three methods, which take o `(*S, O)`, a `(*S)` and o' `(*S, O)`:
    `reward(o, a, o')` -> r^I `(*S)`, no gradient; `loss(o, a, o')` -> `(*S)`, what it learns from;
    `update(o, a, o', alive (*S))`: what it notes without a gradient (counts, running means).

Differences from Burda et al. (arXiv 1810.12894), whose loop this is: whole episodes instead of
128 steps; networks of two small layers, since an observation says it all; advantages in units of
their spread (`normalise`), because the bonus fades faster than sigma forgets, and at a hundredth
of its first size the entropy bonus would drown it; step sizes 10 times, entropy 10 times and
clip twice the paper's, for runs that are 1,000 times shorter.
PPO's clipped loss is that of Schulman et al., arXiv 1707.06347.

Chapters: book/chapters/icm.ipynb and book/chapters/rnd.ipynb.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from marl_edu.core.ops import gae, masked_mean
from marl_edu.envs.key_door_maze import KeyDoorMaze
from marl_edu.training import a2c
from marl_edu.training.a2c import Row, act


@dataclass(frozen=True)
class Config:
    """What a run depends on, and nothing else: equal configs give equal numbers."""

    world: Callable[..., Any] = KeyDoorMaze  # makes a world
    world_args: dict[str, Any] = field(default_factory=dict)  # given to `world`, less B and seed
    seed: int = 0
    updates: int = 150  # rounds of play and learning; each plays one episode in every world
    batch_size: int = 64  # B, worlds side by side (RND: 128)
    hidden: int = 64  # D, units per layer of policy and critics
    gamma: float = 0.99  # discount of the world's reward (RND: 0.999, ICM: 0.99)
    gamma_int: float = 0.99  # gamma_I, discount of the bonus (RND: 0.99)
    lam: float = 0.95  # lambda of both advantages (RND: 0.95)
    weight_ext: float = 2.0  # c_E (RND: 2)
    weight_int: float = 1.0  # c_I (RND: 1)
    episodic_bonus: bool = False  # cut A^I where an episode ends (RND: no)
    scale_bonus: bool = True  # eq. (1); without it the bonus is taken as it comes
    own_bonus: bool = False  # every agent has a bonus module of its own; else the team has one
    shuffle_bonus: bool = False  # a control: the same bonuses, but at other moments
    normalise: bool = True  # advantages less their mean, in units of their spread (RND: no)
    epochs: int = 4  # times a round's data is gone through (RND: 4)
    minibatches: int = 4  # gradient steps per time (RND: 4)
    lr: float = 1e-3  # Adam's step size for policy and critics (RND: 1e-4)
    lr_bonus: float = 1e-3  # ... for the bonus module (RND, ICM: 1e-4)
    bonus_share: float = 0.25  # of the data, drawn anew, for the bonus module (RND: 32 / B; ICM: 1)
    ratio_clip: float = 0.2  # eps (RND: 0.1)
    entropy: float = 0.01  # c_H (RND: 0.001, ICM: 0.01)
    value_cost: float = 0.5  # c_V (RND: 0.5)
    clip: float = 0.5  # largest norm of the gradient of policy and critics
    log_every: int = 2  # updates per row of the log
    checkpoint_every: int = 50  # updates between two checkpoints


class NoBonus(nn.Module):
    """The bonus of those who are not curious: 0, and nothing to learn."""

    def reward(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        """Zeros `(*S)`."""
        return torch.zeros(action.shape, device=action.device)

    def loss(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        """Zeros `(*S)`."""
        return self.reward(obs, action, next_obs)

    def update(self, obs: Tensor, action: Tensor, next_obs: Tensor, alive: Tensor) -> None:
        """Nothing to note."""


class Counts(NoBonus):
    """Eq. (5): what has been seen less often is newer. It tells apart every two observations.

    Made for observations of whole numbers, such as the maze's. They are counted in a table of
    `size` buckets, chosen by a random sum of their entries, so that nobody has to list them.
    """

    def __init__(self, obs_dim: int, size: int = 2**18):
        super().__init__()
        self.table: Tensor
        self.code: Tensor
        self.register_buffer("table", torch.zeros(size))
        self.register_buffer("code", torch.randint(size, (obs_dim,)))

    def bucket(self, obs: Float[Tensor, "*S O"]) -> Int[Tensor, "*S"]:
        """Where an observation is counted."""
        return (obs.round().long() * self.code).sum(-1) % len(self.table)

    def reward(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        """1 / sqrt(visits so far + 1), `(*S)`."""
        return (self.table[self.bucket(next_obs)] + 1).rsqrt()  # eq. (5)

    def update(self, obs: Tensor, action: Tensor, next_obs: Tensor, alive: Tensor) -> None:
        """Count what was seen."""
        self.table += torch.bincount(self.bucket(next_obs)[alive], minlength=len(self.table))


class OwnBonus(nn.Module):
    """A bonus module per agent: what is old to the one may be new to the other.

    Args:
        modules: N bonus modules; agents are the last axis of S.
    """

    def __init__(self, modules):
        super().__init__()
        self.own = nn.ModuleList(modules)

    def _each(self, name: str, *inputs: Tensor) -> list:
        obs, action, next_obs, *rest = inputs
        return [
            getattr(one, name)(
                obs[..., i, :], action[..., i], next_obs[..., i, :], *(x[..., i] for x in rest)
            )
            for i, one in enumerate(self.own)
        ]

    def reward(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        """Each agent's own, `(*S)`."""
        return torch.stack(self._each("reward", obs, action, next_obs), -1)

    def loss(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        """Each agent's own, `(*S)`."""
        return torch.stack(self._each("loss", obs, action, next_obs), -1)

    def update(self, obs: Tensor, action: Tensor, next_obs: Tensor, alive: Tensor) -> None:
        """Each notes what its agent saw."""
        self._each("update", obs, action, next_obs, alive)


class Moments(nn.Module):
    """Running mean and variance of all rows seen so far, entry by entry."""

    def __init__(self, *shape: int):
        super().__init__()
        self.mean: Tensor
        self.var: Tensor
        self.count: Tensor
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("var", torch.ones(shape))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))

    @torch.no_grad()
    def update(self, rows: Float[Tensor, "n *shape"]) -> None:
        """Add n rows."""
        n, old = len(rows), self.count.item()
        if n == 0:
            return
        mean, var = rows.mean(0), rows.var(0, correction=0)
        total, apart = old + n, mean - self.mean
        between = apart**2 * (old * n / total**2)
        self.var.copy_((old * self.var + n * var) / total + between)
        self.mean.add_(apart * (n / total))
        self.count.fill_(total)


class ReturnScale(nn.Module):
    """Eq. (1): the spread of the discounted bonus, gathered forward in time.

    Each agent of each world has its own sum R, which runs on through the ends of episodes.
    """

    def __init__(self, batch_size: int, n_agents: int, gamma: float):
        super().__init__()
        self.gamma, self.moments = gamma, Moments()
        self.running: Tensor
        self.register_buffer("running", torch.zeros(batch_size, n_agents))

    def update(self, bonus: Float[Tensor, "B T N"], alive: Bool[Tensor, "B T N"]) -> None:
        """Go on with R over T more steps; who is not alive waits."""
        seen = []
        for t in range(bonus.shape[1]):  # forward in time, world by world: not over worlds
            on = self.gamma * self.running + bonus[:, t]
            self.running.copy_(torch.where(alive[:, t], on, self.running))
            seen.append(self.running.clone())
        self.moments.update(torch.stack(seen, 1)[alive])

    def forward(self, bonus: Tensor) -> Tensor:
        """The bonus over the spread; no mean is taken off, or what is old would be punished."""
        return bonus / (self.moments.var.sqrt() + 1e-8)


class Step(NamedTuple):
    """What the network says of an observation."""

    logits: Float[Tensor, "*S N A"]
    value_ext: Float[Tensor, "*S N"]
    value_int: Float[Tensor, "*S N"]


class ActorCritic(nn.Module):
    """One network for all agents: two layers, a policy and two critics.

    Args:
        obs_dim: O. n_actions: A. hidden: D. n_agents: N; from two on, each is told its number,
            so that they can do different things in the same place.
    """

    def __init__(self, obs_dim: int, n_actions: int, hidden: int, n_agents: int = 1):
        super().__init__()
        self.n_agents = n_agents
        sees = obs_dim + n_agents * (n_agents > 1)
        self.body = nn.Sequential(
            nn.Linear(sees, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()
        )
        self.policy = nn.Linear(hidden, n_actions)
        self.value_ext = nn.Linear(hidden, 1)
        self.value_int = nn.Linear(hidden, 1)
        with torch.no_grad():  # start undecided
            self.policy.weight.mul_(0.1)
            self.policy.bias.zero_()

    def forward(self, obs: Float[Tensor, "*S N O"]) -> Step:
        """Action scores and the two values, agent by agent."""
        if self.n_agents > 1:
            number = torch.eye(self.n_agents, device=obs.device)
            obs = torch.cat([obs, number.expand(*obs.shape[:-1], -1)], -1)
        x = self.body(obs)
        return Step(self.policy(x), self.value_ext(x)[..., 0], self.value_int(x)[..., 0])


class Rollout(NamedTuple):
    """One batch of whole episodes; T may be shorter than the world's, when all have ended."""

    obs: Float[Tensor, "B T1 N O"]  # T1 = T + 1: the last is what is seen after the end
    action: Int[Tensor, "B T N"]
    log_prob: Float[Tensor, "B T N"]
    value_ext: Float[Tensor, "B T1 N"]
    value_int: Float[Tensor, "B T1 N"]
    reward: Float[Tensor, "B T N"]
    alive: Bool[Tensor, "B T N"]
    goes_on: Bool[Tensor, "B T N"]  # False where the world ended in this step
    success: Float[Tensor, " B"]
    cell: Int[Tensor, "B T N"] | None  # where each agent is after the step, if the world says


@torch.no_grad()
def play(net: ActorCritic, world, generator: torch.Generator) -> Rollout:
    """Play one episode in every world."""
    obs, alive = world.reset(), world.alive
    seen, chosen, said, rewards, living, lasting, cells = [obs], [], [], [], [], [], []
    for _ in range(world.max_steps):
        said.append(net(obs))
        chosen.append(act(said[-1].logits, generator))
        living.append(alive)
        obs, reward, terminated, _, info = world.step(chosen[-1])
        seen.append(obs)
        rewards.append(reward)
        lasting.append(alive & ~terminated[:, None])
        alive = info["alive"]
        if hasattr(world, "n_cells"):
            cells.append(world.cell)
        if not alive.any():
            break
    said.append(net(obs))
    logits, value_ext, value_int = (torch.stack(part, 1) for part in zip(*said, strict=True))
    action = torch.stack(chosen, 1)
    log_pi = F.log_softmax(logits[:, :-1], -1)
    return Rollout(
        obs=torch.stack(seen, 1),
        action=action,
        log_prob=log_pi.gather(-1, action[..., None])[..., 0],
        value_ext=value_ext,
        value_int=value_int,
        reward=torch.stack(rewards, 1),
        alive=torch.stack(living, 1),
        goes_on=torch.stack(lasting, 1),
        success=info["success"].float(),
        cell=torch.stack(cells, 1) if cells else None,
    )


def advantages(
    batch: Rollout, bonus: Float[Tensor, "B T N"], cfg: Config
) -> tuple[Float[Tensor, "B T N"], Float[Tensor, "B T N"]]:
    """A^E and A^I, eq. (3). `bonus` is in its final units."""
    ext = gae(batch.reward, batch.value_ext, batch.goes_on, cfg.gamma, cfg.lam)
    value = batch.value_int
    if not cfg.episodic_bonus:
        # The end is followed by the start of another episode: bootstrap from there.
        start = value[:, :1]
        ended = batch.alive & ~batch.goes_on
        bonus = bonus + cfg.gamma_int * ended * start
        value = torch.cat([value[:, :-1], start], 1)
    return ext, gae(bonus, value, batch.goes_on, cfg.gamma_int, cfg.lam)


class Batch(NamedTuple):
    """What the network learns from: M moments of N agents."""

    obs: Float[Tensor, "M N O"]
    action: Int[Tensor, "M N"]
    next_obs: Float[Tensor, "M N O"]
    log_prob: Float[Tensor, "M N"]  # under the policy that acted
    advantage: Float[Tensor, "M N"]
    return_ext: Float[Tensor, "M N"]
    return_int: Float[Tensor, "M N"]
    alive: Bool[Tensor, "M N"]


def gather(batch: Rollout, bonus: Float[Tensor, "B T N"], cfg: Config) -> Batch:
    """All moments with a living agent, in one row, with what is to be learned from them."""
    ext, int_ = advantages(batch, bonus, cfg)
    both = cfg.weight_ext * ext + cfg.weight_int * int_  # eq. (2)
    if cfg.normalise:
        centred = both - masked_mean(both, batch.alive)
        both = centred / (masked_mean(centred**2, batch.alive).sqrt() + 1e-8)
    parts = (
        batch.obs[:, :-1],
        batch.action,
        batch.obs[:, 1:],
        batch.log_prob,
        both,
        ext + batch.value_ext[:, :-1],
        int_ + batch.value_int[:, :-1],
        batch.alive,
    )
    there = batch.alive.any(-1)
    return Batch(*(part[there] for part in parts))


def loss(net: ActorCritic, batch: Batch, cfg: Config):
    """Eq. (4). Returns the scalar loss and its parts as a dict of floats."""
    step = net(batch.obs)
    log_pi = F.log_softmax(step.logits, -1)
    chosen = log_pi.gather(-1, batch.action[..., None])[..., 0]
    ratio = (chosen - batch.log_prob).exp()
    near = ratio.clamp(1 - cfg.ratio_clip, 1 + cfg.ratio_clip)
    gain = torch.minimum(ratio * batch.advantage, near * batch.advantage)
    errors = (batch.return_ext - step.value_ext) ** 2 + (batch.return_int - step.value_int) ** 2
    entropy = masked_mean(-(log_pi.exp() * log_pi).sum(-1), batch.alive)
    policy_loss, value_loss = -masked_mean(gain, batch.alive), masked_mean(errors, batch.alive)
    total = policy_loss + cfg.value_cost * value_loss - cfg.entropy * entropy  # eq. (4)
    return total, {"entropy": entropy.item(), "value_loss": value_loss.item()}


@dataclass
class Result:
    """What training leaves behind."""

    net: ActorCritic
    bonus: nn.Module
    rows: list[Row]
    cpu_seconds: float
    wall_seconds: float


def build(cfg: Config, world) -> ActorCritic:
    """The network, the same for every bonus."""
    return ActorCritic(world.obs_dim, world.n_actions, cfg.hidden, world.n_agents)


def no_bonus(cfg: Config, world) -> nn.Module:
    """The bonus of the baseline: none."""
    return NoBonus()


def train(
    cfg: Config,
    on_log: Callable[[Row], None] | None = None,
    checkpoint: Path | None = None,
    bonus: Callable[[Any, Any], Any] = no_bonus,
    build: Callable[[Any, Any], ActorCritic] = build,
) -> Result:
    """Train a team from scratch, or go on from `checkpoint`.

    Args:
        cfg: the run. on_log: called with every new row of the log.
        checkpoint: file to save to and to go on from; an interrupted run ends with the same
            numbers as an uninterrupted one.
        bonus: makes the bonus module from `(cfg, world)`; ICM and RND pass their own.
        build: makes the network from `(cfg, world)`.
    """
    torch.manual_seed(cfg.seed)
    world = cfg.world(**cfg.world_args, batch_size=cfg.batch_size, seed=cfg.seed)
    net, N = build(cfg, world).to(world.device), world.n_agents
    curious: Any = (
        OwnBonus(bonus(cfg, world) for _ in range(N)) if cfg.own_bonus else bonus(cfg, world)
    )
    scale = ReturnScale(world.batch_size, N, cfg.gamma_int)
    diary = Diary(world)
    optimizer = make_optimizer(cfg, net, curious)
    generator = torch.Generator(world.device).manual_seed(cfg.seed)
    whole = nn.ModuleDict({"net": net, "bonus": curious, "scale": scale, "diary": diary})
    whole = whole.to(world.device)
    saved = a2c._Saved(checkpoint, cfg, whole, optimizer, generator, world.generator)
    rows, first, cpu, wall = saved.restore()
    cpu, wall = cpu - time.process_time(), wall - time.perf_counter()

    for update in range(first, cfg.updates):
        batch = play(net, world, generator)
        transitions = (batch.obs[:, :-1], batch.action, batch.obs[:, 1:])
        raw = curious.reward(*transitions) * batch.alive  # before the module learns of them
        if cfg.shuffle_bonus:
            raw = shuffled(raw, batch.alive, generator)
        scale.update(raw, batch.alive)
        curious.update(*transitions, batch.alive)
        samples = gather(batch, scale(raw) if cfg.scale_bonus else raw, cfg)
        parts = learn(net, curious, samples, optimizer, generator, cfg)
        saved.recent.append(parts | diary.note(batch, raw))
        if (update + 1) % cfg.log_every == 0 or update + 1 == cfg.updates:
            steps = (update + 1) * cfg.batch_size * world.max_steps
            seconds = cpu + time.process_time()
            row = {"update": update + 1, "env_steps": steps, "cpu_seconds": seconds}
            rows.append(row | _mean(saved.recent))
            saved.recent.clear()
            if on_log:
                on_log(rows[-1])
        if (update + 1) % cfg.checkpoint_every == 0 and update + 1 < cfg.updates:
            saved.save(rows, update + 1, cpu + time.process_time(), wall + time.perf_counter())
    return Result(net, curious, rows, cpu + time.process_time(), wall + time.perf_counter())


def train_counting(cfg: Config, on_log=None, checkpoint: Path | None = None) -> Result:
    """`train` with the bonus of `Counts`."""
    return train(cfg, on_log, checkpoint, lambda cfg, world: Counts(world.obs_dim))


def make_optimizer(cfg: Config, net: nn.Module, bonus: nn.Module) -> torch.optim.Optimizer:
    """Adam for both, each with its own step size."""
    groups = [{"params": list(net.parameters()), "lr": cfg.lr}]
    learned = [p for p in bonus.parameters() if p.requires_grad]
    if learned:
        groups.append({"params": learned, "lr": cfg.lr_bonus})
    return torch.optim.Adam(groups, fused=True)


def learn(net, bonus, samples: Batch, optimizer, generator, cfg: Config) -> dict[str, float]:
    """Go through the samples `epochs` times, in `minibatches` steps each; means of the parts."""
    seen = []
    M = len(samples.action)
    for _ in range(cfg.epochs):
        order = torch.randperm(M, generator=generator)
        for index in order.chunk(cfg.minibatches):
            batch = Batch(*(part[index] for part in samples))
            total, parts = loss(net, batch, cfg)
            few = slice(max(1, round(cfg.bonus_share * len(index))))  # the order is drawn anyway
            errors = bonus.loss(batch.obs[few], batch.action[few], batch.next_obs[few])
            parts["bonus_loss"] = masked_mean(errors, batch.alive[few])
            optimizer.zero_grad()
            (total + parts["bonus_loss"]).backward()
            nn.utils.clip_grad_norm_(net.parameters(), cfg.clip)
            optimizer.step()
            seen.append(parts | {"bonus_loss": parts["bonus_loss"].item()})
    return _mean(seen)


def shuffled(
    bonus: Float[Tensor, "B T N"], alive: Bool[Tensor, "B T N"], generator: torch.Generator
) -> Float[Tensor, "B T N"]:
    """The bonuses of the living, dealt out anew among them."""
    there = bonus[alive]
    dealt = torch.zeros_like(bonus)
    dealt[alive] = there[torch.randperm(len(there), generator=generator, device=there.device)]
    return dealt


class Diary(nn.Module):
    """What is logged of each round of play; it remembers where anybody has ever been."""

    def __init__(self, world):
        super().__init__()
        self.n_actions = world.n_actions
        self.visited: Tensor
        self.found: Tensor
        cells = getattr(world, "n_cells", 1)
        self.register_buffer("visited", torch.zeros(world.n_agents, cells, dtype=torch.bool))
        self.register_buffer("found", torch.zeros(()))

    def note(self, batch: Rollout, bonus: Float[Tensor, "B T N"]) -> dict[str, float]:
        """The round in numbers.

        Returns:
            success of its episodes; found: 1 once anybody has ever been paid; coverage: share of
            the world's cells where anybody has ever been, coverage_own: the same for each agent by
            itself, their mean (0 if the world has no cells); bonus: its mean, as it came;
            action_a: how often the living chose action a.
        """
        if batch.cell is not None:
            for i, visited in enumerate(self.visited):
                visited[batch.cell[..., i][batch.alive[..., i]]] = True
        self.found.clamp_(min=float((batch.reward > 0).any()))
        chosen = torch.bincount(batch.action[batch.alive], minlength=self.n_actions)
        return {
            "success": batch.success.mean().item(),
            "found": self.found.item(),
            "coverage": self.visited.any(0).float().mean().item(),
            "coverage_own": self.visited.float().mean().item(),
            "bonus": masked_mean(bonus, batch.alive).item(),
            **{f"action_{a}": n / sum(chosen.tolist()) for a, n in enumerate(chosen.tolist())},
        }


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}


@torch.no_grad()
def evaluate(
    net: ActorCritic, world, episodes: int = 500, greedy: bool = True, seed: int = 10**6
) -> Row:
    """Play fresh episodes, in batches of the world's B.

    Returns:
        `success` (share), `return` (per agent and episode), `steps` that an episode lasted, and
        the number of `episodes` played.
    """
    generator = None if greedy else torch.Generator(world.device).manual_seed(seed)
    batches = -(-episodes // world.batch_size)
    sums = torch.zeros(3)
    for batch in range(batches):
        obs, alive = world.reset(seed + batch), world.alive
        while world.t < world.max_steps and alive.any():
            sums[2] += alive.any(1).sum()
            obs, reward, _, _, info = world.step(act(net(obs).logits, generator))
            sums[1] += reward.sum() / world.n_agents
            alive = info["alive"]
        sums[0] += info["success"].float().sum()
    played = batches * world.batch_size
    success, total, steps = (sums / played).tolist()
    return {"success": success, "return": total, "steps": steps, "episodes": played}


def as_policy(net: ActorCritic) -> Callable[[Any], Tensor]:
    """The trained team as a function of its world, as scripted rules are: likeliest actions."""

    @torch.no_grad()
    def policy(world) -> Tensor:
        return act(net(world._observe()).logits, None)

    return policy
