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

from marl_edu.envs.checks import check_actions, positive_int


class SpeakerProbe:
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
        if isinstance(distractors, bool) or not isinstance(distractors, int) or distractors < 0:
            raise ValueError(
                f"distractors must be a whole number of at least 0, got {distractors!r}"
            )
        if positive_int("symbols", symbols) < 2:
            raise ValueError(f"symbols must be at least 2, got {symbols!r}")
        self.distractors, self.n_agents, self.n_actions = distractors, distractors + 2, symbols
        self.batch_size = positive_int("batch_size", batch_size)
        self.device = torch.device(device)
        self.obs_dim = 2 * self.n_agents + symbols
        self.generator = torch.Generator()
        self.generator.manual_seed(seed) if seed is not None else self.generator.seed()
        self.t = self.max_steps

    def reset(self, seed: int | None = None) -> Float[Tensor, "B N O"]:
        """Deal colours, symbols and questions. Returns observations `(B, N, O)`."""
        if seed is not None:
            self.generator.manual_seed(seed)
        B, N, M = self.batch_size, self.n_agents, self.n_actions
        episode = torch.Generator()
        episode.manual_seed(int(torch.randint(2**62, (1,), generator=self.generator)))
        u = torch.rand(B, 3, N, generator=episode).to(self.device)
        self.colour = u[:, 0].argsort(1)
        self.symbol = (u[:, 1] * M).long()
        # Ask about one of the N - 1 others: skip 1..N-1 places ahead, around the table.
        self.asked = (torch.arange(N, device=self.device) + 1 + (u[:, 2] * (N - 1)).long()) % N
        self.answer = self.symbol.gather(1, self.asked)
        self.alive = torch.ones(B, N, dtype=torch.bool, device=self.device)
        self.t = 0
        self.obs = torch.cat(
            [
                F.one_hot(self.colour, N),
                F.one_hot(self.symbol, M),
                F.one_hot(self.colour.gather(1, self.asked), N),
            ],
            dim=-1,
        ).float()
        return self.obs

    def step(self, actions: Int[Tensor, "B N"]):
        """Grade the answers `(B, N)`. Returns obs, reward, terminated, truncated, info.

        Raises:
            RuntimeError: after the end of the episode. ValueError, TypeError: bad actions.
        """
        if self.t >= self.max_steps:
            raise RuntimeError("the episode of 1 step is over: call reset() first")
        check_actions(actions, (self.batch_size, self.n_agents), self.n_actions, self.device)
        self.t = 1
        reward = (actions == self.answer).float()
        over = torch.ones(self.batch_size, dtype=torch.bool, device=self.device)
        completed = torch.zeros_like(self.alive)
        info = {"alive": self.alive, "completed": completed, "success": reward.mean(1)}
        return self.obs, reward, over, torch.zeros_like(over), info
