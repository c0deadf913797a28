"""A run under way: its log, and all that its next step depends on, to a file and back.

One way to stop and go on for every loop. An interrupted run that goes on from its checkpoint ends
with the same numbers as an uninterrupted one.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from marl_edu.core import storage
from marl_edu.core.settings import plain

Row = dict[str, int | float]  # one line of a log, or the result of an evaluation


@dataclass
class Result:
    """What training leaves behind: the network, the rows of its log, and what it cost.

    The network acts as `a2c.TeamPolicy(net)`, `ppo.TeamPolicy(net)`, `maddpg.TeamPolicy(net)`,
    `recurrent_ppo.TeamPolicy(net)` or `qlearning.GreedyPolicy(net)`, whichever loop it comes from;
    see `core.evaluate`.
    """

    net: Any
    rows: list[Row]
    cpu_seconds: float
    wall_seconds: float


class Run:
    """A run under way.

    Args:
        cfg: its settings, with `updates`, `log_every` and `checkpoint_every`.
        on_log: called with every new row of the log.
        checkpoint: file to save to and to go on from, or None. At the end it holds the last
            network, which `load_net` takes from it.
        parts: name -> what learns or remembers: modules, optimisers, replay buffers.
        generators: all sources of chance.
    Raises:
        ValueError: the checkpoint is damaged or of another config. TypeError: a checkpoint is asked
            for, and the config holds something that cannot be compared (`core.settings`).
    """

    def __init__(
        self,
        cfg: Any,
        on_log: Callable[[Row], None] | None,
        checkpoint: str | Path | None,
        parts: Mapping[str, Any],
        *generators: torch.Generator,
    ):
        self.cfg, self.on_log = cfg, on_log
        self.path = None if checkpoint is None else Path(checkpoint)
        self.parts, self.generators = parts, generators
        self.meta: dict[str, Any] = {}  # what the run is known by; nobody asks without a checkpoint
        if checkpoint is not None:
            self.meta = {"config": plain(cfg, "config"), "algorithm": type(cfg).__module__}
        self.update = self.env_steps = self.saved = 0
        self.backlog = 0.0  # gradient steps that are due for steps taken, of Q-learning
        self.rows: list[Row] = []
        self.recent: list[Row] = []  # what the next row is the mean of
        self.cpu = self.wall = 0.0
        self._restore()
        self.cpu -= time.process_time()
        self.wall -= time.perf_counter()

    @property
    def progress(self) -> float:
        """The share of the updates that are done."""
        return self.update / self.cfg.updates

    def log(self, metrics: Row, latest: Row | None = None) -> None:
        """Note what a round came to; when it is time, add a row: the means since the last one.

        Args:
            metrics: numbers of this round. latest: numbers of which a row takes the last ones.
        """
        self.recent.append(metrics)
        last = self.rows[-1]["update"] if self.rows else 0
        over = self.update >= self.cfg.updates
        if self.update - last >= self.cfg.log_every or (over and self.update > last):
            cpu_seconds = self.cpu + time.process_time()
            row: Row = {
                "update": self.update, "env_steps": self.env_steps, "cpu_seconds": cpu_seconds
            }  # fmt: skip
            self.rows.append(row | means(self.recent) | (latest or {}))
            self.recent.clear()
            if self.on_log:
                self.on_log(self.rows[-1])

    def save(self) -> None:
        """Write the checkpoint when it is time for one, and at the end."""
        over = self.update >= self.cfg.updates
        if self.update - self.saved < self.cfg.checkpoint_every and not over:
            return
        self.saved = self.update
        if self.path is None:
            return
        tensors = {f"rng.{i}": g.get_state() for i, g in enumerate(self.generators)}
        for name, part in self.parts.items():
            if isinstance(part, torch.optim.Optimizer):
                tensors |= storage.pack_optimizer(part, name)
            else:
                tensors |= {f"{name}.{key}": value for key, value in part.state_dict().items()}
        progress = {key: getattr(self, key) for key in ("update", "env_steps", "backlog")}
        progress |= {"rows": self.rows, "recent": self.recent}
        progress["cpu"] = self.cpu + time.process_time()
        progress["wall"] = self.wall + time.perf_counter()
        storage.save_checkpoint(self.path, tensors, self.meta | progress)

    def result(self, net: Any) -> Result:
        """What is left of the run."""
        cpu, wall = self.cpu + time.process_time(), self.wall + time.perf_counter()
        return Result(net, self.rows, cpu, wall)

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
        for key in ("update", "env_steps", "backlog", "rows", "recent", "cpu", "wall"):
            setattr(self, key, meta[key])
        self.saved = self.update


def load_net(net: torch.nn.Module, checkpoint: str | Path) -> torch.nn.Module:
    """Give a network the weights of a checkpoint that a run left.

    Args:
        net: as the algorithm's `build(cfg, env)` makes it. checkpoint: the file.

    Returns:
        the same network, ready to act.

    Raises:
        FileNotFoundError: no such file. ValueError: damaged, or of a network of another shape.
    """
    tensors, _ = storage.load_checkpoint(checkpoint)
    weights = {k.removeprefix("net."): v for k, v in tensors.items() if k.startswith("net.")}
    for name, value in net.state_dict().items():
        found = tuple(weights[name].shape) if name in weights else None
        if found != tuple(value.shape):
            what = storage.difference(name, found, tuple(value.shape))
            raise ValueError(f"{checkpoint}: of another network: {what}")
    net.load_state_dict(weights)
    return net.eval()


def means(rows: list[Row]) -> Row:
    """The mean of each number over rows with the same keys."""
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}
