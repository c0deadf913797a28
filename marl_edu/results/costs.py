"""What a seed costs, as its record says, and what many of them come to on rented cores."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from marl_edu.core.checks import finite_number, positive_int
from marl_edu.results.folders import POLICIES, RESULTS
from marl_edu.results.statistics import load
from marl_edu.results.tables import Table

MB = 1e6  # bytes


class Cost(NamedTuple):
    """What the finished seeds of an experiment took, each on one core."""

    experiment: str
    seeds: int
    core_seconds: float  # the mean of a seed
    longest: float  # of all seeds, in core-seconds
    megabytes: float  # the mean of a seed's files: record, curve, and its network if it is kept
    processors: str


def cost(experiment: str, folder: Path = RESULTS, policies: Path = POLICIES) -> Cost:
    """What the seeds of an experiment took.

    Raises:
        FileNotFoundError: none is finished; the message names the command that makes them.
    """
    runs = load(experiment, folder)
    taken = [run["cpu_seconds"] for run in runs]
    files = [
        file
        for run in runs
        for file in (
            folder / experiment / f"seed-{run['seed']}.json",
            folder / experiment / f"seed-{run['seed']}.csv",
            policies / f"{experiment}-seed{run['seed']}.safetensors",
        )
        if file.exists()
    ]
    size = sum(file.stat().st_size for file in files) / MB
    processors = ", ".join(sorted({run["cpu_model"] for run in runs}))
    n = len(runs)
    return Cost(experiment, n, sum(taken) / n, max(taken), size / n, processors)


class Bill(NamedTuple):
    """What many seeds come to."""

    core_hours: float
    hours: float  # until the last seed has ended, about
    megabytes: float
    price: float  # in the currency that an hour of a core was given in


def bill(one: Cost, seeds: int, cores: int, price: float) -> Bill:
    """What so many seeds come to, on cores as fast as those that were measured.

    Args:
        one: what a seed costs. seeds: so many of it. cores: that work side by side, a seed each.
        price: of one core for an hour.

    Raises:
        ValueError: less than one seed or core, or a negative price.
    """
    seeds, cores = positive_int("seeds", seeds), positive_int("cores", cores)
    paid = finite_number(price)
    if paid is None or paid < 0:
        raise ValueError(f"price must be a number of at least 0, got {price!r}")
    core_hours = seeds * one.core_seconds / 3600
    hours = math.ceil(seeds / cores) * one.core_seconds / 3600
    return Bill(core_hours, hours, seeds * one.megabytes, core_hours * paid)


def table(experiments: Sequence[str], folder: Path = RESULTS, policies: Path = POLICIES) -> Table:
    """What a seed of each of these experiments costs."""
    found = [cost(name, folder, policies) for name in experiments]
    rows = [
        [one.experiment, str(one.seeds), f"{one.core_seconds:,.0f}", f"{one.longest:,.0f}",
         f"{one.megabytes:.3f}"]
        for one in found
    ]  # fmt: skip
    processors = ", ".join(sorted({one.processors for one in found}))
    return Table(
        ["experiment", "seeds measured", "core-seconds a seed", "the longest", "MB a seed"],
        rows,
        f"Means over the stored seeds, one core each, measured on {processors}. The files of a "
        "seed are its record, its curve and, where it is kept, its network.",
    )


def table_of_bills(
    experiments: Sequence[str],
    seeds: int,
    cores: int,
    price: float,
    folder: Path = RESULTS,
    policies: Path = POLICIES,
) -> Table:
    """What so many seeds of each of these experiments come to; see `bill`."""
    rows = []
    for name in experiments:
        came = bill(cost(name, folder, policies), seeds, cores, price)
        rows.append([name, f"{came.core_hours:,.1f}", f"{came.hours:,.2f}",
                     f"{came.megabytes:,.0f}", f"{came.price:,.2f}"])  # fmt: skip
    return Table(
        ["experiment", "core-hours", "hours", "MB", "price"],
        rows,
        f"{seeds:,} seeds of each on {cores:,} cores, at {price:g} for one core and hour, on cores "
        "as fast as those above.",
    )
