"""The live junction: a trained team at work, to play with, to mute and to look into.

In a notebook with a kernel it is a widget. Where there is no kernel, the page runs the same
JavaScript with a small host; without JavaScript, or in print, a still picture and the numbers.
"""

import contextlib
import html
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import traitlets

from marl_edu.core.checks import one_of, probability
from marl_edu.envs.drawing import junction
from marl_edu.envs.traffic_junction import BRAKE
from marl_edu.envs.traffic_junction_roads import ROAD_MAPS
from marl_edu.training.a2c import ActorCritic
from marl_edu.widgets.junction.moments import telling_moment, watch
from marl_edu.widgets.junction.policies import (
    check_fit,
    export_policy,
    import_policy,
    road_data,
    stored_policies,
)
from marl_edu.widgets.shared.bundle import figure_module
from marl_edu.widgets.shared.figure import LiveFigure, style


class JunctionFigure(LiveFigure):
    """A junction with a trained team, computed in the browser.

    Args:
        policies: names of experiments, e.g. `("none-easy", "tarmac-easy")`, whose stored policies
            are shown; or `{difficulty: {team: network}}`. By default silence, CommNet and TarMAC.
            A team makes a page 80 to 120 KB larger.
        settings: any of the traits below. Where no moment is chosen (seed, episode, step or
            selected), a figure of stored policies opens at a telling one.

    Traits, in step with the picture:
        team, difficulty: which of the policies plays, and where.
        seed, episode, step: the moment shown; equal numbers give equal traffic.
        arrival: chance in [0, 1] that a car enters, per entry and step.
        muted: numbers of the cars that nobody hears, from the present step on.
        selected: number of the car whose messages are shown, or None.
        playing: True to play. hint: the one thing to try, written under the picture.
        changes: what was changed at which step, `step:arrival:muted;...`; made by the figure.
    """

    NAME = "junction"
    STATE = (
        "policies", "maps", "look", "hint", "team", "difficulty", "seed", "episode", "step",
        "selected", "arrival", "muted", "playing", "changes",
    )  # fmt: skip
    AT_FIRST: ClassVar[dict[str, Any]] = {}  # a link may show it playing
    _esm = figure_module("junction")
    _css = style("junction")

    policies = traitlets.Dict().tag(sync=True)
    maps = traitlets.Dict().tag(sync=True)
    look = traitlets.Unicode(junction.STYLE).tag(sync=True)
    hint = traitlets.Unicode("mute a car, then press Play.").tag(sync=True)
    team = traitlets.Unicode().tag(sync=True)
    difficulty = traitlets.Unicode().tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    episode = traitlets.Int(0).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    selected = traitlets.Int(None, allow_none=True).tag(sync=True)
    arrival = traitlets.Float(0.0).tag(sync=True)
    muted = traitlets.List(traitlets.Int()).tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)
    changes = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self,
        policies: Iterable[str]
        | Mapping[str, Mapping[str, ActorCritic | dict[str, Any]]]
        | None = None,
        **settings: Any,
    ):
        if policies is None:
            difficulty = one_of("difficulty", settings.get("difficulty", "easy"), ROAD_MAPS)
            policies = [f"{team}-{difficulty}" for team in ("none", "commnet", "tarmac")]
        exported = _exported(policies)
        difficulty = one_of(
            "difficulty", settings.get("difficulty", next(iter(exported))), exported
        )
        teams = exported[difficulty]
        defaults: dict[str, Any] = {
            "difficulty": difficulty,
            "team": "tarmac" if "tarmac" in teams else next(reversed(teams)),
            "arrival": ROAD_MAPS[difficulty].arrival,
        }
        chosen = settings.keys() & {"seed", "episode", "step", "selected"}
        if not chosen and not isinstance(policies, Mapping):
            with contextlib.suppress(ValueError):  # not every team has such a moment
                defaults |= telling_moment(import_policy(teams[defaults["team"]]), difficulty)
        unknown = settings.keys() - set(self.STATE) | settings.keys() & {"policies", "maps", "look"}
        if unknown:
            raise TypeError(f"JunctionFigure takes no {', '.join(sorted(unknown))}")
        maps = {name: road_data(name) for name in exported}
        super().__init__(policies=exported, maps=maps, **{**defaults, **settings})
        self.observe(self._start_over, "difficulty")

    @traitlets.validate(
        "team", "difficulty", "arrival", "muted", "selected", "seed", "episode", "step"
    )
    def _check(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "difficulty":
            return one_of(name, value, self.policies)
        if name == "team":
            return one_of(name, value, self.policies[self.difficulty])
        if name == "arrival":
            return probability(name, value)
        roads = ROAD_MAPS[self.difficulty]
        highest = {"step": roads.max_steps, "seed": 2**31 - 1, "episode": 2**31 - 1}
        high = highest.get(name, roads.max_cars - 1)
        for number in value if name == "muted" else [value]:
            if not (0 <= number <= high if number is not None else name == "selected"):
                raise ValueError(f"{name} must lie in 0..{high}, got {number!r}")
        return value

    def _start_over(self, change: Any) -> None:
        """Another junction has other cars: nothing of the old moment holds."""
        roads = ROAD_MAPS[self.difficulty]
        with self.hold_sync():
            self.set_trait("step", 0)
            self.set_trait("selected", None)
            self.set_trait("muted", [])
            self.set_trait("arrival", roads.arrival)
            if self.team not in self.policies[self.difficulty]:
                self.set_trait("team", next(reversed(self.policies[self.difficulty])))

    def _still(self) -> str:
        """What is there without JavaScript: the moment as a picture, and the numbers."""
        rows = "".join(
            f'<tr><th scope="row">{html.escape(policy["label"])}, {difficulty}</th>'
            f"<td>{100 * policy['measured']['success']:.1f}\u00a0%</td>"
            f"<td>{policy['measured']['episodes']}</td></tr>"
            for difficulty, teams in self.policies.items()
            for policy in teams.values()
            if policy.get("measured")
        )
        table = (
            '<table><thead><tr><th scope="col">Team</th>'
            '<th scope="col">No crash</th><th scope="col">Episodes</th></tr></thead>'
            f"<tbody>{rows}</tbody></table>"
        )
        caption = f"<figcaption>{html.escape(self.caption())}</figcaption>"
        inside = self.picture() + (table if rows else "") + caption
        return f'<figure class="mj mj-still" style="{junction.STYLE}">{inside}</figure>'

    def picture(self, standalone: bool = False) -> str:
        """The present moment as SVG; `standalone` for a file of its own."""
        roads, routes, now = ROAD_MAPS[self.difficulty], _routes(self.difficulty), self._moment()
        cars = [
            junction.car(i, routes[route], place, int(now.actions[i]) == BRAKE, i in self.muted)
            for i, (route, place) in enumerate(zip(now.routes, now.places, strict=True))
            if route < len(routes)
        ]
        arrows = [
            (j, i, weight)
            for i, row in enumerate(now.attention.mean(0).tolist())
            for j, weight in enumerate(row)
            if i != j and self.selected in (None, i)
        ]
        return junction.draw(roads, cars, arrows, self.caption(), standalone)

    def caption(self) -> str:
        """The present moment in words."""
        now, label = self._moment(), self.policies[self.difficulty][self.team]["label"]
        text = f"Step {now.step} of {ROAD_MAPS[self.difficulty].max_steps}, team: {label}."
        if self.selected is None or now.routes[self.selected] == len(_routes(self.difficulty)):
            return text
        listener = now.attention.mean(0)[self.selected]
        heard = [
            f"car {j} ({100 * listener[j]:.0f}\u00a0%)"
            for j in listener.argsort(descending=True).tolist()
            if j != self.selected and listener[j] >= junction.FAINTEST
        ]
        does = "waits" if int(now.actions[self.selected]) == BRAKE else "drives on"
        return f"{text} Car {self.selected} {does}; it heard {', '.join(heard) or 'nobody else'}."

    def _moment(self) -> Any:
        net = import_policy(self.policies[self.difficulty][self.team])
        muted = {self.step: self.muted}
        moments = watch(net, self.difficulty, self.seed, self.episode, self.arrival, muted)
        return next(moment for moment in moments if moment.step == self.step)


def _routes(difficulty: str) -> list[Any]:
    return [route for entry in ROAD_MAPS[difficulty].routes for route in entry]


def _exported(policies: Any) -> dict[str, dict[str, Any]]:
    """What was given to the figure, as plain data, or a clear error."""
    if isinstance(policies, Mapping):
        exported = {
            one_of("difficulty", difficulty, ROAD_MAPS): {
                team: dict(p) if isinstance(p, Mapping) else export_policy(p)
                for team, p in teams.items()
            }
            for difficulty, teams in policies.items()
        }
    else:
        exported = stored_policies((policies,) if isinstance(policies, str) else policies)
    if not exported or not all(exported.values()):
        raise ValueError(f"policies must hold at least one team, got {policies!r}")
    for difficulty, teams in exported.items():
        for team, policy in teams.items():
            check_fit(difficulty, team, policy)
    return exported
