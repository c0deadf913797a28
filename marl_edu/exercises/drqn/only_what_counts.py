"""Exercise: a loss over windows of different lengths. Sizes: E windows of L steps."""

from collections.abc import Iterator

import torch
from torch.nn import functional as F

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Reals
from marl_edu.exercises.engine.trying import Case


def _errors(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, lengths, L, dtype in (
        ("one window without filling", [3], 3, f32),
        ("one window of which one step counts", [1], 4, f32),
        ("windows of different lengths", [2, 5, 1], 5, f32),
        ("numbers in float64", [4, 2], 4, f64),
        ("a window of which nothing counts", [0, 3], 4, f32),
        ("windows that begin with a burn-in", [6, 1, 3, 6], 6, f32),
    ):
        taken, target = (
            2 * torch.randn(len(lengths), L, generator=rng, dtype=dtype) for _ in range(2)
        )
        learn = torch.arange(L) < torch.tensor(lengths)[:, None]
        if "burn-in" in what:  # which does not count, either
            learn[0, :2] = False
        yield Case(what, (taken, target, learn))


exercise = Exercise(
    place=50,
    title="A loss over what counts",
    difficulty=2,
    importance=5,
    minutes="10–15",
    statement="""\
Windows of different lengths are filled up with zeros to the same L, and the first steps of some are
burn-in: `learn` says which steps count. Give the Huber loss, `F.smooth_l1_loss`, averaged over all
steps that count, of all windows together: one number. The loss of an error e is e² / 2 where
|e| < 1, else |e| − 1/2. What you write: two lines.""",
    hint="""\
`reduction="none"` keeps every error of torch's loss. How many are there to divide by?""",
    domain=Domain(
        sizes={"E": (1, 5), "L": (1, 8)},
        given={
            "taken": Reals("E L", ties=True),
            "target": Reals("E L"),
            "learn": Flags("E L", any=True),
        },
    ),
    inputs=_errors,
    data=("target",),
)


@exercise.solved_by
def masked_loss(taken, target, learn):
    """The mean Huber loss over the steps that count: a scalar tensor.

    taken, target: (E, L). learn: (E, L) bool.
    """
    error = F.smooth_l1_loss(taken, target, reduction="none")
    return (error * learn).sum() / learn.sum()


@exercise.mistake
def filling_counted(taken, target, learn):
    """The errors of filled-up steps count, too: the network learns that nothing is worth
    nothing."""
    return F.smooth_l1_loss(taken, target)


@exercise.mistake
def divided_by_all(taken, target, learn):
    """The sum is right, but it is divided by the number of *all* steps: short windows teach less
    than long ones, and the step size depends on the filling."""
    return (F.smooth_l1_loss(taken, target, reduction="none") * learn).mean()


@exercise.mistake
def mean_of_means(taken, target, learn):
    """First each window is averaged, then the windows: a step of a short window weighs more than
    one of a long window."""
    error = F.smooth_l1_loss(taken, target, reduction="none") * learn
    return (error.sum(1) / learn.sum(1).clamp_min(1)).mean()


@exercise.mistake
def summed(taken, target, learn):
    """The errors are added up instead of averaged: the more steps count, the larger the update."""
    return (F.smooth_l1_loss(taken, target, reduction="none") * learn).sum()


@exercise.mistake
def squared(taken, target, learn):
    """The error is squared, not Huber's: one surprising reward moves everything."""
    return ((taken - target) ** 2 * learn).sum() / learn.sum()


@exercise.mistake
def mask_inverted(taken, target, learn):
    """The mask is upside down: only what does *not* count is learned."""
    error = F.smooth_l1_loss(taken, target, reduction="none")
    return (error * ~learn).sum() / (~learn).sum()


@exercise.mistake
def absolute(taken, target, learn):
    """It is the absolute error: its gradient is as large for a tiny error as for a huge one."""
    return ((taken - target).abs() * learn).sum() / learn.sum()


exercise.slips = {
    "divided_by_all": ("(error * learn).sum() / learn.sum()", "(error * learn).mean()"),
    "filling_counted": ("(error * learn).sum() / learn.sum()", "error.mean()"),
    "summed": ("(error * learn).sum() / learn.sum()", "(error * learn).sum()"),
    "squared": ('F.smooth_l1_loss(taken, target, reduction="none")', "(taken - target) ** 2"),
    "absolute": ('F.smooth_l1_loss(taken, target, reduction="none")', "(taken - target).abs()"),
}
