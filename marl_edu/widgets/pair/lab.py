"""The lab of the chapter on MADDPG: choose what critics see, train a pair, and watch it.

With a kernel it is made of ipywidgets; without one, what it shows is a stored run.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import ipywidgets

from marl_edu.algos import maddpg
from marl_edu.core.evaluate import evaluate
from marl_edu.envs import SpeakerListener
from marl_edu.experiments.catalogue import maddpg as runs
from marl_edu.training.checkpoint import Result, Row
from marl_edu.widgets.film import Film
from marl_edu.widgets.pair import own
from marl_edu.widgets.shared.lab import WIDE, LabPanel, stored_run
from marl_edu.widgets.shared.own import Own

METHODS = {critic: method for method, critic in runs.CRITICS.items()}
DEAF = ("deaf", -15.4)  # who drives to the middle of the landmarks
WORST = -40.0  # of the axis: what a random pair gets


class PairPanel(LabPanel):
    """Controls for what critics see and for length of training; a curve, and an episode. What is
    said is three numbers, which is learned faster than words.

    Args:
        ask: the answer to "Whose action is new?", which then stands in eq. (7).
    """

    def __init__(self, ask: Any = None) -> None:
        mine = None if ask is None else Own("ask", ask, "(N, E, N, A)")
        self.critic = ipywidgets.Dropdown(
            options=list(METHODS), value="central", description="critic", **WIDE
        )
        updates = ipywidgets.IntSlider(
            value=runs.NUMBERS["updates"],
            min=250,
            max=6000,
            step=250,
            description="updates",
            **WIDE,
        )
        self.curve, self.team = ipywidgets.HTML(), ipywidgets.VBox()
        super().__init__(
            [self.critic],
            updates,
            "Ready. 1,000 updates take about five seconds.",
            [self.curve, self.team],
            mine,
        )

    def plan(self) -> tuple[Callable[..., Result], maddpg.Config]:
        """What the controls say."""
        chosen = {"updates": self.updates.value, "seed": self.seed.value}
        cfg = maddpg.Config(**runs.NUMBERS | chosen, critic=self.critic.value)
        if self.own is None:
            return maddpg.train, cfg
        return partial(maddpg.train, actor_loss=partial(own.actor_loss, self.own)), cfg

    def say(self, row: Row) -> str:
        """A row of the log in words."""
        return f"return while exploring: {row['return']:.1f}"

    def draw(self, rows: Sequence[Row]) -> None:
        """The curve so far."""
        self.curve.value = self._curve(METHODS[self.attempts[-1].settings["critic"]], rows)

    def finish(self, run: Result) -> str:
        """Play fresh episodes, and film one."""
        policy = maddpg.TeamPolicy(run.net)
        fresh = evaluate(SpeakerListener(continuous=True, num_envs=250), policy, episodes=1000)
        for shown in self.team.children:
            shown.close()
        env = SpeakerListener(continuous=True, num_envs=1)
        self.team.children = [Film.record(env, policy, caption="Your pair, filmed.")]
        return (
            f"return {fresh['return']:.1f} in {fresh['episodes']} fresh episodes; "
            f"a deaf listener gets {DEAF[1]}"
        )

    def stored(self, settings: dict[str, Any]) -> str:
        """The chapter's runs with the same critics."""
        return f"{METHODS[settings['critic']]}-speaker-listener-numbers"

    def without_kernel(self) -> str:
        """HTML of a stored run."""
        return stored_run(
            self.stored({"critic": "central"}),
            "with central critics",
            lambda rows: self._curve("maddpg", rows),
        )

    def _curve(self, method: str, rows: Sequence[Row]) -> str:
        scale = {"ylabel": "return", "ylim": (WORST, 0.0), "scale": 1.0}
        return self.picture(method, rows, "return", "return", trivial=DEAF, **scale)
