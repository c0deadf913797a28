"""Running statistics, and bonuses divided by them: their size changes while an agent learns."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


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
        """The bonus divided by the spread of its returns; no mean is subtracted."""
        return bonus / (self.stats.var.sqrt() + 1e-8)
