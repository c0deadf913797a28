"""A point and its interval for each method."""

import math
from collections.abc import Mapping

import matplotlib.style
from matplotlib.figure import Figure

from marl_edu.plots.style import GREY, STYLE, Reference, colour, label
from marl_edu.results import Estimate


def intervals(
    estimates: Mapping[str, Estimate],
    trivial: Reference | None = None,
    best: Reference | None = None,
    xlabel: str = "success (%)",
    xlim: tuple[float, float] = (0.0, 100.0),
    scale: float = 100.0,
) -> Figure:
    """A point and its interval per method, with the numbers; first method on top.

    Args:
        estimates: method -> estimate (`results.interval`); without interval a bare point.
        trivial, best: name and score, vertical lines, dashed and dotted.
        xlabel, xlim, scale: as in `learning_curves`.
    """
    if not estimates:
        raise ValueError("estimates must hold at least one method, got none")
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(4.2, 1.15 + 0.42 * len(estimates)), layout="constrained")
        axes = figure.add_subplot()
        for k, (method, estimate) in enumerate(estimates.items()):
            c = colour(method)
            value, low, high = (scale * x for x in estimate[:3])
            text = f"{value:.1f}"
            if not math.isnan(low):
                axes.plot([low, high], [k, k], color=c, lw=5, alpha=0.45, clip_on=False)
                text += f"  ({low:.1f} to {high:.1f})"
            axes.plot(value, k, "o", color=c, ms=7, clip_on=False)
            axes.annotate(text, (1.05, k), xycoords=("axes fraction", "data"), va="center", size=10)
        line = 0.17 / figure.get_figheight() * 1.6  # the two names lie on two lines
        for k, (reference, dashes) in enumerate(((trivial, (5, 3)), (best, (1, 2)))):
            if reference is not None:
                name, score = reference
                height = 1.02 + k * line
                axes.axvline(score, color=GREY, lw=1.4, dashes=dashes, zorder=0)
                side = "left" if score < sum(xlim) / 2 else "right"
                at = axes.get_xaxis_transform()
                axes.text(score, height, f"{name} {score:.3g}", ha=side, size=10, transform=at)
        axes.set(xlim=xlim, ylim=(len(estimates) - 0.5, -0.5), xlabel=xlabel)
        axes.set_yticks(range(len(estimates)), [label(m) for m in estimates])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.locator_params(axis="x", nbins=2)  # beside the names there is little room
        return figure
