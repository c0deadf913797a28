"""Teams that answers are tried on. Sizes: B worlds, N agents."""

from collections.abc import Iterator

import torch
from torch import Tensor


def teams(rng: torch.Generator) -> Iterator[tuple[str, int, Tensor, torch.dtype]]:
    """Teams to try an answer on: (what, B, alive (B, N), dtype), from small and odd to drawn."""
    f32, f64 = torch.float32, torch.float64
    T, F = True, False
    for what, slots, dtype in (
        ("two agents", [[T, T]], f32),
        ("three agents, of whom one is dead", [[T, T, F]], f32),
        ("one agent, alone in the world", [[T], [T]], f32),
        ("one living agent among three slots", [[F, T, F]], f32),
        ("nobody alive", [[F, F, F]], f32),
        ("numbers in float64", [[T, F, T, T], [T, T, T, T]], f64),
    ):
        yield what, len(slots), torch.tensor(slots), dtype
    for _ in range(5):
        B, N = torch.randint(2, 6, (2,), generator=rng).tolist()
        alive = torch.rand(B, N, generator=rng) < 0.7
        yield f"{B} drawn worlds of {N} slots, some empty", B, alive, f32
