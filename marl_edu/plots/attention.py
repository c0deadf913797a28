"""Attention maps: receivers in rows, senders in columns, numbers in the cells."""

from collections.abc import Sequence

import matplotlib.style
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from marl_edu.plots.style import PALETTE, STYLE


def attention_map(
    attention: ArrayLike,
    head: int | None = 0,
    round: int = 0,
    names: Sequence[str] | None = None,
    senders: Sequence[str] | None = None,
) -> Figure:
    """Who listens to whom: senders in columns, receivers in rows, percent in the cells.

    Args:
        attention: weights (N, N) of one head, or (H, N, N) of which `head` is drawn; array or
            tensor. A dot marks a weight of exactly zero (masked).
        head, round: counted from 0; the title counts from 1. Without a head: the mean over all.
        names: of the N agents; their numbers by default.
        senders: names of the M columns of an attention (N, M), where receivers and senders are not
            the same; cells then show a decimal.

    Raises:
        ValueError: the shape is another, or a weight lies outside [0, 1].
    """
    weights = np.asarray(attention, dtype=np.float64)
    which = f"mean of {len(weights)} heads" if head is None else f"head {head + 1}"
    if head is None and weights.ndim == 3 and len(weights):
        weights = weights.mean(0)
    elif head is not None and weights.ndim == 3 and 0 <= head < len(weights):
        weights = weights[head]
    square = weights.ndim == 2 and weights.shape[0] == weights.shape[1]
    if weights.ndim != 2 or weights.size == 0 or not (square or senders):
        raise ValueError(
            f"attention must have the shape (N, N), or (H, N, N) with head {head} in it, "
            f"got {np.shape(attention)}"
        )
    if not ((weights >= 0) & (weights <= 1 + 1e-5)).all():
        raise ValueError(
            f"attention must lie in [0, 1], got {weights.min():.3g} to {weights.max():.3g}"
        )
    rows = [str(k) for k in range(len(weights))] if names is None else list(names)
    columns = rows if senders is None else list(senders)
    for what, given, n in zip(("names", "senders"), (rows, columns), weights.shape, strict=True):
        if len(given) != n:
            raise ValueError(f"{what} must hold {n} names, got {len(given)}")
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(4.2, 4.2), layout="constrained")
        axes = figure.add_subplot()
        axes.pcolormesh(weights, cmap=PALETTE, vmin=0, vmax=1, edgecolors="#ffffff", lw=0.8)
        for (i, j), weight in np.ndenumerate(weights):
            axes.text(
                j + 0.5,
                i + 0.5,
                "·" if weight == 0 else f"{100 * weight:.{0 if senders is None else 1}f}",
                ha="center",
                va="center",
                color=_ink(weight),
                size=10 if max(weights.shape) <= 12 else 7.5,
            )
        slant = 60 if len(columns) * max(map(len, columns)) > 30 else 0
        axes.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=slant)
        axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
        axes.set(xlabel="sender", ylabel="receiver", aspect="equal", ylim=(len(rows), 0))
        axes.set_title(f"attention in %, {which}, round {round + 1}", loc="left")
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        return figure


def attention_grid(attention: ArrayLike, names: Sequence[str]) -> Figure:
    """Who listens to whom, a row of maps per round and a column per head.

    Args:
        attention: weights (R, H, N, N), receivers in the rows of each map. An agent that neither
            hears nor is heard anywhere is not there, and is left out.
        names: of the agents.
    Raises:
        ValueError: another shape, or another number of names.
    """
    weights = np.asarray(attention, dtype=np.float64)
    if weights.ndim != 4 or weights.shape[2] != weights.shape[3]:
        raise ValueError(f"attention must have the shape (R, H, N, N), got {weights.shape}")
    R, H, N, _ = weights.shape
    if len(names) != N:
        raise ValueError(f"names must hold {N} names, got {len(names)}")
    used = weights.sum((0, 1))
    there = np.flatnonzero(used.sum(0) + used.sum(1)).tolist()
    weights = weights[:, :, there][..., there]
    size = 9 if len(there) <= 4 else 6.5  # on a phone they are not enlarged
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(4.6, 0.3 + 1.25 * R), layout="constrained")
        for (r, head), axes in np.ndenumerate(figure.subplots(R, H, squeeze=False)):
            here = weights[r, head]
            axes.pcolormesh(here, cmap=PALETTE, vmin=0, vmax=1, edgecolors="#fff", lw=0.4)
            for (i, j), weight in np.ndenumerate(here):
                if weight >= 0.05:
                    axes.text(
                        j + 0.5,
                        i + 0.5,
                        f"{100 * weight:.0f}",
                        ha="center",
                        va="center",
                        color=_ink(weight),
                        size=size,
                    )
            places, who = np.arange(len(there)) + 0.5, [names[i] for i in there]
            axes.set_xticks(places, who if r == R - 1 else [], size=size)
            axes.set_yticks(places, who if head == 0 else [], size=size)
            axes.set(aspect="equal", ylim=(len(there), 0))
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
