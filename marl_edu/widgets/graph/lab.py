"""The graph attention chapter's lab: choose layers and how they weigh, train, and play the team.

With a kernel it is made of ipywidgets; without one, what it shows is a stored run.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import ipywidgets

from marl_edu.agents.gnn_dqn_agent import LAYERS
from marl_edu.algos import gat
from marl_edu.core.evaluate import evaluate
from marl_edu.envs.relay import Relay
from marl_edu.experiments.catalogue import graphs
from marl_edu.training import a2c
from marl_edu.training.checkpoint import Result, Row
from marl_edu.widgets.graph.figure import GraphFigure
from marl_edu.widgets.graph.own import OwnLayer, as_gat
from marl_edu.widgets.shared.lab import WIDE, LabPanel, stored_run
from marl_edu.widgets.shared.own import Own

STORED = "gat-relay2-layers2"  # the run that stands in where there is no kernel


class GraphPanel(LabPanel):
    """Controls for hops, layers, kind of layer, heads and length of training; a curve, and the live
    graph of the team that was trained.

    Args:
        layer: the answer to "One head, end to end", which then stands in the team's layers for
            eqs. (2) and (3).
    """

    def __init__(self, layer: Any = None) -> None:
        mine = None if layer is None else Own("layer", layer, "(N, F)")
        self.hops = ipywidgets.IntSlider(value=2, min=1, max=3, description="links away", **WIDE)
        self.layers = ipywidgets.IntSlider(value=2, min=0, max=3, description="layers", **WIDE)
        self.kind = ipywidgets.Dropdown(
            options=list(LAYERS), value="gat", description="kind of layer", **WIDE
        )
        self.heads = ipywidgets.Dropdown(options=[1, 2, 4], value=4, description="heads", **WIDE)
        updates = ipywidgets.IntSlider(
            value=200, min=50, max=600, step=50, description="updates", **WIDE
        )
        self.curve, self.graph = ipywidgets.HTML(), ipywidgets.VBox()
        super().__init__(
            [self.hops, self.layers, *[self.kind] * (mine is None), self.heads],
            updates,
            "Ready. 100 updates take about ten seconds.",
            [self.curve, self.graph],
            mine,
        )

    def plan(self) -> tuple[Callable[..., Result], gat.Config]:
        """What the controls say."""
        settings = graphs.relay(self.hops.value) | {"updates": self.updates.value}
        cfg = gat.Config(
            **settings,
            layers=self.layers.value,
            layer_type=partial(OwnLayer, own=self.own) if self.own else LAYERS[self.kind.value],
            heads=self.heads.value,
            nearest=0 if self.own else 64,
            seed=self.seed.value,
        )
        return gat.train, cfg

    def say(self, row: Row) -> str:
        """A row of the log in words."""
        return f"right answers while exploring: {row['success']:.0%}"

    def draw(self, rows: Sequence[Row]) -> None:
        """The curve so far."""
        kind = self.attempts[-1].settings.get("kind of layer", "gat")
        self.curve.value = self._curve("gat" if kind == "gat" else f"gat-{kind}", rows)

    def finish(self, run: Result) -> str:
        """Play among 64 and 1,024 agents, and draw the graph where a figure knows the layer."""
        cfg = self.attempts[-1].cfg
        mine = isinstance(cfg.layer_type, partial)
        known = as_gat(run.net, cfg) if mine else run.net
        small, large = (
            evaluate(Relay(n, cfg.env_args["hops"], num_envs=B), a2c.TeamPolicy(run.net), episodes)
            for n, B, episodes in ((64, 100, 500), (1024, 5, 20))
        )
        for shown in self.graph.children:
            shown.close()
        drawn = (mine or cfg.layer_type is LAYERS["gat"]) and cfg.layers > 0
        self.graph.children = [GraphFigure(known)] if drawn and known is not None else []
        return f"{small['success']:.1%} right among 64 agents, {large['success']:.1%} among 1,024"

    def stored(self, settings: dict[str, Any]) -> str:
        """The runs with as many layers, as far from the answer."""
        return f"gat-relay{settings['links away']}-layers{settings['layers']}"

    def without_kernel(self) -> str:
        """HTML of a stored run."""
        return stored_run(
            STORED,
            "with two layers, the answer two links away,",
            lambda rows: self._curve("gat", rows),
        )

    def _curve(self, method: str, rows: Sequence[Row]) -> str:
        return self.picture(
            method,
            rows,
            "right answers",
            trivial=("guessing", 25.0),
            best=("best possible", 100.0),
            ylabel="right answers (%)",
        )
