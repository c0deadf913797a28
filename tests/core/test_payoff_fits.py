"""What VDN and QMIX make of payoffs: against other solvers, and against what training does."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar, nnls
from torch.nn import functional as F

from marl_edu.core.payoff_fits import (
    additive_fit,
    best_fit,
    cost,
    level,
    payoffs,
    ranking,
    reached_fit,
    rising_fit,
)
from marl_edu.envs.games import CLIMBING_GAME, QTRAN_GAME, TWO_STEP_PAYOFFS, penalty_game
from tests.envs.test_games import additive_fit as additive_by_lstsq
from tests.envs.test_games import monotone_fits

GAMES = (QTRAN_GAME, CLIMBING_GAME, penalty_game(-100), *TWO_STEP_PAYOFFS)
WEIGHTS = st.sampled_from([1.0, 0.75, 0.5, 0.1])


def tables(low: int = 1, high: int = 3, values: int = 20) -> st.SearchStrategy[list[list[int]]]:
    """Small payoffs, often with equal ones among them."""
    numbers = st.integers(-values, values)
    return st.tuples(st.integers(low, high), st.integers(low, high)).flatmap(
        lambda shape: st.lists(
            st.lists(numbers, min_size=shape[1], max_size=shape[1]),
            min_size=shape[0],
            max_size=shape[0],
        )
    )


def close(found: torch.Tensor, expected, within: float = 1e-9) -> bool:
    return torch.allclose(found, torch.as_tensor(expected, dtype=found.dtype), atol=within, rtol=0)


# -- known answers --------------------------------------------------------------------------------


def test_qtrans_game() -> None:
    """VDN and QMIX as published, and the fit that costs less, where training does not come."""
    additive, reached, best = (fit(QTRAN_GAME) for fit in (additive_fit, reached_fit, best_fit))
    low, middle, high = -56 / 9, -44 / 9, -32 / 9
    assert close(additive.table, [[low, middle, middle], *[[middle, high, high]] * 2])
    assert close(reached.table, [[-8, -8, -8], *[[-8, 0, 0]] * 2])
    assert close(best.table, [[8, -6, -6], *[[-6, -6, -6]] * 2])
    assert reached.error == pytest.approx(320) and best.error == pytest.approx(288)
    assert additive.greedy == reached.greedy == ([1, 2], [1, 2])
    assert best.greedy == ([0], [0])


def test_the_two_step_game() -> None:
    sure, risky = TWO_STEP_PAYOFFS
    assert close(additive_fit(risky).table, [[-1.5, 2.5], [2.5, 6.5]])
    for fit in (reached_fit, best_fit):
        assert close(fit(risky).table, risky) and fit(risky).error == 0
        assert fit(risky).greedy == ([1], [1])
        assert close(fit(sure).table, sure) and fit(sure).greedy == ([0, 1], [0, 1])


def test_sums_are_fitted_exactly_by_both() -> None:
    sums = [[0, 2, 3], [4, 6, 7], [1, 3, 4]]
    for fit in (additive_fit, reached_fit, best_fit):
        assert close(fit(sums).table, sums) and fit(sums).error == pytest.approx(0)
        assert fit(sums).greedy == ([1], [2])


@pytest.mark.parametrize("alone, found", [(-12, 0), (-9, 0), (-8, 8), (-7, 8), (0, 8)])
def test_going_alone_becomes_cheap_enough_at_minus_8(alone, found) -> None:
    """Then the average of the first action is no longer below the others'."""
    payoff = torch.tensor([[8, alone, alone], *[[alone, 0, 0]] * 2])
    rows, columns = reached_fit(payoff).greedy
    assert {payoff[a, b].item() for a in rows for b in columns} == {found}


@pytest.mark.parametrize("weight, found", [(1.0, 0), (0.6, 0), (0.55, 8), (0.1, 8)])
def test_qtrans_optimum_is_reached_below_a_weight_of_four_sevenths(weight, found) -> None:
    """There (8 - 24 w) / (1 + 2 w), the first action's level, is that of the others,
    -12 w / (2 + w)."""
    rows, columns = reached_fit(QTRAN_GAME, weight).greedy
    assert {QTRAN_GAME[a][b] for a in rows for b in columns} == {found}
    w = 4 / 7
    assert (8 - 24 * w) / (1 + 2 * w) == pytest.approx(-12 * w / (2 + w))


# -- other ways to the same -----------------------------------------------------------------------


