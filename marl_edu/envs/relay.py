"""Relay: what an agent is asked for is known exactly k hops away.

Description:
    N agents stand at random places in a square of area N, so that their density is the same
    however many there are, and each hears only those nearby. A few of them, the sources, hold one
    of M symbols. An agent is *asked* if its nearest source is exactly `hops` hops away, along
    who hears whom, and all sources at that distance hold the same symbol. Nobody knows whether it
    is asked, and everybody answers. One round of messages carries information over one hop.
Who hears whom:
    `graph="radius"`: everybody at a distance of at most sqrt(degree / pi), so that an agent away
    from the border hears `degree` others on average. `graph="nearest"`: its `k` nearest, who need
    not hear it in return. `edges()` is the list, `adjacency()` the matrix, itself included.
Actions:
    `0..M-1`: the answer.
Observation, per agent, float32, O = 1 + M:
    1 if it is a source; its symbol, one-hot, all zero if it is none.
Rewards:
    1 to an agent that is asked and answers right, else 0.
Start and end:
    places are uniform in the square; each agent is a source with probability 1 / (1 + n hops²), n
    being `degree` or `k`, about one in the agents within reach; symbols are uniform. If in an
    environment nobody is asked, its sources and symbols are drawn anew, at most 20 times. One step,
    which ends the episode (terminated). Success: the share of right answers among those asked; 1 in
    an environment in which still nobody is asked, which happens where few agents stand far apart.
Arguments:
    n_agents: N. hops: from 1. symbols: M, from 2. graph: "radius" or "nearest", with degree or k:
    see Who hears whom. num_envs, device, seed: as in every environment.
State:
    `position` `(B, N, 2)`. `source` `(B, N)`. `symbol` `(B, N)`. `asked`, `answer` `(B, N)`.
    `hop_distance` `(B, N)`: to the nearest source, hops + 1 if it is farther than `hops`.
Reference scores, exact:
    with fewer than `hops` rounds of messages 1 / M, whatever the policy. Exchange the names of the
    symbols: every draw is as likely as before, the same agents are asked, and who is asked has
    heard the same, for it has heard of no source. But its answer is another symbol; so given all
    that it has heard, all M are equally likely. With `hops` rounds 1: it has heard of one symbol,
    the right one.
Source:
    this course.
"""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from marl_edu.core.checks import one_of, positive_int, whole_number
from marl_edu.core.registry import register
from marl_edu.envs.base.env import BatchedEnv
from marl_edu.envs.base.neighbours import nearest, within
from marl_edu.envs.drawing import shapes

TRIES = 20  # draws of sources and symbols before an environment is taken in which nobody is asked
SCALE = 40  # units of the picture per unit of length
LARGEST_PICTURE = 100  # agents; of more a corner is drawn


