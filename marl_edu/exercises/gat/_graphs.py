"""What the exercises of this page are tried on: graphs of N nodes, receivers in rows."""

from collections.abc import Iterator

import torch
from hypothesis import strategies as st
from torch import Tensor

from marl_edu.exercises.engine.inputs import DTYPE, drawn, ints, masks


def hearings() -> Iterator[tuple[str, Tensor, torch.dtype]]:
    """Graphs to try an answer on: (what, hears (N, N), dtype), from small and odd to drawn."""
    no, yes = False, True
    for what, rows, dtype in (
        ("two nodes that hear each other", [[no, yes], [yes, no]], torch.float32),
        ("a node that is heard but hears nobody", [[no, no], [yes, no]], torch.float32),
        ("one node, alone", [[no]], torch.float32),
        ("nodes that are said to hear themselves", [[yes, yes], [no, yes]], torch.float32),
        ("three nodes without any link, in float64", [[no] * 3] * 3, torch.float64),
    ):
        yield what, torch.tensor(rows), dtype
    square = ints(1, 7).flatmap(lambda N: masks(st.just(N), st.just(N)))
    for what, adjacency, dtype in drawn("nodes and directed links, drawn", square, DTYPE, n=10):
        yield f"{len(adjacency)} {what}", adjacency, dtype
