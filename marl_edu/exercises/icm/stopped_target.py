"""Exercise: the loss of ICM, and where its gradient goes. Sizes: B transitions, F features."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Number, Reals
from marl_edu.exercises.engine.trying import Case
from marl_edu.exercises.icm._batches import batches


def _losses(rng: torch.Generator) -> Iterator[Case]:
    for what, (B, D), dtype in batches():
        predicted, after = torch.randn(2, B, D, generator=rng, dtype=dtype)
        inverse = torch.rand(B, generator=rng, dtype=dtype)
        yield Case(what, (inverse, predicted, after, 0.2))


exercise = Exercise(
    place=40,
    title="Stop at the target",
    difficulty=3,
    importance=5,
    minutes="10–15",
    statement="""\
The loss of ICM, eq. (6) of `icm.py`, as a mean over transitions: $(1 - \\beta) L_I + \\beta L_F$
with $L_F = \\frac12 \\lVert \\hat\\phi - \\phi' \\rVert^2$. Write the variant in which φ' is a
*target*: no gradient of L_F may go back through it. (The authors' code does not stop it; ours does
with `stop="target"`.) What you write: two lines.""",
    hint="""\
Otherwise the encoder could make the future easy to foresee by noticing nothing of it. Stop φ', not
φ̂: the forward model still has to learn.""",
    domain=Domain(
        sizes={"B": (1, 9), "F": (1, 6)},
        given={
            "inverse": Reals("B", between=(0, 5)),
            "predicted": Reals("B F"),
            "after": Reals("B F"),
            "beta": Number(0.0, 1.0),
        },
    ),
    inputs=_losses,
)


@exercise.solved_by
def curiosity_loss(inverse, predicted, after, beta):
    """The loss: a scalar.

    inverse: (B,), L_I of each transition. predicted, after: (B, F).
    beta: a number in [0, 1].
    """
    forward = 0.5 * (predicted - after.detach()).square().sum(-1)
    return ((1 - beta) * inverse + beta * forward).mean()


@exercise.mistake
def target_learns(inverse, predicted, after, beta):
    """φ' is not stopped, as in the authors' code: the encoder is also taught to make the target
    easy to hit."""
    return ((1 - beta) * inverse + beta * 0.5 * (predicted - after).square().sum(-1)).mean()


@exercise.mistake
def prediction_stopped(inverse, predicted, after, beta):
    """It is φ̂ that is stopped: now the target runs after the prediction, and the forward model
    never learns."""
    forward = 0.5 * (predicted.detach() - after).square().sum(-1)
    return ((1 - beta) * inverse + beta * forward).mean()


@exercise.mistake
def both_stopped(inverse, predicted, after, beta):
    """Both sides of L_F are stopped: nothing learns from it."""
    forward = 0.5 * (predicted - after).detach().square().sum(-1)
    return ((1 - beta) * inverse + beta * forward).mean()


@exercise.mistake
def beta_swapped(inverse, predicted, after, beta):
    """β and 1 − β have changed places: β is the weight of the *forward* model, 0.2 in the paper."""
    return curiosity_loss(inverse, predicted, after, 1 - beta)


@exercise.mistake
def unweighted(inverse, predicted, after, beta):
    """The two losses are added without their weights."""
    return 2 * curiosity_loss(inverse, predicted, after, 0.5)


@exercise.mistake
def feature_mean(inverse, predicted, after, beta):
    """L_F is a mean over the features instead of their sum."""
    forward = 0.5 * (predicted - after.detach()).square().mean(-1)
    return ((1 - beta) * inverse + beta * forward).mean()


@exercise.mistake
def sum_over_batch(inverse, predicted, after, beta):
    """The sum over the transitions instead of their mean: the step grows with the batch."""
    return curiosity_loss(inverse, predicted, after, beta) * len(inverse)


exercise.slips = {
    "target_learns": ("after.detach()", "after"),
    "prediction_stopped": ("(predicted - after.detach())", "(predicted.detach() - after)"),
    "beta_swapped": (
        "(1 - beta) * inverse + beta * forward",
        "beta * inverse + (1 - beta) * forward",
    ),
    "feature_mean": (".sum(-1)", ".mean(-1)"),
    "sum_over_batch": (".mean()", ".sum()"),
    "unweighted": ("((1 - beta) * inverse + beta * forward)", "(inverse + forward)"),
}
