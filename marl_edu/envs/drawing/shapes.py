"""Pieces of pictures that all environments are drawn with, so that the same thing looks the same.

An agent is a disc with its number and its own colour; a target is a ring, a wall a filled cell,
what an agent sees a soft outline. Coordinates are in the units of the picture, y downwards.
The junction, which came first, has roads and headings too: `marl_edu.envs.svg`.
"""

from collections.abc import Iterable

from marl_edu.envs.drawing.junction import AGENT_COLOURS, STYLE, escape

CELL = 40  # side of a cell

Number = int | float


def canvas(width: Number, height: Number, parts: Iterable[str], label: str) -> str:
    """The picture: `parts` on a light ground. label: what it shows, for those who cannot see it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(label)}" font-family="system-ui,sans-serif" style="{STYLE}">'
        f'<rect width="{width:g}" height="{height:g}" rx="8" fill="var(--block)"/>'
        f"{''.join(parts)}</svg>"
    )


def grid(rows: int, columns: int) -> str:
    """Thin lines between cells of side CELL."""
    across = "".join(f"M0 {r * CELL}h{columns * CELL}" for r in range(1, rows))
    down = "".join(f"M{c * CELL} 0v{rows * CELL}" for c in range(1, columns))
    return f'<path d="{across}{down}" stroke="var(--line)" stroke-opacity=".35" fill="none"/>'


def centre(row: Number, column: Number) -> tuple[float, float]:
    """The middle of a cell, as (x, y)."""
    return (column + 0.5) * CELL, (row + 0.5) * CELL


def cells(where: Iterable[tuple[int, int]], fill: str = "var(--soft)") -> str:
    """Filled cells, (row, column) each; by default walls."""
    path = "".join(f"M{c * CELL} {r * CELL}h{CELL}v{CELL}h-{CELL}z" for r, c in where)
    return f'<path d="{path}" fill="{fill}"/>' if path else ""


def agent(
    number: int,
    x: Number,
    y: Number,
    radius: Number = 15,
    text: str | None = None,
    hollow: bool = False,
) -> str:
    """A disc in the agent's colour with its number (or `text`) on it; hollow: it is silenced."""
    k = number % len(AGENT_COLOURS)
    fill, ink = (f"var(--a{k})", f"var(--t{k})") if not hollow else ("var(--paper)", "var(--ink)")
    size = 1.25 * radius
    return (
        f'<g transform="translate({x:.1f} {y:.1f})"><circle r="{radius:g}" fill="{fill}" '
        f'stroke="var(--ink)" stroke-width="{radius / 10:g}"/>'
        f'<text y="{0.36 * size:.1f}" text-anchor="middle" font-size="{size:.1f}" '
        f'font-weight="700" fill="{ink}">{number if text is None else escape(text)}</text></g>'
    )


def target(
    x: Number, y: Number, radius: Number = 11, width: Number = 4, colour: str = "var(--ink)"
) -> str:
    """A ring."""
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="none" stroke="{colour}" '
        f'stroke-width="{width:g}"/>'
    )


def outline(row: int, column: int, reach: int, rows: int, columns: int, number: int) -> str:
    """What agent `number` sees of a grid: a soft outline around so many cells in each direction."""
    top, left = max(row - reach, 0), max(column - reach, 0)
    height = min(row + reach + 1, rows) - top
    width = min(column + reach + 1, columns) - left
    colour = f"var(--a{number % len(AGENT_COLOURS)})"
    return (
        f'<rect x="{left * CELL}" y="{top * CELL}" width="{width * CELL}" '
        f'height="{height * CELL}" rx="6" fill="{colour}" fill-opacity=".12" '
        f'stroke="{colour}" stroke-opacity=".6" stroke-dasharray="5 4"/>'
    )


def lines(segments: Iterable[tuple[Number, Number, Number, Number]], width: Number = 2) -> str:
    """Plain lines (x1, y1, x2, y2): the edges of a graph."""
    path = "".join(f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" for a, b, c, d in segments)
    return (
        f'<path d="{path}" stroke="var(--line)" stroke-opacity=".7" stroke-width="{width:g}"/>'
        if path
        else ""
    )


def words(text: str, x: Number, y: Number, size: Number = 16, colour: str = "var(--ink)") -> str:
    """A line of text, its middle at x, its foot at y."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" font-size="{size:g}" '
        f'font-weight="600" fill="{colour}">{escape(text)}</text>'
    )
