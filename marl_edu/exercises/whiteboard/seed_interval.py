"""Exercise: what a few seeds say of a mean. Sizes: n seeds, R draws."""

import math
from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Number, Reals, Whole
from marl_edu.exercises.engine.trying import Case


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
    ):
        scores = torch.rand(n, generator=rng, dtype=dtype)
        if "agree" in what:
            scores = torch.full_like(scores, 0.75)
        if "failed" in what:
            scores[4] = -3
        yield Case(what, (scores, torch.randint(n, (R, n), generator=rng), level))


exercise = Exercise(
    place=130,
    title="An interval out of eight seeds",
    difficulty=2,
    importance=5,
    minutes="10–15",
    topic="ground",
    statement="""\
How far off may the mean over seeds be? The bootstrap draws n of the n seeds again, with
replacement, and looks at the mean; it does so R times. The draws are given: `drawn[r]` are the
seeds of draw r. The interval runs between two quantiles of the R means (linear interpolation, as is
usual). The share `level` of the means lies between the two, and as much above as below. numpy is
welcome. What you write: three lines.""",
    hint="""\
`scores[drawn]` is `(R, n)`. With a level of 95 %, how much is left over on each side?""",
    domain=Domain(
        sizes={"n": (1, 10), "R": (20, 80)},
        given={
            "scores": Reals("n", centres=(-50, 50), ties=True),
            "drawn": Whole("R n", "n"),
            "level": Number(0.5, 0.99),
        },
    ),
    inputs=_draws,
    gradient=False,
)


@exercise.solved_by
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


@exercise.mistake
def spread_of_seeds(scores, drawn, level):
    """These are quantiles of the seeds themselves: they say how far *one* seed may be off, not
    their mean. More seeds would never make this interval narrower."""
    return _between(scores, (1 - level) / 2)


@exercise.mistake
def rest_on_both_sides(scores, drawn, level):
    """What is left over is cut at either end instead of half of it: of a level of 95 % this is
    the interval of 90 %."""
    return _between(scores[drawn].mean(1), 1 - level)


@exercise.mistake
def level_halved(scores, drawn, level):
    """The quantiles are at level / 2 and 1 - level / 2: nearly the whole of the interval is cut
    away."""
    return _between(scores[drawn].mean(1), level / 2)


@exercise.mistake
def wrong_axis(scores, drawn, level):
    """The mean runs over the draws instead of over the seeds of a draw: R draws of n seeds make
    R means."""
    return _between(scores[drawn].mean(0), (1 - level) / 2)


@exercise.mistake
def all_draws_together(scores, drawn, level):
    """No mean is taken of a draw: the quantiles are those of single drawn seeds."""
    return _between(scores[drawn].flatten(), (1 - level) / 2)


@exercise.mistake
def normal_interval(scores, drawn, level):
    """This is mean ± z standard errors, the interval of a bell curve. With few seeds, of which one
    may have failed, the means are not spread evenly to both sides."""
    means = scores[drawn].mean(1)
    z = math.sqrt(2) * torch.erfinv(torch.tensor(level, dtype=scores.dtype))
    half = z * means.std(correction=0)
    return torch.stack([scores.mean() - half, scores.mean() + half])


@exercise.mistake
def middle_of_draws(scores, drawn, level):
    """It is the median of each draw that is looked at: the question is about the mean."""
    return _between(scores[drawn].quantile(0.5, dim=1), (1 - level) / 2)


@exercise.mistake
def basic_bootstrap(scores, drawn, level):
    """The interval is turned round at the mean (the "basic" bootstrap): here the quantiles of the
    drawn means are asked for as they are."""
    ends = _between(scores[drawn].mean(1), (1 - level) / 2)
    return 2 * scores.mean() - ends.flip(0)


@exercise.mistake
def upper_end_first(scores, drawn, level):
    """The two ends have changed places: the lower one comes first."""
    return _between(scores[drawn].mean(1), (1 + level) / 2)


@exercise.mistake
def extremes(scores, drawn, level):
    """These are the smallest and the largest of the means: the more draws, the wider."""
    return _between(scores[drawn].mean(1), 0.0)


exercise.slips = {
    "rest_on_both_sides": ("(1 - level) / 2", "1 - level"),
    "level_halved": ("(1 - level) / 2", "level / 2"),
    "wrong_axis": (".mean(1)", ".mean(0)"),
    "all_draws_together": ("scores[drawn].mean(1)", "scores[drawn].flatten()"),
    "spread_of_seeds": ("scores[drawn].mean(1)", "scores"),
    "upper_end_first": (
        "[means.quantile(rest), means.quantile(1 - rest)]",
        "[means.quantile(1 - rest), means.quantile(rest)]",
    ),
}
