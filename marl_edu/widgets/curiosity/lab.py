"""The lab of the curiosity chapters: choose a bonus, train, and watch what is seen and what is new.

With a kernel it is made of ipywidgets; without one, what it shows is a stored run.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import ipywidgets

from marl_edu.algos import counts, icm, rnd
from marl_edu.core.evaluate import evaluate
from marl_edu.envs.key_door_maze import KeyDoorMaze
from marl_edu.results import exploration
from marl_edu.training import ppo
from marl_edu.training.checkpoint import Row
from marl_edu.widgets.curiosity import own
from marl_edu.widgets.curiosity.figure import draw
from marl_edu.widgets.shared.lab import WIDE, LabPanel, stored_run
from marl_edu.widgets.shared.own import Own

METHODS = {  # what the menu offers -> its name in the plots
    "no bonus": "none: no bonus",
    "counts": "counts",
    "ICM": "icm",
    "ICM, encoder trained by the inverse model alone": "icm",
    "RND": "rnd",
}


class CuriosityPanel(LabPanel):
    """Controls for bonus, TV, width and rounds; two curves and a map of curiosity.

    Args:
        method: of METHODS; "ICM" or "RND" has a stored run that stands in without a kernel.
        bonus: the answer to "Paid to be wrong", which then pays as ICM's eq. (5).
        look: the answer to "In units of their spread", which then stands for RND's eq. (1).
    """

    def __init__(
        self,
        method: str = "ICM",
        *,
        bonus: Any = None,
        look: Any = None,
    ):
        if bonus is not None and look is not None:
            raise ValueError("give bonus or look, not both: one drives ICM, the other RND")
        mine, offered = None, list(METHODS)
        if bonus is not None:
            mine, method = Own("bonus", bonus, "(B,)"), "ICM"
        if look is not None:
            mine, method = Own("look", look, "(B, O)"), "RND"
        if mine is not None:
            offered = [name for name in METHODS if name.startswith(method)]
        self.method = ipywidgets.Dropdown(
            options=offered, value=method, description="bonus", **WIDE
        )
        self.tv = ipywidgets.Checkbox(value=False, description="TV on", **WIDE)
        self.units = ipywidgets.Dropdown(
            options=[8, 16, 32, 64, 128], value=128, description="units per layer", **WIDE
        )
        updates = ipywidgets.IntSlider(
            value=130, min=10, max=200, step=10, description="rounds", **WIDE
        )
        self.seen, self.success, self.map = (ipywidgets.HTML() for _ in range(3))
        pictures = ipywidgets.HBox(
            [self.seen, self.success, self.map], layout={"flex_flow": "row wrap"}
        )
        super().__init__(
            [self.method, self.tv, self.units],
            updates,
            "Ready. Ten rounds take about two seconds.",
            [pictures],
            mine,
        )

    def plan(self) -> tuple[Callable[..., ppo.Result], Any]:
        """What the controls say."""
        config, train, extra = self._chosen()
        cfg = config(
            env=KeyDoorMaze,
            env_args={"noisy_tv": self.tv.value},
            updates=self.updates.value,
            seed=self.seed.value,
            **extra,
        )
        if self.own is None:
            return train, cfg
        return partial(ppo.train, bonus=partial(own.bonus, self.own)), cfg

    def say(self, row: Row) -> str:
        """A row of the log in words."""
        return f"cells seen: {row['coverage']:.0%}, success: {row['success']:.0%}"

    def draw(self, rows: Sequence[Row]) -> None:
        """The curves so far."""
        method = METHODS[self.attempts[-1].settings["bonus"]]
        self.seen.value, self.success.value = self._curves(method, rows)

    def finish(self, run: ppo.Result) -> str:
        """Play fresh episodes, and draw what every cell would pay."""
        env = KeyDoorMaze(**self.attempts[-1].cfg.env_args, num_envs=250)
        fresh = evaluate(env, ppo.TeamPolicy(run.net, greedy=False), 500)
        self.map.value = _map(run.bonus)
        return f"{fresh['success']:.1%} of {fresh['episodes']} fresh episodes succeed"

    def _chosen(self) -> tuple[Any, Any, dict[str, Any]]:
        units = self.units.value
        features = icm.Config, icm.train, {"model_dim": units, "stop": "features"}
        return {
            "no bonus": (ppo.Config, ppo.train, {}),
            "counts": (counts.Config, counts.train, {}),
            "ICM": (icm.Config, icm.train, {"model_dim": units}),
            "RND": (rnd.Config, rnd.train, {"predictor_dim": units}),
        }.get(self.method.value, features)

    def stored(self, settings: dict[str, Any]) -> str:
        """The runs with the same bonus and TV."""
        place = "tv" if settings["TV on"] else "maze"
        return f"{settings['bonus'].lower()}-{place}" if "," not in settings["bonus"] else ""

    def without_kernel(self) -> str:
        """HTML of a stored run."""
        chosen = self.method.value
        return stored_run(
            f"{chosen.split(',')[0].lower()}-maze",
            f"of {chosen}",
            lambda rows: "".join(self._curves(METHODS[chosen], rows)),
        )

    def _curves(self, method: str, rows: Sequence[Row]) -> tuple[str, str]:
        """Two pictures: cells ever seen, and success."""
        seen, success = (
            self.picture(method, rows, words, key, ylabel=f"{words} (%)")
            for key, words in (("coverage", "cells ever seen"), ("success", "success"))
        )
        return seen, success


def _map(bonus: Any) -> str:
    """What a step from each cell would pay, with the key in hand."""
    pays = exploration.bonus_map(bonus, KeyDoorMaze(num_envs=1), key=True).mean(0)
    text = f"Bonus of a step with the key: {pays.min():.3g} to {pays.max():.3g}; dark is largest."
    return (
        f'<figure style="margin:0;max-width:24rem">{draw(pays.tolist(), text, key=1)}'
        f"<figcaption>{text}</figcaption></figure>"
    )
