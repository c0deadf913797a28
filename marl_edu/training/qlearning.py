"""What DQN and DRQN share: acting by Q, playing a round, and keeping a run.

A network says how much every action is worth. It may remember: `net.start(B, N)` is what its
agents remember before the first step, `(B, N, S)`, and `net(obs, state) -> (q, state)` one step of
all agents. A network without memory has S = 0.

Equations:
    a = argmax_a Q(a), or with probability epsilon any action                              (1)
    y = r + gamma c Q_target(o', a*),  a* = argmax_a Q(o', a)    double Q: who picks is not who
                                                                 rates                     (2)
c is 0 where a life ended and 1 elsewhere, at a time limit too: the agent would have lived on.

Symbols: Q `q` (*S, A) · Q_target `q_target` (*S, A) · epsilon `epsilon` · c `goes_on` (*S) ·
y `y` (*S).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from marl_edu.core import storage
from marl_edu.training.replay import Episodes

Row = dict[str, int | float]  # one line of a log, or the result of an evaluation


@dataclass(frozen=True)
class Config:
    """What a run depends on, and nothing else: equal configs give equal numbers."""

    world: Callable[..., Any]  # makes a world: a class, or a function such as `cartpole`
    world_args: dict[str, Any] = field(default_factory=dict)  # given to `world`, less B and seed
    seed: int = 0
    updates: int = 4000  # gradient steps (DQN: about 12 million)
    steps_per_update: float = 8.0  # steps lived through, by all agents, per gradient step (DQN: 4)
    batch_size: int = 64  # B, worlds side by side (DQN: 1)
    hidden: int = 64  # D, width of the network (DQN and DRQN: 512)
    gamma: float = 0.95  # discount per step (DQN: 0.99)
    reward_scale: float = (
        1.0  # rewards are multiplied by this before learning (DQN: cut to [-1, 1])
    )
    lr: float = 2e-3  # Adam's step size at the start, annealed linearly (DQN: RMSProp, 2.5e-4)
    lr_end: float = 0.1  # ... to this share of it (DQN: 1)
    epsilon: float = 1.0  # chance of an action at random, at the start (DQN: 1)
    epsilon_end: float = 0.02  # ... and in the end (DQN: 0.1)
    explore: float = 0.5  # share of the run after which it has reached its end (DQN: 1/50)
    warm_up: int = 1000  # steps in the replay before the first gradient step (DQN: 50,000)
    target_every: int = 100  # gradient steps between two copies to the target network (DQN: 10,000)
    clip: float = 10.0  # largest norm of the gradient (DRQN: each number cut to [-10, 10])
    log_every: int = 40  # gradient steps per row of the log, at least
    checkpoint_every: int = 1000  # gradient steps between two checkpoints, at least


def act(
    q: Float[Tensor, "*S A"],
    epsilon: float,
    available: Bool[Tensor, "..."],
    generator: torch.Generator | None = None,
) -> Int[Tensor, "*S"]:
    """The best actions that are available, or, with probability epsilon each, any of those."""
    best = highest(q, available)
    if epsilon == 0:
        return best
    chance = torch.rand(q.shape[:-1], generator=generator, device=q.device)
    score = torch.rand(q.shape, generator=generator, device=q.device)
    return torch.where(chance < epsilon, highest(score, available), best)  # eq. (1)


@torch.no_grad()
def play(
    net: Any,
    world,
    epsilon: float = 0.0,
    generator: torch.Generator | None = None,
    seed: int | None = None,
) -> tuple[Episodes, Row]:
    """Play one episode in every world.

    Returns:
        what every agent saw, did and remembered; and `success`, `return` (per agent and episode)
        and `env_steps` (of all worlds together, until each has ended).
    """
    obs, alive = world.reset(seed), world.alive
    state = net.start(world.batch_size, world.n_agents)
    available, running, env_steps = world.available, world.running, 0
    seen, rest = [obs], []
    for _ in range(world.max_steps):
        q, after = net(obs, state)
        action = act(q, epsilon, available, generator)
        env_steps += int(running.sum())
        obs, reward, terminated, _, info = world.step(action)
        # An agent that has left ends its life here; its slot may already hold a newcomer, whose
        # reward is not its predecessor's.
        goes_on = alive & info["alive"] & ~info["completed"] & ~terminated[:, None]
        rest.append((action, reward * (alive & ~info["completed"]), alive, goes_on, state))
        seen.append(obs)
        state, alive, running = after * goes_on[..., None], info["alive"], ~terminated
        if not running.any():
            break
    episodes = Episodes(torch.stack(seen, 1), *(torch.stack(x, 1) for x in zip(*rest, strict=True)))
    total = reward.new_zeros(()) + sum(step[1].sum() for step in rest)
    return episodes, {
        "success": info["success"].float().mean().item(),
        "return": total.item() / world.batch_size / world.n_agents,
        "env_steps": env_steps,
    }


@torch.no_grad()
def evaluate(net: Any, world, episodes: int = 2000, seed: int = 10**6) -> Row:
    """Play fresh episodes greedily, in batches of the world's B, and average over them.

    Args:
        net: the agents. world: where they play. episodes: at least so many.
        seed: of the episodes; far from the seeds of training.
    Returns:
        `success` and `return` (per agent and episode), with the number of `episodes` played.
    """
    batches = -(-episodes // world.batch_size)
    rows = [play(net, world, seed=seed + batch)[1] for batch in range(batches)]
    means = {key: sum(row[key] for row in rows) / batches for key in ("success", "return")}
    return means | {"episodes": batches * world.batch_size}


@dataclass
class Result:
    """What training leaves behind: the network, the rows of its log, and what it cost."""

    net: Any
    rows: list[Row]
    cpu_seconds: float
    wall_seconds: float


class Run:
    """A run under way: how far it is, its log, and all that its next step depends on.

    Args:
        cfg: the run. checkpoint: file to save to and to go on from, or None.
        parts: name -> network, replay or optimiser. generators: all sources of chance.
    """

    def __init__(self, cfg: Config, checkpoint: Path | None, parts: dict[str, Any], *generators):
        self.cfg, self.path, self.parts, self.generators = cfg, checkpoint, parts, generators
        self.meta = {"config": storage.plain(cfg), "class": type(cfg).__module__}
        self.update = self.env_steps = self.saved = 0
        self.owed = 0.0  # gradient steps that are due for what was lived through
        self.rows: list[Row] = []
        self.recent: list[Row] = []  # rounds since the last row
        self.cpu = self.wall = 0.0
        self._restore()
        self.cpu -= time.process_time()
        self.wall -= time.perf_counter()

    @property
    def epsilon(self) -> float:
        """The chance of an action at random, by now."""
        cfg, progress = self.cfg, self.update / self.cfg.updates
        return cfg.epsilon + (cfg.epsilon_end - cfg.epsilon) * min(1.0, progress / cfg.explore)

    def begin(self, optimizer: torch.optim.Optimizer) -> None:
        """Set the step size for the gradient step that comes next."""
        progress = self.update / self.cfg.updates
        optimizer.param_groups[0]["lr"] = self.cfg.lr * (1 - (1 - self.cfg.lr_end) * progress)

    def due(self, lived: int, kept: int, round: Row) -> int:
        """How many gradient steps to make after a round of so many steps lived through."""
        self.env_steps += int(round["env_steps"])
        self.recent.append({key: round[key] for key in ("success", "return")})
        if kept < self.cfg.warm_up:
            return 0
        self.owed += lived / self.cfg.steps_per_update
        count = min(int(self.owed), self.cfg.updates - self.update)
        self.owed -= count
        return count

    def log(self, parts: Row, on_log: Callable[[Row], None] | None) -> None:
        """Add a row when it is time for one, and save when it is time for that."""
        last = self.rows[-1]["update"] if self.rows else 0
        over = self.update >= self.cfg.updates
        if self.update - last >= self.cfg.log_every or (over and self.update > last):
            n = len(self.recent)
            means = {key: sum(row[key] for row in self.recent) / n for key in self.recent[0]}
            seconds = self.cpu + time.process_time()
            row = {"update": self.update, "env_steps": self.env_steps, "cpu_seconds": seconds}
            self.rows.append({**row, "epsilon": self.epsilon, **means, **parts})
            self.recent.clear()
            if on_log:
                on_log(self.rows[-1])
        if self.update - self.saved >= self.cfg.checkpoint_every and not over:
            self._save()

    def result(self, net: nn.Module) -> Result:
        """What is left of the run."""
        cpu, wall = self.cpu + time.process_time(), self.wall + time.perf_counter()
        return Result(net, self.rows, cpu, wall)

    def _save(self) -> None:
        self.saved = self.update
        if self.path is None:
            return
        tensors = {f"rng.{i}": g.get_state() for i, g in enumerate(self.generators)}
        for name, part in self.parts.items():
            if isinstance(part, torch.optim.Optimizer):
                tensors |= storage.pack_optimizer(part, name)
            else:
                tensors |= {f"{name}.{key}": value for key, value in part.state_dict().items()}
        progress = {key: getattr(self, key) for key in ("update", "env_steps", "owed")}
        progress |= {"rows": self.rows, "recent": self.recent}
        progress["cpu"] = self.cpu + time.process_time()
        progress["wall"] = self.wall + time.perf_counter()
        storage.save_checkpoint(self.path, tensors, self.meta | progress)

    def _restore(self) -> None:
        if self.path is None or not self.path.exists():
            return
        tensors, meta = storage.load_checkpoint(self.path, expect=self.meta)
        for i, generator in enumerate(self.generators):
            generator.set_state(tensors[f"rng.{i}"])
        for name, part in self.parts.items():
            if isinstance(part, torch.optim.Optimizer):
                storage.unpack_optimizer(part, tensors, name)
                continue
            start = f"{name}."
            own = {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
            part.load_state_dict(own)
        for key in ("update", "env_steps", "owed", "rows", "recent", "cpu", "wall"):
            setattr(self, key, meta[key])
        self.saved = self.update
