"""Published numbers beside ours, with the trivial and the best possible score in between.

The verdict follows one rule, `verdict`: two results match where their intervals overlap, both at
`statistics.LEVEL`. All scores are success rates in percent. Ours are greedy policies on fresh
episodes at the full arrival rate, IQM over seeds. IC3Net's are means over five runs of the sampling
policy, averaged over the last episodes of training.
"""

import html
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import scipy  # which imports its parts when they are used; stats takes a second

from marl_edu.core import storage
from marl_edu.core.records import by_seed
from marl_edu.results import folders
from marl_edu.results.folders import RESULTS
from marl_edu.results.statistics import LEVEL, Estimate, summary

REFERENCE = RESULTS / "reference-scores.json"


class Published(NamedTuple):
    """A number from a paper, in percent."""

    method: str
    mean: float
    spread: float  # as printed behind the +-
    kind: str  # what it is: "s.d." of the runs, "s.e." of their mean, or "?" where nobody says
    source: str
    comparable: bool = True  # the same task as ours?
    other: bool = False  # another method than ours?
    runs: int = 5

    @property
    def half_widths(self) -> dict[str, float]:
        """Half the interval of the mean, by Student's t, for each thing that `spread` may be."""
        kinds = ("s.d.", "s.e.") if self.kind == "?" else (self.kind,)
        student = float(scipy.stats.t.ppf((1 + LEVEL) / 2, self.runs - 1))
        errors = {"s.d.": self.spread / math.sqrt(self.runs), "s.e.": self.spread}
        return {kind: student * errors[kind] for kind in kinds}


_IC3NET = "Singh et al. 2019, arXiv 1812.09755, Table 1, right"
_TARMAC = "Das et al. 2019, arXiv 1810.11187, Table 3; its cars see the 3 x 3 cells around them"


def _ic3net(method: str, mean: float, spread: float, other: bool = False) -> Published:
    """A number of IC3Net's table, which does not say what its ± is."""
    return Published(method, mean, spread, "?", _IC3NET, other=other)


# Ours -> what to hold beside it. IC3Net's table gives the task: easy p = .3, medium p = .2,
# hard p = .05, vision 0. "IC" (independent controller) is its recurrent team without
# communication; "CommNet" is CommNet as run by the authors of IC3Net. TarMAC was published at the
# same arrival rates, but with cars that see a 3 x 3 region; without communication they already
# succeed in 84.9 % (IC: 30.2 %).
PUBLISHED: dict[str, tuple[Published, ...]] = {
    "none-easy": (_ic3net("IC", 30.2, 0.4),),
    "none-medium": (_ic3net("IC", 3.4, 0.5),),
    "none-hard": (_ic3net("IC", 47.0, 2.9),),
    "commnet-easy": (_ic3net("CommNet", 93.0, 4.2),),
    "commnet-medium": (_ic3net("CommNet", 54.3, 14.2),),
    "commnet-hard": (_ic3net("CommNet", 50.2, 3.5),),
    "ic3net-easy": (_ic3net("IC3Net", 93.0, 3.7),),
    "ic3net-medium": (_ic3net("IC3Net", 89.3, 2.5),),
    "tarmac-easy": (
        _ic3net("IC3Net", 93.0, 3.7, other=True),
        Published("TarMAC, own setting", 99.9, 0.1, "s.e.", _TARMAC, comparable=False),
    ),
    "tarmac-medium": (_ic3net("IC3Net", 89.3, 2.5, other=True),),
    "tarmac-hard": (
        _ic3net("IC3Net", 72.4, 9.6, other=True),
        Published("TarMAC 2 rounds, own setting", 97.1, 1.6, "s.e.", _TARMAC, comparable=False),
    ),
}


class ReferenceScore(NamedTuple):
    """A score that gives the others their meaning: of a policy without learning, in percent."""

    name: str
    score: float


def reference_scores(task: str, folder: Path = RESULTS) -> dict[str, ReferenceScore]:
    """The "trivial" and the "best" score of a task, as `experiments reference` measured them.

    Args:
        task: what stands behind the dash in an experiment's name: "easy" of "tarmac-easy".

    Returns:
        an empty dictionary where the task was not measured, or names no trivial policy.
    """
    path = folder / REFERENCE.name
    stored = storage.read_json(path)["tasks"].get(task) if path.exists() else None
    if stored is None or stored["trivial"] is None:
        return {}
    found = {}
    for policy in stored["policies"]:
        kind = "trivial" if policy["name"] == stored["trivial"] else policy["role"]
        if kind in ("trivial", "best"):
            score = policy["mean"] if policy["exact"] is None else policy["exact"]
            found[kind] = ReferenceScore(policy["name"], 100.0 * score)
    return found


