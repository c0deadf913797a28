"""Speaker probe: one speaker knows the answer, the others only add noise.

Description:
    Each of N agents wears one of N colours (all different, drawn anew) and holds one of M
    symbols. It is asked for the symbol of the agent that wears a given other colour. Nobody
    knows by whom it is asked, so senders cannot help by keeping silent: the *receiver* has to
    pick the one informative message among its k = N - 2 distractors.
Actions:
    `0..M-1`: the answer.
Observation, per agent, float32:
    own colour (one-hot N), own symbol (one-hot M), asked colour (one-hot N). O = 2 N + M.
Rewards:
    1 for a right answer, else 0.
Start and end:
    one step, which ends the episode (terminated). `success` is the share of right answers.
Anchors, exact:
    without communication 1 / M, whatever the policy; with it 1.
Arguments:
    distractors: k, from 0. symbols: M, from 2. batch_size, device, seed: as in every world.
Source:
    this course.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from marl_edu.envs.checks import positive_int, whole_number
from marl_edu.envs.world import World


class SpeakerProbe(World):
    """B independent questions to N agents each; the module's docstring is the specification."""

    max_steps = 1

    def __init__(
        self,
        distractors: int = 7,
        symbols: int = 4,
        batch_size: int = 64,
        device: str = "cpu",
        seed: int | None = None,
    ):
        super().__init__(batch_size, device, seed)
        self.distractors = whole_number("distractors", distractors)
        if positive_int("symbols", symbols) < 2:
            raise ValueError(f"symbols must be at least 2, got {symbols!r}")
        self.n_agents, self.n_actions = distractors + 2, symbols
        self.obs_dim = 2 * self.n_agents + symbols

    def _begin(self) -> None:
        """Deal colours, symbols and questions."""
        N, M = self.n_agents, self.n_actions
        u = self.uniform(3, N)
        self.colour = u[:, 0].argsort(1)
        self.symbol = (u[:, 1] * M).long()
        # Ask about one of the N - 1 others: skip 1..N-1 places ahead, around the table.
        self.asked = (torch.arange(N, device=self.device) + 1 + (u[:, 2] * (N - 1)).long()) % N
        self.answer = self.symbol.gather(1, self.asked)
        self.right = torch.zeros(self.batch_size, N, device=self.device)

    def _observe(self) -> Float[Tensor, "B N O"]:
        N, M = self.n_agents, self.n_actions
        own, asked = F.one_hot(self.colour, N), F.one_hot(self.colour.gather(1, self.asked), N)
        return torch.cat([own, F.one_hot(self.symbol, M), asked], dim=-1).float()

    def _advance(self, actions: Int[Tensor, "B N"]):
        self.right = (actions == self.answer).float()
        return self.right, torch.ones_like(self.running), {}

    def _success(self) -> Float[Tensor, " B"]:
        return self.right.mean(1)
