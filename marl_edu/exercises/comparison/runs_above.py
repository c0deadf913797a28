"""Exercise: a performance profile. Sizes: W environments, S seeds, L levels."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals
from marl_edu.exercises.engine.trying import Case


def _profiles(rng: torch.Generator) -> Iterator[Case]:
    for what, scores, levels in (
        ("one run and one level below it", [[0.7]], [0.5]),
        ("one run that scores just the level", [[0.5]], [0.5]),
        ("an environment with a run that failed", [[0.9, 0.0, 0.8, 1.0]], [0.0, 0.25, 0.5, 0.75]),
        ("two environments, an easy and a hard one", [[1.0, 1.0], [0.0, 0.25]], [0.125, 0.5]),
        ("levels that nobody and everybody is above", [[0.25, 0.5], [0.75, 0.5]], [2.0, -1.0]),
        ("runs just above a level, and just below", [[0.50001, 0.49999]], [0.5]),
        ("levels in no order", [[0.0, 0.5, 1.0]], [0.75, 0.25, 0.5, 0.0, 1.0]),
    ):
        yield Case(what, (torch.tensor(scores), torch.tensor(levels)))
    drawn = torch.rand(5, 8, generator=rng, dtype=torch.float64)
    eleven = torch.linspace(0, 1, 11, dtype=torch.float64)
    yield Case("five environments of eight seeds, in float64", (drawn, eleven))


exercise = Exercise(
    place=25,
    title="How many runs get that far?",
    difficulty=1,
    importance=3,
    minutes="5–10",
    topic="ground",
    statement="""\
A mean hides whether all runs are mediocre, or half of them perfect and half of them lost. A
*performance profile* shows it: for each level, the share of runs that score *more* than it. All
runs of all environments count alike; their scores are normalised. Give the share for each of
`levels`. What you write: one line.""",
    hint="""\
Compare every run with every level. Which axes are then left to average over? A mean of truths is a
share; convert them to numbers first where your library wants it.""",
    domain=Domain(
        sizes={"W": (1, 5), "S": (1, 8), "L": (1, 6)},
        given={
            "scores": Reals("W S", spreads=(1, 3), ties=True),
            "levels": Reals("L", spreads=(1, 3), ties=True),
        },
    ),
    inputs=_profiles,
    gradient=False,
)


@exercise.solved_by
def profile(scores, levels):
    """The share of runs above each level: (L,).

    scores: (W, S), a row per environment, a column per seed. levels: (L,).
    """
    return (scores[:, :, None] > levels).float().mean((0, 1))


@exercise.mistake
def at_least(scores, levels):
    """Runs that score just the level are counted as well; asked for are those that score more."""
    return (scores[:, :, None] >= levels).float().mean((0, 1))


@exercise.mistake
def below(scores, levels):
    """These are the shares of runs *below* each level: the curve should fall, not rise."""
    return (scores[:, :, None] < levels).float().mean((0, 1))


@exercise.mistake
def counted(scores, levels):
    """Runs are counted; a share is their number over that of all runs."""
    return (scores[:, :, None] > levels).float().sum((0, 1))


@exercise.mistake
def means_first(scores, levels):
    """The seeds of an environment are averaged first. So an environment of which half the runs fail
    looks like one in which all runs are mediocre, which is what a profile should tell apart."""
    return (scores.mean(1, keepdim=True) > levels).float().mean(0)


@exercise.mistake
def seeds_first(scores, levels):
    """The environments are averaged first, seed by seed: an environment that is easy makes up for
    one that fails."""
    return (scores.mean(0)[:, None] > levels).float().mean(0)


@exercise.mistake
def best_seed(scores, levels):
    """An environment counts as soon as its *best* seed is above the level."""
    return (scores.amax(1, keepdim=True) > levels).float().mean(0)


@exercise.mistake
def worst_seed(scores, levels):
    """An environment counts only if *all* its seeds are above the level."""
    return (scores.amin(1, keepdim=True) > levels).float().mean(0)


@exercise.mistake
def how_far_above(scores, levels):
    """This is how far runs are above each level; the question is how many are."""
    return (scores[:, :, None] - levels).clamp_min(0).float().mean((0, 1))


exercise.slips = {
    "at_least": ("> levels", ">= levels"),
    "below": ("> levels", "< levels"),
    "counted": (".mean((0, 1))", ".sum((0, 1))"),
    "means_first": (
        "(scores[:, :, None] > levels).float().mean((0, 1))",
        "(scores.mean(1, keepdim=True) > levels).float().mean(0)",
    ),
    "best_seed": (
        "(scores[:, :, None] > levels).float().mean((0, 1))",
        "(scores.amax(1, keepdim=True) > levels).float().mean(0)",
    ),
}
