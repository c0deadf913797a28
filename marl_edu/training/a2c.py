"""Recurrent team actor-critic without communication: the baseline, and the one training loop.

Every agent is driven by the same small recurrent network, trained by advantage actor-critic.
CommNet and TarMAC are this file with a communication module in the place of `Silence`.

Equations:
    z_t = relu(W_e o_t + W_r h_{t-1})        what the agent knows: it sees, it remembers     (1)
    z'_t = communicate(z_t)                  what it knows once it has listened              (2)
    h_t = GRU(z'_t, h_{t-1})                 what it will remember                           (3)
    pi(a | h_t) = softmax(W_pi h_t)          how it acts                                     (4)
    V_t = w_V . [h_t ; mean of all living h_t]    how the team's critic rates its prospects  (5)
    L = -A log pi(a) + c_V (R - V)^2 - c_H H(pi)   averaged over living agents and steps     (6)
A is the generalised advantage of each agent's own reward (ops.gae), and R = A + V.

Symbols: o `obs` (B, N, O) · z `z` (B, N, D) · h `h` (B, N, D) · pi `logits` (B, N, A) ·
V `value` (B, T+1, N) · A `advantage` (B, T, N) · c_V `value_cost` · c_H `entropy`.

Differences from A3C (arXiv 1602.01783): one synchronous batch of worlds instead of asynchronous
workers; generalised advantages (arXiv 1506.02438), normalised over living agents; a critic that
sees the whole team; Adam; an entropy bonus that starts 30 times larger and is annealed, because
with the usual 0.01 every car learns to step on the gas for ever (see the chapter's pitfalls).

Chapter: book/chapters/tarmac.ipynb.
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

from marl_edu.core import storage
from marl_edu.core.ops import gae, masked_mean
from marl_edu.envs import TrafficJunction

Row = dict[str, int | float]  # one line of a log, or the result of an evaluation


@dataclass(frozen=True)
class Config:
    """What a run depends on, and nothing else: equal configs give equal numbers."""

    world: Callable[..., Any] = TrafficJunction  # makes a world: a class, or `from_gymnasium`
    world_args: dict[str, Any] = field(default_factory=dict)  # given to `world`, less B and seed
    seed: int = 0
    updates: int = 2000  # gradient steps; each plays one whole episode in every world
    batch_size: int = 64  # B, worlds side by side (TarMAC: 16)
    hidden: int = 64  # D, size of z and of the memory (TarMAC: 128)
    gamma: float = 0.9  # discount per step (TarMAC: 0.99, IC3Net: 1.0)
    lam: float = 0.8  # lambda of the advantage: 0 one-step error ... 1 whole return
    lr: float = 2e-3  # Adam's step size at the start, annealed linearly (TarMAC: RMSProp, 7e-4)
    lr_end: float = 0.1  # ... to this share of it
    entropy: float = 0.3  # c_H at the start, annealed linearly (TarMAC: 0.01 throughout)
    entropy_end: float = 0.01  # c_H at the end
    anneal: float = 0.4  # share of the run after which c_H has reached its end
    value_cost: float = 0.5  # c_V
    reward_scale: float = 0.1  # rewards are multiplied by this before learning
    clip: float = 10.0  # largest norm of the gradient
    detach_every: int = 20  # back-propagation through time is cut every so many steps
    log_every: int = 20  # updates per row of the log
    checkpoint_every: int = 200  # updates between two checkpoints


class Silence(nn.Module):
    """The communication module of those who do not communicate: z' = z, attention 0."""

    def forward(self, z: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N N"]):
        """Return `(z, attention)`, the attention `(B, 1, N, N)` all zero."""
        return z, torch.zeros_like(mask[:, None], dtype=z.dtype)


class Step(NamedTuple):
    """What the network says in one step, and what a reader wants to see of it."""

    logits: Float[Tensor, "B N A"]
    h: Float[Tensor, "B N D"]  # the new memory, zero for empty slots
    attention: Float[Tensor, "B H N N"]  # receivers in rows, senders in columns
    gate: Float[Tensor, "B N"]  # how far the gate is open, in [0, 1]; 1 without a gate
    gate_log_prob: Float[Tensor, "B N"]  # of the hard gate's choice; 0 for the others


class ActorCritic(nn.Module):
    """One network for all agents.

    Args:
        obs_dim: O. n_actions: A. hidden: D.
        communicate: a module `(z (B, N, D), mask (B, N, N)) -> (z', attention (B, H, N, N))`. One
            with a number `nearest` above 0 gets a list of neighbours instead, see `hears`.
        gate: "none"; "soft", a number in [0, 1] by which an agent *uses* what it heard; "hard",
            IC3Net's choice, sampled and trained like an action, whether it *sends* at all.
        available: which actions each agent has (N, A); None: all have all.
    """

    def __init__(
        self,
        obs_dim: int,
        n_actions: int,
        hidden: int,
        communicate: nn.Module,
        gate: str = "none",
        available: Bool[Tensor, "N A"] | None = None,
    ):
        super().__init__()
        if gate not in ("none", "soft", "hard"):
            raise ValueError(f"gate must be 'none', 'soft' or 'hard', got {gate!r}")
        self.encode = nn.Linear(obs_dim, hidden)
        self.recall = nn.Linear(hidden, hidden, bias=False)
        self.communicate = communicate
        self.memory = nn.GRUCell(hidden, hidden)
        self.policy = nn.Linear(hidden, n_actions)
        self.value = nn.Linear(2 * hidden, 1)
        # No part of the state: the world says it anew, and old checkpoints fit.
        self.missing: Tensor | None
        lacking = None if available is None or available.all() else ~available
        self.register_buffer("missing", lacking, persistent=False)
        self.gate_kind = gate
        self.gate = nn.Linear(hidden, 1) if gate != "none" else None
        with torch.no_grad():  # start undecided: a confident start is hard to unlearn
            self.policy.weight.mul_(0.1)
            self.policy.bias.zero_()

    def start(self, batch_size: int, n_agents: int) -> Float[Tensor, "B N D"]:
        """The memory before the first observation: zeros."""
        return self.encode.weight.new_zeros(batch_size, n_agents, self.memory.hidden_size)

    def forward(
        self,
        obs: Float[Tensor, "B N O"],
        h: Float[Tensor, "B N D"],
        alive: Bool[Tensor, "B N"],
        generator: torch.Generator | None = None,
        mask: Any = None,
    ) -> Step:
        """One step of the team; empty slots neither speak nor hear.

        Args:
            obs: what each agent sees. h: its memory. alive: which slots hold an agent.
            generator: samples the hard gate; None opens it where that is more likely than not.
            mask: who may hear whom, from `hears`; None: all the living hear each other.
        """
        B, N, D = h.shape
        z = F.relu(self.encode(obs) + self.recall(h))  # eq. (1)
        if mask is None:
            mask = alive[:, :, None] & alive[:, None, :]
        gate = torch.ones_like(z[..., 0])
        gate_log_prob = torch.zeros_like(gate)
        if self.gate is not None:
            score = self.gate(z)[..., 0]
            gate = torch.sigmoid(score)
            if self.gate_kind == "hard":
                two = torch.stack([torch.zeros_like(score), score], -1)  # silent, talking
                talks = act(two.detach(), generator)
                gate_log_prob = F.log_softmax(two, -1).gather(-1, talks[..., None])[..., 0]
                gate = talks.to(z.dtype)
                mask = mask & (talks[:, None, :] == 1)
        heard, attention = self.communicate(z, mask)  # eq. (2)
        if self.gate_kind == "soft":
            heard = gate[..., None] * heard + (1 - gate[..., None]) * z
        h = self.memory(heard.flatten(0, 1), h.flatten(0, 1)).view(B, N, D)  # eq. (3)
        h = h * alive[..., None]
        logits = self.policy(h)  # eq. (4)
        if self.missing is not None:
            logits = logits.masked_fill(self.missing, torch.finfo(logits.dtype).min)
        return Step(logits, h, attention, gate, gate_log_prob)

    def hears(self, world) -> Any:
        """Who may hear whom in the world now: `adjacency()`, a mask (B, N, N).

        Thousands of agents with a few neighbours each would fill the memory with such a mask. A
        communication module that can do without has a number `nearest`, and if that is above 0
        it gets what the world lists, all `edges()` or `neighbours(nearest)`, `(nodes (B, N, K),
        mask (B, N, K))`, and no (N, N) tensor is made.
        """
        nearest = getattr(self.communicate, "nearest", 0)
        if not nearest:
            return world.adjacency()
        return world.edges() if hasattr(world, "edges") else world.neighbours(nearest)

    def criticise(
        self, h: Float[Tensor, "*S N D"], alive: Bool[Tensor, "*S N"]
    ) -> Float[Tensor, "*S N"]:
        """The centralised value of each agent; used in training only, never to act."""
        living = alive.sum(-1, keepdim=True).clamp_min(1)[..., None]
        team = (h.sum(-2, keepdim=True) / living).expand_as(h)  # empty slots hold zeros
        return self.value(torch.cat([h, team], -1)).squeeze(-1)  # eq. (5)


class Episode(NamedTuple):
    """One batch of whole episodes; `log_prob`, `entropy` and `value` carry their gradients."""

    log_prob: Float[Tensor, "B T N"]
    entropy: Float[Tensor, "B T N"]
    value: Float[Tensor, "B T1 N"]  # T1 = T + 1: the last one is of the state after the end
    reward: Float[Tensor, "B T N"]
    alive: Bool[Tensor, "B T N"]
    goes_on: Bool[Tensor, "B T N"]  # False where the agent's life ended in this step
    success: Float[Tensor, " B"]


def act(logits: Float[Tensor, "*S A"], generator: torch.Generator | None) -> Int[Tensor, "*S"]:
    """Sample actions with `generator`, or take the most likely ones where it is None."""
    if generator is None:
        return logits.argmax(-1)
    noise = torch.rand(logits.shape, generator=generator, device=logits.device)
    return (logits - (-noise.log()).log()).argmax(-1)  # Gumbel-max: a sample of the softmax


def play(net: ActorCritic, world, generator: torch.Generator, detach_every: int = 20) -> Episode:
    """Play one episode in every world, keeping the graph, so that one forward pass serves both
    acting and learning."""
    obs, alive = world.reset(), world.alive
    h = net.start(world.batch_size, world.n_agents)
    steps, actions, living, rewards, lasting = [], [], [], [], []
    for t in range(world.max_steps):
        if t % detach_every == 0:
            h = h.detach()
        steps.append(net(obs, h, alive, generator, mask=net.hears(world)))
        actions.append(act(steps[-1].logits.detach(), generator))
        living.append(alive)
        obs, reward, terminated, _, info = world.step(actions[-1])
        # An agent that has left ends its life here; its slot may already hold a newcomer, whose
        # reward is not its predecessor's.
        rewards.append(reward * ~info["completed"])
        stays = ~info["completed"] & info["alive"]  # an agent that died has no future either
        lasting.append(alive & stays & ~terminated[:, None])
        h, alive = steps[-1].h * lasting[-1][..., None], info["alive"]
    with torch.no_grad():  # the state after a time limit is worth something: bootstrap from it
        last = net(obs, h, alive, generator, mask=net.hears(world)).h
    log_pi = F.log_softmax(torch.stack([step.logits for step in steps], 1), -1)
    chosen = log_pi.gather(-1, torch.stack(actions, 1)[..., None])[..., 0]
    return Episode(
        log_prob=chosen + torch.stack([step.gate_log_prob for step in steps], 1),
        entropy=-(log_pi.exp() * log_pi).sum(-1),
        value=net.criticise(
            torch.stack([*(step.h for step in steps), last], 1), torch.stack([*living, alive], 1)
        ),
        reward=torch.stack(rewards, 1),
        alive=torch.stack(living, 1),
        goes_on=torch.stack(lasting, 1),
        success=info["success"].float(),
    )


def loss(batch: Episode, cfg: Config, entropy: float):
    """Eq. (6) on one batch of episodes; `entropy` is c_H, which changes as training goes on.

    Returns:
        the scalar loss, and its parts as a dict of floats.
    """
    value = batch.value.detach()
    reward = cfg.reward_scale * batch.reward
    advantage = gae(reward, value, batch.goes_on, cfg.gamma, cfg.lam)
    target = advantage + value[:, :-1]
    centred = advantage - masked_mean(advantage, batch.alive)
    advantage = centred / (masked_mean(centred**2, batch.alive).sqrt() + 1e-6)
    policy_loss = -masked_mean(advantage * batch.log_prob, batch.alive)
    value_loss = masked_mean((target - batch.value[:, :-1]) ** 2, batch.alive)
    bonus = masked_mean(batch.entropy, batch.alive)
    total = policy_loss + cfg.value_cost * value_loss - entropy * bonus  # eq. (6)
    return total, {"entropy": bonus.item(), "value_loss": value_loss.item()}


@dataclass
class Result:
    """What training leaves behind: the network, the rows of its log, and what it cost."""

    net: ActorCritic
    rows: list[Row]
    cpu_seconds: float
    wall_seconds: float


def build(cfg: Config, world) -> ActorCritic:
    """The network of the baseline: nobody communicates."""
    return ActorCritic(
        world.obs_dim, world.n_actions, cfg.hidden, Silence(), available=world.available
    )


def train(
    cfg: Config,
    on_log: Callable[[Row], None] | None = None,
    checkpoint: Path | None = None,
    build: Callable[[Any, Any], ActorCritic] = build,
) -> Result:
    """Train a team from scratch, or go on from `checkpoint`.

    Args:
        cfg: the run. on_log: called with every new row of the log.
        checkpoint: file to save to and to go on from; an interrupted run ends with the same
            numbers as an uninterrupted one.
        build: makes the network from `(cfg, world)`; CommNet and TarMAC pass their own.
    Raises:
        ValueError: the checkpoint is damaged or of another config.
    """
    torch.manual_seed(cfg.seed)
    world = cfg.world(**cfg.world_args, batch_size=cfg.batch_size, seed=cfg.seed)
    net = build(cfg, world).to(world.device)
    optimizer = torch.optim.Adam(net.parameters(), lr=cfg.lr, fused=True)
    generator = torch.Generator(world.device).manual_seed(cfg.seed)
    saved = _Saved(checkpoint, cfg, net, optimizer, generator, world.generator)
    rows, first, cpu, wall = saved.restore()
    cpu, wall = cpu - time.process_time(), wall - time.perf_counter()

    for update in range(first, cfg.updates):
        progress = update / cfg.updates
        optimizer.param_groups[0]["lr"] = cfg.lr * (1 - (1 - cfg.lr_end) * progress)
        entropy = cfg.entropy + (cfg.entropy_end - cfg.entropy) * min(1.0, progress / cfg.anneal)
        episode = play(net, world, generator, cfg.detach_every)
        total, parts = loss(episode, cfg, entropy)
        optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(net.parameters(), cfg.clip)
        optimizer.step()
        parts["success"] = episode.success.mean().item()
        parts["return"] = (episode.reward.sum() / episode.success.numel()).item() / world.n_agents
        saved.recent.append(parts)
        if (update + 1) % cfg.log_every == 0 or update + 1 == cfg.updates:
            row = {key: sum(p[key] for p in saved.recent) / len(saved.recent) for key in parts}
            steps = (update + 1) * cfg.batch_size * world.max_steps
            seconds = cpu + time.process_time()
            row = {"update": update + 1, "env_steps": steps, "cpu_seconds": seconds, **row}
            rows.append(row)
            saved.recent.clear()
            if on_log:
                on_log(row)
        if (update + 1) % cfg.checkpoint_every == 0 and update + 1 < cfg.updates:
            saved.save(rows, update + 1, cpu + time.process_time(), wall + time.perf_counter())
    return Result(net, rows, cpu + time.process_time(), wall + time.perf_counter())


class _Saved:
    """All the state of a run that its next update depends on, to a file and back."""

    def __init__(self, path: Path | None, cfg: Any, net, optimizer, *generators):
        self.path, self.net, self.optimizer, self.generators = path, net, optimizer, generators
        self.meta = {"config": describe(cfg)}
        self.recent: list[Row] = []  # what the next row of the log averages

    def save(self, rows, update: int, cpu: float, wall: float) -> None:
        if self.path is None:
            return
        tensors = {f"net.{k}": v for k, v in self.net.state_dict().items()}
        tensors |= {f"rng.{i}": g.get_state() for i, g in enumerate(self.generators)}
        tensors |= storage.pack_optimizer(self.optimizer)
        progress = {"rows": rows, "recent": self.recent, "update": update, "cpu": cpu, "wall": wall}
        storage.save_checkpoint(self.path, tensors, self.meta | progress)

    def restore(self) -> tuple[list[Row], int, float, float]:
        if self.path is None or not self.path.exists():
            return [], 0, 0.0, 0.0
        tensors, meta = storage.load_checkpoint(self.path, expect=self.meta)
        net = {k.removeprefix("net."): v for k, v in tensors.items() if k.startswith("net.")}
        self.net.load_state_dict(net)
        storage.unpack_optimizer(self.optimizer, tensors)
        for i, generator in enumerate(self.generators):
            generator.set_state(tensors[f"rng.{i}"])
        self.recent = meta["recent"]
        return meta["rows"], meta["update"], meta["cpu"], meta["wall"]


def describe(cfg: Any) -> dict[str, Any]:
    """The config as plain JSON values, with the names of its class and of its world's."""
    plain = storage.plain(cfg)
    return plain | {"world": cfg.world.__name__, "class": type(cfg).__module__}


@torch.no_grad()
def evaluate(
    net: ActorCritic, world, episodes: int = 2000, greedy: bool = True, seed: int = 10**6
) -> Row:
    """Play fresh episodes, in batches of the world's B, and average over them.

    Args:
        net: the team. world: where it plays, at a fixed difficulty.
        episodes: at least so many. greedy: take the most likely actions instead of sampling.
        seed: of the episodes; far from the seeds of training.
    Returns:
        `success` and `return` (per agent and episode), with the number of `episodes` played.
    """
    generator = None if greedy else torch.Generator(world.device).manual_seed(seed)
    batches = -(-episodes // world.batch_size)
    success, total = 0.0, 0.0
    for batch in range(batches):
        obs, alive = world.reset(seed + batch), world.alive
        h = net.start(world.batch_size, world.n_agents)
        for _ in range(world.max_steps):
            step = net(obs, h, alive, generator, mask=net.hears(world))
            obs, reward, _, _, info = world.step(act(step.logits, generator))
            total += reward.sum().item()
            h, alive = step.h * ~info["completed"][..., None], info["alive"]
        success += info["success"].float().sum().item()
    played = batches * world.batch_size
    return {
        "success": success / played,
        "return": total / played / world.n_agents,
        "episodes": played,
    }
