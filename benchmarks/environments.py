"""How fast the environments are, beside the same written by others, on one core of this machine.

    python benchmarks/environments.py --install   make .venv-peers with what peers.txt names
    python benchmarks/environments.py             all, in a few minutes
    python benchmarks/environments.py --save      ... to book/results/benchmark-environments.json
    python benchmarks/environments.py --batches 1 64 --seconds 0.1 --rounds 3 --agents 64 256

Three questions: how many agent-steps a second cooperative navigation makes here, in mpe2, in VMAS
and in JaxMARL, all in one run, in turns; how many every environment of the course makes; and how
the time of a step grows with the number of agents in one grid world.
"""

import argparse
import contextlib
import inspect
import json
import math
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import peer_environments
import torch
from junction import Row, seconds_per_call

from marl_edu import envs, results
from marl_edu.core import storage
from marl_edu.core.provenance import cpu_model, git_commit, now
from marl_edu.envs.base.env import BatchedEnv
from marl_edu.envs.cooperative_navigation import CooperativeNavigation
from marl_edu.envs.grid_world import MultiAgentGridWorld

HERE = Path(__file__).resolve().parent
PEERS = HERE.parent / ".venv-peers"

# How many times as fast as whom, at which batch (None: at each).
GOALS = (("VMAS", None, 1.0), ("mpe2", 1024, 100.0), ("JaxMARL", 8192, 2.0))
WAYS = {"JaxMARL": ("JaxMARL at once", "JaxMARL by step")}  # the faster of the two counts

LONGEST = 50  # steps of an episode in the list of all environments
CELLS = 4  # per agent, in the grid world that grows

Play = Callable[[int], float]  # plays so many episodes and says how many seconds they took


def episode_of(env: BatchedEnv, steps: int) -> Callable[[], Any]:
    """A reset and so many steps with random actions, drawn beforehand."""
    counts = torch.tensor(env.action_counts)
    chance = torch.Generator().manual_seed(0)
    shape = (min(steps, 25), env.num_envs, env.n_agents)
    drawn = (torch.rand(shape, generator=chance) * counts).long()

    def episode() -> None:
        env.reset()
        for t in range(steps):
            env.step(drawn[t % len(drawn)])

    return episode


# -- cooperative navigation, beside others -------------------------------------------------------


def ours(batch: int) -> Callable[[], Any]:
    """Episodes of ours in cooperative navigation."""
    env = CooperativeNavigation(peer_environments.AGENTS, num_envs=batch, seed=0)
    return episode_of(env, peer_environments.STEPS)


