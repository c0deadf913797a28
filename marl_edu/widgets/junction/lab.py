"""The lab's panel: choose a team, train it, watch success and attention change, and watch it drive.

With a kernel it is made of ipywidgets; without one, what it shows is a stored run.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import ipywidgets
import torch

from marl_edu import plots
from marl_edu.algos import tarmac
from marl_edu.core.evaluate import evaluate
from marl_edu.envs import TrafficJunction
from marl_edu.training import a2c
from marl_edu.training.checkpoint import Result, Row
from marl_edu.widgets.film import Film
from marl_edu.widgets.junction import own
from marl_edu.widgets.junction.figure import JunctionFigure
from marl_edu.widgets.shared.lab import WIDE, LabPanel, stored_run
from marl_edu.widgets.shared.own import Own

STORED = "tarmac-heads"  # the run that stands in where there is no kernel


class TrainingPanel(LabPanel):
    """Controls for heads, rounds, message size and length of training; a curve, a map, and the live
    junction of the team that was trained.

    Args:
        listen: the answer to "Targeted messages, end to end", which then stands in the team for
            eqs. (1)-(4): one head, one round.
    """

    def __init__(self, listen: Any = None) -> None:
        mine = None if listen is None else Own("listen", listen, "(B, N, d_v)")
        self.heads = ipywidgets.Dropdown(options=[1, 2, 4], value=1, description="heads", **WIDE)
        self.rounds = ipywidgets.Dropdown(options=[1, 2], value=1, description="rounds", **WIDE)
        self.value_dim = ipywidgets.IntSlider(
            value=32, min=4, max=32, step=4, description="numbers per value", **WIDE
        )
        updates = ipywidgets.IntSlider(
            value=1500, min=100, max=2000, step=100, description="updates", **WIDE
        )
        self.curve, self.map = ipywidgets.HTML(), ipywidgets.HTML()
        self.team = ipywidgets.VBox()
        pictures = ipywidgets.HBox([self.curve, self.map], layout={"flex_flow": "row wrap"})
        shape = [self.heads, self.rounds] if mine is None else []
        super().__init__(
            [*shape, self.value_dim],
            updates,
            "Ready. 100 updates take about five seconds.",
            [pictures, self.team],
            mine,
        )

    def plan(self) -> tuple[Callable[..., Result], tarmac.Config]:
        """What the controls say."""
        cfg = tarmac.Config(
            env_args={"difficulty": "easy"},
            updates=self.updates.value,
            anneal=0.8,
            heads=self.heads.value,
            rounds=self.rounds.value,
            value_dim=self.value_dim.value,
            seed=self.seed.value,
        )
        if self.own is None:
            return tarmac.train, cfg
        return partial(a2c.train, build=partial(own.build, self.own)), cfg

    def say(self, row: Row) -> str:
        """A row of the log in words."""
        return f"success while exploring: {row['success']:.0%}"

    def draw(self, rows: Sequence[Row]) -> None:
        """The curve so far."""
        self.curve.value = self._curve(rows)

    def finish(self, run: Result) -> str:
        """Play fresh episodes, draw the map, and let the team drive."""
        env = TrafficJunction("easy", num_envs=250)
        fresh = evaluate(env, a2c.TeamPolicy(run.net), episodes=1000)
        mine = isinstance(run.net.communicate, own.OwnListening)
        known = own.as_tarmac(run.net) if mine else run.net
        self.map.value = "" if known is None else _map(known)
        for shown in self.team.children:
            shown.close()
        self.team.children = [self._drive(run.net, known)]
        return f"{fresh['success']:.1%} of {fresh['episodes']} fresh episodes crash-free"

    def _drive(self, net: a2c.ActorCritic, known: a2c.ActorCritic | None) -> Any:
        """The team at the junction: live where the figure's equations are its own, else filmed."""
        if known is not None:
            return JunctionFigure({"easy": {"trained": known}}, hint="watch this team drive.")
        env = TrafficJunction("easy", num_envs=1)
        return Film.record(env, a2c.TeamPolicy(net), caption="Your team, filmed.")

    def stored(self, settings: dict[str, Any]) -> str:
        """The chapter's runs on the same junction."""
        return "tarmac-easy"

    def without_kernel(self) -> str:
        """HTML of a stored run."""
        return stored_run(STORED, "with four heads and two rounds", self._curve)

    def _curve(self, rows: Sequence[Row]) -> str:
        return self.picture("tarmac", rows, trivial=("always GAS", 29.0))


def _map(net: a2c.ActorCritic) -> str:
    """Where the attention of the last round goes in the twelfth step of one fixed episode."""
    env = TrafficJunction("easy", num_envs=1)
    obs, alive = env.reset(seed=11), env.alive
    h = net.start(1, env.n_agents)
    with torch.no_grad():
        for _ in range(12):
            step = net(obs, h, alive)
            obs, _, _, _, info = env.step(step.logits.argmax(-1))
            h, alive = step.h * ~info["completed"][..., None], info["alive"]
    rounds = step.attention[0]
    figure = plots.attention_map(rounds[-1], head=None, round=len(rounds) - 1)
    text = "attention after 12 steps of one episode, last round, mean over heads"
    return plots.show(figure, alt=text, caption=text)._repr_html_()
