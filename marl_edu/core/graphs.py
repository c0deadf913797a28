"""Who may hear whom, written down in three ways, and the few operations that layers need of each.

    adjacency   bool (N, N) or (B, N, N): [i, j] is True where i hears j. Cost grows with N².
    edges       int64 (2, E): a column (j, i) is an edge from j to i, i hears j (as in PyTorch
                Geometric). One graph; several are put side by side as one. Cost grows with E.
    neighbours  `Neighbours(nodes, mask)`, (N, K) or (B, N, K): nodes[i, k] is one that i hears,
                where mask[i, k] is True. Cost grows with N K: no (N, N) tensor is ever made.

In each of them a node hears itself too, once, whether the graph says so or not: where it does,
that is not counted twice.

A *pair* is a receiver and one whom it hears. What belongs to nodes, x (..., N, *F), becomes what
belongs to pairs by `receivers(x)` or `senders(x)`; `softmax`, `mix` and `largest` go back from
pairs to receivers. Pairs have the axes (..., N, N), (E',) or (..., N, 1 + K), with the loops E' =
E + N; of 1 + K the node itself comes first.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from marl_edu.core.ops import masked_softmax


class Neighbours(NamedTuple):
    """A neighbour list: see the top of this file. Where mask is False, nodes says nothing."""

    nodes: Tensor  # int64 (N, K) or (B, N, K), in 0..N - 1
    mask: Tensor  # bool, of the same shape


class Dense:
    """Pairs in rows, one row per receiver: an adjacency, every node a column.

    Args:
        adjacency: bool (..., N, N).
    """

    dense = True  # a layer may write its equations for all pairs at once

    def __init__(self, adjacency: Tensor):
        N, device = adjacency.shape[-1], adjacency.device
        self.mask = adjacency | torch.eye(N, dtype=torch.bool, device=device)
        self.axis = adjacency.dim() - 2  # of the nodes; pairs have one more axis behind it

    def receivers(self, x: Tensor) -> Tensor:
        """x of each pair's receiver (as a view that broadcasts)."""
        return x.unsqueeze(self.axis + 1)

    def senders(self, x: Tensor) -> Tensor:
        """x of each pair's sender (as a view that broadcasts)."""
        return x.unsqueeze(self.axis)

    def softmax(self, score: Tensor) -> Tensor:
        """Softmax of (pairs, H) over the pairs of each receiver."""
        return masked_softmax(score, self.mask[..., None], self.axis + 1)

    def mix(self, weight: Tensor, x: Tensor) -> Tensor:
        """Sum of x (nodes, H, F) over those whom a receiver hears, weighted by (pairs, H)."""
        return torch.einsum("...ijh,...jhf->...ihf", weight, x)

    def largest(self, x: Tensor) -> Tensor:
        """Largest x (nodes, H, F) among those whom a receiver hears, number by number."""
        said = self.senders(x).masked_fill(~self.mask[..., None, None], -torch.inf)
        return said.amax(self.axis + 1)

    def count(self) -> Tensor:
        """How many each receiver hears, itself among them: (..., N)."""
        return self.mask.sum(-1)

    def only(self, weight: Tensor) -> Tensor:
        """Weights (pairs, H), with 0 where a row has no pair."""
        return weight * self.mask[..., None]

    def public(self, weight: Tensor) -> Tensor:
        """Weights (pairs, H) as they are shown: (..., H, N, N) or (..., H, N, 1 + K)."""
        return weight.movedim(-1, self.axis)


