"""The small games: every answer is known, so every answer is computed twice."""

import itertools
import math
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from marl_edu.core.evaluate import play_episodes
from marl_edu.envs.baselines.games import (
    TASKS,
    by_number_reward,
    lever_by_number,
    lever_by_rank,
)
from marl_edu.envs.games import (
    CLIMBING_GAME,
    QTRAN_GAME,
    TWO_STEP_PAYOFFS,
    LeverGame,
    MatrixGame,
    TwoStepGame,
    penalty_game,
)
from tests.unchecked import unchecked

GAMMA = 0.99


# -- the environments, all choices tried ----------------------------------------------------------


@pytest.mark.parametrize(
    "payoff",
    [QTRAN_GAME, CLIMBING_GAME, penalty_game(-100), [1, 2, 4], np.arange(16.0).reshape(2, 2, 2, 2),
     [[[3]]]],
)  # fmt: skip
def test_everybody_gets_what_the_table_says(payoff):
    table = np.array(payoff, dtype=float)
    choices = list(itertools.product(range(len(table)), repeat=table.ndim))
    env = MatrixGame(payoff, num_envs=len(choices))
    obs = env.reset()
    assert torch.equal(obs, torch.ones(len(choices), table.ndim, 1))
    _, reward, terminated, truncated, info = env.step(torch.tensor(choices))
    assert terminated.all() and not truncated.any() and not info["alive"].any()
    for b, choice in enumerate(choices):
        assert reward[b].tolist() == [table[choice]] * table.ndim
        assert bool(info["success"][b]) == (table[choice] == table.max())


def test_two_steps_the_first_decides_about_the_second():
    episodes = list(itertools.product(range(2), repeat=4))
    env = TwoStepGame(num_envs=16)
    obs = env.reset()
    assert torch.equal(obs, torch.tensor([1.0, 0, 0]).expand(16, 2, 3))
    first, second = torch.tensor(episodes).split(2, 1)
    obs, reward, terminated, _, info = env.step(first.int())
    assert not reward.any() and not terminated.any() and info["alive"].all()
    assert not info["success"].any()
    for b, (a0, *_) in enumerate(episodes):  # what agent 1 does in the first step is ignored
        assert obs[b].tolist() == [[0, 1, 0], [0, 0, 1]][a0 : a0 + 1] * 2
    _, reward, terminated, truncated, info = env.step(second.int())
    assert terminated.all() and not truncated.any()
    for b, (a0, _, b0, b1) in enumerate(episodes):
        payoff = 7 if a0 == 0 else [[0, 1], [1, 8]][b0][b1]
        assert reward[b].tolist() == [payoff] * 2
        assert bool(info["success"][b]) == (payoff == 8)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 4), st.integers(0, 2**31))
def test_levers_step_by_step(n_agents, n_levers, others, seed):
    env = LeverGame(n_agents + others, n_agents, n_levers, num_envs=4, seed=seed)
    obs = env.reset()
    assert obs.shape == (4, n_agents, n_agents + others)
    assert torch.equal(obs.sum(-1), torch.ones(4, n_agents))
    assert all(len(set(row)) == n_agents for row in obs.argmax(-1).tolist())
    chance = torch.Generator().manual_seed(seed)
    actions = torch.randint(n_levers, (4, n_agents), generator=chance)
    _, reward, terminated, _, info = env.step(actions)
    assert terminated.all()
    for b in range(4):
        share = len(set(actions[b].tolist())) / n_levers
        assert reward[b].tolist() == pytest.approx([share] * n_agents)
        assert info["success"][b].item() == pytest.approx(share)


def test_everybody_of_the_pool_comes_as_often_and_in_every_place():
    env = LeverGame(pool=6, n_agents=3, num_envs=12_000, seed=0)
    env.reset()
    for i in range(3):
        share = torch.bincount(env.numbers[:, i], minlength=6) / 12_000
        assert torch.allclose(share, torch.tensor(1 / 6), atol=4 * 0.0034)


def test_equal_seeds_give_equal_teams_and_a_smaller_batch_is_a_slice():
    small, large = LeverGame(num_envs=3), LeverGame(num_envs=8)
    assert torch.equal(small.reset(9), large.reset(9)[:3])
    assert torch.equal(small.reset(), large.reset()[:3])
    assert not torch.equal(small.reset(), small.reset())


# -- what is best, what chance gives, what nobody leaves alone ------------------------------------


