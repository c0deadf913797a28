"""What hypothesis draws of an input, and odd teams that several exercises are tried on.

Hypothesis draws sizes, and in which manner each argument is drawn. The numbers in a tensor come
from a seeded normal distribution instead: hypothesis loves ties, and at a tie (a maximum, a clip)
right answers may differ in their gradients. Sizes: B environments, N agents.
"""

from collections.abc import Iterator
from typing import Any

import torch
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from torch import Tensor

Strategy = st.SearchStrategy

DTYPE = st.booleans().map(lambda wide: torch.float64 if wide else torch.float32)


def ints(low: int, high: int) -> Strategy[int]:
    """Whole numbers from `low` to `high`, small ones more often.

    They are lengths of drawn lists: `st.integers` would read the source of every module around for
    numbers to try, so that two readers would get different inputs.
    """
    return st.lists(st.none(), min_size=low, max_size=high).map(len)


def drawn(*columns: Strategy, n: int, number: int = 0) -> list[tuple[Any, ...]]:
    """`n` rows, of one value of each column, none twice: what hypothesis draws, the same in every
    call with the same seed, `number`. Fewer where there are no more."""
    rows: list[tuple[Any, ...]] = []

    @seed(number)
    @settings(
        max_examples=n,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.tuples(*columns))
    def keep(row: tuple[Any, ...]) -> None:
        rows.append(row)

    keep()
    return rows


def teams() -> Iterator[tuple[str, int, Tensor, torch.dtype]]:
    """Teams to try an answer on: (what, B, alive (B, N), dtype), small and odd ones."""
    f32, f64 = torch.float32, torch.float64
    T, F = True, False
    for what, slots, dtype in (
        ("two agents", [[T, T]], f32),
        ("three agents, of whom one is dead", [[T, T, F]], f32),
        ("one agent, alone in its environment", [[T], [T]], f32),
        ("one living agent among three slots", [[F, T, F]], f32),
        ("nobody alive", [[F, F, F]], f32),
        ("numbers in float64", [[T, F, T, T], [T, T, T, T]], f64),
    ):
        yield what, len(slots), torch.tensor(slots), dtype
