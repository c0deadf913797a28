"""The experiments of the book, and the command that runs them.

    python -m marl_edu.experiments run tarmac-easy --seeds 8 --jobs 2
    python -m marl_edu.experiments run all --seeds 1000 --engine ray --address auto
    python -m marl_edu.experiments list
    python -m marl_edu.experiments status
    python -m marl_edu.experiments table
    python -m marl_edu.experiments verify --repair       are all files as they were written?
    python -m marl_edu.experiments verify --again 3      ... and does training give them again?

and what is measured besides, on those trained networks or without any:

    python -m marl_edu.experiments reference         what policies that nobody trained score
    python -m marl_edu.experiments interventions     what teams do whose messages are tampered with
    python -m marl_edu.experiments memory-probe      what agents remember, and whether they use it
    python -m marl_edu.experiments scaling           teams in larger environments
    python -m marl_edu.experiments coverage          how often an interval holds the truth

A NAME is that of one experiment, or its beginning up to a dash. So `tarmac` stands for
`tarmac-easy`, `tarmac-medium` and so on, in the order of `EXPERIMENTS`; `all` is all of them.

A finished seed is neither run again nor overwritten. One that was interrupted (Ctrl-C, SIGTERM,
`kill -9`, power cut) goes on from its last checkpoint and ends with the same numbers as one that
was not.
`run all --again` retrains what another commit has made. It may be interrupted, too: what is
finished at this commit is not run once more. Where the files are and what they hold:
`marl_edu.experiments.run`.
"""

import argparse
import shlex
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from marl_edu import results
from marl_edu.core import storage
from marl_edu.experiments import (
    coverage,
    interventions,
    memory_probe,
    reference,
    scaling,
    verify,
)
from marl_edu.experiments.catalogue import EXPERIMENTS
from marl_edu.experiments.cluster import Cluster
from marl_edu.experiments.engine import Engine, Terminated, execute
from marl_edu.experiments.processes import Processes
from marl_edu.experiments.run import Experiment, Run, clear, code_at_work, is_finished, progress
from marl_edu.results import tables
from marl_edu.results.folders import POLICIES

# What is measured besides, each by a program without arguments, and in a few words.
MEASUREMENTS: dict[str, tuple[Callable[[], None], str]] = {
    "interventions": (interventions.main, "play the junction through every channel"),
    "memory-probe": (memory_probe.main, "read and change what agents of the T-maze remember"),
    "scaling": (scaling.main, "play teams of grid and relay in other environments"),
    "coverage": (coverage.main, "simulate how often intervals of few seeds hold the truth"),
}


ENGINES = ("local", "ray")  # where seeds are run: processes of this machine, or a Ray cluster
MOST = 10_000  # seeds that are asked for at once


def select(names: Sequence[str], known: Mapping[str, Experiment]) -> list[Experiment]:
    """The experiments with these names or beginnings of names, each once, in the book's order.

    Raises:
        ValueError: a name that fits none.
    """
    chosen = set()
    for name in names:
        fits = (
            set(known)
            if name == "all"
            else {name} & set(known) or {k for k in known if k.startswith(name + "-")}
        )
        if not fits:
            raise ValueError(f"no experiment is called {name!r}; there are {', '.join(known)}")
        chosen |= fits
    return [experiment for name, experiment in known.items() if name in chosen]


def main(
    arguments: Sequence[str] | None = None, known: Mapping[str, Experiment] | None = None
) -> int:
    """The command line. Returns the exit code: 0, 1 (a seed failed, or a file is not as it was
    written), 2 (misuse), 130 (Ctrl-C), 143 (SIGTERM)."""
    known = EXPERIMENTS if known is None else known
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(
        prog="python -m marl_edu.experiments",
        description="Train the book's experiments with many seeds; what is finished is kept.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run seeds, or go on with interrupted ones")
    run.add_argument("names", nargs="+", metavar="NAME", help="tarmac-easy, tarmac, all")
    run.add_argument("--seeds", type=_count, help="seeds 0 to SEEDS-1 (default: the book's)")
    run.add_argument("--jobs", type=_count, help="seeds at a time (default: 1; ray: its cores)")
    run.add_argument("--engine", type=_engine, default="local", help="local (default) or ray")
    run.add_argument("--address", help="of the Ray cluster: auto, HOST:PORT or ray://HOST:PORT")
    code = run.add_mutually_exclusive_group()  # uncommitted code has no name to be known by
    code.add_argument("--again", action="store_true", help="train anew what another commit made")
    code.add_argument("--dirty", action="store_true", help="allow uncommitted code; records say so")
    commands.add_parser("list", help="the experiments and what a seed costs")
    commands.add_parser("status", help="what is finished, what is under way")
    commands.add_parser("table", help="published numbers beside ours")
    checks = commands.add_parser("verify", help="check that all files are as they were written")
    checks.add_argument("--repair", action="store_true", help="take what is not back from git")
    checks.add_argument("--again", type=_count, metavar="N", help="also train N random seeds anew")
    checks.add_argument("--jobs", type=_count, default=1, help="seeds at a time, a core each")
    for command in commands.choices.values():
        command.add_argument("--results", type=Path, default=results.RESULTS, metavar="FOLDER")
    scores = commands.add_parser("reference", help="play the policies that nobody trained")
    scores.add_argument("tasks", nargs="*", metavar="TASK", help="tmaze, say; default: all")
    scores.add_argument("--episodes", type=_count, help="of each policy (default: the task's)")
    scores.add_argument("--out", type=Path, default=tables.REFERENCE, metavar="FILE")
    for name, (_, what) in MEASUREMENTS.items():
        commands.add_parser(name, help=what)
    args = parser.parse_args(arguments)
    try:
        if args.command in MEASUREMENTS:
            MEASUREMENTS[args.command][0]()
            return 0
        if args.command == "reference":
            reference.main(args.tasks, args.episodes, args.out)
            return 0
        if args.command == "run":
            return _run(select(args.names, known), args, shlex.join(arguments))
        if args.command == "verify":
            everything = [run for e in known.values() for run in _runs(e, args.results)]
            train = partial(execute, make=partial(Processes, args.jobs, dirty=True))
            return verify.main(everything, args.results, args.repair, args.again, train)
        show = {"list": _list, "status": _status, "table": _table}[args.command]
        print(show(known, args.results))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stopped:
        print("\nStopped.", file=sys.stderr)
        return 143 if isinstance(stopped, Terminated) else 130
    return 0


