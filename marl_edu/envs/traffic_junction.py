"""Traffic Junction: cars that see only their own cell must cross without a crash.

Description:
    Cars enter at the ends of roads, follow a given route and leave at its end. Each step every
    car either advances one cell or waits. Two cars in one cell have collided; the collision
    costs both of them, in every step that they share the cell, but stops nobody.
Actions:
    `0` GAS: advance one cell along the route. `1` BRAKE: stay. Empty slots' actions are ignored.
Observation, per car, float32, all zero for an empty slot:
    last action (0 or 1); the route's number / (routes - 1), in [0, 1]; then for each cell of the
    (2 vision + 1)² square around the car, row by row, a one-hot code of the cell's number with
    the count of cars in the cell on its last channel. O = 17 / 61 / 149 at vision 0.
    `route="one-hot"` replaces the route's single number by a one-hot code (not in the source).
Rewards, per car on the road:
    -0.01 x (steps since it entered), and -10 while it shares its cell with another car.
Order of a step:
    all cars act at once; cars past the end of their route leave; new cars arrive; then
    observation and reward. So a car that arrives on an occupied entry collides at once.
Arrivals:
    at each entry, in each step, with probability `arrival`, a random empty slot becomes a car
    with a random route of that entry, as long as a slot is empty.
Start and end:
    no cars at the start; the episode is always `max_steps` (20 / 40 / 80) long and ends by
    truncation. Success: nobody collided in the whole episode.
Arguments:
    difficulty: "easy" (N = 5, 2 routes), "medium" (N = 10, 12 routes), "hard" (N = 20, 56).
    arrival: probability per entry and step; default 0.3 / 0.2 / 0.05.
    vision: cells seen in each direction. num_envs: B environments stepped side by side.
    device, seed: of the tensors, and of the environment's own generator. route: see Observation.
Source:
    CommNet (arXiv 1605.07736) and the environment released with IC3Net (arXiv 1812.09755).
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from marl_edu.core.checks import one_of, probability, whole_number
from marl_edu.core.registry import register
from marl_edu.envs.base.env import BatchedEnv
from marl_edu.envs.drawing import junction
from marl_edu.envs.traffic_junction_roads import ROAD_MAPS

GAS, BRAKE = 0, 1
WAIT_PENALTY, CRASH_PENALTY = -0.01, -10.0
PARKED = 0  # empty slots stand on cell (0, 0), which is never a road


def curriculum(progress: float, start: float, end: float) -> float:
    """Arrival rate at `progress` in [0, 1] of a linear curriculum from `start` to `end`."""
    return start + (end - start) * probability("progress", progress)


@register("traffic-junction")
class TrafficJunction(BatchedEnv):
    """B junctions with room for N cars each; the module's docstring is the specification."""

    n_actions = 2
    agent_name = "car"
    info_keys = ("collided",)

    def __init__(
        self,
        difficulty: str = "easy",
        arrival: float | None = None,
        vision: int = 0,
        num_envs: int = 64,
        device: str = "cpu",
        seed: int | None = None,
        route: str = "number",
    ):
        roads = ROAD_MAPS[one_of("difficulty", difficulty, ROAD_MAPS)]
        super().__init__(num_envs, device, seed)
        self.vision = whole_number("vision", vision)
        self.difficulty, self.roads = difficulty, roads
        self.route_code = one_of("route", route, ("number", "one-hot"))
        self.arrival = roads.arrival if arrival is None else arrival
        self.n_agents, self.max_steps = roads.max_cars, roads.max_steps
        self._build_tables()

    @property
    def arrival(self) -> float:
        """Probability that a car arrives at an entry in one step; may be changed at any time."""
        return self._arrival

    @arrival.setter
    def arrival(self, value: float) -> None:
        self._arrival = probability("arrival", value)

    def _build_tables(self) -> None:
        """Look-up tables: route -> cells, entry -> routes, cell -> the static part of its view."""
        roads, v, side = self.roads, self.vision, self.roads.side
        routes = [route for entry in roads.routes for route in entry]
        self.n_routes, self.n_entries = len(routes), len(roads.routes)
        longest = max(len(route) for route in routes)
        # One more row for empty slots, whose every place is PARKED.
        cells = torch.full((self.n_routes + 1, longest), PARKED)
        for i, route in enumerate(routes):
            cells[i, : len(route)] = torch.tensor([row * side + column for row, column in route])
        self.route_cells = cells.to(self.device)
        lengths = [len(route) for route in routes] + [longest + 1]  # an empty slot never arrives
        self.route_length = torch.tensor(lengths, device=self.device)
        counts = torch.tensor([len(entry) for entry in roads.routes], device=self.device)
        self.entry_routes = counts  # routes per entry
        self.entry_first = counts.cumsum(0) - counts  # number of an entry's first route

        vocab = roads.base + 3
        classes = torch.full((side + 2 * v, side + 2 * v), roads.base)  # class of "outside"
        for (row, column), number in roads.cell_id.items():
            classes[row + v, column + v] = number
        window = 2 * v + 1
        views = classes.unfold(0, window, 1).unfold(1, window, 1).reshape(side * side, -1)
        self.views = F.one_hot(views, vocab).float().flatten(1).to(self.device)  # (cells, O - 2)
        # Where each cell of a view lies on the padded grid on which cars are counted.
        grid = torch.arange((side + 2 * v) ** 2).view(side + 2 * v, -1)
        windows = grid.unfold(0, window, 1).unfold(1, window, 1)
        self.view_cells = windows.reshape(side * side, -1).to(self.device)
        self.padded_cell = grid[v : v + side, v : v + side].flatten().to(self.device)
        self._padded_size = (side + 2 * v) ** 2
        self._vocab = vocab
        self._route_dim = 1 if self.route_code == "number" else self.n_routes
        self.obs_dim = 1 + self._route_dim + self.views.shape[1]

    @property
    def obs_high(self) -> Float[Tensor, " O"]:
        """1, but for the counts of cars: N."""
        high = torch.ones(self.obs_dim)
        high[1 + self._route_dim :].view(-1, self._vocab)[:, -1] = self.n_agents
        return high

    def _reset(self) -> None:
        """Empty the roads and draw the episode's chances."""
        B, N, E = self.num_envs, self.n_agents, self.n_entries
        self.draws = self.uniform(self.max_steps, 2 * E + N)
        self.alive = torch.zeros(B, N, dtype=torch.bool, device=self.device)
        self.route = torch.full((B, N), self.n_routes, device=self.device)
        self.place = torch.zeros(B, N, dtype=torch.int64, device=self.device)
        self.wait = torch.zeros(B, N, dtype=torch.int64, device=self.device)
        self.last_action = torch.zeros(B, N, dtype=torch.int64, device=self.device)
        self.success = torch.ones(B, dtype=torch.bool, device=self.device)
        self.seen = self._look()

    def _step(self, actions: Int[Tensor, "B N"]) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        gas = self.alive & (actions == GAS)
        self.place = self.place + gas
        self.wait = self.wait + self.alive
        self.last_action = torch.where(self.alive, actions, self.last_action)
        completed = self.place == self.route_length[self.route]
        self._arrive(self.now(self.draws), self.alive & ~completed)

        cell, count = self.seen = self._look()
        collided = self.alive & (count.gather(1, self.padded_cell[cell]) > 1)
        self.success = self.success & ~collided.any(1)
        reward = WAIT_PENALTY * self.wait + CRASH_PENALTY * collided  # empty slots wait 0
        info = {"completed": completed, "collided": collided}
        return reward, torch.zeros_like(self.success), info

    def _success(self) -> Bool[Tensor, " B"]:
        return self.success

    def _arrive(self, u: Float[Tensor, "B chances"], staying: Bool[Tensor, "B N"]) -> None:
        """Empty the slots that are not `staying`, then place the arrivals that `u` decides."""
        E, N = self.n_entries, self.n_agents
        arriving = u[:, :E] < self._arrival  # (B, E)
        chosen = (u[:, E : 2 * E] * self.entry_routes).long() + self.entry_first
        # Empty slots in random order come first; the k-th arrival takes the k-th of them.
        order = (u[:, 2 * E :] + staying).argsort(1)
        rank = arriving.cumsum(1) - 1
        placed = arriving & (rank < (~staying).sum(1, keepdim=True))
        slot = torch.where(placed, order.gather(1, rank.clamp(0, N - 1)), N)  # N: nowhere
        new_route = torch.full((len(u), N + 1), self.n_routes, device=self.device)
        new_route = new_route.scatter_(1, slot, chosen)[:, :N]

        self.route = torch.where(staying, self.route, new_route)
        self.place = self.place * staying
        self.wait = self.wait * staying
        self.last_action = self.last_action * staying
        self.alive = self.route < self.n_routes

    def _look(self) -> tuple[Int[Tensor, "B N"], Int[Tensor, "B cells"]]:
        """Each slot's cell, and the number of cars on every cell of the padded grid."""
        cell = self.route_cells[self.route, self.place]
        count = torch.zeros(len(cell), self._padded_size, dtype=torch.int64, device=self.device)
        count.scatter_add_(1, self.padded_cell[cell], torch.ones_like(cell))
        return cell, count

    def _get_obs(self) -> Float[Tensor, "B N O"]:
        cell, count = self.seen
        B, N, R = self.num_envs, self.n_agents, self._route_dim
        obs = torch.empty(B, N, self.obs_dim, device=self.device)
        obs[..., 0] = self.last_action
        if self.route_code == "number":
            obs[..., 1] = self.route / max(self.n_routes - 1, 1)
        else:
            obs[..., 1 : 1 + R] = F.one_hot(self.route, R + 1)[..., :R]
        obs[..., 1 + R :] = self.views[cell]
        seen = count.gather(1, self.view_cells[cell].flatten(1)).view(B, N, -1)
        obs[..., 1 + R :].view(B, N, -1, self._vocab)[..., -1] = seen.float()
        return obs * self.alive[..., None]

    def _draw(self, b: int) -> str:
        """A bar before a car says that it waited in the last step."""
        routes = [route for entry in self.roads.routes for route in entry]
        return junction.draw(
            self.roads,
            [
                junction.car(
                    i,
                    routes[int(self.route[b, i])],
                    int(self.place[b, i]),
                    waits=int(self.last_action[b, i]) == BRAKE,
                )
                for i in range(self.n_agents)
                if self.alive[b, i]
            ],
            label=f"Junction after {self.t} of {self.max_steps} steps",
        )
