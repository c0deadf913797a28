"""The live payoffs: what two agents get for each pair of actions, and what VDN and QMIX make of it.

The page solves both fits itself (`fits.js`); `marl_edu.core.payoff_fits` is the same in Python: for
the picture that is there without JavaScript, and for the tests.
"""

import html
import math
import re
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import torch
import traitlets
from matplotlib.colors import to_hex

from marl_edu.core.checks import one_of
from marl_edu.core.payoff_fits import Fit, additive_fit, best_fit, reached_fit
from marl_edu.envs.drawing import junction, shapes
from marl_edu.envs.games import CLIMBING_GAME, QTRAN_GAME, TWO_STEP_PAYOFFS
from marl_edu.plots.style import PALETTE
from marl_edu.widgets.shared.bundle import figure_module
from marl_edu.widgets.shared.figure import LiveFigure, style

ACTIONS = "ABC"
LARGEST, LOWEST = 99, 10  # payoff, on either side of 0; weight, in hundredths
A_SUM = ((0, 1, 3), (2, 3, 5), (4, 5, 7))  # 0, 2 or 4 for agent 0's action, 0, 1 or 3 for agent 1's
GAMES = {
    "QTRAN’s game": QTRAN_GAME,
    "two-step game, state 2B": TWO_STEP_PAYOFFS[1],
    "climbing game": CLIMBING_GAME,
    "a sum, which VDN fits": A_SUM,
}
HINTS = {  # what to try in each of these games
    "QTRAN’s game": "make going alone less costly: press +1 until QMIX plays A with A for the "
    "8. What does VDN expect then? Reset, and lower the weight instead.",
    "two-step game, state 2B": "both play B with B for the 8. What does VDN expect of it, "
    "and is that more than the sure 7 of state 2A?",
    "climbing game": "lower the weight in steps. Which pairs does OW-QMIX play on the way, and "
    "from which weight on is it A with A for the 11?",
    "a sum, which VDN fits": "both fits are exact. Press +1, so that the game is no sum any more: "
    "whose fit is still exact?",
}
WAYS = ("reached", "best")
CELL, GAP, HEAD = 52, 16, 32  # of the still picture: a cell's side, between tables, above one


class Moment(NamedTuple):
    """The payoffs, and what is made of them."""

    payoff: list[list[int]]
    vdn: Fit
    qmix: Fit
    name: str  # what QMIX is called with its weight


