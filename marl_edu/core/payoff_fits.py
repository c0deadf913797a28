"""What VDN and QMIX make of a table of payoffs: the best that each can say of all pairs of actions.

Two agents choose once, and both get y[a, b]. Every pair (a, b) was tried equally often. A fit f
costs, with the weights of OW-QMIX (`weight` = 1: least squares),

    error = sum of w (f - y)^2,    w = 1 where f < y, else `weight`                             (1)

VDN says a sum of one number per action (`additive_fit`, without weights):

    f[a, b] = mean of row a + mean of column b - mean of all                                    (2)

QMIX says any table that rises along an order of each agent's actions, those of its utilities. If
the orders are given, the best one is unique (isotonic regression). With m(S) for the single number
that fits the payoffs in S best,

    f[x] = max over upper sets U with x of (min over lower sets L with x of m(U and L))         (3)

The orders are not given, and each pair of orders has its own best fit. Two of these fits matter:

`best_fit`, of all orders the one with the smallest error.

`reached_fit`, where training ends. First, each action is worth its average over the other's actions
(`level`): that gives the orders to begin with. A fit that says the same of two actions leaves their
order open. Of all orders left open the best is taken, again and again, until that helps no more.
The end is a local optimum of eq. (1) among all that a monotone mixer can say. For the tables that
rise along a given order are a closed convex set, and only those sets come near f that hold f.

In QTRAN's game (8 for one pair, -12 for half of it, else 0) the first costs 288 and plays for 8.
The second costs 320 and plays for 0, as trained teams do.

QMIX's own mixer has one layer of ELUs, and can say less than any table that rises. In QTRAN's game,
with other costs of going alone and other weights, too, it ends at `reached_fit`. In games drawn at
random its error is no smaller than that of `best_fit`. It plays what `reached_fit` plays in 11 of
12 games with a weight of 1 or 0.5, but in 7 of 12 with 0.1 (`tests/core/test_payoff_fits.py`).

Sizes: R actions of agent 0, in rows; C actions of agent 1, in columns; K upper sets.
Source: the maximum of minima, Robertson and Wright, Annals of Statistics 8 (1980) 645-651. The
weights: `marl_edu.algos.qmix`, eq. (5), with payoffs as targets.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

SAME = 1e-9  # numbers closer than this are one number


class Fit(NamedTuple):
    """A fit of payoffs."""

    table: Float[Tensor, "R C"]
    error: float  # eq. (1)

    @property
    def greedy(self) -> tuple[list[int], list[int]]:
        """The actions of each agent that its utilities rank highest, in their order."""
        return sorted(ranking(self.table)[-1]), sorted(ranking(self.table.T)[-1])


def payoffs(table: Any) -> Float[Tensor, "R C"]:
    """A table as float64. Raises ValueError unless it has two axes and finite numbers."""
    try:
        y = torch.as_tensor(table, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        y = torch.empty(0)
    if y.dim() != 2 or not y.numel() or not y.isfinite().all():
        raise ValueError(
            f"payoff must be a table of finite numbers with equally long rows, got {table!r}"
        )
    return y


def additive_fit(payoff: Any) -> Fit:
    """VDN's, eq. (2)."""
    y = payoffs(payoff)
    f = y.mean(1, keepdim=True) + y.mean(0) - y.mean()  # eq. (2)
    return Fit(f, cost(f, y, 1.0))


def best_fit(payoff: Any, weight: float = 1.0) -> Fit:
    """QMIX's of the smallest error. `weight`: see eq. (1)."""
    y, weight = payoffs(payoff), _checked(weight)
    return _best_of(y, weight, [[*range(y.shape[0])]], [[*range(y.shape[1])]])


