"""The comparison as a table whose cells open their learning curves: HTML and CSS, no script.

A row is an environment, a column a method. A score is normalised: 0 is what the trivial policy
scores, 1 what the best one does,

    normalised = (score - trivial) / (best - trivial).                                          (1)

Every number links to a part of the page below the table, which is shown while it is the target of
the address. So the back button closes it, the keyboard reaches it, and a link from elsewhere can
name it (`Matrix.link`).

On a phone a row is a card: its name, and below it the cells, each with the head of its column. The
roles in the HTML say that it is a table all the same.
"""

import html
import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from matplotlib.colors import to_hex

from marl_edu.plots.small_curve import FEW, draw, percent
from marl_edu.plots.style import COLOURS, GREY, PALETTE, Reference
from marl_edu.results import Curve, Estimate
from marl_edu.results.tables import Table


class Cell(NamedTuple):
    """One method in one environment."""

    score: Estimate | None  # normalised; None where the method does not apply
    curve: Curve | None  # of the score along training, as a share
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


def normalised_curve(curve: Curve, trivial: float, best: float) -> Curve:
    """Eq. (1) for each point of a curve and for its band; best > trivial."""
    iqm, low, high = ((x - trivial) / (best - trivial) for x in (curve.iqm, curve.low, curve.high))
    return curve._replace(iqm=iqm, low=low, high=high)


class Matrix:
    """The table. It shows itself as HTML in a notebook and as text elsewhere.

    Args:
        groups: family -> its columns -> their heads: `{"Q-learners": {"dqn": "DQN"}}`.
        rows: a short name, which becomes part of addresses -> the row.
        caption: first what to see, then how it was made.
        name: first part of all addresses; two tables on a page need two.
        axis: what the curves show.
    Raises:
        ValueError: a row lacks a column.
    """

    def __init__(
        self,
        groups: Mapping[str, Mapping[str, str]],
        rows: Mapping[str, Row],
        caption: str,
        name: str = "cell",
        axis: str = "success",
    ):
        self.groups, self.rows, self.caption, self.name = groups, rows, caption, name
        self.axis = axis
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
            f'<th scope="colgroup" role="columnheader" colspan="{len(group)}">'
            f"{html.escape(family)}</th>"
            for family, group in self.groups.items()
        )
        heads = "".join(
            f'<th scope="col" role="columnheader">{html.escape(head)}</th>'
            for head in self.heads.values()
        )
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
            '<table role="table"><thead role="rowgroup"><tr role="row">'
            '<th rowspan="2" scope="col" role="columnheader">environment, and what it asks for</th>'
            f'{families}</tr><tr role="row">{heads}</tr></thead><tbody role="rowgroup">{body}'
            "</tbody></table></div>"
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
            head = html.escape(self.heads[key].replace("\u200b", ""))
            cell = f'role="cell" data-head="{head}" class'
            if score is None:
                cells.append(
                    f'<td {cell}="no{edge}"><b>–</b><small>{html.escape(note)}</small></td>'
                )
                continue
            colour = _shade(score.value)
            ink = "#ffffff" if _dark(colour) else "#000000"
            cells.append(
                f'<td {cell}="yes{edge}" id="{self.address(short, key)}-number" '
                f'style="background:{to_hex(colour)};color:{ink}">'
                f'<a href="#{self.address(short, key)}"><b>{percent(score.value)}</b>'
                f"<small>{html.escape(below) or _range(score)}</small></a></td>"
            )
        return (
            f'<tr role="row"><th scope="row" role="rowheader">{html.escape(row.name)}'
            f"<small>{html.escape(row.asks)}</small></th>{''.join(cells)}</tr>"
        )

    def _curve(self, short: str, key: str) -> str:
        row = self.rows[short]
        score, curve, note, _ = row.cells[key]
        title = f"{self.heads[key]}, {row.name.lower()}: {_text(score)}"
        address = self.address(short, key)
        drawn = "" if curve is None else self._draw(curve, row, title, key)
        return (
            f'<section id="{address}" aria-label="{html.escape(title)}">'
            f"<p><b>{html.escape(title)}</b></p>{drawn}<p>{html.escape(note)} "
            f'<a href="#{address}-number">Close, and back to the table</a></p></section>'
        )

    def _draw(self, curve: Curve, row: Row, title: str, key: str) -> str:
        return draw(curve, row.trivial, row.best, title, _colour(key), self.axis)


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


def _range(score: Estimate) -> str:
    """What stands below a number: its interval, or that it rests on few runs."""
    if score.n < FEW or math.isnan(score.low):
        return f"n = {score.n}"
    low, high = percent(score.low), percent(score.high)
    return f"{low} to {high}" if "−" in low + high else f"{low}–{high}"


def _text(score: Estimate | None) -> str:
    return "—" if score is None else f"{percent(score.value)} ({_range(score)})"


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
@media(max-width:40rem){
.marl-matrix :is(table,tbody,tr,td){display:block}
.marl-matrix thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.marl-matrix tbody tr{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:2px;
margin-bottom:.9rem}
.marl-matrix tbody th{grid-column:1/-1;position:static}
.marl-matrix td.e{border:0}
.marl-matrix td{min-width:0;height:auto}
.marl-matrix td.no{padding:.45rem .1rem}
.marl-matrix td::before{content:attr(data-head);display:block;
font-size:.8rem}
}
""".replace("\n", "")
