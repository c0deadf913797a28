"""The memory chapter's lab: choose a memory and a corridor, train, and watch the curve.

With a kernel it is made of ipywidgets; without one, what it shows is a stored run.
"""

from typing import Any

import ipywidgets
import numpy as np

from marl_edu import plots, qlearning, results
from marl_edu.algos import dqn, drqn
from marl_edu.envs import Flicker, TMaze

STORED = "drqn-tmaze"  # the run that stands in where there is no kernel


class MemoryPanel(ipywidgets.VBox):
    """Controls for memory, corridor, missing observations and length of training; a curve."""

    def __init__(self):
        wide = {"style": {"description_width": "9rem"}, "layout": {"width": "24rem"}}
        self.memory = ipywidgets.Dropdown(
            options=["none", "gru", "lstm"], value="lstm", description="memory", **wide
        )
        self.length = ipywidgets.IntSlider(
            value=5, min=1, max=20, description="cells of corridor", **wide
        )
        self.missing = ipywidgets.FloatSlider(
            value=0.0, min=0.0, max=0.9, step=0.1, description="share missing", **wide
        )
        self.updates = ipywidgets.IntSlider(
            value=1500, min=250, max=6000, step=250, description="updates", **wide
        )
        self.button = ipywidgets.Button(description="Train", button_style="primary")
        self.bar = ipywidgets.IntProgress(description="training", **wide)
        self.status = ipywidgets.HTML("Ready. 1,000 updates take a few seconds.")
        self.curve = ipywidgets.HTML()
        self.button.on_click(lambda _: self.train())
        controls = [self.memory, self.length, self.missing, self.updates, self.button]
        super().__init__([*controls, self.bar, self.status, self.curve])

    def train(self) -> qlearning.Result:
        """Train the chosen walker, drawing as it goes; what the button does."""
        maze = {"length": self.length.value}
        args = {"world": TMaze, "world_args": maze, "p": self.missing.value}
        settings: dict[str, Any] = {
            "world": Flicker,
            "world_args": args,
            "updates": self.updates.value,
            "hidden": 32,
            "lr": 3e-3,
            "steps_per_update": 16.0,
        }
        self.button.disabled, self.bar.max, self.bar.value = True, self.updates.value, 0
        rows: list[qlearning.Row] = []
        method = "dqn" if self.memory.value == "none" else "drqn"

        def on_log(row: qlearning.Row) -> None:
            rows.append(row)
            self.bar.value = int(row["update"])
            self.status.value = f"right turns while exploring: {row['success']:.0%}"
            if len(rows) % 5 == 0:
                self.curve.value = _curve(method, rows)

        try:
            if method == "dqn":
                run = dqn.train(dqn.Config(**settings), on_log)
            else:
                run = drqn.train(drqn.Config(**settings, memory=self.memory.value), on_log)
        finally:
            self.button.disabled = False
        fresh = qlearning.evaluate(run.net, Flicker(**args, batch_size=250), 1000)
        self.status.value = f"{fresh['success']:.1%} of {fresh['episodes']} fresh mazes right"
        self.curve.value = _curve(method, run.rows)
        return run

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        return None if bundle is None else bundle | {"text/html": _stored()}


def _curve(method: str, rows: list[qlearning.Row]) -> str:
    steps, success = zip(*((row["env_steps"], row["success"]) for row in rows), strict=True)
    nothing = np.full(len(rows), np.nan)  # one seed has no interval
    curve = results.Curve(np.array(steps, float), np.array(success), nothing, nothing, 1)
    figure = plots.learning_curves({method: curve}, trivial=("walk and guess", 50.0))
    text = f"right turns {100 * success[-1]:.0f} % after {steps[-1]:,} environment steps"
    return plots.show(figure, alt=f"Learning curve: {text}.", caption=text)._repr_html_()


def _stored() -> str:
    try:
        run = results.load(STORED)[0]
    except FileNotFoundError:
        return "<p>This panel needs a kernel: <code>make lab</code>.</p>"
    return (
        "<p><strong>This panel needs a kernel</strong> (<code>make lab</code>). A stored run with "
        "an LSTM in a corridor of ten cells gave this:</p>" + _curve("drqn", run["rows"])
    )
