"""Exercise: returns in units of their spread. Sizes: B environments, T steps, N agents."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Number, Reals
from marl_edu.exercises.engine.trying import Case

SMALLEST = 0.01


def _rounds(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, B, T, N, share, scale, dtype in (
        ("two returns, the first of all", 1, 2, 1, 1.0, (0.0, 1.0, 0), f32),
        ("as many as before", 2, 2, 1, 1.0, (0.0, 1.0, 4), f32),
        ("returns far from those before", 1, 3, 2, 1.0, (-20.0, 4.0, 6), f32),
        ("numbers in float64", 2, 3, 2, 0.7, (3.0, 2.0, 10), f64),
        ("agents that are gone", 2, 4, 2, 0.5, (1.0, 9.0, 5), f32),
        ("a long history", 2, 3, 2, 0.8, (-2.0, 5.0, 1000), f32),
    ):
        returns = 2 * torch.randn(B, T, N, generator=rng, dtype=dtype)
        alive = torch.rand(B, T, N, generator=rng) < share
        alive[0, :2, 0] = True
        yield Case(what, (returns, alive, *scale))


exercise = Exercise(
    place=20,
    topic="ground",
    title="Returns in units",
    difficulty=3,
    importance=4,
    minutes="15–20",
    statement="""\
So far `count` returns were seen, with this `mean` and this `var` (the mean squared distance from
it). A round brings new ones. First take those of steps in which the agent is `alive` into mean and
variance, so that these are of all returns, old and new. Then give all returns less the new mean, in
units of the new standard deviation, which is taken as 0.01 where it is smaller.""",
    hint="""\
With m new returns and a share w = m / (count + m) of them in all: the mean moves by w times the
distance of the two means. Two groups spread more together than apart: add w (1 − w) times that
distance squared.""",
    domain=Domain(
        sizes={"B": (1, 3), "T": (1, 5), "N": (1, 3)},
        given={
            "returns": Reals("B T N", spreads=(1, 40), centres=(-20, 20)),
            "alive": Flags("B T N", any=True),
            "mean": Number(-30.0, 30.0),
            "var": Number(0.5, 50.0),
            "count": Number(0, 1000),
        },
    ),
    inputs=_rounds,
    data=("returns",),
)


@exercise.solved_by
def in_units(returns, alive, mean, var, count):
    """The returns in units of the spread of all that were seen: (B, T, N).

    returns: (B, T, N). alive: (B, T, N) bool. mean, var, count: numbers.
    """
    new = returns[alive]
    w = len(new) / (count + len(new))
    apart = new.mean() - mean
    var = (1 - w) * var + w * new.var(correction=0) + w * (1 - w) * apart**2
    return (returns - (mean + w * apart)) / var.sqrt().clamp_min(0.01)


def _scaled(returns, new, mean, var, count, between=1.0, correction=0, moved=1.0):
    w = len(new) / (count + len(new))
    apart = new.mean() - mean
    own = new.var(correction=correction) if len(new) > correction else 0 * new.sum()
    var = (1 - w) * var + w * own + between * w * (1 - w) * apart**2
    return (returns - (mean + moved * w * apart)) / var.sqrt().clamp_min(SMALLEST)


@exercise.mistake
def before_they_are_seen(returns, alive, mean, var, count):
    """The returns are measured by the old scale; it was to take them in first."""
    return (returns - mean) / max(var**0.5, SMALLEST)


@exercise.mistake
def this_round_alone(returns, alive, mean, var, count):
    """Mean and spread are those of this round alone: the units jump from round to round, and the
    critic chases them."""
    new = returns[alive]
    return (returns - new.mean()) / new.std(correction=0).clamp_min(SMALLEST)


@exercise.mistake
def gone_agents_count(returns, alive, mean, var, count):
    """What stands in the slots of agents that are gone moves the scale, too."""
    return _scaled(returns, returns.flatten(), mean, var, count)


@exercise.mistake
def distance_forgotten(returns, alive, mean, var, count):
    """The two variances are averaged, but not the distance between the two means: returns that
    drift away from the old ones seem to spread no more."""
    return _scaled(returns, returns[alive], mean, var, count, between=0.0)


@exercise.mistake
def mean_not_moved(returns, alive, mean, var, count):
    """The spread is up to date, but the old mean is subtracted."""
    return _scaled(returns, returns[alive], mean, var, count, moved=0.0)


@exercise.mistake
def half_and_half(returns, alive, mean, var, count):
    """Old and new weigh the same, however many there are of each."""
    new = returns[alive]
    return _scaled(returns, new, mean, var, len(new))


@exercise.mistake
def variance_for_spread(returns, alive, mean, var, count):
    """It divides by the variance; units need its square root."""
    new = returns[alive]
    w = len(new) / (count + len(new))
    apart = new.mean() - mean
    var = (1 - w) * var + w * new.var(correction=0) + w * (1 - w) * apart**2
    return (returns - (mean + w * apart)) / var.clamp_min(SMALLEST)


@exercise.mistake
def out_of_units(returns, alive, mean, var, count):
    """It is the way back: it multiplies by the spread and adds the mean, as is done with what the
    critic says."""
    new = returns[alive]
    w = len(new) / (count + len(new))
    apart = new.mean() - mean
    var = (1 - w) * var + w * new.var(correction=0) + w * (1 - w) * apart**2
    return (mean + w * apart) + var.sqrt().clamp_min(SMALLEST) * returns


exercise.slips = {
    "gone_agents_count": ("returns[alive]", "returns.flatten()"),
    "half_and_half": ("len(new) / (count + len(new))", "0.5"),
    "this_round_alone": ("len(new) / (count + len(new))", "1.0"),
    "distance_forgotten": (" + w * (1 - w) * apart**2", ""),
    "mean_not_moved": ("(mean + w * apart)", "mean"),
    "variance_for_spread": ("var.sqrt().clamp_min(0.01)", "var.clamp_min(0.01)"),
    "out_of_units": (
        "(returns - (mean + w * apart)) / var.sqrt().clamp_min(0.01)",
        "mean + w * apart + var.sqrt().clamp_min(0.01) * returns",
    ),
}
