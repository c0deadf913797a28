"""Level-based foraging: food that is too heavy for one is lifted together.

Description:
    N agents and some food on a grid of size x size cells. Agents and food have a level, a whole
    number. Agents beside a piece of food that load in the same step carry it off if their levels
    sum to at least its own. Food does not move, and nothing grows again.
Actions:
    `0` NONE, `1` NORTH (row - 1), `2` SOUTH (row + 1), `3` WEST (column - 1), `4` EAST
    (column + 1), `5` LOAD. A move is valid unless it leaves the grid or ends on food, LOAD if food
    is in one of the four cells beside the agent. `available` offers the valid ones. What is not
    valid may be chosen all the same: it is NONE.
Order of a step:
    1. What is not valid before the step becomes NONE.
    2. Everybody has a cell it wants: its next one, or its own if it does not move. If several want
       the same cell, all of them stay. Cells of others are no obstacle, so two may swap. An agent
       may end up on the cell of another that wanted to leave and could not.
    3. For each piece of food, let s be the sum of levels of the agents beside it that load. If
       s > 0 and s >= its level, the food is gone.
Observation, per agent, O = 3 F + 3 N, float32:
    for each piece of food in view its row, column and level, row by row; then the same of each
    agent in view, itself first, the others in order. What is missing at the end of either list is
    -1, -1, 0. Rows and columns count from the upper left corner of the view, which reaches `sight`
    cells in each direction and ends at the edge of the grid. So everybody sees everything with a
    `sight` of `size`. As in the original, other agents are in view if their row and column, so
    counted, lie in 0..2 sight: at the upper and left edge somewhat earlier than food.
Rewards, in a step in which a piece of food of level l is loaded by agents of levels summing to s:
    to each of these, of level v: v l, divided by s L, where L is the sum of all food levels at the
    start (`normalise_reward`). So the rewards of all agents and steps sum to 1 if all food is
    eaten. To each that loads in vain: -`penalty`.
Start and end:
    agents have levels from `min_player_level` to `max_player_level` and cells of their own, all
    equally likely. Then the food, one piece after the other: its cell is any that is neither at
    the edge of the grid nor an agent's, such that no other food is in the 3 x 3 cells around it or
    two cells away in a straight line. Where there is none left, the rest of the food is left out.
    Its level is any from `min_food_level` to the largest, and always the largest with `coop`. The
    largest is `max_food_level`; None: the sum of the three lowest levels of agents. The episode
    ends (terminated) when all food is gone, or (truncated) after `max_steps`. Success: the share of
    all food levels that is gone.
Arguments:
    size: from 3. n_agents: N. n_food: F. sight: from 1; None: size. coop, max_steps,
    min_player_level, max_player_level, min_food_level, max_food_level, penalty, normalise_reward:
    as above. action_masks: whether `available` leaves out what is not valid. num_envs, device,
    seed: as in every environment. `settings("Foraging-8x8-2p-2f-coop-v3")` gives the arguments
    that go with a name of the original; the defaults are of this name.
State:
    `agents` `(B, N)` and `food` `(B, F)` are numbers of cells, row by row on a grid with a border
    of one cell, as `cell_of` counts them; food that is gone has 0. `agent_level`, `food_level`,
    `spawned` `(B,)`, which is L.
Differences from the original:
    there all food gone and time up are both "done"; here they are kept apart. Left out are grids as
    observations, fields that are not square, and levels bounded agent by agent. An agent beside
    two pieces of food, which no start allows, loads one of them there and both here.
Reference scores, percent of the food, of the first three of BENCHMARKS:
    random 0.7 / 0.7 / 11.3, to and fro without looking 28.7 / 28.7 / 15.8, to the food nearest to
    all in view 80.6 / 36.8 / 60.4, together 100. See `baselines/foraging.py`.
Source:
    Papoudakis et al. 2021 (arXiv 2006.07869); lbforaging 2.0.
"""

import re
from typing import Any

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from marl_edu.core.checks import finite_number, positive_int, whole_number
from marl_edu.core.registry import register
from marl_edu.envs.base.env import BatchedEnv
from marl_edu.envs.drawing import shapes
from marl_edu.envs.drawing.shapes import CELL

