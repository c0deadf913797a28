"""Replay for teams: all agents of an environment in one row.

A mixer or a central critic values what the team does together, so the steps of its agents must
stay together. replay.py keeps each agent's trajectory by itself. `TeamReplay` keeps whole episodes,
for agents with a memory; `TransitionReplay` single steps.

Sizes: B environments, T steps, N agents, O numbers seen, A actions, C kept, E sampled, L steps of
the longest sampled episode.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from marl_edu.core.ends import Outcome
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


class TeamTransitions(NamedTuple):
    """E steps of a team, each with all its agents."""

    obs: Float[Tensor, "E N O"]
    action: Float[Tensor, "E N A"]  # as numbers: one-hot where an action is one of a few
    reward: Float[Tensor, "E N"]
    terminated: Bool[Tensor, "E N"]  # True where an agent's trajectory ended, or there is none
    alive: Bool[Tensor, "E N"]  # who acted
    next_obs: Float[Tensor, "E N O"]
    next_alive: Bool[Tensor, "E N"]  # who is there next
    available: Bool[Tensor, "E N A"]
    next_available: Bool[Tensor, "E N A"]


class TransitionReplay(Ring):
    """The last `capacity` steps of a team, for critics that look at all of it.

    Args:
        capacity: C, in steps of the team. obs_dim: O.
        available: which actions each agent has; its device is used.
        changes: they are not always the same: those that are added are kept.
    """

    def __init__(
        self, capacity: int, obs_dim: int, available: Bool[Tensor, "N A"], changes: bool = False
    ):
        N = len(available)
        see, flag = torch.zeros(N, obs_dim), torch.zeros(N, dtype=torch.bool)
        fields = {"obs": see, "action": torch.zeros(available.shape), "reward": torch.zeros(N)}
        fields |= {"terminated": flag, "alive": flag, "next_obs": see, "next_alive": flag}
        if changes:
            fields |= {"available": available, "next_available": available}
        super().__init__(capacity, available, fields)

    def add(
        self,
        obs: Float[Tensor, "B T1 N O"],
        action: Float[Tensor, "B T N A"],
        came: Outcome,
        available: Bool[Tensor, "B T1 N A"],
    ) -> None:
        """Keep the steps of environments that were running.

        Args:
            obs, available: before each step, and after the last. action: as numbers. came: of it.
        """
        ran = came.running
        last = came.alive[:, -1:] & ~came.terminated[:, -1:]  # a time limit leaves them there
        after = torch.cat([came.alive[:, 1:], last], 1)
        masks = {"available": available[:, :-1][ran], "next_available": available[:, 1:][ran]}
        self._write(
            obs=obs[:, :-1][ran],
            action=action[ran],
            reward=came.reward[ran],
            terminated=came.terminated[ran],
            alive=came.alive[ran],
            next_obs=obs[:, 1:][ran],
            next_alive=after[ran],
            **(masks if self.changes else {}),
        )

    @property
    def steps(self) -> int:
        """How many steps it holds, of all agents together."""
        return int(self.fields["alive"][: self.size].sum())

    def sample(self, count: int, generator: torch.Generator | None = None) -> TeamTransitions:
        """So many steps, each as likely as any other, with replacement."""
        rows = self._rows(count, generator)
        found = {name: values[rows] for name, values in self.fields.items()}
        always = self.available.expand(count, -1, -1)
        return TeamTransitions(**{"available": always, "next_available": always, **found})
