"""The live T-maze: walk with a trained DRQN's memory in view; exchange or erase it on the way.

The agent is a stored DRQN, run in the page. `Walk` is the same in Python: for the picture that is
there without JavaScript, and for the tests.
"""

import html
import re
from typing import Any

import torch
import traitlets
from torch import Tensor

from marl_edu import results
from marl_edu.algos.drqn import RecurrentQ
from marl_edu.core.checks import one_of
from marl_edu.envs.drawing import junction, shapes
from marl_edu.envs.drawing.shapes import CELL
from marl_edu.envs.tmaze import CORRIDOR, DOWN, FORWARD, JUNCTION, SIGN_DOWN, SIGN_UP, UP
from marl_edu.experiments import catalogue, memory_probe
from marl_edu.widgets.shared.bundle import figure_module
from marl_edu.widgets.shared.figure import LiveFigure, style
from marl_edu.widgets.shared.weights import pack, unpack

LENGTH, LONGEST = 10, 33
ACTIONS = ("FORWARD", "UP", "DOWN")
SEES = ("the sign “up”", "the sign “down”", "the corridor", "the junction")
STORED = {"lstm": "drqn-tmaze", "gru": "drqn-tmaze-gru"}
# Of the picture of the memory: a unit's height, the width of all steps, the height of the probe's
# part, and the width of its labels.
ROW, WIDE, TOP, SIDE = 6, 370, 60, 100


def export(net: RecurrentQ, probe: memory_probe.Probe, label: str) -> dict[str, Any]:
    """An agent as JSON values: its numbers, its probe, and its units in the order of what they
    tell of the sign."""
    values = {**net.state_dict(), "probe.weight": probe.weight, "probe.bias": probe.bias[None]}
    h = probe.weight[: net.memory.hidden_size]
    return {
        "kind": "lstm" if net.lstm else "gru",
        "label": label,
        "hidden_dim": net.memory.hidden_size,
        "order": h.argsort(descending=True).tolist(),
        **pack(values),
    }


def stored_agents(seed: int = 0) -> dict[str, dict[str, Any]]:
    """The book's agents, each with a probe that was trained for it: kind of memory -> export."""
    found = {}
    for kind, experiment in STORED.items():
        net: Any = catalogue.load_policy(experiment, seed)
        right = results.load(experiment)[seed]["evaluation"]
        label = (
            f"{kind.upper()}: turned the right way in {100 * right['success']:.1f} % of "
            f"{right['episodes']:,} mazes"
        )
        found[kind] = export(net, memory_probe.probe_of(net), label)
    return found


def load(record: dict[str, Any]) -> tuple[RecurrentQ, memory_probe.Probe]:
    """The agent and the probe that `export` wrote."""
    values = unpack(record)
    probe = memory_probe.Probe(values.pop("probe.weight"), values.pop("probe.bias")[0])
    D = record["hidden_dim"]
    net = RecurrentQ(values["encode.weight"].shape[1], len(ACTIONS), D, record["kind"])
    net.load_state_dict(values)
    return net.eval(), probe


