"""The lab of the curiosity chapters: choose a bonus, train, and watch what is seen and what is new.

With a kernel it is made of ipywidgets; without one, what it shows is a stored run.
"""

from typing import Any

import ipywidgets
import numpy as np

from marl_edu import discovery, explore, plots, results
from marl_edu.algos import icm, rnd
from marl_edu.envs.key_door_maze import KeyDoorMaze
from marl_edu.widgets.curiosity import draw

METHODS = {  # what the menu offers -> its name in the plots
    "no bonus": "none: no bonus",
    "counts": "counts",
    "ICM": "icm",
    "ICM, encoder taught by the inverse model alone": "icm",
    "RND": "rnd",
}


class CuriosityPanel(ipywidgets.VBox):
    """Controls for bonus, television, width and rounds; two curves and a map of curiosity.

    Args:
        method: of METHODS; "ICM" or "RND" has a stored run that stands in without a kernel.
    """

    def __init__(self, method: str = "ICM"):
        wide = {"style": {"description_width": "9rem"}, "layout": {"width": "28rem"}}
        self.method = ipywidgets.Dropdown(
            options=list(METHODS), value=method, description="bonus", **wide
        )
        self.tv = ipywidgets.Checkbox(value=False, description="television on", **wide)
        self.units = ipywidgets.Dropdown(
            options=[8, 16, 32, 64, 128], value=128, description="units of its layers", **wide
        )
        self.updates = ipywidgets.IntSlider(
            value=60, min=10, max=150, step=10, description="rounds", **wide
        )
        self.seed = ipywidgets.IntSlider(value=0, min=0, max=9, description="seed", **wide)
        self.button = ipywidgets.Button(description="Train", button_style="primary")
        self.bar = ipywidgets.IntProgress(description="training", **wide)
        self.status = ipywidgets.HTML("Ready. Ten rounds take about two seconds.")
        self.seen, self.success, self.map = (ipywidgets.HTML() for _ in range(3))
        self.button.on_click(lambda _: self.train())
        controls = [self.method, self.tv, self.units, self.updates, self.seed, self.button]
        pictures = ipywidgets.HBox(
            [self.seen, self.success, self.map], layout={"flex_flow": "row wrap"}
        )
        super().__init__([*controls, self.bar, self.status, pictures])

    def train(self) -> explore.Result:
        """Train with the chosen bonus, drawing as it goes; what the button does."""
        config, train, extra = self._chosen()
        cfg = config(
            world_args={"tv": self.tv.value},
            updates=self.updates.value,
            seed=self.seed.value,
            **extra,
        )
        name = METHODS[self.method.value]
        self.button.disabled, self.bar.max, self.bar.value = True, cfg.updates, 0
        rows: list[explore.Row] = []

        def on_log(row: explore.Row) -> None:
            rows.append(row)
            self.bar.value = int(row["update"])
            self.status.value = f"cells seen: {row['coverage']:.0%}, success: {row['success']:.0%}"
            if len(rows) % 5 == 0:
                self.seen.value, self.success.value = _curves(name, rows)

        try:
            run = train(cfg, on_log)
        finally:
            self.button.disabled = False
        world = KeyDoorMaze(tv=self.tv.value, batch_size=250)
        fresh = explore.evaluate(run.net, world, 500, greedy=False)
        self.status.value = f"{fresh['success']:.1%} of {fresh['episodes']} fresh episodes succeed"
        self.seen.value, self.success.value = _curves(name, run.rows)
        self.map.value = _map(run.bonus)
        return run

    def _chosen(self) -> tuple[Any, Any, dict[str, Any]]:
        wide = {"hidden_dim": self.units.value}
        return {
            "no bonus": (explore.Config, explore.train, {}),
            "counts": (explore.Config, explore.train_counting, {}),
            "ICM": (icm.Config, icm.train, wide),
            "RND": (rnd.Config, rnd.train, wide),
        }.get(self.method.value, (icm.Config, icm.train, wide | {"stop": "features"}))

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        return None if bundle is None else bundle | {"text/html": _stored(self.method.value)}


def _curves(name: str, rows) -> tuple[str, str]:
    """Two pictures: cells ever seen, and success."""
    drawn = []
    for key, words in (("coverage", "cells ever seen"), ("success", "success")):
        steps, share = zip(*((row["env_steps"], row[key]) for row in rows), strict=True)
        nothing = np.full(len(rows), np.nan)  # one seed has no interval
        curve = results.Curve(np.array(steps, float), np.array(share), nothing, nothing, 1)
        figure = plots.learning_curves({name: curve}, ylabel=f"{words} (%)")
        text = f"{words}: {100 * share[-1]:.0f} % after {steps[-1]:,} environment steps"
        alt = f"Learning curve, {text}."
        drawn.append(plots.show(figure, alt=alt, caption=text)._repr_html_())
    return drawn[0], drawn[1]


def _map(bonus) -> str:
    """What a step from each cell would pay, with the key in hand."""
    pays = discovery.worth(bonus, KeyDoorMaze(batch_size=1), key=True).mean(0)
    text = f"what a step would pay with the key: {pays.min():.3g} to {pays.max():.3g}, dark is most"
    return (
        f'<figure style="margin:0;max-width:24rem">{draw(pays.tolist(), text, key=1)}'
        f"<figcaption>{text}</figcaption></figure>"
    )


def _stored(method: str) -> str:
    try:
        run = results.load(f"{method.split(',')[0].lower()}-maze")[0]
    except FileNotFoundError:
        return "<p>This panel needs a kernel: <code>make lab</code>.</p>"
    return (
        f"<p><strong>This panel needs a kernel</strong> (<code>make lab</code>). A stored run of "
        f"{method} gave this:</p>" + "".join(_curves(METHODS[method], run["rows"]))
    )
