"""A mixer of QMIX as exercises are given it: hypernetworks of one matrix each.

Sizes: N agents, S numbers of the state, H hidden numbers of the mixer.
"""

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

H = 3


def mixed(W1: Tensor, B1: Tensor, W2: Tensor, v: Tensor, q: Tensor, state: Tensor) -> Tensor:
    """The value of the team, without the last axis of `q` and `state`; more is never less.

    q: (..., N). state: (..., S). W1: (S, N H). B1, W2: (S, H). v: (S,).
    """
    w1 = (state @ W1).abs().unflatten(-1, (q.shape[-1], -1))
    x = F.elu((q[..., None, :] @ w1)[..., 0, :] + state @ B1)
    return (x * (state @ W2).abs()).sum(-1) + state @ v


def a_mixer(
    rng: torch.Generator, N: int, S: int, dtype: torch.dtype, first: float = 1.0
) -> partial[Tensor]:
    """A mixer with random weights; `first` is the size of those of the first layer."""
    shapes = (S, N * H), (S, H), (S, H), (S,)
    W1, *rest = (torch.randn(s, generator=rng, dtype=dtype) for s in shapes)
    return partial(mixed, first * W1, *rest)
