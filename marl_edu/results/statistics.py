"""Stored runs and what may be said about them: few seeds, so always with an interval.

The statistics are those of Agarwal et al., "Deep Reinforcement Learning at the Edge of the
Statistical Precipice", arXiv 2108.13264: the interquartile mean (IQM), stratified bootstrap
intervals by the percentile method, and the probability of improvement.

How far to trust the interval: of normally distributed runs it holds the true value in 89 cases of
100 with 5 seeds, 91 with 8 and 93 with 30 rather than in 95 (1,000 simulations each). It knows
nothing of what all seeds have in common, such as a lucky choice of settings.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from marl_edu.core import storage
from marl_edu.results.folders import RESULTS, how_to_make

Array = NDArray[np.float64]


class Estimate(NamedTuple):
    """A number and its interval; `low` and `high` are NaN where one run cannot give any."""

    value: float
    low: float
    high: float
    n: int  # runs it rests on


class Curve(NamedTuple):
    """A learning curve over seeds; all arrays have the shape (G,) of the grid."""

    steps: Array  # environment steps (one step of all agents of one environment)
    iqm: Array
    low: Array  # 95 % interval at each point of the grid, NaN from a single seed
    high: Array
    n: int  # seeds


def load(experiment: str, folder: Path = RESULTS) -> list[dict[str, Any]]:
    """The finished seeds of an experiment, in order of seed.

    Returns:
        their records (see `marl_edu.experiments.run`), each with its learning curve under "rows".

    Raises:
        FileNotFoundError: none is finished; the message names the command that makes them.
        ValueError: a file holds another seed than its name says, is another run's, or is not as it
            was written; `python -m marl_edu.experiments verify` says more.
    """
    found = storage.read_by_seed(folder / experiment, "seed-")
    if not found:
        raise FileNotFoundError(
            f"no finished seed of {experiment!r} in {folder}; "
            + how_to_make(f"marl_edu.experiments run {experiment}")
        )
    runs: dict[str, Path] = {}  # by what identifies them
    for path, record in found:
        other = runs.setdefault(record.get("identity", str(path)), path)
        if other != path:
            raise ValueError(f"{path} is the same run as {other}: one of them is a copy")
    return [r | {"rows": storage.read_rows(path.with_suffix(".csv"), r)} for path, r in found]


def scores(experiment: str, key: str = "success", folder: Path = RESULTS) -> Array:
    """The final evaluations of all finished seeds: shape (n,), in the unit of `key`."""
    found = []
    for record in load(experiment, folder):
        if key not in record["evaluation"]:
            known = ", ".join(record["evaluation"])
            raise ValueError(f"key must be one of {known}, got {key!r}")
        found.append(record["evaluation"][key])
    return _numbers("scores", found)


def iqm(x: ArrayLike, axis: int | None = None) -> Any:
    """Interquartile mean: the mean of the middle half; a quarter is cut at each end.

    The number cut at each end is rounded down: of 8 values the middle 4 count, of 5 the middle
    3, of fewer than 4 all. For runs of several tasks pass the whole matrix.
    """
    return stats.trim_mean(x, 0.25, axis=axis)


def interval(
    x_by_task: ArrayLike | Mapping[str, ArrayLike],
    statistic: Callable[..., Any] = iqm,
    confidence: float = 0.95,
    resamples: int = 5000,
    seed: int = 0,
) -> Estimate:
    """A statistic of independent runs with its stratified bootstrap interval.

    Runs are drawn again with replacement, within each task (stratum) apart, and the statistic is
    taken of all of them together; the interval is between percentiles of what comes out.

    Args:
        x_by_task: scores (n,) of one task, or a dictionary task -> scores (n_task,).
        statistic: a function of an array and `axis`.
        confidence: the share of cases in which the interval should hold the true value.
        resamples: how often runs are drawn again.
        seed: of the drawing; the same seed gives the same interval.

    Returns:
        `low` and `high` are NaN when a task has one run only; both equal `value` when all runs
        agree, which says more about the runs than about the truth.
    """
    strata = x_by_task if isinstance(x_by_task, Mapping) else {"scores": x_by_task}
    if not strata:
        raise ValueError("x_by_task must hold at least one task, got none")
    arrays = [_numbers(f"x_by_task[{task!r}]", x) for task, x in strata.items()]
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie in (0, 1), got {confidence}")

    def together(*samples: Array, axis: int = -1) -> Any:
        return statistic(np.concatenate(samples, axis=axis), axis=axis)

    low, high = _bootstrap(arrays, together, confidence, resamples, seed)
    n = sum(len(x) for x in arrays)
    return Estimate(float(together(*arrays)), float(low), float(high), n)


def share_interval(count: int, n: int) -> Estimate:
    """A share of n independent cases with Wilson's 95 % interval."""
    found = stats.binomtest(count, n).proportion_ci(0.95, "wilson")
    return Estimate(count / n, float(found.low), float(found.high), n)


