"""Exercise: from scores to weights.

Sizes: B environments, N agents. Receivers in rows, senders in columns.
"""

from collections.abc import Iterator

import torch

from marl_edu.core.ops import masked_softmax
from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.inputs import teams
from marl_edu.exercises.engine.kinds import Flags, Reals
from marl_edu.exercises.engine.trying import Case


def _scores(rng: torch.Generator) -> Iterator[Case]:
    for what, B, alive, dtype in teams():
        N = alive.shape[1]
        scores = torch.randn(B, N, N, generator=rng, dtype=dtype)
        heard = torch.rand(B, N, N, generator=rng) < (0.7 if "drawn" in what else 1.0)
        yield Case(what, (scores, heard & alive[:, :, None] & alive[:, None, :]))
    scores = 300 * torch.randn(2, 4, 4, generator=rng)
    yield Case("scores in the hundreds", (scores, torch.rand(2, 4, 4, generator=rng) < 0.7))


exercise = Exercise(
    place=10,
    title="Masked attention",
    difficulty=2,
    importance=5,
    minutes="10–15",
    statement="""\
Turn scores into attention weights. `mask[b, i, j]` says whether receiver i may hear sender j. Each
row sums to 1 over the senders that may be heard, everybody else has exactly 0, and a receiver with
nobody to hear gets zeros. What you write: three or four lines.""",
    hint="""\
A score of −∞ has weight 0, but a row of nothing else is 0 / 0. What becomes of a row of the most
negative *finite* number, and what should stand there? Which axis holds the senders?""",
    domain=Domain(
        sizes={"B": (1, 4), "N": (1, 6)},
        given={
            "scores": Reals("B N N", ties=True),
            "mask": Flags("B N N"),
        },
    ),
    inputs=_scores,
)


@exercise.solved_by
def attention_weights(scores, mask):
    """How much each receiver listens to each sender: (B, N, N).

    scores: (B, N, N), receivers in rows. mask: (B, N, N) bool.
    """
    lowest = torch.finfo(scores.dtype).min  # unlike -inf, no NaN in a row of it
    weights = torch.softmax(scores.masked_fill(~mask, lowest), dim=-1)
    return weights * mask  # such a row is uniform, and becomes zeros here


@exercise.mistake
def softmax_over_receivers(scores, mask):
    """Here the *columns* sum to 1: the softmax runs over receivers (dim=-2), so that senders
    share out their listeners instead of receivers their attention."""
    return masked_softmax(scores, mask, dim=-2)


@exercise.mistake
def softmax_over_pairs(scores, mask):
    """Here all pairs of an environment together sum to 1, not each row: the softmax ran over both
    axes."""
    return masked_softmax(scores.flatten(1), mask.flatten(1)).view(scores.shape)


@exercise.mistake
def mask_after_softmax(scores, mask):
    """The mask comes after the softmax: those who may not be heard took their share of the
    weight with them, and the rows no longer sum to 1."""
    return torch.softmax(scores, -1) * mask


@exercise.mistake
def mask_multiplies_scores(scores, mask):
    """The mask multiplies the scores: a score of 0 is not a weight of 0, since exp(0) = 1."""
    return torch.softmax(scores * mask, -1)


@exercise.mistake
def uniform_leak(scores, mask):
    """Filling with a large negative number gives a receiver with nobody to hear the *mean* of
    everybody. All its scores are equally bad, so the softmax makes them 1 / N each."""
    return torch.softmax(scores.masked_fill(~mask, -1e9), -1)


@exercise.mistake
def nan_without_senders(scores, mask):
    """A receiver with nobody to hear gets NaN: a softmax of nothing but -inf is 0 / 0. One NaN is
    enough to ruin every weight of the network in the next gradient step."""
    return torch.softmax(scores.masked_fill(~mask, -torch.inf), -1)


@exercise.mistake
def mask_inverted(scores, mask):
    """The mask is upside down: it is True where one *may* hear, and `masked_fill` fills where its
    mask is True."""
    return masked_softmax(scores, ~mask)


@exercise.mistake
def mask_transposed(scores, mask):
    """The mask is transposed: it asks whether the sender may hear the receiver."""
    return masked_softmax(scores, mask.transpose(-1, -2))


@exercise.mistake
def mask_forgotten(scores, mask):
    """The mask changes nothing: everybody hears everybody, the dead included."""
    return torch.softmax(scores, -1)


@exercise.mistake
def exp_overflows(scores, mask):
    """exp of a large score is infinite in float32: subtract the row's largest score first."""
    weights = scores.exp() * mask
    return weights / weights.sum(-1, keepdim=True).clamp_min(1e-9)


exercise.slips = {
    "softmax_over_receivers": ("lowest), dim=-1)", "lowest), dim=-2)"),
    "mask_after_softmax": ("scores.masked_fill(~mask, lowest), dim", "scores, dim"),
    "uniform_leak": ("return weights * mask", "return weights"),
}
