"""Stored runs and what may be said about them: few seeds, so always with an interval.

The interquartile mean (IQM) and the probability of improvement are those of Agarwal et al., "Deep
Reinforcement Learning at the Edge of the Statistical Precipice", arXiv 2108.13264. So are the
intervals from a stratified bootstrap. The percentiles are moved outwards for few runs, as Student's
t does for a mean (Hesterberg, "What Teachers Should Know About the Bootstrap", arXiv 1411.5279,
5.3).

All intervals of runs are meant to hold the true value in `LEVEL` of all cases, and do at 5, 8 and
10 seeds: `marl_edu.experiments.coverage` simulates it. 95 of 100 cannot be had: the whole range of
five runs holds the true median in 94. An interval knows nothing of what all seeds have in common,
such as a lucky choice of settings.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy  # which imports its parts when they are used; stats takes a second
from numpy.typing import ArrayLike, NDArray

from marl_edu.core import storage
from marl_edu.core.checks import did_you_mean
from marl_edu.core.records import read_by_seed
from marl_edu.results.folders import RESULTS, how_to_make

Array = NDArray[np.float64]
LEVEL = 0.9  # the share of cases in which an interval of runs holds the true value


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
    low: Array  # interval at each point of the grid, NaN from a single seed
    high: Array
    n: int  # seeds


def load(experiment: str, folder: str | Path = RESULTS) -> list[dict[str, Any]]:
    """The finished seeds of an experiment, in order of seed.

    Returns:
        their records (see `marl_edu.experiments.run`), each with its learning curve under "rows".

    Raises:
        FileNotFoundError: none is finished; the message names the command that makes them.
        ValueError: a file holds another seed than its name says, is another run's, or is not as it
            was written; `python -m marl_edu.experiments verify` says more.
    """
    folder = Path(folder)
    found = read_by_seed(folder / experiment, "seed-")
    if not found:
        stored = [one.parent.name for one in folder.glob("*/seed-0.json")]
        hint = did_you_mean(experiment, stored)
        make = how_to_make(f"marl_edu.experiments run {experiment}")
        raise FileNotFoundError(f"no finished seed of {experiment!r} in {folder}.{hint} Or {make}")
    runs: dict[str, Path] = {}  # by what identifies them
    for path, record in found:
        other = runs.setdefault(record.get("identity", str(path)), path)
        if other != path:
            raise ValueError(f"{path} is the same run as {other}: one of them is a copy")
    return [r | {"rows": storage.read_rows(path.with_suffix(".csv"), r)} for path, r in found]


def scores(experiment: str, key: str = "success", folder: str | Path = RESULTS) -> Array:
    """The final evaluations of all finished seeds: shape (n,), in the unit of `key`."""
    return _scores(load(experiment, folder), key)


def _scores(records: Sequence[Mapping[str, Any]], key: str) -> Array:
    found = []
    for record in records:
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
    return scipy.stats.trim_mean(x, 0.25, axis=axis)


def interval(
    x_by_task: ArrayLike | Mapping[str, ArrayLike],
    statistic: Callable[..., Any] = iqm,
    confidence: float = LEVEL,
    resamples: int = 5000,
    seed: int = 0,
) -> Estimate:
    """A statistic of independent runs with its stratified bootstrap interval.

    Runs are drawn again with replacement, within each task (stratum) apart, and the statistic is
    taken of all of them together; the interval is between percentiles of what comes out. For a
    score in episodes that all runs have in common: `score_interval`.

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

    low, high = bootstrap(arrays, together, confidence, resamples, seed)
    n = sum(len(x) for x in arrays)
    return Estimate(float(together(*arrays)), float(low), float(high), n)


def share_interval(count: int, n: int) -> Estimate:
    """A share of n independent cases with Wilson's 95 % interval."""
    found = scipy.stats.binomtest(count, n).proportion_ci(0.95, "wilson")
    return Estimate(count / n, float(found.low), float(found.high), n)


def mean_interval(values: ArrayLike) -> Estimate:
    """The mean of independent values (n,) with its 95 % interval: Wilson's of 0 and 1, else
    Student's."""
    x = _numbers("values", values)
    if np.isin(x, (0.0, 1.0)).all():
        return share_interval(int(x.sum()), len(x))
    mean, half = x.mean(), scipy.stats.t.ppf(0.975, len(x) - 1) * scipy.stats.sem(x)
    return Estimate(float(mean), float(mean - half), float(mean + half), len(x))


def run_curve(rows: Sequence[Mapping[str, Any]], key: str = "success") -> Curve:
    """The log of a single run as a curve; one seed has no interval."""
    steps, values = zip(*((row["env_steps"], row[key]) for row in rows), strict=True)
    nothing = np.full(len(rows), np.nan)
    return Curve(np.array(steps, float), np.array(values, float), nothing, nothing, 1)