@given(tables())
def test_the_additive_fit_is_that_of_least_squares(payoff) -> None:
    if len(payoff) == len(payoff[0]):
        assert close(additive_fit(payoff).table, additive_by_lstsq(payoff))
    design = np.array([
        [*np.eye(len(payoff))[a], *np.eye(len(payoff[0]))[b]]
        for a, b in itertools.product(range(len(payoff)), range(len(payoff[0])))
    ])  # fmt: skip
    fit = design @ np.linalg.lstsq(design, np.array(payoff, dtype=float).flatten(), rcond=None)[0]
    assert close(additive_fit(payoff).table.flatten(), fit)


@pytest.mark.parametrize("payoff", GAMES)
def test_the_best_fit_is_that_of_loops_over_all_orders_and_sets(payoff) -> None:
    error, table, _ = monotone_fits(payoff)[0]
    found = best_fit(payoff)
    assert found.error == pytest.approx(error)
    assert cost(torch.as_tensor(table), payoffs(payoff), 1.0) == pytest.approx(found.error)


@given(st.lists(st.integers(-20, 20), min_size=1, max_size=9), WEIGHTS)
def test_a_level_costs_least(numbers, weight) -> None:
    y = torch.tensor(numbers, dtype=torch.float64)
    found = level(y, torch.ones_like(y, dtype=torch.bool), weight)

    def error(m: float) -> float:
        return cost(torch.full_like(y, m)[None], y[None], weight)

    other = minimize_scalar(error, bounds=(-21, 21), method="bounded", options={"xatol": 1e-9})
    assert error(found.item()) <= other.fun + 1e-9
    assert found.item() == pytest.approx(other.x, abs=1e-4)
    alone = torch.eye(len(numbers), dtype=torch.bool)
    assert close(level(y.expand(alone.shape), alone, weight), y)


def steps(rows: int, columns: int) -> np.ndarray:
    """Steps that add up to every table that rises: cells below some staircase are 1, others 0."""
    cells = list(itertools.product(range(rows), range(columns)))
    sets = {
        tuple(any(a >= c and b >= d for c, d in corners) for a, b in cells)
        for n in range(min(rows, columns) + 1)
        for corners in itertools.combinations(cells, n)
    }
    return np.array(sorted(sets), dtype=float).T


@settings(max_examples=60)
@given(tables(2), WEIGHTS)
def test_the_rising_fit_is_that_of_a_quadratic_program(payoff, weight) -> None:
    """Non-negative steps above a constant, by least squares whose weights follow the last fit."""
    y = payoffs(payoff)
    found = rising_fit(y, weight)
    assert (found.diff(dim=0) >= -1e-9).all() and (found.diff(dim=1) >= -1e-9).all()
    design = np.concatenate([steps(*y.shape), -np.ones((y.numel(), 1))], 1)
    other = y.mean() * torch.ones_like(y)
    for _ in range(60):
        root = np.sqrt(np.where(other.numpy().flatten() < y.numpy().flatten(), 1.0, weight))
        parts, _ = nnls(design * root[:, None], y.numpy().flatten() * root)
        other = torch.as_tensor(design @ parts).view_as(y)
    assert cost(found, y, weight) <= cost(other, y, weight) + 1e-6
    assert close(found, other, within=1e-3 if weight < 1 else 1e-6)


# -- what is said of the two ----------------------------------------------------------------------


@settings(max_examples=60)
@given(tables(), WEIGHTS)
def test_both_rise_along_their_orders_and_the_best_costs_least(payoff, weight) -> None:
    y, best, reached = payoffs(payoff), best_fit(payoff, weight), reached_fit(payoff, weight)
    assert best.error <= reached.error + 1e-6
    for fit in (best, reached):
        assert fit.error == pytest.approx(cost(fit.table, y, weight))
        rows, columns = (
            torch.tensor([k for part in ranking(table) for k in part])
            for table in (fit.table, fit.table.T)
        )
        risen = fit.table[rows][:, columns]
        assert (risen.diff(dim=0) >= -1e-9).all() and (risen.diff(dim=1) >= -1e-9).all()
        assert close(rising_fit(y[rows][:, columns], weight), risen)
        a, b = fit.greedy
        assert close(fit.table[a][:, b], fit.table.max())