class NeighbourList(Dense):
    """Pairs in rows, one row per receiver: a neighbour list, the node itself before it."""

    dense = False

    def __init__(self, index: Tensor, mask: Tensor):
        N, index = index.shape[-2], index.masked_fill(~mask, 0)
        itself = torch.arange(N, device=index.device).view(N, 1).expand(*index.shape[:-1], 1)
        self.mask = torch.cat(
            [torch.ones_like(itself, dtype=torch.bool), mask & (index != itself)], -1
        )
        self.axis = index.dim() - 2
        self.index = torch.cat([itself, index], -1)
        self._rows = self.index  # where senders lie when all environments are one list of nodes
        if self.axis:
            self._rows = (
                self.index + N * torch.arange(len(index), device=index.device)[:, None, None]
            )

    def senders(self, x: Tensor) -> Tensor:
        """x of each pair's sender."""
        nodes = x.flatten(0, self.axis)
        return nodes.index_select(0, self._rows.flatten()).view(*self.index.shape, *nodes.shape[1:])

    def mix(self, weight: Tensor, x: Tensor) -> Tensor:
        """As of `Dense`."""
        return (weight[..., None] * self.senders(x)).sum(self.axis + 1)


class EdgeList:
    """Pairs one after the other: the edges given, then the loops.

    An edge from a node to itself is its loop once more: it stays in its place and weighs nothing.

    Args:
        edges: int64 (2, E). n: N.
    """

    dense = False
    axis = 0

    def __init__(self, edges: Tensor, n: int):
        loops = torch.arange(n, device=edges.device)
        self.n = n
        self.sender, self.receiver = torch.cat([edges, loops.expand(2, -1)], -1)
        self.mask = torch.cat([edges[0] != edges[1], torch.ones_like(loops, dtype=torch.bool)])

    def receivers(self, x: Tensor) -> Tensor:
        """x of each pair's receiver."""
        return x.index_select(0, self.receiver)

    def senders(self, x: Tensor) -> Tensor:
        """x of each pair's sender."""
        return x.index_select(0, self.sender)

    def _total(self, x: Tensor) -> Tensor:
        return x.new_zeros(self.n, *x.shape[1:]).index_add(0, self.receiver, x)

    def softmax(self, score: Tensor) -> Tensor:
        """As of `Dense`."""
        score = score.masked_fill(~self.mask[:, None], -torch.inf)
        with torch.no_grad():  # a softmax does not change when all its scores do: no overflow
            where = self.receiver[:, None].expand_as(score)
            peak = score.new_full((self.n, score.shape[1]), -torch.inf)
            peak = self.receivers(peak.scatter_reduce(0, where, score, "amax"))
        weight = (score - peak).exp()
        return weight / self.receivers(self._total(weight))

    def mix(self, weight: Tensor, x: Tensor) -> Tensor:
        """As of `Dense`."""
        return self._total(weight[..., None] * self.senders(x))

    def largest(self, x: Tensor) -> Tensor:
        """As of `Dense`."""
        said = self.senders(x).masked_fill(~self.mask[:, None, None], -torch.inf)
        where = self.receiver[:, None, None].expand_as(said)
        return torch.full_like(x, -torch.inf).scatter_reduce(0, where, said, "amax")

    def count(self) -> Tensor:
        """As of `Dense`."""
        return self._total(self.mask.long())

    def only(self, weight: Tensor) -> Tensor:
        """As of `Dense`."""
        return weight * self.mask[:, None]

    def public(self, weight: Tensor) -> Tensor:
        """Weights (E', H) as they are shown: (H, E')."""
        return weight.T


Graph = Dense | EdgeList


def read(graph: Any, h: Tensor) -> Graph:
    """The graph between the nodes of h (N, D) or (B, N, D), in any of its forms.

    Raises:
        TypeError, ValueError: it is none, or it does not fit h.
    """
    if isinstance(graph, Dense | EdgeList):
        return graph
    if isinstance(graph, Tensor) and graph.dtype == torch.bool:
        return _read_adjacency(graph, h)
    if isinstance(graph, Tensor) and graph.dtype == torch.int64:
        return _read_edges(graph, h)
    if isinstance(graph, tuple) and len(graph) == 2:
        nodes, mask = graph
        if _dtype(nodes) == torch.int64 and _dtype(mask) == torch.bool:
            return _read_neighbours(nodes, mask, h)
    what = f"a tensor of {graph.dtype}" if isinstance(graph, Tensor) else type(graph).__name__
    if isinstance(graph, tuple):
        what += f" of {', '.join(str(_dtype(part)) for part in graph)}"
    raise TypeError(
        "graph must be a bool adjacency, int64 edges (2, E) or Neighbours(nodes, mask) of int64 "
        f"and bool, got {what}"
    )


