"""Who is near whom among many points in the plane, without comparing all with all.

Points are sorted into square cells. Whoever is within reach of a point is in its cell or in one
of the eight around it, if cells are at least as wide as the reach. So time and memory grow with
the number of pairs in such cells: for points spread evenly with N, not with N². The answer is
exact for any points, but where most of them crowd into one cell there is nothing to be saved.

Both functions answer with `index` `(B, N, K)` and `mask` `(B, N, K)`: in row i the neighbours of
point i, never itself, then filler (0) where `mask` is False. Environments do not meet.

Inside, points of all environments have one number, b N + i, and pairs stand in one long list.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from marl_edu.core.checks import one_number, positive_int


def within(
    position: Float[Tensor, "B N 2"], radius: float
) -> tuple[Int[Tensor, "B N K"], Bool[Tensor, "B N K"]]:
    """All neighbours at a distance of at most `radius`, in order of their numbers.

    Args:
        position: of the points. radius: above 0.
    Returns:
        index, mask. K is the largest number of neighbours that anybody has.
    """
    reach = None if isinstance(radius, bool) else one_number(radius)
    if reach is None or not reach > 0:
        raise ValueError(f"radius must be a number above 0, got {radius!r}")
    B, N, _ = position.shape
    everybody = torch.arange(B * N, device=position.device)
    point, other, distance = _pairs(position, everybody, reach)
    near = distance <= reach
    table, _ = _table(point[near], other[near], distance[near], B * N)
    mask = (table >= 0).view(B, N, -1)
    return table.view(B, N, -1).clamp_min(0) % N, mask


def nearest(
    position: Float[Tensor, "B N 2"], k: int
) -> tuple[Int[Tensor, "B N K"], Bool[Tensor, "B N K"]]:
    """The k nearest neighbours, from near to far; all of them if there are fewer.

    Of several at the same distance the first ones by number.

    Args:
        position: of the points. k: from 1.
    """
    k = positive_int("k", k)
    B, N, _ = position.shape
    K = min(k, N - 1)
    index = torch.zeros(B * N, K, dtype=torch.int64, device=position.device)
    waiting = torch.arange(B * N if K else 0, device=position.device)
    extent = float((position.amax(1) - position.amin(1)).amax())
    width = extent * (k / N) ** 0.5  # a circle this wide holds some three times k points
    while len(waiting):
        point, other, distance = _pairs(position, waiting, width)
        sure = (distance <= width) | (width > extent)  # farther away somebody may be missing
        table, distance = _table(point[sure], other[sure], distance[sure], len(waiting))
        enough = (table >= 0).sum(1) >= K
        if enough.any():
            order = distance[enough].argsort(dim=1, stable=True)[:, :K]
            index[waiting[enough]] = table[enough].gather(1, order) % N
        waiting = waiting[~enough]
        width = 2 * width if width > 0 else 1.0  # 0: all points are in one place
    index = index.view(B, N, K)
    return index, torch.ones_like(index, dtype=torch.bool)


def _table(point: Tensor, other: Tensor, distance: Tensor, rows: int) -> tuple[Tensor, Tensor]:
    """Pairs as a table, a row per point with the others in order of their numbers, then filler.

    Args:
        point: (pairs,), in order. other, distance: (pairs,). rows: how many points.
    Returns:
        other (rows, K), filler -1; distance (rows, K), filler infinite.
    """
    count = point.bincount(minlength=rows)
    slot = torch.arange(len(point), device=point.device) - (count.cumsum(0) - count)[point]
    K = int(count.max())
    last = torch.iinfo(torch.int64).max
    number = torch.full((rows, K), last, device=point.device)
    number[point, slot] = other
    far = distance.new_full((rows, K), torch.inf)
    far[point, slot] = distance
    number, order = number.sort(1)
    return number.masked_fill(number == last, -1), far.gather(1, order)


def _pairs(
    position: Float[Tensor, "B N 2"], points: Int[Tensor, " points"], width: float
) -> tuple[Tensor, Tensor, Tensor]:
    """All pairs of one of `points` and another within `width` of it, and some that are farther.

    Returns:
        point (pairs,): the one's place in `points`, in order; other (pairs,): the other's number;
        distance (pairs,).
    """
    B, N, _ = position.shape
    low = position.amin(1, keepdim=True)
    extent = float((position - low).amax())
    # A hair wider than asked for, so that no rounding moves two within reach two cells apart.
    most = int(N**0.5) + 1  # more cells would be empty
    side = max(1, min(int(extent / (1.001 * width)), most)) if width > 0 else 1
    place = ((position - low) * (side / extent if extent > 0 else 0.0)).long()
    row, column = place.clamp_max(side - 1).flatten(0, 1).unbind(-1)
    # Cells row by row with an empty row above and below, so that every cell has three rows.
    env = torch.arange(B * N, device=position.device) // N
    row_start = (env * (side + 2) + row + 1) * side
    cell = row_start + column
    order = cell.argsort(stable=True)
    cells = torch.arange(B * (side + 2) * side + 1, device=position.device)
    first = torch.searchsorted(cell[order], cells)  # of the points in each cell, among `order`
    # In each of the three rows, the points of up to three cells stand together in `order`.
    step = torch.tensor([-1, 0, 1], device=position.device) * side
    rows = row_start[points, None] + step
    start = first[rows + (column[points, None] - 1).clamp_min(0)].flatten()
    stop = first[rows + (column[points, None] + 1).clamp_max(side - 1) + 1].flatten()
    length = stop - start
    run = torch.arange(len(length), device=position.device).repeat_interleave(length)
    before = length.cumsum(0) - length  # pairs before each run
    place_in_run = torch.arange(len(run), device=position.device) - before[run]
    point, other = run // 3, order[start[run] + place_in_run]
    differ = points[point] != other
    point, other = point[differ], other[differ]
    flat = position.flatten(0, 1)
    return point, other, (flat[other] - flat[points[point]]).square().sum(-1).sqrt()
