"""Predator-prey: who finds the prey should tell the others where it is.

Description:
    N predators on a grid of size x size cells look for one prey, which never moves. At the start
    all stand on different cells. Any number of predators may share a cell. A predator that has
    reached the prey stays there, whatever it does, and is still counted as alive.
Actions:
    `0` UP (row - 1), `1` RIGHT (column + 1), `2` DOWN (row + 1), `3` LEFT (column - 1), `4` STAY.
    All act at once; who would leave the grid stays where it is.
Observation, per predator, float32:
    for each cell of the (2 vision + 1)² square around it, row by row from the top left, one code
    of V = size² + 4 numbers: index row * size + column is 1 in the code of that cell of the grid;
    size² is never used; size² + 1 is 1 if the cell lies outside the grid; size² + 2 is 1 if the
    prey is there; size² + 3 is the number of predators there, itself included, in 0..N. All else
    is 0. O = (2 vision + 1)² V: 29 / 936 / 3636 at the published sizes.
Rewards, per predator, after the moves of a step, k of the N predators being on the prey:
    off the prey -0.05. On it: 0 ("mixed"), 0.05 k ("cooperative"), 0.05 / k ("competitive").
    "together", everybody alike: 1 if k is 2 or more, `penalty` if k is 1, otherwise 0. Whoever is
    on the prey alone does not stay there, but may move on.
Start and end:
    the N + 1 cells are drawn without replacement, all choices equally likely. In "mixed" mode the
    episode ends (terminated) in the step in which the last predator arrives, in "together" mode
    when two are on the prey at once; in the other modes, and without that, after `max_steps`
    (truncated). Success: all predators are on the prey; "together": two or more.
Arguments:
    size: of the grid, from 2. n_predators: N, from 1. vision: cells seen in each direction.
    max_steps: T. For sizes 5 / 10 / 20 these three default to 3, 0, 20 / 5, 1, 40 / 10, 1, 80;
    for any other size they must be given. mode: "mixed", "cooperative", "competitive", or
    "together", which needs two predators. penalty: of "together" alone, at most 0.
    num_envs, device, seed: as in every environment.
Reference scores, in steps until all are there, at the three published sizes:
    random moves 19.84 / 40.0 / 80.0 (successful in 2.9 / 0.0 / 0.0 %). Nobody can be faster than
    the expected distance of the farthest predator, 4.68 / 10.39 / 23.07. Published: 16.4 / 28.0 /
    77.4 without communication, 8.9 / 13.0 / 52.4 with it (IC3Net). A walk along the edges that
    looks at nothing takes 16.4 / 37.2 / 77.6, a spiral that all start at the centre 14.0 / 23.3 /
    64.2; both without a word. See `baselines/predator_prey.py`.
Source:
    IC3Net (arXiv 1812.09755) and the environment released with it. There success is not reported
    in "competitive" mode; here it means the same in all. "together" is ours, a small stag hunt
    after the penalised predator-prey of Weighted QMIX (arXiv 2006.10800), whose prey move.
"""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from marl_edu.core.checks import finite_number, one_of, positive_int, whole_number
from marl_edu.core.registry import register
from marl_edu.envs.base.env import BatchedEnv
from marl_edu.envs.drawing import shapes
from marl_edu.envs.drawing.shapes import CELL

UP, RIGHT, DOWN, LEFT, STAY = range(5)
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1), (0, 0))  # (row, column) of each action
STEP_REWARD, PREY_REWARD = -0.05, 0.05
MODES = ("mixed", "cooperative", "competitive", "together")
PUBLISHED = {  # by size
    5: {"n_predators": 3, "vision": 0, "max_steps": 20},
    10: {"n_predators": 5, "vision": 1, "max_steps": 40},
    20: {"n_predators": 10, "vision": 1, "max_steps": 80},
}


