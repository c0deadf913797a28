"""Exercise: several heads.

Sizes: B environments, N agents, H heads of d numbers; receivers in rows.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals
from marl_edu.exercises.engine.trying import Case


def _headed(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for where, B, N, H, d, dtype in (
        ("", 1, 2, 2, 1, f32),
        ("", 1, 2, 2, 2, f32),
        (" in float64", 2, 3, 1, 4, f64),
        ("", 2, 1, 3, 2, f32),
        ("", 3, 4, 2, 3, f32),
    ):
        value = torch.randn(B, N, H * d, generator=rng, dtype=dtype)
        attention = torch.randn(B, H, N, N, generator=rng, dtype=dtype).softmax(-1)
        count = f"{N} agents" if N > 1 else "one agent"
        heads = f"{H} heads" if H > 1 else "one head"
        yield Case(f"{count}, {heads} of size {d}{where}", (value, attention))


def _rows_of_1(x: Tensor) -> Tensor:
    return (4 * x).softmax(-1)


exercise = Exercise(
    place=30,
    title="Split into heads, merge again",
    difficulty=2,
    importance=4,
    minutes="10–15",
    statement="""\
The values of all heads come side by side: `value` is `(B, N, H * d)`, head 0 first. Give each head
its own part, `(B, H, N, d)`, let it listen with its own `attention`, `(B, H, N, N)`, and put what
the heads heard side by side again, `(B, N, H * d)`. What you write: about three lines.""",
    hint="""\
`view`, in numpy `reshape`, only cuts the same row of numbers differently. So it can split the last
axis, `H * d` into `H, d`, but not bring H before N: for that there is `transpose`, in numpy
`swapaxes`.""",
    domain=Domain(
        sizes={"B": (1, 4), "N": (1, 5), "H": (1, 4), "d": (1, 4)},
        given={
            "value": Reals("B N H*d"),
            "attention": Reals("B H N N", between=(0, 1)),
        },
        finish=lambda given, _: given | {"attention": _rows_of_1(given["attention"])},
        notes={"attention": "in rows that sum to 1"},
    ),
    inputs=_headed,
)


@exercise.solved_by
def listen_with_heads(value, attention):
    """What the heads hear, side by side: (B, N, H d).

    value: (B, N, H d). attention: (B, H, N, N).
    """
    B, H, N, _ = attention.shape
    heads = value.view(B, N, H, -1).transpose(1, 2)  # (B, H, N, d)
    heard = attention @ heads
    return heard.transpose(1, 2).reshape(B, N, -1)


def _split(value: Tensor, attention: Tensor) -> Tensor:
    B, H, N, _ = attention.shape
    return value.view(B, N, H, -1).transpose(1, 2)


@exercise.mistake
def split_by_view(value, attention):
    """The split is a bare `view` to (B, H, N, d), which cuts the numbers in the order they lie in
    memory: a head gets parts of *other agents'* values. View to (B, N, H, d), then transpose."""
    B, H, N, _ = attention.shape
    return (attention @ value.view(B, H, N, -1)).transpose(1, 2).flatten(2)


@exercise.mistake
def merge_by_view(value, attention):
    """The merge is a bare `reshape` of (B, H, N, d), which mixes agents: bring the heads back
    beside their numbers with `transpose(1, 2)` first."""
    return (attention @ _split(value, attention)).reshape(value.shape)


@exercise.mistake
def split_and_merge_by_view(value, attention):
    """Both the split and the merge are bare views. They undo each other, so that shapes and a
    round trip look right, but each head listened to a mixture of agents."""
    B, H, N, _ = attention.shape
    return (attention @ value.view(B, H, N, -1)).reshape(value.shape)


@exercise.mistake
def heads_interleaved(value, attention):
    """The last axis is cut as (d, H) instead of (H, d): every H-th number goes to a head. The
    heads lie side by side, head 0 first."""
    B, H, N, _ = attention.shape
    heads = value.view(B, N, -1, H).permute(0, 3, 1, 2)
    return (attention @ heads).permute(0, 2, 3, 1).flatten(2)


@exercise.mistake
def merged_interleaved(value, attention):
    """The heads are merged as (d, H) instead of (H, d): their numbers alternate instead of lying
    side by side."""
    return (attention @ _split(value, attention)).permute(0, 2, 3, 1).flatten(2)


@exercise.mistake
def attention_transposed(value, attention):
    """The attention is used transposed: senders in rows. Each receiver is a row."""
    heard = attention.transpose(-1, -2) @ _split(value, attention)
    return heard.transpose(1, 2).flatten(2)


@exercise.mistake
def one_attention_for_all(value, attention):
    """All heads listen with the attention of head 0."""
    return attention[:, 0] @ value


@exercise.mistake
def heads_averaged(value, attention):
    """All heads listen with the mean of their attentions: then one head would do."""
    return attention.mean(1) @ value


@exercise.mistake
def heads_summed(value, attention):
    """What the heads heard is added up, (B, N, d), instead of put side by side."""
    return (attention @ _split(value, attention)).sum(1)


exercise.slips = {
    "split_by_view": ("value.view(B, N, H, -1).transpose(1, 2)", "value.view(B, H, N, -1)"),
    "merge_by_view": ("heard.transpose(1, 2).reshape(B, N, -1)", "heard.reshape(B, N, -1)"),
    "attention_transposed": ("attention @ heads", "attention.transpose(-1, -2) @ heads"),
    "heads_summed": ("heard.transpose(1, 2).reshape(B, N, -1)", "heard.sum(1)"),
    "merged_interleaved": (
        "heard.transpose(1, 2).reshape(B, N, -1)",
        "heard.permute(0, 2, 3, 1).reshape(B, N, -1)",
    ),
}
