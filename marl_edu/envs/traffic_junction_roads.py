"""Road maps of the Traffic Junction: where cars drive, how cells are numbered, which routes exist.

Everything here is computed once, with plain Python and small integers; the environment turns the
result into look-up tables. Source: CommNet (arXiv 1605.07736, section 4.2) and the released
IC3Net environment, whose numbering of cells and routes is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass

Cell = tuple[int, int]  # (row, column)

# Headings as (row step, column step). Cars keep to the right, as in the source.
SOUTH, NORTH, EAST, WEST = (1, 0), (-1, 0), (0, 1), (0, -1)
STRAIGHT, RIGHT, LEFT = "straight", "right", "left"
TURNS = (STRAIGHT, RIGHT, LEFT)


@dataclass(frozen=True)
class RoadMap:
    """One difficulty of the junction.

    Attributes:
        side: cells per side of the square grid.
        max_cars: N, the most cars that can be on the road at once.
        max_steps: T, the length of an episode in steps.
        arrival: chance that a car appears at an entry in one step, at full difficulty.
        base: the number of cell classes of the observation's one-hot code.
        cell_id: class of each road cell, `0..`.
        routes: per entry, the routes that start there; each is a list of cells.
    """

    side: int
    max_cars: int
    max_steps: int
    arrival: float
    base: int
    cell_id: dict[Cell, int]
    routes: list[list[list[Cell]]]


def _turn(heading: Cell, turn: str) -> Cell:
    row, column = heading
    return {STRAIGHT: heading, RIGHT: (column, -row), LEFT: (-column, row)}[turn]


def _drive(
    start: Cell,
    heading: Cell,
    turns: tuple[str, ...],
    side: int,
    junction: Callable[[int, int], bool],
) -> list[Cell]:
    """The cells from `start` to the edge, taking `turns` at the junctions met, then going straight.

    A junction is two cells wide: a right turn leaves it from its first cell, a left turn from its
    second.
    """
    route, (row, column), remaining, inside = [start], start, list(turns), 0
    turn = STRAIGHT
    while True:
        row, column = row + heading[0], column + heading[1]
        if not (0 <= row < side and 0 <= column < side):
            return route
        route.append((row, column))
        if not junction(row, column):
            inside = 0
            continue
        inside += 1
        if inside == 1:  # just entered a junction: decide now what to do in it
            turn = remaining.pop(0) if remaining else STRAIGHT
        if (turn, inside) in ((RIGHT, 1), (LEFT, 2)):
            heading, turn = _turn(heading, turn), STRAIGHT


def _routes(
    entries: list[tuple[Cell, Cell]], side: int, junction: Callable[[int, int], bool], depth: int
) -> list[list[list[Cell]]]:
    """All routes of every entry, in the source's order: first turn, then second turn."""
    routes = []
    for start, heading in entries:
        mine: list[list[Cell]] = []
        for first in TURNS:
            for second in TURNS if depth == 2 else (STRAIGHT,):
                route = _drive(start, heading, (first, second), side, junction)
                if route not in mine:  # the first turn may already lead off the map
                    mine.append(route)
        routes.append(mine)
    return routes


def _number(strips: list[list[Cell]]) -> dict[Cell, int]:
    """Number the cells strip by strip; where strips cross, the later number stays."""
    return {cell: i for i, cell in enumerate(cell for strip in strips for cell in strip)}


def _band(rows: range, columns: range) -> list[Cell]:
    return [(row, column) for row in rows for column in columns]


def _easy() -> RoadMap:
    side, middle, full = 7, 3, range(7)
    entries = [((0, middle), SOUTH), ((middle, 0), EAST)]
    one_way = lambda row, column: False  # noqa: E731  nobody turns
    strips = [_band(range(middle, middle + 1), full), _band(full, range(middle, middle + 1))]
    # The source numbers with 6 cells a road although the roads have 7, so that the classes 12
    # ("outside") and 13 are used twice. Harmless, since only road cells are ever seen at
    # vision 0, and kept so that observations agree with the source.
    return RoadMap(side, 5, 20, 0.3, 12, _number(strips), _routes(entries, side, one_way, 1))


def _medium() -> RoadMap:
    side, low, high = 14, 6, 7  # the two lanes of each road
    full, lanes = range(side), range(low, high + 1)
    entries = [
        ((0, low), SOUTH), ((side - 1, high), NORTH), ((high, 0), EAST), ((low, side - 1), WEST),
    ]  # fmt: skip
    strips = [_band(lanes, full), _band(full, lanes)]
    junction = lambda row, column: row in lanes and column in lanes  # noqa: E731
    return RoadMap(side, 10, 40, 0.2, 56, _number(strips), _routes(entries, side, junction, 1))


def _hard() -> RoadMap:
    side, near, far = 18, range(4, 6), range(12, 14)
    full, last = range(side), side - 1
    entries = [
        ((0, 4), SOUTH), ((0, 12), SOUTH), ((5, 0), EAST), ((13, 0), EAST),
        ((last, 5), NORTH), ((last, 13), NORTH), ((4, last), WEST), ((12, last), WEST),
    ]  # fmt: skip
    strips = [_band(near, full), _band(far, full), _band(full, near), _band(full, far)]

    def junction(row: int, column: int) -> bool:
        return (row in near or row in far) and (column in near or column in far)

    return RoadMap(side, 20, 80, 0.05, 144, _number(strips), _routes(entries, side, junction, 2))


ROAD_MAPS = {"easy": _easy(), "medium": _medium(), "hard": _hard()}
