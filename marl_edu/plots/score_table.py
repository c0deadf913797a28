"""The comparison as a table whose cells open their learning curves: HTML and CSS, no script.

A row is an environment, a column a method. A score is normalised: 0 is what the trivial policy
scores, 1 what the best one does,

    normalised = (score - trivial) / (best - trivial).                                          (1)

Every number links to a part of the page below the table, which is shown while it is the target of
the address. So the back button closes it, the keyboard reaches it, and a link from elsewhere can
name it (`Matrix.link`).
"""

import html
import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from matplotlib.colors import to_hex

from marl_edu.plots.style import COLOURS, GREY, PALETTE, Reference
from marl_edu.results import Curve, Estimate
from marl_edu.results.tables import Table

FEW = 5  # runs from which on an interval or a band is shown
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 340, 190, 34, 12, 52, 34  # of a curve, in its own units


class Cell(NamedTuple):
    """One method in one environment."""

    score: Estimate | None  # normalised; None where the method does not apply
    curve: Curve | None  # of the success along training, a share in [0, 1]
    note: str  # what was run, in a sentence or two; or in a few words why nothing was
    below: str = ""  # what stands below the number instead of its interval


class Row(NamedTuple):
    """One environment."""

    name: str
    asks: str  # what is difficult about it, in a few words
    trivial: Reference  # name and score, a share in [0, 1]
    best: Reference
    cells: Mapping[str, Cell]  # by column


def normalised(score: Estimate, trivial: float, best: float) -> Estimate:
    """Eq. (1), for a number and its interval. Lower may be better: then best < trivial.

    Raises:
        ValueError: trivial and best are the same, and nothing lies between them.
    """
    if trivial == best:
        raise ValueError(f"trivial and best must differ, both are {best!r}")
    value, *ends = ((x - trivial) / (best - trivial) for x in score[:3])
    low, high = sorted(ends) if not math.isnan(ends[0]) else ends
    return Estimate(value, low, high, score.n)


class Matrix:
    """The table. It shows itself as HTML in a notebook and as text elsewhere.

    Args:
        groups: family -> its columns -> their heads: `{"Q-learners": {"dqn": "DQN"}}`.
        rows: a short name, which becomes part of addresses -> the row.
        caption: first what to see, then how it was made.
        name: first part of all addresses; two tables on a page need two.
    Raises:
        ValueError: a row lacks a column.
    """

    def __init__(
        self,
        groups: Mapping[str, Mapping[str, str]],
        rows: Mapping[str, Row],
        caption: str,
        name: str = "cell",
    ):
        self.groups, self.rows, self.caption, self.name = groups, rows, caption, name
        self.heads = {key: head for group in groups.values() for key, head in group.items()}
        for short, row in rows.items():
            if missing := [key for key in self.heads if key not in row.cells]:
                raise ValueError(f"row {short!r} lacks {', '.join(missing)}")

    def address(self, row: str, column: str) -> str:
        """The id of a cell's curve.

        Raises:
            ValueError: there is no such curve.
        """
        if row not in self.rows or column not in self.heads:
            raise ValueError(f"there is no cell ({row!r}, {column!r})")
        if self.rows[row].cells[column].score is None:
            raise ValueError(f"cell ({row!r}, {column!r}) has no curve")
        return f"{self.name}-{row}-{column}"

    def link(self, row: str, column: str, text: str = "") -> str:
        """HTML of a link to a cell's curve; its text is the score, if no other is given."""
        score = self.rows[row].cells[column].score
        target = self.address(row, column)
        words = text or f"{self.heads[column]}, {self.rows[row].name.lower()}: {_text(score)}"
        return f'<a href="#{target}">{html.escape(words)}</a>'

    @property
    def table(self) -> Table:
        """The numbers alone."""
        lines = [
            [row.name, *(_text(row.cells[key].score) for key in self.heads)]
            for row in self.rows.values()
        ]
        return Table(["environment", *self.heads.values()], lines, self.caption)

    def __repr__(self) -> str:
        return self.table.text

    def _repr_html_(self) -> str:
        families = "".join(
            f'<th scope="colgroup" colspan="{len(group)}">{html.escape(family)}</th>'
            for family, group in self.groups.items()
        )
        heads = "".join(f'<th scope="col">{html.escape(head)}</th>' for head in self.heads.values())
        first = {next(iter(group)) for group in self.groups.values()}
        body = "".join(self._row(short, row, first) for short, row in self.rows.items())
        curves = "".join(
            self._curve(short, key)
            for short, row in self.rows.items()
            for key in self.heads
            if row.cells[key].score is not None
        )
        own = f"{self.name}-table"
        shades = ",".join(to_hex(_shade(k / 8)) for k in range(9))
        return (
            f'<div class="marl-matrix"><style>{_STYLE}</style><figure style="margin:0">'
            f'<div class="marl-table" id="{own}" role="region" tabindex="0" '
            f'aria-label="{html.escape(self.caption.split(".")[0])}">'
            '<table><thead><tr><th rowspan="2" scope="col">environment, and what it asks for</th>'
            f"{families}</tr><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
            f'<div class="key" aria-hidden="true"><span>trivial policy 0</span><i style="'
            f'background:linear-gradient(90deg,{shades})"></i>'
            "<span>100 best policy</span></div>"
            f"<figcaption>{html.escape(self.caption)} "
            "Each number is a link to its learning curve, which opens here.</figcaption></figure>"
            f"{curves}</div>"
        )

    def _row(self, short: str, row: Row, first: set[str]) -> str:
        cells = []
        for key in self.heads:
            score, _, note, below = row.cells[key]
            edge = " e" if key in first else ""
            if score is None:
                cells.append(
                    f'<td class="no{edge}"><b>–</b><small>{html.escape(note)}</small></td>'
                )
                continue
            colour = _shade(score.value)
            ink = "#ffffff" if _dark(colour) else "#000000"
            cells.append(
                f'<td class="yes{edge}" id="{self.address(short, key)}-number" '
                f'style="background:{to_hex(colour)};color:{ink}">'
                f'<a href="#{self.address(short, key)}"><b>{_round(score.value)}</b>'
                f"<small>{html.escape(below) or _range(score)}</small></a></td>"
            )
        return (
            f'<tr><th scope="row">{html.escape(row.name)}<small>{html.escape(row.asks)}</small>'
            f"</th>{''.join(cells)}</tr>"
        )

    def _curve(self, short: str, key: str) -> str:
        row = self.rows[short]
        score, curve, note, _ = row.cells[key]
        title = f"{self.heads[key]}, {row.name.lower()}: {_text(score)}"
        address = self.address(short, key)
        drawn = "" if curve is None else draw(curve, row.trivial, row.best, title, _colour(key))
        return (
            f'<section id="{address}" aria-label="{html.escape(title)}">'
            f"<p><b>{html.escape(title)}</b></p>{drawn}<p>{html.escape(note)} "
            f'<a href="#{address}-number">Close, and back to the table</a></p></section>'
        )


