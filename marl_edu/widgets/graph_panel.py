"""The graph attention chapter's lab: choose layers and how they weigh, train, and play the team.

With a kernel it is made of ipywidgets; without one, what it shows is a stored run.
"""

import ipywidgets
import numpy as np

from marl_edu import a2c, catalogue, plots, results
from marl_edu.algos import gat
from marl_edu.envs.relay import Relay
from marl_edu.widgets.graph import GraphFigure

STORED = "gat-relay2-layers2"  # the run that stands in where there is no kernel


class GraphPanel(ipywidgets.VBox):
    """Controls for hops, layers, kind of layer, heads and length of training; a curve, and the live
    graph of the team that was trained."""

    def __init__(self):
        wide = {"style": {"description_width": "9rem"}, "layout": {"width": "24rem"}}
        self.hops = ipywidgets.IntSlider(value=2, min=1, max=3, description="links away", **wide)
        self.layers = ipywidgets.IntSlider(value=2, min=0, max=3, description="layers", **wide)
        self.kind = ipywidgets.Dropdown(
            options=list(gat.LAYERS), value="gat", description="kind of layer", **wide
        )
        self.heads = ipywidgets.Dropdown(options=[1, 2, 4], value=4, description="heads", **wide)
        self.updates = ipywidgets.IntSlider(
            value=200, min=50, max=600, step=50, description="updates", **wide
        )
        self.button = ipywidgets.Button(description="Train", button_style="primary")
        self.bar = ipywidgets.IntProgress(description="training", **wide)
        self.status = ipywidgets.HTML("Ready. 100 updates take about ten seconds.")
        self.curve, self.graph = ipywidgets.HTML(), ipywidgets.VBox()
        self.button.on_click(lambda _: self.train())
        controls = [self.hops, self.layers, self.kind, self.heads, self.updates, self.button]
        super().__init__([*controls, self.bar, self.status, self.curve, self.graph])

    def train(self) -> a2c.Result:
        """Train the chosen team, drawing as it goes; what the button does."""
        settings = catalogue.relay(self.hops.value) | {"updates": self.updates.value}
        cfg = gat.Config(
            **settings,
            layers=self.layers.value,
            gnn_type=self.kind.value,
            heads=self.heads.value,
            nearest=64,
        )
        self.button.disabled, self.bar.max, self.bar.value = True, cfg.updates, 0
        rows: list[a2c.Row] = []

        def on_log(row: a2c.Row) -> None:
            rows.append(row)
            self.bar.value = int(row["update"])
            self.status.value = f"right answers while exploring: {row['success']:.0%}"
            if len(rows) % 5 == 0:
                self.curve.value = _curve(self.kind.value, rows)

        try:
            run = gat.train(cfg, on_log)
        finally:
            self.button.disabled = False
        small, large = (
            a2c.evaluate(run.net, Relay(n, self.hops.value, batch_size=batch), episodes)["success"]
            for n, batch, episodes in ((64, 100, 500), (1024, 5, 20))
        )
        self.status.value = f"{small:.1%} right among 64 agents, {large:.1%} among 1,024"
        self.curve.value = _curve(self.kind.value, run.rows)
        for shown in self.graph.children:
            shown.close()
        drawn = self.kind.value == "gat" and self.layers.value > 0
        self.graph.children = [GraphFigure(run.net)] if drawn else []
        return run

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        return None if bundle is None else bundle | {"text/html": _stored()}


def _curve(kind: str, rows: list[a2c.Row]) -> str:
    steps, success = zip(*((row["env_steps"], row["success"]) for row in rows), strict=True)
    nothing = np.full(len(rows), np.nan)  # one seed has no interval
    curve = results.Curve(np.array(steps, float), np.array(success), nothing, nothing, 1)
    figure = plots.learning_curves(
        {"gat" if kind == "gat" else f"gat-{kind}": curve},
        trivial=("guessing", 25.0),
        best=("best possible", 100.0),
        ylabel="right answers (%)",
    )
    text = f"right answers {100 * success[-1]:.0f} % after {steps[-1]:,} environment steps"
    return plots.show(figure, alt=f"Learning curve: {text}.", caption=text)._repr_html_()


def _stored() -> str:
    try:
        run = results.load(STORED)[0]
    except FileNotFoundError:
        return "<p>This panel needs a kernel: <code>make lab</code>.</p>"
    return (
        "<p><strong>This panel needs a kernel</strong> (<code>make lab</code>). A stored run with "
        "two layers, the answer two links away, gave this:</p>" + _curve("gat", run["rows"])
    )
