"""What the exercises of this page are tried on: batches of B transitions with F features."""

import torch


def batches() -> list[tuple[str, tuple[int, int], torch.dtype]]:
    """Batches to try an answer on: (what, (B, F), dtype)."""
    return [
        ("one transition, one feature", (1, 1), torch.float32),
        ("one transition", (1, 3), torch.float32),
        ("two transitions", (2, 4), torch.float32),
        ("as many transitions as features", (3, 3), torch.float32),
        ("numbers in float64", (5, 2), torch.float64),
        ("a batch", (6, 8), torch.float32),
    ]
