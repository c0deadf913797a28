"""Replay: what agents have experienced, kept, and sampled at random.

`ReplayBuffer` keeps single steps, for networks without memory. `SequenceReplay` keeps whole
trajectories and samples windows of them, for networks with one. A trajectory is what one agent
sees and does from its first step to its last; where a slot is used again, another one begins. So
nothing that is sampled reaches across the end of a trajectory, and all agents of all environments
are alike: agents that share a network share the buffer.

Both are rings: when they are full, the newest overwrites the oldest. Which actions an agent has is
kept step by step only where that changes.

Sizes: B environments, T steps, N agents, O numbers seen, A actions, U numbers remembered, C kept,
E sampled, L steps of a window.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


class Episodes(NamedTuple):
    """One episode in each of B environments, side by side."""

    obs: Float[Tensor, "B T1 N O"]  # T1 = T + 1: the last is what is seen after the last step
    action: Int[Tensor, "B T N"]
    reward: Float[Tensor, "B T N"]
    alive: Bool[Tensor, "B T N"]  # the steps in which there is an agent
    terminated: Bool[Tensor, "B T N"]  # True where its trajectory ended; False at a time limit
    hidden: Float[Tensor, "B T N U"]  # what it remembered before the step; U = 0: nothing
    available: Bool[Tensor, "B T1 N A"] | None = None  # the actions it has; None: always the same


class TransitionBatch(NamedTuple):
    """E steps, each of one agent."""

    obs: Float[Tensor, "E O"]
    action: Int[Tensor, " E"]
    reward: Float[Tensor, " E"]
    next_obs: Float[Tensor, "E O"]
    terminated: Bool[Tensor, " E"]
    available: Bool[Tensor, "E A"]  # the actions that this agent has next


class SequenceBatch(NamedTuple):
    """E windows of L steps, each out of one trajectory; a shorter trajectory is filled up."""

    obs: Float[Tensor, "E L1 O"]  # L1 = L + 1: the target needs what is seen after the last step
    action: Int[Tensor, "E L"]
    reward: Float[Tensor, "E L"]
    terminated: Bool[Tensor, "E L"]
    mask: Bool[Tensor, "E L"]  # the steps to learn from: no burn-in, no filling
    hidden: Float[Tensor, "E U"]  # what the agent remembered before the window
    available: Bool[Tensor, "E L A"]  # the actions that it has after each step


class Ring:
    """Rows of named tensors; row k of each belongs together."""

    def __init__(self, capacity: int, available: Bool[Tensor, "N A"], fields: dict[str, Tensor]):
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1, got {capacity!r}")
        self.capacity, self.available = capacity, available
        self.changes = "available" in fields  # what is available is kept step by step
        self.size = self.next = 0  # rows in use, and the row to write next
        device = available.device
        self.fields = {
            name: torch.zeros(capacity, *like.shape, dtype=like.dtype, device=device)
            for name, like in fields.items()
        }

    def _write(self, **rows: Tensor) -> None:
        n = len(next(iter(rows.values())))
        kept = min(n, self.capacity)  # of more than there is room for, the newest
        at = (self.next + torch.arange(n - kept, n)) % self.capacity
        for name, values in rows.items():
            self.fields[name][at] = values[n - kept :].to(self.fields[name].dtype)
        self.next = (self.next + n) % self.capacity
        self.size = min(self.size + n, self.capacity)

    def _masks(self, episodes: Episodes, part: Callable[[Tensor], Tensor]) -> dict[str, Tensor]:
        """The rows of `available`: what `part` takes of the episodes' masks, where they change."""
        if not self.changes:
            return {}
        if episodes.available is None:
            raise ValueError("available must be given with the episodes, got None: it changes")
        return {"available": part(episodes.available)}

    def _rows(self, count: int, generator: torch.Generator | None) -> Int[Tensor, " E"]:
        if self.size == 0:
            raise RuntimeError("there is nothing to sample yet: add episodes first")
        device = self.available.device
        return torch.randint(self.size, (count,), generator=generator, device=device)

    def state_dict(self) -> dict[str, Tensor]:
        """All that is in it, for a checkpoint."""
        rows = {name: values[: self.size] for name, values in self.fields.items()}
        return rows | {"at": torch.tensor([self.size, self.next])}

    def load_state_dict(self, tensors: dict[str, Tensor]) -> None:
        """Take what `state_dict` gave; the ring goes on as the other would have."""
        self.size, self.next = tensors["at"].tolist()
        for name, values in self.fields.items():
            values[: self.size] = tensors[name]


class ReplayBuffer(Ring):
    """The last `capacity` steps of all agents.

    Args:
        capacity: C. obs_dim: O. available: which actions each agent has; its device is used.
        changes: they are not always the same: those of `Episodes.available` are kept.
    """

    def __init__(
        self, capacity: int, obs_dim: int, available: Bool[Tensor, "N A"], changes: bool = False
    ):
        see, number, flag = torch.zeros(obs_dim), torch.tensor(0), torch.tensor(True)
        fields = {"obs": see, "action": number, "reward": torch.tensor(0.0), "next_obs": see}
        if changes:
            fields["available"] = available[0]
        super().__init__(capacity, available, fields | {"terminated": flag, "agent": number})

    def add(self, episodes: Episodes) -> None:
        """Keep every step in which there is an agent."""
        alive = episodes.alive
        agent = torch.arange(alive.shape[2], device=alive.device).expand_as(alive)
        self._write(
            obs=episodes.obs[:, :-1][alive],
            action=episodes.action[alive],
            reward=episodes.reward[alive],
            next_obs=episodes.obs[:, 1:][alive],
            terminated=episodes.terminated[alive],
            agent=agent[alive],
            **self._masks(episodes, lambda masks: masks[:, 1:][alive]),
        )

    @property
    def steps(self) -> int:
        """How many steps it holds."""
        return self.size

    def sample(self, count: int, generator: torch.Generator | None = None) -> TransitionBatch:
        """So many steps, each as likely as any other, with replacement."""
        rows = self._rows(count, generator)
        found = {name: values[rows] for name, values in self.fields.items()}
        has = self.available[found.pop("agent")]
        return TransitionBatch(**{"available": has, **found})


