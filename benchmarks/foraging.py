"""Foraging beside lbforaging: a batch of ours, and theirs one after the other, in one run.

    python benchmarks/foraging.py            print; half a minute
    python benchmarks/foraging.py --save     ... to book/results/benchmark-foraging.json

Names of the original, 1,024 environments of ours, one of theirs (it has no batch), one thread,
random actions drawn beforehand, resets after every 50 steps included. Turns are taken, five each
after one to warm up, and the median counts of core seconds for a step of one environment. Theirs is
made by `gymnasium.make`, without Gymnasium's checker. Goal: at least 100 times as fast.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version

import gymnasium
import numpy as np
import torch
from junction import Row

from marl_edu import results
from marl_edu.core import storage
from marl_edu.core.provenance import cpu_model, git_commit, now
from marl_edu.envs.foraging import BENCHMARKS, Foraging, settings

GOAL = 100.0

Play = Callable[[int], int]  # so many episodes; returns the steps of single environments


def drawn(env: Foraging) -> np.ndarray:
    """Random actions of everybody for an episode, `(T, B, N)`."""
    shape = (env.max_steps, env.num_envs, env.n_agents)
    return np.random.default_rng(0).integers(env.n_actions, size=shape)


def ours(name: str, num_envs: int) -> Play:
    """Episodes of our batch."""
    env = Foraging(**settings(name), num_envs=num_envs, seed=0)
    actions = torch.from_numpy(drawn(env))

    def play(episodes: int) -> int:
        for _ in range(episodes):
            env.reset()
            for row in actions:
                env.step(row)
        return episodes * len(actions) * num_envs

    return play


def theirs(name: str) -> Play:
    """Episodes of the original, which begins anew whenever it is done."""
    env = gymnasium.make(f"lbforaging:{name}", disable_env_checker=True)
    rows = drawn(Foraging(**settings(name), num_envs=1))[:, 0].tolist()
    env.reset(seed=0)

    def play(episodes: int) -> int:
        for _ in range(episodes):
            for row in rows:
                _, _, done, truncated, _ = env.step(row)
                if done or truncated:
                    env.reset()
        return episodes * len(rows)

    return play


def measure(name: str, num_envs: int, seconds: float, rounds: int) -> Row:
    """Microseconds for a step of one environment, in turns, and how many times as fast ours is."""
    players = {"ours": ours(name, num_envs), "lbforaging": theirs(name)}
    times: dict[str, list[float]] = {who: [] for who in players}
    for turn in range(rounds + 1):
        for who, play in players.items():
            steps, start = 0, time.process_time()
            while time.process_time() - start < seconds:
                steps += play(1)
            if turn:
                times[who].append(1e6 * (time.process_time() - start) / steps)
    each = {who: statistics.median(found) for who, found in times.items()}
    row: Row = {"name": name, "num_envs": num_envs, "microseconds": times}
    return row | {"ratio": each["lbforaging"] / each["ours"]}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and save if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--names", nargs="+", default=list(BENCHMARKS))
    parser.add_argument("--num-envs", type=int, default=1024, help="B of ours (1024)")
    parser.add_argument("--seconds", type=float, default=0.3, help="of core time a turn (0.3)")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median counts (5)")
    parser.add_argument("--save", action="store_true", help="write it below book/results")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    if load is not None and load > 0.5:
        print(f"The machine is busy (load {load:.1f}): ratios are better than times.\n")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows = []
    print(f"{'microseconds of a step':32}{'ours':>8}{'lbforaging':>12}{'times as fast':>15}")
    for name in options.names:
        row = measure(name, options.num_envs, options.seconds, options.rounds)
        rows.append(row)
        mine, original = (statistics.median(found) for found in row["microseconds"].values())
        said = "" if row["ratio"] >= GOAL else f"  below {GOAL:g}"
        print(f"{name:32}{mine:8.2f}{original:12.1f}{row['ratio']:15.0f}{said}", flush=True)
    torch.set_num_threads(threads)
    if options.save:
        path = results.RESULTS / "benchmark-foraging.json"
        versions = {"torch": torch.__version__, "lbforaging": version("lbforaging")}
        where = {"cpu": cpu_model(), "load_before": load, "time": now(), "commit": git_commit()}
        where |= {"versions": versions, "command": "python benchmarks/foraging.py --save"}
        storage.write_json(path, {"goal": GOAL, "rows": rows, "provenance": where})
        print(f"\nwritten: {path}")


if __name__ == "__main__":
    main()
