"""Exercise: a memory that is warmed up.

Sizes: E windows of L steps, O numbers seen, D remembered.
"""

from collections.abc import Iterator, Mapping
from functools import partial

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Number, Reals, Values
from marl_edu.exercises.engine.trying import Case


def _cell(W: Tensor, U: Tensor, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(x @ W + h @ U)


def _windows(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, E, L, burn_in, D, dtype in (
        ("one step to learn from and one before it", 1, 2, 1, 1, f32),
        ("no burn-in", 2, 3, 0, 2, f32),
        ("four steps, two of them burn-in", 2, 4, 2, 3, f32),
        ("a burn-in up to the last step", 3, 4, 3, 2, f32),
        ("numbers in float64", 2, 5, 2, 3, f64),
        ("four windows of eight steps", 4, 8, 3, 4, f32),
    ):
        sizes = (E, L, 2), (E, D), (2, D), (D, D)
        x, h, W, U = (torch.randn(s, generator=rng, dtype=dtype) for s in sizes)
        yield Case(what, (x, h, partial(_cell, W, U), burn_in))


def _with_cell(given: Values, sizes: Mapping[str, int]) -> Values:
    cell = partial(_cell, given["_W"], given["_U"])
    return given | {"cell": cell, "burn_in": given["_burn"] % sizes["L"]}


exercise = Exercise(
    place=30,
    title="Burn-in: warm the memory up",
    difficulty=2,
    importance=4,
    minutes="10–15",
    topic="drqn",
    statement="""\
A window out of the replay begins in the middle of an episode. The memory kept with it, `h`, is from
an older network. So the first `burn_in` steps (perhaps none) only warm it up: the network remembers
along them, but nothing is learned from them, and no gradient goes back into them. Then come the
steps to learn from. Give the memory after each of *those*. `cell(x, h)` is one step of the network.
What you write: two short loops.""",
    hint="""\
The gradient must stop at one place, between the last step of the burn-in and the first that is
learned from, and nowhere else. `h` comes out of the replay and needs none.""",
    domain=Domain(
        sizes={"E": (1, 4), "L": (1, 8), "O": (1, 3), "D": (1, 4)},
        given={
            "x": Reals("E L O", spreads=(1, 4), ties=True),
            "h": Reals("E D", spreads=(1, 3), ties=True),
            "_W": Reals("O D", spreads=(1, 3)),
            "_U": Reals("D D", spreads=(1, 3)),
            "_burn": Number(0, 7),
        },
        finish=_with_cell,
        notes={"cell": "a tanh of two products", "burn_in": "from 0 to L − 1"},
    ),
    inputs=_windows,
    data=("h",),
)


@exercise.solved_by
def after_burn_in(x, h, cell, burn_in):
    """The memory after each step to learn from: (E, L - burn_in, D).

    x: (E, L, O). h: (E, D), kept from before the window.
    cell: a function (E, O), (E, D) -> (E, D).
    burn_in: a whole number less than L.
    """
    for t in range(burn_in):
        h = cell(x[:, t], h)
    h = h.detach()
    after = []
    for t in range(burn_in, x.shape[1]):
        h = cell(x[:, t], h)
        after.append(h)
    return torch.stack(after, 1)


def _unrolled(x, h, cell, cut=()) -> Tensor:
    """The memory after every step, detached before the steps in `cut`."""
    after = []
    for t in range(x.shape[1]):
        h = cell(x[:, t], h.detach() if t in cut else h)
        after.append(h)
    return torch.stack(after, 1)


@exercise.mistake
def gradient_into_burn_in(x, h, cell, burn_in):
    """The numbers are right, but the gradient goes back into the burn-in: then it is nothing but a
    longer window."""
    return _unrolled(x, h, cell)[:, burn_in:]


@exercise.mistake
def burn_in_skipped(x, h, cell, burn_in):
    """The steps of the burn-in are cut off without being seen: the memory from before
    them meets what was seen after them."""
    return _unrolled(x[:, burn_in:], h, cell)


@exercise.mistake
def burn_in_given_back(x, h, cell, burn_in):
    """The steps of the burn-in are in the result: nothing may be learned from them."""
    return _unrolled(x, h, cell, (burn_in,))


@exercise.mistake
def memory_thrown_away(x, h, cell, burn_in):
    """The memory begins at zero behind the burn-in: what was the burn-in for?"""
    return _unrolled(x[:, burn_in:], torch.zeros_like(h), cell)


@exercise.mistake
def started_from_nothing(x, h, cell, burn_in):
    """The memory kept with the window is not used: the burn-in starts from zeros. It can do
    without, but what was kept is nearer to the truth."""
    return _unrolled(x, torch.zeros_like(h), cell, (burn_in,))[:, burn_in:]


@exercise.mistake
def cut_one_late(x, h, cell, burn_in):
    """The cut comes one step late, behind the first step to learn from: the gradient of that step
    still goes into the burn-in, and nothing that follows reaches it."""
    return _unrolled(x, h, cell, (burn_in + 1,))[:, burn_in:]


@exercise.mistake
def cut_one_early(x, h, cell, burn_in):
    """The cut comes one step early: the last step of the burn-in is learned from."""
    return _unrolled(x, h, cell, (burn_in - 1,))[:, burn_in:]


@exercise.mistake
def cut_everywhere(x, h, cell, burn_in):
    """The memory is detached in every step: no gradient goes back through time, and nobody learns
    what to remember."""
    return _unrolled(x, h, cell, range(x.shape[1]))[:, burn_in:]


@exercise.mistake
def nothing_learned(x, h, cell, burn_in):
    """Everything is detached, the steps to learn from as well."""
    return _unrolled(x, h, cell)[:, burn_in:].detach()


exercise.slips = {
    "gradient_into_burn_in": ("h = h.detach()", "h = h.clone()"),
    "memory_thrown_away": ("h = h.detach()", "h = torch.zeros_like(h)"),
    "nothing_learned": ("torch.stack(after, 1)", "torch.stack(after, 1).detach()"),
}