def equilibria(payoff) -> list[tuple[int, int]]:
    """Pairs from which neither gains by changing its own action."""
    table = np.array(payoff)
    best = (table == table.max(0)) & (table == table.max(1, keepdims=True))
    return [(int(row), int(column)) for row, column in np.argwhere(best)]


def test_equilibria_in_pure_strategies():
    assert equilibria(CLIMBING_GAME) == [(0, 0), (1, 1)]
    assert equilibria(penalty_game(-100)) == [(0, 0), (1, 1), (2, 2)]
    assert equilibria(QTRAN_GAME) == [(0, 0), (1, 1), (1, 2), (2, 1), (2, 2)]


def test_what_an_action_is_worth_depends_on_the_partner_s_habits():
    """The payoff of a pair does not change; its mean over what the partner does, does."""
    table = np.array(CLIMBING_GAME, dtype=float)
    worth = {"anything": table.mean(1)} | {k: table[:, k] for k in range(3)}
    assert worth["anything"] == pytest.approx(np.array([-19, -17, 5]) / 3)
    best = {habit: int(gain.argmax()) for habit, gain in worth.items()}
    assert best == {"anything": 2, 0: 0, 1: 1, 2: 1}


@pytest.mark.parametrize(
    "payoff, best, mean",
    [(QTRAN_GAME, 8, -40 / 9), (CLIMBING_GAME, 11, -31 / 9), (penalty_game(-100), 10, -178 / 9)],
)  # fmt: skip
def test_best_and_mean_payoffs(payoff, best, mean):
    assert np.max(payoff) == best and np.mean(payoff) == pytest.approx(mean)


@given(st.floats(-1000, 0))
def test_the_penalty_games_mean(k):
    assert np.mean(penalty_game(k)) == pytest.approx((22 + 2 * k) / 9)


@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 3))
def test_levers_exactly(n_agents, n_levers, others):
    """By chance and by number, over all choices and all teams."""
    choices = itertools.product(range(n_levers), repeat=n_agents)
    mean = np.mean([len(set(choice)) / n_levers for choice in choices])
    assert mean == pytest.approx(1 - (1 - 1 / n_levers) ** n_agents)
    pool = n_agents + others
    teams = itertools.combinations(range(pool), n_agents)
    mean = np.mean([len({k % n_levers for k in team}) / n_levers for team in teams])
    assert by_number_reward(pool, n_agents, n_levers) == pytest.approx(mean)


def test_who_sorts_by_number_pulls_all_levers():
    env = LeverGame(num_envs=500, seed=0)
    assert (play_episodes(env, lever_by_rank, 500)["return"] == 1).all()
    assert (play_episodes(env, lever_by_number, 500)["return"] < 1).any()


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_rules_score_what_was_computed(task):
    env = task.make(num_envs=3000, seed=0)
    for scripted in task.policies:
        found = play_episodes(env, scripted.make(), 3000, seed=1)[task.score]
        error = found.std().item() / math.sqrt(len(found))
        assert abs(found.mean().item() - scripted.exact) < 3.5 * error + 1e-6, scripted.name
    assert scripted.role == "best" and scripted.exact == max(r.exact for r in task.policies)


# -- what a value decomposition comes to, fitted to all joint actions alike -----------------------


def additive_fit(payoff) -> np.ndarray:
    """VDN: the sum of one number per agent, by least squares."""
    table = np.array(payoff, dtype=float)
    n = len(table)
    rows, columns = np.repeat(np.eye(n), n, 0), np.tile(np.eye(n), (n, 1))
    design = np.concatenate([rows, columns], 1)
    fit = design @ np.linalg.lstsq(design, table.flatten(), rcond=None)[0]
    return fit.reshape(n, n)


def rising_fit(table: np.ndarray) -> np.ndarray:
    """The best fit that never falls along rows or columns (isotonic regression).

    Its value at x is the maximum, over upper sets U with x, of the minimum, over lower sets L with
    x, of the mean of the table over what U and L share.
    """
    n = len(table)
    uppers = [
        np.arange(n) >= np.array(first)[:, None]  # in each row all columns from `first` on
        for first in itertools.product(range(n + 1), repeat=n)
        if sorted(first, reverse=True) == list(first)
    ]
    fit = np.empty((n, n))
    for x in itertools.product(range(n), repeat=2):
        with_x = [upper for upper in uppers if upper[x]]
        lowers = [~upper for upper in uppers if not upper[x]]
        fit[x] = max(min(table[u & low].mean() for low in lowers) for u in with_x)
    return fit