NONE, NORTH, SOUTH, WEST, EAST, LOAD = range(6)
# Names of the original that papers report, of 1,920; `settings` knows them all.
BENCHMARKS = (
    "Foraging-8x8-2p-2f-coop-v3",
    "Foraging-2s-8x8-2p-2f-coop-v3",
    "Foraging-10x10-3p-3f-v3",
    "Foraging-2s-10x10-3p-3f-v3",
    "Foraging-15x15-4p-3f-v3",
)
NAME = re.compile(
    r"Foraging(-(?P<sight>\d+)s)?-(?P<size>\d+)x(?P<columns>\d+)-(?P<n_agents>\d+)p"
    r"-(?P<n_food>\d+)f(?P<coop>-coop)?(?P<light>-ind)?(?P<penalty>-pen)?-v3"
)


def settings(name: str) -> dict[str, Any]:
    """The arguments of `Foraging` that go with a name of the original.

    Args:
        name: its parts are "-2s", two cells of sight, then size, players and food, "-coop", "-ind",
            all food has level 1, "-pen", a penalty of 0.1, and the version.
    Raises:
        ValueError: no such name.
    """
    found = NAME.fullmatch(name)
    if not found or found["size"] != found["columns"]:
        raise ValueError(
            "name must be one of lbforaging's, with a square field, such as "
            f"'Foraging-8x8-2p-2f-coop-v3' or 'Foraging-2s-10x10-3p-3f-v3', got {name!r}"
        )
    given: dict[str, Any] = {key: int(found[key]) for key in ("size", "n_agents", "n_food")}
    given |= {"sight": int(found["sight"] or given["size"]), "coop": bool(found["coop"])}
    if found["light"]:
        given["max_food_level"] = 1
    if found["penalty"]:
        given["penalty"] = 0.1
    return given


def pack(
    rows: Float[Tensor, "many three *B"], seen: Bool[Tensor, "many *B"]
) -> Float[Tensor, "many three *B"]:
    """The rows that are seen, in their order, and behind them zeros."""
    number = torch.arange(1, len(rows) + 1, device=rows.device).view(-1, *[1] * seen.dim())
    here = seen.cumsum(0) * seen == number  # [k, j]: row j is the one that comes to place k
    return (here[:, :, None] * rows).sum(1)


def batch_last(x: Shaped[Tensor, "B many"]) -> Shaped[Tensor, "many B"]:
    """The same with the batch as the last axis: comparing all with all is several times faster."""
    return x.T.contiguous()


