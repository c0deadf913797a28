"""What all bonuses for exploration share: the interface, the one without, running statistics.

A bonus module has three methods, which take o `(*B, O)`, a `(*B)` and o' `(*B, O)`:
    `reward(o, a, o')` -> r^I `(*B)`, no gradient; `loss(o, a, o')` -> `(*B)`, what it learns from;
    `update(o, a, o', alive (*B))`: what it notes without a gradient (counts, running means).
Those of the papers are in algos/counts.py, algos/icm.py and algos/rnd.py.
"""

from collections.abc import Iterable

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class NoBonus(nn.Module):
    """The bonus of those who are not curious: 0, and nothing to learn."""

    def reward(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        """Zeros `(*B)`."""
        return torch.zeros(action.shape, device=action.device)

    def loss(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        """Zeros `(*B)`."""
        return self.reward(obs, action, next_obs)

    def update(self, obs: Tensor, action: Tensor, next_obs: Tensor, alive: Tensor) -> None:
        """Nothing to note."""


class PerAgentBonus(nn.Module):
    """A bonus module per agent: what is old to the one may be new to the other.

    Args:
        modules: N bonus modules; agents are the last axis of *B.
    """

    def __init__(self, modules: Iterable[nn.Module]):
        super().__init__()
        self.own = nn.ModuleList(modules)

    def _each(self, name: str, *inputs: Tensor) -> list[Tensor]:
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


class RunningMeanStd(nn.Module):
    """Running mean and variance of all rows seen so far, entry by entry."""

    def __init__(self, *shape: int):
        super().__init__()
        self.mean: Tensor
        self.var: Tensor
        self.count: Tensor
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("var", torch.ones(shape))
        self.register_buffer("count", torch.zeros((), dtype=torch.float64))

    @torch.no_grad()
    def update(self, rows: Float[Tensor, "rows *shape"]) -> None:
        """Add these rows."""
        n, old = len(rows), self.count.item()
        if n == 0:
            return
        mean, var = rows.mean(0), rows.var(0, correction=0)
        total, apart = old + n, mean - self.mean
        between = apart**2 * (old * n / total**2)
        self.var.copy_((old * self.var + n * var) / total + between)
        self.mean.add_(apart * (n / total))
        self.count.fill_(total)


class ReturnNormaliser(nn.Module):
    """Eq. (1) of ppo.py: the spread of the discounted bonus, gathered forward in time.

    Each agent of each environment has its own sum R, which runs on through the ends of episodes.
    """

    def __init__(self, num_envs: int, n_agents: int, gamma: float):
        super().__init__()
        self.gamma, self.stats = gamma, RunningMeanStd()
        self.running: Tensor
        self.register_buffer("running", torch.zeros(num_envs, n_agents))

    def update(self, bonus: Float[Tensor, "B T N"], alive: Bool[Tensor, "B T N"]) -> None:
        """Go on with R over T more steps; who is not alive waits."""
        seen = []
        for t in range(bonus.shape[1]):  # forward in time, each environment for itself
            on = self.gamma * self.running + bonus[:, t]
            self.running.copy_(torch.where(alive[:, t], on, self.running))
            seen.append(self.running.clone())
        self.stats.update(torch.stack(seen, 1)[alive])

    def forward(self, bonus: Tensor) -> Tensor:
        """The bonus over the spread; no mean is taken off, or what is old would be punished."""
        return bonus / (self.stats.var.sqrt() + 1e-8)


def shuffled(
    bonus: Float[Tensor, "B T N"], alive: Bool[Tensor, "B T N"], generator: torch.Generator
) -> Float[Tensor, "B T N"]:
    """The bonuses of the living, dealt out anew among them."""
    there = bonus[alive]
    dealt = torch.zeros_like(bonus)
    dealt[alive] = there[torch.randperm(len(there), generator=generator, device=there.device)]
    return dealt
