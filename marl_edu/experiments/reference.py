"""Reference scores: what policies that nobody trained score, between which results are read.

    python -m marl_edu.experiments reference                 measures all
    python -m marl_edu.experiments reference maze tmaze      these tasks; the others stay

They go to `book/results/reference-scores.json`, which `marl_edu.results.tables` reads.
"""

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from marl_edu.core import storage
from marl_edu.core.evaluate import play_episodes
from marl_edu.core.provenance import git_commit, now
from marl_edu.envs.baselines import TASKS, VARIANTS
from marl_edu.envs.baselines.task import ScriptedPolicy, Task
from marl_edu.results import Estimate, mean_interval
from marl_edu.results.tables import REFERENCE

BATCH = 500  # episodes side by side


def measure_policy(
    task: Task, scripted: ScriptedPolicy, episodes: int, num_envs: int = BATCH, seed: int = 0
) -> Estimate:
    """What one policy scores in at least `episodes` fresh episodes of a task."""
    env = task.make(num_envs=min(num_envs, episodes), seed=seed)
    return mean_interval(play_episodes(env, scripted.make(), episodes, seed)[task.score].numpy())


def measure(task: Task, episodes: int | None = None) -> dict[str, Any]:
    """Every policy of a task, printed as it comes."""
    policies = []
    for scripted in task.policies:
        found = measure_policy(task, scripted, episodes or task.episodes)
        policies.append(
            {"name": scripted.name, "role": scripted.role, "mean": found.value, "low": found.low,
             "high": found.high, "n": found.n, "exact": scripted.exact}
        )  # fmt: skip
        exact = "" if scripted.exact is None else f"  exactly {scripted.exact:.4f}"
        between = f"{found.low:.4f} to {found.high:.4f}"
        print(f"{task.name:36} {scripted.name:30} {found.value:9.4f}  {between}{exact}", flush=True)
    return {
        "name": task.name,
        "isolates": task.isolates,
        "score": task.score,
        "unit": task.unit,
        "higher_is_better": task.higher_is_better,
        "shown": bool(task.show),
        "trivial": task.trivial or None,
        "policies": policies,
    }


def main(
    keys: Sequence[str] = (), episodes: int | None = None, path: Path = REFERENCE
) -> dict[str, Any]:
    """Measure these tasks, by default all, and write the file.

    Raises:
        ValueError: a key that is no task's.
    """
    torch.set_num_threads(1)
    known = {task.key: task for task in (*TASKS, *VARIANTS)}
    for key in keys:
        if key not in known:
            raise ValueError(f"no task is called {key!r}; there are {', '.join(known)}")
    measured = {key: measure(known[key], episodes) for key in keys or known}
    if keys and path.exists():  # the others stay
        measured = storage.read_json(path)["tasks"] | measured
        measured = {key: measured[key] for key in (*known, *measured) if key in measured}
    provenance = {
        "command": "python -m marl_edu.experiments reference",
        "interval": "95 %: Wilson's of shares, Student's of other means",
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "finished": now(),
        **git_commit(),
    }
    record = {"tasks": measured, "provenance": provenance}
    storage.write_json(path, record)
    print(f"written: {path}")
    return record
