"""The lab of the chapter on MAPPO: choose what the critic sees, train, and watch the team hunt.

With a kernel it is made of ipywidgets; without one, what it shows is a stored run.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import ipywidgets

from marl_edu.algos import mappo
from marl_edu.core.evaluate import evaluate
from marl_edu.envs import PredatorPrey
from marl_edu.experiments.catalogue import critics
from marl_edu.training.checkpoint import Result, Row
from marl_edu.training.recurrent_ppo import TeamPolicy
from marl_edu.widgets.film import Film
from marl_edu.widgets.hunt import own
from marl_edu.widgets.shared.lab import WIDE, LabPanel, stored_run
from marl_edu.widgets.shared.own import Own

EDGES = ("along the edges", 55.5)  # who walks there, and looks at nothing


class HuntPanel(LabPanel):
    """Controls for what the critic sees and for length of training; two curves, and a hunt.

    Args:
        value_loss: the answer to "No further than this, for values", which then stands for eq. (7).
    """

    def __init__(self, value_loss: Any = None) -> None:
        mine = None if value_loss is None else Own("value_loss", value_loss, "one number")
        self.critic = ipywidgets.Dropdown(
            options=mappo.CRITICS, value="team", description="critic", **WIDE
        )
        updates = ipywidgets.IntSlider(
            value=critics.HUNT["updates"], min=10, max=500, step=10, description="updates", **WIDE
        )
        self.curve, self.told = ipywidgets.HTML(), ipywidgets.HTML()
        self.team = ipywidgets.VBox()
        pictures = ipywidgets.HBox([self.curve, self.told], layout={"flex_flow": "row wrap"})
        super().__init__(
            [self.critic],
            updates,
            "Ready. 100 updates take about ten seconds.",
            [pictures, self.team],
            mine,
        )

    def plan(self) -> tuple[Callable[..., Result], mappo.Config]:
        """What the controls say."""
        chosen = {"updates": self.updates.value, "seed": self.seed.value}
        cfg = mappo.Config(**critics.HUNT | chosen, critic=self.critic.value)
        if self.own is None:
            return mappo.train, cfg
        return partial(mappo.train, loss=partial(own.loss, self.own)), cfg

    def say(self, row: Row) -> str:
        """A row of the log in words."""
        return f"success while exploring: {row['success']:.0%}, explained {row['explained']:.0%}"

    def draw(self, rows: Sequence[Row]) -> None:
        """The curves so far."""
        method = "ippo" if self.attempts[-1].settings["critic"] == "own" else "mappo"
        self.curve.value, self.told.value = self._curves(method, rows)

    def finish(self, run: Result) -> str:
        """Hunt afresh, and film one hunt."""
        policy = TeamPolicy(run.net)
        fresh = evaluate(PredatorPrey(num_envs=250), policy, episodes=1000)
        for shown in self.team.children:
            shown.close()
        film = Film.record(PredatorPrey(num_envs=1), policy, caption="Your team, filmed.")
        self.team.children = [film]
        return f"{fresh['success']:.1%} of {fresh['episodes']} fresh hunts succeed"

    def stored(self, settings: dict[str, Any]) -> str:
        """The chapter's runs with the same critic."""
        return critics.name_of("hunt", settings["critic"])

    def without_kernel(self) -> str:
        """HTML of a stored run."""
        return stored_run(
            critics.name_of("hunt", "team"),
            "with the team's critic",
            lambda rows: "".join(self._curves("mappo", rows)),
        )

    def _curves(self, method: str, rows: Sequence[Row]) -> tuple[str, str]:
        """Two pictures: success, and how much of the returns the critic foresaw."""
        success, told = (
            self.picture(method, rows, words, key, ylabel=f"{words} (%)", **more)
            for key, words, more in (
                ("success", "success", {"trivial": EDGES}),
                ("explained", "explained", {}),
            )
        )
        return success, told