class PayoffFigure(LiveFigure):
    """Payoffs of two agents to edit, beside the best that VDN and QMIX can say of them.

    Where to put it: first thing in the chapter on QMIX, as the last line of a cell. Where the text
    speaks of a moment, a link shows it: `#payoff-0?payoff=8,-8,-8;-8,0,0;-8,0,0&weight=100`.

    What to try, in this order:

    - Make going alone less costly: press +1 (the four payoffs of -12 change) until QMIX plays for
      the 8. That is at -8, where the first action's average is no longer below the others'. At -7
      VDN plays for it, too, but expects -1.78 where QMIX expects 8.
    - Leave the -12 and lower the weight instead: from 0.55 on OW-QMIX plays for the 8.
    - The two-step game: VDN plays for the 8 and expects 6.5, less than the sure 7 of state 2A.
    - Under "More", QMIX's best of all orders: in QTRAN's game it plays for the 8, with an error of
      288. Training does not get there: it ends at 320.

    Both fits of QMIX are of any table that rises along an order of each agent's actions: what a
    monotone mixer of any size can say. QMIX's own mixer can say less: `marl_edu.core.payoff_fits`
    tells how often it plays the same. In QTRAN's and the two-step game the fit is also what QMIX
    learns. Of other games do not claim it.

    Args:
        payoff: what both get, a row per action of agent 0, a column per action of agent 1. There
            are two or three of each, and whole numbers in -99..99.
        settings: the traits below but `payoff`.

    Traits, in step with the picture:
        payoff: as a word, "8,-12,-12;-12,0,0;-12,0,0".
        weight: of overestimates, in hundredths: 100 is QMIX, 10..95 OW-QMIX.
        qmix: "reached", the fit where training ends, or "best", that of the smallest error.
        hint: the one thing to try; "": each game has its own.
    """

    NAME = "payoff"
    STATE = ("games", "look", "hint", "first", "payoff", "weight", "qmix")
    AT_FIRST: ClassVar[dict[str, Any]] = {}  # nothing moves
    _esm = figure_module("payoff")
    _css = style("payoff")

    games: Any = traitlets.List().tag(sync=True)  # name, word and hint of each
    look = traitlets.Unicode(junction.STYLE).tag(sync=True)
    hint = traitlets.Unicode("").tag(sync=True)
    first = traitlets.Dict().tag(sync=True)  # the moment it was made with, for Reset
    payoff = traitlets.Unicode().tag(sync=True)
    weight = traitlets.Int(100).tag(sync=True)
    qmix = traitlets.Unicode("reached").tag(sync=True)

    def __init__(self, payoff: Any = QTRAN_GAME, **settings: Any):
        unknown = settings.keys() - {"hint", "weight", "qmix"}
        if unknown:
            raise TypeError(f"PayoffFigure takes no {', '.join(sorted(unknown))}")
        games = [[name, written(table), HINTS[name]] for name, table in GAMES.items()]
        word = payoff if isinstance(payoff, str) else written(payoff)
        super().__init__(games=games, payoff=word, **settings)
        self.first = {key: getattr(self, key) for key in ("payoff", "weight", "qmix")}

    @traitlets.validate("payoff", "weight", "qmix")
    def _check(self, proposal: Any) -> Any:
        name, value = proposal["trait"].name, proposal["value"]
        if name == "payoff":
            return written(read(value))
        if name == "qmix":
            return one_of(name, value, WAYS)
        if not LOWEST <= value <= 100:
            raise ValueError(f"weight must lie in {LOWEST}..100 hundredths, got {value!r}")
        return value

    def moment(self) -> Moment:
        """What is shown, computed."""
        payoff = read(self.payoff)
        fit = best_fit if self.qmix == "best" else reached_fit
        name = "QMIX" if self.weight == 100 else "OW-QMIX"
        return Moment(payoff, additive_fit(payoff), fit(payoff, self.weight / 100), name)

    def _still(self) -> str:
        now = self.moment()
        words = (
            f"{html.escape(describe(now))} A ring marks the best payoff, a frame what is played. "
            "Agent 0 chooses the row, agent 1 the column. All pairs were tried equally often."
        )
        inside = f"{picture(now)}<figcaption>{words}</figcaption>"
        return f'<figure class="mp mp-still" style="{junction.STYLE}">{inside}</figure>'


def written(table: Any) -> str:
    """Payoffs as a word. Raises ValueError where they are none that the figure can show."""
    try:
        rows = torch.as_tensor(table, dtype=torch.float64).tolist()
        word = ";".join(",".join(f"{x:g}" for x in row) for row in rows)
    except (TypeError, ValueError, RuntimeError):
        word = ""
    if not _fits(word):
        raise ValueError(_wanted(table))
    return word.replace("-0", "0")


def read(word: str) -> list[list[int]]:
    """The payoffs that a word stands for. Raises ValueError where it stands for none."""
    if not _fits(word):
        raise ValueError(_wanted(word))
    return [[int(x) for x in row.split(",")] for row in word.split(";")]


def _fits(word: str) -> bool:
    number = r"-?\d{1,2}"
    rows = word.split(";")
    even = len({row.count(",") for row in rows}) == 1 and 2 <= len(rows) <= 3
    return even and all(re.fullmatch(rf"{number}(,{number}){{1,2}}", row) for row in rows)


def _wanted(given: Any) -> str:
    return (
        "payoff must have two or three rows and columns of whole numbers in "
        f"{-LARGEST}..{LARGEST}, got {given!r}"
    )


def number(x: int | float) -> str:
    """At most two digits behind the point, and a minus sign."""
    size = math.floor(abs(x) * 100 + 0.5 + 1e-6) / 100
    text = f"{size:.2f}".rstrip("0").rstrip(".")
    return f"−{text}" if x < 0 and size else text


