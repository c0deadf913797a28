"""Exercises: what a few seeds say. Sizes: n seeds, M methods or tasks, R draws."""

import math
from collections.abc import Iterator

import torch
from hypothesis import strategies as st

from marl_edu.exercises.grading import Exercise
from marl_edu.exercises.inputs import DTYPE, drawn, ints
from marl_edu.exercises.trying import Case


def _draws(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, n, R, level, dtype in (
        ("two seeds", 2, 40, 0.95, f32),
        ("five seeds", 5, 200, 0.95, f32),
        ("seeds that all agree", 4, 30, 0.9, f32),
        ("numbers in float64", 6, 100, 0.9, f64),
        ("as many draws as seeds", 8, 8, 0.8, f32),
        ("ten seeds, one of which failed", 10, 300, 0.95, f32),
        ("eight seeds", 8, 500, 0.5, f32),
        *drawn("drawn seeds", ints(1, 9), ints(20, 60), st.just(0.9), DTYPE),
    ):
        scores = torch.rand(n, generator=rng, dtype=dtype)
        if "agree" in what:
            scores = torch.full_like(scores, 0.75)
        if "failed" in what:
            scores[4] = -3
        yield Case(what, (scores, torch.randint(n, (R, n), generator=rng), level))


seed_interval = Exercise(
    title="An interval out of eight seeds",
    difficulty=2,
    importance=5,
    minutes="10–15",
    statement="""\
How far off may the mean over seeds be? The bootstrap draws n of the n seeds again, with
replacement, and looks at the mean; it does so R times. The draws are given: `drawn[r]` are the
seeds of draw r. The interval runs between two quantiles of the R means (linear interpolation, as is
usual), such that the share `level` of them lies between and as much above as below. numpy is
welcome. What you write: three lines.""",
    hint="""\
`scores[drawn]` is `(R, n)`. With a level of 95 %, how much is left over on each side?""",
    inputs=_draws,
    gradient=False,
)


@seed_interval.solved_by
def bootstrap_interval(scores, drawn, level):
    """The lower and the upper end: (2,).

    scores: (n,). drawn: (R, n), numbers of seeds.
    level: a number, such as 0.95.
    """
    means = scores[drawn].mean(1)
    rest = (1 - level) / 2
    return torch.stack([means.quantile(rest), means.quantile(1 - rest)])


def _between(values, rest):
    return torch.stack([values.quantile(rest), values.quantile(1 - rest)])


@seed_interval.mistake
def spread_of_seeds(scores, drawn, level):
    """These are quantiles of the seeds themselves: they say how far *one* seed may be off, not
    their mean. More seeds would never make this interval narrower."""
    return _between(scores, (1 - level) / 2)


@seed_interval.mistake
def rest_on_both_sides(scores, drawn, level):
    """What is left over is cut at either end instead of half of it: of a level of 95 % this is
    the interval of 90 %."""
    return _between(scores[drawn].mean(1), 1 - level)


@seed_interval.mistake
def level_halved(scores, drawn, level):
    """The quantiles are at level / 2 and 1 - level / 2: nearly the whole of the interval is cut
    away."""
    return _between(scores[drawn].mean(1), level / 2)


@seed_interval.mistake
def wrong_axis(scores, drawn, level):
    """The mean runs over the draws instead of over the seeds of a draw: R draws of n seeds make
    R means."""
    return _between(scores[drawn].mean(0), (1 - level) / 2)


@seed_interval.mistake
def all_draws_together(scores, drawn, level):
    """No mean is taken of a draw: the quantiles are those of single drawn seeds."""
    return _between(scores[drawn].flatten(), (1 - level) / 2)


@seed_interval.mistake
def normal_interval(scores, drawn, level):
    """This is mean ± z standard errors, the interval of a bell curve. With few seeds, of which one
    may have failed, the means are not spread evenly to both sides."""
    means = scores[drawn].mean(1)
    z = math.sqrt(2) * torch.erfinv(torch.tensor(level, dtype=scores.dtype))
    half = z * means.std(correction=0)
    return torch.stack([scores.mean() - half, scores.mean() + half])


@seed_interval.mistake
def middle_of_draws(scores, drawn, level):
    """It is the median of each draw that is looked at: the question is about the mean."""
    return _between(scores[drawn].quantile(0.5, dim=1), (1 - level) / 2)


@seed_interval.mistake
def basic_bootstrap(scores, drawn, level):
    """The interval is turned round at the mean (the "basic" bootstrap): here the quantiles of the
    drawn means are asked for as they are."""
    ends = _between(scores[drawn].mean(1), (1 - level) / 2)
    return 2 * scores.mean() - ends.flip(0)


@seed_interval.mistake
def upper_end_first(scores, drawn, level):
    """The two ends have changed places: the lower one comes first."""
    return _between(scores[drawn].mean(1), (1 + level) / 2)


@seed_interval.mistake
def extremes(scores, drawn, level):
    """These are the smallest and the largest of the means: the more draws, the wider."""
    return _between(scores[drawn].mean(1), 0.0)


def _contests(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, n, m, M, dtype in (
        ("one run each", 1, 1, 1, f32),
        ("two runs against three", 2, 3, 1, f32),
        ("runs with ties", 4, 4, 3, f32),
        ("as many runs of either", 5, 5, 2, f32),
        ("numbers in float64", 3, 6, 2, f64),
        ("more runs with ties", 8, 6, 4, f32),
        *drawn("drawn runs", ints(1, 8), ints(1, 8), ints(1, 4), DTYPE),
    ):
        ours, theirs = (torch.rand(k, M, generator=rng, dtype=dtype) for k in (n, m))
        if "ties" in what:  # scores in tenths, as of ten games each
            ours, theirs = ((x * 4).round() / 4 for x in (ours, theirs))
        yield Case(what, (ours + 0.1 * ("ties" not in what), theirs))


chance_of_better = Exercise(
    title="Which one is better, and how surely",
    difficulty=2,
    importance=3,
    minutes="5–15",
    statement="""\
The probability of improvement: a run of ours and one of theirs are drawn, how probably does ours
score higher? Compare every run of ours with every run of theirs; a tie counts half. Give one number
per task. Runs of the same number have nothing to do with each other, and there may be more of one
than of the other. numpy is welcome; mind the data type. What you write: two or three lines.""",
    hint="""\
An axis of length 1 in either: `(n, 1, M)` against `(1, m, M)`. Half for a tie: add a comparison
that is weighed with 0.5.""",
    inputs=_contests,
    gradient=False,
)


@chance_of_better.solved_by
def probability_of_improvement(ours, theirs):
    """How probably a run of ours scores higher than one of theirs: (M,).

    ours: (n, M), theirs: (m, M), runs in rows, tasks in columns.
    """
    a, b = ours[:, None], theirs[None]
    better = (a > b).to(ours.dtype) + 0.5 * (a == b)
    return better.mean((0, 1))


@chance_of_better.mistake
def ties_lost(ours, theirs):
    """A tie counts as a loss: then neither of two equal methods is as good as the other."""
    return (ours[:, None] > theirs[None]).to(ours.dtype).mean((0, 1))


@chance_of_better.mistake
def ties_won(ours, theirs):
    """A tie counts as a win: then each of two equal methods is better than the other."""
    return (ours[:, None] >= theirs[None]).to(ours.dtype).mean((0, 1))


@chance_of_better.mistake
def other_way_round(ours, theirs):
    """This is how probably *theirs* is better."""
    a, b = ours[:, None], theirs[None]
    return ((a < b).to(ours.dtype) + 0.5 * (a == b)).mean((0, 1))


@chance_of_better.mistake
def in_pairs(ours, theirs):
    """Run k of ours is only compared with run k of theirs. Their seeds have nothing in common: all
    pairs count."""
    k = min(len(ours), len(theirs))
    a, b = ours[:k], theirs[:k]
    return ((a > b).to(ours.dtype) + 0.5 * (a == b)).mean(0)


@chance_of_better.mistake
def means_compared(ours, theirs):
    """Only the two means are compared: 0 or 1, however close they are, and whatever the spread."""
    a, b = ours.mean(0), theirs.mean(0)
    return (a > b).to(ours.dtype) + 0.5 * (a == b)


@chance_of_better.mistake
def against_their_mean(ours, theirs):
    """Our runs are compared with *their mean*: their spread is forgotten."""
    b = theirs.mean(0)
    return ((ours > b).to(ours.dtype) + 0.5 * (ours == b)).mean(0)


@chance_of_better.mistake
def against_their_best(ours, theirs):
    """Our runs are compared with their best one: the more runs they have, the worse we look."""
    b = theirs.amax(0)
    return ((ours > b).to(ours.dtype) + 0.5 * (ours == b)).mean(0)


@chance_of_better.mistake
def size_of_the_lead(ours, theirs):
    """This is by how much ours is better on average, not how probably."""
    return ours.mean(0) - theirs.mean(0)


@chance_of_better.mistake
def wins_counted(ours, theirs):
    """The wins are counted, not divided by the number of pairs."""
    a, b = ours[:, None], theirs[None]
    return ((a > b).to(ours.dtype) + 0.5 * (a == b)).sum((0, 1))
