"""What is logged of exploring: where the agents have been, and whether they were ever paid."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from marl_edu.core.ops import masked_mean
from marl_edu.core.protocols import Env
from marl_edu.training.checkpoint import Row


class ExplorationMetrics(nn.Module):
    """What is logged of each round of play; it remembers where anybody has ever been.

    A callback of `ppo.train`: called with a round and its bonuses, it gives numbers for the log.
    """

    def __init__(self, env: Env):
        super().__init__()
        self.n_actions = env.n_actions
        self.visited: Tensor
        self.found: Tensor
        cells = getattr(env, "n_cells", 1)
        self.register_buffer("visited", torch.zeros(env.n_agents, cells, dtype=torch.bool))
        self.register_buffer("found", torch.zeros(()))

    def forward(self, batch: Any, bonus: Float[Tensor, "B T N"]) -> Row:
        """The round in numbers.

        Args:
            batch: a `ppo.Rollout`. bonus: of each step, as it came.

        Returns:
            `success` of its episodes. `found`: 1 once anybody has ever been paid. `coverage`: the
            share of the environment's cells that anybody has ever visited. `coverage_per_agent`:
            the mean of each agent's own share, 0 if the environment has no cells. `bonus`: its
            mean. `action_a`: how often the living chose action a.
        """
        if batch.cell is not None:
            for i, visited in enumerate(self.visited):
                visited[batch.cell[..., i][batch.alive[..., i]]] = True
        self.found.clamp_(min=float((batch.reward > 0).any()))
        chosen = torch.bincount(batch.action[batch.alive], minlength=self.n_actions).tolist()
        return {
            "success": batch.success.mean().item(),
            "found": self.found.item(),
            "coverage": self.visited.any(0).float().mean().item(),
            "coverage_per_agent": self.visited.float().mean().item(),
            "bonus": masked_mean(bonus, batch.observed).item(),
            **{f"action_{a}": n / max(1, sum(chosen)) for a, n in enumerate(chosen)},
        }
