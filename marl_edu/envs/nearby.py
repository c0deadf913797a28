"""Who is near whom among many points in the plane, without comparing all with all.

Points are sorted into square cells. Whoever is within reach of a point is in its cell or in one
of the eight around it, if cells are at least as wide as the reach. So time and memory grow with
N times the number of points in the fullest cell: for points spread evenly with N, not with N².
The answer is exact for any points.

Both functions answer with `index` `(B, N, K)` and `mask` `(B, N, K)`: in row i the neighbours of
point i, never itself, then filler (0) where `mask` is False. Worlds do not meet.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from marl_edu.envs.checks import positive_int


def within(
    position: Float[Tensor, "B N 2"], radius: float
) -> tuple[Int[Tensor, "B N K"], Bool[Tensor, "B N K"]]:
    """All neighbours at a distance of at most `radius`, in order of their numbers.

    Args:
        position: of the points. radius: above 0.
    Returns:
        index, mask. K is the largest number of neighbours that anybody has.
    """
    if not isinstance(radius, int | float) or isinstance(radius, bool) or not radius > 0:
        raise ValueError(f"radius must be a number above 0, got {radius!r}")
    other, distance = _around(position, float(radius))
    N = position.shape[1]
    number = torch.where(distance <= radius, other, N)  # N: not a neighbour, sorted last
    K = int((number < N).sum(-1).max())
    number = number.sort(-1).values[..., :K]
    mask = number < N
    return number * mask, mask


def nearest(
    position: Float[Tensor, "B N 2"], k: int
) -> tuple[Int[Tensor, "B N K"], Bool[Tensor, "B N K"]]:
    """The k nearest neighbours, from near to far; all of them if there are fewer.

    Args:
        position: of the points. k: from 1.
    """
    positive_int("k", k)
    N = position.shape[1]
    found = min(k, N - 1)
    if found == 0:
        empty = position.new_zeros(*position.shape[:2], 0)
        return empty.long(), empty.bool()
    extent = (position.amax(1) - position.amin(1)).amax().item()
    # As wide as a circle that holds 2k of the points would be; wider until everybody is certain.
    width = max(extent * (2 * k / N) ** 0.5, torch.finfo(position.dtype).tiny)
    while True:
        other, distance = _around(position, width)
        if distance.shape[-1] >= found:
            near, place = distance.topk(found, largest=False)
            # Whatever is nearer than the width has been looked at.
            if width > extent or (near[..., -1] <= width).all():
                index = other.gather(-1, place)
                return index, torch.ones_like(index, dtype=torch.bool)
        width = 2 * width


def _around(position: Tensor, width: float) -> tuple[Tensor, Tensor]:
    """Everybody in the 3 x 3 cells around each point, and how far away.

    Returns:
        other `(B, N, C)`: numbers of points; distance `(B, N, C)`: infinite for filler, and for
        the point itself.
    """
    B, N, _ = position.shape
    corner = position.amin(1, keepdim=True)
    extent = (position - corner).amax().item()
    side = max(1, min(int(extent / width), int(N**0.5) + 1))  # cells may be wider, not narrower
    place = ((position - corner) * (side / extent if extent > 0 else 0.0)).long()
    row, column = place.clamp_max(side - 1).unbind(-1)
    # A margin of empty cells, so that every cell has eight around it.
    columns = side + 2
    cell = (row + 1) * columns + column + 1  # (B, N)
    count = torch.zeros(B, columns * columns, dtype=torch.int64, device=position.device)
    count.scatter_add_(1, cell, torch.ones_like(cell))
    order = cell.argsort(1)  # points of a cell stand together
    first = count.cumsum(1) - count
    step = torch.tensor([-1, 0, 1], device=position.device)
    block = cell[..., None] + (step[:, None] * columns + step).flatten()  # (B, N, 9)
    fullest = int(count.max())
    rank = torch.arange(fullest, device=position.device)
    here = rank < count.gather(1, block.flatten(1)).view(B, N, 9, 1)
    slot = (first.gather(1, block.flatten(1)).view(B, N, 9, 1) + rank).clamp_max(N - 1)
    other = order.gather(1, slot.flatten(1)).view(B, N, -1)
    away = _of(position, other) - position[:, :, None]
    distance = away.square().sum(-1).sqrt()
    itself = other == torch.arange(N, device=position.device)[:, None]
    return other, distance.masked_fill(~here.flatten(2) | itself, torch.inf)


def _of(position: Tensor, index: Tensor) -> Tensor:
    """Positions `(B, N, C, 2)` of the points `index` `(B, N, C)`."""
    world = torch.arange(len(position), device=position.device)[:, None, None]
    return position[world, index]