class Walk:
    """A walk through the maze, beside a twin who does the same but read the other sign.

    Args:
        record: an agent, exported. sign: "up" or "down".
    """

    def __init__(self, record: dict[str, Any], sign: str = "up"):
        self.net, self.probe = load(record)
        self.sign = UP if one_of("sign", sign, ("up", "down")) == "up" else DOWN
        self.cell = self.t = self.turned = 0
        self.memories: list[Tensor] = []  # after each thing seen (U,)
        self.state = torch.zeros(2, self.net.hidden_size)  # its own and its twin's
        self._see()

    @property
    def sees(self) -> int:
        """The number that is 1 in what it sees."""
        if self.cell == 0:
            return SIGN_UP if self.sign == UP else SIGN_DOWN
        return JUNCTION if self.cell == LENGTH else CORRIDOR

    @torch.no_grad()
    def _see(self) -> None:
        mine = self.sees
        other = {SIGN_UP: SIGN_DOWN, SIGN_DOWN: SIGN_UP}.get(mine, mine)
        obs = torch.eye(4)[[mine, other]]
        _, self.state = self.net.unroll(obs[:, None], self.state)
        self.memories.append(self.state[0])

    @property
    def over(self) -> bool:
        """Whether it has turned, or time is up."""
        return self.turned > 0 or self.t >= LONGEST

    @property
    @torch.no_grad()
    def q(self) -> Tensor:
        """The value of every action now, by what it remembers."""
        return self.net.q(self.state[0, : self.net.memory.hidden_size])

    def reads(self, state: Tensor) -> float:
        """The probe: how probably the sign said up."""
        return float(self.probe.read(state))

    def step(self, action: int) -> None:
        """One step, and a look at what is there."""
        self.t += 1
        if self.cell == LENGTH and action != FORWARD:
            self.turned = action
            return
        self.cell = min(self.cell + (action == FORWARD), LENGTH)
        self._see()

    def change(self, how: str) -> None:
        """Now: "x" exchanges its memory with its twin's, "e" erases it."""
        self.state = self.state.flip(0) if how == "x" else self.state * torch.tensor([[0.0], [1.0]])
        self.memories[-1] = self.state[0]

    def follow(self, trail: str) -> "Walk":
        """Walk a trail: see `CorridorFigure`. What follows the end is left out."""
        for letter in _checked(trail)[1:]:
            if self.over:
                break
            self.change(letter) if letter in "xe" else self.step("fud".index(letter))
        return self

    def choose(self) -> int:
        """The action of the highest value."""
        return int(self.q.argmax())


def _checked(trail: str) -> str:
    if not re.fullmatch(r"w[fudxe]*", trail):
        raise ValueError(f"trail must be w, then letters of fudxe, got {trail!r}")
    return trail


def maze_data() -> dict[str, Any]:
    """The maze as JSON values, with the picture of what does not move."""
    walls = [(row, column) for row in (0, 2) for column in range(LENGTH)]
    return {
        "length": LENGTH,
        "longest": LONGEST,
        "walls": shapes.cells(walls),
        "sizes": [ROW, WIDE, TOP, SIDE],
    }


class CorridorFigure(LiveFigure):
    """A T-maze, an agent in it, and what the agent remembers, computed in the browser.

    Args:
        agents: `{kind: exported agent}`; None: the book's, seed 0. settings: the traits below.

    Traits, in step with the picture:

    - `net`: which agent.
    - `sign`: "up" or "down".
    - `playing`: True to let the network walk.
    - `hint`: the one thing to try, under the picture.
    - `trail`: what was done. It is `w`, then `f`, `u`, `d` per step (FORWARD, UP, DOWN). `x` stands
      for exchanging the memory with that of a twin who read the other sign, `e` for erasing it.
    """

    NAME = "corridor"
    STATE = ("nets", "maze", "look", "hint", "first", "net", "sign", "trail", "playing")
    _esm = figure_module("corridor")
    _css = style("corridor")

    nets = traitlets.Dict().tag(sync=True)
    maze = traitlets.Dict().tag(sync=True)
    look = traitlets.Unicode(junction.STYLE).tag(sync=True)
    hint = traitlets.Unicode(
        "exchange the memory, then let it walk. Reset, erase the memory instead, and let it walk: "
        "does it still follow the sign? Try both signs."
    ).tag(sync=True)
    first = traitlets.Dict().tag(sync=True)  # the moment it was made with, for Reset
    net = traitlets.Unicode().tag(sync=True)
    sign = traitlets.Unicode("up").tag(sync=True)
    trail = traitlets.Unicode("w").tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)

    def __init__(self, agents: dict[str, dict[str, Any]] | None = None, **settings: Any):
        unknown = settings.keys() - {"hint", "net", "sign", "trail", "playing"}
        if unknown:
            raise TypeError(f"CorridorFigure takes no {', '.join(sorted(unknown))}")
        nets = stored_agents() if agents is None else agents
        if not nets:
            raise ValueError("agents must hold at least one agent, got none")
        defaults = {"net": next(iter(nets))}
        super().__init__(nets=nets, maze=maze_data(), **{**defaults, **settings})
        self.first = {key: getattr(self, key) for key in ("net", "sign", "trail")}

    @traitlets.validate("net", "sign", "trail")
    def _check(self, proposal: Any) -> str:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "trail":
            return _checked(value)
        return one_of(name, value, self.nets if name == "net" else ("up", "down"))

    def walk(self) -> Walk:
        """The walk that is shown."""
        return Walk(self.nets[self.net], self.sign).follow(self.trail)

    def _still(self) -> str:
        walk = self.walk()
        order = self.nets[self.net]["order"]
        words = html.escape(caption(walk))
        label = html.escape(self.nets[self.net]["label"])
        inside = (
            f"{picture(walk)}{memory_picture(walk, order)}<figcaption>{words} "
            "Above: the probability that the sign said up, as the probe reads it. Below: the "
            f"memory's units by step; orange is positive, blue negative. {label}.</figcaption>"
        )
        return f'<figure class="mk mk-still" style="{junction.STYLE}">{inside}</figure>'


