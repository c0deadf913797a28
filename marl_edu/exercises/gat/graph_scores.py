"""Exercise: the scores of graph attention. Sizes: N nodes, F features. Receivers in rows."""

from collections.abc import Iterator

import torch
from torch.nn import functional as F

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals
from marl_edu.exercises.engine.trying import Case
from marl_edu.exercises.gat._graphs import hearings


def _scored(rng: torch.Generator) -> Iterator[Case]:
    for what, adjacency, dtype in hearings():
        N, size = len(adjacency), int(torch.randint(2, 6, (1,), generator=rng))
        Wh = torch.randn(N, size, generator=rng, dtype=dtype)
        yield Case(what, (Wh, torch.randn(2 * size, generator=rng, dtype=dtype)))


exercise = Exercise(
    place=10,
    title="The score of every pair",
    difficulty=2,
    importance=4,
    minutes="10–15",
    statement="""\
Eq. (1) of `gat.py` for one head and all pairs at once: e_ij = LeakyReLU(a · [W h_i ; W h_j]), i the
receiver in rows, j the sender in columns. `Wh` holds W h of every node, and `a` both halves in one
vector, the receiver's first. The slope below 0 is 0.2. Do not build the pairs: a · [x ; y] is a sum
of two products, of which each belongs to one node. What you write: three lines.""",
    hint="""\
`a[:F]` goes with the receiver, `a[F:]` with the sender; both products are `(N,)`. Which of the two
needs a new axis behind it, and which before it, so that their sum is `(N, N)`?""",
    domain=Domain(
        sizes={"N": (1, 6), "F": (1, 5)},
        given={
            "Wh": Reals("N F"),
            "a": Reals("2*F"),
        },
    ),
    inputs=_scored,
)


@exercise.solved_by
def score_pairs(Wh, a):
    """How much each node j matters to each node i, before any softmax: (N, N).

    Wh: (N, F). a: (2 F,).
    """
    size = Wh.shape[1]
    receiver, sender = Wh @ a[:size], Wh @ a[size:]
    return F.leaky_relu(receiver[:, None] + sender[None, :], 0.2)  # eq. (1)


def _halves(Wh, a):
    return Wh @ a[: Wh.shape[1]], Wh @ a[Wh.shape[1] :]


@exercise.mistake
def slope_of_torch(Wh, a):
    """The slope below 0 is torch's default, 0.01: the paper's is 0.2, TensorFlow's default."""
    receiver, sender = _halves(Wh, a)
    return F.leaky_relu(receiver[:, None] + sender)


@exercise.mistake
def roles_of_a_swapped(Wh, a):
    """Receiver and sender have changed places: this is the score of the pair (j, i)."""
    receiver, sender = _halves(Wh, a)
    return F.leaky_relu(receiver + sender[:, None], 0.2)


@exercise.mistake
def no_leaky_relu(Wh, a):
    """The LeakyReLU is missing. What the receiver adds would then cancel in the softmax: everybody
    would attend alike."""
    receiver, sender = _halves(Wh, a)
    return receiver[:, None] + sender


@exercise.mistake
def plain_relu(Wh, a):
    """This is a ReLU: all negative scores become 0, and their gradient too."""
    receiver, sender = _halves(Wh, a)
    return F.relu(receiver[:, None] + sender)


@exercise.mistake
def leaky_too_early(Wh, a):
    """The LeakyReLU is applied to each half before they are added: then the receiver's half is the
    same for all its senders, and cancels in the softmax."""
    receiver, sender = (F.leaky_relu(half, 0.2) for half in _halves(Wh, a))
    return receiver[:, None] + sender


@exercise.mistake
def product_of_halves(Wh, a):
    """The two halves are multiplied: a · [x ; y] is their *sum*."""
    receiver, sender = _halves(Wh, a)
    return F.leaky_relu(receiver[:, None] * sender, 0.2)


exercise.slips = {
    "slope_of_torch": (", 0.2)", ")"),
    "roles_of_a_swapped": (
        "receiver[:, None] + sender[None, :]",
        "receiver[None, :] + sender[:, None]",
    ),
    "no_leaky_relu": (
        "F.leaky_relu(receiver[:, None] + sender[None, :], 0.2)",
        "receiver[:, None] + sender[None, :]",
    ),
    "plain_relu": (
        "F.leaky_relu(receiver[:, None] + sender[None, :], 0.2)",
        "F.relu(receiver[:, None] + sender[None, :])",
    ),
    "product_of_halves": ("receiver[:, None] + sender", "receiver[:, None] * sender"),
}
