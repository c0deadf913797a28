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
Reference scores, exact:
    without communication 1 / M, whatever the policy; with it 1.
Arguments:
    distractors: k, from 0. symbols: M, from 2. num_envs, device, seed: as in every environment.
Source:
    this course.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from marl_edu.core.checks import positive_int, whole_number
from marl_edu.core.registry import register
from marl_edu.envs.base.env import BatchedEnv
from marl_edu.envs.drawing import shapes


@register("speaker-probe")
class SpeakerProbe(BatchedEnv):
    """B independent questions to N agents each; the module's docstring is the specification."""

    max_steps = 1

    def __init__(
        self,
        distractors: int = 7,
        symbols: int = 4,
        num_envs: int = 64,
        device: str = "cpu",
        seed: int | None = None,
    ):
        super().__init__(num_envs, device, seed)
        self.distractors = whole_number("distractors", distractors)
        self.n_actions = positive_int("symbols", symbols)
        if self.n_actions < 2:
            raise ValueError(f"symbols must be at least 2, got {symbols!r}")
        self.n_agents = self.distractors + 2
        self.obs_dim = 2 * self.n_agents + self.n_actions

    def _reset(self) -> None:
        """Deal colours, symbols and questions."""
        N, M = self.n_agents, self.n_actions
        u = self.uniform(3, N)
        self.colour = u[:, 0].argsort(1)
        self.symbol = (u[:, 1] * M).long()
        # Ask about one of the N - 1 others: skip 1..N-1 places ahead, around the table.
        self.asked = (torch.arange(N, device=self.device) + 1 + (u[:, 2] * (N - 1)).long()) % N
        self.answer = self.symbol.gather(1, self.asked)
        self.said = torch.full_like(self.answer, -1)  # no answer yet

    def _get_obs(self) -> Float[Tensor, "B N O"]:
        N, M = self.n_agents, self.n_actions
        own, asked = F.one_hot(self.colour, N), F.one_hot(self.colour.gather(1, self.asked), N)
        return torch.cat([own, F.one_hot(self.symbol, M), asked], dim=-1).float()

    def _step(self, actions: Int[Tensor, "B N"]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        self.said = actions
        right = (actions == self.answer).float()
        return right, torch.ones_like(self.running), {}

    def _success(self) -> Float[Tensor, " B"]:
        return (self.said == self.answer).float().mean(1)

    def _draw(self, b: int) -> str:
        """A row of agents, each with its colour's number and, above, its symbol; below, whose
        symbol it is asked for, and once it has answered, its answer."""
        N, step, parts = self.n_agents, 70, []
        for i in range(N):
            x, colour = step * (i + 0.5), int(self.colour[b, i])
            wanted = int(self.colour[b, int(self.asked[b, i])])
            said, answer = int(self.said[b, i]), int(self.answer[b, i])
            parts += [
                shapes.words(_letter(int(self.symbol[b, i])), x, 34, 20),
                shapes.agent(colour, x, 66, 18),
                shapes.words(f"{wanted}?", x, 114, 18, "var(--soft)"),
            ]
            if said >= 0:
                mark, ink = ("✓", "var(--accent)") if said == answer else ("✗", "var(--bad)")
                parts.append(shapes.words(f"{_letter(said)} {mark}", x, 142, 18, ink))
        return shapes.canvas(step * N, 156, parts, f"{N} agents, each asked for another's symbol")


def _letter(symbol: int) -> str:
    """Symbols 0, 1, 2, ... as A, B, C, ..., and as numbers where letters run out."""
    return chr(ord("A") + symbol) if symbol < 26 else str(symbol)
