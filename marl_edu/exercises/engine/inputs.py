"""What answers are tried on beside the odd inputs that an exercise lists: hypothesis draws more.

Hypothesis draws sizes, masks and chances, the smallest and the emptiest among them. The numbers in
a tensor come from a seeded normal distribution instead: hypothesis loves ties, and at a tie (a
maximum, a clip) right answers may differ in their gradients. Sizes: B environments, N agents.
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


CHANCE = ints(0, 10).map(lambda tenths: tenths / 10)


def flags(low: int, high: int) -> Strategy[list[bool]]:
    """From `low` to `high` booleans in a row."""
    return st.lists(st.booleans(), min_size=low, max_size=high)


def masks(rows: Strategy[int], columns: Strategy[int]) -> Strategy[Tensor]:
    """Boolean tensors (rows, columns)."""
    shapes = st.tuples(rows, columns)
    return shapes.flatmap(
        lambda s: flags(s[0] * s[1], s[0] * s[1]).map(lambda entries: torch.tensor(entries).view(s))
    )


def drawn(what: str, *columns: Strategy, n: int = 6) -> list[tuple[Any, ...]]:
    """`n` rows (what, one value of each column): what hypothesis draws, the same in every call."""
    rows: list[tuple[Any, ...]] = []

    @seed(0)
    @settings(
        max_examples=n,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.tuples(st.just(what), *columns))
    def keep(row: tuple[Any, ...]) -> None:
        rows.append(row)

    keep()
    return rows


def teams() -> Iterator[tuple[str, int, Tensor, torch.dtype]]:
    """Teams to try an answer on: (what, B, alive (B, N), dtype), from small and odd to drawn."""
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
    for what, alive, dtype in drawn("drawn", masks(ints(1, 5), ints(1, 5)), DTYPE):
        B, N = alive.shape
        yield f"{what} environments (B = {B}, N = {N}), some slots empty", B, alive, dtype
