"""The forms of a graph where they end: no links, one node, many nodes, and what is refused."""

import re

import pytest
import torch

from marl_edu.core import graphs
from tests.unchecked import unchecked

NODES = torch.zeros(4, 2)  # h of four nodes
TEAMS = torch.zeros(3, 4, 2)  # ... and of three graphs of four


def test_a_list_of_neighbours_is_as_long_as_the_longest():
    """Of those whom a node hears, not of those who hear it; and never empty."""
    star = torch.zeros(5, 5, dtype=torch.bool)
    star[0] = True  # one hears all others; each is heard by one
    assert graphs.neighbours_of(star).nodes.shape == (5, 4)
    assert graphs.neighbours_of(star.T).nodes.shape == (5, 1)
    assert graphs.neighbours_of(torch.stack([star, star])).nodes.shape == (2, 5, 4)
    nobody = graphs.neighbours_of(torch.eye(5, dtype=torch.bool))
    assert nobody.nodes.shape == (5, 1) and not nobody.mask.any()


def test_neighbours_stand_in_order_however_many_there_are():
    comm_graph = torch.rand(300, 300, generator=torch.Generator().manual_seed(0)) < 0.2
    comm_graph.fill_diagonal_(False)
    nodes, mask = graphs.neighbours_of(comm_graph)
    for i, there in enumerate(comm_graph):
        assert nodes[i, mask[i]].tolist() == there.nonzero()[:, 0].tolist()


def listed(nodes, B=0):
    """A list of which only the last node says anything, the others nothing."""
    N = 3 if B else 4
    shape = (B, N) if B else (N,)
    rows = torch.zeros(*shape, len(nodes), dtype=torch.tensor(nodes).dtype)
    rows.view(-1, len(nodes))[-1] = torch.tensor(nodes)
    mask = torch.zeros(rows.shape, dtype=torch.bool)
    mask.view(-1, len(nodes))[-1] = True
    return graphs.Neighbours(rows, mask)


@pytest.mark.parametrize("filler", [-1, 3, 10**9])
def test_where_the_mask_is_false_a_list_may_hold_anything(filler):
    """N = 3, B = 2: everybody hears the next one; the second column is filler."""
    nodes = torch.tensor([[1, filler], [2, filler], [0, filler]]).expand(2, 3, 2)
    mask = torch.tensor([True, False]).expand(2, 3, 2)
    h = torch.arange(6.0).view(2, 3, 1)
    pairs = graphs.read(graphs.Neighbours(nodes, mask), h)
    heard = pairs.mix(pairs.only(torch.ones(2, 3, 3, 1)), h[..., None])
    assert heard.flatten().tolist() == [0 + 1, 1 + 2, 2 + 0, 3 + 4, 4 + 5, 5 + 3]


@pytest.mark.parametrize(
    "square, both", [([[0, 1], [1, 0]], True), ([[1, 0], [0, 1]], None), ([[1, 1], [1, 1]], None)]
)
def test_two_nodes_and_two_edges_may_be_meant_as_an_adjacency(square, both):
    """[[0, 1], [1, 0]] says the same either way; the others as edges: both hear each other, and
    nobody hears anybody; as adjacencies the other way round."""
    graph, h = torch.tensor(square), torch.zeros(2, 3)
    if both:
        assert graphs.read(graph, h).count().tolist() == [2, 2]
        return
    with pytest.raises(ValueError, match=r"may be an adjacency or edges: .*EdgeList\(edges, 2\)"):
        graphs.read(graph, h)
    meant_as_edges = graphs.read(graphs.EdgeList(graph, 2), h).count().tolist()
    assert meant_as_edges == ([2, 2] if square[0] == [1, 0] else [1, 1])


def test_edges_of_two_who_hear_each_other_are_taken():
    edges = graphs.edges_of(torch.ones(2, 2, dtype=torch.bool))
    assert graphs.read(edges, torch.zeros(2, 1)).count().tolist() == [2, 2]


def test_edges_may_lead_from_a_node_to_itself_and_nowhere_else():
    alone = graphs.read(torch.tensor([[1, 1], [1, 1]]), NODES)
    assert alone.count().tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize(
    "graph, h, error, message",
    [
        (
            torch.zeros(2, 1, dtype=torch.int64),
            TEAMS,
            ValueError,
            "edges (2, E) go with h (N, D), got (2, 1) and (3, 4, 2): put several graphs side by "
            "side as one",
        ),
        (torch.zeros(2, 1, 1, dtype=torch.int64), NODES, ValueError, "got (2, 1, 1) and (4, 2)"),
        (torch.tensor([[0], [4]]), NODES, ValueError, "edges must name nodes in 0..3, got 0..4"),
        (torch.tensor([[-1], [2]]), NODES, ValueError, "edges must name nodes in 0..3, got -1..2"),
        (torch.eye(4, dtype=torch.int64), NODES, ValueError, "an adjacency must be bool"),
        (listed([4]), NODES, ValueError, "neighbours must name nodes in 0..3, got 0..4"),
        (listed([-1]), NODES, ValueError, "neighbours must name nodes in 0..3, got -1..0"),
        (listed([3], B=3), torch.zeros(3, 3, 2), ValueError, "in 0..2, got 0..3"),
        (listed([-1, 2], B=3), torch.zeros(3, 3, 2), ValueError, "in 0..2, got -1..2"),
        (listed([0.5]), NODES, TypeError, "got Neighbours of torch.float32, torch.bool"),
        (
            (*listed([0]), 3),
            NODES,
            TypeError,
            "got tuple of torch.int64, torch.bool,",
        ),
        (
            graphs.Neighbours(torch.zeros(4, 1, dtype=torch.int64), torch.ones(4, 1).bool()),
            TEAMS,
            ValueError,
            "neighbours must be nodes and a mask (3, 4, 'K'), got (4, 1) and (4, 1)",
        ),
        ([torch.zeros(4, 1), torch.ones(4, 1)], NODES, TypeError, "got list"),
        ((1, 2, 3), NODES, TypeError, "got tuple"),
    ],
)
def test_what_is_no_graph_of_these_nodes_is_refused(graph, h, error, message):
    with unchecked(), pytest.raises(error, match=re.escape(message)):
        graphs.read(graph, h)


def test_errors_say_what_a_graph_is_and_what_was_given():
    is_one = (
        "graph must be a bool adjacency, int64 edges (2, E) or Neighbours(nodes, mask) of int64 and"
    )
    with pytest.raises(TypeError) as error:
        graphs.read((torch.zeros(4, 1), [True]), NODES)
    assert str(error.value) == f"{is_one} bool, got tuple of torch.float32, <class 'list'>"
    with pytest.raises(
        ValueError, match="an adjacency must be bool; edges may be passed as graphs"
    ):
        graphs.read(torch.tensor([[1, 1], [1, 1]]), torch.zeros(2, 1))


@pytest.mark.parametrize("who", ["torch.compiler.is_compiling", "torch.jit.is_tracing"])
def test_who_looks_on_sees_no_numbers(monkeypatch, who):
    """A compiler, or an exporter: what they are given is not checked, for it is not known yet."""
    edges = torch.tensor([[0], [9]])
    with pytest.raises(ValueError, match=r"edges must name nodes in 0..3"):
        graphs.read(edges, NODES)
    monkeypatch.setattr(who, lambda: True)
    assert graphs.read(edges, NODES).n == 4
