"""What bug hunts share: a training run that judges an answer which is right on single inputs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

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
