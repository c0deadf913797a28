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
        (torch.tensor([[0], [4]]), NODES, ValueError, "edges must name nodes in 0..3, got up to 4"),
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
