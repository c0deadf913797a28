"""What the exercises of this page are tried on: graphs of N nodes, receivers in rows."""

from collections.abc import Iterator

import torch
from torch import Tensor


def hearings() -> Iterator[tuple[str, Tensor, torch.dtype]]:
    """Graphs to try an answer on: (what, hears (N, N), dtype), from small and odd to drawn."""
    no, yes = False, True
    for what, rows, dtype in (
        ("two nodes that hear each other", [[no, yes], [yes, no]], torch.float32),
        ("a node that is heard but hears nobody", [[no, no], [yes, no]], torch.float32),
        ("one node, alone", [[no]], torch.float32),
        ("nodes that are said to hear themselves", [[yes, yes], [no, yes]], torch.float32),
        ("three nodes without any link, in float64", [[no] * 3] * 3, torch.float64),
    ):
        yield what, torch.tensor(rows), dtype


def edges_of(adjacency: Tensor, order: Tensor) -> Tensor:
    """The edges of a graph, each node's to itself included, receivers over senders: (2, E).

    adjacency: (N, N) bool. order: (N N,), numbers by which the edges are sorted.
    """
    edges = (adjacency | torch.eye(len(adjacency), dtype=torch.bool)).nonzero().T
    return edges[:, order[: edges.shape[1]].argsort()]
