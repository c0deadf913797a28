"""Exercise: attention with two masks. Sizes: B environments, Q queries, K keys, d and e numbers."""

from collections.abc import Iterator

import torch
from torch import Tensor

from marl_edu.core.ops import masked_softmax
from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals, Whole
from marl_edu.exercises.engine.trying import Case


def _queries(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, Q, K, d, e, lengths, dtype in (
        ("one query and one key", 1, 1, 2, 1, [1], f32),
        ("nothing to look at", 2, 2, 2, 3, [0], f32),
        ("two queries and three keys", 2, 3, 4, 2, [3], f32),
        ("keys that are filling", 3, 3, 3, 2, [2, 1], f32),
        ("numbers in float64", 2, 4, 5, 3, [4, 2, 0], f64),
        ("large scores", 4, 4, 3, 2, [3, 4], f32),
    ):
        B = len(lengths)
        sizes = (B, Q, d), (B, K, d), (B, K, e)
        q, k, v = (torch.randn(s, generator=rng, dtype=dtype) for s in sizes)
        yield Case(
            what, (30 * q if "large" in what else q, k, v, torch.tensor(lengths).clamp(max=K))
        )


exercise = Exercise(
    place=10,
    title="Scaled dot products, filled up to one length",
    difficulty=2,
    importance=5,
    minutes="10–15",
    topic="tarmac",
    statement="""\
$\\mathrm{softmax}(QK^\\top / \\sqrt{d})\\,V$, for sequences of different lengths that were filled
up to the same number of keys: in environment b only the first `lengths[b]` keys count. Where there
is none, the answer is 0. Write it without `F.scaled_dot_product_attention`. What you write: four or
five lines.""",
    hint="""\
`torch.arange(K) < lengths[:, None]`, or `np.arange`, is a mask of keys, `(B, K)`. Which axis must
it lie along in scores of `(B, Q, K)`? And what is a softmax of nothing?""",
    domain=Domain(
        sizes={"B": (1, 4), "Q": (1, 5), "K": (1, 6), "d": (1, 5), "e": (1, 4)},
        given={
            "q": Reals("B Q d", spreads=(1, 0.1, 10, 100), ties=True),
            "k": Reals("B K d", spreads=(1, 3)),
            "v": Reals("B K e", spreads=(1, 60)),
            "lengths": Whole("B", "K+1"),
        },
    ),
    inputs=_queries,
)


@exercise.solved_by
def attend(q, k, v, lengths):
    """What each query gets: (B, Q, e).

    q: (B, Q, d). k: (B, K, d). v: (B, K, e).
    lengths: (B,) integers from 0 to K.
    """
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5  # (B, Q, K)
    there = torch.arange(k.shape[1]) < lengths[:, None, None]  # (B, 1, K)
    lowest = torch.finfo(scores.dtype).min  # unlike -inf, no NaN in a row of it
    weights = scores.masked_fill(~there, lowest).softmax(-1)
    return weights * there @ v


def _there(k: Tensor, lengths: Tensor) -> Tensor:
    return (torch.arange(k.shape[1]) < lengths[:, None])[:, None]


def _scores(q: Tensor, k: Tensor, scale: float) -> Tensor:
    return q @ k.transpose(-1, -2) / scale


@exercise.mistake
def unscaled(q, k, v, lengths):
    """The division by √d is missing: the longer the keys, the more the softmax looks at one of them
    only, and the smaller its gradient."""
    return masked_softmax(_scores(q, k, 1.0), _there(k, lengths)) @ v


@exercise.mistake
def scaled_by_d(q, k, v, lengths):
    """The scores are divided by d, not by its root. A sum of d products of variance 1 has variance
    d, so a deviation of √d."""
    return masked_softmax(_scores(q, k, float(q.shape[-1])), _there(k, lengths)) @ v


@exercise.mistake
def scaled_by_keys(q, k, v, lengths):
    """The scores are divided by the root of the *number of keys*; it is their size, d, that makes
    scores large."""
    return masked_softmax(_scores(q, k, k.shape[1] ** 0.5), _there(k, lengths)) @ v


@exercise.mistake
def softmax_over_queries(q, k, v, lengths):
    """The softmax runs over queries: they compete for a key, and what a query gets is no mean."""
    scores = _scores(q, k, q.shape[-1] ** 0.5)
    return masked_softmax(scores, _there(k, lengths), dim=-2) @ v


@exercise.mistake
def filling_counts(q, k, v, lengths):
    """`lengths` changes nothing: the filling is looked at like anything else."""
    return _scores(q, k, q.shape[-1] ** 0.5).softmax(-1) @ v


@exercise.mistake
def filling_scores_zero(q, k, v, lengths):
    """The filling's scores are set to 0, but exp(0) is 1: it takes its share of the weight."""
    scores = _scores(q, k, q.shape[-1] ** 0.5) * _there(k, lengths)
    return scores.softmax(-1) @ v


@exercise.mistake
def mask_after_softmax(q, k, v, lengths):
    """The filling is cut off after the softmax: it took its share of the weight with it, and the
    rest no longer sums to 1."""
    weights = _scores(q, k, q.shape[-1] ** 0.5).softmax(-1)
    return (weights * _there(k, lengths)) @ v


@exercise.mistake
def nan_of_nothing(q, k, v, lengths):
    """Where nothing counts the weights are 0 / 0, as in the softmax of a row of -inf: NaN, and from
    there the whole network."""
    scores = _scores(q, k, q.shape[-1] ** 0.5).masked_fill(~_there(k, lengths), -torch.inf)
    return scores.softmax(-1) @ v


@exercise.mistake
def mean_of_filling(q, k, v, lengths):
    """Where nothing counts, all scores are equally low, and the softmax makes a *mean* of the
    filling: it should be 0."""
    scores = _scores(q, k, q.shape[-1] ** 0.5).masked_fill(~_there(k, lengths), -1e9)
    return scores.softmax(-1) @ v


@exercise.mistake
def one_key_too_many(q, k, v, lengths):
    """One key too many counts: `<=` should be `<`, for the first key has number 0."""
    there = (torch.arange(k.shape[1]) <= lengths[:, None])[:, None]
    return masked_softmax(_scores(q, k, q.shape[-1] ** 0.5), there) @ v


exercise.slips = {
    "unscaled": (" / q.shape[-1] ** 0.5", ""),
    "scaled_by_d": ("q.shape[-1] ** 0.5", "q.shape[-1]"),
    "scaled_by_keys": ("q.shape[-1] ** 0.5", "k.shape[1] ** 0.5"),
    "one_key_too_many": ("< lengths", "<= lengths"),
    "mean_of_filling": ("weights * there @ v", "weights @ v"),
    "mask_after_softmax": ("scores.masked_fill(~there, lowest)", "scores"),
}