def monotone_fits(payoff) -> list[tuple[float, np.ndarray, tuple]]:
    """QMIX: the best fit for every ranking of each agent's actions, with its squared error.

    A mixing network that never falls where a utility rises can be any table that rises along both
    rankings, and no other.
    """
    table, fits = np.array(payoff, dtype=float), []
    for rank in itertools.product(itertools.permutations(range(len(table))), repeat=2):
        fit = np.empty_like(table)
        fit[np.ix_(*rank)] = rising_fit(table[np.ix_(*rank)])
        fits.append((float(((fit - table) ** 2).sum()), fit, rank))
    return sorted(fits, key=lambda found: found[0])


def greedy(fit: np.ndarray, payoff) -> float:
    """What is really paid where the fit is highest."""
    return np.array(payoff)[np.unravel_index(fit.round(6).argmax(), fit.shape)]


def test_vdn_in_the_qtran_game():
    fit = additive_fit(QTRAN_GAME)
    expected = [[-6.22, -4.89, -4.89], [-4.89, -3.56, -3.56], [-4.89, -3.56, -3.56]]
    assert fit == pytest.approx(np.array(expected), abs=0.005)
    assert greedy(fit, QTRAN_GAME) == 0


def test_eq_vdn_fit_an_additive_fit_is_row_mean_plus_column_mean_less_the_mean():
    for payoff in (QTRAN_GAME, CLIMBING_GAME, penalty_game(-100), *TWO_STEP_PAYOFFS):
        table = np.array(payoff, dtype=float)
        closed = table.mean(1, keepdims=True) + table.mean(0) - table.mean()
        assert additive_fit(payoff) == pytest.approx(closed)


def test_qmix_in_the_qtran_game_where_the_best_action_looks_worst():
    """Where training ends: -8 with the best action of either, 0 elsewhere, and 0 is paid."""
    fits = [found for found in monotone_fits(QTRAN_GAME) if found[2][0][0] == found[2][1][0] == 0]
    for error, fit, _ in fits:  # both rank the first action lowest
        assert fit == pytest.approx(np.array([[-8, -8, -8], [-8, 0, 0], [-8, 0, 0]]))
        assert error == pytest.approx(320) and greedy(fit, QTRAN_GAME) == 0


def test_that_is_a_local_optimum_and_the_best_monotone_fit_plays_the_best_pair():
    error, fit, _ = monotone_fits(QTRAN_GAME)[0]
    assert fit == pytest.approx(np.array([[8, -6, -6], [-6, -6, -6], [-6, -6, -6]]))
    assert error == pytest.approx(288) and greedy(fit, QTRAN_GAME) == 8
    # Local: 0 is above -8 by a margin, so that all fits nearby rank the first action lowest too,
    # and of those with that ranking -8 and 0 is the best, as the test before this one shows.


@pytest.mark.parametrize("c, paid", [(8, 8), (12, 8), (13.7, 8), (13.8, 0), (20, 0), (100, 0)])
def test_with_a_harsher_penalty_the_best_monotone_fit_plays_the_safe_pair_too(c, paid):
    """QTRAN's game with a penalty of c in the place of 12: the two errors cross at c = 13.77."""
    payoff = ((8, -c, -c), (-c, 0, 0), (-c, 0, 0))
    lowest, highest = 0.8 * (8 + c) ** 2, 2 * c**2  # the first action ranked lowest, highest
    error, fit, _ = monotone_fits(payoff)[0]
    assert error == pytest.approx(min(lowest, highest)) and greedy(fit, payoff) == paid
    assert (lowest < highest) == (c > 8 / (math.sqrt(2.5) - 1))


@pytest.mark.parametrize(
    "payoff, vdn, qmix", [(CLIMBING_GAME, 5, 5), (penalty_game(-100), 2, 2)]
)  # fmt: skip
def test_what_value_decompositions_play_in_the_other_games(payoff, vdn, qmix):
    assert greedy(additive_fit(payoff), payoff) == vdn
    assert greedy(monotone_fits(payoff)[0][1], payoff) == qmix


def test_vdn_takes_the_sure_seven_in_two_steps():
    sure, risky = TWO_STEP_PAYOFFS
    fit = additive_fit(risky)
    assert fit == pytest.approx(np.array([[-1.5, 2.5], [2.5, 6.5]]))
    first = GAMMA * np.array([[additive_fit(sure).max()] * 2, [fit.max()] * 2])
    assert first == pytest.approx(np.array([[6.93, 6.93], [6.435, 6.435]]))
    assert additive_fit(first) == pytest.approx(first)  # the first step is a sum
    assert np.unravel_index(first.argmax(), (2, 2))[0] == 0  # to state 2A


