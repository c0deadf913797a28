"""What all exploration bonuses share: the interface, no bonus, a bonus module per agent.

A bonus module has three methods, which take o `(*B, O)`, a `(*B)` and o' `(*B, O)`:
    `reward(o, a, o')` -> r^I `(*B)`, no gradient; `loss(o, a, o')` -> `(*B)`, what it learns from;
    `update(o, a, o', alive (*B))`: updates statistics without a gradient (counts, running
        means) from the transitions of agents that are alive in both o and o'.
Those of the papers are in algos/counts.py, algos/icm.py and algos/rnd.py.
"""

from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class NoBonus(nn.Module):
    """No bonus: 0 everywhere, nothing to learn."""

    def reward(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        """Zeros `(*B)`."""
        return torch.zeros(action.shape, device=action.device)

    def loss(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        """Zeros `(*B)`."""
        return self.reward(obs, action, next_obs)

    def update(self, obs: Tensor, action: Tensor, next_obs: Tensor, alive: Tensor) -> None:
        """Nothing: there are no statistics."""


class PerAgentBonus(nn.Module):
    """A bonus module per agent: what is old for one agent may be new for another.

    Args:
        modules: N bonus modules; agents are the last axis of `*B`.
    """

    def __init__(self, modules: Iterable[nn.Module]):
        super().__init__()
        self.own = nn.ModuleList(modules)

    def _each(self, name: str, *inputs: Tensor) -> list[Any]:
        obs, action, next_obs, *rest = inputs
        return [
            getattr(one, name)(
                obs[..., i, :], action[..., i], next_obs[..., i, :], *(x[..., i] for x in rest)
            )
            for i, one in enumerate(self.own)
        ]

    def reward(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        """Each agent's own, `(*B)`."""
        return torch.stack(self._each("reward", obs, action, next_obs), -1)

    def loss(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        """Each agent's own, `(*B)`."""
        return torch.stack(self._each("loss", obs, action, next_obs), -1)

    def update(self, obs: Tensor, action: Tensor, next_obs: Tensor, alive: Tensor) -> None:
        """Each notes what its agent saw."""
        self._each("update", obs, action, next_obs, alive)


def shuffled(
    bonus: Float[Tensor, "B T N"], alive: Bool[Tensor, "B T N"], generator: torch.Generator
) -> Float[Tensor, "B T N"]:
    """The bonuses of the living, dealt out at random among them."""
    there = bonus[alive]
    dealt = torch.zeros_like(bonus)
    dealt[alive] = there[torch.randperm(len(there), generator=generator, device=there.device)]
    return dealt
