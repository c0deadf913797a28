"""The live critic: a team hunts, its critic says what to expect; switch off what the critic reads.

The critic runs in the page, on hunts of its team. `record.py` is the same in Python: for the
picture that is there without JavaScript, and for the tests.
"""

import html
from typing import Any

import traitlets
from torch import Tensor

from marl_edu.core.checks import one_of
from marl_edu.envs.drawing import junction, shapes
from marl_edu.widgets.critic.record import (
    LETTERS,
    NAMES,
    NOTHING,
    Hunt,
    code,
    parts_of,
    stored_critics,
    task,
)
from marl_edu.widgets.shared.bundle import figure_module
from marl_edu.widgets.shared.figure import LiveFigure, style

# Of the picture of the values: its size, and where its axes begin and end.
WIDE, HIGH, LEFT, RIGHT, TOP, FOOT = 400, 170, 44, 294, 12, 136
LINE = 17  # height of a label
HEAD = ("switched off", "variance explained", "mean squared error")


class CriticFigure(LiveFigure):
    """Three predators, a prey, and a critic whose inputs the reader switches off.

    Args:
        critics: `{name: exported critic}`; None: the book's.
        settings: the traits below.

    Traits, in step with the picture:

    - `critic`: which one.
    - `hunt`: number of a hunt of its team. `step`: the moment that is shown; a number behind the
      hunt's end is that end. `agent`: whose values.
    - `off`: the inputs that are switched off, a letter each, or "none". `o`: the own view, `t` the
      others' views, `p` the predators' places, `y` the prey's, `n` the agent's number, `m` memory.
      Letters of inputs that a critic does not have are for others.
    - `playing`: True to let them go on.
    - `hint`: the one thing to try, under the picture.
    """

    NAME = "critic"
    STATE = (
        "critics", "task", "look", "hint", "first", "critic", "hunt", "step", "agent", "off",
        "playing",
    )  # fmt: skip
    _esm = figure_module("critic")
    _css = style("critic")

    critics = traitlets.Dict().tag(sync=True)
    task = traitlets.Dict().tag(sync=True)
    look = traitlets.Unicode(junction.STYLE).tag(sync=True)
    hint = traitlets.Unicode(
        "switch off the prey’s place, then the own view. Which one does the critic lean on? The "
        "state repeats what the own view says."
    ).tag(sync=True)
    first = traitlets.Dict().tag(sync=True)  # the moment it was made with, for Reset
    critic = traitlets.Unicode().tag(sync=True)
    hunt = traitlets.Int(0).tag(sync=True)
    step = traitlets.Int(0).tag(sync=True)
    agent = traitlets.Int(0).tag(sync=True)
    off = traitlets.Unicode(NOTHING).tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)

    def __init__(self, critics: dict[str, dict[str, Any]] | None = None, **settings: Any):
        names = ("critic", "hunt", "step", "agent", "off")
        unknown = settings.keys() - {*names, "hint", "playing"}
        if unknown:
            raise TypeError(f"CriticFigure takes no {', '.join(sorted(unknown))}")
        found = stored_critics() if critics is None else critics
        if not found:
            raise ValueError("critics must hold at least one critic, got none")
        defaults = {"critic": next(iter(found))}
        super().__init__(critics=found, task=task(), **{**defaults, **settings})
        self.first = {key: getattr(self, key) for key in names}

    @traitlets.validate("critic", "hunt", "step", "agent", "off")
    def _check(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "critic":
            return one_of(name, value, self.critics)
        if name == "off":
            return checked(value)
        played = min(len(one["hunts"]) for one in self.critics.values())
        highest = {"hunt": played - 1, "agent": self.task["agents"] - 1}
        most = highest.get(name, self.task["steps"])
        if not 0 <= value <= most:
            raise ValueError(f"{name} must lie in 0..{most}, got {value!r}")
        return value

    def switched(self) -> tuple[str, ...]:
        """The inputs of this critic that are switched off."""
        here = self.critics[self.critic]["parts"]
        return tuple(part for part in parts_of(self.off) if LETTERS[part] in here)

    def moment(self) -> Hunt:
        """The hunt that is shown."""
        return Hunt(self.critics[self.critic], self.hunt, self.switched())

    def _still(self) -> str:
        now, off = self.moment(), self.switched()
        words = caption(now, self.step, self.agent, off)
        episodes = f"Numbers: {self.task['episodes']:,} hunts of this team, one seed."
        inside = (
            f"{picture(now, self.step, words)}{chart(now, self.step, self.agent, off)}"
            f"<figcaption>{html.escape(self.critics[self.critic]['label'])}. {html.escape(words)} "
            f"{episodes}</figcaption>{table(self.critics, self.critic, off)}"
        )
        return f'<figure class="mr mr-still" style="{junction.STYLE}">{inside}</figure>'


def checked(off: str) -> str:
    """Letters of inputs, each once, or "none". Raises ValueError where they are not."""
    if off != NOTHING and code(parts_of(off)) != off:
        letters = "".join(LETTERS.values())
        raise ValueError(f'off must be "none", or letters of {letters} in this order, got {off!r}')
    return off


def number(x: float, digits: int = 2) -> str:
    """With a minus sign."""
    return f"{x:.{digits}f}".replace("-", "−")


def listed(off: tuple[str, ...]) -> str:
    """Inputs by their names."""
    names = [NAMES[part] for part in off]
    return " and ".join(names) if len(names) < 3 else ", ".join(names[:-1]) + f" and {names[-1]}"


def caption(now: Hunt, step: int, agent: int, off: tuple[str, ...]) -> str:
    """The moment in words, with its numbers."""
    t = min(step, now.steps)
    where = f"Hunt {now.number}, step {t} of {now.steps}."
    if t == now.steps:
        return f"{where} {'All are on the prey.' if now.success else 'Time is up.'}"
    says = f"Agent {agent}: the critic says {number(float(now.all_on[t, agent]))}; the return "
    says += f"that followed is {number(float(now.came[t, agent]))}."
    if off:
        says += f" Without {listed(off)} it says {number(float(now.value[t, agent]))}."
    return f"{where} {says}"


Row = tuple[str, str, str]


def rows(critics: dict[str, Any], name: str, off: tuple[str, ...]) -> list[tuple[Row, bool]]:
    """The table's: with all inputs, without each, as switched; and a critic trained with fewer.
    True marks what is shown."""
    record = critics[name]
    parts = [part for part, letter in LETTERS.items() if letter in record["parts"]]
    lots = [(), *((part,) for part in parts), *([off] if len(off) > 1 else [])]
    found = [
        (_row(listed(lot) or "nothing", record["numbers"][code(lot)]), lot == off) for lot in lots
    ]
    if record["kind"] != "own" and "own" in critics:
        trained = "nothing: IPPO’s critic, its own team"
        found.append((_row(trained, critics["own"]["numbers"][NOTHING]), False))
    return found


def _row(text: str, numbers: list[float]) -> Row:
    return text, number(numbers[0]), number(numbers[1], 3)


def table(critics: dict[str, Any], name: str, off: tuple[str, ...]) -> str:
    """What is lost with each input, as HTML."""
    head = "".join(f'<th scope="col">{text}</th>' for text in HEAD)
    body = "".join(
        f'<tr{" class=mr-now" * shown}><th scope="row">{text}</th><td>{explained}</td>'
        f"<td>{error}</td></tr>"
        for (text, explained, error), shown in rows(critics, name, off)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def picture(now: Hunt, step: int, label: str) -> str:
    """The grid as SVG."""
    size = task()["size"]
    cells = now.cells[min(step, now.steps)]
    discs = []
    for i, cell in enumerate(cells):
        here = [j for j, other in enumerate(cells) if other == cell]
        across = 1 if len(here) == 1 else 2  # discs side by side in this cell
        down, right = divmod(here.index(i), across)
        middle = (across - 1) / 2
        row, column = divmod(cell, size)
        place = row + (down - middle) / across, column + (right - middle) / across
        discs.append(shapes.agent(i, *shapes.centre(*place), 15 / across))
    prey = shapes.target(*shapes.centre(*divmod(now.prey, size)), radius=17)
    side = size * shapes.CELL
    return shapes.canvas(side, side, [shapes.grid(size, size), prey, *discs], f"A hunt. {label}")


def chart(now: Hunt, step: int, agent: int, off: tuple[str, ...]) -> str:
    """Values and the return that followed, by step, as SVG."""
    lines = [("followed", now.came[:, agent], "ink", "none"),
             ("critic", now.all_on[:-1, agent], "a0", "7 4")]  # fmt: skip
    if off:
        lines.append(("switched", now.value[:-1, agent], "a3", "2 3"))
    low = min(-1.0, *(float(line.min()) for _, line, *_ in lines))
    high = max(0.0, *(float(line.max()) for _, line, *_ in lines))

    def x(t: shapes.Number) -> float:
        return LEFT + (RIGHT - LEFT) * t / task()["steps"]

    def y(value: shapes.Number) -> float:
        return TOP + (FOOT - TOP) * (high - value) / (high - low)

    at = x(min(step, now.steps))
    parts = [
        f'<path d="M{LEFT} {TOP}V{FOOT}H{RIGHT}" fill="none" stroke="var(--line)"/>'
        f'<path d="M{LEFT} {y(0):.1f}H{RIGHT}" stroke="var(--line)" stroke-dasharray="2 4"/>'
        f'<path d="M{at:.1f} {TOP}V{FOOT}" stroke="var(--soft)" stroke-width="2"/>',
        _axes(low, high, y(0)),
    ]
    for _, line, colour, dash in lines:
        points = "L".join(f"{x(t):.1f} {y(float(v)):.1f}" for t, v in enumerate(line))
        parts.append(
            f'<path d="M{points}" fill="none" stroke="var(--{colour})" stroke-width="2.5" '
            f'stroke-dasharray="{dash}"/>'
        )
    return shapes.canvas(WIDE, HIGH, [*parts, *_labels(lines, x, y)], summary(now, agent, off))


def _axes(low: float, high: float, zero: float) -> str:
    texts = [
        (LEFT - 6, FOOT + 5, "end", number(low, 1)),
        (LEFT - 6, zero + 5, "end", "0"),
        (LEFT, FOOT + 24, "start", "step 0"),
        (RIGHT, FOOT + 24, "end", f"{task()['steps']}"),
    ]
    inside = "".join(
        f'<text x="{x}" y="{y:.1f}" text-anchor="{align}">{text}</text>'
        for x, y, align, text in texts
    )
    return f'<g font-size="15" fill="var(--soft)">{inside}</g>'


def _labels(lines: list[tuple[str, Tensor, str, str]], x: Any, y: Any) -> list[str]:
    """The lines' names at their ends, from the highest down, each below the one before."""
    order = sorted(lines, key=lambda one: -float(one[1][-1]))
    heights: list[float] = []
    for _, line, *_ in order:
        heights.append(max(y(float(line[-1])) + 5, heights[-1] + LINE if heights else TOP))
    up = max(0.0, heights[-1] - FOOT - 8)
    return [
        f'<text x="{x(len(line) - 1) + 8:.1f}" y="{height - up:.1f}" font-size="15" '
        f'fill="var(--ink)"><tspan fill="var(--{colour})">■</tspan> {name}</text>'
        for (name, line, colour, _), height in zip(order, heights, strict=True)
    ]


def summary(now: Hunt, agent: int, off: tuple[str, ...]) -> str:
    """The curves in words."""
    apart = (now.value[:-1, agent] - now.came[:, agent]).abs().mean()
    without = f" without {listed(off)}" if off else ""
    return f"Values of agent {agent}{without}: {number(float(apart))} away from what followed"
