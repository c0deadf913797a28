"""Exercise: the deterministic policy gradient, by hand.

Sizes: E steps, O numbers seen, A numbers of an action.
"""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals
from marl_edu.exercises.engine.trying import Case


def _batches(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, E, O, A, dtype in (  # noqa: E741  the size's name in the signatures
        ("one step, one number", 1, 1, 1, f32),
        ("one step", 1, 3, 2, f32),
        ("as many steps as numbers", 2, 2, 2, f32),
        ("numbers in float64", 4, 2, 3, f64),
        ("a batch", 9, 3, 2, f32),
    ):
        shapes = (E, O), (O, A), (E, A)
        yield Case(what, tuple(torch.randn(s, generator=rng, dtype=dtype) for s in shapes))


exercise = Exercise(
    place=40,
    title="Up the critic's slope",
    difficulty=3,
    importance=5,
    minutes="10–20",
    statement="""\
An actor is a single layer: its actions are $a = \\sigma(oW)$, with the logistic function $\\sigma$.
Its loss is minus the mean of the critic's values over the batch. You are given the critic's slope
$\\partial Q / \\partial a$ at these actions. Give the gradient of the *loss* by $W$. Autograd may
check you, but may not do it for you. What you write: two lines.""",
    hint="""\
The chain rule: slope of the critic, times slope of $\\sigma$, which is $a (1 - a)$, times what goes
in. A weight $W_{kl}$ meets every step of the batch: average over them.""",
    domain=Domain(
        sizes={"E": (1, 6), "O": (1, 4), "A": (1, 3)},
        given={
            "obs": Reals("E O", spreads=(0.5, 1)),
            "W": Reals("O A", spreads=(0.5, 2)),
            "slope": Reals("E A", spreads=(1, 10)),
        },
    ),
    inputs=_batches,
    gradient=False,
)


@exercise.solved_by
def actor_gradient(obs, W, slope):
    """The gradient of the loss by the actor's weights: (O, A).

    obs: (E, O). W: (O, A). slope: (E, A), the critic's, at a.
    """
    a = (obs @ W).sigmoid()
    return -obs.T @ (slope * a * (1 - a)) / len(obs)


@exercise.mistake
def downhill(obs, W, slope):
    """The sign: this is the gradient of the value. Gradient *descent* on it makes the actor seek
    what its critic likes least."""
    return -actor_gradient(obs, W, slope)


@exercise.mistake
def summed(obs, W, slope):
    """The sum over the batch instead of its mean: a larger batch would mean a larger step."""
    return len(obs) * actor_gradient(obs, W, slope)


@exercise.mistake
def sigmoid_forgotten(obs, W, slope):
    """The slope of the logistic function is missing: this actor's actions would be linear."""
    return -obs.T @ slope / len(obs)


@exercise.mistake
def half_a_slope(obs, W, slope):
    """The slope of the logistic function is a (1 - a), not a."""
    a = (obs @ W).sigmoid()
    return -obs.T @ (slope * a) / len(obs)


@exercise.mistake
def slope_at_the_logits(obs, W, slope):
    """The slope of the logistic function is taken of the logits themselves, x (1 - x), rather than
    of the actions."""
    x = obs @ W
    return -obs.T @ (slope * x * (1 - x)) / len(obs)


@exercise.mistake
def mean_over_actions_too(obs, W, slope):
    """The mean is over steps *and* numbers of the action: only steps are averaged."""
    return actor_gradient(obs, W, slope) / W.shape[1]


exercise.slips = {
    "downhill": ("-obs.T", "obs.T"),
    "summed": (" / len(obs)", ""),
    "sigmoid_forgotten": ("(slope * a * (1 - a))", "slope"),
    "half_a_slope": ("(slope * a * (1 - a))", "(slope * a)"),
    "mean_over_actions_too": (" / len(obs)", " / slope.numel()"),
    "slope_at_the_logits": ("(obs @ W).sigmoid()", "obs @ W"),
}
