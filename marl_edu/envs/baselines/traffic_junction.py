"""Rules that need no learning, and what they score: the anchors between which results are read.

A policy is a function `(world) -> actions (B, N)`. `look_ahead` sees every car of the junction
and every route; the cars of the course see one cell. Neither knows the arrivals to come.

    python -m marl_edu.envs.scripted        measures all anchors: book/results/anchors.json
"""

import argparse
import platform
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Int
from scipy.stats import binomtest
from torch import Tensor

from marl_edu.core import storage
from marl_edu.envs.speaker_probe import SpeakerProbe
from marl_edu.envs.traffic_junction import BRAKE, GAS, TrafficJunction

ANCHORS = Path(__file__).resolve().parents[2] / "book" / "results" / "anchors.json"
ARRIVALS = {"easy": (0.1, 0.2, 0.3), "medium": (0.05, 0.1, 0.2), "hard": (0.02, 0.05)}

Policy = Callable[[Any], Tensor]


def always_gas(world: TrafficJunction) -> Int[Tensor, "B N"]:
    """Nobody ever waits. What a team learns that has found out nothing else."""
    return torch.full((world.batch_size, world.n_agents), GAS, device=world.device)


def always_brake(world: TrafficJunction) -> Int[Tensor, "B N"]:
    """Nobody ever moves, so the second car of an entry drives into the first."""
    return torch.full((world.batch_size, world.n_agents), BRAKE, device=world.device)


def uniform(world, generator: torch.Generator) -> Int[Tensor, "B N"]:
    """Every action equally often; `generator` is on the CPU."""
    shape = (world.batch_size, world.n_agents)
    return torch.randint(world.n_actions, shape, generator=generator).to(world.device)


def look_ahead(world: TrafficJunction) -> Int[Tensor, "B N"]:
    """Everybody goes, except who would crash: one step ahead, with full information.

    Of two cars that want the same cell one brakes; who wants the cell of a braking car brakes
    too, and so on down the queue. No car on the road is ever hit this way. What remains is a car
    that arrives while another one stands on the entry, so the way is given to the car in whose
    queue an entry would be blocked, then to the longer queue, then to who has waited longer.
    """
    alive, route, place = world.alive, world.route, world.place
    N, last = world.n_agents, world.route_cells.shape[1] - 1
    cell = world.route_cells[route, place]
    ahead = world.route_cells[route, (place + 1).clamp_max(last)]
    stays = alive & (place + 1 < world.route_length[route])  # still on the road after GAS
    wants = torch.where(stays, ahead, -1)  # -1: nobody's cell
    same = wants[:, :, None] == wants[:, None, :]  # (B, N, N): i and j want the same cell
    rivals = same & stays[:, :, None] & ~torch.eye(N, dtype=torch.bool, device=world.device)
    behind = (wants[:, None, :] == cell[:, :, None]) & alive[:, :, None]  # j wants i's cell

    entry = alive & (place == 0)
    blocks, queue = entry, torch.zeros_like(place)
    for _ in range(N):  # down the queues behind each car, one car per round
        before, blocks = blocks, entry | (behind & blocks[:, None, :]).any(2)
        shorter, queue = queue, (behind * (1 + queue[:, None, :])).amax(2).clamp_max(N - 1)
        if torch.equal(before, blocks) and torch.equal(shorter, queue):
            break
    priority = (blocks * N + queue) * (world.max_steps + 1) + world.wait
    priority = priority * N + torch.arange(N, device=world.device)  # no ties

    brake = (rivals & (priority[:, None, :] > priority[:, :, None])).any(2)
    for _ in range(N):  # and who is behind a braking car, one car per round
        before, brake = brake, brake | (behind & brake[:, :, None]).any(1)
        if torch.equal(before, brake):
            break
    return torch.where(brake, BRAKE, GAS)


class Share(NamedTuple):
    """A share of `n` fresh episodes with its 95 % interval (Wilson's)."""

    success: float
    low: float
    high: float
    n: int


def success(world: TrafficJunction, policy: Policy, episodes: int, seed: int = 0) -> Share:
    """Share of at least `episodes` fresh episodes without a crash, in batches of the world's B."""
    batches = -(-episodes // world.batch_size)
    wins = 0
    for batch in range(batches):
        world.reset(seed + batch)
        for _ in range(world.max_steps):
            info = world.step(policy(world))[-1]
        wins += int(info["success"].sum())
    n = batches * world.batch_size
    interval = binomtest(wins, n).proportion_ci(0.95, "wilson")
    return Share(wins / n, float(interval.low), float(interval.high), n)


def policies(seed: int = 0) -> dict[str, Policy]:
    """Every rule by its name."""
    random = partial(uniform, generator=torch.Generator().manual_seed(seed))
    return {
        "random": random,
        "always_gas": always_gas,
        "always_brake": always_brake,
        "look_ahead": look_ahead,
    }


def measure(episodes: int, seed: int = 0, batch_size: int = 500) -> dict[str, Any]:
    """All anchors, as `anchors.json` holds them.

    Returns:
        world -> difficulty -> arrival -> rule -> share with its interval; for each task of the
        book its "trivial" and its "best" anchor; and how the numbers were made.
    """
    junction: dict[str, dict[str, dict[str, Any]]] = {}
    tasks: dict[str, dict[str, Any]] = {}
    for difficulty, arrivals in ARRIVALS.items():
        rows = junction[difficulty] = {}
        for arrival in arrivals:
            world = TrafficJunction(difficulty, arrival, batch_size=batch_size)
            rows[str(arrival)] = {
                name: success(world, policy, episodes, seed)._asdict()
                for name, policy in policies(seed).items()
            }
        full = rows[str(arrivals[-1])]
        tasks[difficulty] = {
            "trivial": {"name": "always GAS", **full["always_gas"]},
            "best": {"name": "look-ahead", **full["look_ahead"]},
        }
    symbols = SpeakerProbe().n_actions
    alone, together = {"success": 1 / symbols}, {"success": 1.0}  # exact, see speaker_probe.py
    for distractors in (1, 3, 7, 15):
        tasks[f"probe{distractors}"] = {
            "trivial": {"name": "no communication", **alone},
            "best": {"name": "full communication", **together},
        }
    return {
        "traffic-junction": junction,
        "speaker-probe": {str(symbols): {"no_communication": alone, "full": together}},
        **tasks,
        "provenance": {
            "command": "python -m marl_edu.envs.scripted",
            "episodes": episodes,
            "seed": seed,
            "interval": "Wilson, 95 %",
            "versions": {"python": platform.python_version(), "torch": torch.__version__},
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure what rules without learning score.")
    parser.add_argument("--episodes", type=int, default=4000, help="per rule (4000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=ANCHORS, help="the file (%(default)s)")
    options = parser.parse_args(arguments)
    anchors = measure(options.episodes, options.seed)
    for difficulty, rows in anchors["traffic-junction"].items():
        for arrival, rules in rows.items():
            for rule, s in rules.items():
                interval = f"{s['low']:7.2%} to {s['high']:7.2%}"
                print(f"{difficulty:7} {arrival:5} {rule:13} {s['success']:7.2%}  {interval}")
    storage.write_json(options.out, anchors)
    print(f"written: {options.out}")


if __name__ == "__main__":
    main()