@register("foraging")
class Foraging(BatchedEnv):
    """B fields with N agents and F pieces of food; the module's docstring is the specification."""

    n_actions = 6
    frozen = ("agents", "food", "food_level")

    def __init__(
        self,
        size: int = 8,
        n_agents: int = 2,
        n_food: int = 2,
        sight: int | None = None,
        coop: bool = True,
        max_steps: int = 50,
        min_player_level: int = 1,
        max_player_level: int = 2,
        min_food_level: int = 1,
        max_food_level: int | None = None,
        penalty: float = 0.0,
        normalise_reward: bool = True,
        action_masks: bool = True,
        num_envs: int = 64,
        device: str = "cpu",
        seed: int | None = None,
    ):
        super().__init__(num_envs, device, seed)
        size = self.size = whole_number("size", size, 3)
        N, F = positive_int("n_agents", n_agents), positive_int("n_food", n_food)
        if size * size < N:
            raise ValueError(
                f"n_agents must be at most {size * size} on a grid of {size} x {size}, got {N}"
            )
        self.n_agents, self.n_food, self.coop = N, F, coop
        self.sight = size if sight is None else positive_int("sight", sight)
        self.max_steps = positive_int("max_steps", max_steps)
        low = positive_int("min_player_level", min_player_level)
        self.player_levels = (low, whole_number("max_player_level", max_player_level, low))
        low = self.min_food_level = positive_int("min_food_level", min_food_level)
        self.max_food_level = max_food_level
        if max_food_level is not None:
            self.max_food_level = whole_number("max_food_level", max_food_level, low)
        elif low > (lightest := min(N, 3) * self.player_levels[0]):
            raise ValueError(
                f"min_food_level must be at most {lightest}, the least that the three weakest "
                f"agents may lift, unless max_food_level is given, got {low}"
            )
        found = finite_number(penalty)
        if found is None or found < 0:
            raise ValueError(f"penalty must be a number of at least 0, got {penalty!r}")
        self.penalty = found
        self.normalise_reward, self.action_masks = normalise_reward, action_masks
        self.obs_dim = 3 * F + 3 * N
        self._build_tables()

    def _build_tables(self) -> None:
        """What there is to know about cells: their neighbours, and where food keeps away from."""
        size, width = self.size, self.size + 2
        self.steps = torch.tensor([0, -width, width, -1, 1, 0], device=self.device)  # of actions
        side = torch.arange(-1.0, size + 1, device=self.device)
        self.places = torch.cartesian_prod(side, side)  # (cells, 2)
        self.row, self.column = (self.places + 1).T.contiguous()  # from 1: nothing is 0, 0, 0
        self.on_grid = ((self.places >= 0) & (self.places < size)).all(1)
        self.cells = self.on_grid.nonzero()[:, 0]  # (size²,)
        grid = self.places[self.cells]
        away = (grid[:, None] - grid).abs()  # (size², size²)
        line = (away.amin(-1) == 0) & (away.amax(-1) <= 2)
        self.too_near = (away.amax(-1) <= 1) | line
        self.off_edge = ((grid > 0) & (grid < size - 1)).all(1)  # where food may lie
        others = [[i, *(j for j in range(self.n_agents) if j != i)] for i in range(self.n_agents)]
        self.order = torch.tensor(others, device=self.device).T  # (N, N): itself first
        first, reach = [1.0, 1.0, 0.0], [self.sight + 1.0, self.sight + 1.0, torch.inf]
        self.first, self.reach = torch.tensor([first, reach], device=self.device)[:, :, None, None]

    def cell_of(self, row: int, column: int) -> int:
        """The number of a cell."""
        return (row + 1) * (self.size + 2) + column + 1

    @property
    def obs_low(self) -> Float[Tensor, " O"]:
        """-1 for rows and columns, 0 for levels."""
        return torch.tensor([-1.0, -1.0, 0.0]).repeat(self.n_food + self.n_agents)

    @property
    def obs_high(self) -> Float[Tensor, " O"]:
        """The last row and column, and the largest levels."""
        last, strongest = self.size - 1.0, float(self.player_levels[1])
        heaviest = float(self.max_food_level or min(self.n_agents, 3) * strongest)
        high = [last, last, heaviest] * self.n_food + [last, last, strongest] * self.n_agents
        return torch.tensor(high)

    # -- start and step ---------------------------------------------------------------------------

    def _reset(self) -> None:
        B, N = self.num_envs, self.n_agents
        at = self.uniform(self.size**2).topk(N, 1).indices
        self.agents = self.cells[at]
        low, high = self.player_levels
        self.agent_level = low + (self.uniform(N) * (high - low + 1)).floor()
        self.food = self._place_food(self.off_edge.repeat(B, 1).scatter_(1, at, False))
        most = self.agent_level.sort(1).values[:, :3].sum(1)
        if self.max_food_level is not None:
            most = torch.full_like(most, self.max_food_level)
        least = most if self.coop else torch.full_like(most, self.min_food_level)
        more = self.uniform(self.n_food) * (most - least + 1)[:, None]
        level = least[:, None] + more.floor()
        self.food_level = torch.where(self.food > 0, level, 0.0)
        self.spawned = self.food_level.sum(1)

    def _place_food(self, free: Bool[Tensor, "B cells"]) -> Int[Tensor, "B F"]:
        """A cell for each piece of food, row by row; 0 where none was free any more."""
        chance, found = self.uniform(self.n_food), []
        for u in chance.unbind(1):
            number = (u * free.sum(1)).long()  # of the cells that are still free
            at = (free.cumsum(1) > number[:, None]).int().argmax(1)
            found.append(torch.where(free.any(1), self.cells[at], len(self.places)))
            free = free & ~self.too_near[at]
        food = torch.stack(found, 1).sort(1).values
        return torch.where(food < len(self.places), food, 0)

    def _valid(self) -> Bool[Tensor, "A N B"]:
        """Which actions do what they say."""
        to = batch_last(self.agents) + self.steps[NORTH:LOAD, None, None]  # (4, N, B)
        food = (to[:, :, None] == batch_last(self.food)).any(2)
        moves = self.on_grid.take(to) & ~food
        load = food.any(0, keepdim=True)
        return torch.cat([torch.ones_like(load), moves, load])

    def _step(self, actions: Int[Tensor, "B N"]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        agents, level = batch_last(self.agents), batch_last(self.agent_level)
        food, weight = batch_last(self.food), batch_last(self.food_level)
        chosen = batch_last(actions.long())
        ahead = agents + self.steps.take(chosen)
        free = self.on_grid.take(ahead) & (ahead[:, None] != food).all(1)
        wanted = torch.where(free, ahead, agents)
        alone = (wanted[:, None] == wanted).sum(1) == 1
        agents = torch.where(alone, wanted, agents)

        away = (agents[:, None] - food).abs()  # (N, F, B)
        loads = ((away == 1) | (away == self.size + 2)) & (chosen == LOAD)[:, None]
        strength = (loads * level[:, None]).sum(0)  # (F, B)
        left = strength < weight  # what is gone is not
        value = weight * ~left
        if self.normalise_reward:
            value = value / (strength * self.spawned).clamp_min(1)
        reward = level * (loads * value).sum(1)  # (N, B)
        if self.penalty:
            reward = reward - self.penalty * (loads & left).any(1)
        self.agents, self.food, self.food_level = agents.T, (food * left).T, (weight * left).T
        return reward.T.contiguous(), ~self.food.any(1), {}

    def _available(self) -> Bool[Tensor, "..."]:
        if not self.action_masks or self.t < 0:  # before the first reset there is no place
            return super()._available()
        return self._valid().permute(2, 1, 0)

    @property
    def available_changes(self) -> bool:
        """Whether what is not valid is left out of `available`."""
        return self.action_masks

    def _check_available(self, actions: Tensor) -> None:
        """Nothing: who chooses what is not valid does nothing, as in the original."""

    def _success(self) -> Float[Tensor, " B"]:
        return 1 - self.food_level.sum(1) / self.spawned.clamp_min(1)

    # -- what agents see, and the picture ---------------------------------------------------------

    def _get_obs(self) -> Float[Tensor, "B N O"]:
        agents = self._rows(self.agents, self.agent_level)  # (N, 3, B)
        food = self._rows(self.food, self.food_level)
        others = agents[self.order].movedim(2, 1)  # (N, 3, N, B): what each sees, itself first
        if self.sight >= self.size:
            food = pack(food, food[:, 2] > 0)[:, :, None].expand(-1, -1, self.n_agents, -1)
        else:
            food, others = self._in_view(food[:, :, None], others, agents.movedim(1, 0))
        seen = torch.cat([food, others]).sub_(self.first).movedim(2, 0)  # (N, F + N, 3, B)
        return seen.flatten(0, 2).T.contiguous().view(self.num_envs, self.n_agents, -1)

    def _rows(
        self, cells: Int[Tensor, "B many"], level: Float[Tensor, "B many"]
    ) -> Float[Tensor, "many 3 B"]:
        """Row and column, counted from 1, and level of each; zeros of what is gone."""
        at = batch_last(cells)
        return torch.stack([self.row.take(at), self.column.take(at), batch_last(level)], 1)

    def _in_view(
        self,
        food: Float[Tensor, "F 3 1 B"],
        others: Float[Tensor, "N 3 N B"],
        own: Float[Tensor, "3 N B"],
    ) -> tuple[Float[Tensor, "F 3 N B"], Float[Tensor, "N 3 N B"]]:
        """What each agent, at its `own` place, sees of both, from the corner of its view."""
        corner = (own - self.reach).clamp_min(0)  # and 0 for levels
        near = ((food - own)[:, :2].abs().amax(1) <= self.sight) & (food[:, 2] > 0)
        others = others - corner
        within = (others[:, :2] - (self.sight + 1)).abs().amax(1) <= self.sight
        return pack(food - corner, near), pack(others, within)

    def _draw(self, b: int) -> str:
        """Agents carry their level after their number; food, a ring, has its level inside."""
        parts = [shapes.grid(self.size, self.size)]
        places = self.places[self.agents[b]].long().tolist()
        if self.sight < self.size:
            for i, (row, column) in enumerate(places):
                parts.append(shapes.outline(row, column, self.sight, self.size, self.size, i))
        for cell, level in zip(self.food[b].tolist(), self.food_level[b].tolist(), strict=True):
            if level:
                x, y = shapes.centre(*self.places[cell].tolist())
                parts += [shapes.target(x, y, 13), shapes.words(f"{level:.0f}", x, y + 5, 15)]
        for i, (row, column) in enumerate(places):
            x, y = shapes.centre(row, column)
            same = [j for j, place in enumerate(places) if place == [row, column]]
            x += (same.index(i) - (len(same) - 1) / 2) * CELL / len(same)
            level = f"level {self.agent_level[b, i]:.0f}"
            parts.append(shapes.agent(i, x, y - 3, 14 / len(same)))
            parts.append(shapes.words(level, x, y + 18, 10))
        left = int((self.food[b] > 0).sum())
        label = (
            f"Foraging after {self.t} of {self.max_steps} steps: {left} of {self.n_food} pieces of "
            f"food left"
        )
        side = self.size * CELL
        return shapes.canvas(side, side, parts, label)