@contextlib.contextmanager
def peer(name: str, batch: int, python: Path) -> Iterator[tuple[Play, Row]]:
    """A peer in its own process, waiting to play; and what it says of itself."""
    command = [str(python), peer_environments.__file__, name, str(batch)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin and process.stdout  # pipes
        orders, answers = process.stdin, process.stdout

        def play(episodes: int) -> float:
            print(episodes, file=orders, flush=True)
            return float(answers.readline())

        yield play, json.loads(answers.readline() or '{"error": "its process ended"}')


def in_turns(players: dict[str, Play], rounds: int, seconds: float) -> dict[str, float]:
    """Median seconds of an episode, over rounds in which everybody plays for about `seconds`."""
    episodes = {name: max(1, round(seconds / play(1))) for name, play in players.items()}
    times: dict[str, list[float]] = {name: [] for name in players}
    for _ in range(rounds):
        for name, play in players.items():
            times[name].append(play(episodes[name]) / episodes[name])
    return {name: statistics.median(t) for name, t in times.items()}


def beside_others(batch: int, options: argparse.Namespace) -> Row:
    """Agent-steps a second of everybody at one batch, and how many times as fast ours is."""
    versions: dict[str, str] = {}
    missing: dict[str, str] = {}
    with contextlib.ExitStack() as open_peers:
        mine = ours(batch)
        mine()
        players: dict[str, Play] = {"ours": lambda n: peer_environments.seconds_of(mine, n)}
        for name in peer_environments.PEERS if options.peers.exists() else ():
            play, said = open_peers.enter_context(peer(name, batch, options.peers))
            if "ready" in said:
                players[name] = play
                versions |= said["ready"]
            else:
                missing[name] = said["error"]
        seconds = in_turns(players, options.rounds, options.seconds)
    agent_steps = peer_environments.STEPS * peer_environments.AGENTS
    rates = {  # mpe2 has one environment, however many are asked for
        name: agent_steps * (1 if name == "mpe2" else batch) / s for name, s in seconds.items()
    }
    fastest = {"mpe2": ("mpe2",), "VMAS": ("VMAS",), **WAYS}
    ratios = {}
    for name, ways in fastest.items():
        found = [rates[way] for way in ways if way in rates]
        if found:
            ratios[name] = rates["ours"] / max(found)
    row: Row = {"batch": batch, "agent_steps_per_second": rates, "ratios": ratios}
    return row | {"missing": missing, "versions": versions}


def goals_of(rows: Sequence[Row]) -> list[Row]:
    """Every goal that can be checked, and whether it is reached."""
    found = []
    for name, at, goal in GOALS:
        for row in rows:
            if name in row["ratios"] and at in (None, row["batch"]):
                ratio = row["ratios"][name]
                reached = ratio > goal if at is None else ratio >= goal
                check = {"beside": name, "batch": row["batch"], "ratio": ratio, "goal": goal}
                found.append(check | {"reached": reached})
    return found


def where_time_goes(batch: int, top: int = 8) -> list[Row]:
    """The operations that take the most of an episode of ours, by torch's profiler."""
    episode = ours(batch)
    episode()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        for _ in range(4):
            episode()
    operations = profile.key_averages()
    whole = sum(operation.self_cpu_time_total for operation in operations)
    largest = sorted(operations, key=lambda o: o.self_cpu_time_total, reverse=True)[:top]
    return [
        {
            "operation": operation.key,
            "share": operation.self_cpu_time_total / whole,
            "calls_per_step": operation.count / (4 * peer_environments.STEPS),
        }
        for operation in largest
    ]


# -- every environment, and an environment that grows -------------------------------------------


def environments_of_the_course() -> list[type[BatchedEnv]]:
    """The environments that the package exports and that can be made as they are."""
    found = []
    for name in envs.__all__:
        env = getattr(envs, name)
        if isinstance(env, type) and issubclass(env, BatchedEnv):
            arguments = inspect.signature(env).parameters.values()
            if all(a.default is not a.empty for a in arguments):
                found.append(env)
    return found


def environment_alone(make: Callable[..., BatchedEnv], batch: int, seconds: float) -> Row:
    """Agent-steps a second: slots for agents times steps, whoever is in them or not."""
    env = make(num_envs=batch, seed=0)
    steps = min(env.max_steps, LONGEST)
    taken = seconds_per_call(episode_of(env, steps), seconds)
    rate = batch * env.n_agents * steps / taken
    row = {"environment": type(env).__name__, "n_agents": env.n_agents, "batch": batch}
    return row | {"agent_steps_per_second": rate}


def growing(agents: Sequence[int], seconds: float) -> list[Row]:
    """Milliseconds per step of one grid world with so many agents, and the exponent of growth."""
    rows: list[Row] = []
    for n_agents in sorted(agents):
        size = round(math.sqrt(CELLS * n_agents))
        env = MultiAgentGridWorld(size, n_agents, n_agents // 4, num_envs=1, seed=0)
        steps = 25
        taken = seconds_per_call(episode_of(env, steps), seconds) / steps
        row: Row = {"n_agents": n_agents, "grid_size": size, "milliseconds_per_step": 1e3 * taken}
        growth = None
        if rows:
            last = rows[-1]
            growth = math.log(row["milliseconds_per_step"] / last["milliseconds_per_step"])
            growth /= math.log(n_agents / last["n_agents"])
        rows.append(row | {"growth_exponent": growth})
    return rows


# -- the report ----------------------------------------------------------------------------------


def number(x: float | None, width: int = 12) -> str:
    """A number for a column of the report."""
    return f"{'-':>{width}}" if x is None else f"{x:{width},.0f}"


def print_spread(
    options: argparse.Namespace,
) -> tuple[list[Row], list[Row], dict[int, list[Row]]]:
    """Cooperative navigation beside the peers, its goals, and profiles where one is missed."""
    names = ["ours", *peer_environments.PEERS]
    print("Cooperative navigation, 3 agents: agent-steps a second, and ours / theirs")
    print(f"{'B':>6}" + "".join(f"{name:>16}" for name in names), flush=True)
    rows: list[Row] = []
    for batch in sorted(options.batches):
        row = beside_others(batch, options)
        rows.append(row)
        rates = row["agent_steps_per_second"]
        ratios = ", ".join(f"{name} x {ratio:.3g}" for name, ratio in row["ratios"].items())
        line = "".join(number(rates.get(name), 16) for name in names)
        print(f"{batch:6}{line}   {ratios}", flush=True)
        for name, why in row["missing"].items():
            print(f"       {name} is missing: {why}")
    goals = goals_of(rows)
    profiles = {}
    for check in goals:
        sign = ">" if check["goal"] == 1 else ">="
        state = "reached" if check["reached"] else "NOT reached"
        print(
            f"goal: {check['beside']:8} at B = {check['batch']:5}: {check['ratio']:8.2f}, "
            f"{sign} {check['goal']:g} {state}"
        )
        if not check["reached"]:
            profiles[check["batch"]] = where_time_goes(check["batch"])
    for batch, profile in profiles.items():
        print(f"\nWhere the time of ours goes at B = {batch}")
        for part in profile:
            print(
                f"  {part['operation']:40} {part['share']:6.1%} "
                f"{part['calls_per_step']:6.1f} calls a step"
            )
    return rows, goals, profiles


def print_environments(options: argparse.Namespace) -> list[Row]:
    """Every environment of the course, as the batch grows."""
    print("\nEvery environment with its default settings: agent-steps a second")
    batches = sorted(options.batches)
    print(f"{'':26}{'N':>5}" + "".join(f"{f'B = {batch}':>14}" for batch in batches))
    found: list[Row] = []
    for make in environments_of_the_course():
        rows = [environment_alone(make, batch, options.seconds) for batch in batches]
        found += rows
        rates = "".join(number(row["agent_steps_per_second"], 14) for row in rows)
        print(f"{make.__name__:26}{rows[0]['n_agents']:5}{rates}", flush=True)
    return found


def print_growth(options: argparse.Namespace) -> list[Row]:
    """One grid world, as its agents grow in number."""
    print(f"\nOne grid world, {CELLS} cells per agent: how a step grows with the agents")
    print(f"{'N':>7} {'grid':>9} {'ms per step':>12} {'exponent':>9}")
    rows = growing(options.agents, options.seconds)
    for row in rows:
        exponent = row["growth_exponent"]
        size = f"{row['grid_size']} x {row['grid_size']}"
        print(
            f"{row['n_agents']:7} {size:>9} {row['milliseconds_per_step']:12.2f} "
            + ("" if exponent is None else f"{exponent:9.2f}")
        )
    return rows


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Everything, printed as it comes."""
    torch.set_num_threads(1)
    if hasattr(os, "sched_setaffinity"):  # one core for ours and, as they inherit it, for peers
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if not options.peers.exists():
        print(
            f"No peers: there is no {options.peers}. Make them with\n"
            f"  python benchmarks/environments.py --install\n"
        )
    spread, goals, profiles = print_spread(options)
    alone = print_environments(options)
    growth = print_growth(options)
    versions = {"torch": torch.__version__}
    for row in spread:
        versions |= row.pop("versions")
    return {
        "cooperative_navigation": spread,
        "goals": goals,
        "profiles": profiles,
        "environments": alone,
        "grid_world": growth,
        "provenance": {
            "command": "python benchmarks/environments.py --save",
            "seconds_per_measurement": options.seconds,
            "rounds": options.rounds,
            "cpu_model": cpu_model(),
            "cores": os.cpu_count(),
            "load_before": options.load,
            "versions": versions,
            **git_commit(),
            "finished": now(),
        },
    }


def install() -> None:
    """An environment for the peers beside the project's own: they pin other versions."""
    subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
    wanted = ["-r", str(HERE / "peers.txt")]
    subprocess.run([str(PEERS / "bin" / "python"), "-m", "pip", "install", *wanted], check=True)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, and save if asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    python = PEERS / "bin" / "python"
    parser.add_argument("--install", action="store_true", help="make .venv-peers and stop")
    parser.add_argument("--peers", type=Path, default=python, help="the peers' Python")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 64, 1024, 8192])
    parser.add_argument("--agents", nargs="+", type=int, default=[64, 256, 1024, 4096, 10_000])
    parser.add_argument("--seconds", type=float, default=1.0, help="per measurement (1)")
    parser.add_argument("--rounds", type=int, default=5, help="of turns beside the peers (5)")
    parser.add_argument("--save", action="store_true", help="write benchmark-environments.json")
    options = parser.parse_args(arguments)
    if options.install:
        install()
        return
    options.load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    if options.load is not None and options.load > 0.5:
        print(f"The machine is busy (load {options.load:.1f}): these numbers will be too low.\n")
    measured = measure(options)
    if options.save:
        path = results.RESULTS / "benchmark-environments.json"
        storage.write_json(path, measured)
        print(f"\nwritten: {path}")


if __name__ == "__main__":
    main()
