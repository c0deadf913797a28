"""A learning curve that is small enough to stand below a table, as SVG."""

import html
import math
from collections.abc import Sequence
from itertools import pairwise

from marl_edu.plots.style import GREY, Reference
from marl_edu.results import Curve

FEW = 5  # runs from which on an interval or a band is shown
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 340, 190, 34, 12, 52, 34  # of a curve, in its own units


def draw(
    curve: Curve,
    trivial: Reference,
    best: Reference,
    title: str,
    colour: str,
    axis: str = "success",
) -> str:
    """A learning curve as a small SVG: a score in percent against environment steps.

    The axis goes down to the curve's lowest point, but not below -100 %.
    """
    end = float(curve.steps[-1])
    lowest = max(-1.0, math.floor(4 * min(0.0, float(curve.iqm.min()))) / 4)

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / end

    def y(share: float) -> float:
        above = (min(max(share, lowest), 1.0) - lowest) / (1 - lowest)
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - above)

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
    marks = sorted({lowest, 0.0, 0.5, 1.0})
    texts = [(LEFT - 5, y(share) + 4, percent(share), "end") for share in marks] + [
        (LEFT, HEIGHT - 18, "0", "middle"),
        (WIDTH - RIGHT, HEIGHT - 18, short(end), "middle"),
        ((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, "environment steps", "middle"),
        (LEFT + 4, TOP - 2, f"{axis} (%)", "start"),
    ]
    heights = apart([y(trivial[1]), y(best[1]), y(value[-1])], 13.0)
    for name, height in zip(("trivial", "best", f"{100 * value[-1]:.0f}"), heights, strict=True):
        texts.append((WIDTH - RIGHT + 4, height + 4, name, "start"))
    words = "".join(
        f'<text x="{a:.0f}" y="{b:.1f}" text-anchor="{align}">{html.escape(text)}</text>'
        for a, b, text, align in texts
    )
    alt = (
        f"{title}. {axis.capitalize()} along training ends at {100 * value[-1]:.0f} percent; "
        f"{trivial[0]} {100 * trivial[1]:.0f}, {best[0]} {100 * best[1]:.0f}."
    )
    axes = f"M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(alt)}" '
        'font-size="11" fill="currentColor">'
        f'<path d="{axes}" fill="none" stroke="currentColor"/>{"".join(parts)}{words}</svg>'
    )


def apart(heights: Sequence[float], gap: float) -> list[float]:
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


def short(n: float) -> str:
    """1440000 as `1.4 M`."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if n >= size:
            return f"{n / size:.2g} {unit}" if n < 100 * size else f"{n / size:.0f} {unit}"
    return f"{n:.0f}"


def percent(value: float) -> str:
    """A share as whole percent, with a minus sign; never `-0`."""
    percent = round(100 * value)
    return f"−{-percent}" if percent < 0 else str(percent)
