"""Replay for teams: whole episodes, with all agents of an environment in one row.

A mixer values what the team does together, so the steps of its agents must stay together.
replay.py keeps each agent's trajectory by itself.

Sizes: B environments, T steps, N agents, O numbers seen, A actions, C kept, E sampled, L steps of
the longest sampled episode.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from marl_edu.training.replay import Episodes, Ring


class TeamBatch(NamedTuple):
    """E whole episodes of a team, L steps long; a shorter one is filled up."""

    obs: Float[Tensor, "E L1 N O"]  # L1 = L + 1: the last is what is seen after the last step
    action: Int[Tensor, "E L N"]
    reward: Float[Tensor, "E L N"]
    terminated: Bool[Tensor, "E L N"]  # True where an agent's trajectory ended, or there is none
    alive: Bool[Tensor, "E L1 N"]  # who is there before each step, and after the last
    mask: Bool[Tensor, "E L"]  # the steps of the episode, without the filling
    available: Bool[Tensor, "E L1 N A"]

    @property
    def over(self) -> Bool[Tensor, "E L"]:
        """The steps after which the team is gone, so that nothing is bootstrapped."""
        return ~self.alive[:, 1:].any(-1)


class TeamReplay(Ring):
    """The last `capacity` episodes.

    Args:
        capacity: C, in episodes. max_steps: of an episode, T. obs_dim: O.
        available: which actions each agent has; its device is used.
        changes: they are not always the same: those of `Episodes.available` are kept.
    """

    def __init__(
        self,
        capacity: int,
        max_steps: int,
        obs_dim: int,
        available: Bool[Tensor, "N A"],
        changes: bool = False,
    ):
        T, N = max_steps, len(available)
        fields = {
            "obs": torch.zeros(T + 1, N, obs_dim),
            "action": torch.zeros(T, N, dtype=torch.int64),
            "reward": torch.zeros(T, N),
            "terminated": torch.zeros(T, N, dtype=torch.bool),
            "alive": torch.zeros(T + 1, N, dtype=torch.bool),
            "length": torch.tensor(0),
            "taken": torch.tensor(0),
        }
        if changes:
            fields["available"] = available.expand(T + 1, -1, -1)
        super().__init__(capacity, available, fields)
        self.max_steps = T

    def add(self, episodes: Episodes) -> None:
        """Keep every episode, with nobody alive in the steps that it did not take."""
        there = episodes.alive
        after = there[:, -1:] & ~episodes.terminated[:, -1:]  # a time limit leaves them there
        missing = self.max_steps - there.shape[1]

        def filled(values: Tensor) -> Tensor:
            return F.pad(values, (0, 0) * (values.dim() - 2) + (0, missing))

        step = torch.arange(1, there.shape[1] + 1, device=there.device)
        self._write(
            obs=filled(episodes.obs),
            action=filled(episodes.action),
            reward=filled(episodes.reward),
            terminated=filled(episodes.terminated),
            alive=filled(torch.cat([there, after], 1)),
            length=(there.any(-1) * step).amax(1),
            taken=there.sum((1, 2)),
            **self._masks(episodes, filled),
        )

    @property
    def steps(self) -> int:
        """How many steps it holds, of all agents together."""
        return int(self.fields["taken"][: self.size].sum())

    def sample(self, count: int, generator: torch.Generator | None = None) -> TeamBatch:
        """So many episodes, each as likely as any other, with replacement."""
        row = self._rows(count, generator)
        length = self.fields["length"][row]
        L = int(length.max())
        found = {
            name: self.fields[name][row][:, : L + (name in ("obs", "alive"))]
            for name in ("obs", "action", "reward", "terminated", "alive")
        }
        if self.changes:
            available = self.fields["available"][row][:, : L + 1]
        else:
            available = self.available.expand(count, L + 1, -1, -1)
        mask = torch.arange(L, device=row.device) < length[:, None]
        return TeamBatch(**found, mask=mask, available=available)
