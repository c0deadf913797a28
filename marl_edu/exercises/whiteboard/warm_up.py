"""Exercises: a GRU by hand, and a memory that is warmed up.

Sizes: E agents or windows, L steps, O numbers seen, D remembered.
"""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from marl_edu.exercises.grading import Exercise
from marl_edu.exercises.inputs import DTYPE, drawn, ints
from marl_edu.exercises.trying import Case


def _cells(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, E, O, D, dtype in (  # noqa: E741  the size's name in the signatures
        ("one agent that remembers one number", 1, 1, 1, f32),
        ("one agent", 1, 3, 2, f32),
        ("numbers in float64", 2, 4, 3, f64),
        ("as much seen as remembered", 3, 3, 3, f32),
        ("gates wide open and shut", 4, 3, 2, f32),
        *drawn("drawn agents", ints(1, 5), ints(1, 5), ints(1, 4), DTYPE),
    ):
        sizes = (E, O), (E, D), (3 * D, O), (3 * D, D), (3 * D,), (3 * D,)
        x, h, W, U, b, c = (torch.randn(s, generator=rng, dtype=dtype) for s in sizes)
        yield Case(what, (x, h, W, U, b * (4 if "wide" in what else 1), c))


gru_step = Exercise(
    title="One step of a GRU",
    difficulty=3,
    importance=4,
    minutes="15–20",
    statement="""\
A GRU keeps one memory, h. What is seen gives three sums, `x @ W.T + b`, and the memory gives three,
`h @ U.T + c`, each of D numbers, in the order of PyTorch: *reset* r, *keep* z, *new* n. The gates r
and z are sigmoids of what is seen plus what is remembered. The new part is
n = tanh(seen + r · remembered): the reset multiplies the memory's third sum, bias included. Then
h' = (1 - z) · n + z · h. Write it without `nn.GRUCell`. What you write: about five lines.""",
    hint="""\
Keep the two times three sums apart, `.chunk(3, -1)` each: in the third one they are not simply
added.""",
    inputs=_cells,
)


@gru_step.solved_by
def remember_gated(x, h, W, U, b, c):
    """The memory after the step: (E, D).

    x: (E, O). h: (E, D). W: (3 D, O). U: (3 D, D). b, c: (3 D,).
    """
    seen_r, seen_z, seen_n = (x @ W.T + b).chunk(3, -1)
    old_r, old_z, old_n = (h @ U.T + c).chunk(3, -1)
    r, z = torch.sigmoid(seen_r + old_r), torch.sigmoid(seen_z + old_z)
    n = torch.tanh(seen_n + r * old_n)
    return (1 - z) * n + z * h


def _gru(x, h, W, U, b, c, order=(0, 1, 2), squash=torch.tanh, turned=False) -> Tensor:
    seen, old = (x @ W.T + b).chunk(3, -1), (h @ U.T + c).chunk(3, -1)
    r, z = (torch.sigmoid(seen[k] + old[k]) for k in order[:2])
    n = squash(seen[order[2]] + r * old[order[2]])
    return z * n + (1 - z) * h if turned else (1 - z) * n + z * h


@gru_step.mistake
def keep_inverted(x, h, W, U, b, c):
    """*Keep* is the wrong way round: in PyTorch h' = (1 - z) n + z h, where z near 1 keeps the old
    memory. (Some papers write it the other way, and weights do not travel between the two.)"""
    return _gru(x, h, W, U, b, c, turned=True)


@gru_step.mistake
def gates_swapped(x, h, W, U, b, c):
    """*Reset* and *keep* have changed places: reset comes first in PyTorch."""
    return _gru(x, h, W, U, b, c, order=(1, 0, 2))


@gru_step.mistake
def reset_before_the_product(x, h, W, U, b, c):
    """The reset multiplies h before its product with U: that is the GRU of the first paper. In
    PyTorch it multiplies what comes out of the product."""
    seen, old = (x @ W.T + b).chunk(3, -1), (h @ U.T + c).chunk(3, -1)
    r, z = torch.sigmoid(seen[0] + old[0]), torch.sigmoid(seen[1] + old[1])
    n = torch.tanh(seen[2] + (r * h) @ U.chunk(3)[2].T + c.chunk(3)[2])
    return (1 - z) * n + z * h


@gru_step.mistake
def bias_outside_the_reset(x, h, W, U, b, c):
    """The memory's bias of the new part stands outside the reset: r multiplies the whole third sum,
    bias included."""
    seen, old = (x @ W.T + b).chunk(3, -1), (h @ U.T + c).chunk(3, -1)
    r, z = torch.sigmoid(seen[0] + old[0]), torch.sigmoid(seen[1] + old[1])
    bias = c.chunk(3)[2]
    n = torch.tanh(seen[2] + bias + r * (old[2] - bias))
    return (1 - z) * n + z * h


@gru_step.mistake
def reset_on_everything(x, h, W, U, b, c):
    """The reset multiplies what is *seen* as well: it is only there to forget."""
    seen, old = (x @ W.T + b).chunk(3, -1), (h @ U.T + c).chunk(3, -1)
    r, z = torch.sigmoid(seen[0] + old[0]), torch.sigmoid(seen[1] + old[1])
    return (1 - z) * torch.tanh(r * (seen[2] + old[2])) + z * h


@gru_step.mistake
def never_resets(x, h, W, U, b, c):
    """The reset has no part in it: the new part always sees the whole memory."""
    seen, old = (x @ W.T + b).chunk(3, -1), (h @ U.T + c).chunk(3, -1)
    z = torch.sigmoid(seen[1] + old[1])
    return (1 - z) * torch.tanh(seen[2] + old[2]) + z * h


@gru_step.mistake
def new_is_a_gate(x, h, W, U, b, c):
    """The new part is a sigmoid, too: a memory could then never become negative."""
    return _gru(x, h, W, U, b, c, squash=torch.sigmoid)


@gru_step.mistake
def gates_deaf_to_memory(x, h, W, U, b, c):
    """The gates see the observation only. Whether to keep depends on what there is to keep."""
    seen, old = (x @ W.T + b).chunk(3, -1), (h @ U.T + c).chunk(3, -1)
    r, z = torch.sigmoid(seen[0]), torch.sigmoid(seen[1])
    return (1 - z) * torch.tanh(seen[2] + r * old[2]) + z * h


@gru_step.mistake
def keeps_on_top(x, h, W, U, b, c):
    """The new part is added whole: (1 - z) is missing, and the memory can grow without end."""
    seen, old = (x @ W.T + b).chunk(3, -1), (h @ U.T + c).chunk(3, -1)
    r, z = torch.sigmoid(seen[0] + old[0]), torch.sigmoid(seen[1] + old[1])
    return torch.tanh(seen[2] + r * old[2]) + z * h


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
        *drawn("drawn windows", ints(1, 4), ints(5, 8), ints(0, 4), ints(1, 4), DTYPE),
    ):
        sizes = (E, L, 2), (E, D), (2, D), (D, D)
        x, h, W, U = (torch.randn(s, generator=rng, dtype=dtype) for s in sizes)
        yield Case(what, (x, h, partial(_cell, W, U), burn_in))


