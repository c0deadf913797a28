"""Graph layers that do not choose whom to listen to: what attention is compared with.

Sizes: N nodes, D features in, H heads, F features of each; `..` is a batch or nothing.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from marl_edu.core import graphs
from marl_edu.core.registry import register


class _GraphLayer(nn.Module):
    """W h, then something of the neighbourhood, then the heads side by side or their mean.

    Args:
        in_dim, out_dim: D, F. heads: H. concat: heads side by side (out: H F) or their mean (F).
        dropout: p, of h, of the weights and of W h.
    """

    def __init__(
        self, in_dim: int, out_dim: int, heads: int = 1, concat: bool = True, dropout: float = 0.0
    ):
        super().__init__()
        check_sizes(in_dim=in_dim, out_dim=out_dim, heads=heads)
        self.heads, self.concat = heads, concat
        self.drop = nn.Dropout(dropout)
        self.W = nn.Linear(in_dim, heads * out_dim, bias=False)
        self.bias = nn.Parameter(torch.zeros(heads * out_dim if concat else out_dim))
        glorot(self.W.weight, in_dim + out_dim)

    def forward(self, h: Float[Tensor, "*B N D"], graph: Any) -> tuple[Tensor, Tensor]:
        """What every node hears, `(.., N, H F)` or `(.., N, F)`, and the weights, as a graph layer
        of attention shows them."""
        pairs = graphs.read(graph, h)
        Wh = self.W(self.drop(h)).unflatten(-1, (self.heads, -1))
        heard, weights = self.hear(Wh, pairs)
        return merge(heard, self.concat) + self.bias, pairs.public(weights)

    def hear(self, Wh: Tensor, pairs: graphs.Graph) -> tuple[Tensor, Tensor]:
        """What each head hears `(.., N, H, F)`, and the weights `(pairs, H)`."""
        weights = self.weigh(Wh, pairs)
        return pairs.mix(self.drop(weights), self.drop(Wh)), weights

    def weigh(self, Wh: Tensor, pairs: graphs.Graph) -> Tensor:
        """The weights `(pairs, H)`."""
        raise NotImplementedError


@register("graph-mean")
class GraphMean(_GraphLayer):
    """Everybody in the neighbourhood N_i counts alike: 1 / its size (GAT's paper: Const-GAT)."""

    def weigh(self, Wh: Tensor, pairs: graphs.Graph) -> Tensor:
        """`1 / |N_i|`."""
        share = 1 / pairs.count().to(Wh.dtype)
        return pairs.only(pairs.receivers(share[..., None].expand(Wh.shape[:-1])))


@register("graph-convolution")
class GraphConvolution(_GraphLayer):
    """GCN (Kipf and Welling, arXiv 1609.02907): `1 / sqrt(|N_i| |N_j|)`; its sum need not be 1."""

    def weigh(self, Wh: Tensor, pairs: graphs.Graph) -> Tensor:
        """`1 / sqrt(|N_i| |N_j|)`."""
        root = pairs.count().to(Wh.dtype).rsqrt()[..., None].expand(Wh.shape[:-1])
        return pairs.only(pairs.receivers(root) * pairs.senders(root))


@register("graph-max")
class GraphMax(_GraphLayer):
    """Of every feature the largest in the neighbourhood. As attention it shows in which share of
    a head's features a sender is the largest."""

    def hear(self, Wh: Tensor, pairs: graphs.Graph) -> tuple[Tensor, Tensor]:
        """What each head hears `(.., N, H, F)`, and the shares `(pairs, H)`."""
        Wh = self.drop(Wh)
        heard = pairs.largest(Wh)
        with torch.no_grad():
            won = pairs.senders(Wh) == pairs.receivers(heard)
        return heard, pairs.only(won.to(Wh.dtype).mean(-1))


def merge(heard: Float[Tensor, "*B N H F"], concat: bool) -> Float[Tensor, "*B N out"]:
    """The heads side by side, H F numbers, or their mean, F numbers."""
    return heard.flatten(-2) if concat else heard.mean(-2)


def glorot(weight: Tensor, fans: int) -> None:
    """Glorot's uniform start with the fans of one head: the stacked matrix would give another."""
    nn.init.uniform_(weight, -((6 / fans) ** 0.5), (6 / fans) ** 0.5)


def check_sizes(**sizes: int) -> None:
    """Raise ValueError unless all are at least 1."""
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size!r}")


def check_layer_type(layer_type: Any) -> None:
    """Raise TypeError unless it is something that makes a layer."""
    if not callable(layer_type):
        raise TypeError(
            "layer_type must be a class of graph layers such as GraphAttention or GraphMean, "
            f"got {layer_type!r}"
        )
