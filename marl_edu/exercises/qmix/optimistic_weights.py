"""Exercise: the weighted loss of OW-QMIX. Sizes: E episodes of L steps."""

from collections.abc import Iterator

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Number, Reals, Values
from marl_edu.exercises.engine.trying import Case


def _errors(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    game = [[8.0, -12, -12], [-12, 0, 0], [-12, 0, 0]]
    fit = [[-8.0, -8, -8], [-8, 0, 0], [-8, 0, 0]]
    whole = torch.ones(3, 3, dtype=torch.bool)
    yield Case("QTRAN's game as QMIX fits it", (torch.tensor(fit), torch.tensor(game), whole, 0.1))
    for what, lengths, L, weight, dtype in (
        ("one step", [1], 1, 0.5, f32),
        ("one episode without padding", [3], 3, 0.1, f32),
        ("a weight of 1, which is QMIX", [4, 2], 4, 1.0, f32),
        ("overestimates that do not count at all", [4, 2], 4, 0.0, f32),
        ("episodes of different lengths", [2, 5, 1], 5, 0.3, f32),
        ("padding that is no number", [1, 3], 4, 0.5, f32),
        ("numbers in float64", [6, 1, 3, 6], 6, 0.5, f64),
    ):
        q_tot, y = (2 * torch.randn(len(lengths), L, generator=rng, dtype=dtype) for _ in range(2))
        mask = torch.arange(L) < torch.tensor(lengths)[:, None]
        if "no number" in what:
            q_tot, y = (x.masked_fill(~mask, torch.nan) for x in (q_tot, y))
        yield Case(what, (q_tot, y, mask, weight))


def _padding(given: Values) -> Tensor:
    return ~given["mask"]


exercise = Exercise(
    place=60,
    title="Optimism in the loss",
    difficulty=3,
    importance=3,
    minutes="10–15",
    statement="""\
OW-QMIX lets overestimates count less. Where the team's value `q_tot` lies below its target `y`, the
squared error has the weight 1, everywhere else `weight`. Average the weighted errors over the steps
that count, those of all episodes together, where `mask` is True: one number. Divide by the number
of these steps, not by the sum of their weights. What stands in the other steps must not matter,
even if it is not a number (NaN). No gradient may go into the target. What you write: three
lines.""",
    hint="""\
0 times NaN is NaN, in values and in gradients. `torch.where(mask, ..., 0.0)`, or `np.where`, keeps
what does not count out of the error, before anything is squared. Which sign has `y - q_tot` if the
value is an underestimate?""",
    domain=Domain(
        sizes={"E": (1, 5), "L": (1, 7)},
        given={
            "q_tot": Reals("E L", centres=(-50, 50), ties=True, unused=_padding),
            "y": Reals("E L", centres=(-50, 50), unused=_padding),
            "mask": Flags("E L", any=True),
            "weight": Number(0.0, 1.0),
        },
    ),
    inputs=_errors,
)


@exercise.solved_by
def optimistic_loss(q_tot, y, mask, weight):
    """The weighted squared error, averaged over the steps that count: a scalar tensor.

    q_tot, y: (E, L). mask: (E, L) bool. weight: a number.
    """
    error = torch.where(mask, y.detach() - q_tot, 0.0)
    w = torch.where(error > 0, 1.0, weight)
    return (w * error**2).sum() / mask.sum()


def _weights(q_tot, y, weight, below=1.0):
    return torch.where(y.detach() > q_tot, below, weight)


@exercise.mistake
def weights_swapped(q_tot, y, mask, weight):
    """The weights have changed places: here it is the *under*estimates that count less, and the
    team grows more cautious still."""
    error = torch.where(mask, y.detach() - q_tot, 0.0)
    return (torch.where(error > 0, weight, 1.0) * error**2).sum() / mask.sum()


@exercise.mistake
def all_alike(q_tot, y, mask, weight):
    """All errors count alike: that is QMIX, with a weight of 1."""
    return (torch.where(mask, y.detach() - q_tot, 0.0) ** 2).sum() / mask.sum()


@exercise.mistake
def underestimates_only(q_tot, y, mask, weight):
    """Overestimates do not count at all. Then nothing ever brings a value down."""
    return (torch.where(mask, y.detach() - q_tot, 0.0).clamp_min(0) ** 2).sum() / mask.sum()


@exercise.mistake
def weight_squared(q_tot, y, mask, weight):
    """The error is multiplied by the weight before it is squared, so that it is the *square* of the
    weight that counts."""
    error = torch.where(mask, y.detach() - q_tot, 0.0)
    return ((torch.where(error > 0, 1.0, weight) * error) ** 2).sum() / mask.sum()


@exercise.mistake
def divided_by_weights(q_tot, y, mask, weight):
    """It is divided by the sum of the weights. Then lowering the weight of overestimates raises
    that of everything else, and if all are overestimates the weight does nothing."""
    error = torch.where(mask, y.detach() - q_tot, 0.0)
    w = torch.where(error > 0, 1.0, weight) * mask
    return (w * error**2).sum() / w.sum().clamp_min(1e-8)


@exercise.mistake
def divided_by_all(q_tot, y, mask, weight):
    """The sum is right, but it is divided by the number of *all* steps: the more padding, the
    smaller the update."""
    error = torch.where(mask, y.detach() - q_tot, 0.0)
    return (torch.where(error > 0, 1.0, weight) * error**2).mean()


@exercise.mistake
def summed(q_tot, y, mask, weight):
    """The errors are added up instead of averaged: the longer the episodes, the larger the
    update."""
    error = torch.where(mask, y.detach() - q_tot, 0.0)
    return (torch.where(error > 0, 1.0, weight) * error**2).sum()


@exercise.mistake
def padding_counted(q_tot, y, mask, weight):
    """The errors of the padding count, too: `mask` is not asked."""
    return (_weights(q_tot, y, weight) * (y.detach() - q_tot) ** 2).mean()


@exercise.mistake
def zero_times_nan(q_tot, y, mask, weight):
    """The mask is multiplied in. That is right as long as the padding holds numbers; but 0 times
    NaN is NaN, and 0 times infinity, too. Leave out what does not count instead."""
    error = (y.detach() - q_tot) ** 2 * mask
    return (_weights(q_tot, y, weight) * error).sum() / mask.sum()


@exercise.mistake
def mask_inverted(q_tot, y, mask, weight):
    """The mask is upside down: only the padding is learned."""
    return optimistic_loss(q_tot, y, ~mask, weight)


@exercise.mistake
def target_learns(q_tot, y, mask, weight):
    """The value is right, but a gradient goes into the target: the aim moves towards the arrow."""
    error = torch.where(mask, y - q_tot, 0.0)
    return (torch.where(error > 0, 1.0, weight) * error**2).sum() / mask.sum()


exercise.slips = {
    "zero_times_nan": ("torch.where(mask, y.detach() - q_tot, 0.0)", "(y.detach() - q_tot) * mask"),
    "target_learns": ("y.detach()", "y"),
    "weights_swapped": ("error > 0", "error < 0"),
    "underestimates_only": ("1.0, weight", "1.0, 0.0"),
    "weight_squared": ("(w * error**2)", "((w * error) ** 2)"),
    "divided_by_all": (".sum() / mask.sum()", ".mean()"),
    "summed": (" / mask.sum()", ""),
}
