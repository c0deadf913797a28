"""Exercise: what agents see around themselves. Sizes: N agents, H rows, W columns."""

from collections.abc import Iterator, Mapping

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Number, Reals, Values, Whole
from marl_edu.exercises.engine.trying import Case


def _places(rng: torch.Generator) -> Iterator[Case]:
    f32 = torch.float32
    for what, (H, W), cells, reach, dtype in (
        ("a board of one cell, seen by who stands on it", (1, 1), [[0, 0]], 0, f32),
        ("a board of one cell, with a view of one", (1, 1), [[0, 0]], 1, f32),
        ("an agent in the middle", (3, 3), [[1, 1]], 1, f32),
        ("an agent in the upper left corner", (3, 4), [[0, 0]], 1, f32),
        ("an agent in the lower right corner", (3, 4), [[2, 3]], 1, f32),
        ("a view wider than the board", (2, 3), [[0, 1], [1, 2]], 3, f32),
        ("two agents in one cell", (4, 4), [[2, 1], [2, 1]], 2, f32),
        ("numbers in float64", (5, 2), [[4, 0], [0, 1], [2, 1]], 2, torch.float64),
    ):
        board = torch.randn(H, W, generator=rng, dtype=dtype)
        yield Case(what, (board, torch.tensor(cells), reach))


def _placed(given: Values, _: Mapping[str, int]) -> Values:
    return given | {"cell": torch.stack([given["_row"], given["_column"]], -1)}


exercise = Exercise(
    place=30,
    title="A window around each agent",
    difficulty=2,
    importance=4,
    minutes="10–15",
    topic="ground",
    statement="""\
An agent in cell (r, c) sees the square of cells that are at most `reach` rows and columns away, and
stands in its middle. Rows come in the order of the board, and so do columns. Whatever lies outside
the board looks like a wall, which is 1. Give the windows of all agents, S = 2 `reach` + 1 wide.
What you write: about five lines, without a loop over agents.""",
    hint="""\
Build the wall first: a board of ones that is larger by `reach` on every side, with `board` in its
middle. There agent (r, c) sees rows r to r + 2 `reach`. Rows of the shape (N, S, 1) and columns of
(N, 1, S), used as two indices, give all windows at once.""",
    domain=Domain(
        sizes={"N": (1, 4), "H": (1, 6), "W": (1, 6)},
        given={
            "board": Reals("H W", spreads=(1, 40, 200)),
            "_row": Whole("N", "H"),
            "_column": Whole("N", "W"),
            "reach": Number(0, 3),
        },
        finish=_placed,
        notes={"cell": "on the board"},
    ),
    inputs=_places,
    gradient=False,
)


@exercise.solved_by
def look_around(board, cell, reach):
    """What each agent sees: (N, S, S).

    board: (H, W). cell: (N, 2), row and column, whole numbers.
    reach: a whole number, from 0.
    """
    H, W = board.shape
    walled = torch.ones(H + 2 * reach, W + 2 * reach, dtype=board.dtype)
    walled[reach : reach + H, reach : reach + W] = board
    rows, columns = (cell[:, axis, None] + torch.arange(2 * reach + 1) for axis in (0, 1))
    return walled[rows[:, :, None], columns[:, None, :]]


def _seen(board, cell, reach, outside=1.0, first=None):
    """The windows, with another number outside, or beginning elsewhere than at `-reach`."""
    side = torch.arange(2 * reach + 1) + (-reach if first is None else first)
    rows, columns = (cell[:, :1] + side)[:, :, None], (cell[:, 1:] + side)[:, None, :]
    H, W = board.shape
    inside = (rows >= 0) & (rows < H) & (columns >= 0) & (columns < W)
    found = board[rows.clamp(0, H - 1), columns.clamp(0, W - 1)]
    return found if outside is None else torch.where(inside, found, outside)


@exercise.mistake
def nothing_outside(board, cell, reach):
    """Outside the board there is 0: it looks like an empty cell, and agents run against it."""
    return _seen(board, cell, reach, outside=0.0)


@exercise.mistake
def edge_goes_on(board, cell, reach):
    """The outermost cells go on outside the board: an index that is too large or too small was cut
    to the edge."""
    return _seen(board, cell, reach, outside=None)


@exercise.mistake
def around_the_edge(board, cell, reach):
    """Who looks over the edge sees the other side of the board. Negative indices do that without a
    word."""
    side = torch.arange(-reach, reach + 1)
    rows, columns = (cell[:, :1] + side) % len(board), (cell[:, 1:] + side) % board.shape[1]
    return board[rows[:, :, None], columns[:, None, :]]


@exercise.mistake
def agent_in_the_corner(board, cell, reach):
    """The window begins at the agent's own cell, so that it sees nothing above it nor to its
    left."""
    return _seen(board, cell, reach, first=0)


@exercise.mistake
def one_cell_off(board, cell, reach):
    """The window lies one row and one column too far down and right."""
    return _seen(board, cell, reach, first=1 - reach)


@exercise.mistake
def rows_for_columns(board, cell, reach):
    """Rows and columns of each window have changed places."""
    return _seen(board, cell, reach).transpose(1, 2)


@exercise.mistake
def columns_first(board, cell, reach):
    """`cell` is read as (x, y): the first number is the row."""
    return _seen(board, cell.flip(1), reach)


@exercise.mistake
def upside_down(board, cell, reach):
    """The windows stand on their heads: they begin with the row below."""
    return _seen(board, cell, reach).flip(1)


exercise.slips = {
    "nothing_outside": ("torch.ones(", "torch.zeros("),
    "agent_in_the_corner": ("[reach : reach + H, reach : reach + W]", "[:H, :W]"),
    "rows_for_columns": (
        "rows[:, :, None], columns[:, None, :]",
        "rows[:, None, :], columns[:, :, None]",
    ),
    "upside_down": ("walled[rows[:, :, None]", "walled[rows.flip(1)[:, :, None]"),
}