def caption(walk: Walk) -> str:
    """The moment in words, with its numbers."""
    where = f"Step {walk.t} of {LONGEST}, cell {walk.cell}"
    if walk.turned:
        way = "up" if walk.turned == UP else "down"
        verdict = "the right way" if walk.turned == walk.sign else "the wrong way"
        return f"{where}. It turned {way}: {verdict}."
    p = walk.reads(walk.memories[-1])
    side = f"up, {100 * p:.0f}\u00a0%" if p >= 0.5 else f"down, {100 * (1 - p):.0f}\u00a0%"
    value = ", ".join(f"{name} {q:.2f}" for name, q in zip(ACTIONS, walk.q.tolist(), strict=True))
    late = " Time is up." if walk.over else ""
    return f"{where}: it sees {SEES[walk.sees]}. The probe reads {side}. Values: {value}.{late}"


def picture(walk: Walk) -> str:
    """The maze as SVG."""
    row = {0: 1, UP: 0, DOWN: 2}
    x, y = shapes.centre(0, 0)
    sign = "↑" if walk.sign == UP else "↓"
    parts = [
        maze_data()["walls"],
        shapes.words(sign, x, y + 9, 26, "var(--paper)"),
        shapes.target(*shapes.centre(row[walk.sign], LENGTH), radius=17),
        shapes.agent(0, *shapes.centre(row[walk.turned], walk.cell)),
    ]
    return shapes.canvas((LENGTH + 1) * CELL, 3 * CELL, parts, f"T-maze. {caption(walk)}")


def memory_picture(walk: Walk, order: list[int]) -> str:
    """The probe's reading and the units of the memory over time, as SVG."""
    D, count = len(order), len(walk.memories)
    wide = WIDE / max(count, LENGTH + 2)
    reads = [walk.reads(state) for state in walk.memories]
    middle = TOP / 2
    points = [f"{(k + 0.5) * wide:.1f} {4 + (1 - p) * (TOP - 12):.1f}" for k, p in enumerate(reads)]
    cells = "".join(
        f'<rect x="{k * wide:.1f}" y="{TOP + ROW * r}" width="{wide:.1f}" height="{ROW}" '
        f'fill="var(--a{3 if state[unit] > 0 else 0})" '
        f'fill-opacity="{abs(float(state[unit])):.2f}"/>'
        for k, state in enumerate(walk.memories)
        for r, unit in enumerate(order)
    )
    label = f"Memory over {count} steps; the probe reads up with {100 * reads[-1]:.0f} %"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE + SIDE} {TOP + ROW * D}" '
        f'role="img" aria-label="{label}" font-family="system-ui,sans-serif">'
        f'<path d="M0 {middle - 2}H{WIDE}" stroke="var(--line)" stroke-dasharray="4 4"/>'
        f'<path d="M{"L".join(points)}" fill="none" stroke="var(--ink)" stroke-width="2"/>{cells}'
        f'<g font-size="15" fill="var(--soft)"><text x="{WIDE + 8}" y="14">reads up</text>'
        f'<text x="{WIDE + 8}" y="{TOP - 6}">reads down</text></g></svg>'
    )
