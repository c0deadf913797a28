"""One seed of one experiment: trained, evaluated and written down so that it can be trusted.

Files of seed k of an experiment, in the folder of the results:
    <experiment>/seed-<k>.csv    the learning curve, a row per log entry
    <experiment>/seed-<k>.json   how it was made and the final evaluation; written last, so that
                                 its presence means "finished". It holds the number of rows and
                                 the sha256 of the csv, and a digest of itself
    <experiment>/.partial/       checkpoint and time spent while unfinished; gone afterwards
and, for the seeds in `keep_policy`, in the folder of the policies:
    <experiment>-seed<k>.safetensors

A record says which commit the code had. Code that differs from its commit is refused, unless asked
for, and then each entry of the record's `commits` says "dirty".
"""

import contextlib
import hashlib
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

import marl_edu
from marl_edu.core import storage
from marl_edu.core.provenance import cpu_model, git_commit, now
from marl_edu.core.records import digest
from marl_edu.core.registry import name_of
from marl_edu.core.settings import plain
from marl_edu.experiments.identity import identity, load_schema

try:
    import fcntl
except ImportError:  # Windows: there, two commands at work on one seed are not noticed
    fcntl = None  # type: ignore[assignment]

# What a record takes over from the notes of the unfinished run.
JOURNAL = ("started", "resumes", "commits", "cpu_seconds", "wall_seconds", "identity",
           "algorithm", "env", "evaluator", "episodes", "settings")  # fmt: skip
HEARTBEAT = 5.0  # seconds between two notes of the time spent: what a `kill -9` can lose of it


class Algorithm(NamedTuple):
    """A method, under an id that no move or renaming changes."""

    id: str
    config: type
    train: Callable[..., Any]  # train(cfg, on_log=, checkpoint=) -> Result with .net and .rows
    build: Callable[..., Any]  # build(cfg, env) -> the network
    bonus: Callable[..., Any] | None = None  # bonus(cfg, env) -> a module there in training only


class Evaluation(NamedTuple):
    """A way to score a trained network, under an id of its own."""

    id: str
    evaluate: Callable[..., Mapping[str, Any]]  # evaluate(net, cfg, episodes) -> numbers


@dataclass(frozen=True)
class Experiment:
    """One method on one task, trained with several seeds."""

    name: str  # <method>-<task>; names the folder of the results
    algorithm: Algorithm
    cfg: Any  # frozen dataclass with `seed` (set anew for every run) and `updates`
    evaluation: Evaluation
    episodes: int = 2000  # fresh episodes in the final evaluation
    seeds: int = 8  # seeds 0 ... seeds - 1
    keep_policy: tuple[int, ...] = (0,)  # seeds whose network is kept for the live figures

    @property
    def env(self) -> str | None:
        """The id of the environment; None where there is none.

        Raises:
            ValueError: an environment that was never given an id.
        """
        env = getattr(self.cfg, "env", None)
        if env is not None and name_of(env) is None:
            raise ValueError(f"{env!r} has no id: give it one with core.registry.register")
        return name_of(env)