def reached_fit(payoff: Any, weight: float = 1.0) -> Fit:
    """QMIX's where training ends. `weight`: see eq. (1)."""
    y, weight = payoffs(payoff), _checked(weight)
    alone = [level(part[:, None], torch.ones_like(part, dtype=torch.bool)[:, None], weight)
             for part in (y, y.T)]  # fmt: skip
    fit = _best_of(y, weight, *(ranking(values) for values in alone))
    while True:
        better = _best_of(y, weight, ranking(fit.table), ranking(fit.table.T))
        if better.error >= fit.error - SAME:
            return fit
        fit = better


def cost(f: Float[Tensor, "R C"], y: Float[Tensor, "R C"], weight: float) -> float:
    """Eq. (1)."""
    return float((_weights(f, y, weight) * (f - y) ** 2).sum())  # eq. (1)


def level(
    y: Float[Tensor, "*K A"], members: Bool[Tensor, "*K A"], weight: float
) -> Float[Tensor, "*K"]:
    """m(S): the number that costs least for the members of each set; NaN for the empty set.

    The derivative of eq. (1) by that number rises in straight pieces, and ever less steeply. From
    the mean on, Newton's method passes every end of a piece at most once.
    """
    m = members.sum(-1).reciprocal() * torch.where(members, y, 0.0).sum(-1)
    for _ in range(y.shape[-1] + 1):
        w = torch.where(members, _weights(m[..., None], y, weight), 0.0)
        m = (w * y).sum(-1) / w.sum(-1)
    return m


def rising_fit(payoff: Float[Tensor, "R C"], weight: float = 1.0) -> Float[Tensor, "R C"]:
    """Eq. (3): the best table that never falls from row to row, or from column to column."""
    upper = _upper_sets(*payoff.shape)  # (K, R C)
    shared = upper[:, None] & ~upper  # (K, K, R C); a lower set is what an upper set leaves out
    m = level(payoff.flatten().expand(shared.shape), shared, weight)
    without = ~upper.T[:, None]  # (R C, 1, K)
    low = torch.where(without, m, math.inf).amin(-1)  # (R C, K): of each upper set
    return torch.where(upper.T, low, -math.inf).amax(-1).view_as(payoff)  # eq. (3)


def ranking(table: Float[Tensor, "R C"]) -> list[list[int]]:
    """The rows of a table that rises in some order, from low to high; equal ones together."""
    sums = table.sum(1)
    groups: list[list[int]] = []
    for row in sums.argsort(stable=True).tolist():
        if groups and bool((table[row] - table[groups[-1][0]]).abs().max() < SAME):
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _orders(groups: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Every order that a ranking leaves open."""
    for parts in itertools.product(*(itertools.permutations(sorted(part)) for part in groups)):
        yield list(itertools.chain(*parts))


def _best_of(
    y: Tensor, weight: float, rows: Sequence[Sequence[int]], columns: Sequence[Sequence[int]]
) -> Fit:
    """The best fit for all orders that two rankings leave open."""
    best = Fit(y, math.inf)
    for row, column in itertools.product(_orders(rows), _orders(columns)):
        where = torch.tensor(row)[:, None], torch.tensor(column)
        f = torch.empty_like(y)
        f[where] = rising_fit(y[where], weight)
        error = cost(f, y, weight)
        if error < best.error - SAME:
            best = Fit(f, error)
    return best


def _weights(f: Tensor, y: Tensor, weight: float) -> Tensor:
    """w of eq. (1)."""
    return torch.where(f < y, 1.0, y.new_tensor(weight))


@cache
def _upper_sets(rows: int, columns: int) -> Bool[Tensor, "K RC"]:
    """All sets of cells that hold whatever is right of or below one of theirs."""
    falling = itertools.combinations_with_replacement(range(columns, -1, -1), rows)
    first = torch.tensor(list(falling))  # (K, R): in each row the first column that belongs
    return (torch.arange(columns) >= first[..., None]).flatten(1)


def _checked(weight: Any) -> float:
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= 1:
        raise ValueError(f"weight must be a number in (0, 1], got {weight!r}")
    return float(weight)
