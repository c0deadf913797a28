"""The lab's panel: choose a team, train it, and watch success and attention change.

With a kernel it is made of ipywidgets; without one, what it shows is a stored run.
"""

import ipywidgets
import numpy as np
import torch

from marl_edu import a2c, plots, results
from marl_edu.algos import tarmac
from marl_edu.envs import TrafficJunction

STORED = "tarmac-heads"  # the run that stands in where there is no kernel


class TrainingPanel(ipywidgets.VBox):
    """Controls for heads, rounds, message size and length of training; a curve and a map."""

    def __init__(self):
        wide = {"style": {"description_width": "9rem"}, "layout": {"width": "24rem"}}
        self.heads = ipywidgets.Dropdown(options=[1, 2, 4], value=2, description="heads", **wide)
        self.rounds = ipywidgets.Dropdown(options=[1, 2], value=1, description="rounds", **wide)
        self.content = ipywidgets.IntSlider(
            value=16, min=4, max=32, step=4, description="numbers per value", **wide
        )
        self.updates = ipywidgets.IntSlider(
            value=600, min=100, max=2000, step=100, description="updates", **wide
        )
        self.button = ipywidgets.Button(description="Train", button_style="primary")
        self.bar = ipywidgets.IntProgress(description="training", **wide)
        self.status = ipywidgets.HTML("Ready. 100 updates take about five seconds.")
        self.curve, self.map = ipywidgets.HTML(), ipywidgets.HTML()
        self.button.on_click(lambda _: self.train())
        super().__init__(
            [
                self.heads,
                self.rounds,
                self.content,
                self.updates,
                self.button,
                self.bar,
                self.status,
                ipywidgets.HBox([self.curve, self.map], layout={"flex_flow": "row wrap"}),
            ]
        )

    def train(self) -> a2c.Result:
        """Train the chosen team, drawing as it goes; what the button does."""
        cfg = tarmac.Config(
            world_args={"difficulty": "easy"},
            updates=self.updates.value,
            anneal=0.9,
            heads=self.heads.value,
            rounds=self.rounds.value,
            content=self.content.value,
        )
        self.button.disabled, self.bar.max, self.bar.value = True, cfg.updates, 0
        rows: list[a2c.Row] = []

        def on_log(row: a2c.Row) -> None:
            rows.append(row)
            self.bar.value = int(row["update"])
            self.status.value = f"success while exploring: {row['success']:.0%}"
            if len(rows) % 5 == 0 and len(rows) > 1:
                self.curve.value = _curve(rows)

        try:
            run = tarmac.train(cfg, on_log)
        finally:
            self.button.disabled = False
        world = TrafficJunction("easy", batch_size=250)
        fresh = a2c.evaluate(run.net, world, episodes=1000)
        self.status.value = (
            f"{fresh['success']:.1%} of {fresh['episodes']} fresh episodes crash-free"
        )
        self.curve.value, self.map.value = _curve(run.rows), _map(run.net)
        return run

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        return None if bundle is None else bundle | {"text/html": _stored()}


def _curve(rows) -> str:
    steps, success = zip(*((row["env_steps"], row["success"]) for row in rows), strict=True)
    nothing = np.full(len(rows), np.nan)  # one seed has no interval
    curve = results.Curve(np.array(steps, float), np.array(success), nothing, nothing, 1)
    figure = plots.learning_curves({"tarmac": curve}, trivial=("always GAS", 29.0))
    text = f"success {100 * success[-1]:.0f} % after {steps[-1]:,} environment steps"
    return plots.show(figure, alt=f"Learning curve: {text}.", caption=text)._repr_html_()


def _map(net: a2c.ActorCritic) -> str:
    """Where the attention goes in the twelfth step of one fixed episode, mean over heads."""
    world = TrafficJunction("easy", batch_size=1)
    obs, alive = world.reset(seed=11), world.alive
    h = net.start(1, world.n_agents)
    with torch.no_grad():
        for _ in range(12):
            step = net(obs, h, alive)
            obs, _, _, _, info = world.step(step.logits.argmax(-1))
            h, alive = step.h * ~info["completed"][..., None], info["alive"]
    figure = plots.attention_map(step.attention[0].mean(0))
    text = "attention after 12 steps of one episode, mean over heads"
    return plots.show(figure, alt=text, caption=text)._repr_html_()


def _stored() -> str:
    try:
        run = results.load(STORED)[0]
    except FileNotFoundError:
        return "<p>This panel needs a kernel: <code>make lab</code>.</p>"
    return (
        "<p><strong>This panel needs a kernel</strong> (<code>make lab</code>). A stored run with "
        "four heads and two rounds gave this:</p>" + _curve(run["rows"])
    )
