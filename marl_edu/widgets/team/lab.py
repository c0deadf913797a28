"""The lab of the comparison: two agents in the T-maze with a witness, as one learner.

With a kernel it is made of ipywidgets; without one, what it shows is a stored run.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets

from marl_edu.algos import combined, drqn
from marl_edu.core.evaluate import evaluate
from marl_edu.experiments.catalogue import EXPERIMENTS
from marl_edu.training.checkpoint import Result, Row
from marl_edu.training.qlearning import GreedyPolicy
from marl_edu.widgets.shared.lab import WIDE, LabPanel, stored_run
from marl_edu.widgets.shared.own import Own
from marl_edu.widgets.team import own

RUNS = {True: "tarmac_drqn-witness", False: "team_drqn-witness"}  # talking, silent
GUESS = ("walk and guess", 0.5)


class TeamPanel(LabPanel):
    """Controls for talk and for the length of training; a curve.

    Args:
        joint: the answer to "A team as one learner", which then stands for the sum of values.
    """

    def __init__(self, joint: Any = None) -> None:
        mine = None if joint is None else Own("joint", joint, "(E, A ** N)")
        most = EXPERIMENTS[RUNS[True]].cfg.updates
        self.talk = ipywidgets.Dropdown(
            options=[("TarMAC", True), ("none", False)], value=True, description="talk", **WIDE
        )
        updates = ipywidgets.IntSlider(
            value=most, min=most // 10, max=2 * most, step=most // 10, description="updates", **WIDE
        )
        self.curve = ipywidgets.HTML()
        super().__init__(
            [self.talk], updates, f"Ready. {most:,} updates take half a minute.", [self.curve], mine
        )

    def plan(self) -> tuple[Callable[..., Result], combined.TeamConfig]:
        """What the controls say."""
        chosen = {"updates": self.updates.value, "seed": self.seed.value, "talk": self.talk.value}
        cfg = replace(EXPERIMENTS[RUNS[True]].cfg, **chosen)
        if self.own is None:
            return combined.train_team, cfg
        build = partial(own.build, self.own)
        return lambda cfg, on_log: drqn.train(cfg, on_log, build=build), cfg

    def say(self, row: Row) -> str:
        """A row of the log in words."""
        return f"success while exploring: {row['success']:.0%}"

    def draw(self, rows: Sequence[Row]) -> None:
        """The curve so far."""
        self.curve.value = self._curve(rows)

    def finish(self, run: Result) -> str:
        """Walk in fresh mazes."""
        cfg = self.attempts[-1].cfg
        fresh = evaluate(cfg.env(**cfg.env_args, num_envs=250), GreedyPolicy(run.net), 1000)
        return f"{fresh['success']:.1%} correct turns in {fresh['episodes']} fresh episodes"

    def stored(self, settings: dict[str, Any]) -> str:
        """The comparison's runs with the same talk."""
        return RUNS[settings["talk"]]

    def without_kernel(self) -> str:
        """HTML of a stored run."""
        return stored_run(RUNS[True], "that talks and remembers", self._curve)

    def _curve(self, rows: Sequence[Row]) -> str:
        return self.picture("drqn", rows, trivial=GUESS)
