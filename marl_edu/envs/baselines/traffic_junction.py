"""Scripted policies for the Traffic Junction.

`look_ahead` sees every car and every route; the cars of the course see one cell. None knows the
arrivals to come.
"""

from functools import partial

import torch
from jaxtyping import Int
from torch import Tensor

from marl_edu.envs.baselines.task import ScriptedPolicy, Task, UniformPolicy
from marl_edu.envs.traffic_junction import BRAKE, GAS, TrafficJunction

ARRIVALS = {"easy": (0.1, 0.2, 0.3), "medium": (0.05, 0.1, 0.2), "hard": (0.02, 0.05)}


def always_gas(env: TrafficJunction) -> Int[Tensor, "B N"]:
    """Nobody ever waits. What a team learns that has found out nothing else."""
    return torch.full((env.num_envs, env.n_agents), GAS, device=env.device)


def always_brake(env: TrafficJunction) -> Int[Tensor, "B N"]:
    """Nobody ever moves, so the second car of an entry drives into the first."""
    return torch.full((env.num_envs, env.n_agents), BRAKE, device=env.device)


def look_ahead(env: TrafficJunction) -> Int[Tensor, "B N"]:
    """Everybody goes, except who would crash: one step ahead, with full information.

    Of two cars that want the same cell one brakes; a car that wants the cell of a braking car
    brakes too, and so on down the queue. No car on the road is ever hit this way. What remains is a
    car that arrives while another one stands on the entry. So the way is given to the car in whose
    queue an entry would be blocked, then to the longer queue, then to the car that has waited
    longer.
    """
    alive, route, place = env.alive, env.route, env.place
    N, last = env.n_agents, env.route_cells.shape[1] - 1
    cell = env.route_cells[route, place]
    ahead = env.route_cells[route, (place + 1).clamp_max(last)]
    remains = alive & (place + 1 < env.route_length[route])  # still on the road after GAS
    wants = torch.where(remains, ahead, -1)  # -1: nobody's cell
    same = wants[:, :, None] == wants[:, None, :]  # (B, N, N): i and j want the same cell
    rivals = same & remains[:, :, None] & ~torch.eye(N, dtype=torch.bool, device=env.device)
    behind = (wants[:, None, :] == cell[:, :, None]) & alive[:, :, None]  # j wants i's cell

    entry = alive & (place == 0)
    blocks, queue = entry, torch.zeros_like(place)
    for _ in range(N):  # down the queues behind each car, one car per round
        before, blocks = blocks, entry | (behind & blocks[:, None, :]).any(2)
        shorter, queue = queue, (behind * (1 + queue[:, None, :])).amax(2).clamp_max(N - 1)
        if torch.equal(before, blocks) and torch.equal(shorter, queue):
            break
    priority = (blocks * N + queue) * (env.max_steps + 1) + env.wait
    priority = priority * N + torch.arange(N, device=env.device)  # no ties

    brake = (rivals & (priority[:, None, :] > priority[:, :, None])).any(2)
    for _ in range(N):  # and who is behind a braking car, one car per round
        before, brake = brake, brake | (behind & brake[:, :, None]).any(1)
        if torch.equal(before, brake):
            break
    return torch.where(brake, BRAKE, GAS)


def _task(difficulty: str, arrival: float) -> Task:
    full = arrival == ARRIVALS[difficulty][-1]  # the arrival rate that teams are scored at
    rate = "" if full else f", p = {arrival}"
    return Task(
        key=difficulty if full else f"{difficulty}-p{arrival}",
        name=f"Traffic Junction, {difficulty}{rate}",
        isolates="talk: where the others are",
        make=partial(TrafficJunction, difficulty, arrival),
        score="success",
        unit="share of episodes without a crash",
        policies=(
            ScriptedPolicy("random", "random", UniformPolicy),
            ScriptedPolicy("always BRAKE", "open-loop", lambda: always_brake),
            ScriptedPolicy("always GAS", "open-loop", lambda: always_gas),
            ScriptedPolicy("look-ahead", "best", lambda: look_ahead),
        ),
        show="look-ahead" if full else "",
        trivial="always GAS",
    )


TASKS = tuple(_task(difficulty, arrivals[-1]) for difficulty, arrivals in ARRIVALS.items())
# The same junctions with fewer cars: what the papers report of the curriculum's easier levels.
EASIER_TASKS = tuple(_task(d, p) for d, arrivals in ARRIVALS.items() for p in arrivals[:-1])
