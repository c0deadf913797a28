"""QMIX and VDN on level-based foraging, beside EPyMARL.

    python benchmarks/qlearning.py                            ours alone; three minutes
    python benchmarks/qlearning.py --reference PATH [--save]  beside a checkout of EPyMARL at PATH;
                                                              to benchmark-qlearning.json

Environment steps a core second, on one thread, in turns of which the median counts: of whole
episodes with actions of the network and exploration, alone ("0 episodes"), and with a gradient step
on 32 whole episodes after every 1, 8 or 64 of them. EPyMARL's settings for foraging say 1. Equal on
both sides: agents with a GRU of 64 that know their number, a mixer of 32 with one linear layer per
hypernetwork, double Q, Adam, a replay of 5,000 episodes. EPyMARL plays one environment at a time,
as those settings say; ours plays `--num-envs` side by side, and then takes the gradient steps that
are due. Goal: 20 times as fast.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import nn

from marl_edu import results
from marl_edu.algos import qmix, vdn
from marl_edu.core import storage
from marl_edu.core.provenance import cpu_model, git_commit, now
from marl_edu.envs.foraging import Foraging, settings
from marl_edu.training import team_q
from marl_edu.training.qlearning import rollout

PEER = Path(__file__).with_name("peer_epymarl.py")
GAMES = ("Foraging-8x8-2p-2f-coop-v3", "Foraging-10x10-3p-3f-v3")
METHODS = {"qmix": qmix, "vdn": vdn}
EPISODES = (0, 1, 8, 64)  # played before each gradient step; 0: no gradient step at all
GOAL = 20.0
EPSILON = 0.5  # while playing; it costs the same at any value

Row = dict[str, Any]
Play = Callable[[int], int]  # (episodes before a gradient step) -> steps of single environments


def ours(method: str, game: str, num_envs: int) -> Play:
    """A call that plays an episode in every environment, and learns as often as that is due."""
    cfg = METHODS[method].Config(
        env=Foraging, env_args=settings(game), num_envs=num_envs, hidden_dim=64
    )
    env = Foraging(**settings(game), num_envs=num_envs, seed=0)
    torch.manual_seed(0)
    net, target = (METHODS[method].build(cfg, env) for _ in range(2))
    target.load_state_dict(net.state_dict())
    replay = team_q.make_replay(cfg, env, net)
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-4, fused=True)
    generator = torch.Generator().manual_seed(0)

    def play(episodes: int) -> int:
        came, played = rollout(net, env, EPSILON, generator)
        replay.add(came)
        for _ in range(num_envs // episodes if episodes else 0):
            total, _ = team_q.loss(net, target, team_q.sample(replay, cfg, generator), cfg)
            optimizer.zero_grad()
            total.backward()
            nn.utils.clip_grad_norm_(net.parameters(), cfg.max_grad_norm)
            optimizer.step()
        return int(played["env_steps"])

    return play


def per_second(play: Play, episodes: int, seconds: float) -> float:
    """Steps a second of one core, over at least so many seconds."""
    steps, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        steps += play(episodes)
    return steps / (time.process_time() - start)


@contextmanager
def peer(reference: str | None, game: str) -> Iterator[Callable[[str, int, float], float] | None]:
    """What asks EPyMARL for its steps a core second; None without a checkout."""
    if reference is None:
        yield None
        return
    command = [sys.executable, "-W", "ignore", str(PEER), reference, game]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the peer has no pipes")

        def ask(method: str, episodes: int, seconds: float) -> float:
            process.stdin.write(f"{method} {episodes} {seconds}\n")  # type: ignore[union-attr]
            process.stdin.flush()  # type: ignore[union-attr]
            answer = process.stdout.readline()  # type: ignore[union-attr]
            if not answer:
                raise ValueError(f"--reference {reference}: its code ended; see above")
            return float(json.loads(answer))

        yield ask


def measure(options: argparse.Namespace) -> list[Row]:
    """All rows, printed as they come."""
    rows = []
    print(f"{'steps a core second':46}{'ours':>10}{'EPyMARL':>10}{'times as fast':>15}")
    for game in options.games:
        with peer(options.reference, game) as ask:
            for method in METHODS:
                play = ours(method, game, options.num_envs)
                for episodes in EPISODES:
                    times: dict[str, list[float]] = {"ours": [], "reference": []}
                    for turn in range(options.rounds + 1):  # the first is for warming up
                        found = {"ours": per_second(play, episodes, options.seconds)}
                        if ask:
                            found["reference"] = ask(method, episodes, options.seconds)
                        for who, rate in found.items() if turn else ():
                            times[who].append(rate)
                    rows.append(row_of(game, method, episodes, options.num_envs, times))
                    print(said(rows[-1]), flush=True)
    return rows


def row_of(
    game: str, method: str, episodes: int, num_envs: int, times: dict[str, list[float]]
) -> Row:
    """A row of the result; without a checkout the reference and the ratio are None."""
    each = {who: statistics.median(found) if found else None for who, found in times.items()}
    mine, theirs = each["ours"], each["reference"]
    row: Row = {"game": game, "method": method, "episodes": episodes, "num_envs": num_envs}
    return row | each | {"ratio": mine / theirs if mine and theirs else None, "turns": times}


def said(row: Row) -> str:
    """A row in words."""
    learns = f"learns every {row['episodes']}" if row["episodes"] else "plays"
    name = f"{row['game'].removesuffix('-v3')} {row['method']} {learns}"
    if row["ratio"] is None:
        return f"{name:46}{row['ours']:10,.0f}  no checkout: --reference PATH"
    below = "" if row["ratio"] >= GOAL else f"  below {GOAL:g}"
    return f"{name:46}{row['ours']:10,.0f}{row['reference']:10,.0f}{row['ratio']:15.1f}{below}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and save if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--reference", metavar="PATH", help="a checkout of uoe-agents/epymarl")
    parser.add_argument("--games", nargs="+", default=GAMES)
    parser.add_argument("--num-envs", type=int, default=64, help="B of ours, a multiple of 64 (64)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of core time a turn (3)")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median counts (5)")
    parser.add_argument("--save", action="store_true", help="write it below book/results")
    options = parser.parse_args(arguments)
    if options.num_envs < 1 or options.num_envs % max(EPISODES):
        parser.error(
            f"--num-envs must be a multiple of {max(EPISODES)}, so that whole gradient steps are "
            f"due, got {options.num_envs}"
        )
    if options.save and not options.reference:
        parser.error("--save needs --reference PATH: the file holds both sides of one run")
    if options.reference and not Path(options.reference, "src", "learners").is_dir():
        parser.error(f"--reference must be a checkout of EPyMARL, got {options.reference}")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    if load is not None and load > 0.5:
        print(f"The machine is busy (load {load:.1f}): ratios are better than rates.\n")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows = measure(options)
    torch.set_num_threads(threads)
    if options.save:
        commit = ["git", "-C", options.reference, "rev-parse", "HEAD"]
        head = subprocess.run(commit, capture_output=True, text=True, check=False).stdout.strip()
        versions = {name: version(name) for name in ("torch", "lbforaging")}
        where = {"cpu": cpu_model(), "load_before": load, "time": now(), "commit": git_commit()}
        where |= {"reference_commit": head, "versions": versions}
        where |= {"command": "python benchmarks/qlearning.py --reference PATH --save"}
        path = results.RESULTS / "benchmark-qlearning.json"
        storage.write_json(path, {"goal": GOAL, "rows": rows, "provenance": where})
        print(f"\nwritten: {path}")


if __name__ == "__main__":
    main()