def mean_interval(values: ArrayLike) -> Estimate:
    """The mean of independent values (n,) with its 95 % interval: Wilson's of 0 and 1, else
    Student's."""
    x = _numbers("values", values)
    if np.isin(x, (0.0, 1.0)).all():
        return share_interval(int(x.sum()), len(x))
    mean, half = x.mean(), stats.t.ppf(0.975, len(x) - 1) * stats.sem(x)
    return Estimate(float(mean), float(mean - half), float(mean + half), len(x))


def run_curve(rows: Sequence[Mapping[str, Any]], key: str = "success") -> Curve:
    """The log of a single run as a curve; one seed has no interval."""
    steps, values = zip(*((row["env_steps"], row[key]) for row in rows), strict=True)
    nothing = np.full(len(rows), np.nan)
    return Curve(np.array(steps, float), np.array(values, float), nothing, nothing, 1)


def summary(experiment: str, key: str = "success", folder: Path = RESULTS) -> Estimate:
    """The IQM of the final evaluations, a share in [0, 1], and all its uncertainty.

    All seeds are evaluated on the same episodes, so the bootstrap over seeds cannot see the luck
    of those episodes: eight policies that all never brake agree to the last digit. Wilson's
    interval for that many episodes is added to the bootstrap's in quadrature. (Differences
    between methods, which share the episodes too, need no such addition.)
    """
    found = interval(scores(experiment, key, folder))
    episodes = min(record["evaluation"]["episodes"] for record in load(experiment, folder))
    if not 0 <= found.value <= 1:
        raise ValueError(f"key must name a share in [0, 1], {key!r} is {found.value:.3g}")
    z2, p = stats.norm.ppf(0.975) ** 2, found.value
    centre = (p + z2 / (2 * episodes)) / (1 + z2 / episodes)
    half = np.sqrt(z2 * p * (1 - p) / episodes + (z2 / (2 * episodes)) ** 2) / (1 + z2 / episodes)
    low = max(0.0, p - float(np.hypot(p - found.low, p - (centre - half))))
    high = min(1.0, p + float(np.hypot(found.high - p, centre + half - p)))
    if np.isnan(found.low):  # one run: max and min would hide it
        low = high = np.nan
    return Estimate(p, low, high, found.n)


def probability_of_improvement(
    x: ArrayLike, y: ArrayLike, confidence: float = 0.95, resamples: int = 5000, seed: int = 0
) -> Estimate:
    """How probably a run of X scores higher than a run of Y, ties counting half.

    The Mann-Whitney statistic U of x over the number of pairs, 0.5 when nothing tells them apart;
    with a percentile bootstrap interval.

    Args:
        x, y: scores (n,) and (m,) of independent runs, higher is better.
    """
    a, b = _numbers("x", x), _numbers("y", y)

    def better(a: Array, b: Array, axis: int = -1) -> Any:
        a, b = np.moveaxis(a, axis, -1)[..., :, None], np.moveaxis(b, axis, -1)[..., None, :]
        return ((a > b) + 0.5 * (a == b)).mean((-2, -1))

    low, high = _bootstrap([a, b], better, confidence, resamples, seed)
    return Estimate(float(better(a, b)), float(low), float(high), len(a) + len(b))


def learning_curve(
    experiment: str, column: str = "success", folder: Path = RESULTS, points: int = 100
) -> Curve:
    """The IQM over seeds along training, with a pointwise 95 % interval.

    Seeds are interpolated linearly onto a common grid of environment steps, which spans what all
    of them have in common and has `points` points (fewer when the rows are fewer).
    """
    records = load(experiment, folder)
    curves = []
    for record in records:
        rows = record["rows"]
        if not rows or column not in rows[0]:
            known = ", ".join(rows[0]) if rows else "nothing, the curve is empty"
            raise ValueError(f"column must be one of {known}, got {column!r}")
        curves.append([[row["env_steps"] for row in rows], [row[column] for row in rows]])
    start = max(steps[0] for steps, _ in curves)
    end = min(steps[-1] for steps, _ in curves)
    count = min(points, *(len(steps) for steps, _ in curves))
    grid = np.linspace(start, end, count)
    values = np.stack([np.interp(grid, steps, y) for steps, y in curves], axis=-1)  # (G, n)
    low, high = _bootstrap([values], iqm, 0.95, 2000, 0)
    return Curve(grid, iqm(values, axis=-1), low, high, len(records))


def _bootstrap(
    samples: Sequence[Array],
    statistic: Callable[..., Any],
    confidence: float,
    resamples: int,
    seed: int,
) -> tuple[Array, Array]:
    """Percentile bootstrap over the last axis of each sample; NaN where a sample has one run."""
    if min(x.shape[-1] for x in samples) < 2:
        nothing = np.full(samples[0].shape[:-1], np.nan)
        return nothing, nothing
    found = stats.bootstrap(
        samples,
        statistic,
        n_resamples=resamples,
        batch=500,  # keeps the memory small for curves
        vectorized=True,
        axis=-1,
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    low, high = found.confidence_interval
    return np.asarray(low), np.asarray(high)


def _numbers(name: str, x: ArrayLike) -> Array:
    array = np.asarray(x, dtype=np.float64)
    if array.ndim != 1 or len(array) == 0 or not np.isfinite(array).all():
        raise ValueError(f"{name} must be a list of at least one finite number, got {x!r}")
    return array
