"""Graph attention: whoever has neighbours can choose whom of them to listen to.

Papers: Veličković et al., "Graph Attention Networks", ICLR 2018, arXiv 1710.10903 (eqs. 1-6);
Brody et al., "How Attentive are Graph Attention Networks?", ICLR 2022, arXiv 2105.14491 (eq. 7);
as a team that talks, after Jiang et al., "Graph Convolutional Reinforcement Learning" (DGN), ICLR
2020, arXiv 1810.09202.

Equations, per head, i the receiver and j one whom it hears, itself among them (j in N_i):
    e_ij = LeakyReLU(a . [W h_i ; W h_j])                    how much j matters to i          (1)
    alpha_ij = softmax_j(e_ij)                               over the neighbourhood only      (2)
    h'_i = ELU(concat over heads of sum_j alpha_ij W h_j)    a hidden layer                   (3)
    h'_i = mean over heads of sum_j alpha_ij W h_j           the last layer                   (4)
GATv2 scores by
    e_ij = a . LeakyReLU(W_i h_i + W h_j)                    who matters depends on who asks  (5)
In a team, L layers pass on what is known, each from neighbour to neighbour once:
    z^l_i = z^{l-1}_i + tanh(concat over heads of sum_j alpha_ij W z^{l-1}_j)                 (6)

Symbols: h `h` (N, D) or (B, N, D) · W h `Wh` (.., N, H, F) · a `a_receiver`, `a_sender` (H, F),
the two halves of a · e `score` (pairs, H) · alpha `attention` (.., H, N, N), (.., H, N, 1 + K) or
(H, E'), as the graph was given (graphs.py) · F, features per head.

Differences from the papers:
    - Heads share what the input's dropout leaves; the official code drops anew for each head.
    - No bias inside eq. (1), as in the paper (the official code adds two).
    - DGN attends by dot products, learns by Q-learning and shows the policy z^0 to z^L side by
      side; here by eq. (1), by actor-critic (a2c.py), and as the sum of eq. (6).

Chapter: book/chapters/gat.ipynb.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from marl_edu.core import graphs
from marl_edu.training import a2c


@dataclass(frozen=True)
class Config(a2c.Config):
    """The team's config, and what graph attention adds."""

    gnn_type: str = "gat"  # how a layer weighs: "gat", "gatv2", "gcn", "mean" or "max"
    heads: int = 4  # H, which share out the hidden features (GAT on Cora: 8, of 8 each)
    layers: int = 1  # L: news of agents so many hops away arrive; 0: nobody talks
    nearest: int = 0  # K, neighbours heard at most, itself among them; 0: all within reach


class GraphAttention(nn.Module):
    """One layer of graph attention, eqs. (1)-(4) without the ELU.

    Args:
        in_dim, out_dim: features in, features out of each head. heads: H.
        concat: heads side by side (out: H * out_dim) or their mean (out: out_dim).
        dropout: p of the paper's three dropouts: of h, of the attention, of W h.
        slope: of LeakyReLU below 0 (torch's own default is 0.01).
    """

    def __init__(
        self, in_dim: int, out_dim: int, heads: int = 1, concat: bool = True, dropout: float = 0.0,
        slope: float = 0.2,
    ):  # fmt: skip
        super().__init__()
        for name, size in {"in_dim": in_dim, "out_dim": out_dim, "heads": heads}.items():
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size!r}")
        self.heads, self.concat, self.slope = heads, concat, slope
        self.drop = nn.Dropout(dropout)
        self.W = nn.Linear(in_dim, heads * out_dim, bias=False)
        self.bias = nn.Parameter(torch.zeros(heads * out_dim if concat else out_dim))
        _glorot(self.W.weight, in_dim + out_dim)
        self._make_attention(in_dim, out_dim)

    def _make_attention(self, in_dim: int, out_dim: int) -> None:
        self.a_receiver = nn.Parameter(torch.empty(self.heads, out_dim))
        self.a_sender = nn.Parameter(torch.empty(self.heads, out_dim))
        _glorot(self.a_receiver, out_dim + 1)
        _glorot(self.a_sender, out_dim + 1)

    def forward(self, h: Float[Tensor, "*B N D"], graph: Any):
        """Let every node listen to its neighbours.

        Args:
            h: what each node knows. graph: who hears whom, in any of the forms of `graphs`.
        Returns:
            h' `(.., N, H F)` or `(.., N, F)`, and the attention, without dropout.
        """
        graph = graphs.read(graph, h)
        h = self.drop(h)
        Wh = self.W(h).unflatten(-1, (self.heads, -1))
        heard, attention = self.hear(h, Wh, graph)
        heard = heard.flatten(-2) if self.concat else heard.mean(-2)  # eqs. (3), (4)
        return heard + self.bias, graph.public(attention)

    def hear(self, h: Tensor, Wh: Tensor, graph: graphs.Graph) -> tuple[Tensor, Tensor]:
        """What each head hears `(.., N, H, F)`, and its attention `(pairs, H)`."""
        attention = self.weigh(h, Wh, graph)
        return graph.mix(self.drop(attention), self.drop(Wh)), attention

    def weigh(self, h: Tensor, Wh: Tensor, graph: graphs.Graph) -> Tensor:
        """The attention `(pairs, H)`."""
        receiver, sender = (Wh * self.a_receiver).sum(-1), (Wh * self.a_sender).sum(-1)
        score = F.leaky_relu(
            graph.receivers(receiver) + graph.senders(sender), self.slope
        )  # eq. (1)
        return graph.softmax(score)  # eq. (2)


