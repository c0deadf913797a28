"""Exercise: where one life ends and the next begins. Sizes: T steps, N slots."""

from collections.abc import Iterator

import torch
from hypothesis import strategies as st

from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.inputs import drawn, masks
from marl_edu.exercises.engine.trying import Case


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


exercise = Exercise(
    place=60,
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


@exercise.solved_by
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


@exercise.mistake
def slots_not_agents(alive, goes_on):
    """A slot that is used again at once goes on counting: the newcomer takes over its predecessor's
    age, and in a replay its memory."""
    return _count(alive, _shifted(alive))


@exercise.mistake
def clock(alive, goes_on):
    """It is the time of the world that is counted: right only for who was there from the start."""
    t = torch.arange(len(alive))[:, None].expand_as(alive)
    return torch.where(alive, t, -1)


@exercise.mistake
def cut_too_early(alive, goes_on):
    """`goes_on` of the step itself is asked, so that the *last* step of a life begins a new one:
    it is the step *before* that tells whether a life continues."""
    return _count(alive, _shifted(alive) & goes_on)


@exercise.mistake
def empty_slots_age(alive, goes_on):
    """Empty slots get 0 instead of -1: they look like newborn agents."""
    return ages(alive, goes_on).clamp_min(0)


@exercise.mistake
def from_one(alive, goes_on):
    """It counts from 1: the first step of a life is number 0."""
    return torch.where(alive, ages(alive, goes_on) + 1, -1)


@exercise.mistake
def never_continues(alive, goes_on):
    """Every step begins a new life."""
    return torch.where(alive, 0, -1)


@exercise.mistake
def pauses_forgotten(alive, goes_on):
    """It counts on after a pause, as if who comes next had been waiting: a life that ended does
    not come back."""
    return torch.where(alive, alive.long().cumsum(0) - 1, -1)