def draw(curve: Curve, trivial: Reference, best: Reference, title: str, colour: str) -> str:
    """A learning curve as a small SVG: success in percent against environment steps."""
    end = float(curve.steps[-1])

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / end

    def y(share: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - min(max(share, 0.0), 1.0))

    def path(shares: Sequence[float], steps: Sequence[float]) -> str:
        return " ".join(f"{x(s):.1f},{y(v):.1f}" for s, v in zip(steps, shares, strict=True))

    steps, value = curve.steps.tolist(), curve.iqm.tolist()
    parts = []
    if curve.n >= FEW and not any(map(math.isnan, curve.low.tolist())):
        there = path(curve.low.tolist(), steps)
        back = path(curve.high.tolist()[::-1], steps[::-1])
        parts.append(f'<polygon points="{there} {back}" fill="{colour}" opacity=".25"/>')
    for (_, share), dashes in ((trivial, "5 3"), (best, "1 3")):
        parts.append(
            f'<path d="M{LEFT} {y(share):.1f}H{WIDTH - RIGHT}" stroke="{GREY}" stroke-width="1.4" '
            f'stroke-dasharray="{dashes}"/>'
        )
    parts.append(
        f'<polyline points="{path(value, steps)}" fill="none" stroke="{colour}" stroke-width="2"/>'
    )
    texts = [(LEFT - 5, y(share) + 4, f"{100 * share:.0f}", "end") for share in (0.0, 0.5, 1.0)] + [
        (LEFT, HEIGHT - 18, "0", "middle"),
        (WIDTH - RIGHT, HEIGHT - 18, _steps(end), "middle"),
        ((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, "environment steps", "middle"),
        (LEFT + 4, TOP - 2, "success (%)", "start"),
    ]
    heights = _apart([y(trivial[1]), y(best[1]), y(value[-1])], 13.0)
    for name, height in zip(("trivial", "best", f"{100 * value[-1]:.0f}"), heights, strict=True):
        texts.append((WIDTH - RIGHT + 4, height + 4, name, "start"))
    words = "".join(
        f'<text x="{a:.0f}" y="{b:.1f}" text-anchor="{align}">{html.escape(text)}</text>'
        for a, b, text, align in texts
    )
    alt = (
        f"{title}. Success along training ends at {100 * value[-1]:.0f} percent; "
        f"{trivial[0]} {100 * trivial[1]:.0f}, {best[0]} {100 * best[1]:.0f}."
    )
    axes = f"M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(alt)}" '
        'font-size="11" fill="currentColor">'
        f'<path d="{axes}" fill="none" stroke="currentColor"/>{"".join(parts)}{words}</svg>'
    )


