"""The memory chapter's lab: choose a memory and a corridor, train, and watch the curve.

With a kernel it is made of ipywidgets; without one, what it shows is a stored run.
"""

from typing import Any

import ipywidgets

from marl_edu import plots, results
from marl_edu.algos import dqn, drqn
from marl_edu.core.evaluate import evaluate
from marl_edu.envs import Flicker, TMaze
from marl_edu.training import qlearning
from marl_edu.training.checkpoint import Result, Row
from marl_edu.widgets.shared.lab import WIDE, LabPanel, stored_run

STORED = "drqn-tmaze"  # the run that stands in where there is no kernel


class MemoryPanel(LabPanel):
    """Controls for memory, corridor, missing observations and length of training; a curve."""

    def __init__(self) -> None:
        self.memory = ipywidgets.Dropdown(
            options=["none", "gru", "lstm"], value="lstm", description="memory", **WIDE
        )
        self.length = ipywidgets.IntSlider(
            value=5, min=1, max=20, description="cells of corridor", **WIDE
        )
        self.missing = ipywidgets.FloatSlider(
            value=0.0, min=0.0, max=0.9, step=0.1, description="share missing", **WIDE
        )
        self.updates = ipywidgets.IntSlider(
            value=1500, min=250, max=6000, step=250, description="updates", **WIDE
        )
        self.curve = ipywidgets.HTML()
        controls = [self.memory, self.length, self.missing, self.updates]
        super().__init__(controls, "Ready. 1,000 updates take a few seconds.", [self.curve])

    def train(self) -> Result:
        """Train the chosen agent, drawing as it goes; what the button does."""
        maze = {"length": self.length.value}
        args = {"env": TMaze, "env_args": maze, "p": self.missing.value}
        settings: dict[str, Any] = {
            "env": Flicker,
            "env_args": args,
            "updates": self.updates.value,
            "hidden_dim": 32,
            "lr": 3e-3,
            "train_freq": 16.0,
        }
        none = self.memory.value == "none"
        method, train = ("dqn", dqn.train) if none else ("drqn", drqn.train)
        cfg = dqn.Config(**settings) if none else drqn.Config(**settings, memory=self.memory.value)
        run = self.run(
            train,
            cfg,
            lambda row: f"correct turns while exploring: {row['success']:.0%}",
            lambda rows: self.curve.set_trait("value", _curve(method, rows)),
        )
        fresh = evaluate(Flicker(**args, num_envs=250), qlearning.GreedyPolicy(run.net), 1000)
        self.status.value = (
            f"{fresh['success']:.1%} correct turns in {fresh['episodes']} fresh mazes"
        )
        self.curve.value = _curve(method, run.rows)
        return run

    def without_kernel(self) -> str:
        """HTML of a stored run."""
        return stored_run(
            STORED, "with an LSTM in a corridor of ten cells", lambda rows: _curve("drqn", rows)
        )


def _curve(method: str, rows: list[Row]) -> str:
    curve = results.run_curve(rows)
    figure = plots.learning_curves({method: curve}, trivial=("walk and guess", 50.0))
    steps = f"{curve.steps[-1]:,.0f} environment steps"
    text = f"correct turns: {100 * curve.iqm[-1]:.0f} % after {steps}"
    return plots.show(figure, alt=f"Learning curve: {text}.", caption=text)._repr_html_()
