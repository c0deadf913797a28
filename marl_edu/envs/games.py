"""Games of one or two steps: small enough to know every answer exactly.

In the matrix games nobody lacks information: an action is good or bad only together with what the
others do, and that is what is hard. In the lever game nobody knows who else is there.

MatrixGame:
    N agents choose one of A actions each, once, and all get `payoff[a_0, ..., a_(N-1)]`.
    Observation: the number 1 (O = 1). The step ends the episode (terminated). Success: the payoff
    is the largest of the game. Argument `payoff`: numbers, nested in as many levels as there are
    agents, each level A long; or such a tensor.
TwoStepGame:
    two agents with two actions. In the first step the action of agent 0 alone counts: after 0 both
    are in state 2A, after 1 in state 2B; the reward is 0. In the second step both get 7 in state
    2A, whatever they do, and `[[0, 1], [1, 8]][a_0][a_1]` in state 2B.
    Observation: the state, one-hot: first step, 2A, 2B (O = 3). The second step ends the episode
    (terminated). Success: both got 8.
LeverGame:
    `n_agents` different ones out of a pool of `pool`, drawn anew with equal chances and in random
    order, pull one of `n_levers` levers each, once.
    Observation: the agent's own number in the pool, one-hot (O = pool). Reward, the same for all:
    the number of different levers pulled / n_levers. The step ends the episode (terminated).
    Success: the reward.
Actions:
    0..A-1, of all agents at once. float32 throughout.
Arguments:
    those named above; num_envs, device, seed: as in every environment. Only the lever game has
    chance in it, and nothing is ever truncated.
Reference scores, exact; more in `baselines/games.py`:
    QTRAN_GAME best 8, random -4.44. CLIMBING_GAME best 11, random -3.44; it has two equilibria in
    pure strategies, 11 and 7. penalty_game(k) best 10, random (22 + 2 k) / 9. Two steps: best 8,
    random 4.75. Five levers: best 1, random 1 - (4/5)^5 = 0.672, all the same 0.2.
Source:
    QTRAN (arXiv 1905.05408). Climbing and penalty game: Claus and Boutilier, The dynamics of
    reinforcement learning in cooperative multiagent systems (AAAI 1998). Two steps: QMIX (arXiv
    1803.11485), with gamma 0.99 and actions drawn with equal chances. Levers: CommNet (arXiv
    1605.07736), with a pool of 500.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from marl_edu.core.checks import positive_int
from marl_edu.core.registry import register
from marl_edu.envs.base.env import BatchedEnv
from marl_edu.envs.drawing import shapes
from marl_edu.envs.drawing.shapes import CELL

QTRAN_GAME = ((8, -12, -12), (-12, 0, 0), (-12, 0, 0))
CLIMBING_GAME = ((11, -30, 0), (-30, 7, 6), (0, 0, 5))
TWO_STEP_PAYOFFS = (((7, 7), (7, 7)), ((0, 1), (1, 8)))  # in the states 2A, 2B


def penalty_game(k: int | float) -> tuple[tuple[int | float, ...], ...]:
    """Two best pairs of actions; who mixes them up pays `k`, which is negative."""
    return ((10, 0, k), (0, 2, 0), (k, 0, 10))


@register("matrix-game")
class MatrixGame(BatchedEnv):
    """B times one choice with a common payoff; the module's docstring is the specification."""

    max_steps = 1
    obs_dim = 1

    def __init__(
        self,
        payoff: Any = QTRAN_GAME,
        num_envs: int = 64,
        device: str = "cpu",
        seed: int | None = None,
    ):
        super().__init__(num_envs, device, seed)
        self.payoff = _table(payoff).to(self.device)
        self.n_agents, self.n_actions = self.payoff.dim(), len(self.payoff)

    def _reset(self) -> None:
        self.chosen = torch.full((self.num_envs, self.n_agents), -1, device=self.device)
        self.got = torch.full((self.num_envs,), -torch.inf, device=self.device)

    def _step(self, actions: Int[Tensor, "B N"]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        self.chosen = actions
        self.got = self.payoff[actions.unbind(1)]
        return _share(self.got, self.n_agents), torch.ones_like(self.running), {}

    def _success(self) -> Tensor:
        return self.got == self.payoff.max()

    def _get_obs(self) -> Float[Tensor, "B N O"]:
        return torch.ones(self.num_envs, self.n_agents, 1, device=self.device)

    def _draw(self, b: int) -> str:
        chosen = self.chosen[b].tolist()
        outcome = f"all get {self.got[b].item():g}" if self.t else "nobody has chosen yet"
        label = f"Matrix game: {outcome}"
        if self.n_agents == 2:
            return _draw_table(self.payoff.tolist(), chosen, label)
        return _draw_rows(chosen, self.n_actions, label)


@register("two-step-game")
class TwoStepGame(BatchedEnv):
    """B times two choices, the first for the second; see the module's docstring."""

    n_agents = n_actions = max_steps = 2
    obs_dim = 3

    def __init__(self, num_envs: int = 64, device: str = "cpu", seed: int | None = None):
        super().__init__(num_envs, device, seed)
        self.payoffs = torch.tensor(TWO_STEP_PAYOFFS, dtype=torch.float32, device=self.device)

    def _reset(self) -> None:
        self.place = torch.zeros(self.num_envs, dtype=torch.int64, device=self.device)
        self.chosen = torch.full((self.num_envs, 2), -1, device=self.device)
        self.got = torch.zeros(self.num_envs, device=self.device)

    def _step(self, actions: Int[Tensor, "B N"]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        self.chosen = actions
        second = self.place > 0
        paid = self.payoffs[self.place - 1, actions[:, 0], actions[:, 1]]
        self.got = torch.where(second, paid, 0.0)
        self.place = torch.where(second, self.place, 1 + actions[:, 0].long())
        return _share(self.got, 2), second, {}

    def _success(self) -> Tensor:
        return self.got == self.payoffs.max()

    def _get_obs(self) -> Float[Tensor, "B N O"]:
        return F.one_hot(self.place, 3).float()[:, None].expand(-1, 2, -1)

    def _draw(self, b: int) -> str:
        place = int(self.place[b])
        state = ("first step", "state 2A", "state 2B")[place]
        got = f", both get {self.got[b].item():g}" if self.t == 2 else ""
        label = f"Two-step game after {self.t} of 2 steps: {state}{got}"
        if place == 0:
            return _draw_table([["2A", "2A"], ["2B", "2B"]], [-1, -1], label)
        chosen = self.chosen[b].tolist() if self.t == 2 else [-1, -1]
        return _draw_table(self.payoffs[place - 1].tolist(), chosen, label)


@register("lever-game")
class LeverGame(BatchedEnv):
    """B times a choice of levers by agents who meet by chance; see the module's docstring."""

    max_steps = 1

    def __init__(
        self,
        pool: int = 500,
        n_agents: int = 5,
        n_levers: int = 5,
        num_envs: int = 64,
        device: str = "cpu",
        seed: int | None = None,
    ):
        super().__init__(num_envs, device, seed)
        self.obs_dim = positive_int("pool", pool)
        self.n_agents = positive_int("n_agents", n_agents)
        self.n_actions = positive_int("n_levers", n_levers)
        if self.n_agents > self.obs_dim:
            raise ValueError(f"n_agents must be at most the pool's {pool}, got {n_agents}")

    def _reset(self) -> None:
        self.numbers = self.uniform(self.obs_dim).topk(self.n_agents).indices
        self.chosen = torch.full_like(self.numbers, -1)
        self.got = torch.zeros(self.num_envs, device=self.device)

    def _step(self, actions: Int[Tensor, "B N"]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        self.chosen = actions
        pulled = F.one_hot(actions.long(), self.n_actions).amax(1)  # (B, A)
        self.got = pulled.sum(1) / self.n_actions
        return _share(self.got, self.n_agents), torch.ones_like(self.running), {}

    def _success(self) -> Float[Tensor, " B"]:
        return self.got

    def _get_obs(self) -> Float[Tensor, "B N O"]:
        # Written where it belongs: F.one_hot would make it of whole numbers first.
        obs = torch.zeros(*self.numbers.shape, self.obs_dim, device=self.device)
        return obs.scatter_(2, self.numbers[..., None], 1.0)

    def _draw(self, b: int) -> str:
        pulled = round(self.got[b].item() * self.n_actions)
        label = f"Lever game: {pulled} of {self.n_actions} levers are pulled"
        chosen, numbers = self.chosen[b].tolist(), self.numbers[b].tolist()
        return _draw_rows(chosen, self.n_actions, label, numbers)


def _table(payoff: Any) -> Float[Tensor, "..."]:
    """The payoffs as a tensor. Raises ValueError unless all its sides are equally long."""
    try:
        table = torch.as_tensor(payoff, dtype=torch.float32)
    except (TypeError, ValueError, RuntimeError):
        table = torch.empty(0)
    if (
        table.dim() == 0
        or len(set(table.shape)) > 1
        or not len(table)
        or not table.isfinite().all()
    ):
        raise ValueError(
            "payoff must be a table of finite numbers, with one level of nesting per agent and "
            f"equally many actions for each, got {payoff!r}"
        )
    return table


def _share(got: Float[Tensor, " B"], n_agents: int) -> Float[Tensor, "B N"]:
    """The same reward for everybody."""
    return got[:, None].expand(-1, n_agents)


def _draw_table(entries: Sequence[Sequence[Any]], chosen: Sequence[int], label: str) -> str:
    """Agent 0 chooses the row, agent 1 the column; before that (-1) both wait in the corner."""
    side = len(entries)
    text = []
    for k in range(side * side):
        entry = entries[k // side][k % side]
        number = f"{entry:g}".replace("-", "−") if isinstance(entry, float) else entry
        x, y = shapes.centre(k // side + 1, k % side + 1)
        text.append(shapes.words(number, x, y + 5, 13))
    for action in range(side):  # a disc stands in place of the number of an action that was chosen
        for i, cell in enumerate([(action + 1, 0), (0, action + 1)]):
            if action != chosen[i]:
                x, y = shapes.centre(*cell)
                text.append(shapes.words(str(action), x, y + 4, 11, "var(--soft)"))
    parts = [shapes.grid(side + 1, side + 1), *text]
    if chosen[0] < 0:
        parts += [shapes.agent(0, 12, 28, 9), shapes.agent(1, 28, 12, 9)]
    else:
        row, column = chosen[0] + 1, chosen[1] + 1
        parts += [
            shapes.target(*shapes.centre(row, column), 18, 3),
            shapes.agent(0, *shapes.centre(row, 0)),
            shapes.agent(1, *shapes.centre(0, column)),
        ]
    return shapes.canvas((side + 1) * CELL, (side + 1) * CELL, parts, label)


def _draw_rows(
    chosen: Sequence[int], n_actions: int, label: str, numbers: Sequence[int] = ()
) -> str:
    """A row per agent, a column per action; a ring where an agent has chosen it.

    Args:
        numbers: the agents' numbers in the pool, written below them.
    """
    shape = len(chosen) + 1, n_actions + 1
    parts = [shapes.grid(*shape)]
    for action in range(n_actions):
        x, y = shapes.centre(0, action + 1)
        parts.append(shapes.words(str(action), x, y + 6))
    for i, action in enumerate(chosen):
        x, y = shapes.centre(i + 1, 0)
        if numbers:
            parts.append(shapes.words(str(numbers[i]), x, y + 17, 11))
        parts.append(shapes.agent(i, x, y - 6 * bool(numbers), 12))
        if action >= 0:
            parts.append(shapes.target(*shapes.centre(i + 1, action + 1)))
    return shapes.canvas(shape[1] * CELL, shape[0] * CELL, parts, label)
