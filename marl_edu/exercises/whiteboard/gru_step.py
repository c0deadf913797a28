"""Exercise: a GRU by hand. Sizes: E agents, O numbers seen, D remembered."""

from collections.abc import Iterator

import torch
from torch import Tensor

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
        ("as much seen as remembered", 3, 3, 3, f32),
        ("gates wide open and shut", 4, 3, 2, f32),
    ):
        sizes = (E, O), (E, D), (3 * D, O), (3 * D, D), (3 * D,), (3 * D,)
        x, h, W, U, b, c = (torch.randn(s, generator=rng, dtype=dtype) for s in sizes)
        yield Case(what, (x, h, W, U, b * (4 if "wide" in what else 1), c))


exercise = Exercise(
    place=20,
    title="One step of a GRU",
    difficulty=3,
    importance=4,
    minutes="15–20",
    topic="drqn",
    statement="""\
A GRU keeps one memory, h. What is seen gives three sums, `x @ W.T + b`, and the memory gives three,
`h @ U.T + c`, each of D numbers, in the order of PyTorch: *reset* r, *keep* z, *new* n. The gates r
and z are sigmoids of what is seen plus what is remembered. The new part is
n = tanh(seen + r · remembered): the reset multiplies the memory's third sum, bias included. Then
h' = (1 - z) · n + z · h. Write it without `nn.GRUCell`. What you write: about five lines.""",
    hint="""\
Keep the two times three sums apart, `.chunk(3, -1)` or `np.split` each: in the third one they are
not simply added.""",
    domain=Domain(
        sizes={"E": (1, 5), "O": (1, 5), "D": (1, 4)},
        given={
            "x": Reals("E O", spreads=(1, 4), ties=True),
            "h": Reals("E D", spreads=(1, 3), ties=True),
            "W": Reals("3*D O", spreads=(1, 2)),
            "U": Reals("3*D D", spreads=(1, 3)),
            "b": Reals("3*D", spreads=(1, 4)),
            "c": Reals("3*D", spreads=(1, 3)),
        },
    ),
    inputs=_cells,
)


@exercise.solved_by
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


@exercise.mistake
def keep_inverted(x, h, W, U, b, c):
    """*Keep* is the wrong way round: in PyTorch h' = (1 - z) n + z h, where z near 1 keeps the old
    memory. Some papers write it the other way, and weights do not travel between the two."""
    return _gru(x, h, W, U, b, c, turned=True)


@exercise.mistake
def gates_swapped(x, h, W, U, b, c):
    """*Reset* and *keep* have changed places: reset comes first in PyTorch."""
    return _gru(x, h, W, U, b, c, order=(1, 0, 2))


@exercise.mistake
def reset_before_the_product(x, h, W, U, b, c):
    """The reset multiplies h before its product with U: that is the GRU of the first paper. In
    PyTorch it multiplies what comes out of the product."""
    seen, old = (x @ W.T + b).chunk(3, -1), (h @ U.T + c).chunk(3, -1)
    r, z = torch.sigmoid(seen[0] + old[0]), torch.sigmoid(seen[1] + old[1])
    n = torch.tanh(seen[2] + (r * h) @ U.chunk(3)[2].T + c.chunk(3)[2])
    return (1 - z) * n + z * h


@exercise.mistake
def bias_outside_the_reset(x, h, W, U, b, c):
    """The memory's bias of the new part stands outside the reset: r multiplies the whole third sum,
    bias included."""
    seen, old = (x @ W.T + b).chunk(3, -1), (h @ U.T + c).chunk(3, -1)
    r, z = torch.sigmoid(seen[0] + old[0]), torch.sigmoid(seen[1] + old[1])
    bias = c.chunk(3)[2]
    n = torch.tanh(seen[2] + bias + r * (old[2] - bias))
    return (1 - z) * n + z * h


@exercise.mistake
def reset_on_everything(x, h, W, U, b, c):
    """The reset multiplies what is *seen* as well: it is only there to forget."""
    seen, old = (x @ W.T + b).chunk(3, -1), (h @ U.T + c).chunk(3, -1)
    r, z = torch.sigmoid(seen[0] + old[0]), torch.sigmoid(seen[1] + old[1])
    return (1 - z) * torch.tanh(r * (seen[2] + old[2])) + z * h


@exercise.mistake
def never_resets(x, h, W, U, b, c):
    """The reset has no part in it: the new part always sees the whole memory."""
    seen, old = (x @ W.T + b).chunk(3, -1), (h @ U.T + c).chunk(3, -1)
    z = torch.sigmoid(seen[1] + old[1])
    return (1 - z) * torch.tanh(seen[2] + old[2]) + z * h


@exercise.mistake
def new_is_a_gate(x, h, W, U, b, c):
    """The new part is a sigmoid, too: a memory could then never become negative."""
    return _gru(x, h, W, U, b, c, squash=torch.sigmoid)


@exercise.mistake
def gates_deaf_to_memory(x, h, W, U, b, c):
    """The gates see the observation only. Whether to keep depends on what there is to keep."""
    seen, old = (x @ W.T + b).chunk(3, -1), (h @ U.T + c).chunk(3, -1)
    r, z = torch.sigmoid(seen[0]), torch.sigmoid(seen[1])
    return (1 - z) * torch.tanh(seen[2] + r * old[2]) + z * h


@exercise.mistake
def keeps_on_top(x, h, W, U, b, c):
    """The new part is added whole: (1 - z) is missing, and the memory can grow without end."""
    seen, old = (x @ W.T + b).chunk(3, -1), (h @ U.T + c).chunk(3, -1)
    r, z = torch.sigmoid(seen[0] + old[0]), torch.sigmoid(seen[1] + old[1])
    return torch.tanh(seen[2] + r * old[2]) + z * h


exercise.slips = {
    "keep_inverted": ("(1 - z) * n + z * h", "z * n + (1 - z) * h"),
    "keeps_on_top": ("(1 - z) * n + z * h", "n + z * h"),
    "never_resets": ("r * old_n", "old_n"),
    "new_is_a_gate": ("torch.tanh(seen_n", "torch.sigmoid(seen_n"),
    "reset_on_everything": ("seen_n + r * old_n", "r * (seen_n + old_n)"),
    "gates_deaf_to_memory": (
        "torch.sigmoid(seen_r + old_r), torch.sigmoid(seen_z + old_z)",
        "torch.sigmoid(seen_r), torch.sigmoid(seen_z)",
    ),
    "gates_swapped": ("    r, z =", "    z, r ="),
}