@settings(max_examples=25)
@given(tables(2), WEIGHTS, st.integers(0, 2**31))
def test_no_small_step_leads_on_from_where_training_ends(payoff, weight, seed) -> None:
    """Move the utilities' order only where the fit leaves it open, and the table a little."""
    y, fit = payoffs(payoff), reached_fit(payoff, weight)
    g = torch.Generator().manual_seed(seed)
    for size in (1e-3, 1e-2):
        for _ in range(40):
            near = fit.table + size * torch.randn(y.shape, generator=g, dtype=y.dtype)
            rows, columns = (
                torch.tensor(
                    [k for part in ranking(t) for k in np.array(part)[_shuffled(len(part), g)]]
                )
                for t in (fit.table, fit.table.T)
            )
            risen = near[rows][:, columns].cummax(0).values.cummax(1).values
            moved = torch.empty_like(y)
            moved[rows[:, None], columns] = risen
            assert cost(moved, y, weight) >= fit.error - 1e-9


def _shuffled(n: int, g: torch.Generator) -> np.ndarray:
    return torch.randperm(n, generator=g).numpy()


@given(tables(2), st.integers(0, 2**31), WEIGHTS)
def test_names_of_actions_and_the_unit_of_payoffs_do_not_matter(payoff, seed, weight) -> None:
    y, g = payoffs(payoff), torch.Generator().manual_seed(seed)
    rows, columns = (torch.randperm(n, generator=g) for n in y.shape)
    for fit in (additive_fit, lambda y: best_fit(y, weight)):
        assert fit(3 * y[rows][:, columns] + 7).error == pytest.approx(9 * fit(y).error, abs=1e-6)
    assert additive_fit(y.T).table.T.allclose(additive_fit(y).table)


# -- what training does ---------------------------------------------------------------------------


def trained(payoff, weight: float, seed: int, copies: int = 16, updates: int = 1500):
    """Mixers of `qmix.py`, `copies` at a time, on all pairs alike: their tables (copies, R, C)."""
    y = torch.as_tensor(payoff, dtype=torch.float32)
    g = torch.Generator().manual_seed(seed)

    def drawn(*shape: int, scale: float) -> torch.Tensor:
        return (scale * (2 * torch.rand(copies, *shape, generator=g) - 1)).requires_grad_()

    first, second = (drawn(n, scale=0.2) for n in y.shape)
    w_1, b_1, w_2, b_2 = (drawn(*shape, scale=0.7) for shape in ((2, 32), (32,), (32,), (1,)))
    parts = [first, second, w_1, b_1, w_2, b_2]
    optimizer = torch.optim.Adam(parts, lr=5e-3)
    for k in range(updates):
        optimizer.param_groups[0]["lr"] = 5e-3 * (1 - k / updates)
        mine = first[:, :, None, None] * w_1.abs()[:, 0, None, None]
        yours = second[:, None, :, None] * w_1.abs()[:, 1, None, None]
        x = F.elu(mine + yours + b_1[:, None, None])
        f = (x * w_2.abs()[:, None, None]).sum(-1) + b_2[:, None]
        loss = (torch.where(f < y, 1.0, weight) * (y - f) ** 2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return f.detach()


@pytest.mark.slow
@pytest.mark.parametrize(
    "alone, weight", [(-12, 1.0), (-9, 1.0), (-7, 1.0), (-12, 0.7), (-12, 0.5), (-12, 0.1)]
)
def test_mixers_end_at_the_fit_that_is_said_to_be_reached(alone, weight) -> None:
    """QTRAN's game with other costs of going alone, and other weights."""
    payoff = [[8, alone, alone], *[[alone, 0, 0]] * 2]
    fit = reached_fit(payoff, weight)
    off = (trained(payoff, weight, seed=0) - fit.table).abs().amax((1, 2))
    assert (off < 0.3).float().mean() > 0.9
    assert math.isclose(fit.error, best_fit(payoff, weight).error) == (fit.greedy == ([0], [0]))


@pytest.mark.slow
@pytest.mark.parametrize("weight, share", [(1.0, 0.8), (0.5, 0.8), (0.1, 0.4)])
def test_in_games_drawn_at_random_mixers_mostly_play_what_the_fit_plays(weight, share) -> None:
    """One layer of ELUs can say less than any table that rises: it costs more, and plays alike.

    With a small weight it does so in about half of the games.
    """
    g = torch.Generator().manual_seed(1)
    agree = []
    for seed in range(12):
        payoff = torch.randint(-10, 11, (3, 3), generator=g).tolist()
        fit, found = reached_fit(payoff, weight), trained(payoff, weight, seed, copies=8)
        rows, columns = fit.greedy
        for table in found.double():
            assert cost(table, payoffs(payoff), weight) > best_fit(payoff, weight).error - 1e-3
            a, b = divmod(int(table.argmax()), 3)
            agree.append(a in rows and b in columns)
    assert np.mean(agree) > share
