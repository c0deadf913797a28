"""More of the book's still figures: a score against a quantity, several attention maps at once.

The look is that of `marl_edu.plots`; `plots.show` puts them on a page.
"""

from collections.abc import Collection, Mapping, Sequence

import matplotlib.style
import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter
from numpy.typing import ArrayLike

from marl_edu.plots import GREY, STYLE, Anchor, _end_labels, _label, colour
from marl_edu.results import Estimate


def against(
    methods: Mapping[str, Mapping[float, Estimate]],
    xlabel: str,
    trivial: Anchor | None = None,
    best: Anchor | None = None,
    ylabel: str = "success (%)",
    ylim: tuple[float, float] = (0.0, 100.0),
    scale: float = 100.0,
) -> Figure:
    """Estimates with their intervals against a positive quantity, on a scale of factors of two.

    Args:
        methods: method -> quantity -> estimate; the quantities are the ticks.
        xlabel, ylabel, ylim, scale, trivial, best: as in `plots.learning_curves`.
    """
    if not methods or not all(methods.values()):
        raise ValueError(f"methods must each hold at least one estimate, got {dict(methods)!r}")
    ticks = sorted({x for series in methods.values() for x in series})
    if ticks[0] <= 0:
        raise ValueError(f"quantities must be positive, got {ticks[0]!r}")
    with matplotlib.style.context(STYLE):
        figure = Figure(layout="constrained")
        axes = figure.add_subplot()
        labels = []
        for method, series in methods.items():
            x = sorted(series)
            value, low, high = (
                scale * np.array([getattr(series[k], part) for k in x])
                for part in ("value", "low", "high")
            )
            c = colour(method)
            axes.fill_between(x, low, high, color=c, alpha=0.22, lw=0)
            axes.plot(x, value, color=c, marker="o", ms=5, clip_on=False)
            labels.append((x[-1], value[-1], f"{_label(method)} {value[-1]:.0f}", c))
        for anchor, dashes in ((trivial, (5, 3)), (best, (1, 2))):
            if anchor is not None:
                axes.axhline(anchor[1], color=GREY, lw=1.4, dashes=dashes, zorder=0)
                labels.append((ticks[-1], anchor[1], f"{anchor[0]} {anchor[1]:.3g}", GREY))
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
        axes.set(xlim=(ticks[0], ticks[-1]), ylim=ylim, xlabel=xlabel, ylabel=ylabel)
        _end_labels(axes, labels)
        return figure


def over_time(
    lines: Mapping[str, Sequence[float]],
    xlabel: str,
    ylabel: str,
    ylim: tuple[float, float],
) -> Figure:
    """A few named series along the steps of an episode, told apart by dashes and labels."""
    if not lines:
        raise ValueError("lines must hold at least one series, got none")
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(4.2, 2.4), layout="constrained")
        axes = figure.add_subplot()
        length = max(map(len, lines.values()))
        labels = []
        for dash, (name, y) in zip(("-", "--", ":", "-."), lines.items(), strict=False):
            axes.plot(range(1, len(y) + 1), y, dash, color=colour("tarmac"))
            labels.append((length, y[-1], name, colour("tarmac")))
        axes.set(xlim=(1, length), ylim=ylim, xlabel=xlabel, ylabel=ylabel)
        _end_labels(axes, labels)
        return figure


def attention_grid(attention: ArrayLike, names: Sequence[str]) -> Figure:
    """Who listens to whom, a row of maps per round and a column per head.

    Args:
        attention: weights (R, H, N, N), receivers in the rows of each map. names: of the agents.
    Raises:
        ValueError: another shape, or another number of names.
    """
    weights = np.asarray(attention, dtype=np.float64)
    if weights.ndim != 4 or weights.shape[2] != weights.shape[3]:
        raise ValueError(f"attention must have the shape (R, H, N, N), got {weights.shape}")
    R, H, N, _ = weights.shape
    if len(names) != N:
        raise ValueError(f"names must hold {N} names, got {len(names)}")
    palette = colormaps["YlGnBu"]
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(4.6, 0.3 + 1.25 * R), layout="constrained")
        for (r, head), axes in np.ndenumerate(figure.subplots(R, H, squeeze=False)):
            axes.pcolormesh(
                weights[r, head], cmap=palette, vmin=0, vmax=1, edgecolors="#fff", lw=0.4
            )
            for (i, j), weight in np.ndenumerate(weights[r, head]):
                if weight >= 0.05:
                    dark = np.dot(palette(min(weight, 1.0))[:3], (0.299, 0.587, 0.114)) < 0.5
                    axes.text(
                        j + 0.5,
                        i + 0.5,
                        f"{100 * weight:.0f}",
                        ha="center",
                        va="center",
                        color="#ffffff" if dark else "#000000",
                        size=6.5,
                    )
            axes.set_xticks(np.arange(N) + 0.5, names if r == R - 1 else [], size=7)
            axes.set_yticks(np.arange(N) + 0.5, names if head == 0 else [], size=7)
            axes.set(aspect="equal", ylim=(N, 0))
            axes.set_title(f"round {r + 1}, head {head + 1}", size=8, weight="normal")
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
        figure.supxlabel("sender", size=9)
        figure.supylabel("receiver", size=9)
        return figure


def hunt(
    runs: Mapping[str, Sequence[Mapping[str, int | float]]],
    panels: Mapping[str, str],
    x: tuple[str, str] = ("update", "updates"),
    scale: float = 1.0,
    ylim: tuple[float, float | None] = (0.0, None),
    log: Collection[str] = (),
) -> Figure:
    """The two training runs of a bug hunt, the first (with the bug) dashed and in grey.

    Args:
        runs: name -> rows of its training log.
        panels: key of the rows -> its label; a panel each, one below the other.
        x: key and label of the horizontal axis. scale: what the numbers are multiplied by.
        ylim: of the panels. log: keys on a logarithmic scale, with their own limits and no names.
    """
    looks = [(GREY, "--"), ("C0", "-")]
    with matplotlib.style.context(STYLE):
        width, height = matplotlib.rcParams["figure.figsize"]
        size = (width, height * (1 + 0.6 * (len(panels) - 1)))
        figure = Figure(layout="constrained", figsize=size)
        column = figure.subplots(len(panels), 1, squeeze=False, sharex=True)[:, 0]
        for axes, (key, label) in zip(column, panels.items(), strict=True):
            ends = []
            for (name, rows), (c, dashes) in zip(runs.items(), looks, strict=True):
                steps, numbers = [row[x[0]] for row in rows], [scale * row[key] for row in rows]
                axes.plot(steps, numbers, c=c, ls=dashes)
                ends.append((float(steps[-1]), numbers[-1], name, c))
            axes.set(xlim=(steps[0], steps[-1]))
            axes.set_title(label, loc="left", size=10, weight="normal")
            if key in log:
                axes.set_yscale("log")
            else:
                axes.set_ylim(ylim)
                _end_labels(axes, ends)
        axes.set(xlabel=x[1])
        axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
        axes.locator_params(axis="x", nbins=4)
    return figure
