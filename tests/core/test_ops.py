"""The pure functions, against what one would compute by hand or with loops."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from marl_edu.core.ops import (
    act,
    epsilon_greedy,
    gae,
    highest,
    linear,
    log_prob_of,
    masked_mean,
    masked_normalise,
    masked_softmax,
    q_target,
)


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def naive_softmax(scores: list[float], mask: list[bool]) -> list[float]:
    total = 0.0
    for score, allowed in zip(scores, mask, strict=True):
        if allowed:
            total += math.exp(score)
    return [math.exp(s) / total if m else 0.0 for s, m in zip(scores, mask, strict=True)]


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 5), st.floats(0, 1))
def test_masked_softmax_is_the_double_loop(seed, rows, columns, share):
    scores = 5 * draw(seed, rows, columns)
    mask = torch.rand(rows, columns, generator=torch.Generator().manual_seed(seed)) < share
    weights = masked_softmax(scores, mask)
    for i in range(rows):
        expected = naive_softmax(scores[i].tolist(), mask[i].tolist())
        assert weights[i].tolist() == pytest.approx(expected, abs=1e-12)
        assert all(weights[i, j] == 0 for j in range(columns) if not mask[i, j])
        assert weights[i].sum().item() == pytest.approx(float(mask[i].any()))


def test_masked_softmax_without_a_choice_is_zero_and_so_is_its_gradient():
    scores = draw(0, 3, 4).requires_grad_()
    mask = torch.tensor([[True] * 4, [False] * 4, [False, True, False, False]])
    weights = masked_softmax(scores, mask)
    assert weights[1].tolist() == [0.0] * 4
    assert weights[2].tolist() == [0.0, 1.0, 0.0, 0.0]
    (weights * draw(1, 3, 4) * 1e30).sum().backward()
    assert scores.grad.isfinite().all()
    assert (scores.grad[1] == 0).all()


def test_masked_softmax_survives_large_scores_and_whatever_stands_in_masked_places():
    scores = torch.tensor([[1e30, -1e30, math.inf, 3.0], [math.nan, 5.0, 5.0, -math.inf]])
    mask = torch.tensor([[True, True, False, False], [False, True, True, True]])
    scores.requires_grad_()
    weights = masked_softmax(scores, mask)
    # What stands in a masked place is a dead car's message: never seen, whatever it is.
    assert weights.tolist() == [[1.0, 0.0, 0.0, 0.0], [0.0, 0.5, 0.5, 0.0]]
    weights.sum().backward()
    assert scores.grad.isfinite().all()


def test_masked_softmax_along_another_dim_and_with_a_broadcast_mask():
    scores = draw(0, 2, 3, 4)
    mask = torch.tensor([True, False, True])[:, None]
    weights = masked_softmax(scores, mask, dim=1)
    torch.testing.assert_close(weights[:, [0, 2]], scores[:, [0, 2]].softmax(1))
    assert (weights[:, 1] == 0).all()


def test_masked_mean():
    x = torch.tensor([[1.0, 2.0], [3.0, 100.0]])
    assert masked_mean(x, torch.tensor([[True, True], [True, False]])).item() == 2.0
    assert masked_mean(x, torch.zeros(2, 2, dtype=torch.bool)).item() == 0.0


def chain(reward, value, terminated, gamma, gae_lambda) -> torch.Tensor:
    """`gae` for one agent at a time, in the words of its equation."""
    advantage = torch.zeros_like(reward)
    B, T, N = reward.shape
    for b in range(B):
        for n in range(N):
            later = 0.0
            for t in reversed(range(T)):
                discount = 0.0 if terminated[b, t, n] else gamma
                delta = reward[b, t, n] + discount * value[b, t + 1, n] - value[b, t, n]
                later = delta + gae_lambda * discount * later
                advantage[b, t, n] = later
    return advantage


def test_eq_gae_by_hand():
    reward = torch.tensor([1.0, 0.0, 2.0]).view(1, 3, 1)
    value = torch.tensor([0.5, 1.0, 0.0, 4.0]).view(1, 4, 1)
    terminated = torch.zeros(1, 3, 1, dtype=torch.bool)
    # delta: 1 + .5*1 - .5 = 1;  0 + .5*0 - 1 = -1;  2 + .5*4 - 0 = 4.  gamma lam = .25
    # A_2 = 4;  A_1 = -1 + .25*4 = 0;  A_0 = 1 + .25*0 = 1
    assert gae(reward, value, terminated, 0.5, 0.5).flatten().tolist() == [1.0, 0.0, 4.0]
    # The agent leaves in step 1: its chain is cut there, and nothing is bootstrapped.
    terminated[0, 1] = True  # A_1 = delta_1 = 0 - 1 = -1;  A_0 = 1 + .25*-1 = .75
    assert gae(reward, value, terminated, 0.5, 0.5).flatten().tolist() == [0.75, -1.0, 4.0]


@given(
    st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 6), st.integers(1, 3),
    st.floats(0, 1), st.floats(0, 1),
)  # fmt: skip
def test_eq_gae_is_its_recursion(seed, B, T, N, gamma, gae_lambda):
    reward, value = draw(seed, B, T, N), draw(seed + 1, B, T + 1, N)
    terminated = draw(seed + 2, B, T, N) < -0.5
    ours = gae(reward, value, terminated, gamma, gae_lambda)
    torch.testing.assert_close(ours, chain(reward, value, terminated, gamma, gae_lambda))


def test_eq_gae_ends_are_one_step_error_and_whole_return():
    reward, value = draw(0, 2, 5, 3), draw(1, 2, 6, 3)
    never = torch.zeros(2, 5, 3, dtype=torch.bool)
    error = reward + 0.9 * value[:, 1:] - value[:, :-1]
    torch.testing.assert_close(gae(reward, value, never, 0.9, 0.0), error)
    discount = 0.9 ** torch.arange(6, dtype=torch.float64)
    whole = (torch.cat([reward, value[:, -1:]], 1) * discount[:, None]).sum(1) - value[:, 0]
    torch.testing.assert_close(gae(reward, value, never, 0.9, 1.0)[:, 0], whole)


def test_eq_gae_after_an_end_nothing_leaks_back():
    reward, value = draw(0, 1, 6, 1), draw(1, 1, 7, 1)
    terminated = torch.zeros(1, 6, 1, dtype=torch.bool)
    terminated[0, 2] = True
    before = gae(reward, value, terminated, 0.9, 0.8)[:, :3]
    reward[:, 3:] += 100
    value[:, 3:] -= 100
    torch.testing.assert_close(gae(reward, value, terminated, 0.9, 0.8)[:, :3], before)


def test_masked_normalise_by_hand():
    x = torch.tensor([1.0, 3.0, 100.0])
    found = masked_normalise(x, torch.tensor([True, True, False]), 0.0)
    assert found[:2].tolist() == [-1.0, 1.0]  # mean 2, spread 1, both of the first two


def test_log_prob_of_is_the_logarithm_of_the_softmax():
    logits, action = draw(0, 3, 2, 4), torch.tensor([[0, 3], [1, 1], [2, 0]])
    chosen, entropy = log_prob_of(logits, action)
    pi = logits.softmax(-1)
    for b in range(3):
        for n in range(2):
            assert chosen[b, n].item() == pytest.approx(pi[b, n, action[b, n]].log().item())
            wanted = -sum(p * math.log(p) for p in pi[b, n].tolist())
            assert entropy[b, n].item() == pytest.approx(wanted)


def test_an_action_at_random_needs_a_chance_below_epsilon():
    chance = torch.rand(100, generator=torch.Generator().manual_seed(0))
    q, all_of_them = torch.eye(50)[0].expand(100, 50), torch.ones(50, dtype=torch.bool)
    epsilon = chance.sort().values[10].item()
    action = epsilon_greedy(q, epsilon, all_of_them, torch.Generator().manual_seed(0))
    assert not action[chance >= epsilon].any()  # the best is action 0
    assert action[chance < epsilon].all() and (chance < epsilon).sum() == 10


def test_linear_starts_at_the_start_and_ends_at_the_end():
    assert [linear(3.0, 1.0, p) for p in (0.0, 0.25, 1.0)] == [3.0, 2.5, 1.0]


# -- what there is to choose from ---------------------------------------------------------------


def test_nobody_takes_what_there_is_not_however_likely_it_looks():
    g = torch.Generator().manual_seed(0)
    logits = torch.tensor([9.0, 1.0, 0.0, 99.0]).expand(20_000, 4)
    available = torch.tensor([False, True, True, False])
    drawn = torch.bincount(act(logits, g, available), minlength=4)
    assert drawn[0] == drawn[3] == 0
    assert drawn[1] / 20_000 == pytest.approx(math.e / (math.e + 1), abs=0.02)
    assert act(logits[0], None, available) == 1
    assert (act(logits, g, torch.zeros(4, dtype=torch.bool)) == 0).all()
    assert (epsilon_greedy(logits, 0.9, torch.zeros(4, dtype=torch.bool), g) == 0).all()


def test_bad_luck_makes_no_action_worse_than_one_that_there_is_not(monkeypatch):
    """A draw of exactly 0 takes an action to minus infinity."""
    monkeypatch.setattr(torch, "rand", lambda shape, **_: torch.zeros(shape))
    available = torch.tensor([[False, True, False], [False, False, True]])
    assert act(torch.zeros(2, 3), torch.Generator(), available).tolist() == [1, 2]


def test_probabilities_are_those_among_what_there_is():
    logits = torch.tensor([[0.5, 2.0, -1.0, 50.0]] * 3, requires_grad=True)
    available = torch.tensor([[True, False, True, False], [False, False, True, False], [False] * 4])
    chosen, entropy = log_prob_of(logits, torch.tensor([0, 2, 1]), available)
    odds = [math.exp(0.5), math.exp(-1.0)]
    p, q = (x / sum(odds) for x in odds)
    assert chosen.tolist() == pytest.approx([math.log(p), 0, 0], abs=1e-6)
    assert entropy.tolist() == pytest.approx([-p * math.log(p) - q * math.log(q), 0, 0], abs=1e-6)
    (chosen.sum() + entropy.sum()).backward()
    assert logits.grad.isfinite().all() and not logits.grad[~available].any()
    assert logits.grad[0].any() and not logits.grad[1:].any()  # there was no choice


@pytest.mark.parametrize("double", [False, True])
def test_a_target_counts_on_what_there_will_be(double):
    q_next = torch.tensor([[1.0, 5.0, 9.0]] * 3)
    rated = torch.tensor([[0.3, 0.2, 0.1]] * 3)
    available = torch.tensor([[True, True, False], [False, False, True], [False] * 3])
    y = q_target(
        torch.zeros(3), torch.zeros(3, dtype=torch.bool), rated, available, 1.0,
        q_next if double else None,
    )  # fmt: skip
    # Who will have none will do 0: its value is that of going on.
    assert y.tolist() == pytest.approx([0.2, 0.1, 0.3] if double else [0.3, 0.1, 0.3])
    assert highest(q_next, available).tolist() == [1, 2, 0]
