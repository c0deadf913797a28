"""Replay: what agents have lived through, kept, and drawn again at random.

`Transitions` keeps single steps, for networks without memory. `Lives` keeps whole lives and draws
windows of them, for networks with one. A life is what one agent does and sees from its first step
to its last; where a slot is used again, another life begins. So nothing that is drawn reaches
across the end of a life, and all agents of all worlds are alike: who shares a network shares the
store.

Both are rings: when they are full, the newest takes the place of the oldest.

Sizes: B worlds, T steps, N agents, O numbers seen, A actions, S numbers remembered, C kept,
E drawn, L steps of a window.
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


class Episodes(NamedTuple):
    """One episode in each of B worlds, side by side."""

    obs: Float[Tensor, "B T1 N O"]  # T1 = T + 1: the last is what is seen after the last step
    action: Int[Tensor, "B T N"]
    reward: Float[Tensor, "B T N"]
    alive: Bool[Tensor, "B T N"]  # the steps that an agent lived through
    goes_on: Bool[Tensor, "B T N"]  # False where its life ended in this step; True at a time limit
    state: Float[Tensor, "B T N S"]  # what it remembered before the step; S = 0: nothing


class Steps(NamedTuple):
    """E steps, each of one agent."""

    obs: Float[Tensor, "E O"]
    action: Int[Tensor, " E"]
    reward: Float[Tensor, " E"]
    next_obs: Float[Tensor, "E O"]
    goes_on: Bool[Tensor, " E"]
    available: Bool[Tensor, "E A"]  # the actions that this agent has


class Windows(NamedTuple):
    """E windows of L steps, each out of one life; a life that is shorter is filled up."""

    obs: Float[Tensor, "E L1 O"]  # L1 = L + 1: the target needs what is seen after the last step
    action: Int[Tensor, "E L"]
    reward: Float[Tensor, "E L"]
    goes_on: Bool[Tensor, "E L"]
    learn: Bool[Tensor, "E L"]  # False in the burn-in, and where the life is over
    state: Float[Tensor, "E S"]  # what the agent remembered before the window
    available: Bool[Tensor, "E A"]


class _Ring:
    """Rows of named tensors; row k of each belongs together."""

    def __init__(self, capacity: int, available: Bool[Tensor, "N A"], fields: dict[str, Tensor]):
        if capacity < 1:
            raise ValueError(f"capacity must be at least 1, got {capacity!r}")
        self.capacity, self.available = capacity, available
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

    def _rows(self, count: int, generator: torch.Generator | None) -> Int[Tensor, " E"]:
        if self.size == 0:
            raise RuntimeError("there is nothing to draw yet: add episodes first")
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


class Transitions(_Ring):
    """The last `capacity` steps of all agents.

    Args:
        capacity: C. obs_dim: O. available: which actions each agent has; its device is used.
    """

    def __init__(self, capacity: int, obs_dim: int, available: Bool[Tensor, "N A"]):
        see, number, yes = torch.zeros(obs_dim), torch.tensor(0), torch.tensor(True)
        fields = {"obs": see, "action": number, "reward": torch.tensor(0.0), "next_obs": see}
        super().__init__(capacity, available, fields | {"goes_on": yes, "agent": number})

    def add(self, episodes: Episodes) -> None:
        """Keep every step that an agent lived through."""
        lived = episodes.alive
        agent = torch.arange(lived.shape[2], device=lived.device).expand_as(lived)
        self._write(
            obs=episodes.obs[:, :-1][lived],
            action=episodes.action[lived],
            reward=episodes.reward[lived],
            next_obs=episodes.obs[:, 1:][lived],
            goes_on=episodes.goes_on[lived],
            agent=agent[lived],
        )

    @property
    def steps(self) -> int:
        """How many steps it holds."""
        return self.size

    def draw(self, count: int, generator: torch.Generator | None = None) -> Steps:
        """So many steps, each as likely as any other, with replacement."""
        rows = self._rows(count, generator)
        found = {name: values[rows] for name, values in self.fields.items()}
        return Steps(available=self.available[found.pop("agent")], **found)


class Lives(_Ring):
    """The last `capacity` lives of all agents.

    Args:
        capacity: C. max_steps: of a life, T. obs_dim: O. available: as in `Transitions`.
        state_size: S, to keep what agents remembered before each step; 0: it is not kept.
    """

    def __init__(
        self,
        capacity: int,
        max_steps: int,
        obs_dim: int,
        available: Bool[Tensor, "N A"],
        state_size: int = 0,
    ):
        T = max_steps
        fields = {
            "obs": torch.zeros(T + 1, obs_dim),
            "action": torch.zeros(T, dtype=torch.int64),
            "reward": torch.zeros(T),
            "goes_on": torch.zeros(T, dtype=torch.bool),
            "state": torch.zeros(T, state_size),
            "length": torch.tensor(0),
            "agent": torch.tensor(0),
        }
        super().__init__(capacity, available, fields)
        self.max_steps = T

    def add(self, episodes: Episodes) -> None:
        """Cut every slot's time into lives, and keep them."""
        # One row per slot: (B N, T). Reading on, row by row, each beginning is a new life.
        alive, goes_on = (
            x.transpose(1, 2).flatten(0, 1) for x in (episodes.alive, episodes.goes_on)
        )
        same = torch.zeros_like(alive)  # the life of the step before goes on
        same[:, 1:] = alive[:, :-1] & goes_on[:, :-1]
        begins = alive & ~same
        life = begins.flatten().cumsum(0).view_as(alive) - 1
        t = torch.arange(alive.shape[1], device=alive.device).expand_as(alive)
        age = t - torch.where(begins, t, 0).cummax(1).values
        lived, count = alive.nonzero(as_tuple=True), int(begins.sum())
        at = life[lived], age[lived]  # where each step lived through goes

        def rows(values: Tensor, steps: int, later: int = 0) -> Tensor:
            values = values.transpose(1, 2).flatten(0, 1)  # (B N, T, ...)
            out = values.new_zeros(count, steps, *values.shape[2:])
            for shift in range(later + 1):  # what is seen after a step is kept behind it
                out[at[0], at[1] + shift] = values[lived[0], lived[1] + shift]
            return out

        T, (N, S) = self.max_steps, (episodes.alive.shape[2], self.fields["state"].shape[-1])
        self._write(
            obs=rows(episodes.obs, T + 1, later=1),
            action=rows(episodes.action, T),
            reward=rows(episodes.reward, T),
            goes_on=rows(episodes.goes_on, T),
            state=rows(episodes.state[..., :S], T),
            length=torch.bincount(at[0], minlength=count),
            agent=begins.nonzero(as_tuple=True)[0] % N,
        )

    @property
    def steps(self) -> int:
        """How many steps it holds, in all its lives together."""
        return int(self.fields["length"][: self.size].sum())

    def draw(
        self, count: int, window: int, burn_in: int = 0, generator: torch.Generator | None = None
    ) -> Windows:
        """So many windows; each life is as likely as any other, and so is each place in it.

        Args:
            window: steps to learn from, at most; T or more: whole lives. burn_in: steps before
                them that only warm the memory up; fewer where the life began later than that.
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
        inside = step.clamp_max(self.max_steps)  # beyond a life's end all is 0, and not learned
        seen, done = (
            (row[:, None], inside),
            (row[:, None], inside[:, :L].clamp_max(self.max_steps - 1)),
        )
        return Windows(
            obs=self.fields["obs"][seen],
            action=self.fields["action"][done],
            reward=self.fields["reward"][done],
            goes_on=self.fields["goes_on"][done],
            learn=(step[:, :L] >= first[:, None]) & (step[:, :L] < end[:, None]),
            state=self.fields["state"][row, begin],
            available=self.available[self.fields["agent"][row]],
        )
