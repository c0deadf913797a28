"""Graph attention: every agent weights what it hears from its neighbours.

Papers:
    - Veličković et al., "Graph Attention Networks", ICLR 2018, arXiv 1710.10903 (eqs. 1-6).
    - Brody et al., "How Attentive are Graph Attention Networks?", ICLR 2022, arXiv 2105.14491
      (eq. 7).
    - As a team that talks, after Jiang et al., "Graph Convolutional Reinforcement Learning"
      (DGN), ICLR 2020, arXiv 1810.09202.

Equations, per head, i the receiver and j a neighbour that it hears, or itself (j in N_i):
    e_ij = LeakyReLU(a . [W h_i ; W h_j])                    how much j matters to i          (1)
    alpha_ij = softmax_j(e_ij)                               over the neighbourhood only      (2)
    h'_i = ELU(concat over heads of sum_j alpha_ij W h_j)    a hidden layer                   (3)
    h'_i = mean over heads of sum_j alpha_ij W h_j           the last layer                   (4)
GATv2 scores by
    e_ij = a . LeakyReLU(W_i h_i + W h_j)                    who matters depends on who asks  (5)
In a team, L layers pass information on, one link per layer:
    z^l_i = z^{l-1}_i + tanh(concat over heads of sum_j alpha_ij W z^{l-1}_j)                 (6)

Symbols: h `h` (N, D) or (B, N, D) · W h `Wh` (.., N, H, F) · a `a_receiver`, `a_sender` (H, F),
the two halves of a · e `score` (.., N, N, H) · alpha `attention` (.., H, N, N) · F, features per
head. For edges and lists of neighbours the same is computed pair by pair (`on_pairs`), and alpha is
(H, E') or (.., H, N, 1 + K): see core/graphs.py.

Differences from the papers:
    - Heads share what the input's dropout leaves; the official code draws it per head.
    - No bias inside eq. (1), as in the paper (the official code adds two).
    - DGN attends by dot products, learns by Q-learning and shows the policy z^0 to z^L side by
      side. Here: eq. (1), actor-critic (a2c.py), and the sum of eq. (6).

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
from marl_edu.core.graph_layers import check_layer_type, check_sizes, glorot, merge
from marl_edu.core.ops import masked_softmax
from marl_edu.core.protocols import Env
from marl_edu.core.registry import register
from marl_edu.envs.traffic_junction import TrafficJunction
from marl_edu.training import a2c
from marl_edu.training.checkpoint import Result, Row


@register("graph-attention")
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
        check_sizes(in_dim=in_dim, out_dim=out_dim, heads=heads)
        self.heads, self.concat, self.slope = heads, concat, slope
        self.drop = nn.Dropout(dropout)
        self.W = nn.Linear(in_dim, heads * out_dim, bias=False)
        self.bias = nn.Parameter(torch.zeros(heads * out_dim if concat else out_dim))
        self.a_receiver = nn.Parameter(torch.empty(heads, out_dim))
        self.a_sender = nn.Parameter(torch.empty(heads, out_dim))
        glorot(self.W.weight, in_dim + out_dim)
        glorot(self.a_receiver, out_dim + 1)
        glorot(self.a_sender, out_dim + 1)

    def forward(self, h: Float[Tensor, "*B N D"], graph: Any) -> tuple[Tensor, Tensor]:
        """Let every node listen to its neighbours, itself included.

        Args:
            h: what each node knows. graph: who hears whom, in any of the forms of `graphs`.
        Returns:
            h' `(.., N, H F)` or `(.., N, F)`, and the attention, without dropout.
        """
        graph = graphs.read(graph, h)
        if not graph.dense:
            return on_pairs(self, h, graph)
        h = self.drop(h)
        Wh = self.W(h).unflatten(-1, (self.heads, -1))
        from_i, from_j = (Wh * self.a_receiver).sum(-1), (Wh * self.a_sender).sum(-1)
        score = F.leaky_relu(from_i.unsqueeze(-2) + from_j.unsqueeze(-3), self.slope)  # eq. (1)
        attention = masked_softmax(score, graph.mask[..., None], dim=-2)  # eq. (2)
        heard = torch.einsum("...ijh,...jhf->...ihf", self.drop(attention), self.drop(Wh))
        return merge(heard, self.concat) + self.bias, attention.movedim(-1, -3)  # eqs. (3), (4)

    def score(self, h: Tensor, Wh: Tensor, pairs: graphs.Graph) -> Tensor:
        """Eq. (1) for a list of pairs, `(pairs, H)`."""
        from_i, from_j = (Wh * self.a_receiver).sum(-1), (Wh * self.a_sender).sum(-1)
        return F.leaky_relu(pairs.receivers(from_i) + pairs.senders(from_j), self.slope)


@register("graph-attention-v2")
class GraphAttentionV2(nn.Module):
    """GATv2: a comes after the LeakyReLU, eq. (5), so that the ranking can depend on who asks.

    Args: see `GraphAttention`.
    """

    def __init__(
        self, in_dim: int, out_dim: int, heads: int = 1, concat: bool = True, dropout: float = 0.0,
        slope: float = 0.2,
    ):  # fmt: skip
        super().__init__()
        check_sizes(in_dim=in_dim, out_dim=out_dim, heads=heads)
        self.heads, self.concat, self.slope = heads, concat, slope
        self.drop = nn.Dropout(dropout)
        self.W = nn.Linear(in_dim, heads * out_dim, bias=False)
        self.bias = nn.Parameter(torch.zeros(heads * out_dim if concat else out_dim))
        glorot(self.W.weight, in_dim + out_dim)
        self.W_i = nn.Linear(in_dim, heads * out_dim, bias=False)
        self.a = nn.Parameter(torch.empty(heads, out_dim))
        glorot(self.W_i.weight, in_dim + out_dim)
        glorot(self.a, out_dim + 1)

    def forward(self, h: Float[Tensor, "*B N D"], graph: Any) -> tuple[Tensor, Tensor]:
        """Let every node listen to its neighbours; see `GraphAttention.forward`."""
        graph = graphs.read(graph, h)
        if not graph.dense:
            return on_pairs(self, h, graph)
        h = self.drop(h)
        Wh = self.W(h).unflatten(-1, (self.heads, -1))
        from_i = self.W_i(h).unflatten(-1, (self.heads, -1))
        both = F.leaky_relu(from_i.unsqueeze(-3) + Wh.unsqueeze(-4), self.slope)
        score = (both * self.a).sum(-1)  # eq. (5)
        attention = masked_softmax(score, graph.mask[..., None], dim=-2)
        heard = torch.einsum("...ijh,...jhf->...ihf", self.drop(attention), self.drop(Wh))
        return merge(heard, self.concat) + self.bias, attention.movedim(-1, -3)

    def score(self, h: Tensor, Wh: Tensor, pairs: graphs.Graph) -> Tensor:
        """Eq. (5) for a list of pairs, `(pairs, H)`."""
        from_i = self.W_i(h).unflatten(-1, (self.heads, -1))
        both = F.leaky_relu(pairs.receivers(from_i) + pairs.senders(Wh), self.slope)
        return (both * self.a).sum(-1)


def on_pairs(layer: Any, h: Tensor, pairs: graphs.Graph) -> tuple[Tensor, Tensor]:
    """A layer of attention where the graph is edges or a list of neighbours: eqs. (1)-(4) or (5)
    pair by pair, so that no (N, N) tensor is made. `layer`, `h` and the result: as its forward."""
    h = layer.drop(h)
    Wh = layer.W(h).unflatten(-1, (layer.heads, -1))
    attention = pairs.softmax(layer.score(h, Wh, pairs))
    heard = pairs.mix(layer.drop(attention), layer.drop(Wh))
    return merge(heard, layer.concat) + layer.bias, pairs.public(attention)


@dataclass(frozen=True)
class Config(a2c.Config):
    """The team's config, and what graph attention adds."""

    env: Callable[..., Env] = TrafficJunction
    layer_type: Callable[..., nn.Module] = GraphAttention  # or V2, or one of core.graph_layers
    heads: int = 4  # H, which split the hidden features (GAT on Cora: 8, of 8 each)
    layers: int = 1  # L: information arrives from so many hops away; 0: nobody talks
    nearest: int = 0  # K, neighbours heard at most, itself included; 0: all within reach