def _count(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= MOST):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {MOST:,}, got {text}")
    return int(text)


def _engine(text: str) -> str:
    if text not in ENGINES:
        raise argparse.ArgumentTypeError(f"must be {' or '.join(ENGINES)}, got {text}")
    return text


def _runs(experiment: Experiment, folder: Path, seeds: int | None = None) -> list[Run]:
    # Policies of a private folder of results stay with them: the book's are not touched.
    policies = POLICIES if folder == results.RESULTS else folder / "checkpoints"
    return [Run(experiment, k, folder, policies) for k in range(seeds or experiment.seeds)]


def _run(experiments: list[Experiment], args: argparse.Namespace, words: str) -> int:
    if args.address and args.engine != "ray":
        raise ValueError(f"--address is that of a Ray cluster: add --engine ray, got {args.engine}")
    planned = [run for e in experiments for run in _runs(e, args.results, args.seeds)]
    commit = code_at_work(args.dirty)
    if args.again and commit["commit"] is None:
        raise ValueError("--again goes by commits, and the package is not in its repository")
    enough = commit if args.again else None
    todo = []
    for run in planned:
        if is_finished(run, enough):
            clear(run)  # left over if the process died between its last two steps
        else:
            todo.append(run)
    if len(todo) < len(planned):
        print(f"{len(planned) - len(todo)} of {len(planned)} seeds are finished already")
    try:
        failures = execute(todo, partial(_make_engine, args))
    except KeyboardInterrupt as stopped:
        done = sum(is_finished(run, enough) for run in planned)
        print(
            f"\nStopped. {done} of {len(planned)} seeds are finished, in {args.results}.\n"
            "Those under way go on from their last checkpoint with the same command:\n"
            f"  python -m marl_edu.experiments {words}",
            file=sys.stderr,
        )
        return 143 if isinstance(stopped, Terminated) else 130
    for run, reason in failures:
        print(f"error: {run.title}: {reason}", file=sys.stderr)
    print(f"{len(planned) - len(failures)} of {len(planned)} seeds are finished, in {args.results}")
    return 1 if failures else 0


def _make_engine(args: argparse.Namespace) -> Engine:
    if args.engine == "ray":
        return Cluster(args.address, args.jobs, args.again, args.dirty)
    return Processes(args.jobs or 1, args.again, args.dirty)


def _list(known: Mapping[str, Experiment], folder: Path) -> str:
    lines = [f"{'name':18} {'seeds':>5} {'updates':>8} {'core minutes a seed':>20}"]
    for e in known.values():
        costs, damaged = [], ""
        for run in _runs(e, folder):
            try:
                if run.record.exists():
                    costs.append(storage.read_json(run.record)["cpu_seconds"] / 60)
            except (ValueError, KeyError, TypeError, OSError):
                damaged += f"  seed {run.seed} is damaged: see verify"
        cost = f"{statistics.median(costs):.1f}" if costs else "not measured"
        lines.append(f"{e.name:18} {e.seeds:5} {e.cfg.updates:8} {cost:>20}{damaged}")
    return "\n".join(lines)


def _status(known: Mapping[str, Experiment], folder: Path) -> str:
    lines = []
    for e in known.values():
        parts, done = [], 0
        for run in _runs(e, folder):
            try:
                if is_finished(run):
                    done += 1
                elif (update := progress(run)) is not None:
                    parts.append(f"seed {run.seed} at {update} of {e.cfg.updates} updates")
            except ValueError as error:
                parts.append(f"seed {run.seed}: {error}")
        lines.append("; ".join([f"{e.name}: {done} of {e.seeds} seeds finished", *parts]))
    return "\n".join(lines)


def _table(known: Mapping[str, Experiment], folder: Path) -> str:
    return tables.overview(folder).text
