"""The lab of the chapter on value decomposition: a team in predator-prey where two must be there at
once, its method and the penalty for going alone to be chosen.

With a kernel it is made of ipywidgets; without one, what it shows is a stored run.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import ipywidgets

from marl_edu.algos import iql, qmix, vdn
from marl_edu.core.evaluate import evaluate
from marl_edu.envs import PredatorPrey
from marl_edu.envs.baselines.predator_prey import TOGETHER
from marl_edu.experiments.catalogue import values
from marl_edu.training import qlearning, team_q
from marl_edu.training.checkpoint import Result, Row
from marl_edu.widgets.payoff import own
from marl_edu.widgets.shared.lab import WIDE, LabPanel, stored_run
from marl_edu.widgets.shared.own import Own

METHODS: dict[str, tuple[Any, dict[str, Any]]] = {  # module, and settings of its own
    "IQL": (iql, {}),
    "VDN": (vdn, {}),
    "QMIX": (qmix, {}),
    "OW-QMIX": (qmix, {"weight": 0.1}),
}


class MixerPanel(LabPanel):
    """Controls for method, penalty and length of training; a curve.

    Args:
        loss: the answer to "Optimism in the loss", which then weights the errors of OW-QMIX.
    """

    def __init__(self, loss: Any = None) -> None:
        mine = None if loss is None else Own("loss", loss, "one number")
        offered = list(METHODS) if mine is None else ["OW-QMIX"]
        self.method = ipywidgets.Dropdown(
            options=offered, value="OW-QMIX", description="method", **WIDE
        )
        self.penalty = ipywidgets.FloatSlider(
            value=0.5, min=0.0, max=1.0, step=0.1, description="penalty", **WIDE
        )
        updates = ipywidgets.IntSlider(
            value=2500, min=250, max=4000, step=250, description="updates", **WIDE
        )
        self.curve = ipywidgets.HTML()
        super().__init__(
            [self.method, self.penalty],
            updates,
            "Ready. 2,500 updates take three quarters of a minute.",
            [self.curve],
            mine,
        )

    def plan(self) -> tuple[Callable[..., Result], Any]:
        """What the controls say."""
        module, more = METHODS[self.method.value]
        cfg = module.Config(
            **values.PREY | {"updates": self.updates.value, "seed": self.seed.value},
            env_args={**TOGETHER, "penalty": -self.penalty.value},
            **more,
        )
        if self.own is None:
            return module.train, cfg
        loss = partial(own.loss, self.own)
        return lambda cfg, on_log: team_q.train(cfg, qmix.build, on_log, None, loss), cfg

    def say(self, row: Row) -> str:
        """A row of the log in words."""
        return f"prey caught while exploring: {row['success']:.0%}"

    def draw(self, rows: Sequence[Row]) -> None:
        """The curve so far."""
        self.curve.value = self._curve(self.attempts[-1].settings["method"], rows)

    def finish(self, run: Result) -> str:
        """Hunt in fresh episodes."""
        env = PredatorPrey(**self.attempts[-1].cfg.env_args, num_envs=250)
        fresh = evaluate(env, qlearning.GreedyPolicy(run.net), 1000)
        return (
            f"{fresh['success']:.1%} of the prey caught, return {fresh['return']:.2f}, in "
            f"{fresh['episodes']} fresh episodes"
        )

    def stored(self, settings: dict[str, Any]) -> str:
        """The runs with the same method and penalty; "" if there are none."""
        name = settings["method"].lower()
        end = "-weighted" if name == "ow-qmix" else ""
        runs = f"{name.removeprefix('ow-')}-together{round(100 * settings['penalty'])}{end}"
        return runs if runs in {one.name for one in values.EXPERIMENTS} else ""

    def without_kernel(self) -> str:
        """HTML of a stored run."""
        return stored_run(
            self.stored({"method": "OW-QMIX", "penalty": 0.5}),
            "of OW-QMIX with a penalty of 0.5",
            lambda rows: self._curve("OW-QMIX", rows),
        )

    def _curve(self, method: str, rows: Sequence[Row]) -> str:
        name = method.lower().replace("-", "")  # as plots call it
        return self.picture(name, rows, "prey caught", trivial=("stand still", 0.0))