class GAT(nn.Module):
    """The paper's network: hidden layers with eq. (3), a last one with eq. (4).

    Args:
        in_dim, out_dim: features in and out. hidden_dim: features of each head in a hidden layer.
        heads: in a hidden layer. layers: how many, the last one included.
        out_heads: in the last layer (Cora: 1, Pubmed: 8). dropout: see `GraphAttention`.
        layer_type: the kind of layer.
    """

    def __init__(
        self, in_dim: int, hidden_dim: int, out_dim: int, heads: int = 8, layers: int = 2,
        out_heads: int = 1, dropout: float = 0.0,
        layer_type: Callable[..., nn.Module] = GraphAttention,
    ):  # fmt: skip
        super().__init__()
        check_sizes(layers=layers)
        check_layer_type(layer_type)
        sizes = [in_dim, *[heads * hidden_dim] * (layers - 1)]
        self.layers = nn.ModuleList(
            layer_type(size, hidden_dim, heads, True, dropout) for size in sizes[:-1]
        )
        self.layers.append(layer_type(sizes[-1], out_dim, out_heads, False, dropout))

    def forward(self, h: Float[Tensor, "*B N D"], graph: Any) -> tuple[Tensor, list[Tensor]]:
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
        hidden_dim: D. heads, layers, layer_type: see `Config`.
        nearest: how many neighbours, itself included, an agent hears at most: it then listens to
            a list of them instead of a row of all agents. 0: as many as there are.
    `rewire`, if set, maps the graph that is given to the one that is used: the place to cut links.
    """

    def __init__(
        self,
        hidden_dim: int,
        heads: int = 4,
        layers: int = 1,
        layer_type: Callable[..., nn.Module] = GraphAttention,
        nearest: int = 0,
    ):
        super().__init__()
        if layers < 0 or heads < 1 or hidden_dim % heads:
            raise ValueError(
                f"layers must be at least 0 and heads divide hidden_dim, got layers={layers!r}, "
                f"heads={heads!r}, hidden_dim={hidden_dim!r}"
            )
        check_layer_type(layer_type)
        self.layers = nn.ModuleList(
            layer_type(hidden_dim, hidden_dim // heads, heads) for _ in range(layers)
        )
        self.heads, self.nearest = heads, nearest
        self.rewire: Callable[[Any], Any] | None = None

    def forward(self, z: Float[Tensor, "B N D"], mask: Any) -> tuple[Tensor, Tensor]:
        """Pass information on over L links.

        Args:
            z: what each agent knows. mask: `mask[b, i, j]`: receiver i may hear sender j; or
                `graphs.Neighbours`.
        Returns:
            z' `(B, N, D)` and the attention of every layer, `(B, L, H, N, N)` or
            `(B, L, H, N, 1 + K)`; without a layer zeros, as of one.
        """
        graph = graphs.read(mask if self.rewire is None else self.rewire(mask), z)
        if not len(self.layers):
            nobody = graph.only(z.new_zeros(*z.shape[:2], 1, self.heads))
            return z, graph.public(nobody)[:, None]
        rounds = []
        for layer in self.layers:
            heard, attention = layer(z, graph)
            z = z + torch.tanh(heard)  # eq. (6)
            rounds.append(attention)
        return z, torch.stack(rounds, 1)


def build(cfg: Config, env: Env) -> a2c.ActorCritic:
    """The baseline's network with graph layers."""
    talk = GraphTalk(cfg.hidden_dim, cfg.heads, cfg.layers, cfg.layer_type, cfg.nearest)
    return a2c.ActorCritic(env.obs_dim, env.n_actions, cfg.hidden_dim, talk)


def train(
    cfg: Config,
    on_log: Callable[[Row], None] | None = None,
    checkpoint: str | Path | None = None,
) -> Result:
    """Train a team whose agents talk to neighbours: `a2c.train`, with this file's network."""
    return a2c.train(cfg, on_log, checkpoint, build)
