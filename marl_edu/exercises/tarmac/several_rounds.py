"""Exercises: several rounds, and the mean of the others, which is all that CommNet hears.

Sizes: B worlds, N agents, D features.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from marl_edu.exercises.grading import Exercise
from marl_edu.exercises.inputs import teams
from marl_edu.exercises.trying import Case
from marl_edu.ops import masked_softmax


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


several_rounds = Exercise(
    title="Several rounds, one set of weights",
    difficulty=2,
    importance=3,
    minutes="10",
    statement="""\
In each round everybody listens, then makes something of it, eq. (5): z' = tanh(W_c c + W_z z), with
c = `listen(z)`. The next round does the same with z', and with the same weights. In code, features
are the last axis: `c @ W_c + z @ W_z`. What you write: three lines.""",
    hint="""\
In the second round, who speaks? Somebody who has already heard something: *everything* in eq. (5)
is made of the new z.""",
    inputs=_round_trips,
)


@several_rounds.solved_by
def talk(z, listen, W_c, W_z, rounds):
    """z after so many rounds: (B, N, D).

    z: (B, N, D). listen: z -> what everybody hears, (B, N, D).
    W_c, W_z: (D, D).
    """
    for _ in range(rounds):
        z = torch.tanh(listen(z) @ W_c + z @ W_z)  # eq. (5)
    return z


@several_rounds.mistake
def single_round(z, listen, W_c, W_z, rounds):
    """There is one round only, however many are asked for."""
    return talk(z, listen, W_c, W_z, 1)


@several_rounds.mistake
def old_messages(z, listen, W_c, W_z, rounds):
    """In the second round everybody hears the first round's messages again: signatures and values
    must be made anew, of the new z."""
    heard = listen(z)
    for _ in range(rounds):
        z = torch.tanh(heard @ W_c + z @ W_z)
    return z


@several_rounds.mistake
def old_self(z, listen, W_c, W_z, rounds):
    """In the second round the agent forgets what it made of the first: `z @ W_z` uses the z from
    before all rounds."""
    new = z
    for _ in range(rounds):
        new = torch.tanh(listen(new) @ W_c + z @ W_z)
    return new


@several_rounds.mistake
def tanh_at_the_end(z, listen, W_c, W_z, rounds):
    """The tanh comes once, after the last round, instead of after each."""
    for _ in range(rounds):
        z = listen(z) @ W_c + z @ W_z
    return torch.tanh(z)


@several_rounds.mistake
def tanh_forgotten(z, listen, W_c, W_z, rounds):
    """The tanh of eq. (5) is missing."""
    for _ in range(rounds):
        z = listen(z) @ W_c + z @ W_z
    return z


@several_rounds.mistake
def weights_swapped(z, listen, W_c, W_z, rounds):
    """W_c and W_z have changed places: W_c is for what was heard. The shapes cannot tell."""
    return talk(z, listen, W_z, W_c, rounds)


@several_rounds.mistake
def old_added(z, listen, W_c, W_z, rounds):
    """Each round *adds* to z, as a residual network does. Eq. (5) replaces it."""
    for _ in range(rounds):
        z = z + torch.tanh(listen(z) @ W_c + z @ W_z)
    return z


@several_rounds.mistake
def rounds_detached(z, listen, W_c, W_z, rounds):
    """The rounds are cut from each other: no gradient comes back through the last round, so nobody
    learns what to say in the earlier ones."""
    for _ in range(rounds):
        z = torch.tanh(listen(z.detach()) @ W_c + z.detach() @ W_z)
    return z


def _living(rng: torch.Generator) -> Iterator[Case]:
    for what, B, alive, dtype in teams():
        D = int(torch.randint(1, 6, (), generator=rng))
        yield Case(what, (torch.randn(B, alive.shape[1], D, generator=rng, dtype=dtype), alive))


mean_of_the_others = Exercise(
    title="CommNet: the mean of the others",
    difficulty=2,
    importance=4,
    minutes="10–15",
    statement="""\
In CommNet nobody chooses: a living agent hears the mean of what the living *others* say. Empty
slots (`alive` False) hold numbers too, which nobody must hear; they, and whoever is alone, hear
zeros. What you write: about four lines.""",
    hint="""\
The sum over the others is the sum over the living, less oneself. How many others are there? And
if there are none, what is 0 / 0?""",
    inputs=_living,
)


@mean_of_the_others.solved_by
def hear_the_mean(z, alive):
    """What each agent hears: (B, N, D).

    z: (B, N, D). alive: (B, N) bool.
    """
    living = alive[..., None].to(z.dtype)
    said = z * living
    others = (living.sum(1, keepdim=True) - 1).clamp_min(1)  # nobody: 0 / 1 = 0
    return (said.sum(1, keepdim=True) - said) / others * living


def _sums(z: Tensor, alive: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The living as numbers, the sum over the living others, and how many the living are."""
    living = alive[..., None].to(z.dtype)
    said = z * living
    return living, said.sum(1, keepdim=True) - said, living.sum(1, keepdim=True)


@mean_of_the_others.mistake
def self_included(z, alive):
    """The mean includes the agent itself: what it says comes back to it as if another had."""
    living, _, count = _sums(z, alive)
    return (z * living).sum(1, keepdim=True) / count.clamp_min(1) * living


@mean_of_the_others.mistake
def divided_by_living(z, alive):
    """The sum is over the others, but it is divided by the number of *all* the living, the agent
    itself included."""
    living, others, count = _sums(z, alive)
    return others / count.clamp_min(1) * living


@mean_of_the_others.mistake
def divided_by_slots(z, alive):
    """The sum is divided by N, the number of slots: what one hears shrinks as the road empties."""
    living, others, _ = _sums(z, alive)
    return others / z.shape[1] * living


@mean_of_the_others.mistake
def divided_by_other_slots(z, alive):
    """The sum is divided by N − 1, as if every other slot held an agent."""
    living, others, _ = _sums(z, alive)
    return others / max(z.shape[1] - 1, 1) * living


@mean_of_the_others.mistake
def summed(z, alive):
    """This is the sum of the others: divide it by their number."""
    living, others, _ = _sums(z, alive)
    return others * living


@mean_of_the_others.mistake
def dead_listen(z, alive):
    """Empty slots hear something: they should get zeros."""
    living, others, count = _sums(z, alive)
    return others / (count - living).clamp_min(1)


@mean_of_the_others.mistake
def dead_speak(z, alive):
    """Empty slots are heard: what is left in them goes into everybody's mean."""
    others = z.sum(1, keepdim=True) - z
    return others / max(z.shape[1] - 1, 1) * alive[..., None]


@mean_of_the_others.mistake
def nan_alone(z, alive):
    """Whoever is alone hears 0 / 0 = NaN: divide by at least 1."""
    living, others, count = _sums(z, alive)
    return torch.where(alive[..., None], others / (count - 1), 0.0)
