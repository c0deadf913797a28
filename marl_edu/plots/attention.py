"""Attention maps: receivers in rows, senders in columns, numbers in the cells."""

from collections.abc import Sequence

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from marl_edu.plots.style import PALETTE, STYLE


def attention_map(
    attention: ArrayLike,
    head: int = 0,
    round: int = 0,
    names: Sequence[str] | None = None,
) -> Figure:
    """Who listens to whom: senders in columns, receivers in rows, percent in the cells.

    Args:
        attention: weights (N, N) of one head, or (H, N, N) of which `head` is drawn; array or
            tensor. A dot marks a weight of exactly zero (masked).
        head, round: counted from 0; the title counts from 1.
        names: of the N agents; their numbers by default.

    Raises:
        ValueError: the shape is another, or a weight lies outside [0, 1].
    """
    weights = np.asarray(attention, dtype=np.float64)
    if weights.ndim == 3 and 0 <= head < len(weights):
        weights = weights[head]
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or weights.size == 0:
        raise ValueError(
            f"attention must have the shape (N, N), or (H, N, N) with head {head} in it, "
            f"got {np.shape(attention)}"
        )
    if not ((weights >= 0) & (weights <= 1 + 1e-5)).all():
        raise ValueError(
            f"attention must lie in [0, 1], got {weights.min():.3g} to {weights.max():.3g}"
        )
    n = len(weights)
    names = [str(k) for k in range(n)] if names is None else list(names)
    if len(names) != n:
        raise ValueError(f"names must hold {n} names, got {len(names)}")
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(4.2, 4.2), layout="constrained")
        axes = figure.add_subplot()
        axes.pcolormesh(weights, cmap=PALETTE, vmin=0, vmax=1, edgecolors="#ffffff", lw=0.8)
        for (i, j), weight in np.ndenumerate(weights):
            axes.text(
                j + 0.5,
                i + 0.5,
                "·" if weight == 0 else f"{100 * weight:.0f}",
                ha="center",
                va="center",
                color=_ink(weight),
                size=10 if n <= 12 else 7.5,
            )
        centres = np.arange(n) + 0.5
        slant = 60 if n * max(map(len, names)) > 30 else 0
        axes.set_xticks(centres, names, rotation=slant)
        axes.set_yticks(centres, names)
        axes.set(xlabel="sender", ylabel="receiver", aspect="equal", ylim=(n, 0))
        axes.set_title(f"attention in %, head {head + 1}, round {round + 1}", loc="left")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
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
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(4.6, 0.3 + 1.25 * R), layout="constrained")
        for (r, head), axes in np.ndenumerate(figure.subplots(R, H, squeeze=False)):
            axes.pcolormesh(
                weights[r, head], cmap=PALETTE, vmin=0, vmax=1, edgecolors="#fff", lw=0.4
            )
            for (i, j), weight in np.ndenumerate(weights[r, head]):
                if weight >= 0.05:
                    axes.text(
                        j + 0.5,
                        i + 0.5,
                        f"{100 * weight:.0f}",
                        ha="center",
                        va="center",
                        color=_ink(weight),
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


def _ink(weight: float) -> str:
    """White or black, whichever stands out from the palette's colour of this weight."""
    dark = np.dot(PALETTE(min(weight, 1.0))[:3], (0.299, 0.587, 0.114)) < 0.5
    return "#ffffff" if dark else "#000000"
