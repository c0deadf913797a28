"""Exercise: the slope through a softmax. Sizes: E steps, A actions."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Number, Reals
from marl_edu.exercises.engine.trying import Case


def _slopes(rng: torch.Generator) -> Iterator[Case]:
    for what, E, A, tau, dtype in (
        ("one action", 2, 1, 1.0, torch.float32),
        ("two actions at τ = 1", 1, 2, 1.0, torch.float32),
        ("three actions at a low temperature", 3, 3, 0.5, torch.float32),
        ("three actions at a high temperature", 3, 3, 2.0, torch.float32),
        ("numbers in float64", 4, 5, 0.7, torch.float64),
    ):
        logits, noise, slope = torch.randn(3, E, A, generator=rng, dtype=dtype)
        yield Case(what, (logits, noise, slope, tau))
    yield Case("a critic that likes all actions alike", (logits, noise, 0 * slope + 3, 1.0))
    sure = torch.tensor([[60.0, 0.0, 0.0]])
    yield Case("an actor that is sure", (sure, 0 * sure, torch.tensor([[1.0, 2.0, -1.0]]), 0.5))


exercise = Exercise(
    place=45,
    title="The slope through a softmax",
    difficulty=3,
    importance=4,
    minutes="10–20",
    statement="""\
The Gumbel-softmax plays $a = \\mathrm{softmax}((l + g) / \\tau)$, with logits $l$, noise $g$ and
temperature τ (here not the τ of target networks). You are given the critic's slope
$\\partial Q / \\partial a$ at this action. Give the slope by the logits,
$\\partial Q / \\partial l$. Where the action is played one-hot and only its gradient is that of the
relaxed one (*straight through*), it is the same. Autograd may check you, but may not do it for you.
What you write: two or three lines.""",
    hint="""\
All actions share what one of them gains: $\\partial a_k / \\partial x_j = a_k (1[k = j] - a_j)$ for
$x = (l + g) / \\tau$. Summed over k: each action's slope less the mean slope *under the policy*,
times its probability. And τ?""",
    domain=Domain(
        sizes={"E": (1, 5), "A": (1, 5)},
        given={
            "logits": Reals("E A", spreads=(1, 5, 20)),
            "noise": Reals("E A", spreads=(1, 3)),
            "slope": Reals("E A", spreads=(1, 5)),
            "tau": Number(0.5, 2.0),
        },
    ),
    inputs=_slopes,
    gradient=False,
)


@exercise.solved_by
def slope_by_logits(logits, noise, slope, tau):
    """The slope of Q by the logits: (E, A).

    logits, noise: (E, A). slope: (E, A), the critic's, at a. tau: a number.
    """
    a = ((logits + noise) / tau).softmax(-1)
    mean = (a * slope).sum(-1, keepdim=True)
    return a * (slope - mean) / tau


def _action(logits, noise, tau):
    return ((logits + noise) / tau).softmax(-1)


@exercise.mistake
def like_a_sigmoid(logits, noise, slope, tau):
    """Each action is taken by itself, with the slope a (1 − a) of the logistic function. In a
    softmax one logit moves all actions: what an action gains, the others lose."""
    a = _action(logits, noise, tau)
    return a * (1 - a) * slope / tau


@exercise.mistake
def no_mean(logits, noise, slope, tau):
    """Nothing is taken off: the slope is only weighted with the action. A critic that likes all
    actions alike should leave the actor where it is."""
    return _action(logits, noise, tau) * slope / tau


@exercise.mistake
def plain_mean(logits, noise, slope, tau):
    """The plain mean of the slopes is taken off. It is the mean under the policy that counts: each
    slope weighted with its action."""
    return _action(logits, noise, tau) * (slope - slope.mean(-1, keepdim=True)) / tau


@exercise.mistake
def without_temperature(logits, noise, slope, tau):
    """The slope of the inner division is missing: the logits are divided by τ, so their slope is as
    well."""
    return tau * slope_by_logits(logits, noise, slope, tau)


@exercise.mistake
def times_temperature(logits, noise, slope, tau):
    """It is multiplied by τ instead of divided."""
    return tau * tau * slope_by_logits(logits, noise, slope, tau)


@exercise.mistake
def temperature_forgotten(logits, noise, slope, tau):
    """τ plays no part at all: this is the slope at temperature 1."""
    return slope_by_logits(logits, noise, slope, 1.0)


@exercise.mistake
def noise_forgotten(logits, noise, slope, tau):
    """The noise is left out: the slope is that of another action than the one that was played."""
    return slope_by_logits(logits, 0 * noise, slope, tau)


@exercise.mistake
def straight_past(logits, noise, slope, tau):
    """The critic's slope is handed on as it is, as though the softmax were not there. Straight
    through means that the *softmax's* slope stands in for that of the one-hot action."""
    return slope.clone()


@exercise.mistake
def over_the_batch(logits, noise, slope, tau):
    """The mean is taken over the steps of the batch instead of over actions."""
    a = _action(logits, noise, tau)
    return a * (slope - (a * slope).sum(0, keepdim=True)) / tau


@exercise.mistake
def too_large_for_exp(logits, noise, slope, tau):
    """The largest score is not taken off before `exp`. Of a score of 100 that is too much for
    float32, and infinity over infinity is NaN."""
    powers = ((logits + noise) / tau).exp()
    a = powers / powers.sum(-1, keepdim=True)
    return a * (slope - (a * slope).sum(-1, keepdim=True)) / tau


@exercise.mistake
def downhill(logits, noise, slope, tau):
    """The sign is wrong: this is the slope of the loss −Q."""
    return -slope_by_logits(logits, noise, slope, tau)


exercise.slips = {
    "like_a_sigmoid": ("(slope - mean)", "(1 - a) * slope"),
    "no_mean": ("a * (slope - mean)", "a * slope"),
    "plain_mean": ("(a * slope).sum(-1, keepdim=True)", "slope.mean(-1, keepdim=True)"),
    "over_the_batch": (".sum(-1, keepdim=True)", ".sum(0, keepdim=True)"),
    "without_temperature": ("(slope - mean) / tau", "(slope - mean)"),
    "times_temperature": ("(slope - mean) / tau", "(slope - mean) * tau"),
    "noise_forgotten": ("(logits + noise)", "logits"),
    "downhill": ("slope - mean", "mean - slope"),
}
