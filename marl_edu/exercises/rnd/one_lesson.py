"""Exercise: RND with linear networks, by hand.

Sizes: B observations that were met, M that are asked about, O numbers each, F features.
"""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Number, Reals
from marl_edu.exercises.engine.trying import Case


def _lessons(rng: torch.Generator) -> Iterator[Case]:
    for what, (B, M, numbers, features), lr, dtype in (
        ("one number and one feature", (1, 1, 1, 1), 0.1, torch.float32),
        ("one observation and two features", (1, 1, 3, 2), 0.2, torch.float32),
        ("no step, since lr is 0", (3, 2, 2, 2), 0.0, torch.float32),
        ("many observations", (6, 3, 4, 3), 0.3, torch.float32),
        ("numbers in float64", (4, 2, 3, 2), 0.5, torch.float64),
    ):
        weights = torch.randn(2, numbers, features, generator=rng, dtype=dtype)
        seen = torch.randn(B, numbers, generator=rng, dtype=dtype)
        yield Case(what, (*weights, seen, torch.randn(M, numbers, generator=rng, dtype=dtype), lr))
    yield Case("what was seen is asked about", (*weights, seen, seen.clone(), 0.5))
    apart = torch.eye(2)
    yield Case(
        "what was never seen",
        (torch.ones(2, 3), torch.zeros(2, 3), apart[:1], apart[1:], 0.5),
    )


exercise = Exercise(
    place=25,
    title="One lesson for the predictor",
    difficulty=3,
    importance=4,
    minutes="15–20",
    statement="""\
RND with networks of one layer: the predictor says $oW$, the random target $oW^-$. The bonus of an
observation is the squared error between the two, averaged over the F features. The loss is the mean
bonus of the observations in `seen`. Take *one* step of gradient descent with learning rate `lr`;
the target never changes. Then give the bonus of each observation in `asked`. Autograd may check
you, but may not do it for you. What you write: about four lines.""",
    hint="""\
The loss is a mean over B times F squared errors. A square has a slope of 2 times what is squared,
and a weight $W_{kl}$ meets number k of every observation: that is `seen.T @ error`. Which numbers
does it have to be divided by?""",
    domain=Domain(
        sizes={"B": (1, 6), "M": (1, 5), "O": (1, 4), "F": (1, 3)},
        given={
            "W": Reals("O F", spreads=(1, 3)),
            "W_target": Reals("O F", spreads=(1, 3)),
            "seen": Reals("B O", spreads=(1, 2)),
            "asked": Reals("M O", spreads=(1, 2)),
            "lr": Number(0.0, 0.5),
        },
    ),
    inputs=_lessons,
    gradient=False,
)


@exercise.solved_by
def bonus_after(W, W_target, seen, asked, lr):
    """The bonus of each observation in `asked`, after the step: (M,).

    W, W_target: (O, F). seen: (B, O). asked: (M, O). lr: a number.
    """
    error = seen @ W - seen @ W_target
    slope = 2 * seen.T @ error / (error.shape[0] * error.shape[1])
    learned = W - lr * slope
    return ((asked @ learned - asked @ W_target) ** 2).mean(1)


def _bonus(asked, W, W_target):
    return (asked @ (W - W_target)).square().mean(1)


def _slope(W, W_target, seen):
    return 2 * seen.T @ (seen @ (W - W_target)) / (len(seen) * W.shape[1])


@exercise.mistake
def before_the_lesson(W, W_target, seen, asked, lr):
    """This is the bonus before the step: the predictor has not learned yet."""
    return _bonus(asked, W, W_target)


@exercise.mistake
def uphill(W, W_target, seen, asked, lr):
    """The step goes up the slope: what was seen becomes more surprising."""
    return _bonus(asked, W + lr * _slope(W, W_target, seen), W_target)


@exercise.mistake
def target_moves_too(W, W_target, seen, asked, lr):
    """The target learns as well, towards the predictor. Then the bonus also fades where nobody
    imitates anything: the target has to stay as it was drawn."""
    slope = _slope(W, W_target, seen)
    return _bonus(asked, W - lr * slope, W_target + lr * slope)


@exercise.mistake
def two_is_missing(W, W_target, seen, asked, lr):
    """The 2 is missing, which comes from the square: the step is half as long."""
    return _bonus(asked, W - lr / 2 * _slope(W, W_target, seen), W_target)


@exercise.mistake
def not_averaged(W, W_target, seen, asked, lr):
    """The slope is that of the *sum* of all squared errors: the more observations, the longer the
    step."""
    far = len(seen) * W.shape[1]
    return _bonus(asked, W - lr * far * _slope(W, W_target, seen), W_target)


@exercise.mistake
def features_not_averaged(W, W_target, seen, asked, lr):
    """The slope is divided by the number of observations, but not by that of features: the bonus is
    a mean over both."""
    return _bonus(asked, W - lr * W.shape[1] * _slope(W, W_target, seen), W_target)


@exercise.mistake
def observations_not_averaged(W, W_target, seen, asked, lr):
    """The slope is divided by the number of features, but not by that of observations: the loss is
    their mean."""
    return _bonus(asked, W - lr * len(seen) * _slope(W, W_target, seen), W_target)


@exercise.mistake
def bonus_summed(W, W_target, seen, asked, lr):
    """The bonus is the sum over features, and should be their mean."""
    learned = W - lr * _slope(W, W_target, seen)
    return W.shape[1] * _bonus(asked, learned, W_target)


@exercise.mistake
def bonus_not_squared(W, W_target, seen, asked, lr):
    """The bonus is the mean distance, without the square."""
    learned = W - lr * _slope(W, W_target, seen)
    return (asked @ (learned - W_target)).abs().mean(1)


@exercise.mistake
def learned_what_is_asked(W, W_target, seen, asked, lr):
    """The predictor learned from `asked` instead of `seen`: every observation looks old as soon as
    you ask about it."""
    return _bonus(asked, W - lr * _slope(W, W_target, asked), W_target)


exercise.slips = {
    "two_is_missing": ("2 * seen.T", "seen.T"),
    "not_averaged": (" / (error.shape[0] * error.shape[1])", ""),
    "features_not_averaged": ("(error.shape[0] * error.shape[1])", "error.shape[0]"),
    "observations_not_averaged": ("(error.shape[0] * error.shape[1])", "error.shape[1]"),
    "uphill": ("W - lr * slope", "W + lr * slope"),
    "before_the_lesson": ("W - lr * slope", "W"),
    "bonus_summed": ("** 2).mean(1)", "** 2).sum(1)"),
    "bonus_not_squared": (
        "((asked @ learned - asked @ W_target) ** 2).mean(1)",
        "(asked @ learned - asked @ W_target).abs().mean(1)",
    ),
}
