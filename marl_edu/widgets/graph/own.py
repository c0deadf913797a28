"""A layer of graph attention whose eqs. (2) and (3) are a reader's function."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from marl_edu.algos import gat
from marl_edu.core import graphs
from marl_edu.training import a2c
from marl_edu.widgets.shared.own import Own


class OwnLayer(gat.GraphAttention):
    """`own(h, W, score, adjacency)` says what the nodes of one graph hear, head by head.

    Args: see `GraphAttention`. own: the function.
    """

    def __init__(self, in_dim: int, out_dim: int, heads: int = 1, *, own: Own):
        super().__init__(in_dim, out_dim, heads)
        self.own = own

    def forward(self, h: Float[Tensor, "B N D"], graph: Any) -> tuple[Tensor, Tensor]:
        """Let every node listen. Nobody knows the attention of a function: it is 0."""
        mask = graphs.read(graph, h).mask
        Wh = self.W(h).unflatten(-1, (self.heads, -1))
        from_i, from_j = (Wh * self.a_receiver).sum(-1), (Wh * self.a_sender).sum(-1)
        score = F.leaky_relu(from_i.unsqueeze(-2) + from_j.unsqueeze(-3), self.slope)  # eq. (1)
        W = self.W.weight.unflatten(0, (self.heads, -1)).transpose(1, 2)  # (H, D, F)
        heard = self._heard(h, W, score.movedim(-1, 1), mask)
        return heard.transpose(1, 2).flatten(2) + self.bias, torch.zeros_like(score).movedim(-1, -3)

    def _heard(self, h: Tensor, W: Tensor, score: Tensor, mask: Tensor) -> Tensor:
        """Of every graph and head, (B, H, N, F). The first is tried alone, so that what is wrong is
        said of one graph."""
        shape = (h.shape[1], W.shape[-1])
        self.own(h[0], W[0], score[0, 0], mask[0], shape=shape)
        by_head = torch.vmap(self.own.function, in_dims=(None, 0, 0, None))
        try:
            heard = torch.vmap(by_head, in_dims=(0, None, 0, 0))(h, W, score, mask)
        except Exception:  # it asks for a single number, say, as torch.vmap does not allow
            heard = torch.stack([
                torch.stack([self.own(h[b], W[k], score[b, k], mask[b], shape=shape)
                             for k in range(self.heads)])
                for b in range(len(h))
            ])  # fmt: skip
        self.own.check(heard, (len(h), self.heads, *shape))
        return heard


def as_gat(net: a2c.ActorCritic, cfg: gat.Config) -> a2c.ActorCritic | None:
    """The same team with the book's layers, which the live figure knows; None where the reader's
    function does something else."""
    talk = gat.GraphTalk(cfg.hidden_dim, cfg.heads, cfg.layers)
    talk.load_state_dict(net.communicate.state_dict())
    generator = torch.Generator().manual_seed(0)
    z = torch.rand(4, 6, cfg.hidden_dim, generator=generator)
    mask = torch.rand(4, 6, 6, generator=generator) < 0.4
    with torch.no_grad():
        if not torch.allclose(net.communicate(z, mask)[0], talk(z, mask)[0], rtol=1e-3, atol=1e-4):
            return None
    same = a2c.ActorCritic(net.encode.in_features, net.policy.out_features, cfg.hidden_dim, talk)
    same.load_state_dict(net.state_dict())
    return same
