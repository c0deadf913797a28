"""MADDPG in cooperative navigation, beside BenchMARL.

    python benchmarks/maddpg.py                         ours alone; half a minute
    python benchmarks/maddpg.py --peer PYTHON [--save]  beside the BenchMARL of another Python;
                                                        to book/results/benchmark-maddpg.json

Environment steps a core second of whole training, on one thread, round by round in turns, of which
the median counts. A round plays 25 steps in each of `--num-envs` environments and then takes
`--updates` gradient steps of critics and actors on 256 steps of the team. Equal on both sides:
three agents with an actor and a critic each, two hidden layers of 64, actions that are numbers, a
replay of 200,000. The environment is not the same code: BenchMARL plays VMAS's simple_spread in
batches, ours is `CooperativeNavigation`. Goal: 10 times as fast.
"""

import argparse
import json
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from marl_edu import results
from marl_edu.algos import maddpg
from marl_edu.core import storage
from marl_edu.core.provenance import cpu_model, git_commit, now
from marl_edu.core.separate import clip_each
from marl_edu.envs import CooperativeNavigation
from marl_edu.training.team_replay import TransitionReplay

PEER = Path(__file__).with_name("peer_benchmarl.py")
STEPS, BATCH, HIDDEN = 25, 256, 64
UPDATES = (16, 160)  # a gradient step for every 100 and every 10 steps of 64 environments
GOAL = 10.0

Row = dict[str, Any]
Turn = Callable[[], float]  # one round; returns environment steps a core second


def ours(num_envs: int, updates: int) -> Turn:
    """A round as in the loop of `maddpg.train`."""
    cfg = maddpg.Config(
        env=CooperativeNavigation, env_args={"continuous": True}, num_envs=num_envs,
        hidden_dim=HIDDEN, batch_size=BATCH, capacity=200_000, actor_delay=1,
    )  # fmt: skip
    env = CooperativeNavigation(max_steps=STEPS, continuous=True, num_envs=num_envs, seed=0)
    torch.manual_seed(0)
    net, target = (maddpg.build(cfg, env) for _ in range(2))
    target.load_state_dict(net.state_dict())
    has, changes = env.available[0], env.available_changes
    replay = TransitionReplay(cfg.capacity, env.obs_dim, has, changes)
    generator = torch.Generator().manual_seed(0)
    nets = {"actor": net.actor, "critic": net.critic}
    optimizers = {k: torch.optim.Adam(m.parameters(), cfg.lr, fused=True) for k, m in nets.items()}

    def descend(name: str, loss: torch.Tensor) -> None:
        variables = list(nets[name].parameters())
        optimizers[name].zero_grad()
        loss.backward(inputs=variables)
        clip_each(variables, cfg.max_grad_norm)
        optimizers[name].step()

    def turn() -> float:
        start = time.process_time()
        steps = int(maddpg.rollout(net, env, replay, cfg, generator)["env_steps"])
        for _ in range(updates):
            batch = replay.sample(cfg.batch_size, generator)
            descend("critic", maddpg.critic_loss(net, target, batch, cfg, generator)[0])
            descend("actor", maddpg.actor_loss(net, batch, cfg, generator))
            maddpg.follow(target, net, cfg.tau)
        return steps / (time.process_time() - start)

    return turn


@contextmanager
def peer(python: str | None, num_envs: int, updates: int) -> Iterator[Turn | None]:
    """BenchMARL's rounds; None without its Python."""
    if python is None:
        yield None
        return
    sizes = map(str, (num_envs, STEPS, updates, BATCH, HIDDEN))
    command = [python, "-W", "ignore", str(PEER), *sizes]
    environ = {key: x for key, x in os.environ.items() if key != "PYTHONPATH"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environ
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the peer has no pipes")

        def turn() -> float:
            process.stdin.write("next\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            answer = process.stdout.readline()  # type: ignore[union-attr]
            if not answer:
                raise ValueError(f"--peer {python}: BenchMARL ended; see above")
            return float(json.loads(answer))

        yield turn
        process.stdin.close()
        process.wait()


def measure(options: argparse.Namespace) -> list[Row]:
    """All rows, printed as they come."""
    rows = []
    print(f"{'gradient steps a round':24}{'ours':>10}{'BenchMARL':>11}{'times as fast':>15}")
    for updates in options.updates:
        with peer(options.peer, options.num_envs, updates) as theirs:
            turns = {"ours": ours(options.num_envs, updates)}
            if theirs:
                turns["reference"] = theirs
            times: dict[str, list[float]] = {who: [] for who in ("ours", "reference")}
            for number in range(options.rounds + 1):  # the first is for warming up
                for who, turn in turns.items():
                    rate = turn()
                    if number:
                        times[who].append(rate)
        each = {who: statistics.median(x) if x else None for who, x in times.items()}
        mine, peers = each["ours"], each["reference"]
        row: Row = {"updates": updates, "num_envs": options.num_envs, **each}
        rows.append(row | {"ratio": mine / peers if mine and peers else None, "turns": times})
        print(said(rows[-1]), flush=True)
    return rows


def said(row: Row) -> str:
    """A row in words."""
    if row["ratio"] is None:
        return f"{row['updates']:<24}{row['ours']:10,.0f}  no BenchMARL: --peer PYTHON"
    below = "" if row["ratio"] >= GOAL else f"  below {GOAL:g}"
    rates = f"{row['ours']:10,.0f}{row['reference']:11,.0f}{row['ratio']:15.1f}"
    return f"{row['updates']:<24}{rates}{below}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and save if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peer", metavar="PYTHON", help="a Python that has BenchMARL")
    parser.add_argument("--updates", nargs="+", type=int, default=UPDATES)
    parser.add_argument("--num-envs", type=int, default=64, help="B of both (64)")
    parser.add_argument("--rounds", type=int, default=9, help="of which the median counts (9)")
    parser.add_argument("--save", action="store_true", help="write it below book/results")
    options = parser.parse_args(arguments)
    if options.save and not options.peer:
        parser.error("--save needs --peer PYTHON: the file holds both sides of one run")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    if load is not None and load > 0.5:
        print(f"The machine is busy (load {load:.1f}): ratios are better than rates.\n")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows = measure(options)
    torch.set_num_threads(threads)
    if options.save:
        where = {"cpu": cpu_model(), "load_before": load, "time": now(), "commit": git_commit()}
        where |= {"versions": {"torch": torch.__version__, **versions_of(options.peer)}}
        where |= {"command": "python benchmarks/maddpg.py --peer PYTHON --save"}
        path = results.RESULTS / "benchmark-maddpg.json"
        storage.write_json(path, {"goal": GOAL, "rows": rows, "provenance": where})
        print(f"\nwritten: {path}")


def versions_of(python: str) -> dict[str, str]:
    """What the other Python has."""
    names = ("benchmarl", "torchrl", "vmas")
    ask = "import importlib.metadata, sys; print(*map(importlib.metadata.version, sys.argv[1:]))"
    said = subprocess.check_output([python, "-c", ask, *names], text=True)
    return dict(zip(names, said.split(), strict=True))


if __name__ == "__main__":
    main()
