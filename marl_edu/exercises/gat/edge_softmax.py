"""Exercises: graphs as lists of edges, how far news travels, and the weights of a GCN.

Sizes: N nodes, E edges, L layers. Receivers in rows.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from marl_edu.exercises._gat import hearings
from marl_edu.exercises.grading import Exercise
from marl_edu.exercises.trying import Case


def _edges(rng: torch.Generator) -> Iterator[Case]:
    for what, hears, dtype in hearings():
        N = len(hears)
        receiver = (hears | torch.eye(N, dtype=torch.bool)).nonzero()[:, 0]
        order = torch.randperm(len(receiver), generator=rng)
        score = torch.randn(len(receiver), generator=rng, dtype=dtype)
        yield Case(what, (score, receiver[order], N))
    receiver = torch.tensor([0, 1, 0, 1, 2])
    big = torch.tensor([900.0, -900.0, 899.0, -901.0, 0.0])
    yield Case("scores in the hundreds, of both signs", (big, receiver, 3))


edge_softmax = Exercise(
    title="A softmax over edges",
    difficulty=4,
    importance=4,
    minutes="20–30",
    statement="""\
A graph of N nodes may be a list of edges; then there is no row to take a softmax of. `score[e]`
belongs to edge e, whose receiver is node `receiver[e]`; edges stand in any order, and each node is
the receiver of one at least. Give the weight of each edge, so that those of one receiver sum to 1,
without any `(N, N)` tensor and without a loop over nodes. Scores may be in the hundreds, of either
sign: the largest of each receiver has to be subtracted first. What you write: about five lines.""",
    hint="""\
`torch.full((n,), -inf).scatter_reduce(0, receiver, score, "amax")` is the largest of each receiver,
`x[receiver]` brings what belongs to receivers back to edges, and
`torch.zeros(n).index_add(0, receiver, x)` sums edges. Mind the dtype: `score.new_zeros(n)`.""",
    inputs=_edges,
)


@edge_softmax.solved_by
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


@edge_softmax.mistake
def over_all_edges(score, receiver, n):
    """All edges together sum to 1, not those of each receiver."""
    return score.softmax(0)


@edge_softmax.mistake
def one_peak_for_all(score, receiver, n):
    """The largest score of *all* edges is subtracted: a receiver whose scores are far below it is
    left with 0 / 0."""
    return _normalised((score - score.max()).exp(), receiver, n)


@edge_softmax.mistake
def nothing_subtracted(score, receiver, n):
    """Nothing is subtracted before exp: a score in the hundreds becomes infinite, and inf / inf is
    NaN."""
    return _normalised(score.exp(), receiver, n)


@edge_softmax.mistake
def unnormalised(score, receiver, n):
    """The weights are not divided by their receiver's sum: its largest is 1 instead."""
    with torch.no_grad():
        peak = score.new_full((n,), -torch.inf).scatter_reduce(0, receiver, score, "amax")
    return (score - peak[receiver]).exp()


@edge_softmax.mistake
def mean_over_edges(score, receiver, n):
    """All edges of a receiver weigh the same, whatever their scores."""
    return _normalised(torch.ones_like(score) + 0 * score, receiver, n)


@edge_softmax.mistake
def added_and_lost(score, receiver, n):
    """`total[receiver] += weight` adds only *one* of several edges with the same receiver: what
    stands on the left is written once. Use `index_add`."""
    with torch.no_grad():
        peak = score.new_full((n,), -torch.inf).scatter_reduce(0, receiver, score, "amax")
    weight = (score - peak[receiver]).exp()
    total = score.new_zeros(n)
    total[receiver] += weight
    return weight / total[receiver]


def _graphs(rng: torch.Generator) -> Iterator[Case]:
    path = torch.zeros(6, 6, dtype=torch.bool)
    for i in range(5):
        path[i, i + 1] = True  # news travels from the end of the path to its start only
    for layers in (0, 1, 2, 5, 9):
        what = f"a directed path of 6 nodes and {layers} layer{'s' * (layers != 1)}"
        yield Case(what, (path, layers))
    for what, hears, _ in hearings():
        layers = int(torch.randint(1, 4, (1,), generator=rng))
        yield Case(f"{what}, {layers} layer{'s' * (layers != 1)}", (hears, layers))


receptive_field = Exercise(
    title="How far news travels",
    difficulty=2,
    importance=5,
    minutes="10–15",
    statement="""\
After L layers, of whom may node i know something? Give `field[i, j]`, True if j can be reached from
i over at most L links, each from a node to one whom it *hears*. Links have a direction, and a node
always knows itself, whether or not `hears` says so. What you write: three or four lines.""",
    hint="""\
After no layer a node knows itself. After one more it knows whatever those know whom it hears,
itself among them: a matrix product, of numbers, and then `> 0`.""",
    inputs=_graphs,
    gradient=False,
)


