"""What rules without learning score in every world: the anchors between which results are read.

    python -m marl_edu.envs.anchors        measures all: book/results/worlds.json

The junction's own anchors, at all its arrival rates, are measured by `marl_edu.envs.scripted`.
"""

import argparse
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from scipy import stats
from torch import Tensor

from marl_edu.core import storage
from marl_edu.envs.baselines import TASKS
from marl_edu.envs.baselines.task import Rule, Task, scores

WORLDS = Path(__file__).resolve().parents[2] / "book" / "results" / "worlds.json"


class Mean(NamedTuple):
    """The mean of `n` independent episodes with its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int


def interval(values: Tensor) -> Mean:
    """Mean and interval of per-episode scores `(n,)`: Wilson's of shares, else Student's."""
    n, mean = len(values), float(values.double().mean())
    if ((values == 0) | (values == 1)).all():
        found = stats.binomtest(int(values.sum()), n).proportion_ci(0.95, "wilson")
        return Mean(mean, float(found.low), float(found.high), n)
    half = float(stats.t.ppf(0.975, n - 1) * values.double().std() / n**0.5)
    return Mean(mean, mean - half, mean + half, n)


def measure_rule(task: Task, rule: Rule, episodes: int, batch_size: int, seed: int = 0) -> Mean:
    """What one rule scores in at least `episodes` fresh episodes of a task."""
    world = task.make(batch_size=min(batch_size, episodes), seed=seed)
    return interval(scores(world, rule.make(), episodes, seed)[task.score])


def measure(tasks: Sequence[Task], episodes: int, batch_size: int = 500) -> dict[str, Any]:
    """Every rule of every task, printed as it comes, and how the numbers were made."""
    found: dict[str, Any] = {}
    for task in tasks:
        rules = []
        for rule in task.rules:
            mean = measure_rule(task, rule, episodes, batch_size)
            rules.append(
                {"name": rule.name, "role": rule.role, **mean._asdict(), "exact": rule.exact}
            )
            exact = "" if rule.exact is None else f"  exactly {rule.exact:.4f}"
            between = f"{mean.low:.4f} to {mean.high:.4f}"
            print(f"{task.name:34} {rule.name:34} {mean.mean:9.4f}  {between}{exact}", flush=True)
        found[task.name] = {
            "isolates": task.isolates,
            "score": task.score,
            "unit": task.unit,
            "higher_is_better": task.higher_is_better,
            "rules": rules,
        }
    provenance = {
        "command": "python -m marl_edu.envs.anchors",
        "episodes": episodes,
        "interval": "95 %: Wilson's of shares, Student's of other means",
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    return {"tasks": found, "provenance": provenance}


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure what rules without learning score.")
    parser.add_argument("names", nargs="*", help="beginnings of tasks' names (all)")
    parser.add_argument("--episodes", type=int, default=4000, help="per rule (%(default)s)")
    parser.add_argument("--out", type=Path, default=WORLDS, help="the file (%(default)s)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    chosen = [t for t in TASKS if not options.names or t.name.startswith(tuple(options.names))]
    if not chosen:
        parser.error(f"names must begin some of {[task.name for task in TASKS]}")
    measured = measure(chosen, options.episodes)
    if options.names and options.out.exists():  # the others stay
        measured["tasks"] = storage.read_json(options.out)["tasks"] | measured["tasks"]
    storage.write_json(options.out, measured)
    print(f"written: {options.out}")


if __name__ == "__main__":
    main()