@register("relay")
class Relay(BatchedEnv):
    """B squares with N agents each; the module's docstring is the specification."""

    max_steps = 1
    info_keys = ("asked",)

    def __init__(
        self,
        n_agents: int = 64,
        hops: int = 2,
        symbols: int = 4,
        graph: str = "radius",
        k: int = 6,
        degree: float = 6.0,
        num_envs: int = 64,
        device: str = "cpu",
        seed: int | None = None,
    ):
        super().__init__(num_envs, device, seed)
        self.n_agents = positive_int("n_agents", n_agents)
        self.hops = positive_int("hops", hops)
        self.n_actions = whole_number("symbols", symbols, 2)
        self.graph = one_of("graph", graph, ("radius", "nearest"))
        self.k = positive_int("k", k)
        if not degree > 0:
            raise ValueError(f"degree must be a number above 0, got {degree!r}")
        self.radius = math.sqrt(degree / math.pi)
        self.share = 1 / (1 + (degree if graph == "radius" else self.k) * hops**2)
        self.obs_dim = 1 + self.n_actions

    def _reset(self) -> None:
        """Place the agents, and draw sources and symbols until somebody is asked."""
        B, N = self.num_envs, self.n_agents
        self.position = self.uniform(N, 2) * math.sqrt(N)
        if self.graph == "radius":
            self._edges = within(self.position, self.radius)
        else:
            self._edges = nearest(self.position, self.k)
        self.said = torch.full((B, N), -1, device=self.device)
        self.source = torch.zeros(B, N, dtype=torch.bool, device=self.device)
        self.symbol = torch.zeros(B, N, dtype=torch.int64, device=self.device)
        missing = torch.ones(B, dtype=torch.bool, device=self.device)
        for _ in range(TRIES):
            chance, which = self.uniform(2, N).unbind(1)
            self.source = torch.where(missing[:, None], chance < self.share, self.source)
            drawn = (which * self.n_actions).long()
            self.symbol = torch.where(missing[:, None], drawn, self.symbol)
            self._ask()
            missing = ~self.asked.any(1)
            if not missing.any():
                break

    def _ask(self) -> None:
        """Find out who is asked, and what is right."""
        known = self.heard(0)
        self.hop_distance = torch.where(known.any(-1), 0, self.hops + 1)
        for hop in range(1, self.hops + 1):
            known = self.pass_on(known)
            arrives = known.any(-1) & (self.hop_distance > self.hops)
            self.hop_distance = torch.where(arrives, hop, self.hop_distance)
        self.asked = (self.hop_distance == self.hops) & (known.sum(-1) == 1)
        self.answer = known.long().argmax(-1)

    def heard(self, rounds: int) -> Bool[Tensor, "B N M"]:
        """Which symbols each agent knows after so many rounds in which all tell what they know."""
        known = F.one_hot(self.symbol, self.n_actions).bool() & self.source[..., None]
        for _ in range(rounds):
            known = self.pass_on(known)
        return known

    def pass_on(self, known: Bool[Tensor, "B N M"]) -> Bool[Tensor, "B N M"]:
        """What everybody knows after one more round."""
        index, mask = self._edges
        env = torch.arange(self.num_envs, device=self.device)[:, None, None]
        return known | (known[env, index] & mask[..., None]).any(2)

    def edges(self) -> tuple[Int[Tensor, "B N K"], Bool[Tensor, "B N K"]]:
        """Whom each agent hears, itself not counted: numbers, and which places are taken."""
        return self._edges

    def adjacency(self) -> Bool[Tensor, "B N N"]:
        """`[b, i, j]`: i hears j, itself included. For few agents; `edges()` is for many."""
        index, mask = self._edges
        N = self.n_agents
        adjacency = torch.eye(N, dtype=torch.int64, device=self.device).repeat(self.num_envs, 1, 1)
        adjacency.scatter_add_(2, index, mask.long())
        return (adjacency > 0) & self.alive[:, :, None] & self.alive[:, None, :]

    def _get_obs(self) -> Float[Tensor, "B N O"]:
        symbol = F.one_hot(self.symbol, self.n_actions)
        return (
            torch.cat([torch.ones_like(symbol[..., :1]), symbol], -1)
            * self.source[..., None].float()
        )

    def _step(self, actions: Int[Tensor, "B N"]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        self.said = actions
        reward = (self.asked & (actions == self.answer)).float()
        return reward, torch.ones_like(self.running), {"asked": self.asked}

    def _success(self) -> Float[Tensor, " B"]:
        asked = self.asked.sum(1)
        right = (self.asked & (self.said == self.answer)).sum(1)
        return torch.where(asked > 0, right / asked.clamp_min(1), 1.0)

    def _draw(self, b: int) -> str:
        """Letters are symbols of sources, rings those who are asked; after the answer a tick or
        a cross says whether it was right."""
        side = min(math.sqrt(self.n_agents), math.sqrt(LARGEST_PICTURE))
        place = self.position[b].tolist()
        shown = [i for i, (x, y) in enumerate(place) if x <= side and y <= side]
        at = {i: (place[i][0] * SCALE + 15, place[i][1] * SCALE + 15) for i in shown}
        index, mask = (part[b].tolist() for part in self._edges)
        pairs = {
            (min(i, j), max(i, j))
            for i in shown
            for j, there in zip(index[i], mask[i], strict=True)
            if there and j in at
        }
        parts = [shapes.lines([(*at[i], *at[j]) for i, j in sorted(pairs)], 1.5)]
        asked, answered = self.asked[b].tolist(), bool(self.t)
        for i in shown:
            x, y = at[i]
            if self.source[b, i]:
                letter = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[int(self.symbol[b, i]) % 26]
                parts.append(shapes.agent(int(self.symbol[b, i]), x, y, 10, letter))
            elif asked[i]:
                right = bool(self.said[b, i] == self.answer[b, i])
                text = ("✓" if right else "✗") if answered else "?"
                parts.append(shapes.agent(int(self.answer[b, i]), x, y, 8, text, hollow=True))
            else:
                parts.append(shapes.target(x, y, 4, 2, "var(--soft)"))
        label = f"{self.n_agents} agents, {sum(asked)} of them asked for a symbol {self.hops} "
        label += f"hop{'s' * (self.hops > 1)} away"
        return shapes.canvas(side * SCALE + 30, side * SCALE + 30, parts, label)
