"""Exercise: the bonus of ICM. Sizes: B transitions, F features."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Number, Reals
from marl_edu.exercises.engine.trying import Case
from marl_edu.exercises.icm._batches import batches


def _predictions(rng: torch.Generator) -> Iterator[Case]:
    for what, shape, dtype in batches():
        predicted, after = torch.randn(2, *shape, generator=rng, dtype=dtype)
        yield Case(what, (predicted, after, 0.3))


exercise = Exercise(
    place=30,
    title="Paid to be wrong",
    difficulty=2,
    importance=5,
    minutes="5–10",
    statement="""\
The bonus of ICM, eq. (5) of `icm.py`, a number per transition:
$r^I = \\frac{\\eta}{2} \\lVert \\hat\\phi - \\phi' \\rVert^2$. It is a reward: nothing may be
learned *through* it, so no gradient may come back from it. What you write: one line.""",
    hint="""\
‖x‖² is a sum over the features, neither their mean nor its root. What would happen if the policy's
loss could reach the forward model through its own reward?""",
    domain=Domain(
        sizes={"B": (1, 9), "F": (1, 6)},
        given={
            "predicted": Reals("B F"),
            "after": Reals("B F"),
            "eta": Number(0.0, 2.0),
        },
    ),
    inputs=_predictions,
)


@exercise.solved_by
def bonus(predicted, after, eta):
    """The bonus of each transition: (B,).

    predicted, after: (B, F). eta: a number.
    """
    return (eta / 2 * (predicted - after).square().sum(-1)).detach()


def _half(predicted, after, eta):
    return eta / 2 * (predicted - after).square().sum(-1)


@exercise.mistake
def gradient_kept(predicted, after, eta):
    """The numbers are right, but a gradient comes back: whoever maximises this reward teaches the
    forward model to be *wrong*, which is easier than going somewhere new."""
    return _half(predicted, after, eta)


@exercise.mistake
def mean_over_features(predicted, after, eta):
    """The mean over the features instead of their sum: with F features the bonus is F times too
    small. The authors' code takes the mean and multiplies by 288, its F: copied into a network of
    another size, that is wrong too."""
    return (_half(predicted, after, eta) / predicted.shape[-1]).detach()


@exercise.mistake
def half_lost(predicted, after, eta):
    """The ½ is missing."""
    return 2 * _half(predicted, after, eta).detach()


@exercise.mistake
def norm_not_squared(predicted, after, eta):
    """The norm is not squared."""
    return (eta / 2 * (predicted - after).norm(dim=-1)).detach()


@exercise.mistake
def one_number_for_all(predicted, after, eta):
    """All transitions together get one number: then no step is newer than another."""
    return _half(predicted, after, eta).mean().detach()


@exercise.mistake
def sign_lost_in_sum(predicted, after, eta):
    """The differences are summed before they are squared, and cancel."""
    return (eta / 2 * (predicted - after).sum(-1).square()).detach()


@exercise.mistake
def eta_forgotten(predicted, after, eta):
    """η is missing."""
    return _half(predicted, after, 1.0).detach()


exercise.slips = {
    "mean_over_features": (".sum(-1)", ".mean(-1)"),
    "half_lost": ("eta / 2", "eta"),
    "sign_lost_in_sum": (".square().sum(-1)", ".sum(-1).square()"),
    "norm_not_squared": (".square().sum(-1)", ".norm(dim=-1)"),
    "gradient_kept": (
        "(eta / 2 * (predicted - after).square().sum(-1)).detach()",
        "eta / 2 * (predicted - after).square().sum(-1)",
    ),
}
