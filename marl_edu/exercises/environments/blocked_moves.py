"""Exercise: a step on a board with walls. Sizes: B environments, N agents, H rows, W columns."""

from collections.abc import Iterator, Mapping

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Values, Whole
from marl_edu.exercises.engine.trying import Case


def _boards(rng: torch.Generator) -> Iterator[Case]:
    every = torch.arange(5)[None]
    for what, cell, free in (
        ("a board of one cell", [0, 0], [[True]]),
        ("an agent in the upper left corner", [0, 0], [[True] * 3] * 2),
        ("an agent in the lower right corner", [1, 2], [[True] * 3] * 2),
        ("an agent in the middle of an open board", [1, 1], [[True] * 3] * 3),
        (
            "an agent with a wall above it",
            [1, 1],
            [[True, False, True], [True, True, True], [True, True, True]],
        ),
    ):
        yield Case(what, (torch.tensor([[cell] * 5]), every, torch.tensor(free)))
    board = torch.rand(4, 6, generator=rng) < 0.6
    cells = torch.stack([torch.randint(size, (3, 4), generator=rng) for size in board.shape], -1)
    yield Case("three boards", (cells, torch.randint(5, (3, 4), generator=rng), board))


def _placed(given: Values, _: Mapping[str, int]) -> Values:
    cell = torch.stack([given["_row"], given["_column"]], -1)
    return given | {"cell": cell}


exercise = Exercise(
    place=10,
    title="A step into a wall",
    difficulty=2,
    importance=4,
    minutes="10–15",
    topic="ground",
    statement="""\
All agents move at once. Their actions are 0 up (row − 1), 1 down (row + 1), 2 left (column − 1),
3 right (column + 1) and 4 stay. Whoever would leave the board or enter a wall stays where it is.
`free` says which cells are no walls; all B boards are alike. Any number of agents may share a cell.
What you write: about five lines, without a loop over agents.""",
    hint="""\
A table of five steps, indexed by `action`, gives where everybody *wants* to go. First ask whether
that is on the board, and only then whether it is free: the index −1 is no error, it means the last
row.""",
    domain=Domain(
        sizes={"B": (1, 4), "N": (1, 4), "H": (1, 5), "W": (1, 5)},
        given={
            "_row": Whole("B N", "H"),
            "_column": Whole("B N", "W"),
            "action": Whole("B N", "4+1"),
            "free": Flags("H W"),
        },
        finish=_placed,
        notes={"cell": "on the board"},
    ),
    inputs=_boards,
    gradient=False,
)

STEPS = ((-1, 0), (1, 0), (0, -1), (0, 1), (0, 0))


@exercise.solved_by
def walk(cell, action, free):
    """The cell of each agent after the step: (B, N, 2).

    cell: (B, N, 2), row and column, whole numbers. action: (B, N), from 0 to 4.
    free: (H, W) bool.
    """
    steps = torch.tensor([[-1, 0], [1, 0], [0, -1], [0, 1], [0, 0]])
    there, size = cell + steps[action], torch.tensor(free.shape)
    inside = ((there >= 0) & (there < size)).all(-1)
    row, column = torch.where(inside[..., None], there, cell).unbind(-1)
    may = inside & free[row, column]
    return torch.where(may[..., None], there, cell)


def _moved(cell, action, free, steps=STEPS, walls=True, lost=None):
    """The step with another table, without walls, or with another cell for who may not go."""
    there = cell + torch.tensor(steps)[action]
    inside = ((there >= 0) & (there < torch.tensor(free.shape))).all(-1)
    row, column = torch.where(inside[..., None], there, cell).unbind(-1)
    may = inside & (free[row, column] | (not walls))
    return torch.where(may[..., None], there, cell if lost is None else lost)


@exercise.mistake
def through_walls(cell, action, free):
    """The edge of the board stops them, but they walk through walls: `free` plays no part."""
    return _moved(cell, action, free, walls=False)


@exercise.mistake
def around_the_edge(cell, action, free):
    """Whoever leaves the board comes back in on the other side: this is the step on a torus."""
    there = (cell + torch.tensor(STEPS)[action]) % torch.tensor(free.shape)
    may = free[tuple(there.unbind(-1))]
    return torch.where(may[..., None], there, cell)


@exercise.mistake
def last_row_above_the_first(cell, action, free):
    """A step up from the first row looks up `free[-1]`, which is the *last* row: the index is
    valid, and an agent may end in row −1. The same goes for columns."""
    there = cell + torch.tensor(STEPS)[action]
    row, column = (there % torch.tensor(free.shape)).unbind(-1)
    may = free[row, column] & (there < torch.tensor(free.shape)).all(-1)
    return torch.where(may[..., None], there, cell)


@exercise.mistake
def no_edge(cell, action, free):
    """Nothing is checked: agents walk through walls, and off the board."""
    return cell + torch.tensor(STEPS)[action]


@exercise.mistake
def up_is_plus(cell, action, free):
    """Up and down have changed places: row 0 is the uppermost, so up is row − 1."""
    return _moved(cell, action, free, (STEPS[1], STEPS[0], *STEPS[2:]))


@exercise.mistake
def columns_first(cell, action, free):
    """Up and down change the column, left and right the row: the cell is (row, column), not
    (x, y)."""
    return _moved(cell, action, free, (*STEPS[2:4], *STEPS[:2], STEPS[4]))


@exercise.mistake
def sent_to_the_corner(cell, action, free):
    """Whoever may not go is sent to cell (0, 0) instead of staying where it is."""
    return _moved(cell, action, free, lost=torch.zeros_like(cell))


@exercise.mistake
def upside_down(cell, action, free):
    """`free` is taken for its opposite: agents enter walls and nothing else."""
    return _moved(cell, action, ~free)


exercise.slips = {
    "through_walls": ("inside & free[row, column]", "inside"),
    "up_is_plus": ("[-1, 0], [1, 0], [0, -1]", "[1, 0], [-1, 0], [0, -1]"),
    "columns_first": (
        "[-1, 0], [1, 0], [0, -1], [0, 1]",
        "[0, -1], [0, 1], [-1, 0], [1, 0]",
    ),
    "sent_to_the_corner": (
        "torch.where(may[..., None], there, cell)",
        "torch.where(may[..., None], there, 0)",
    ),
    "upside_down": ("inside & free[row, column]", "inside & ~free[row, column]"),
    "no_edge": ("torch.where(may[..., None], there, cell)", "there"),
}