@register("predator-prey")
class PredatorPrey(BatchedEnv):
    """B grids with N predators and a prey each; the module's docstring is the specification."""

    n_actions = 5
    agent_name = "predator"
    frozen = ("predators", "on_prey")

    def __init__(
        self,
        size: int = 5,
        n_predators: int | None = None,
        vision: int | None = None,
        mode: str = "mixed",
        max_steps: int | None = None,
        penalty: float = 0.0,
        num_envs: int = 64,
        device: str = "cpu",
        seed: int | None = None,
    ):
        super().__init__(num_envs, device, seed)
        size = self.size = whole_number("size", size, 2)
        self.mode = one_of("mode", mode, MODES)
        self.n_agents = positive_int("n_predators", self._given("n_predators", n_predators))
        self.vision = whole_number("vision", self._given("vision", vision))
        self.max_steps = positive_int("max_steps", self._given("max_steps", max_steps))
        if self.n_agents >= size * size:
            raise ValueError(
                f"n_predators must be at most {size * size - 1} on a grid of {size} x {size}, so "
                f"that all and the prey find a cell of their own, got {self.n_agents}"
            )
        self.penalty = self._checked(penalty)
        self._build_tables()

    def _given(self, name: str, value: int | None) -> int:
        """`value`, or where it is None what was published for this size."""
        if value is None and self.size not in PUBLISHED:
            raise ValueError(
                f"{name} must be given for size {self.size}, got None: only sizes "
                f"{', '.join(map(str, PUBLISHED))} have published settings"
            )
        return PUBLISHED[self.size][name] if value is None else value

    def _checked(self, penalty: float) -> float:
        """The penalty, a number that this mode takes."""
        if self.mode == "together" and self.n_agents < 2:
            raise ValueError(f"n_predators must be at least 2 in this mode, got {self.n_agents}")
        found = finite_number(penalty)
        if found is None or found > 0 or (found and self.mode != "together"):
            raise ValueError(
                f'penalty must be a number of at most 0, and 0 unless mode is "together", got '
                f"{penalty!r} in mode {self.mode!r}"
            )
        return found

    def _build_tables(self) -> None:
        """What every cell's view shows of the grid, and which padded cells it consists of."""
        size, v = self.size, self.vision
        self.moves = torch.tensor(MOVES, device=self.device)
        vocab, window = size * size + 4, 2 * v + 1
        self.obs_dim = window * window * vocab
        classes = torch.full((size + 2 * v, size + 2 * v), size * size + 1)  # outside
        classes[v : v + size, v : v + size] = torch.arange(size * size).view(size, size)
        views = classes.unfold(0, window, 1).unfold(1, window, 1).reshape(size * size, -1)
        self._views = F.one_hot(views, vocab).float().flatten(1).to(self.device)  # (cells, O)
        # Things are looked up on a padded grid, so that a view never leaves it.
        padded = torch.arange((size + 2 * v) ** 2, device=self.device).view(size + 2 * v, -1)
        views = padded.unfold(0, window, 1).unfold(1, window, 1)
        self._view_cells = views.reshape(size * size, -1)  # (cells, window²)
        self._padded_cell = padded[v : v + size, v : v + size].flatten()

    @property
    def obs_high(self) -> Float[Tensor, " O"]:
        """1, but for the counts of predators: N."""
        high = torch.ones(self.obs_dim)
        high.view(-1, self.size**2 + 4)[:, -1] = self.n_agents
        return high

    def _reset(self) -> None:
        """Put everybody on a cell of its own."""
        cells = self.uniform(self.size**2).argsort(1)[:, : self.n_agents + 1]
        places = torch.stack([cells // self.size, cells % self.size], -1)
        self.predators, self.prey = places[:, :-1], places[:, -1]
        self.on_prey = torch.zeros_like(self.alive)

    def _step(self, actions: Int[Tensor, "B N"]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        moved = (self.predators + self.moves[actions]).clamp(0, self.size - 1)
        held = self.on_prey[..., None] & (self.mode != "together")
        self.predators = torch.where(held, self.predators, moved)
        self.on_prey = (self.predators == self.prey[:, None]).all(-1)
        k = self.on_prey.sum(1, keepdim=True)
        if self.mode == "together":
            paid = (k >= 2) + self.penalty * (k == 1)
            return paid.expand(-1, self.n_agents), self._success(), {}
        there = {
            "mixed": 0.0 * k,
            "cooperative": PREY_REWARD * k,
            "competitive": PREY_REWARD / k,  # used only where k > 0
        }[self.mode]
        reward = torch.where(self.on_prey, there, STEP_REWARD)
        caught = self.on_prey.all(1)
        return reward, caught if self.mode == "mixed" else torch.zeros_like(caught), {}

    def _success(self) -> Bool[Tensor, " B"]:
        return self.on_prey.sum(1) >= 2 if self.mode == "together" else self.on_prey.all(1)

    @property
    def state_dim(self) -> int:
        """S."""
        return 2 * self.size * (self.n_agents + 1)

    @property
    def state(self) -> Float[Tensor, "B S"]:
        """All there is to know: row and column, one-hot, of every predator and of the prey."""
        places = torch.cat([self.predators, self.prey[:, None]], 1)
        return F.one_hot(places, self.size).float().flatten(1)

    def _get_obs(self) -> Float[Tensor, "B N O"]:
        B, N = self.num_envs, self.n_agents
        cell = self.predators[..., 0] * self.size + self.predators[..., 1]
        here = self._padded_cell[cell]
        count = torch.zeros(B, (self.size + 2 * self.vision) ** 2, device=self.device)
        count.scatter_add_(1, here, torch.ones(B, N, device=self.device))
        seen = self._view_cells[cell]  # (B, N, window²)
        prey = self._padded_cell[self.prey[:, 0] * self.size + self.prey[:, 1]]
        obs = self._views[cell]
        codes = obs.view(*seen.shape, -1)
        codes[..., -1] = count.gather(1, seen.flatten(1)).view(seen.shape)
        codes[..., -2] = (seen == prey[:, None, None]).float()
        return obs

    def _draw(self, b: int) -> str:
        """Predators in one cell share it; the prey's ring stays visible around them."""
        v = self.vision
        places = [tuple(place) for place in self.predators[b].tolist()]
        outlines, discs = [], []
        for i, (row, column) in enumerate(places):
            here = [j for j, place in enumerate(places) if place == (row, column)]
            across = math.ceil(math.sqrt(len(here)))  # discs side by side in this cell
            down, right = divmod(here.index(i), across)
            middle = (across - 1) / 2
            x, y = shapes.centre(row + (down - middle) / across, column + (right - middle) / across)
            discs.append(shapes.agent(i, x, y, 15 / across))
            if v and here[0] == i:
                outlines.append(shapes.outline(row, column, v, self.size, self.size, i))
        prey = shapes.target(*shapes.centre(*self.prey[b].tolist()), radius=17)
        side = self.size * CELL
        there = int(self.on_prey[b].sum())
        label = (
            f"Predator-prey after {self.t} of {self.max_steps} steps: {there} of {self.n_agents} "
            f"predators are on the prey"
        )
        return shapes.canvas(
            side, side, [shapes.grid(self.size, self.size), *outlines, prey, *discs], label
        )
