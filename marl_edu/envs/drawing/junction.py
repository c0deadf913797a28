"""Junctions as pictures: one SVG string, drawn the same way in every chapter.

A car is a disc with its number and colour; its nose points where it drives, a bar before it says
that it waits. An arrow is a message, from sender to listener, as wide as the attention paid to
it. A hollow disc with a stroke through it is muted. A cross is a collision.

The live figure (`marl_edu.widgets`) draws the moving parts itself, with the same numbers.
Colours are CSS variables of the page; in JupyterLab or outside any page they fall back on others.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from marl_edu.envs.traffic_junction_roads import Cell, RoadMap

CELL = 40  # side of a cell in the units of the picture
DISC = 15  # radius of a car
FAINTEST = 0.05  # attention below this is not drawn

# name: (variable of the site, variable of JupyterLab, colour elsewhere, colour elsewhere if dark)
COLOURS = {
    "ink": ("--marl-ink", "--jp-ui-font-color1", "#1f2328", "#e6e8eb"),
    "soft": ("--marl-ink-soft", "--jp-ui-font-color2", "#545b64", "#aab1ba"),
    "paper": ("--marl-paper", "--jp-layout-color0", "#ffffff", "#14181e"),
    "block": ("--marl-paper-soft", "--jp-cell-editor-background", "#f3f4f6", "#222832"),
    "line": ("--marl-line", "--jp-border-color0", "#8a9099", "#7f8793"),
    "road": ("--marl-road", "--jp-layout-color2", "#e4e7eb", "#333b47"),
    "accent": ("--marl-accent", "--jp-brand-color1", "#005a8f", "#7cc4f0"),
    "bad": ("--marl-bad", "--jp-error-color1", "#a33b00", "#ff9d66"),
}
# Okabe and Ito, agents in their order; the second is the number's colour on the disc.
AGENT_COLOURS = (
    ("#0072b2", "#ffffff"), ("#e69f00", "#000000"), ("#009e73", "#000000"), ("#d55e00", "#000000"),
    ("#cc79a7", "#000000"), ("#56b4e9", "#000000"), ("#f0e442", "#000000"), ("#000000", "#ffffff"),
)  # fmt: skip

# Goes on the svg element: --ink, --road, ..., and --a0, --t0, ... for agents and their numbers.
STYLE = "".join(
    f"--{name}:var({site},var({lab},{light}));" for name, (site, lab, light, _) in COLOURS.items()
) + "".join(
    f"--a{k}:var(--marl-{k + 1},{fill});--t{k}:var(--marl-on-{k + 1},{text});"
    for k, (fill, text) in enumerate(AGENT_COLOURS)
)
_DARK = "".join(f"{site}:{dark};" for site, _, _, dark in COLOURS.values())


@dataclass(frozen=True)
class Car:
    """A car of a picture; its number is its slot in the environment."""

    number: int
    cell: Cell
    heading: Cell  # (row step, column step) of its next move
    waits: bool = False
    muted: bool = False


def car(number: int, route: list[Cell], place: int, waits: bool, muted: bool = False) -> Car:
    """The car in slot `number`, `place` cells into its route, looking where it drives next."""
    before = min(place, len(route) - 2)  # in its last cell it looks ahead
    (r0, c0), (r1, c1) = route[before], route[before + 1]
    return Car(number, route[place], (r1 - r0, c1 - c0), waits, muted)


def draw(
    roads: RoadMap,
    cars: Iterable[Car],
    arrows: Iterable[tuple[int, int, float]] = (),
    label: str = "",
    standalone: bool = False,
) -> str:
    """One moment of a junction.

    Args:
        roads: the map. cars: those on the road; two in one cell have collided.
        arrows: `(sender, receiver, weight)` by car number; weights in [0, 1].
        label: what the picture shows, for those who cannot see it.
        standalone: for a file of its own, with its own dark colours, rather than for a page.
    """
    cars = list(cars)
    side = roads.side * CELL
    places = _places(cars)
    crashes = [cell for cell, count in Counter(car.cell for car in cars).items() if count > 1]
    parts = [
        background(roads),
        *(_arrow(places[i], places[j], w) for i, j, w in arrows if i in places and j in places),
        *(_car(car, *places[car.number]) for car in cars),
        *(_crash(cell) for cell in crashes),
    ]
    label = label or f"Junction with {len(cars)} car{'s' * (len(cars) != 1)}"
    dark = f"<style>@media(prefers-color-scheme:dark){{svg{{{_DARK}}}}}</style>"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" role="img" '
        f'aria-label="{escape(label)}" font-family="system-ui,sans-serif" style="{STYLE}">'
        f"{dark if standalone else ''}{''.join(parts)}</svg>"
    )


def background(roads: RoadMap) -> str:
    """What stands still: the ground, the roads, and which way they lead."""
    side, lines, marks = roads.side * CELL, [], []
    headings: dict[Cell, set[Cell]] = {}
    for route in (entry[0] for entry in roads.routes):  # the first route of an entry is straight
        (r0, c0), (r1, c1), (rn, cn) = route[0], route[1], route[-1]
        step = (r1 - r0, c1 - c0)
        x, y = _centre((r0 - step[0] / 2, c0 - step[1] / 2))
        to_x, to_y = _centre((rn + step[0] / 2, cn + step[1] / 2))
        lines.append(f"M{x:g} {y:g}L{to_x:g} {to_y:g}")
        for cell in route:
            headings.setdefault(cell, set()).add(step)
        marks += [_chevron(cell, step) for cell in (route[0], route[-1])]
    # Between two lanes of opposite directions, a dash per cell.
    for (row, column), steps in headings.items():
        for across in ((1, 0), (0, 1)):
            other = headings.get((row + across[0], column + across[1]), set())
            opposite = {(-r, -c) for r, c in steps}
            if len(steps) == 1 and opposite == other and across not in steps | opposite:
                x, y = _centre((row + across[0] / 2, column + across[1] / 2))
                dx, dy = across[0] * CELL / 4, across[1] * CELL / 4
                marks.append(f"M{x - dx:g} {y - dy:g}L{x + dx:g} {y + dy:g}")
    return (
        f'<rect width="{side}" height="{side}" rx="12" fill="var(--block)"/>'
        f'<path d="{"".join(lines)}" stroke="var(--line)" stroke-width="{CELL + 1}"/>'
        f'<path d="{"".join(lines)}" stroke="var(--road)" stroke-width="{CELL - 1}"/>'
        f'<path d="{"".join(marks)}" fill="none" stroke="var(--line)" stroke-width="2"/>'
    )


def _centre(cell: tuple[int | float, int | float]) -> tuple[float, float]:
    """The middle of a cell as (x, y)."""
    return (cell[1] + 0.5) * CELL, (cell[0] + 0.5) * CELL


def _chevron(cell: Cell, step: Cell) -> str:
    x, y = _centre(cell)
    dx, dy = 5 * step[1], 5 * step[0]
    return f"M{x - dx - dy:g} {y - dy - dx:g}L{x + dx:g} {y + dy:g}L{x - dx + dy:g} {y - dy + dx:g}"


def _places(cars: list[Car]) -> dict[int, tuple[float, float]]:
    """Where each car is drawn: cars in one cell side by side."""
    sharing: dict[Cell, list[int]] = {}
    for car in cars:
        sharing.setdefault(car.cell, []).append(car.number)
    places = {}
    for cell, numbers in sharing.items():
        x, y = _centre(cell)
        for k, number in enumerate(sorted(numbers)):
            shift = 14 * (2 * k - len(numbers) + 1)
            places[number] = (x + shift, y - shift)
    return places


def _car(car: Car, x: float, y: float) -> str:
    k = car.number % len(AGENT_COLOURS)
    dy, dx = car.heading
    fill, text = (f"var(--a{k})", f"var(--t{k})")
    parts = []
    if car.waits:
        bx, by = 20 * dx, 20 * dy
        parts.append(
            f'<path d="M{bx - 10 * dy:g} {by - 10 * dx:g}L{bx + 10 * dy:g} {by + 10 * dx:g}" '
            'stroke="var(--bad)" stroke-width="4" stroke-linecap="round"/>'
        )
    else:
        parts.append(
            f'<path d="M{22 * dx:g} {22 * dy:g}L{10 * dx - 9 * dy:g} {10 * dy - 9 * dx:g}'
            f'L{10 * dx + 9 * dy:g} {10 * dy + 9 * dx:g}z" fill="var(--ink)"/>'
        )
    if car.muted:
        fill, text = "var(--paper)", "var(--ink)"
    edge = f"var(--a{k})" if car.muted else "var(--ink)"
    parts.append(f'<circle r="{DISC}" fill="{fill}" stroke="{edge}" stroke-width="1.5"/>')
    if car.muted:
        parts.append('<path d="M-14 14L14 -14" stroke="var(--bad)" stroke-width="3"/>')
    halo = ' stroke="var(--paper)" stroke-width="5" paint-order="stroke"' if car.muted else ""
    parts.append(
        f'<text y="6.5" text-anchor="middle" font-size="19" font-weight="700" fill="{text}"{halo}>'
        f"{car.number}</text>"
    )
    return f'<g transform="translate({x:g} {y:g})">{"".join(parts)}</g>'


def _arrow(start: tuple[float, float], end: tuple[float, float], weight: float) -> str:
    """A bent arrow, so that the two directions between two cars lie apart."""
    (x1, y1), (x2, y2) = start, end
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
    if weight < FAINTEST or length < CELL / 2:
        return ""
    bend = min(0.2 * length + 20, 45) / length
    cx, cy = (x1 + x2) / 2 + bend * (y2 - y1), (y1 + y2) / 2 - bend * (x2 - x1)
    width = 1 + 7 * weight
    head = 6 + 0.8 * width
    ux, uy = _unit(x1 - cx, y1 - cy)
    vx, vy = _unit(cx - x2, cy - y2)  # from the listener back along the arrow
    sx, sy = x1 - ux * (DISC + 2), y1 - uy * (DISC + 2)
    tx, ty = x2 + vx * (DISC + 3), y2 + vy * (DISC + 3)
    bx, by = tx + vx * head, ty + vy * head
    half = 2.5 + 0.7 * width
    return (
        f'<g opacity=".8"><path d="M{sx:.1f} {sy:.1f}Q{cx:.1f} {cy:.1f} {bx:.1f} {by:.1f}" '
        f'fill="none" stroke="var(--ink)" stroke-width="{width:.1f}"/>'
        f'<path d="M{tx:.1f} {ty:.1f}L{bx - half * vy:.1f} {by + half * vx:.1f}'
        f'L{bx + half * vy:.1f} {by - half * vx:.1f}z" fill="var(--ink)"/></g>'
    )


def _unit(x: float, y: float) -> tuple[float, float]:
    length = (x * x + y * y) ** 0.5 or 1.0
    return x / length, y / length


def _crash(cell: Cell) -> str:
    x, y = _centre(cell)
    below = 50 if y < 2 * CELL else -36
    cross = f"M{x - 8:g} {y - 8:g}l16 16M{x - 8:g} {y + 8:g}l16 -16"
    halo = 'stroke="var(--paper)" stroke-width="8" stroke-linecap="round"'
    return (
        f'<path d="{cross}" {halo}/>'
        f'<path d="{cross}" stroke="var(--bad)" stroke-width="4" stroke-linecap="round"/>'
        f'<text x="{x:g}" y="{y + below:g}" text-anchor="middle" font-size="18" font-weight="700" '
        'fill="var(--bad)" '
        'stroke="var(--paper)" stroke-width="4" paint-order="stroke">crash</text>'
    )


def escape(text: str) -> str:
    """Text as it may stand in SVG."""
    for character, entity in (("&", "&amp;"), ('"', "&quot;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(character, entity)
    return text
