"""Curves: a score along training, against a quantity, over an episode, of a bug hunt.

Functions take stored results and return a matplotlib `Figure`; `plots.show` puts it on a page.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from marl_edu.plots.style import GREY, STYLE, Reference, colour, label
from marl_edu.results import Curve, Estimate


def learning_curves(
    curves: Mapping[str, Curve],
    trivial: Reference | None = None,
    best: Reference | None = None,
    ylabel: str = "success (%)",
    ylim: tuple[float, float] = (0.0, 100.0),
    scale: float = 100.0,
    core_minutes: float | None = None,
    earlier: Mapping[str, Curve] | None = None,
) -> Figure:
    """Interquartile means with 90 % bands, each labelled at its end.

    Args:
        curves: method -> its curve (`results.learning_curve`).
        trivial: name and score (on the axis' scale) of the policy that learns nothing, dashed.
        best: of the best possible, dotted.
        ylabel, ylim: of the score; the limits come from its meaning, not from the data.
        scale: curves are multiplied by this; 100 turns shares into percent.
        core_minutes: if given, a second axis: what the longest curve cost, per seed.
        earlier: name -> a curve to compare with, thin and grey.
    """
    if not curves:
        raise ValueError("curves must hold at least one method, got none")
    with matplotlib.style.context(STYLE):
        figure = Figure(layout="constrained")
        axes = figure.add_subplot()
        earlier = earlier or {}
        end = max(curve.steps[-1] for curve in (*curves.values(), *earlier.values()))
        labels: list[tuple[float, float, str, str]] = []
        for method, curve in curves.items():
            c, y = colour(method), scale * curve.iqm
            axes.fill_between(
                curve.steps, scale * curve.low, scale * curve.high, color=c, alpha=0.22, lw=0
            )
            axes.plot(curve.steps, y, color=c)
            labels.append((curve.steps[-1], y[-1], f"{label(method)} {y[-1]:.0f}", c))
        for name, curve in earlier.items():
            axes.plot(curve.steps, scale * curve.iqm, color=GREY, lw=1.2)
            labels.append((end, scale * curve.iqm[-1], f"{name} {scale * curve.iqm[-1]:.0f}", GREY))
        for reference, dashes in ((trivial, (5, 3)), (best, (1, 2))):
            if reference is not None:
                name, score = reference
                axes.axhline(score, color=GREY, lw=1.4, dashes=dashes)
                labels.append((end, score, f"{name} {score:.3g}", GREY))
        axes.set(xlim=(0, end), ylim=ylim, xlabel="environment steps", ylabel=ylabel)
        axes.xaxis.set_major_formatter(EngFormatter(sep=" "))
        axes.locator_params(axis="x", nbins=4)
        _end_labels(axes, labels)
        if core_minutes is not None:
            rate = core_minutes / end
            top = axes.secondary_xaxis(
                "top", functions=(lambda steps: steps * rate, lambda minutes: minutes / rate)
            )
            top.set_xlabel("core minutes per seed")
        return figure


def against(
    methods: Mapping[str, Mapping[float, Estimate]],
    xlabel: str,
    trivial: Reference | None = None,
    best: Reference | None = None,
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
            labels.append((x[-1], value[-1], f"{label(method)} {value[-1]:.0f}", c))
        for reference, dashes in ((trivial, (5, 3)), (best, (1, 2))):
            if reference is not None:
                axes.axhline(reference[1], color=GREY, lw=1.4, dashes=dashes, zorder=0)
                labels.append((ticks[-1], reference[1], f"{reference[0]} {reference[1]:.3g}", GREY))
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


def _end_labels(axes: Axes, labels: Iterable[tuple[float, float, str, str]]) -> None:
    """Texts at the right of the axes, moved apart where they would lie upon each other."""
    low, high = axes.get_ylim()
    ordered = sorted(labels, key=lambda label: label[1])
    gap = 0.085 * (high - low)
    heights = _spread([min(max(y, low), high) for _, y, *_ in ordered], gap, high)
    right = axes.get_yaxis_transform()
    for (_, y, text, c), height in zip(ordered, heights, strict=True):
        axes.plot([1.0, 1.045], [y, height], color=c, lw=1.2, transform=right, clip_on=False)
        axes.text(1.06, height, text, va="center", size=10, transform=right)


def _spread(wanted: Sequence[float], gap: float, top: float) -> list[float]:
    """Ascending heights at least `gap` apart, none above `top`, close to the wanted ones."""
    heights = list(wanted)
    for k in range(1, len(heights)):
        heights[k] = max(heights[k], heights[k - 1] + gap)
    for k in range(len(heights) - 1, -1, -1):
        heights[k] = min(heights[k], top - gap * (len(heights) - 1 - k))
    return heights