def verdict(paper: Published | None, ours: Estimate | None) -> str:
    """One of: not attempted, no number to compare, other setting, one run, matches, better, weaker.

    Better (weaker) means that our whole interval lies above (below) the paper's, which is Student's
    from its printed spread; matches means that they overlap. Higher is better. Where the paper does
    not say what its spread is, the verdict names both readings.
    """
    if ours is None:
        return "not attempted"
    if paper is None:
        return "no number to compare"
    if not paper.comparable:
        return "other setting"
    if math.isnan(ours.low):
        return "one run"
    found: dict[str, list[str]] = {}  # word -> the readings that lead to it
    for kind, half in paper.half_widths.items():
        above, below = ours.low > paper.mean + half, ours.high < paper.mean - half
        found.setdefault("better" if above else "weaker" if below else "matches", []).append(kind)
    if len(paper.half_widths) == 1:
        return next(iter(found))
    return ", ".join(f"{word} (± as {' or '.join(kinds)})" for word, kinds in found.items())


class Row(NamedTuple):
    """One line of a table: our result (in percent) and what to hold beside it."""

    name: str
    paper: Published | None
    ours: Estimate | None
    best: ReferenceScore | None = None
    trivial: ReferenceScore | None = None

    @property
    def heading(self) -> str:
        """Its name, and whom it is judged against if that is another method."""
        against = f", against {self.paper.method}" if self.paper and self.paper.other else ""
        return self.name + against

    @property
    def cells(self) -> list[str]:
        """The row, as text."""
        p, o = self.paper, self.ours
        number = "—" if o is None else f"{o.value:.1f}"
        spread = "—" if o is None or math.isnan(o.low) else f"{o.low:.1f} to {o.high:.1f}"
        return [
            self.heading,
            f"{p.method}: {p.mean:.1f} ± {p.spread:.1f} ({p.kind})" if p else "—",
            number,
            spread,
            str(o.n) if o else "0",
            f"{self.best.score:.1f} ({self.best.name})" if self.best else "—",
            f"{self.trivial.score:.1f} ({self.trivial.name})" if self.trivial else "—",
            verdict(p, o),
        ]


INTERVAL = f"{100 * LEVEL:.0f} %"
COLUMNS = ["", "paper", "ours", INTERVAL, "n", "best possible", "trivial baseline", "verdict"]