def test_qmix_fits_two_steps_exactly_and_gets_eight():
    sure, risky = TWO_STEP_PAYOFFS
    error, fit, _ = monotone_fits(risky)[0]
    assert error == pytest.approx(0) and fit == pytest.approx(np.array(risky))
    first = GAMMA * np.array([[np.max(sure)] * 2, [fit.max()] * 2])
    assert first == pytest.approx(np.array([[6.93, 6.93], [7.92, 7.92]]))
    assert monotone_fits(first)[0][0] == pytest.approx(0)
    assert np.unravel_index(first.argmax(), (2, 2))[0] == 1 and greedy(fit, risky) == 8


# -- pictures and bad input -----------------------------------------------------------------------

GAMES = [
    (MatrixGame, {"payoff": penalty_game(-100)}, "Matrix game: all get 10"),
    (MatrixGame, {"payoff": [[[0, 1], [1, 2]], [[3, 4], [5, 6]]]}, "Matrix game: all get 0"),
    (TwoStepGame, {}, "Two-step game after 2 of 2 steps: state 2A, both get 7"),
    (LeverGame, {}, "Lever game: 1 of 5 levers are pulled"),
]


@pytest.mark.parametrize("game, args, label", GAMES)
def test_the_picture_shows_every_agent_and_says_what_it_shows(game, args, label):
    env = game(**args, num_envs=2, seed=0)
    env.reset()
    for t in range(env.max_steps + 1):
        root = ElementTree.fromstring(env.render(1))
        written = {text.text for text in root.iter("{http://www.w3.org/2000/svg}text")}
        assert {str(i) for i in range(env.n_agents)} <= written
        if t < env.max_steps:
            env.step(torch.zeros(2, env.n_agents, dtype=torch.int64))
    assert root.get("aria-label") == label and len(env.render()) < 5000


def test_rows_and_columns_of_a_table_have_the_numbers_of_their_actions():
    env = MatrixGame([[5, 6], [7, 8]], num_envs=1)
    env.reset()
    for actions, headers in ((None, ["0", "0", "1", "1"]), ([0, 1], ["0", "1"])):
        if actions is not None:
            env.step(torch.tensor([actions]))
        texts = ElementTree.fromstring(env.render()).iter("{http://www.w3.org/2000/svg}text")
        assert sorted(one.text for one in texts if one.get("font-size") == "11") == headers


@pytest.mark.parametrize("game, args, label", GAMES)
def test_observations_are_within_their_bounds_and_the_end_is_the_end(game, args, label):
    env = game(**args, num_envs=2, seed=0)
    actions = torch.zeros(2, env.n_agents, dtype=torch.int64)
    with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
        env.step(actions)
    obs = env.reset()
    for _ in range(env.max_steps):
        assert obs.shape == (2, env.n_agents, env.obs_dim) and obs.dtype == torch.float32
        assert (obs >= env.obs_low).all() and (obs <= env.obs_high).all()
        with unchecked(), pytest.raises(ValueError, match=r"actions must lie in 0\.\."):
            env.step(actions + env.n_actions)
        obs, *_ = env.step(actions)
    with pytest.raises(RuntimeError, match=r"over: call reset\(\) first"):
        env.step(actions)


@pytest.mark.parametrize(
    "payoff", [3, [], [[1, 2], [3]], [[1, 2, 3], [4, 5, 6]], "game", None, [[1, math.nan]] * 2]
)
def test_a_payoff_is_a_table_with_equal_sides_or_an_error(payoff):
    with unchecked(), pytest.raises(ValueError, match="payoff must be a table of finite numbers"):
        MatrixGame(payoff)


@pytest.mark.parametrize(
    "game, arguments, message",
    [(LeverGame, {"pool": 0}, "pool must be a whole number of at least 1, got 0"),
     (LeverGame, {"n_agents": 0}, "n_agents must be a whole number of at least 1, got 0"),
     (LeverGame, {"n_levers": 1.5}, "n_levers must be a whole number of at least 1, got 1.5"),
     (LeverGame, {"pool": 4}, "n_agents must be at most the pool's 4, got 5"),
     (TwoStepGame, {"num_envs": 0}, "num_envs must be a whole number of at least 1, got 0")],
)  # fmt: skip
def test_bad_arguments_are_named(game, arguments, message):
    with unchecked(), pytest.raises(ValueError, match=message):
        game(**arguments)
