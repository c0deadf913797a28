"""Exercise: several rounds, one set of weights. Sizes: B environments, N agents, D features."""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from marl_edu.core.ops import masked_softmax
from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.inputs import teams
from marl_edu.exercises.engine.kinds import Flags, Number, Reals
from marl_edu.exercises.engine.trying import Case


def _round_trips(rng: torch.Generator) -> Iterator[Case]:
    for number, (what, B, alive, dtype) in enumerate(teams()):
        D, rounds = (2, 3, 5)[number % 3], (2, 1, 3)[number % 3]
        shapes = (B, alive.shape[1], D), (D, D), (D, D), (D, D)
        z, W_v, W_c, W_z = (torch.randn(s, generator=rng, dtype=dtype) for s in shapes)
        mask = alive[:, :, None] & alive[:, None, :]

        def listen(z, mask=mask, W_v=W_v):
            return masked_softmax(z @ z.transpose(-1, -2), mask) @ (z @ W_v)

        count = "one round" if rounds == 1 else f"{rounds} rounds"
        yield Case(f"{what}, {count}", (z, listen, W_c, W_z, rounds))


def _listen(W_v: Tensor, mask: Tensor, z: Tensor) -> Tensor:
    return masked_softmax(z @ z.transpose(-1, -2), mask) @ (z @ W_v)


exercise = Exercise(
    place=40,
    title="Several rounds, one set of weights",
    difficulty=2,
    importance=3,
    minutes="10",
    topic="commnet",
    statement="""\
In each round everybody listens, then makes something of it, eq. (5) of `tarmac.py`:
z' = tanh(W_c c + W_z z), with c = `listen(z)`. The next round does the same with z', and with the
same weights. In code, features are the last axis: `c @ W_c + z @ W_z`. What you write: three
lines.""",
    hint="""\
In the second round, who speaks? Somebody who has already heard something: *everything* in eq. (5)
is made of the new z.""",
    domain=Domain(
        sizes={"B": (1, 3), "N": (1, 4), "D": (1, 4)},
        given={
            "z": Reals("B N D", spreads=(1, 0.1, 4), ties=True),
            "_W": Reals("D D", spreads=(1, 2)),
            "_mask": Flags("B N N"),
            "W_c": Reals("D D", spreads=(1, 2)),
            "W_z": Reals("D D", spreads=(1, 2)),
            "rounds": Number(1, 4),
        },
        finish=lambda given, _: given | {"listen": partial(_listen, given["_W"], given["_mask"])},
    ),
    inputs=_round_trips,
)


@exercise.solved_by
def talk(z, listen, W_c, W_z, rounds):
    """z after so many rounds: (B, N, D).

    z: (B, N, D). listen: z -> what everybody hears, (B, N, D).
    W_c, W_z: (D, D).
    """
    for _ in range(rounds):
        z = torch.tanh(listen(z) @ W_c + z @ W_z)  # eq. (5)
    return z


@exercise.mistake
def single_round(z, listen, W_c, W_z, rounds):
    """There is one round only, however many are asked for."""
    return talk(z, listen, W_c, W_z, 1)


@exercise.mistake
def old_messages(z, listen, W_c, W_z, rounds):
    """In the second round everybody hears the first round's messages again: signatures and values
    must be computed again, from the new z."""
    heard = listen(z)
    for _ in range(rounds):
        z = torch.tanh(heard @ W_c + z @ W_z)
    return z


@exercise.mistake
def old_self(z, listen, W_c, W_z, rounds):
    """In the second round the agent forgets what it made of the first: `z @ W_z` uses the z from
    before all rounds."""
    new = z
    for _ in range(rounds):
        new = torch.tanh(listen(new) @ W_c + z @ W_z)
    return new


@exercise.mistake
def tanh_at_the_end(z, listen, W_c, W_z, rounds):
    """The tanh comes once, after the last round, instead of after each."""
    for _ in range(rounds):
        z = listen(z) @ W_c + z @ W_z
    return torch.tanh(z)


@exercise.mistake
def tanh_forgotten(z, listen, W_c, W_z, rounds):
    """The tanh of eq. (5) is missing."""
    for _ in range(rounds):
        z = listen(z) @ W_c + z @ W_z
    return z


@exercise.mistake
def weights_swapped(z, listen, W_c, W_z, rounds):
    """W_c and W_z have changed places: W_c is for what was heard. The shapes cannot tell."""
    return talk(z, listen, W_z, W_c, rounds)


@exercise.mistake
def old_added(z, listen, W_c, W_z, rounds):
    """Each round *adds* to z, as a residual network does. Eq. (5) replaces it."""
    for _ in range(rounds):
        z = z + torch.tanh(listen(z) @ W_c + z @ W_z)
    return z


@exercise.mistake
def rounds_detached(z, listen, W_c, W_z, rounds):
    """The rounds are cut from each other: no gradient comes back through the last round, so nobody
    learns what to say in the earlier ones."""
    for _ in range(rounds):
        z = torch.tanh(listen(z.detach()) @ W_c + z.detach() @ W_z)
    return z


exercise.slips = {
    "tanh_forgotten": ("torch.tanh(listen(z) @ W_c + z @ W_z)", "listen(z) @ W_c + z @ W_z"),
    "weights_swapped": ("listen(z) @ W_c + z @ W_z", "listen(z) @ W_z + z @ W_c"),
    "old_added": ("z = torch.tanh", "z = z + torch.tanh"),
    "rounds_detached": ("listen(z) @ W_c + z @ W_z", "listen(z.detach()) @ W_c + z.detach() @ W_z"),
    "single_round": ("range(rounds)", "range(1)"),
}
