"""Exercise: advantages in units. Sizes: B environments, T steps, N agents."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Reals
from marl_edu.exercises.engine.trying import Case


def _rounds(rng: torch.Generator) -> Iterator[Case]:
    T, F = True, False
    f32, f64 = torch.float32, torch.float64
    for what, alive, dtype in (
        ("one living agent, in one step", [[[T]]], f32),
        ("two living agents", [[[T, T]]], f32),
        ("one agent that dies after its first step", [[[T], [F], [F]]], f32),
        ("one who lives among those who do not", [[[F, T, F]]], f32),
        ("two environments, one of which ends early", [[[T, T], [T, T]], [[T, T], [F, F]]], f32),
        ("numbers in float64", [[[T, F], [F, T], [T, T]]], f64),
    ):
        there = torch.tensor(alive)
        yield Case(what, (torch.randn(there.shape, generator=rng, dtype=dtype), there))
    good = torch.tensor([[[2.0, 3.0], [7.0, torch.nan]]])
    yield Case("a slot that is empty and holds NaN", (good, torch.tensor([[[T, T], [T, F]]])))
    yield Case(
        "living agents who did equally well", (0 * good + 2, torch.tensor([[[T, T], [T, F]]]))
    )


exercise = Exercise(
    place=35,
    title="Advantages of the living",
    difficulty=2,
    importance=5,
    minutes="10",
    topic="ground",
    statement="""\
Before PPO's loss, the advantages of a round are brought to mean 0 and standard deviation 1. Mean
and standard deviation are those of all agents, steps and environments together, but only where the
agent is `alive`. Add 1e-8 to the standard deviation, which divides by the number, not by one less.
Empty slots get 0, whatever they hold. What you write: two or three lines.""",
    hint="""\
`advantage[alive]` is a plain list of those that count. In the end *choose* between the new number
and 0 (`where`): 0 times NaN is NaN.""",
    domain=Domain(
        sizes={"B": (1, 3), "T": (1, 5), "N": (1, 3)},
        given={
            "advantage": Reals(
                "B T N",
                spreads=(1, 60),
                centres=(-5, 5),
                ties=True,
                unused=lambda given: ~given["alive"],
            ),
            "alive": Flags("B T N", any=True),
        },
    ),
    inputs=_rounds,
    gradient=False,
)


@exercise.solved_by
def in_spreads(advantage, alive):
    """The advantages in units of their spread: (B, T, N).

    advantage: (B, T, N). alive: (B, T, N) bool, True once at least.
    """
    living = advantage[alive]
    unit = living.std(correction=0) + 1e-8
    return torch.where(alive, (advantage - living.mean()) / unit, 0.0)


def _brought(advantage, alive, some, correction=0):
    """Those of the living, in units of what `some` numbers say."""
    unit = some.std(correction=correction) if some.numel() > correction else 0 * some.sum()
    return torch.where(alive, (advantage - some.mean()) / (unit + 1e-8), 0.0)


@exercise.mistake
def all_slots(advantage, alive):
    """Mean and spread are taken over all slots, empty ones too. What an empty slot holds moves the
    advantage of the living."""
    return _brought(advantage, alive, advantage.flatten())


@exercise.mistake
def empty_count_as_0(advantage, alive):
    """Empty slots are set to 0 first and then counted: the fewer live, the smaller the spread, and
    the larger the advantages."""
    return _brought(advantage, alive, torch.where(alive, advantage, 0.0).flatten())


@exercise.mistake
def empty_slots_too(advantage, alive):
    """Mean and spread are right, but empty slots get a number as well: they should be 0."""
    living = advantage[alive]
    return (advantage - living.mean()) / (living.std(correction=0) + 1e-8)


@exercise.mistake
def nothing_times_nan(advantage, alive):
    """Empty slots are multiplied by 0. They may hold anything, and 0 times NaN is NaN: choose
    instead."""
    living = advantage[alive]
    return (advantage - living.mean()) / (living.std(correction=0) + 1e-8) * alive


@exercise.mistake
def only_centred(advantage, alive):
    """The mean is taken off, but nothing is divided: the size of a step of learning still depends
    on the unit of the reward."""
    return torch.where(alive, advantage - advantage[alive].mean(), 0.0)


@exercise.mistake
def only_scaled(advantage, alive):
    """The mean is not taken off."""
    return torch.where(alive, advantage / (advantage[alive].std(correction=0) + 1e-8), 0.0)


@exercise.mistake
def over_the_variance(advantage, alive):
    """It is divided by the variance; its root, the standard deviation, has the advantage's unit."""
    living = advantage[alive]
    unit = living.var(correction=0) + 1e-8
    return torch.where(alive, (advantage - living.mean()) / unit, 0.0)


@exercise.mistake
def one_less(advantage, alive):
    """The spread is divided by the number of advantages less one. That is what `std` does in torch
    unless told otherwise; numpy's does not."""
    return _brought(advantage, alive, advantage[alive], correction=1)


@exercise.mistake
def each_agent_for_itself(advantage, alive):
    """Each agent has a mean and a spread of its own, so that an agent that did worse than the
    others is told the same as the best."""
    columns = [
        _brought(each, here, each[here]) if here.any() else torch.zeros_like(each)
        for each, here in zip(advantage.unbind(2), alive.unbind(2), strict=True)
    ]
    return torch.stack(columns, 2)


exercise.slips = {
    "all_slots": ("living = advantage[alive]", "living = advantage"),
    "empty_count_as_0": (
        "living = advantage[alive]",
        "living = torch.where(alive, advantage, 0.0)",
    ),
    "over_the_variance": ("living.std(correction=0)", "living.var(correction=0)"),
    "empty_slots_too": (
        "torch.where(alive, (advantage - living.mean()) / unit, 0.0)",
        "(advantage - living.mean()) / unit",
    ),
    "nothing_times_nan": (
        "torch.where(alive, (advantage - living.mean()) / unit, 0.0)",
        "(advantage - living.mean()) / unit * alive",
    ),
    "only_centred": ("(advantage - living.mean()) / unit", "advantage - living.mean()"),
    "only_scaled": ("(advantage - living.mean())", "advantage"),
}
