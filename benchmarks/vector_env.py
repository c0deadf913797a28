"""What Gymnasium's vector interface costs: a batch through `to_vector` beside the batch itself.

    python benchmarks/vector_env.py            print
    python benchmarks/vector_env.py --save     ... to book/results/benchmark-vector-env.json

The easy junction, the T-maze and cooperative navigation, 1,024 environments each, one thread,
random actions drawn beforehand; 200 steps after 20. The batch itself is reset when its T steps are
over, as in our loops; through the interface whoever ends begins anew in its next step. Turns are
taken, five each, and the median of the core seconds counts. Goal: at most 1.5 times the batch's.
"""

import argparse
import itertools
import os
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from junction import Row

from marl_edu import results
from marl_edu.core import storage
from marl_edu.core.provenance import cpu_model, git_commit, now
from marl_edu.envs import CooperativeNavigation, TMaze, TrafficJunction
from marl_edu.envs.adapters import to_vector
from marl_edu.envs.base.env import BatchedEnv

ENVS: dict[str, Callable[..., BatchedEnv]] = {
    "junction easy": TrafficJunction,
    "T-maze": TMaze,
    "cooperative navigation": CooperativeNavigation,
}
GOAL = 1.5

Play = Callable[[int], None]  # the next so many steps


def actions_for(env: BatchedEnv, steps: int) -> np.ndarray:
    """Random actions of everybody, `(steps, B, N)`."""
    shape = (steps, env.num_envs, env.n_agents)
    return np.random.default_rng(0).integers(np.array(env.action_counts), size=shape)


def batch_itself(make: Callable[..., BatchedEnv], num_envs: int, steps: int) -> Play:
    """So many steps of the batch, its resets included."""
    env = make(num_envs=num_envs, seed=0)
    actions = iter(torch.from_numpy(actions_for(env, steps)))
    env.reset()

    def play(count: int) -> None:
        for row in itertools.islice(actions, count):
            if env.t == env.max_steps:
                env.reset()
            env.step(row)

    return play


def through_gymnasium(make: Callable[..., BatchedEnv], num_envs: int, steps: int) -> Play:
    """So many steps of the vector environment, which begins anew by itself."""
    vector = to_vector(make(num_envs=num_envs, seed=0))
    actions = actions_for(vector.env, steps)
    if vector.env.n_agents == 1:
        actions = actions[:, :, 0]
    rows = iter(actions)
    vector.reset()

    def play(count: int) -> None:
        for row in itertools.islice(rows, count):
            vector.step(row)

    return play


def measure(name: str, num_envs: int, steps: int, warm_up: int, rounds: int) -> Row:
    """Core seconds of both, in turns, and how many times as long the interface takes."""
    times: dict[str, list[float]] = {"batch": [], "vector": []}
    for _ in range(rounds):
        for way, begin in (("batch", batch_itself), ("vector", through_gymnasium)):
            play = begin(ENVS[name], num_envs, steps + warm_up)
            play(warm_up)
            start = time.process_time()
            play(steps)
            times[way].append(time.process_time() - start)
    batch, vector = (statistics.median(times[way]) for way in ("batch", "vector"))
    per_second = num_envs * steps / vector
    row: Row = {"environment": name, "num_envs": num_envs, "seconds": times}
    return row | {"ratio": vector / batch, "steps_per_second": per_second}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and save if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--envs", nargs="+", choices=list(ENVS), default=list(ENVS))
    parser.add_argument("--num-envs", type=int, default=1024, help="B (1024)")
    parser.add_argument("--steps", type=int, default=200, help="that are measured (200)")
    parser.add_argument("--warm-up", type=int, default=20, help="steps before them (20)")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median counts (5)")
    parser.add_argument("--save", action="store_true", help="write it below book/results")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    if load is not None and load > 0.5:
        print(f"The machine is busy (load {load:.1f}): ratios are better than times.\n")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows = []
    print(f"{'':24}{'batch itself':>12}{'vector':>12}{'ratio':>8}{'steps/s':>14}")
    for name in options.envs:
        row = measure(name, options.num_envs, options.steps, options.warm_up, options.rounds)
        rows.append(row)
        batch, vector = (statistics.median(row["seconds"][way]) for way in ("batch", "vector"))
        said = "" if row["ratio"] <= GOAL else f"  above {GOAL}"
        each = "".join(f"{1e3 * seconds / options.steps:9.2f} ms" for seconds in (batch, vector))
        rate = f"{row['ratio']:8.2f}{row['steps_per_second']:14,.0f}"
        print(f"{name:24}{each}{rate}{said}", flush=True)
    torch.set_num_threads(threads)
    if options.save:
        path = results.RESULTS / "benchmark-vector-env.json"
        where = {"cpu": cpu_model(), "load_before": load, "time": now(), "commit": git_commit()}
        storage.write_json(path, {"goal": GOAL, "rows": rows, "provenance": where})
        print(f"\nwritten: {path}")


if __name__ == "__main__":
    main()