@receptive_field.solved_by
def field_after(hears, layers):
    """Of whom each node may know something: (N, N) bool, receivers in rows.

    hears: (N, N) bool. layers: L, from 0.
    """
    itself = torch.eye(len(hears), dtype=torch.bool)
    listens = (hears | itself).float()
    field = itself
    for _ in range(layers):
        field = listens @ field.float() > 0
    return field


def _field(hears: Tensor, layers: int) -> Tensor:
    return field_after(hears, layers)


@receptive_field.mistake
def one_layer_too_many(hears, layers):
    """One link too far: after no layer a node knows only itself."""
    return _field(hears, layers + 1)


@receptive_field.mistake
def one_layer_too_few(hears, layers):
    """One link short: the first layer already reaches the neighbours."""
    return _field(hears, max(layers - 1, 0))


@receptive_field.mistake
def exactly_so_many(hears, layers):
    """These are the ends of walks of *exactly* L links: without a loop at each node one forgets in
    every layer whom one knew before."""
    field = torch.eye(len(hears), dtype=torch.bool)
    for _ in range(layers):
        field = hears.float() @ field.float() > 0
    return field


@receptive_field.mistake
def who_knows_me(hears, layers):
    """This is the transpose, who may know something of i: links have a direction, from the one who
    is heard to the one who hears."""
    return _field(hears, layers).T


@receptive_field.mistake
def both_ways(hears, layers):
    """Links are walked in both directions here, but who is heard need not hear."""
    return _field(hears | hears.T, layers)


@receptive_field.mistake
def neighbours_only(hears, layers):
    """These are the neighbours, however many layers there are."""
    return _field(hears, min(layers, 1))


def _plain(rng: torch.Generator) -> Iterator[Case]:
    for what, hears, _ in hearings():
        both = hears | hears.T
        yield Case(what.replace("directed", "undirected"), (both,))
    star = torch.zeros(5, 5, dtype=torch.bool)
    star[0, 1:] = star[1:, 0] = True
    yield Case("a star: one node hears and is heard by four", (star,))


gcn_weights = Exercise(
    title="The weights of a GCN",
    difficulty=2,
    importance=3,
    minutes="10",
    statement="""\
A graph convolution (GCN) does not choose: j weighs 1 / √(d_i d_j) for i, where d is the number of
those whom a node hears, itself included. Give these weights, 0 where i does not hear j, from an
undirected graph `hears`, which may or may not say that a node hears itself. float32. What you
write: three lines.""",
    hint="""\
First make the neighbourhood, with the diagonal; everything else follows from it, the numbers d too.
`d.rsqrt()` is 1 / √d.""",
    inputs=_plain,
    gradient=False,
)


@gcn_weights.solved_by
def convolution_weights(hears):
    """How much each node j weighs for each node i: (N, N).

    hears: (N, N) bool, symmetric.
    """
    hood = (hears | torch.eye(len(hears), dtype=torch.bool)).float()
    root = hood.sum(1).rsqrt()
    return root[:, None] * hood * root


def _hood(hears: Tensor) -> Tensor:
    return (hears | torch.eye(len(hears), dtype=torch.bool)).float()


@gcn_weights.mistake
def mean_weights(hears):
    """These are 1 / d_i: the plain mean. In a GCN a much-heard sender counts less."""
    return _hood(hears) / _hood(hears).sum(1, keepdim=True)


@gcn_weights.mistake
def no_root(hears):
    """The root is missing: 1 / (d_i d_j)."""
    d = _hood(hears).sum(1)
    return _hood(hears) / (d[:, None] * d)


@gcn_weights.mistake
def no_loops(hears):
    """The node itself is left out: it forgets what it knew, and one without neighbours has
    d = 0."""
    plain = (hears & ~torch.eye(len(hears), dtype=torch.bool)).float()
    root = plain.sum(1).clamp_min(1).rsqrt()
    return root[:, None] * plain * root


@gcn_weights.mistake
def loops_twice(hears):
    """`hears + eye` counts a node twice that is said to hear itself."""
    hood = hears.float() + torch.eye(len(hears))
    root = hood.sum(1).rsqrt()
    return root[:, None] * hood * root


@gcn_weights.mistake
def loops_not_counted(hears):
    """A node is in its neighbourhood but not in the number d."""
    d = (hears & ~torch.eye(len(hears), dtype=torch.bool)).float().sum(1).clamp_min(1)
    return d.rsqrt()[:, None] * _hood(hears) * d.rsqrt()


@gcn_weights.mistake
def nobody_masked(hears):
    """The graph is missing: every pair has a weight, heard or not."""
    root = _hood(hears).sum(1).rsqrt()
    return root[:, None] * root
