"""How often an interval of few seeds holds the true value: the names of intervals come from here.

    python -m marl_edu.experiments coverage

Seeds are drawn from distributions whose interquartile mean is known: evenly spread, near the
ceiling, one in five failing, two camps, and others. Each seed then plays the same `EPISODES`, of
which all have the same luck. What `results.interval` and `results.score_interval` make of them is
compared with the truth. For the share of seeds that solve a task: Wilson's interval, exactly.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy  # which imports its parts when they are used; stats takes a second
from numpy.typing import NDArray

from marl_edu.core import storage
from marl_edu.core.provenance import git_commit, now
from marl_edu.results import statistics
from marl_edu.results.folders import RESULTS, read

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]
PATH = RESULTS / "coverage.json"
SEEDS = (5, 8, 10)
EPISODES = 2000


def _fail(rng: np.random.Generator, size: tuple[int, ...]) -> Array:
    return np.where(rng.random(size) < 0.8, rng.beta(60, 1.5, size), rng.uniform(0, 0.5, size))


def _camps(rng: np.random.Generator, size: tuple[int, ...]) -> Array:
    return np.where(rng.random(size) < 0.5, rng.beta(60, 2, size), rng.uniform(0.4, 0.6, size))


TRUE: dict[str, Draw] = {  # the true success of seeds
    "normal": lambda rng, size: rng.normal(0.6, 0.05, size),
    "evenly spread": lambda rng, size: rng.uniform(0.2, 0.9, size),
    "near the ceiling": lambda rng, size: rng.beta(40, 1, size),
    "skewed": lambda rng, size: rng.beta(8, 2, size),
    "heavy tails": lambda rng, size: np.clip(0.6 + 0.03 * rng.standard_t(3, size), 0, 1),
    "all alike": lambda rng, size: np.clip(rng.normal(0.99, 0.003, size), 0, 1),
    "one in five fails": _fail,
    "two camps": _camps,
}


def of_scores(draw: Draw, n: int, repeats: int, resamples: int, seed: int = 0) -> dict[str, float]:
    """The share of cases in which the interval of n seeds holds the true interquartile mean.

    Returns:
        `runs`: each seed's score is known exactly. `scores`: in common episodes. `wrong`: in common
        episodes, but the interval takes runs for all there is to chance.
    """
    rng = np.random.default_rng(seed)
    truth = statistics.iqm(draw(rng, (1_000_000,)))
    exact = draw(rng, (repeats, n))
    common = rng.standard_normal((repeats, 1))
    played = exact + common * np.sqrt(np.maximum(exact * (1 - exact), 0) / EPISODES)
    played = np.round(np.clip(played, 0, 1) * EPISODES) / EPISODES

    def held(low: Array, high: Array) -> float:
        return float(((low <= truth) & (truth <= high)).mean())

    between = partial(statistics.bootstrap, statistic=statistics.iqm, resamples=resamples)
    value, (low, high) = statistics.iqm(played, axis=-1), between([played])
    down, up = statistics.luck(value, (played * (1 - played)).mean(-1), EPISODES)
    return {
        "runs": held(*between([exact])),
        "scores": held(value - np.hypot(value - low, down), value + np.hypot(high - value, up)),
        "wrong": held(low, high),
    }


def of_shares(n: int) -> float:
    """Of n seeds that solve a task or do not: the mean over all true shares, evenly spread."""
    ends = [statistics.share_interval(count, n) for count in range(n + 1)]
    p = np.linspace(0, 1, 2001)
    chance = scipy.stats.binom.pmf(np.arange(n + 1)[:, None], n, p)
    held = [(one.low <= p) & (p <= one.high) for one in ends]
    return float((chance * np.array(held)).sum(0).mean())


def measure(repeats: int = 2000, resamples: int = 1000) -> list[dict[str, Any]]:
    """All distributions and numbers of seeds."""
    return [
        {"distribution": name, "seeds": n, **of_scores(draw, n, repeats, resamples)}
        for name, draw in TRUE.items()
        for n in SEEDS
    ]


def stored() -> dict[str, Any]:
    """What `python -m marl_edu.experiments coverage` found.

    Raises:
        FileNotFoundError: it has not been run; the message names the command.
    """
    return read(PATH, "marl_edu.experiments coverage")


def main() -> None:
    """Simulate, and write the file."""
    rows = measure()
    shares = [{"seeds": n, "wilson": of_shares(n)} for n in SEEDS]
    record = {"level": statistics.LEVEL, "rows": rows, "shares": shares}
    storage.write_json(PATH, record | {"finished": now(), **git_commit()})
    for row in rows:
        print("{distribution:18} {seeds:3}  {runs:.3f}  {scores:.3f}  {wrong:.3f}".format(**row))
    print(f"written: {PATH}")
