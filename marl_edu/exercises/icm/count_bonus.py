"""Exercise: what is new, by counting. Sizes: T steps."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Whole
from marl_edu.exercises.engine.trying import Case


def _walks(rng: torch.Generator) -> Iterator[Case]:
    for what, walk in (
        ("one step", [0]),
        ("the same cell again and again", [2, 2, 2, 2]),
        ("cells that are all new", [3, 0, 1, 2]),
        ("a walk there and back", [0, 1, 2, 1, 0]),
    ):
        yield Case(what, (torch.tensor(walk),))


exercise = Exercise(
    place=10,
    title="Count, then pay",
    difficulty=1,
    importance=4,
    minutes="5–10",
    statement="""\
The simplest curiosity. An agent enters one cell after another; each time it is paid
$1 / \\sqrt{n + 1}$, where n says how often it had been in this cell *before*. So the first visit is
worth 1, the second $1 / \\sqrt 2$, and no visit is ever worth nothing. numpy is welcome. What you
write: a loop, or two lines.""",
    hint="""\
At step t only the steps before t have been seen: the bonus of a step cannot depend on what the
agent does later.""",
    domain=Domain(
        sizes={"T": (1, 24), "C": (1, 300)},
        given={
            "cells": Whole("T", "C"),
        },
        notes={"C": "from 1 to 300"},
    ),
    inputs=_walks,
    gradient=False,
)


@exercise.solved_by
def pay_by_count(cells):
    """The bonus of each step: (T,), float32.

    cells: (T,) integers, the cell entered in each step.
    """
    visits: dict[int, int] = {}
    bonus = torch.zeros(len(cells))
    for t, cell in enumerate(cells.tolist()):
        bonus[t] = (visits.get(cell, 0) + 1) ** -0.5
        visits[cell] = visits.get(cell, 0) + 1
    return bonus


def _before(cells):
    """Visits to the same cell before each step."""
    return (cells[:, None] == cells).tril(-1).sum(1).float()


@exercise.mistake
def counted_first(cells):
    """The visit is counted before it is paid: the first one gets 1 / √2 instead of 1."""
    return (_before(cells) + 2).rsqrt()


@exercise.mistake
def future_counted(cells):
    """All visits of the whole walk are counted, later ones included: at step t they have not
    happened yet, and all visits to a cell are paid alike."""
    return (cells[:, None] == cells).sum(1).float().rsqrt()


@exercise.mistake
def root_forgotten(cells):
    """The root is missing: 1 / (n + 1) fades too fast. The tenth visit is worth 0.1, not 0.3."""
    return 1 / (_before(cells) + 1)


@exercise.mistake
def infinite_at_first(cells):
    """Without the + 1 the first visit is worth 1 / √0: infinite, and one such number ruins
    every network that is trained with it."""
    return _before(cells).rsqrt()


@exercise.mistake
def only_the_first(cells):
    """Only first visits are paid. On the way to the next new cell there is nothing to follow."""
    return (_before(cells) == 0).float()


@exercise.mistake
def last_step_counts(cells):
    """All steps share one count: n is the number of steps so far, whichever cell they led to."""
    return torch.arange(1, len(cells) + 1).float().rsqrt()


exercise.slips = {
    "root_forgotten": ("** -0.5", "** -1.0"),
    "counted_first": ("(visits.get(cell, 0) + 1) ** -0.5", "(visits.get(cell, 0) + 2) ** -0.5"),
    "last_step_counts": ("(visits.get(cell, 0) + 1) ** -0.5", "(t + 1) ** -0.5"),
    "only_the_first": ("(visits.get(cell, 0) + 1) ** -0.5", "cell not in visits"),
}
