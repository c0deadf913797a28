"""Exercise: the mean of the others, which is all that CommNet hears.

Sizes: B environments, N agents, D features.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.inputs import teams
from marl_edu.exercises.engine.kinds import Flags, Reals
from marl_edu.exercises.engine.trying import Case


def _living(rng: torch.Generator) -> Iterator[Case]:
    for what, B, alive, dtype in teams():
        D = int(torch.randint(1, 6, (), generator=rng))
        yield Case(what, (torch.randn(B, alive.shape[1], D, generator=rng, dtype=dtype), alive))


exercise = Exercise(
    place=50,
    title="CommNet: the mean of the others",
    difficulty=2,
    importance=4,
    minutes="10–15",
    topic="commnet",
    statement="""\
In CommNet nobody chooses: a living agent hears the mean of what the living *others* say. Empty
slots (`alive` False) hold numbers too, which nobody must hear; they, and whoever is alone, hear
zeros. What you write: about four lines.""",
    hint="""\
The sum over the others is the sum over all the living, less the agent itself. How many others are
there? And if there are none, what is 0 / 0?""",
    domain=Domain(
        sizes={"B": (1, 4), "N": (1, 7), "D": (1, 5)},
        given={
            "z": Reals("B N D", centres=(-50, 50), ties=True),
            "alive": Flags("B N"),
        },
    ),
    inputs=_living,
)


@exercise.solved_by
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


@exercise.mistake
def self_included(z, alive):
    """The mean includes the agent itself: what it says comes back to it as if another had."""
    living, _, count = _sums(z, alive)
    return (z * living).sum(1, keepdim=True) / count.clamp_min(1) * living


@exercise.mistake
def divided_by_living(z, alive):
    """The sum is over the others, but it is divided by the number of *all* the living, the agent
    itself included."""
    living, others, count = _sums(z, alive)
    return others / count.clamp_min(1) * living


@exercise.mistake
def divided_by_slots(z, alive):
    """The sum is divided by N, the number of slots: as the road empties, agents hear less and
    less."""
    living, others, _ = _sums(z, alive)
    return others / z.shape[1] * living


@exercise.mistake
def divided_by_other_slots(z, alive):
    """The sum is divided by N − 1, as if every other slot held an agent."""
    living, others, _ = _sums(z, alive)
    return others / max(z.shape[1] - 1, 1) * living


@exercise.mistake
def summed(z, alive):
    """This is the sum of the others: divide it by their number."""
    living, others, _ = _sums(z, alive)
    return others * living


@exercise.mistake
def dead_listen(z, alive):
    """Empty slots hear something: they should get zeros."""
    living, others, count = _sums(z, alive)
    return others / (count - living).clamp_min(1)


@exercise.mistake
def dead_speak(z, alive):
    """Empty slots are heard: what is left in them goes into everybody's mean."""
    others = z.sum(1, keepdim=True) - z
    return others / max(z.shape[1] - 1, 1) * alive[..., None]


@exercise.mistake
def nan_alone(z, alive):
    """Whoever is alone hears 0 / 0 = NaN: divide by at least 1."""
    _, others, count = _sums(z, alive)
    return torch.where(alive[..., None], others / (count - 1), 0.0)


exercise.slips = {
    "divided_by_living": ("(living.sum(1, keepdim=True) - 1)", "living.sum(1, keepdim=True)"),
    "summed": (
        "(said.sum(1, keepdim=True) - said) / others * living",
        "(said.sum(1, keepdim=True) - said) * living",
    ),
}
