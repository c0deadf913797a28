"""What stored runs say about exploring: who found the reward, when, and who learned from it.

With one reward far away, most runs score 0 or 1, and a mean of scores says little. So here runs
are counted: the share of seeds that had ever been paid by a given step, the steps that took, and
the share of seeds whose policy reaches the goal in the end.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import stats

from marl_edu import results
from marl_edu.results import RESULTS, Curve, Estimate

ENOUGH = 0.9  # share of fresh episodes, sampled actions, from which on a seed has solved the maze


class Wait(NamedTuple):
    """Environment steps until the first reward, over seeds; infinite where it never came."""

    median: float
    first: float
    last: float
    n: int


def share(count: int, n: int) -> Estimate:
    """A share of n seeds with Wilson's 95 % interval."""
    interval = stats.binomtest(count, n).proportion_ci(0.95, "wilson")
    return Estimate(count / n, float(interval.low), float(interval.high), n)


def solved(experiment: str, folder: Path = RESULTS) -> Estimate:
    """The share of seeds that reach the goal in at least `ENOUGH` of their final episodes."""
    final = results.scores(experiment, "success_sampling", folder)
    return share(int((final >= ENOUGH).sum()), len(final))


def first_rewards(experiment: str, folder: Path = RESULTS) -> list[float]:
    """Environment steps until the row of the log in which a seed was first paid, seed by seed."""
    return [
        next((float(row["env_steps"]) for row in record["rows"] if row["found"] > 0), np.inf)
        for record in results.load(experiment, folder)
    ]


def waits(experiment: str, folder: Path = RESULTS) -> Wait:
    """Median, shortest and longest wait for the first reward."""
    steps = first_rewards(experiment, folder)
    # "higher": half of the seeds had found it by then, also where the others never did.
    middle = float(np.quantile(steps, 0.5, method="higher"))
    return Wait(middle, min(steps), max(steps), len(steps))


def found_curve(experiment: str, folder: Path = RESULTS) -> Curve:
    """The share of seeds that had ever been paid, along training, with Wilson's interval."""
    steps = [row["env_steps"] for row in results.load(experiment, folder)[0]["rows"]]
    first = np.array(first_rewards(experiment, folder))
    shares = [share(int((first <= step).sum()), len(first)) for step in steps]
    value, low, high = (np.array([s[k] for s in shares]) for k in range(3))
    return Curve(np.array(steps, dtype=float), value, low, high, len(first))
