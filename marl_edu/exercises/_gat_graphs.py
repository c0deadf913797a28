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
    for what, comm_graph, dtype in hearings():
        N = len(comm_graph)
        receiver = (comm_graph | torch.eye(N, dtype=torch.bool)).nonzero()[:, 0]
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
    for what, comm_graph, _ in hearings():
        layers = int(torch.randint(1, 4, (1,), generator=rng))
        yield Case(f"{what}, {layers} layer{'s' * (layers != 1)}", (comm_graph, layers))


receptive_field = Exercise(
    title="How far news travels",
    difficulty=2,
    importance=5,
    minutes="10–15",
    statement="""\
After L layers, of whom may node i know something? Give `field[i, j]`, True if j can be reached from
i over at most L links, each from a node to one whom it *hears*. Links have a direction, and a node
always knows itself, whether or not `comm_graph` says so. What you write: three or four lines.""",
    hint="""\
After no layer a node knows itself. After one more it knows whatever those know whom it hears,
itself among them: a matrix product, of numbers, and then `> 0`.""",
    inputs=_graphs,
    gradient=False,
)


@receptive_field.solved_by
def field_after(comm_graph, layers):
    """Of whom each node may know something: (N, N) bool, receivers in rows.

    hears: (N, N) bool. layers: L, from 0.
    """
    itself = torch.eye(len(comm_graph), dtype=torch.bool)
    listens = (comm_graph | itself).float()
    field = itself
    for _ in range(layers):
        field = listens @ field.float() > 0
    return field


def _field(comm_graph: Tensor, layers: int) -> Tensor:
    return field_after(comm_graph, layers)


@receptive_field.mistake
def one_layer_too_many(comm_graph, layers):
    """One link too far: after no layer a node knows only itself."""
    return _field(comm_graph, layers + 1)


@receptive_field.mistake
def one_layer_too_few(comm_graph, layers):
    """One link short: the first layer already reaches the neighbours."""
    return _field(comm_graph, max(layers - 1, 0))


@receptive_field.mistake
def exactly_so_many(comm_graph, layers):
    """These are the ends of walks of *exactly* L links: without a loop at each node one forgets in
    every layer whom one knew before."""
    field = torch.eye(len(comm_graph), dtype=torch.bool)
    for _ in range(layers):
        field = comm_graph.float() @ field.float() > 0
    return field


@receptive_field.mistake
def who_knows_me(comm_graph, layers):
    """This is the transpose, who may know something of i: links have a direction, from the one who
    is heard to the one who hears."""
    return _field(comm_graph, layers).T


@receptive_field.mistake
def both_ways(comm_graph, layers):
    """Links are walked in both directions here, but who is heard need not hear."""
    return _field(comm_graph | comm_graph.T, layers)


@receptive_field.mistake
def neighbours_only(comm_graph, layers):
    """These are the neighbours, however many layers there are."""
    return _field(comm_graph, min(layers, 1))


def _plain(rng: torch.Generator) -> Iterator[Case]:
    for what, comm_graph, _ in hearings():
        both = comm_graph | comm_graph.T
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
undirected graph `comm_graph`, which may or may not say that a node hears itself. float32. What you
write: three lines.""",
    hint="""\
First make the neighbourhood, with the diagonal; everything else follows from it, the numbers d too.
`d.rsqrt()` is 1 / √d.""",
    inputs=_plain,
    gradient=False,
)


@gcn_weights.solved_by
def convolution_weights(comm_graph):
    """How much each node j weighs for each node i: (N, N).

    hears: (N, N) bool, symmetric.
    """
    hood = (comm_graph | torch.eye(len(comm_graph), dtype=torch.bool)).float()
    root = hood.sum(1).rsqrt()
    return root[:, None] * hood * root


def _hood(comm_graph: Tensor) -> Tensor:
    return (comm_graph | torch.eye(len(comm_graph), dtype=torch.bool)).float()


@gcn_weights.mistake
def mean_weights(comm_graph):
    """These are 1 / d_i: the plain mean. In a GCN a much-heard sender counts less."""
    return _hood(comm_graph) / _hood(comm_graph).sum(1, keepdim=True)


@gcn_weights.mistake
def no_root(comm_graph):
    """The root is missing: 1 / (d_i d_j)."""
    d = _hood(comm_graph).sum(1)
    return _hood(comm_graph) / (d[:, None] * d)


@gcn_weights.mistake
def no_loops(comm_graph):
    """The node itself is left out: it forgets what it knew, and one without neighbours has
    d = 0."""
    plain = (comm_graph & ~torch.eye(len(comm_graph), dtype=torch.bool)).float()
    root = plain.sum(1).clamp_min(1).rsqrt()
    return root[:, None] * plain * root


@gcn_weights.mistake
def loops_twice(comm_graph):
    """`comm_graph + eye` counts a node twice that is said to hear itself."""
    hood = comm_graph.float() + torch.eye(len(comm_graph))
    root = hood.sum(1).rsqrt()
    return root[:, None] * hood * root


@gcn_weights.mistake
def loops_not_counted(comm_graph):
    """A node is in its neighbourhood but not in the number d."""
    d = (comm_graph & ~torch.eye(len(comm_graph), dtype=torch.bool)).float().sum(1).clamp_min(1)
    return d.rsqrt()[:, None] * _hood(comm_graph) * d.rsqrt()


@gcn_weights.mistake
def nobody_masked(comm_graph):
    """The graph is missing: every pair has a weight, heard or not."""
    root = _hood(comm_graph).sum(1).rsqrt()
    return root[:, None] * root
