"""How soon DQN solves CartPole, beside Stable-Baselines3's, on one core of this machine.

    python benchmarks/dqn.py                       5 seeds each, in turns; a few minutes
    python benchmarks/dqn.py --save                ... to book/results/benchmark-dqn.json
    python benchmarks/dqn.py --peers PATH          the Python that has stable-baselines3

Both train on Gymnasium's CartPole-v1, one thread. Every 1,000 environment steps, with the clock
standing still, 100 fresh poles are balanced greedily, by both in the same way; the time that counts
is that of the first look at which their mean return is 475. Ours runs with SETTINGS, found in
about 25 trials of two or three seeds; the peer with those that rl-zoo3 has tuned for it.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import peer_dqn
import torch

from marl_edu import results
from marl_edu.algos import dqn
from marl_edu.core import storage
from marl_edu.core.provenance import cpu_model, git_commit, now
from marl_edu.envs.cartpole import cartpole

HERE = Path(__file__).resolve().parent
PEERS = HERE.parent / ".venv-peers" / "bin" / "python"
SETTINGS: dict[str, Any] = {
    "updates": 40_000,
    "train_freq": 4.0,
    "num_envs": 4,
    "batch": 128,
    "hidden": 128,
    "gamma": 0.99,
    "reward_scale": 0.02,  # without it Huber's loss is a median, and values run away
    "lr": 3e-3,
    "epsilon_end": 0.02,
    "explore": 0.03,
    "warm_up": 500,
    "target_update_interval": 20,
}
GOAL = 5.0  # times as fast

Row = dict[str, Any]


class Solved(Exception):
    """Ends a run that has reached the goal."""


def ours(seed: int, settings: Row = SETTINGS) -> Row:
    """DQN of this course, until the goal."""
    torch.set_num_threads(1)
    nets: list[dqn.QNet] = []
    # What torch loads with its first optimiser is not training: the peer's clock starts later, too.
    torch.optim.Adam([torch.zeros(1, requires_grad=True)])
    clock, looked = peer_dqn.Clock(seed), [0]

    @torch.no_grad()
    def act(obs: np.ndarray) -> np.ndarray:
        return np.asarray(nets[-1](torch.from_numpy(obs))[0].argmax(1))

    def watch(net: dqn.QNet) -> Row:
        nets[:] = [net]
        return {}

    def on_log(row: Row) -> None:
        if row["env_steps"] - looked[0] >= peer_dqn.EVERY:
            looked[0] = row["env_steps"]
            if clock.solved(act, row["env_steps"]):
                raise Solved

    with contextlib.suppress(Solved):
        dqn.train(dqn.Config(cartpole, seed=seed, **settings), on_log, watch=watch)
    return clock.row


def theirs(seed: int, python: Path) -> Row:
    """Stable-Baselines3's DQN, in its own Python."""
    command = [str(python), str(HERE / "peer_dqn.py"), str(seed)]
    if not python.exists():
        return {"error": "not installed"}
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return {"error": (done.stderr.strip() or "its process died").splitlines()[-1]}
    row: Row = json.loads(done.stdout.splitlines()[-1])
    return row


def measure(options: argparse.Namespace) -> Row:
    """Everything, printed as it comes."""
    runs: dict[str, list[Row]] = {"ours": [], "Stable-Baselines3": []}
    versions: Row = {"torch": torch.__version__}
    print(f"{'':18} {'seed':>4} {'core s':>8} {'wall s':>8} {'steps':>8} {'return':>7}")
    for seed in range(options.seeds):
        for name in runs:
            row = ours(seed) if name == "ours" else theirs(seed, options.peers)
            if "error" in row:
                print(f"{name:18} {seed:4} {row['error']}")
                continue
            versions |= row.pop("versions", {})
            runs[name].append({"seed": seed, **row})
            note = "" if row["solved"] else "  not solved"
            print(
                f"{name:18} {seed:4} {row['core']:8.1f} {row['wall']:8.1f} {row['env_steps']:8} "
                f"{row['return']:7.1f}{note}",
                flush=True,
            )
    report: Row = {"runs": runs, "goal": GOAL}
    for name, rows in runs.items():
        if rows:
            times = [row["core"] for row in rows]
            found = results.interval(times, statistic=np.mean)
            report[name] = {"mean": found.value, "low": found.low, "high": found.high}
            report[name]["median"] = statistics.median(times)
            print(f"{name}: mean {found.value:.1f} s, median {report[name]['median']:.1f} s")
    if all(runs.values()):
        report["ratio"] = report["Stable-Baselines3"]["mean"] / report["ours"]["mean"]
        report["ratio_of_medians"] = (
            report["Stable-Baselines3"]["median"] / report["ours"]["median"]
        )
        print(f"{report['ratio']:.1f} times as fast in the mean (goal: {GOAL:g})")
    return report | {
        "settings": {"ours": SETTINGS, "Stable-Baselines3": peer_dqn.SETTINGS},
        "provenance": {
            "command": "python benchmarks/dqn.py --save",
            "criterion": f"mean return of {peer_dqn.POLES} greedy episodes >= {peer_dqn.GOAL:g}",
            "cpu_model": cpu_model(),
            "cores": os.cpu_count(),
            "load_before": options.load,
            "versions": versions,
            **git_commit(),
            "finished": now(),
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and save if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peers", type=Path, default=PEERS, help="Python with stable-baselines3")
    parser.add_argument("--seeds", type=int, default=5, help="of each (5)")
    parser.add_argument("--save", action="store_true", help="write benchmark-dqn.json")
    options = parser.parse_args(arguments)
    if not options.peers.exists():
        print(
            f"No {options.peers}: ours runs alone. To have both, in an environment of its own:\n"
            "  python3 -m venv .venv-peers && .venv-peers/bin/pip install stable-baselines3\n"
        )
    options.load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    measured = measure(options)
    if options.save:
        storage.write_json(results.RESULTS / "benchmark-dqn.json", measured)


if __name__ == "__main__":
    main()