class GraphAttentionV2(GraphAttention):
    """GATv2: a comes after the LeakyReLU, eq. (5), so that the ranking can depend on who asks."""

    def _make_attention(self, in_dim: int, out_dim: int) -> None:
        self.W_i = nn.Linear(in_dim, self.heads * out_dim, bias=False)
        self.a = nn.Parameter(torch.empty(self.heads, out_dim))
        _glorot(self.W_i.weight, in_dim + out_dim)
        _glorot(self.a, out_dim + 1)

    def weigh(self, h: Tensor, Wh: Tensor, graph: graphs.Graph) -> Tensor:
        """The attention `(pairs, H)`."""
        asks = self.W_i(h).unflatten(-1, (self.heads, -1))
        both = graph.receivers(asks) + graph.senders(Wh)
        return graph.softmax((F.leaky_relu(both, self.slope) * self.a).sum(-1))  # eq. (5)


class GraphMean(GraphAttention):
    """Everybody in the neighbourhood N_i counts alike: 1 / its size (the paper's Const-GAT)."""

    def _make_attention(self, in_dim: int, out_dim: int) -> None:
        """There is nothing to learn."""

    def weigh(self, h: Tensor, Wh: Tensor, graph: graphs.Graph) -> Tensor:
        """The weights `(pairs, H)`."""
        share = 1 / graph.count().to(Wh.dtype)
        return graph.only(graph.receivers(share[..., None].expand(Wh.shape[:-1])))


class GraphConvolution(GraphMean):
    """GCN (Kipf and Welling, arXiv 1609.02907): 1 / sqrt of the sizes of N_i and N_j multiplied,
    which need not sum to 1."""

    def weigh(self, h: Tensor, Wh: Tensor, graph: graphs.Graph) -> Tensor:
        """The weights `(pairs, H)`."""
        root = graph.count().to(Wh.dtype).rsqrt()[..., None].expand(Wh.shape[:-1])
        return graph.only(graph.receivers(root) * graph.senders(root))


class GraphMax(GraphMean):
    """Of every feature the largest in the neighbourhood. As attention it shows in which share of
    a head's features a sender is the largest."""

    def hear(self, h: Tensor, Wh: Tensor, graph: graphs.Graph) -> tuple[Tensor, Tensor]:
        """What each head hears `(.., N, H, F)`, and the shares `(pairs, H)`."""
        Wh = self.drop(Wh)
        heard = graph.largest(Wh)
        with torch.no_grad():
            won = graph.senders(Wh) == graph.receivers(heard)
        return heard, graph.only(won.to(Wh.dtype).mean(-1))


LAYERS: dict[str, type[GraphAttention]] = {
    "gat": GraphAttention,
    "gatv2": GraphAttentionV2,
    "gcn": GraphConvolution,
    "mean": GraphMean,
    "max": GraphMax,
}


