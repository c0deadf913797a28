"""Exercises: where one life ends and the next begins, and what an LSTM does in one step.

Sizes: T steps, N slots; E agents, D numbers remembered, O seen.
"""

from collections.abc import Iterator

import torch
from hypothesis import strategies as st

from marl_edu.exercises.grading import Exercise
from marl_edu.exercises.inputs import DTYPE, drawn, ints, masks
from marl_edu.exercises.trying import Case


def _slots(rng: torch.Generator) -> Iterator[Case]:
    T, F = True, False
    for what, lives_in, lasts in (
        ("one agent that lives on", [T, T, T], [T, T, T]),
        ("an agent that dies", [T, T, F], [T, F, F]),
        ("a slot used again at once", [T, T, T, T], [T, F, T, T]),
        ("a slot used again after a pause", [T, F, T, T], [F, F, T, T]),
        ("a slot that is empty at first", [F, F, T, T], [F, F, T, F]),
        ("nobody, ever", [F, F], [F, F]),
        ("a new agent in every step", [T, T, T], [F, F, F]),
    ):
        yield Case(what, (torch.tensor(lives_in)[:, None], torch.tensor(lasts)[:, None]))
    for what, one, other in drawn("drawn slots", *(masks(st.just(8), st.just(3)) for _ in "ab")):
        alive, goes_on = one | other, one & other  # alive three times in four
        goes_on[:-1] &= alive[1:]
        yield Case(what, (alive, goes_on))


lives = Exercise(
    title="Whose life is it?",
    difficulty=3,
    importance=4,
    minutes="15–20",
    statement="""\
N slots over T steps. `alive` says which hold an agent in a step, `goes_on` whether its life goes on
after it; a slot may be used again, even at once. For every step give the number of steps that the
agent in it has lived through before: 0 where a life begins, 1 in its second step, and so on; -1 in
an empty slot. It is where each step goes when a replay keeps lives. Integers. What you write: a
loop over T, or a few lines with `cummax`.""",
    hint="""\
A step continues a life if the slot was alive in the step before *and* that life went on. Otherwise
it begins one.""",
    inputs=_slots,
    gradient=False,
)


@lives.solved_by
def ages(alive, goes_on):
    """How many steps each agent has lived before: (T, N), int64; -1 in an empty slot.

    alive, goes_on: (T, N) bool.
    """
    age = torch.full(alive.shape, -1)
    for t in range(len(alive)):
        same = alive[t - 1] & goes_on[t - 1] if t else torch.zeros_like(alive[0])
        now = torch.where(same, age[t - 1] + 1, 0) if t else torch.zeros_like(age[0])
        age[t] = torch.where(alive[t], now, -1)
    return age


def _count(alive, continues):
    age = torch.full(alive.shape, -1)
    for t in range(len(alive)):
        before = age[t - 1] + 1 if t else torch.zeros_like(age[0])
        now = torch.where(continues[t], before, 0)
        age[t] = torch.where(alive[t], now, -1)
    return age


def _shifted(x):
    return torch.cat([torch.zeros_like(x[:1]), x[:-1]])


@lives.mistake
def slots_not_agents(alive, goes_on):
    """A slot that is used again at once goes on counting: the newcomer takes over its predecessor's
    age, and in a replay its memory."""
    return _count(alive, _shifted(alive))


@lives.mistake
def clock(alive, goes_on):
    """It is the time of the world that is counted: right only for who was there from the start."""
    t = torch.arange(len(alive))[:, None].expand_as(alive)
    return torch.where(alive, t, -1)


@lives.mistake
def cut_too_early(alive, goes_on):
    """`goes_on` of the step itself is asked, so that the *last* step of a life begins a new one:
    it is the step *before* that tells whether a life continues."""
    return _count(alive, _shifted(alive) & goes_on)


@lives.mistake
def empty_slots_age(alive, goes_on):
    """Empty slots get 0 instead of -1: they look like newborn agents."""
    return ages(alive, goes_on).clamp_min(0)


