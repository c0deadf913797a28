"""Exercise: what a few seeds say of two methods. Sizes: n and m seeds, M tasks."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals
from marl_edu.exercises.engine.trying import Case


def _contests(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, n, m, M, dtype in (
        ("one run each", 1, 1, 1, f32),
        ("two runs against three", 2, 3, 1, f32),
        ("runs with ties", 4, 4, 3, f32),
        ("as many runs of either", 5, 5, 2, f32),
        ("numbers in float64", 3, 6, 2, f64),
        ("more runs with ties", 8, 6, 4, f32),
        ("runs with ties, in float64", 7, 9, 3, f64),
    ):
        ours, theirs = (torch.rand(k, M, generator=rng, dtype=dtype) for k in (n, m))
        if "ties" in what:  # scores in tenths, as of ten games each
            ours, theirs = ((x * 10).round() / 10 for x in (ours, theirs))
        yield Case(what, (ours + 0.1 * ("ties" not in what), theirs))
    close = torch.rand(4, 2, generator=rng, dtype=f64)
    yield Case("runs that differ by a millionth", (close + 1e-6, close.flip(0)))


exercise = Exercise(
    place=140,
    title="Which one is better, and how surely",
    difficulty=2,
    importance=3,
    minutes="5–15",
    topic="ground",
    statement="""\
The probability of improvement: a run of ours and one of theirs are drawn, how probably does ours
score higher? Compare every run of ours with every run of theirs; a tie counts half. Give one number
per task. Runs of the same number have nothing to do with each other, and there may be more of one
than of the other. numpy is welcome; mind the data type. What you write: two or three lines.""",
    hint="""\
An axis of length 1 in either: `(n, 1, M)` against `(1, m, M)`. Half for a tie: add a comparison
that is weighed with 0.5.""",
    domain=Domain(
        sizes={"n": (1, 8), "m": (1, 8), "M": (1, 4)},
        given={
            "ours": Reals("n M", ties=True),
            "theirs": Reals("m M", ties=True),
            "_level": Reals("M", spreads=(1, 200, 1e4)),
        },
        finish=lambda given, _: {
            name: given[name] + given["_level"] for name in ("ours", "theirs")
        },
    ),
    inputs=_contests,
    gradient=False,
)


@exercise.solved_by
def probability_of_improvement(ours, theirs):
    """How probably a run of ours scores higher than one of theirs: (M,).

    ours: (n, M), theirs: (m, M), runs in rows, tasks in columns.
    """
    a, b = ours[:, None], theirs[None]
    better = (a > b).to(ours.dtype) + 0.5 * (a == b)
    return better.mean((0, 1))


@exercise.mistake
def ties_lost(ours, theirs):
    """A tie counts as a loss: then neither of two equal methods is as good as the other."""
    return (ours[:, None] > theirs[None]).to(ours.dtype).mean((0, 1))


@exercise.mistake
def ties_won(ours, theirs):
    """A tie counts as a win: then each of two equal methods is better than the other."""
    return (ours[:, None] >= theirs[None]).to(ours.dtype).mean((0, 1))


@exercise.mistake
def other_way_round(ours, theirs):
    """This is how probably *theirs* is better."""
    a, b = ours[:, None], theirs[None]
    return ((a < b).to(ours.dtype) + 0.5 * (a == b)).mean((0, 1))


@exercise.mistake
def in_pairs(ours, theirs):
    """Run k of ours is only compared with run k of theirs. Their seeds have nothing in common: all
    pairs count."""
    k = min(len(ours), len(theirs))
    a, b = ours[:k], theirs[:k]
    return ((a > b).to(ours.dtype) + 0.5 * (a == b)).mean(0)


@exercise.mistake
def means_compared(ours, theirs):
    """Only the two means are compared: 0 or 1, however close they are, and whatever the spread."""
    a, b = ours.mean(0), theirs.mean(0)
    return (a > b).to(ours.dtype) + 0.5 * (a == b)


@exercise.mistake
def against_their_mean(ours, theirs):
    """Our runs are compared with *their mean*: their spread is forgotten."""
    b = theirs.mean(0)
    return ((ours > b).to(ours.dtype) + 0.5 * (ours == b)).mean(0)


@exercise.mistake
def against_their_best(ours, theirs):
    """Our runs are compared with their best one: the more runs they have, the worse we look."""
    b = theirs.amax(0)
    return ((ours > b).to(ours.dtype) + 0.5 * (ours == b)).mean(0)


@exercise.mistake
def size_of_the_lead(ours, theirs):
    """This is by how much ours is better on average, not how probably."""
    return ours.mean(0) - theirs.mean(0)


@exercise.mistake
def wins_counted(ours, theirs):
    """The wins are counted, not divided by the number of pairs."""
    a, b = ours[:, None], theirs[None]
    return ((a > b).to(ours.dtype) + 0.5 * (a == b)).sum((0, 1))


exercise.slips = {
    "ties_lost": (" + 0.5 * (a == b)", ""),
    "ties_won": ("(a > b).to(ours.dtype) + 0.5 * (a == b)", "(a >= b).to(ours.dtype)"),
    "other_way_round": ("(a > b)", "(a < b)"),
    "wins_counted": ("better.mean", "better.sum"),
}