class Table:
    """A table which shows itself as HTML in a notebook and as text or markdown elsewhere."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str):
        """columns: the head, its first entry names the rows. rows: as many texts each."""
        self.columns, self.rows, self.caption = list(columns), [list(r) for r in rows], caption

    def without(self, *columns: str) -> "Table":
        """The same table with some of its columns left out."""
        kept = [k for k, name in enumerate(self.columns) if name not in columns]
        rows = [[row[k] for k in kept] for row in self.rows]
        return Table([self.columns[k] for k in kept], rows, self.caption)

    @property
    def text(self) -> str:
        """Columns padded with blanks, the caption above."""
        lines = [self.columns, *self.rows]
        widths = [max(len(line[k]) for line in lines) for k in range(len(self.columns))]
        padded = ["  ".join(c.ljust(w) for c, w in zip(x, widths, strict=True)) for x in lines]
        return "\n".join([self.caption, *(line.rstrip() for line in padded)])

    @property
    def markdown(self) -> str:
        """A GitHub table, the caption below."""
        lines = ["| " + " | ".join(line) + " |" for line in [self.columns, *self.rows]]
        rule = "|---" * len(self.columns) + "|"
        return "\n".join([lines[0], rule, *lines[1:], "", self.caption])

    def _repr_html_(self) -> str:
        head = "".join(
            f'<th scope="col">{html.escape(c) or "experiment"}</th>' for c in self.columns
        )
        body = []
        for first, *rest in self.rows:
            cells = "".join(f"<td>{html.escape(c)}</td>" for c in rest)
            body.append(f'<tr><th scope="row">{html.escape(first)}</th>{cells}</tr>')
        caption = html.escape(self.caption)
        # A narrow screen scrolls inside the frame, which the keyboard can reach. The class name
        # is the one by which the site's theme knows tables.
        return (
            f'<div class="marl-table" role="region" tabindex="0" aria-label="{caption}" '
            'style="overflow-x:auto"><table class="dataframe">'
            '<caption style="caption-side:bottom;text-align:left;max-width:85vw">'
            f"{caption}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
        )

    def __repr__(self) -> str:
        return self.text


def table(rows: Sequence[Row], caption: str = "Success in percent.") -> Table:
    """A table: paper | ours | interval | n | best possible | trivial baseline | verdict."""
    return Table(COLUMNS, [row.cells for row in rows], caption)


def overview(folder: Path = RESULTS, names: Sequence[str] | None = None) -> Table:
    """The table of these experiments (None: all that were run, and all that papers report)."""
    if names is None:
        ran = [path for path in sorted(folder.glob("*/seed-0.json")) if _is_of_its_folder(path)]
        names = list(dict.fromkeys([*PUBLISHED, *(path.parent.name for path in ran)]))
    rows = []
    for name in names:
        ours = None
        if by_seed(folder / name, "seed-"):
            found = summary(name, folder=folder)
            value, low, high = (100.0 * x for x in found[:3])
            ours = Estimate(value, low, high, found.n)
        known = reference_scores(name.partition("-")[2], folder)
        papers: Sequence[Published | None] = PUBLISHED.get(name) or [None]
        rows += [Row(name, p, ours, known.get("best"), known.get("trivial")) for p in papers]
    caption = (
        "Success in percent: ours is the interquartile mean of n seeds, greedy, on fresh episodes; "
        "its interval covers the luck of seeds and of episodes"
    )
    if any(row.paper for row in rows):
        caption += (
            "; ± is the paper's, which does not always say what it is, (?) where it does not. As a "
            "standard deviation (s.d.) it is divided by the root of the paper's runs. The two "
            f"match where their {INTERVAL} intervals overlap"
        )
    return table(rows, f"{caption}.")


def _is_of_its_folder(path: Path) -> bool:
    """Whether a record is of the experiment that its folder is called after, and no copy."""
    folder = path.parent
    name = storage.read_json(path).get("experiment", folder.name)
    if name != folder.name:
        warnings.warn(f"{folder} is not counted: it holds a copy of {name}", stacklevel=3)
    return name == folder.name


def environments(
    folder: Path = RESULTS, tasks: Sequence[str] | None = None, details: bool = True
) -> Table:
    """The reference scores of these tasks, by their keys (None: of all that the book shows).

    A cell holds the mean score over episodes, with `details` also its 95 % interval and the name
    of the policy; of several policies of a role, the best one. "Own view" hears nobody; "views
    shared" is no bound either. The first column says what the score is, and whether more (↑) or
    less (↓) is better.

    Raises:
        ValueError: no such task was measured. FileNotFoundError: none was.
    """
    stored = folders.read(folder / REFERENCE.name, "marl_edu.experiments reference")["tasks"]
    for task in tasks or ():
        if task not in stored:
            raise ValueError(f"tasks must be some of {', '.join(stored)}, got {task!r}")
    columns = {
        "best": "best possible",
        "random": "random",
        "open-loop": "best open-loop",
        "own view": "own view",
        "shared view": "views shared",
    }
    rows = []
    chosen = [stored[key] for key in tasks or stored if tasks or stored[key]["shown"]]
    for task in chosen:
        sign = 1 if task["higher_is_better"] else -1
        cells = []
        for role in columns:
            known = [one for one in task["policies"] if one["role"] == role]
            best = max(known, key=lambda one: sign * one["mean"], default=None)
            cells.append(_reference_cell(best, task["unit"].startswith("share"), details))
        rows.append([f"{task['name']}: {task['unit']} {'↑' if sign > 0 else '↓'}", *cells])
    episodes = min(one["n"] for task in chosen for one in task["policies"])
    shown = "mean [95 % interval] (policy)" if details else "mean"
    return Table(
        ["environment: score", *columns.values()],
        rows,
        f"What policies without learning score: {shown}, at least {episodes:,} episodes each. "
        "↑ more is better, ↓ less is better. = marks an exact value, rounded. Shares in percent.",
    )


def _reference_cell(policy: Mapping[str, Any] | None, percent: bool, details: bool) -> str:
    if policy is None:
        return "—"
    unit = 100.0 if percent else 1.0

    def number(x: float) -> str:
        size = abs(unit * x)
        return f"{unit * x:.{1 if size >= 10 else 2}f}"

    exact = policy["exact"] is not None
    value = f"= {number(policy['exact'])}" if exact else number(policy["mean"])
    if not details:
        return value
    between = "" if exact else f" [{number(policy['low'])}, {number(policy['high'])}]"
    named = "" if policy["name"] == "random" else f" ({policy['name']})"
    return value + between + named