@lives.mistake
def from_one(alive, goes_on):
    """It counts from 1: the first step of a life is number 0."""
    return torch.where(alive, ages(alive, goes_on) + 1, -1)


@lives.mistake
def never_continues(alive, goes_on):
    """Every step begins a new life."""
    return torch.where(alive, 0, -1)


@lives.mistake
def pauses_forgotten(alive, goes_on):
    """It counts on after a pause, as if who comes next had been waiting: a life that ended does
    not come back."""
    return torch.where(alive, alive.long().cumsum(0) - 1, -1)


def _cells(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, E, O, D, dtype in (  # noqa: E741  the size's name in the signatures
        ("one agent that remembers one number", 1, 1, 1, f32),
        ("one agent", 1, 3, 2, f32),
        ("numbers in float64", 2, 4, 3, f64),
        ("three agents", 3, 2, 4, f32),
        ("gates wide open and shut", 4, 3, 2, f32),
        *drawn("drawn agents", ints(1, 5), ints(1, 5), ints(1, 4), DTYPE),
    ):
        sizes = (E, O), (E, D), (E, D), (4 * D, O), (4 * D, D), (4 * D,)
        x, h, cell, W, U, b = (torch.randn(s, generator=rng, dtype=dtype) for s in sizes)
        yield Case(what, (x, h, cell, W, U, b * (4 if "wide" in what else 1)))


lstm_step = Exercise(
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
`.chunk(4, -1)` cuts the sums in four. Which of them multiplies the old cell?""",
    inputs=_cells,
)


@lstm_step.solved_by
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


@lstm_step.mistake
def keep_and_take_swapped(x, h, cell, W, U, b):
    """*Take* and *keep* have changed places: in PyTorch take comes first. A network trained with
    one order and run with the other forgets where it should remember."""
    return _lstm(x, h, cell, W, U, b, order=(1, 0, 2, 3))


@lstm_step.mistake
def new_and_show_swapped(x, h, cell, W, U, b):
    """*New* and *show* have changed places: PyTorch's order is take, keep, new, show (TensorFlow's
    and the papers' differ)."""
    return _lstm(x, h, cell, W, U, b, order=(0, 1, 3, 2))


@lstm_step.mistake
def cell_shown_raw(x, h, cell, W, U, b):
    """The cell is shown as it is, without the tanh."""
    return _lstm(x, h, cell, W, U, b, squash=lambda x: x)


@lstm_step.mistake
def new_is_a_gate(x, h, cell, W, U, b):
    """*New* is a sigmoid, too: then the cell can only grow."""
    return _lstm(x, h, cell, W, U, b, new=torch.sigmoid)


@lstm_step.mistake
def old_cell_shown(x, h, cell, W, U, b):
    """h' is made of the *old* cell: it shows what was known a step ago."""
    fresh = _lstm(x, h, cell, W, U, b)[:, cell.shape[1] :]
    o = (x @ W.T + h @ U.T + b).chunk(4, -1)[3]
    return torch.cat([o.sigmoid() * cell.tanh(), fresh], -1)


@lstm_step.mistake
def nothing_kept(x, h, cell, W, U, b):
    """The old cell has no part in the new one: it cannot remember."""
    return _lstm(x, h, torch.zeros_like(cell) * cell, W, U, b)


@lstm_step.mistake
def complementary_gates(x, h, cell, W, U, b):
    """*Keep* is 1 minus *take*: that is a GRU's economy. An LSTM's two gates are free."""
    i, _, g, o = (x @ W.T + h @ U.T + b).chunk(4, -1)
    cell = (1 - i.sigmoid()) * cell + i.sigmoid() * g.tanh()
    return torch.cat([o.sigmoid() * cell.tanh(), cell], -1)


@lstm_step.mistake
def cell_first(x, h, cell, W, U, b):
    """The two are side by side in the other order: h' comes first."""
    return _lstm(x, h, cell, W, U, b).roll(cell.shape[1], -1)


@lstm_step.mistake
def recurrence_lost(x, h, cell, W, U, b):
    """What was shown before, h, has no part in the gates."""
    return _lstm(x, 0 * h, cell, W, U, b)
