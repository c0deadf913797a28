"""Exercise: where one trajectory ends and the next begins. Sizes: T steps, N slots."""

from collections.abc import Iterator, Mapping

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Values
from marl_edu.exercises.engine.trying import Case


def _slots(rng: torch.Generator) -> Iterator[Case]:
    T, F = True, False
    for what, there, ends in (
        ("one agent that stays", [T, T, T], [F, F, F]),
        ("an agent that leaves", [T, T, F], [F, T, T]),
        ("a slot used again at once", [T, T, T, T], [F, T, F, F]),
        ("a slot used again after a pause", [T, F, T, T], [T, T, F, F]),
        ("a slot that is empty at first", [F, F, T, T], [T, T, F, T]),
        ("nobody, ever", [F, F], [T, T]),
        ("a new agent in every step", [T, T, T], [T, T, T]),
    ):
        yield Case(what, (torch.tensor(there)[:, None], torch.tensor(ends)[:, None]))


def _ended(given: Values, _: Mapping[str, int]) -> Values:
    alive, terminated = given["alive"], given["terminated"].clone()
    terminated[:-1] |= ~alive[1:]  # who is gone in the next step has ended in this one
    return {"alive": alive, "terminated": terminated}


exercise = Exercise(
    place=60,
    title="Whose trajectory is it?",
    difficulty=3,
    importance=4,
    minutes="15–20",
    statement="""\
N slots over T steps. `alive` says which hold an agent in a step, `terminated` whether its
trajectory ends with that step; a slot may be used again, even at once. For every step give the
number of steps that its agent has taken before. It is 0 where a trajectory begins, 1 in its second
step, and so on; in an empty slot it is -1. When a replay keeps trajectories, this number says where
each step goes. Integers. What you write: a loop over T, or a few lines with a running maximum.""",
    hint="""\
A step continues a trajectory if the slot was alive in the step before *and* that step was not the
last of its own. Otherwise it begins one.""",
    domain=Domain(
        sizes={"T": (1, 9), "N": (1, 4)},
        given={
            "alive": Flags("T N"),
            "terminated": Flags("T N"),
        },
        finish=_ended,
    ),
    inputs=_slots,
    gradient=False,
)


@exercise.solved_by
def ages(alive, terminated):
    """How many steps each agent has taken before: (T, N), int64; -1 in an empty slot.

    alive, terminated: (T, N) bool.
    """
    age = torch.full(alive.shape, -1)
    for t in range(len(alive)):
        same = alive[t - 1] & ~terminated[t - 1] if t else torch.zeros_like(alive[0])
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


@exercise.mistake
def slots_not_agents(alive, terminated):
    """A slot that is used again at once goes on counting: the newcomer takes over its predecessor's
    age, and in a replay its memory."""
    return _count(alive, _shifted(alive))


@exercise.mistake
def clock(alive, terminated):
    """It is the time of the episode that is counted: right only for who was there from the
    start."""
    t = torch.arange(len(alive))[:, None].expand_as(alive)
    return torch.where(alive, t, -1)


@exercise.mistake
def cut_too_early(alive, terminated):
    """`terminated` of the step itself is asked, so that the *last* step of a trajectory begins a
    new one: it is the step *before* that tells whether it continues."""
    return _count(alive, _shifted(alive) & ~terminated)


@exercise.mistake
def empty_slots_age(alive, terminated):
    """Empty slots get 0 instead of -1: they look like agents that have just come."""
    return ages(alive, terminated).clamp_min(0)


@exercise.mistake
def from_one(alive, terminated):
    """It counts from 1: the first step of a trajectory is number 0."""
    return torch.where(alive, ages(alive, terminated) + 1, -1)


@exercise.mistake
def never_continues(alive, terminated):
    """Every step begins a new trajectory."""
    return torch.where(alive, 0, -1)


@exercise.mistake
def pauses_forgotten(alive, terminated):
    """It counts on after a pause, as if who comes next had been waiting: a trajectory that ended
    does not go on."""
    return torch.where(alive, alive.long().cumsum(0) - 1, -1)


exercise.slips = {
    "slots_not_agents": ("alive[t - 1] & ~terminated[t - 1]", "alive[t - 1]"),
    "empty_slots_age": ("now, -1)", "now, 0)"),
    "cut_too_early": ("~terminated[t - 1]", "~terminated[t]"),
}
