"""Exercise: clip the gradient of every variable by itself. Sizes: K variables of D numbers each."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Number, Reals
from marl_edu.exercises.engine.trying import Case


def _gradients(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, K, D, spread, most, dtype in (
        ("one variable of one number", 1, 1, 1.0, 0.5, f32),
        ("all of them short", 3, 2, 0.1, 5.0, f32),
        ("all of them long", 3, 4, 100.0, 0.5, f32),
        ("numbers in float64", 2, 3, 1.0, 0.5, f64),
    ):
        yield Case(what, (spread * torch.randn(K, D, generator=rng, dtype=dtype), most))
    yield Case("long, short and zero", (torch.tensor([[30.0, 40.0], [0.3, 0.4], [0.0, 0.0]]), 1.0))


exercise = Exercise(
    place=20,
    title="Clip each variable by itself",
    difficulty=2,
    importance=3,
    minutes="5–10",
    statement="""\
Each row of `gradient` is the gradient of one variable. MADDPG's code clips *each* of them by its
own norm. A row that is longer than `most` is shortened to that length, in the same direction. A
shorter one stays as it is, and a row of zeros stays a row of zeros. What you write: two lines.""",
    hint="""\
The factor of a row is `most / norm`, but never more than 1. What is it where the norm is 0?""",
    domain=Domain(
        sizes={"K": (1, 5), "D": (1, 4)},
        given={"gradient": Reals("K D", spreads=(1, 100), ties=True), "most": Number(0.1, 5.0)},
    ),
    inputs=_gradients,
    gradient=False,
)


@exercise.solved_by
def clipped(gradient, most):
    """The clipped gradients: (K, D).

    gradient: (K, D). most: a number.
    """
    norm = gradient.norm(dim=1, keepdim=True)
    return gradient * (most / norm.clamp_min(most))


@exercise.mistake
def all_together(gradient, most):
    """All rows are scaled by the norm of the whole gradient: one large variable silences the
    others. That is `clip_grad_norm_`, and another algorithm."""
    return gradient * (most / gradient.norm().clamp_min(most))


@exercise.mistake
def number_by_number(gradient, most):
    """Each number is clipped by itself, which changes the direction of a row."""
    return gradient.clamp(-most, most)


@exercise.mistake
def always_scaled(gradient, most):
    """Every row gets the length `most`, also a shorter one: small gradients are blown up."""
    return gradient * (most / gradient.norm(dim=1, keepdim=True).clamp_min(1e-12))


@exercise.mistake
def zero_over_zero(gradient, most):
    """A row of zeros becomes NaN, and from then on so does everything."""
    norm = gradient.norm(dim=1, keepdim=True)
    return torch.where(norm == 0, torch.nan, clipped(gradient, most))


@exercise.mistake
def by_column(gradient, most):
    """The norm is taken over the wrong axis: a variable is a row."""
    return gradient * (most / gradient.norm(dim=0, keepdim=True).clamp_min(most))


@exercise.mistake
def squared_norm(gradient, most):
    """The norm is missing its square root."""
    return gradient * (most / gradient.square().sum(1, keepdim=True).clamp_min(most))


exercise.slips = {
    "all_together": ("gradient.norm(dim=1, keepdim=True)", "gradient.norm()"),
    "by_column": ("dim=1", "dim=0"),
    "always_scaled": ("norm.clamp_min(most)", "norm.clamp_min(1e-12)"),
    "squared_norm": (
        "gradient.norm(dim=1, keepdim=True)",
        "gradient.square().sum(1, keepdim=True)",
    ),
    "number_by_number": ("gradient * (most / norm.clamp_min(most))", "gradient.clamp(-most, most)"),
}
