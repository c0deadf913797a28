"""What the interview part says of mixed values and of credit, where it can be computed exactly."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from marl_edu.envs.games import TWO_STEP_PAYOFFS
from tests.envs.test_games import additive_fit, monotone_fits

SEEDS = st.integers(0, 2**31)
ONE_IS_ENOUGH = [[0, 1], [1, 1]]


def mixture(q, w1, b1, w2, b2):
    """QMIX's mixer for one state: a hidden layer of ELUs. q: (..., N)."""
    return F.elu(q @ w1 + b1) @ w2 + b2


def draw(seed: int, n_agents: int, units: int = 6):
    """Weights that are not negative, biases of either sign."""
    g = torch.Generator().manual_seed(seed)
    w1, b1, w2, b2 = (
        torch.randn(shape, generator=g, dtype=torch.float64)
        for shape in ((n_agents, units), (units,), (units,), ())
    )
    return w1.abs(), 3 * b1, w2.abs(), b2


def table(weights, first, second):
    """The mixture of every pair of utilities."""
    first, second = (torch.as_tensor(q, dtype=torch.float64) for q in (first, second))
    return mixture(torch.cartesian_prod(first, second), *weights).view(len(first), len(second))


def two(first, second, b1, w2, b2):
    """Weights of a mixer of two units for two agents; each unit adds up its share of both."""
    w1 = torch.tensor([[first, second]] * 2, dtype=torch.float64)
    return w1, *(torch.tensor(x, dtype=torch.float64) for x in (b1, w2, b2))


# -- QMIX's mixer ---------------------------------------------------------------------------------


@given(SEEDS, st.integers(2, 4))
def test_with_weights_not_below_zero_no_utility_lowers_the_mixture(seed, n_agents):
    weights = draw(seed, n_agents)
    g = torch.Generator().manual_seed(seed)
    utilities = torch.randn(n_agents, 3, generator=g, dtype=torch.float64)
    q = (4 * utilities).T.clone().requires_grad_()  # three points, a number per agent
    (slope,) = torch.autograd.grad(mixture(q, *weights).sum(), q)
    assert (slope >= 0).all()
    # So each agent's best action is its part of the best joint action: IGM.
    joint = torch.stack(
        [mixture(torch.stack(pick), *weights) for pick in itertools.product(*utilities)]
    )
    assert mixture(utilities.amax(1), *weights) >= joint.max() - 1e-12


def test_with_one_negative_weight_the_fit_is_exact_and_the_greedy_team_plays_badly():
    """The second layer's absolute value is forgotten."""
    payoff = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
    eye, high = torch.eye(2, dtype=torch.float64), torch.full((2,), 9.0, dtype=torch.float64)
    signs = torch.tensor([1.0, -1.0], dtype=torch.float64)
    utility = [0.0, 1.0]  # of both agents: greedy is the second action
    fit = table((eye, high, signs, 0.0), utility, utility)  # (q_0 + 9) - (q_1 + 9)
    assert torch.equal(fit, payoff)
    assert payoff[1, 1] == 0 and payoff.max() == payoff[1, 0] == 1