class SequenceReplay(Ring):
    """The last `capacity` trajectories of all agents.

    Args:
        capacity: C. max_steps: of a trajectory, T. obs_dim: O. available, changes: as in
            `ReplayBuffer`.
        hidden_size: U, to keep what agents remembered before each step; 0: it is not kept.
    """

    def __init__(
        self,
        capacity: int,
        max_steps: int,
        obs_dim: int,
        available: Bool[Tensor, "N A"],
        hidden_size: int = 0,
        changes: bool = False,
    ):
        T = max_steps
        fields = {
            "obs": torch.zeros(T + 1, obs_dim),
            "action": torch.zeros(T, dtype=torch.int64),
            "reward": torch.zeros(T),
            "terminated": torch.zeros(T, dtype=torch.bool),
            "hidden": torch.zeros(T, hidden_size),
            "length": torch.tensor(0),
            "agent": torch.tensor(0),
        }
        if changes:
            fields["available"] = available[:1].expand(T, -1)
        super().__init__(capacity, available, fields)
        self.max_steps = T

    def add(self, episodes: Episodes) -> None:
        """Cut every slot's time into trajectories, and keep them."""
        # One row per slot: (B N, T). Reading on, row by row, each beginning is a new trajectory.
        alive, terminated = (
            x.transpose(1, 2).flatten(0, 1) for x in (episodes.alive, episodes.terminated)
        )
        same = torch.zeros_like(alive)  # the trajectory of the step before goes on
        same[:, 1:] = alive[:, :-1] & ~terminated[:, :-1]
        begins = alive & ~same
        trajectory = begins.flatten().cumsum(0).view_as(alive) - 1
        t = torch.arange(alive.shape[1], device=alive.device).expand_as(alive)
        age = t - torch.where(begins, t, 0).cummax(1).values
        taken, count = alive.nonzero(as_tuple=True), int(begins.sum())
        at = trajectory[taken], age[taken]  # where each step goes

        def rows(values: Tensor, steps: int, later: int = 0) -> Tensor:
            values = values.transpose(1, 2).flatten(0, 1)  # (B N, T, ...)
            out = values.new_zeros(count, steps, *values.shape[2:])
            for shift in range(later + 1):  # what is seen after a step is kept behind it
                out[at[0], at[1] + shift] = values[taken[0], taken[1] + shift]
            return out

        T, (N, U) = self.max_steps, (episodes.alive.shape[2], self.fields["hidden"].shape[-1])
        self._write(
            obs=rows(episodes.obs, T + 1, later=1),
            action=rows(episodes.action, T),
            reward=rows(episodes.reward, T),
            terminated=rows(episodes.terminated, T),
            hidden=rows(episodes.hidden[..., :U], T),
            length=torch.bincount(at[0], minlength=count),
            agent=begins.nonzero(as_tuple=True)[0] % N,
            **self._masks(episodes, lambda masks: rows(masks[:, 1:], T)),
        )

    @property
    def steps(self) -> int:
        """How many steps it holds, in all its trajectories together."""
        return int(self.fields["length"][: self.size].sum())

    def sample(
        self, count: int, window: int, burn_in: int = 0, generator: torch.Generator | None = None
    ) -> SequenceBatch:
        """So many windows; each trajectory is as likely as any other, and so is each place in it.

        Args:
            window: steps to learn from, at most; T or more: whole trajectories. burn_in: steps
                before them that only warm the memory up; fewer where the trajectory began later.
        """
        row = self._rows(count, generator)
        length = self.fields["length"][row]
        places = (length - window).clamp_min(0) + 1
        chance = torch.rand(count, generator=generator, device=row.device)
        first = (chance * places).long()  # the first step to learn from
        begin = (first - burn_in).clamp_min(0)
        end = torch.minimum(first + window, length)
        L = int((end - begin).max())
        step = begin[:, None] + torch.arange(L + 1, device=row.device)  # (E, L + 1)
        inside = step.clamp_max(self.max_steps)  # beyond a trajectory's end all is 0, and masked
        seen, done = (
            (row[:, None], inside),
            (row[:, None], inside[:, :L].clamp_max(self.max_steps - 1)),
        )
        if self.changes:
            available = self.fields["available"][done]
        else:
            available = self.available[self.fields["agent"][row]][:, None].expand(-1, L, -1)
        return SequenceBatch(
            obs=self.fields["obs"][seen],
            action=self.fields["action"][done],
            reward=self.fields["reward"][done],
            terminated=self.fields["terminated"][done],
            mask=(step[:, :L] >= first[:, None]) & (step[:, :L] < end[:, None]),
            hidden=self.fields["hidden"][row, begin],
            available=available,
        )
