"""Networks side by side: K of one shape, each with weights of its own, one product a layer.

Agents that share no weights would otherwise need a loop over agents, which takes K times as long.
"""

from collections.abc import Iterable
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class Separate(nn.Module):
    """K networks of linear layers with a ReLU between them.

    Args:
        copies: K. sizes: of the input, the hidden layers, the output.
    """

    def __init__(self, copies: int, sizes: tuple[int, ...]):
        super().__init__()
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for before, after in pairwise(sizes):
            bound = before**-0.5  # as nn.Linear begins
            self.weights.append(torch.empty(copies, before, after).uniform_(-bound, bound))
            self.biases.append(torch.empty(copies, 1, after).uniform_(-bound, bound))

    def forward(self, x: Float[Tensor, "K E before"]) -> Float[Tensor, "K E after"]:
        """Row k of the input goes through network k."""
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, F.relu(x) if k else x, weight)
        return x


@torch.no_grad()
def clip_each(parameters: Iterable[Tensor], max_norm: float) -> None:
    """Shorten the gradient of each variable of each network to a norm of at most `max_norm`.

    Args:
        parameters: of a `Separate`, with gradients.
    """
    for p in parameters:
        assert p.grad is not None
        norm = p.grad.flatten(1).norm(dim=1).clamp_min(1e-12)
        p.grad *= (max_norm / norm).clamp_max(1)[:, None, None]