@given(SEEDS)
def test_a_state_among_the_inputs_can_only_raise_the_mixture(seed):
    """Why it enters through hypernetworks: here its numbers have the utilities' fetters."""
    weights = draw(seed, 5)  # two utilities and three numbers of a state
    g = torch.Generator().manual_seed(seed)
    q = torch.randn(20, 5, generator=g, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(mixture(q, *weights).sum(), q)
    assert (slope[:, 2:] >= 0).all()


def test_weights_chosen_by_the_state_fit_both_states_of_the_two_step_game():
    sure, risky = (torch.tensor(payoff, dtype=torch.float64) for payoff in TWO_STEP_PAYOFFS)
    constant = two(1.0, 1.0, [0.0, 0.0], [0.0, 0.0], 7.0)
    assert torch.equal(table(constant, [0, 1], [0, 1]), sure)
    k = 10.0  # a straight unit, and a steep one that bends where one of the two dares
    w = 6 / (k - 1 + math.exp(-k))
    a = 1 - w * (1 - math.exp(-k))
    dare = two(1.0, k, [9.0, -k], [a, w], w * (1 - math.exp(-k)) - 9 * a)
    assert a > 0 and w > 0
    torch.testing.assert_close(table(dare, [0, 1], [0, 1]), risky)


@given(SEEDS)
def test_one_layer_of_elus_has_increasing_differences(seed):
    """My good action is worth at least as much when yours is good: f11 + f00 >= f10 + f01."""
    g = torch.Generator().manual_seed(seed)
    first, second = (4 * torch.randn(2, 5, generator=g, dtype=torch.float64)).sort(-1).values
    f = table(draw(seed, 2), first, second)
    difference = f[1:, 1:] + f[:-1, :-1] - f[1:, :-1] - f[:-1, 1:]
    assert (difference >= -1e-9).all()


def test_one_is_enough_rises_and_is_beyond_such_a_mixer():
    payoff = np.array(ONE_IS_ENOUGH, dtype=float)
    (error, *_), *others = monotone_fits(payoff)
    assert error == 0  # monotone it is ...
    sign = np.array([[1, -1], [-1, 1]])
    assert (sign * payoff).sum() == -1  # ... but its differences fall
    # The nearest table whose differences do not fall lies on the edge, and is a sum.
    nearest = payoff + sign / 4
    assert (sign * nearest).sum() == 0
    assert nearest == pytest.approx(np.array([[0.25, 0.75], [0.75, 1.25]]))
    assert nearest == pytest.approx(additive_fit(payoff))
    assert ((nearest - payoff) ** 2).sum() == 0.25 < min(error for error, *_ in others)
    straight = two(0.25, 0.25, [9.0, 9.0], [1.0, 1.0], 0.25 - 18)
    fit = table(straight, [0, 1], [0, 1])
    torch.testing.assert_close(fit, torch.from_numpy(nearest))
    # The greedy pair is right, its value is not: a step before, it is preferred to a sure 1.1.
    assert payoff[1, 1] == payoff.max() == 1 < 1.1 < fit.max()


def test_a_concave_unit_takes_the_limit_away():
    for steepness in (4.0, 8.0, 16.0):
        both = torch.tensor([[0.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
        fit = -F.elu(-steepness * both)  # rises with both utilities
        worst = (fit - torch.tensor(ONE_IS_ENOUGH)).abs().max()
        assert worst <= math.exp(-steepness) * (1 + 1e-9)


# -- credit ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", range(1, 9))
def test_a_sample_of_the_policy_gradient_is_right_once_in_two_to_the_n(n):
    """All must choose 1 to be paid 1, and each does so with probability 1/2."""
    joint = np.array(list(itertools.product((0, 1), repeat=n)))
    estimate = joint.all(1)[:, None] * 2.0 * (2 * joint - 1)  # reward times d log pi / d theta
    gradient = estimate.mean(0)
    assert gradient == pytest.approx([2.0 ** -(n - 1)] * n)
    assert (estimate @ gradient > 0).mean() == 2.0**-n
    ratio = gradient / np.sqrt((estimate**2).mean(0))
    assert ratio == pytest.approx([2.0 ** (-n / 2)] * n)


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_the_counterfactual_baseline_shifts_no_gradient(x, y):
    """COMA with payoffs 0, 1, 1, 8; both choose their second action with sigmoid(x), sigmoid(y)."""
    value = np.array(TWO_STEP_PAYOFFS[1], dtype=float)
    p, q = (np.array([1 - s, s]) for s in (1 / (1 + math.exp(-x)), 1 / (1 + math.exp(-y))))
    score = np.array([-p[1], p[0]])  # d log pi(a) / dx of the first agent
    baseline = p @ value  # for each action of the other
    for other in range(2):
        assert (p * score).sum() * baseline[other] == pytest.approx(0, abs=1e-12)
    joint = p[:, None] * q
    gradients = {name: score[:, None] * gain for name, gain in
                 (("plain", value), ("counterfactual", value - baseline))}  # fmt: skip
    means = {name: (joint * g).sum() for name, g in gradients.items()}
    assert means["plain"] == pytest.approx(means["counterfactual"], abs=1e-12)


def test_the_counterfactual_advantage_leaves_less_to_the_partner_s_luck():
    value = np.array(TWO_STEP_PAYOFFS[1], dtype=float)
    advantage = value - np.full(2, 0.5) @ value
    assert advantage[1].tolist() == [0.5, 3.5]
    score = np.array([-0.5, 0.5])[:, None]
    plain, counterfactual = ((score * gain).var() for gain in (value, advantage))
    assert counterfactual < plain


def test_an_actor_climbs_its_critic_by_its_own_action_alone():
    """MADDPG: the others' actions as stored, the critic's slope times the actor's Jacobian."""
    torch.manual_seed(0)
    actors = [torch.nn.Linear(3, 2).double() for _ in range(2)]
    critic = torch.nn.Sequential(torch.nn.Linear(10, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
    critic.double().requires_grad_(False)
    obs, stored = torch.randn(2, 3).double(), torch.randn(2, 2).double()

    def value(own):
        return critic(torch.cat([obs.flatten(), own, stored[1]])).squeeze()

    value(actors[0](obs[0])).backward()
    action = actors[0](obs[0]).detach().requires_grad_()
    (slope,) = torch.autograd.grad(value(action), action)
    torch.testing.assert_close(actors[0].weight.grad, torch.outer(slope, obs[0]))
    torch.testing.assert_close(actors[0].bias.grad, slope)
    assert actors[1].weight.grad is None and all(p.grad is None for p in critic.parameters())
