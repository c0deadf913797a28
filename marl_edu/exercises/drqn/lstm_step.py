"""Exercise: what an LSTM does in one step. Sizes: E agents, O numbers seen, D remembered."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals
from marl_edu.exercises.engine.trying import Case


def _cells(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, E, O, D, dtype in (  # noqa: E741  the size's name in the signatures
        ("one agent that remembers one number", 1, 1, 1, f32),
        ("one agent", 1, 3, 2, f32),
        ("numbers in float64", 2, 4, 3, f64),
        ("three agents", 3, 2, 4, f32),
        ("gates wide open and shut", 4, 3, 2, f32),
    ):
        sizes = (E, O), (E, D), (E, D), (4 * D, O), (4 * D, D), (4 * D,)
        x, h, cell, W, U, b = (torch.randn(s, generator=rng, dtype=dtype) for s in sizes)
        yield Case(what, (x, h, cell, W, U, b * (4 if "wide" in what else 1)))


exercise = Exercise(
    place=30,
    title="One step of an LSTM",
    difficulty=3,
    importance=4,
    minutes="15–20",
    statement="""\
An LSTM remembers two things: its cell, and h, the part of it that it shows. Four sums are made of
what is seen and of h, `x @ W.T + h @ U.T + b`, of D numbers each, in the order of PyTorch: *take*
$i$, *keep* $f$, *new* $g$, *show* $o$. The gates $i$, $f$, $o$ are sigmoids, $g$ is a tanh. Then
cell' = f · cell + i · g and h' = o · tanh(cell'). Return both side by side, `(E, 2 D)`, h' first,
without `nn.LSTMCell`. What you write: about four lines.""",
    hint="""\
`.chunk(4, -1)`, in numpy `np.split(sums, 4, -1)`, cuts the sums in four. Which of them multiplies
the old cell?""",
    domain=Domain(
        sizes={"E": (1, 5), "O": (1, 5), "D": (1, 4)},
        given={
            "x": Reals("E O", spreads=(1, 10), ties=True),
            "h": Reals("E D", spreads=(1, 3), ties=True),
            "cell": Reals("E D", spreads=(1, 10), ties=True),
            "W": Reals("4*D O", spreads=(1, 3)),
            "U": Reals("4*D D", spreads=(1, 3)),
            "b": Reals("4*D", spreads=(1, 10)),
        },
    ),
    inputs=_cells,
)


@exercise.solved_by
def remember(x, h, cell, W, U, b):
    """h' and cell', side by side: (E, 2 D).

    x: (E, O). h, cell: (E, D). W: (4 D, O). U: (4 D, D). b: (4 D,).
    """
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, -1)
    cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
    return torch.cat([o.sigmoid() * cell.tanh(), cell], -1)


def _lstm(x, h, cell, W, U, b, order=(0, 1, 2, 3), squash=torch.tanh, new=torch.tanh):
    parts = (x @ W.T + h @ U.T + b).chunk(4, -1)
    i, f, g, o = (parts[k] for k in order)
    cell = f.sigmoid() * cell + i.sigmoid() * new(g)
    return torch.cat([o.sigmoid() * squash(cell), cell], -1)


@exercise.mistake
def keep_and_take_swapped(x, h, cell, W, U, b):
    """*Take* and *keep* have changed places: in PyTorch take comes first. A network trained with
    one order and run with the other forgets where it should remember."""
    return _lstm(x, h, cell, W, U, b, order=(1, 0, 2, 3))


@exercise.mistake
def new_and_show_swapped(x, h, cell, W, U, b):
    """*New* and *show* have changed places: PyTorch's order is take, keep, new, show (TensorFlow's
    and the papers' differ)."""
    return _lstm(x, h, cell, W, U, b, order=(0, 1, 3, 2))


@exercise.mistake
def cell_shown_raw(x, h, cell, W, U, b):
    """The cell is shown as it is, without the tanh."""
    return _lstm(x, h, cell, W, U, b, squash=lambda x: x)


@exercise.mistake
def new_is_a_gate(x, h, cell, W, U, b):
    """*New* is a sigmoid, too: then the cell can only grow."""
    return _lstm(x, h, cell, W, U, b, new=torch.sigmoid)


@exercise.mistake
def old_cell_shown(x, h, cell, W, U, b):
    """h' is made of the *old* cell: it shows what was known a step ago."""
    fresh = _lstm(x, h, cell, W, U, b)[:, cell.shape[1] :]
    o = (x @ W.T + h @ U.T + b).chunk(4, -1)[3]
    return torch.cat([o.sigmoid() * cell.tanh(), fresh], -1)


@exercise.mistake
def nothing_kept(x, h, cell, W, U, b):
    """The old cell has no part in the new one: it cannot remember."""
    return _lstm(x, h, torch.zeros_like(cell) * cell, W, U, b)


@exercise.mistake
def complementary_gates(x, h, cell, W, U, b):
    """*Keep* is 1 minus *take*: that is a GRU's economy. An LSTM's two gates are free."""
    i, _, g, o = (x @ W.T + h @ U.T + b).chunk(4, -1)
    cell = (1 - i.sigmoid()) * cell + i.sigmoid() * g.tanh()
    return torch.cat([o.sigmoid() * cell.tanh(), cell], -1)


@exercise.mistake
def cell_first(x, h, cell, W, U, b):
    """The two are side by side in the other order: h' comes first."""
    return _lstm(x, h, cell, W, U, b).roll(cell.shape[1], -1)


@exercise.mistake
def recurrence_lost(x, h, cell, W, U, b):
    """What was shown before, h, has no part in the gates."""
    return _lstm(x, 0 * h, cell, W, U, b)


exercise.slips = {
    "keep_and_take_swapped": ("i, f, g, o =", "f, i, g, o ="),
    "new_and_show_swapped": ("i, f, g, o =", "i, f, o, g ="),
    "cell_shown_raw": ("o.sigmoid() * cell.tanh()", "o.sigmoid() * cell"),
    "new_is_a_gate": ("g.tanh()", "g.sigmoid()"),
    "complementary_gates": ("f.sigmoid() * cell", "(1 - i.sigmoid()) * cell"),
    "cell_first": ("[o.sigmoid() * cell.tanh(), cell]", "[cell, o.sigmoid() * cell.tanh()]"),
    "recurrence_lost": ("x @ W.T + h @ U.T + b", "x @ W.T + b"),
}