warm_up = Exercise(
    title="Burn-in: warm the memory up",
    difficulty=2,
    importance=4,
    minutes="10–15",
    statement="""\
A window out of the replay begins in the middle of a life. The memory kept with it, `h`, is from an
older network, so the first `burn_in` steps (perhaps none) only warm it up: the network remembers
along them, but nothing is learned from them, and no gradient goes back into them. Then come the
steps to learn from. Give the memory after each of *those*. `cell(x, h)` is one step of the network.
What you write: two short loops.""",
    hint="""\
The gradient must stop at one place, between the last step of the burn-in and the first that is
learned from, and nowhere else. `h` comes out of the replay and needs none.""",
    inputs=_windows,
    data=("h",),
)


@warm_up.solved_by
def after_burn_in(x, h, cell, burn_in):
    """The memory after each step to learn from: (E, L - burn_in, D).

    x: (E, L, O). h: (E, D), kept from before the window.
    cell: a function of (E, O) and (E, D) to (E, D).
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


@warm_up.mistake
def gradient_into_burn_in(x, h, cell, burn_in):
    """The numbers are right, but the gradient goes back into the burn-in: then it is nothing but a
    longer window."""
    return _unrolled(x, h, cell)[:, burn_in:]


@warm_up.mistake
def burn_in_skipped(x, h, cell, burn_in):
    """The steps of the burn-in are cut off without being lived through: the memory from before
    them meets what was seen after them."""
    return _unrolled(x[:, burn_in:], h, cell)


@warm_up.mistake
def burn_in_given_back(x, h, cell, burn_in):
    """The steps of the burn-in are in the result: nothing may be learned from them."""
    return _unrolled(x, h, cell, (burn_in,))


@warm_up.mistake
def memory_thrown_away(x, h, cell, burn_in):
    """The memory begins at zero behind the burn-in: what was the burn-in for?"""
    return _unrolled(x[:, burn_in:], torch.zeros_like(h), cell)


@warm_up.mistake
def started_from_nothing(x, h, cell, burn_in):
    """The memory kept with the window is not used: the burn-in starts from zeros. It can do
    without, but what was kept is nearer to the truth."""
    return _unrolled(x, torch.zeros_like(h), cell, (burn_in,))[:, burn_in:]


@warm_up.mistake
def cut_one_late(x, h, cell, burn_in):
    """The cut comes one step late, behind the first step to learn from: the gradient of that step
    still goes into the burn-in, and nothing that follows reaches it."""
    return _unrolled(x, h, cell, (burn_in + 1,))[:, burn_in:]


@warm_up.mistake
def cut_one_early(x, h, cell, burn_in):
    """The cut comes one step early: the last step of the burn-in is learned from."""
    return _unrolled(x, h, cell, (burn_in - 1,))[:, burn_in:]


@warm_up.mistake
def cut_everywhere(x, h, cell, burn_in):
    """The memory is detached in every step: no gradient goes back through time, and nobody learns
    what to remember."""
    return _unrolled(x, h, cell, range(x.shape[1]))[:, burn_in:]


@warm_up.mistake
def nothing_learned(x, h, cell, burn_in):
    """Everything is detached, the steps to learn from as well."""
    return _unrolled(x, h, cell)[:, burn_in:].detach()