def score_interval(values: ArrayLike, episodes: int, variances: ArrayLike = ()) -> Estimate:
    """The IQM of what runs score in the same episodes, and all its uncertainty.

    Since the episodes are the same, drawing runs again cannot see the luck of those episodes: eight
    policies that all never brake agree to the last digit. It is added in quadrature. (Differences
    between methods, which share the episodes too, need no such addition.)

    Args:
        values: (n,), each the mean of so many episodes.
        variances: (n,), over the episodes of each. Without them a value is a share of episodes.

    Raises:
        ValueError: no variances, and a value that is no share in [0, 1].
    """
    found, spread = interval(values), np.asarray(variances, dtype=np.float64)
    shares = not len(spread)
    if shares:
        share = _numbers("values", values)
        if not ((share >= 0) & (share <= 1)).all():
            raise ValueError(f"without variances, values must be shares in [0, 1], got {values!r}")
        spread = share * (1 - share)
    down, up = luck(found.value, float(spread.mean()), episodes)
    low = found.value - float(np.hypot(found.value - found.low, down))
    high = found.value + float(np.hypot(found.high - found.value, up))
    if shares:  # no less than 0, no more than 1
        low, high = max(low, 0.0), min(high, 1.0)
    return Estimate(found.value, low, high, found.n)


def luck(value: Any, variance: Any, episodes: int, confidence: float = LEVEL) -> tuple[Any, Any]:
    """How far a mean over episodes may lie above and below the truth, for their chance alone.

    Wilson's interval of a share of right and wrong episodes. A mean of other numbers in [0, 1]
    varies less, as if more episodes had been played; outside of [0, 1] it is the normal one.

    Args:
        value: the mean. variance: over the episodes.

    Returns:
        the distances of the interval's lower and upper end from `value`.
    """
    z2 = scipy.stats.norm.ppf((1 + confidence) / 2) ** 2
    most = np.asarray(value * (1 - value))  # of right and wrong
    less = np.where(most > 0, np.minimum(variance / np.where(most > 0, most, 1), 1), 1)
    q = less * z2 / episodes
    half = np.sqrt(q * np.maximum(most, 0) + q**2 / 4) / (1 + q)
    moved = q * (0.5 - value) / (1 + q)  # of Wilson's centre
    normal = np.sqrt(z2 * variance / episodes)
    share = most >= 0
    return np.where(share, half - moved, normal), np.where(share, half + moved, normal)


def summary(experiment: str, key: str = "success", folder: str | Path = RESULTS) -> Estimate:
    """What is said about an experiment everywhere: the `score_interval` of its final evaluations.

    Raises:
        FileNotFoundError, ValueError: as `load`, `scores` and `score_interval`.
    """
    records = load(experiment, folder)
    values = _scores(records, key)
    if records[0].get("evaluator") == "nodes":  # each seed was tested on a graph of its own
        return interval(values)
    found = [record["evaluation"] for record in records]
    spread = [one[f"{key}_sd"] ** 2 for one in found if f"{key}_sd" in one]
    if spread and len(spread) < len(found):
        raise ValueError(f"only {len(spread)} seeds of {experiment} hold {key}_sd: run them again")
    return score_interval(values, min(one["episodes"] for one in found), spread)


def probability_of_improvement(
    x: ArrayLike, y: ArrayLike, confidence: float = LEVEL, resamples: int = 5000, seed: int = 0
) -> Estimate:
    """How probably a run of X scores higher than a run of Y, ties counting half.

    The Mann-Whitney statistic U of x over the number of pairs, 0.5 when nothing tells them apart;
    with a bootstrap interval, of runs of both drawn again.

    Args:
        x, y: scores (n,) and (m,) of independent runs, higher is better.
    """
    a, b = _numbers("x", x), _numbers("y", y)

    def better(a: Array, b: Array, axis: int = -1) -> Any:
        a, b = np.moveaxis(a, axis, -1)[..., :, None], np.moveaxis(b, axis, -1)[..., None, :]
        return ((a > b) + 0.5 * (a == b)).mean((-2, -1))

    low, high = bootstrap([a, b], better, confidence, resamples, seed)
    return Estimate(float(better(a, b)), float(low), float(high), len(a) + len(b))


def learning_curve(
    experiment: str, column: str = "success", folder: str | Path = RESULTS, points: int = 100
) -> Curve:
    """The IQM over seeds along training, with a pointwise interval.

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
    low, high = bootstrap([values], iqm, LEVEL, 2000, 0)
    return Curve(grid, iqm(values, axis=-1), low, high, len(records))


def bootstrap(
    samples: Sequence[Array],
    statistic: Callable[..., Any],
    confidence: float = LEVEL,
    resamples: int = 5000,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Expanded percentile bootstrap over the last axis of each sample; NaN if a sample has one run.

    A bootstrap takes few runs for all there are: their spread is sqrt((n - 1) / n) too small, and
    is not known exactly. Of a mean of normal runs the percentiles taken here give Student's.
    """
    sizes = [x.shape[-1] for x in samples]
    if min(sizes) < 2:
        nothing = np.full(samples[0].shape[:-1], np.nan)
        return nothing, nothing
    students = scipy.stats.t.ppf((1 + confidence) / 2, sum(sizes) - len(sizes))
    tail = scipy.stats.norm.cdf(-students * np.sqrt(min(sizes) / (min(sizes) - 1)))
    found = scipy.stats.bootstrap(
        samples,
        statistic,
        n_resamples=resamples,
        batch=500,  # keeps the memory small for curves
        vectorized=True,
        axis=-1,
        confidence_level=1 - 2 * tail,
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