def _apart(heights: Sequence[float], gap: float) -> list[float]:
    """The same heights, moved until none is nearer to another than `gap`; none below the axis."""
    order = sorted(range(len(heights)), key=lambda k: heights[k])
    moved = list(heights)
    for above, below in pairwise(order):
        moved[below] = max(moved[below], moved[above] + gap)
    lowest = float(HEIGHT - BOTTOM)
    for k in reversed(order):
        moved[k] = min(moved[k], lowest)
        lowest = moved[k] - gap
    return moved


def _steps(n: float) -> str:
    """1440000 as `1.4 M`."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if n >= size:
            return f"{n / size:.2g} {unit}" if n < 100 * size else f"{n / size:.0f} {unit}"
    return f"{n:.0f}"


def _shade(value: float) -> tuple[float, float, float, float]:
    """The palette's colour; its darkest end is left out, where links would be hard to see."""
    return PALETTE(0.88 * min(max(value, 0.0), 1.0))


def _dark(colour: Sequence[float]) -> bool:
    """Whether white stands out better than black (WCAG's relative luminance)."""
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3])
    return bool(0.2126 * r + 0.7152 * g + 0.0722 * b < 0.179)


def _colour(method: str) -> str:
    """The method's colour in every chapter, grey for baselines."""
    return COLOURS.get(re.split(r"[^a-z]", method)[0], GREY)


def _round(value: float) -> str:
    """A share as whole percent, with a minus sign; never `-0`."""
    percent = round(100 * value)
    return f"−{-percent}" if percent < 0 else str(percent)


def _range(score: Estimate) -> str:
    """What stands below a number: its interval, or that it rests on few runs."""
    if score.n < FEW or math.isnan(score.low):
        return f"n = {score.n}"
    return f"{_round(score.low)} to {_round(score.high)}"


def _text(score: Estimate | None) -> str:
    return "—" if score is None else f"{_round(score.value)} ({_range(score)})"


_STYLE = """
.marl-matrix{color:var(--pst-color-text-base,var(--jp-content-font-color1,#1b1b1d))}
.marl-matrix .marl-table{overflow-x:auto}
.marl-matrix table{border-collapse:separate;border-spacing:2px;width:100%;font-size:.85rem;
margin:0;font-variant-numeric:tabular-nums;line-height:1.2}
.marl-matrix th,.marl-matrix td{padding:.2rem;text-align:center;font-weight:400;border:0;
vertical-align:middle}
.marl-matrix thead th[scope=colgroup]{border-bottom:2px solid;font-size:.8rem}
.marl-matrix tr:first-child th[rowspan],.marl-matrix tbody th{position:sticky;left:0;z-index:1;
text-align:left;min-width:6.6rem;background:var(--pst-color-background,var(--jp-layout-color0,#fff))}
.marl-matrix tbody th{font-weight:600}
.marl-matrix small{display:block;font-weight:400;font-size:.72rem}
.marl-matrix td small{white-space:nowrap}
.marl-matrix td.no small{white-space:normal}
.marl-matrix td{min-width:3.1rem;height:2.7rem}
.marl-matrix td.e{border-left:3px solid transparent;background-clip:padding-box}
.marl-matrix td.yes{padding:0}
.marl-matrix td a{display:block;padding:.45rem .1rem;color:inherit;text-decoration:none}
.marl-matrix td a b{text-decoration:underline;text-underline-offset:.15em}
.marl-matrix td a:focus-visible{outline:3px solid;outline-offset:-3px}
.marl-matrix td:target{outline:3px solid var(--marl-bad,#d55e00)}
.marl-matrix td.no{background:repeating-linear-gradient(135deg,transparent 0 5px,
rgba(128,128,128,.25) 5px 6px)}
.marl-matrix .key{display:flex;align-items:center;gap:.4rem;font-size:.8rem;margin:.3rem 0}
.marl-matrix .key i{display:block;width:8rem;height:.7rem}
.marl-matrix section{display:none;max-width:32rem;scroll-margin-top:5rem;margin-top:.6rem;
padding:.2rem .8rem;border:2px solid var(--marl-line,#8a9099)}
.marl-matrix section:target{display:block}
.marl-matrix section p{margin:.4rem 0}
.marl-matrix section svg{display:block;width:100%;height:auto}
.marl-matrix td[id]{scroll-margin-top:8rem}
""".replace("\n", "")
