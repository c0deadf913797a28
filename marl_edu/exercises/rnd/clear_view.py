"""Exercise: what RND looks at. Sizes: B observations of O numbers."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals
from marl_edu.exercises.engine.trying import Case


def _observations(rng: torch.Generator) -> Iterator[Case]:
    for what, n, size, dtype in (
        ("one observation of one number", 1, 1, torch.float32),
        ("two observations", 2, 3, torch.float32),
        ("numbers in float64", 4, 2, torch.float64),
        ("many observations, some far out", 20, 4, torch.float32),
    ):
        obs = 6 * torch.randn(n, size, generator=rng, dtype=dtype)
        mean = torch.randn(size, generator=rng, dtype=dtype)
        var = 0.3 + torch.rand(size, generator=rng, dtype=dtype) * 4
        yield Case(what, (obs, mean, var))


exercise = Exercise(
    place=10,
    title="In units of their spread",
    difficulty=1,
    importance=4,
    minutes="5",
    statement="""\
What RND looks at, eq. (1) of `rnd.py`: every entry of an observation less its running mean, over
its running standard deviation, and then cut to [−5, 5]. You are given mean and *variance*. What you
write: one line.""",
    hint="""\
The target network was drawn once and cannot adapt: what it is given must always have about the same
size. Order: centre, scale, cut.""",
    domain=Domain(
        sizes={"B": (1, 12), "O": (1, 6)},
        given={
            "obs": Reals("B O"),
            "mean": Reals("O", spreads=(1, 200)),
            "var": Reals("O", between=(0.1, 9)),
        },
    ),
    inputs=_observations,
    gradient=False,
)


@exercise.solved_by
def look(obs, mean, var):
    """What the two networks are given: (B, O).

    obs: (B, O). mean, var: (O,).
    """
    return ((obs - mean) / var.sqrt()).clamp(-5, 5)


@exercise.mistake
def divided_by_variance(obs, mean, var):
    """It is divided by the variance; its root, the standard deviation, has the unit of obs."""
    return ((obs - mean) / var).clamp(-5, 5)


@exercise.mistake
def never_cut(obs, mean, var):
    """Nothing is cut: one rare, huge entry and the error is huge, and with it the bonus."""
    return (obs - mean) / var.sqrt()


@exercise.mistake
def cut_first(obs, mean, var):
    """It is cut before it is scaled."""
    return (obs.clamp(-5, 5) - mean) / var.sqrt()


@exercise.mistake
def mean_kept(obs, mean, var):
    """The mean is not taken off."""
    return (obs / var.sqrt()).clamp(-5, 5)


@exercise.mistake
def below_zero_lost(obs, mean, var):
    """It is cut to [0, 5]: half of what can be seen is gone."""
    return ((obs - mean) / var.sqrt()).clamp(0, 5)


@exercise.mistake
def multiplied(obs, mean, var):
    """It is multiplied by the spread instead of divided."""
    return ((obs - mean) * var.sqrt()).clamp(-5, 5)


exercise.slips = {
    "divided_by_variance": ("var.sqrt()", "var"),
    "never_cut": ("((obs - mean) / var.sqrt()).clamp(-5, 5)", "(obs - mean) / var.sqrt()"),
    "mean_kept": ("(obs - mean)", "obs"),
    "below_zero_lost": ("clamp(-5, 5)", "clamp(0, 5)"),
}
