"""The lab's panel: choose a team, train it, and watch success and attention change.

With a kernel it is made of ipywidgets; without one, what it shows is a stored run.
"""

from typing import Any

import ipywidgets
import torch

from marl_edu import plots, results
from marl_edu.algos import tarmac
from marl_edu.core.evaluate import evaluate
from marl_edu.envs import TrafficJunction
from marl_edu.training import a2c
from marl_edu.training.checkpoint import Result
from marl_edu.widgets.shared.lab import WIDE, LabPanel, stored_run

STORED = "tarmac-heads"  # the run that stands in where there is no kernel


class TrainingPanel(LabPanel):
    """Controls for heads, rounds, message size and length of training; a curve and a map."""

    def __init__(self) -> None:
        self.heads = ipywidgets.Dropdown(options=[1, 2, 4], value=2, description="heads", **WIDE)
        self.rounds = ipywidgets.Dropdown(options=[1, 2], value=1, description="rounds", **WIDE)
        self.value_dim = ipywidgets.IntSlider(
            value=16, min=4, max=32, step=4, description="numbers per value", **WIDE
        )
        self.updates = ipywidgets.IntSlider(
            value=600, min=100, max=2000, step=100, description="updates", **WIDE
        )
        self.curve, self.map = ipywidgets.HTML(), ipywidgets.HTML()
        super().__init__(
            [self.heads, self.rounds, self.value_dim, self.updates],
            "Ready. 100 updates take about five seconds.",
            [ipywidgets.HBox([self.curve, self.map], layout={"flex_flow": "row wrap"})],
        )

    def train(self) -> Result:
        """Train the chosen team, drawing as it goes; what the button does."""
        cfg = tarmac.Config(
            env_args={"difficulty": "easy"},
            updates=self.updates.value,
            anneal=0.9,
            heads=self.heads.value,
            rounds=self.rounds.value,
            value_dim=self.value_dim.value,
        )
        run = self.run(
            tarmac.train,
            cfg,
            lambda row: f"success while exploring: {row['success']:.0%}",
            lambda rows: self.curve.set_trait("value", _curve(rows)),
        )
        env = TrafficJunction("easy", num_envs=250)
        fresh = evaluate(env, a2c.TeamPolicy(run.net), episodes=1000)
        self.status.value = (
            f"{fresh['success']:.1%} of {fresh['episodes']} fresh episodes crash-free"
        )
        self.curve.value, self.map.value = _curve(run.rows), _map(run.net)
        return run

    def without_kernel(self) -> str:
        """HTML of a stored run."""
        return stored_run(STORED, "with four heads and two rounds", _curve)


def _curve(rows: list[Any]) -> str:
    curve = results.run_curve(rows)
    figure = plots.learning_curves({"tarmac": curve}, trivial=("always GAS", 29.0))
    text = f"success {100 * curve.iqm[-1]:.0f} % after {curve.steps[-1]:,.0f} environment steps"
    return plots.show(figure, alt=f"Learning curve: {text}.", caption=text)._repr_html_()


def _map(net: a2c.ActorCritic) -> str:
    """Where the attention goes in the twelfth step of one fixed episode, mean over heads."""
    env = TrafficJunction("easy", num_envs=1)
    obs, alive = env.reset(seed=11), env.alive
    h = net.start(1, env.n_agents)
    with torch.no_grad():
        for _ in range(12):
            step = net(obs, h, alive)
            obs, _, _, _, info = env.step(step.logits.argmax(-1))
            h, alive = step.h * ~info["completed"][..., None], info["alive"]
    figure = plots.attention_map(step.attention[0].mean(0))
    text = "attention after 12 steps of one episode, mean over heads"
    return plots.show(figure, alt=text, caption=text)._repr_html_()
