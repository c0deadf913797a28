"""The memory chapter's lab: choose a memory and a corridor, train, and watch the curve.

With a kernel it is made of ipywidgets; without one, what it shows is a stored run.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import ipywidgets

from marl_edu.algos import dqn, drqn
from marl_edu.core.evaluate import evaluate
from marl_edu.envs import Flicker, TMaze
from marl_edu.training import qlearning
from marl_edu.training.checkpoint import Result, Row
from marl_edu.widgets.corridor import own
from marl_edu.widgets.shared.lab import WIDE, LabPanel, stored_run
from marl_edu.widgets.shared.own import Own

STORED = "drqn-tmaze"  # the run that stands in where there is no kernel


class MemoryPanel(LabPanel):
    """Controls for memory, corridor, missing observations and length of training; a curve.

    Args:
        target: the answer to "Targets along a window", from which the agent then learns; it has a
            memory.
    """

    def __init__(self, target: Any = None) -> None:
        mine = None if target is None else Own("target", target, "(E, L)")
        kinds = ["none", "gru", "lstm"][mine is not None :]
        self.memory = ipywidgets.Dropdown(options=kinds, value="lstm", description="memory", **WIDE)
        self.length = ipywidgets.IntSlider(
            value=5, min=1, max=20, description="cells of corridor", **WIDE
        )
        self.missing = ipywidgets.FloatSlider(
            value=0.0, min=0.0, max=0.9, step=0.1, description="share missing", **WIDE
        )
        updates = ipywidgets.IntSlider(
            value=1500, min=250, max=6000, step=250, description="updates", **WIDE
        )
        self.curve = ipywidgets.HTML()
        super().__init__(
            [self.memory, self.length, self.missing],
            updates,
            "Ready. 1,000 updates take a few seconds.",
            [self.curve],
            mine,
        )

    def plan(self) -> tuple[Callable[..., Result], Any]:
        """What the controls say."""
        maze = {"length": self.length.value}
        settings: dict[str, Any] = {
            "env": Flicker,
            "env_args": {"env": TMaze, "env_args": maze, "p": self.missing.value},
            "updates": self.updates.value,
            "hidden_dim": 32,
            "lr": 3e-3,
            "train_freq": 16.0,
            "seed": self.seed.value,
        }
        if self.memory.value == "none":
            return dqn.train, dqn.Config(**settings)
        cfg = drqn.Config(**settings, memory=self.memory.value)
        if self.own is None:
            return drqn.train, cfg
        parts = drqn.build, drqn.make_replay, drqn.sample, partial(own.loss, self.own)
        return lambda cfg, on_log: qlearning.train(cfg, on_log, None, *parts), cfg

    def say(self, row: Row) -> str:
        """A row of the log in words."""
        return f"correct turns while exploring: {row['success']:.0%}"

    def draw(self, rows: Sequence[Row]) -> None:
        """The curve so far."""
        remembers = isinstance(self.attempts[-1].cfg, drqn.Config)
        self.curve.value = self._curve("drqn" if remembers else "dqn", rows)

    def finish(self, run: Result) -> str:
        """Walk through fresh mazes."""
        env = Flicker(**self.attempts[-1].cfg.env_args, num_envs=250)
        fresh = evaluate(env, qlearning.GreedyPolicy(run.net), 1000)
        return f"{fresh['success']:.1%} correct turns in {fresh['episodes']} fresh mazes"

    def stored(self, settings: dict[str, Any]) -> str:
        """The runs with the same memory in the same corridor."""
        if settings["memory"] != "lstm" or settings["share missing"]:
            return ""
        length = settings["cells of corridor"]
        return "drqn-tmaze" if length == 10 else f"drqn-tmaze{length}"

    def without_kernel(self) -> str:
        """HTML of a stored run."""
        return stored_run(
            STORED,
            "with an LSTM in a corridor of ten cells",
            lambda rows: self._curve("drqn", rows),
        )

    def _curve(self, method: str, rows: Sequence[Row]) -> str:
        return self.picture(
            method,
            rows,
            "correct turns",
            trivial=("walk and guess", 50.0),
        )