def _dtype(part: Any) -> Any:
    return part.dtype if isinstance(part, Tensor) else type(part)


def _read_adjacency(adjacency: Tensor, h: Tensor) -> Dense:
    N = h.shape[-2]
    if adjacency.shape[-2:] != (N, N) or adjacency.shape[:-2] not in ((), h.shape[:-2]):
        raise ValueError(
            f"adjacency must fit h {tuple(h.shape)}, got shape {tuple(adjacency.shape)}"
        )
    return Dense(adjacency.expand(*h.shape[:-2], N, N))


def _read_edges(edges: Tensor, h: Tensor) -> EdgeList:
    N = h.shape[-2]
    if h.dim() != 2 or edges.dim() != 2 or len(edges) != 2:
        raise ValueError(
            f"edges (2, E) go with h (N, D), got {tuple(edges.shape)} and {tuple(h.shape)}: put "
            "several graphs side by side as one; an adjacency must be bool"
        )
    _check_nodes("edges", edges, N)
    if not _traced() and N == edges.shape[1] == 2:  # the shape of an adjacency
        itself = torch.eye(2, dtype=torch.bool, device=edges.device)
        heard = itself.index_put((edges[1], edges[0]), torch.tensor(True, device=edges.device))
        if not torch.equal(heard, edges.bool() | itself):
            raise ValueError(
                f"graph {edges.tolist()} of two nodes may be an adjacency or edges: an adjacency "
                "must be bool; edges may be passed as graphs.EdgeList(edges, 2)"
            )
    return EdgeList(edges, N)


def _read_neighbours(nodes: Tensor, mask: Tensor, h: Tensor) -> NeighbourList:
    if nodes.shape != mask.shape or nodes.shape[:-1] != h.shape[:-1]:
        raise ValueError(
            f"neighbours must be nodes and a mask {(*h.shape[:-1], 'K')}, got "
            f"{tuple(nodes.shape)} and {tuple(mask.shape)}"
        )
    _check_nodes("neighbours", nodes.masked_fill(~mask, 0), h.shape[-2])
    return NeighbourList(nodes, mask)


def _check_nodes(name: str, nodes: Tensor, n: int) -> None:
    """In a batch an index out of range would be a node of the next environment."""
    if _traced() or not nodes.numel():
        return
    low, high = nodes.aminmax()
    if not 0 <= low <= high < n:
        raise ValueError(f"{name} must name nodes in 0..{n - 1}, got {low}..{high}")


def _traced() -> bool:
    """Whether a compiler or an exporter looks on: it sees shapes, no numbers to check."""
    return torch.compiler.is_compiling() or torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]


def edges_of(adjacency: Tensor) -> Tensor:
    """The edges (2, E) of an adjacency (N, N), by sender; none from a node to itself."""
    others = adjacency & ~torch.eye(len(adjacency), dtype=torch.bool, device=adjacency.device)
    return others.T.nonzero().T


def neighbours_of(adjacency: Tensor) -> Neighbours:
    """The neighbour list of an adjacency (..., N, N), itself left out; K is the largest number."""
    N, device = adjacency.shape[-1], adjacency.device
    others = adjacency & ~torch.eye(N, dtype=torch.bool, device=device)
    K = max(1, int(others.sum(-1).max()))
    mask, nodes = others.to(torch.int8).sort(dim=-1, descending=True, stable=True)
    return Neighbours(nodes[..., :K], mask[..., :K].bool())
