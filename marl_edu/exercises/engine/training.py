"""What bug hunts share: a training run that judges an answer which is right on single inputs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from marl_edu.exercises.engine.isolation import Garbled

Rows = Sequence[Mapping[str, int | float]]  # of a training log


@dataclass(frozen=True)
class Trial:
    """What a bug hunt trains with an answer, and how to read what comes of it."""

    curve: Callable[[Callable[..., Any]], Rows]
    learned: Callable[[Rows], bool]
    says: Callable[[Rows], str]  # what training came to, in a sentence


@contextmanager
def small_training() -> Iterator[None]:
    """One thread, since for so small networks more cost time, and random numbers of its own."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)


def means(runs: Sequence[Rows]) -> Rows:
    """The mean of each number over runs, row by row."""
    return [
        {key: sum(row[key] for row in rows) / len(runs) for key in rows[0]}
        for rows in zip(*runs, strict=True)
    ]


def trainable(answer: Callable[..., Any]) -> Callable[..., Any]:
    """`answer` for use in training: what it returns in numpy becomes a tensor."""

    def call(*args: Any) -> Any:
        result = answer(*args)
        if not isinstance(result, np.ndarray | np.generic):
            return result
        array = torch.from_numpy(np.array(result))
        given = [x.dtype for x in args if isinstance(x, torch.Tensor) and x.is_floating_point()]
        return array.to(given[0]) if given and array.is_floating_point() else array

    return call


def judged_rows(result: Any) -> Rows | str:
    """What a process sent of its training: the rows of its log, or what it raised.

    Raises:
        Garbled: it is neither.
    """
    if not isinstance(result, dict) or len(result) != 1:
        raise Garbled
    if isinstance(result.get("raised"), str):
        return str(result["raised"])
    rows = result.get("rows")
    fits = isinstance(rows, list) and all(
        isinstance(row, dict) and all(isinstance(value, int | float) for value in row.values())
        for row in rows
    )
    if not fits or not rows:
        raise Garbled
    return rows