class GAT(nn.Module):
    """The paper's network: hidden layers with eq. (3), a last one with eq. (4).

    Args:
        in_dim, out_dim: features in and out. hidden: features of each head in a hidden layer.
        heads: in a hidden layer. layers: how many, the last one included.
        out_heads: in the last layer (Cora: 1, Pubmed: 8). dropout: see `GraphAttention`.
        gnn_type: the kind of layer, a key of `LAYERS`.
    """

    def __init__(
        self, in_dim: int, hidden: int, out_dim: int, heads: int = 8, layers: int = 2,
        out_heads: int = 1, dropout: float = 0.0, gnn_type: str = "gat",
    ):  # fmt: skip
        super().__init__()
        if layers < 1:
            raise ValueError(f"layers must be at least 1, got {layers!r}")
        layer = _layer(gnn_type)
        sizes = [in_dim, *[heads * hidden] * (layers - 1)]
        self.layers = nn.ModuleList(
            layer(size, hidden, heads, True, dropout) for size in sizes[:-1]
        )
        self.layers.append(layer(sizes[-1], out_dim, out_heads, False, dropout))

    def forward(self, h: Float[Tensor, "*B N D"], graph: Any):
        """Features of the nodes after all layers, and the attention of each, as a list.

        Args:
            h: features of the nodes, `(N, D)` or `(B, N, D)`. graph: who hears whom: a bool
                adjacency, edges `(2, E)`, or `graphs.Neighbours`.
        """
        graph = graphs.read(graph, h)
        attention: list[Tensor] = []
        for layer in self.layers:
            h, weights = layer(F.elu(h) if attention else h, graph)
            attention.append(weights)
        return h, attention


class GraphTalk(nn.Module):
    """The team's communication module: L layers between neighbours, eq. (6).

    Args:
        hidden: D. heads, layers, gnn_type: see `Config`.
        nearest: how many neighbours, itself among them, an agent hears at most: it then listens to
            a list of them instead of a row of all agents. 0: as many as there are.
    `rewire`, if set, maps the graph that is given to the one that is used: the place to cut links.
    """

    def __init__(
        self,
        hidden: int,
        heads: int = 4,
        layers: int = 1,
        gnn_type: str = "gat",
        nearest: int = 0,
    ):
        super().__init__()
        if layers < 0 or heads < 1 or hidden % heads:
            raise ValueError(
                f"layers must be at least 0 and heads divide hidden, got layers={layers!r}, "
                f"heads={heads!r}, hidden={hidden!r}"
            )
        layer = _layer(gnn_type)
        self.layers = nn.ModuleList(layer(hidden, hidden // heads, heads) for _ in range(layers))
        self.heads, self.nearest = heads, nearest
        self.rewire: Callable[[Any], Any] | None = None

    def forward(self, z: Float[Tensor, "B N D"], mask: Any):
        """Let news travel L links far.

        Args:
            z: what each agent knows. mask: `mask[b, i, j]`: receiver i may hear sender j; or
                `graphs.Neighbours`.
        Returns:
            z' `(B, N, D)` and the last layer's attention `(B, H, N, N)` or `(B, H, N, 1 + K)`.
        """
        graph = graphs.read(mask if self.rewire is None else self.rewire(mask), z)
        attention = graph.public(graph.only(z.new_zeros(*z.shape[:2], 1, self.heads)))
        for layer in self.layers:
            heard, attention = layer(z, graph)
            z = z + torch.tanh(heard)  # eq. (6)
        return z, attention


def _layer(gnn_type: str) -> type[GraphAttention]:
    if gnn_type not in LAYERS:
        raise ValueError(f"gnn_type must be one of {', '.join(LAYERS)}, got {gnn_type!r}")
    return LAYERS[gnn_type]


def _glorot(weight: Tensor, fans: int) -> None:
    """Glorot's uniform start with the fans of one head: the stacked matrix would give another."""
    nn.init.uniform_(weight, -((6 / fans) ** 0.5), (6 / fans) ** 0.5)


def build(cfg: Config, world) -> a2c.ActorCritic:
    """The baseline's network with graph layers in the place of silence."""
    talk = GraphTalk(cfg.hidden, cfg.heads, cfg.layers, cfg.gnn_type, cfg.nearest)
    return a2c.ActorCritic(
        world.obs_dim, world.n_actions, cfg.hidden, talk, available=world.available
    )


def train(cfg: Config, on_log=None, checkpoint: Path | None = None) -> a2c.Result:
    """Train a team that talks with its neighbours: `a2c.train`, with this file's network."""
    return a2c.train(cfg, on_log, checkpoint, build)
