"""Exercise: a graph as a list of edges. Sizes: N nodes, E edges."""

from collections.abc import Iterator, Mapping

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Reals, Values
from marl_edu.exercises.engine.trying import Case
from marl_edu.exercises.gat._graphs import edges_of, hearings


def _edges(rng: torch.Generator) -> Iterator[Case]:
    for what, adjacency, dtype in hearings():
        N = len(adjacency)
        receiver = (adjacency | torch.eye(N, dtype=torch.bool)).nonzero()[:, 0]
        order = torch.randperm(len(receiver), generator=rng)
        score = torch.randn(len(receiver), generator=rng, dtype=dtype)
        yield Case(what, (score, receiver[order], N))
    receiver = torch.tensor([0, 1, 0, 1, 2])
    big = torch.tensor([900.0, -900.0, 899.0, -901.0, 0.0])
    yield Case("scores in the hundreds, of both signs", (big, receiver, 3))


def _listed(given: Values, sizes: Mapping[str, int]) -> Values:
    receiver, sender = edges_of(given["_there"], given["_order"])
    return {"score": given["_score"][receiver, sender], "receiver": receiver, "n": sizes["N"]}


exercise = Exercise(
    place=50,
    title="A softmax over edges",
    difficulty=4,
    importance=4,
    minutes="20–30",
    statement="""\
A graph of N nodes may be a list of edges; then there is no row to take a softmax of. `score[e]`
belongs to edge e, whose receiver is node `receiver[e]`; edges stand in any order, and each node is
the receiver of one at least. Give the weight of each edge, so that those of one receiver sum to 1,
without an array of `(N, N)` and without a loop over nodes. Scores may be in the hundreds, of either
sign: the largest of each receiver has to be subtracted first. What you write: about five lines.""",
    hint="""\
`torch.full((n,), -inf).scatter_reduce(0, receiver, score, "amax")` is the largest of each receiver,
`x[receiver]` brings what belongs to receivers back to edges, and
`torch.zeros(n).index_add(0, receiver, x)` sums edges. Mind the dtype: `score.new_zeros(n)`. In
numpy `np.maximum.at` and `np.add.at` write the same into an array.""",
    domain=Domain(
        sizes={"N": (1, 6)},
        given={
            "_score": Reals("N N", ties=True),
            "_there": Flags("N N"),
            "_order": Reals("N*N", between=(0, 1)),
        },
        finish=_listed,
        notes={
            "score": "normal, s.d. up to 10,000",
            "receiver": "in any order",
            "n": "which is N",
        },
    ),
    inputs=_edges,
)


@exercise.solved_by
def softmax_over_edges(score, receiver, n):
    """The weight of each edge: (E,).

    score: (E,). receiver: (E,) integers in 0..n - 1. n: N.
    """
    with torch.no_grad():  # what is subtracted changes nothing, so it needs no gradient
        largest = score.new_full((n,), -torch.inf).scatter_reduce(0, receiver, score, "amax")
    weight = (score - largest[receiver]).exp()
    total = score.new_zeros(n).index_add(0, receiver, weight)
    return weight / total[receiver]


def _normalised(weight, receiver, n):
    return weight / weight.new_zeros(n).index_add(0, receiver, weight)[receiver]


@exercise.mistake
def over_all_edges(score, receiver, n):
    """All edges together sum to 1, not those of each receiver."""
    return score.softmax(0)


@exercise.mistake
def one_peak_for_all(score, receiver, n):
    """The largest score of *all* edges is subtracted: a receiver whose scores are far below it is
    left with 0 / 0."""
    return _normalised((score - score.max()).exp(), receiver, n)


@exercise.mistake
def nothing_subtracted(score, receiver, n):
    """Too little is subtracted before exp, or nothing: the exp of a score in the hundreds is
    infinite, and inf / inf is NaN."""
    return _normalised(score.exp(), receiver, n)


@exercise.mistake
def unnormalised(score, receiver, n):
    """The weights are not divided by their receiver's sum: its largest is 1 instead."""
    with torch.no_grad():
        peak = score.new_full((n,), -torch.inf).scatter_reduce(0, receiver, score, "amax")
    return (score - peak[receiver]).exp()


@exercise.mistake
def mean_over_edges(score, receiver, n):
    """All edges of a receiver weigh the same, whatever their scores."""
    return _normalised(torch.ones_like(score) + 0 * score, receiver, n)


@exercise.mistake
def added_and_lost(score, receiver, n):
    """`total[receiver] += weight` adds only *one* of several edges with the same receiver: what
    stands on the left is written once. Use `index_add`."""
    with torch.no_grad():
        peak = score.new_full((n,), -torch.inf).scatter_reduce(0, receiver, score, "amax")
    weight = (score - peak[receiver]).exp()
    total = score.new_zeros(n)
    total[receiver] += weight
    return weight / total[receiver]


exercise.slips = {
    "unnormalised": ("weight / total[receiver]", "weight"),
    "nothing_subtracted": ("(score - largest[receiver]).exp()", "score.exp()"),
    "one_peak_for_all": ("score - largest[receiver]", "score - largest.max()"),
}