def plays(fit: Fit, payoff: Sequence[Sequence[int]]) -> str:
    """What a team that believes the fit plays, and what comes of it."""
    rows, columns = fit.greedy
    got = [payoff[a][b] for a in rows for b in columns]
    low, high, best = min(got), max(got), max(map(max, payoff))
    pair = " with ".join(" or ".join(ACTIONS[a] for a in actions) for actions in fit.greedy)
    what = f"plays {pair}" if len(got) < fit.table.numel() else "finds all pairs alike"
    paid = number(low) if low == high else f"between {number(low)} and {number(high)}"
    verdict = ", the best" if low == best else f"; the best is {number(best)}"
    expected = float(fit.table[rows[0], columns[0]])
    return f"{what}: expects {number(expected)}, gets {paid}{verdict}."


def describe(now: Moment) -> str:
    """The moment in words."""
    return f"VDN {plays(now.vdn, now.payoff)} {now.name} {plays(now.qmix, now.payoff)}"


def picture(now: Moment) -> str:
    """The payoffs as SVG, and below them both fits."""
    fits = [("Payoffs", now.payoff, None), ("VDN’s fit", now.vdn.table.tolist(), now.vdn)]
    fits.append((f"{now.name}’s fit", now.qmix.table.tolist(), now.qmix))
    width = (len(now.payoff[0]) + 1) * CELL + GAP
    height = HEAD + (len(now.payoff) + 1) * CELL + GAP / 2
    parts = [
        f'<g transform="translate({x * width + GAP / 2:g} {y * height:g})">'
        f"{table(*fit, now.payoff)}</g>"
        for fit, (x, y) in zip(fits, ((0, 0), (0, 1), (1, 1)), strict=True)
    ]
    return shapes.canvas(2 * width, 2 * height, parts, f"Payoffs and two fits. {describe(now)}")


def table(
    name: str,
    numbers: Sequence[Sequence[Any]],
    fit: Fit | None,
    payoff: Sequence[Sequence[int]],
) -> str:
    """A table of pairs as a piece of SVG; `fit`: whose play has a frame."""
    parts = [f'<text x="4" y="24" font-size="18" font-weight="600" fill="var(--ink)">{name}</text>']
    parts += [shapes.agent(0, 16, HEAD + 36, 10), shapes.agent(1, 36, HEAD + 14, 10)]
    for b, letter in enumerate(ACTIONS[: len(numbers[0])]):
        parts.append(shapes.words(letter, (b + 1.5) * CELL, HEAD + CELL / 2 + 6, 17))
    for a, row in enumerate(numbers):
        parts.append(shapes.words(ACTIONS[a], CELL / 2, HEAD + (a + 1.5) * CELL + 6, 17))
        for b, x in enumerate(row):
            played = fit is not None and a in fit.greedy[0] and b in fit.greedy[1]
            parts.append(_cell(a, b, x, played, payoff))
    return "".join(parts)


def _cell(a: int, b: int, x: int | float, played: bool, payoff: Sequence[Sequence[int]]) -> str:
    """A number on its ground: in a frame if it is played, in a ring if its payoff is the best."""
    low, best = min(map(min, payoff)), max(map(max, payoff))
    fill, ink = colours((x - low) / (best - low) if best > low else 0.5)
    left, top, side = (b + 1) * CELL + 2, HEAD + (a + 1) * CELL + 2, CELL - 4
    frame = ' stroke="var(--ink)" stroke-width="4"' if played else ""
    ring = (
        f'<rect x="{left + 3}" y="{top + 8}" width="{side - 6}" height="{side - 16}" rx="14" '
        f'fill="none" stroke="{ink}" stroke-width="2"/>'
    )
    return (
        f'<rect x="{left}" y="{top}" width="{side}" height="{side}" fill="{fill}"{frame}/>'
        f"{ring * (payoff[a][b] == best)}"
        f"{shapes.words(number(x), left + side / 2, top + side / 2 + 5, 14, ink)}"
    )


def colours(share: int | float) -> tuple[str, str]:
    """Of a cell and of the number in it, as in `shared/kit.js`."""
    ground = PALETTE(min(max(share, 0.0), 1.0))[:3]
    r, g, b = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in ground)
    return to_hex(ground), "#000" if 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 else "#fff"
