"""Exercise: what the heads of graph attention say. Sizes: N nodes, H heads of F features."""

from collections.abc import Iterator

import torch
from torch.nn import functional as F

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals, Truth
from marl_edu.exercises.engine.trying import Case


def _heads(rng: torch.Generator) -> Iterator[Case]:
    for layer, N, H, size, dtype in (
        ("layer", 1, 1, 1, torch.float32),
        ("layer in float64", 3, 2, 4, torch.float64),
        ("layer", 2, 4, 2, torch.float32),
    ):
        heard = torch.randn(N, H, size, generator=rng, dtype=dtype)
        for last in (False, True):
            what = f"{N} nodes, {H} heads of {size}, a {'last' if last else 'hidden'} {layer}"
            yield Case(what, (heard, last))


exercise = Exercise(
    place=30,
    title="What becomes of the heads",
    difficulty=1,
    importance=4,
    minutes="5–10",
    statement="""\
Every head has heard something: `heard` is `(N, H, F)`. In a hidden layer the heads stand side by
side, head 0 first, with an ELU behind them, eq. (3) of `gat.py`. In the last layer they are
classes, or what else is wanted, and one takes their mean, with nothing behind it, eq. (4). What you
write: two or three lines.""",
    hint="""\
`flatten(1)`, in numpy `reshape(n, -1)`, joins axes in the order in which they stand. And what would
an ELU do to the scores of classes before their softmax?""",
    domain=Domain(
        sizes={"N": (1, 5), "H": (1, 5), "F": (1, 5)},
        given={
            "heard": Reals("N H F", spreads=(1, 20)),
            "last": Truth(),
        },
    ),
    inputs=_heads,
)


@exercise.solved_by
def merge(heard, last):
    """What the layer hands on: (N, H F), or (N, F) if it is the last.

    heard: (N, H, F). last: whether it is the last layer, True or False.
    """
    if last:
        return heard.mean(1)  # eq. (4)
    return F.elu(heard.flatten(1))  # eq. (3)


@exercise.mistake
def heads_interleaved(heard, last):
    """The heads are interleaved: all first features, then all second ones. Head 0 comes first, with
    all of its features."""
    return heard.mean(1) if last else F.elu(heard.transpose(1, 2).flatten(1))


@exercise.mistake
def sum_of_heads(heard, last):
    """The last layer takes the sum of its heads instead of their mean."""
    return heard.sum(1) if last else F.elu(heard.flatten(1))


@exercise.mistake
def elu_at_the_end(heard, last):
    """There is an ELU behind the last layer, which lets no score fall below −1."""
    return F.elu(heard.mean(1) if last else heard.flatten(1))


@exercise.mistake
def elu_before_the_mean(heard, last):
    """The ELU comes before the mean of the last layer, where there is none."""
    return F.elu(heard).mean(1) if last else F.elu(heard.flatten(1))


@exercise.mistake
def no_elu(heard, last):
    """The ELU of the hidden layer is missing: two layers in a row would hardly be more than one."""
    return heard.mean(1) if last else heard.flatten(1)


@exercise.mistake
def relu_instead(heard, last):
    """The hidden layer has a ReLU; the paper's is an ELU, exp(x) − 1 below 0."""
    return heard.mean(1) if last else F.relu(heard.flatten(1))


exercise.slips = {
    "sum_of_heads": ("heard.mean(1)", "heard.sum(1)"),
    "no_elu": ("F.elu(heard.flatten(1))", "heard.flatten(1)"),
    "relu_instead": ("F.elu", "F.relu"),
    "heads_interleaved": ("heard.flatten(1)", "heard.transpose(1, 2).flatten(1)"),
    "elu_at_the_end": ("heard.mean(1)", "F.elu(heard.mean(1))"),
    "elu_before_the_mean": ("heard.mean(1)", "F.elu(heard).mean(1)"),
}