class Run(NamedTuple):
    """One seed of one experiment, and where its files go."""

    experiment: Experiment
    seed: int
    results: Path
    policies: Path

    @property
    def title(self) -> str:
        """In a few words."""
        return f"{self.experiment.name} seed {self.seed}"

    @property
    def record(self) -> Path:
        """How it was made, and its evaluation."""
        return self.results / self.experiment.name / f"seed-{self.seed}.json"

    @property
    def rows(self) -> Path:
        """Its learning curve."""
        return self.record.with_suffix(".csv")

    @property
    def policy(self) -> Path:
        """Its network, if it is kept."""
        return self.policies / f"{self.experiment.name}-seed{self.seed}.safetensors"

    def partial(self, suffix: str) -> Path:
        """A file of the unfinished run: .safetensors, .json (time spent) or .lock."""
        return self.record.parent / ".partial" / f"seed-{self.seed}{suffix}"

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that decides the numbers, as JSON values."""
        e = self.experiment
        return {
            "algorithm": e.algorithm.id,
            "env": e.env,
            "evaluator": e.evaluation.id,
            "episodes": e.episodes,
            "settings": plain(replace(e.cfg, seed=self.seed)),
        }

    @property
    def identity(self) -> str:
        """The digits by which this run is known, see `identity.py`."""
        return identity(**self.settings)


def code_at_work(dirty: bool = False) -> dict[str, Any]:
    """The commit of this code, as a record notes it; None where there is no repository.

    Args:
        dirty: take code that differs from its commit, too.

    Raises:
        ValueError: it differs, and nobody would know what a record was made with.
    """
    commit = git_commit()
    if commit["dirty"] and not dirty:
        raise ValueError(
            "the package differs from its commit, so that nobody would know how a record was "
            "made. Commit first, or allow it with --dirty: then the record says so"
        )
    return commit


def is_finished(run: Run, commit: Mapping[str, Any] | None = None) -> bool:
    """Whether this seed is done.

    Args:
        run: the seed.
        commit: one that `code_at_work` gave: a record made at any other is not enough. None: any.

    Raises:
        ValueError: files of this seed were made under other settings; they are never touched.
    """
    advice = "Remove it, or write elsewhere with --results FOLDER."
    found: dict[Path, Mapping[str, Any]] = {}
    for path in (run.record, run.partial(".json")):
        if path.exists():
            found[path] = storage.read_json(path)
    if run.seed in run.experiment.keep_policy and run.policy.exists():
        found[run.policy] = storage.load_checkpoint(run.policy)[1]
    for path, record in found.items():
        if record.get("identity") != run.identity:
            old = {key: record.get(key) for key in run.settings}
            what = storage.difference("run", old, run.settings) or "no identity"
            raise ValueError(f"{path} was made under other settings: {what}. {advice}")
    if run.rows.exists() and not (run.record in found or run.partial(".json") in found):
        raise ValueError(
            f"{run.rows} has no {run.record.name} beside it, so nobody knows how it was made. "
            + advice
        )
    return run.record in found and (commit is None or found[run.record]["commits"] == [commit])


def progress(run: Run) -> int | None:
    """Updates done by an unfinished run as of its last note, or None when it has not begun."""
    path = run.partial(".json")
    return storage.read_json(path).get("update", 0) if path.exists() else None


def run_seed(
    run: Run,
    notify: Callable[[dict[str, Any]], None] = lambda row: None,
    again: bool = False,
    dirty: bool = False,
    commit: Mapping[str, Any] | None = None,
) -> None:
    """Trains and evaluates one seed in this process, or goes on where it was interrupted.

    Uses one thread: runs side by side share the cores best that way, and the numbers depend on
    the number of threads.

    Args:
        run: what to do and where to write.
        notify: gets every row of the learning curve as it comes.
        again: train again, from the first update, what was made or begun at another commit. The old
            files stay until the new ones are there.
        dirty: take code that differs from its commit, too; see `code_at_work`.
        commit: of this code, as `code_at_work` gave it where the code was copied from.
    """
    commit = code_at_work(dirty) if commit is None else commit
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with hold(run):
            if not is_finished(run, commit if again else None):
                _go_on(run, notify, commit, again)
            clear(run)
    finally:
        torch.set_num_threads(threads)


def _go_on(
    run: Run, notify: Callable[[dict[str, Any]], None], commit: Mapping[str, Any], again: bool
) -> None:
    experiment, cfg = run.experiment, replace(run.experiment.cfg, seed=run.seed)
    path = run.partial(".json")
    if again and path.exists() and storage.read_json(path)["commits"] != [commit]:
        run.partial(".safetensors").unlink(missing_ok=True)
        path.unlink()
    if path.exists():
        journal = storage.read_json(path)
        journal["resumes"] += 1
    else:
        journal = {"started": now(), "resumes": 0, "update": 0, "commits": []}
        journal |= {"cpu_seconds": 0.0, "wall_seconds": 0.0, "identity": run.identity}
        journal |= run.settings
    if commit not in journal["commits"]:
        journal["commits"].append(commit)
    spent = journal["cpu_seconds"] - time.process_time()
    passed = journal["wall_seconds"] - time.perf_counter()

    def note(update: int) -> None:
        journal["update"] = update
        journal["cpu_seconds"] = round(spent + time.process_time(), 3)
        journal["wall_seconds"] = round(passed + time.perf_counter(), 3)
        storage.write_json(path, journal)

    def on_log(row: dict[str, Any]) -> None:
        if passed + time.perf_counter() > journal["wall_seconds"] + HEARTBEAT:
            note(int(row.get("update", 0)))
        notify(row)

    note(journal["update"])
    train, evaluate = experiment.algorithm.train, experiment.evaluation.evaluate
    result = train(cfg, on_log=on_log, checkpoint=run.partial(".safetensors"))
    note(cfg.updates)
    scored = dict(evaluate(result.net, cfg, experiment.episodes))
    if again:  # without it the seed is unfinished, until all its files are of this run
        run.record.unlink(missing_ok=True)
    storage.write_rows(run.rows, result.rows)
    record = {
        "schema": load_schema()[-1]["schema"],
        "experiment": experiment.name,
        "seed": run.seed,
        "evaluation": scored,
        **{key: journal[key] for key in JOURNAL},
        # As taken in training: a graph of papers has no steps, and RND's warm-up is not counted.
        "env_steps": result.rows[-1].get("env_steps") if result.rows else None,
        "csv_rows": len(result.rows),
        "csv_sha256": hashlib.sha256(run.rows.read_bytes()).hexdigest(),
        "finished": now(),
        "device": str(getattr(cfg, "device", "cpu")),
        **machine(),
    }
    record["digest"] = digest(record)
    if run.seed in experiment.keep_policy:
        storage.save_checkpoint(run.policy, result.net.state_dict(), record)
    storage.write_json(run.record, record, overwrite=False)


def machine() -> dict[str, Any]:
    """What of this machine decides the last digits: its processor and the versions."""
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "marl_edu": marl_edu.__version__,
    }
    return {"cpu_model": cpu_model(), "versions": versions}


def clear(run: Run) -> None:
    """Removes what only the unfinished run needed."""
    folder = run.record.parent / ".partial"
    for path in [*folder.glob(f"seed-{run.seed}.*"), *folder.glob(f".seed-{run.seed}.*.tmp")]:
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # other seeds are still at work in it
        folder.rmdir()


@contextlib.contextmanager
def hold(run: Run) -> Iterator[None]:
    """Keeps a second process off the same seed; the system frees it when its holder dies.

    Raises:
        ValueError: another process holds it.
    """
    path = run.partial(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ValueError(f"another process is at work on this seed: {path}") from None
        yield
