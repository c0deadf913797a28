"""Exercise: how far a value may move in a round. Sizes: B steps, N agents."""

from collections.abc import Iterator

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Number, Reals
from marl_edu.exercises.engine.trying import Case


def _values(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, B, N, spread, share, dtype in (
        ("one value", 1, 1, 0.5, 1.0, f32),
        ("a critic that has not moved yet", 2, 2, 0.0, 1.0, f32),
        ("values that moved far", 2, 3, 1.5, 1.0, f32),
        ("numbers in float64", 3, 2, 0.5, 0.7, f64),
        ("agents that are gone", 4, 3, 0.4, 0.5, f32),
        ("six steps of four agents", 6, 4, 0.4, 0.8, f32),
    ):
        old, target = (torch.randn(B, N, generator=rng, dtype=dtype) for _ in range(2))
        value = old + spread * torch.randn(B, N, generator=rng, dtype=dtype)
        alive = torch.rand(B, N, generator=rng) < share
        alive[0, 0] = True
        yield Case(what, (value, old, target, alive, 0.2))


exercise = Exercise(
    place=30,
    topic="ground",
    title="No further than this, for values",
    difficulty=2,
    importance=4,
    minutes="10–15",
    statement="""\
MAPPO's value loss, to be minimised. Let the clipped value be `value`, but no further than c from
`old`, what the critic said when the round was played. Of the two squared errors, of the value and
of the clipped value against `target`, the *larger* counts. Average over the values of agents that
are `alive`; there is at least one. What you write: three lines.""",
    hint="""\
Clip the *difference* from `old`. Then take a value that has already moved by more than c towards
its target. Which of its two errors is larger? Does that one still move with the value?""",
    domain=Domain(
        sizes={"B": (1, 6), "N": (1, 4)},
        given={
            "old": Reals("B N", spreads=(1, 100)),
            "_moved": Reals("B N", spreads=(0.3, 0, 1.5, 4)),
            "target": Reals("B N", spreads=(1, 100)),
            "alive": Flags("B N", any=True),
            "clip_coef": Number(0.05, 0.5),
        },
        finish=lambda given, _: given | {"value": given["old"] + given["_moved"]},
        notes={"value": "near `old` or far from it"},
    ),
    inputs=_values,
    data=("old", "target"),
)


@exercise.solved_by
def value_loss(value, old, target, alive, clip_coef):
    """The loss of the critic: a scalar tensor.

    value, old, target: (B, N). alive: (B, N) bool.
    clip_coef: a number, c.
    """
    clipped = old + (value - old).clamp(-clip_coef, clip_coef)
    error = torch.maximum((value - target) ** 2, (clipped - target) ** 2)
    return error[alive].mean()


def _error(value, old, target, clip_coef, choose=torch.maximum) -> Tensor:
    clipped = old + (value - old).clamp(-clip_coef, clip_coef)
    return choose((value - target) ** 2, (clipped - target) ** 2)


@exercise.mistake
def smaller_of_both(value, old, target, alive, clip_coef):
    """The smaller error counts, as the smaller *gain* does in the policy's loss. Errors are to be
    made small: here the pessimist takes the larger."""
    return _error(value, old, target, clip_coef, torch.minimum)[alive].mean()


@exercise.mistake
def clipped_only(value, old, target, alive, clip_coef):
    """Only the clipped value counts. One that has moved too far the *wrong* way then has no
    gradient, and nothing brings it back."""
    return _error(value, old, target, clip_coef, lambda free, clipped: clipped)[alive].mean()


@exercise.mistake
def never_clipped(value, old, target, alive, clip_coef):
    """Nothing is clipped: several epochs may carry the critic as far as one round's luck goes."""
    return _error(value, old, target, clip_coef, lambda free, clipped: free)[alive].mean()


@exercise.mistake
def ratio_clipped(value, old, target, alive, clip_coef):
    """The clip is that of a ratio, old (1 ± c). A value may be negative, or 0; its distance from
    the old one is what is clipped."""
    low, high = old * (1 - clip_coef), old * (1 + clip_coef)
    clipped = torch.maximum(
        torch.minimum(value, torch.maximum(low, high)), torch.minimum(low, high)
    )
    return torch.maximum((value - target) ** 2, (clipped - target) ** 2)[alive].mean()


@exercise.mistake
def gone_agents_count(value, old, target, alive, clip_coef):
    """Agents that are gone count as well."""
    return _error(value, old, target, clip_coef).mean()


@exercise.mistake
def divided_by_all(value, old, target, alive, clip_coef):
    """The sum is right, but it is divided by the number of *all* slots."""
    return (_error(value, old, target, clip_coef) * alive).mean()


@exercise.mistake
def error_clipped(value, old, target, alive, clip_coef):
    """It is the error that is clipped, not the value: a large error then teaches nothing."""
    return ((value - target) ** 2).clamp(max=clip_coef)[alive].mean()


exercise.slips = {
    "smaller_of_both": ("torch.maximum", "torch.minimum"),
    "clipped_only": (
        "torch.maximum((value - target) ** 2, (clipped - target) ** 2)",
        "(clipped - target) ** 2",
    ),
    "never_clipped": (
        "torch.maximum((value - target) ** 2, (clipped - target) ** 2)",
        "(value - target) ** 2",
    ),
    "gone_agents_count": ("error[alive].mean()", "error.mean()"),
    "divided_by_all": ("error[alive].mean()", "(error * alive).mean()"),
}
