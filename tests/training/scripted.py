"""An environment in which everything happens as it is written down, for tests of the loops."""

import torch

from marl_edu.envs.base.env import BatchedEnv


class Scripted(BatchedEnv):
    """Who is there, who leaves, who is paid what and which actions there are, step by step.

    Args:
        there: who is there `(T + 1, N)`: "10" is a row in which slot 0 holds an agent and slot 1
            none. left: who leaves in each step `(T, N)`, in the same way. paid: rewards `(T, N)`.
        ends: after how many steps each environment terminates (B,); those without: never.
        masks: available actions `(T + 1, N)`, each a string such as "011"; None: all, always.
    An agent sees 1 + the time, and its slot; an empty slot sees zeros.
    """

    obs_dim, n_actions = 2, 3

    def __init__(
        self,
        there: tuple[str, ...],
        left: tuple[str, ...] = (),
        paid: list[list[float]] | None = None,
        ends: tuple[int, ...] = (),
        masks: list[list[str]] | None = None,
        num_envs: int = 1,
        device: str = "cpu",
        seed: int | None = None,
    ):
        super().__init__(num_envs, device, seed)
        self.max_steps, self.n_agents = len(there) - 1, len(there[0])
        self.there = bools(there)
        self.left = bools(left) if left else torch.zeros_like(self.there)
        self.paid = torch.zeros(len(there), self.n_agents) if paid is None else torch.tensor(paid)
        self.ends = torch.tensor([*ends, *[99] * (num_envs - len(ends))])
        self.masks = None if masks is None else torch.stack([bools(row) for row in masks])

    @property
    def available_changes(self):
        return self.masks is not None

    def _available(self):
        return super()._available() if self.masks is None else self.masks[self.t]

    def _reset(self):
        self.alive = self.there[0].expand(self.num_envs, -1)

    def _step(self, actions):
        many = (self.num_envs, -1)
        self.alive = self.there[self.t + 1].expand(many)
        completed = self.left[self.t].expand(many) & self.running[:, None]
        return self.paid[self.t].expand(many), self.ends == self.t + 1, {"completed": completed}

    def _get_obs(self):
        slot = torch.arange(self.n_agents).float()
        seen = torch.stack([torch.full_like(slot, self.t + 1.0), slot], -1)
        return seen * self.alive[..., None]

    def _success(self):
        return ~self.running


def bools(rows) -> torch.Tensor:
    """Strings of 0 and 1 as a tensor, a row each."""
    return torch.tensor([[digit == "1" for digit in row] for row in rows])
