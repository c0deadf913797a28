"""IQL, VDN and QMIX: exact answers of small games, who is there, and what may not be said."""

import itertools

import pytest
import torch

from marl_edu.algos import iql, qmix, vdn
from marl_edu.core.evaluate import evaluate
from marl_edu.envs import SpeakerListener, TrafficJunction
from marl_edu.envs.games import QTRAN_GAME, MatrixGame, TwoStepGame
from marl_edu.training import team_q
from marl_edu.training.qlearning import GreedyPolicy
from marl_edu.training.team_replay import TeamBatch
from tests.unchecked import unchecked

GAMMA = 0.99
METHODS = [(iql, {}), (vdn, {}), (qmix, {}), (qmix, {"weight": 0.5})]
NAMES = ["iql", "vdn", "qmix", "weighted"]


# Uniform play throughout, as the closed forms ask for it; a small network that learns to the end.
GAME = {"gamma": GAMMA, "epsilon": 1.0, "epsilon_end": 1.0, "num_envs": 32, "hidden_dim": 32,
        "capacity": 500, "learning_starts": 64, "train_freq": 4.0, "updates": 1500, "lr": 5e-3,
        "lr_end": 0.01, "target_update_interval": 50}  # fmt: skip
SEEDS = range(3)


def learned(method, env, seed: int, **settings) -> team_q.Team:
    """Trained by the method's own loop; shapes are checked in the shorter runs below."""
    with unchecked():
        return method.train(method.Config(env=env, seed=seed, **GAME, **settings)).net


# -- games whose answers are known ----------------------------------------------------------------


@torch.no_grad()
def values_of_pairs(net, obs, hidden):
    """Q_tot of every pair of actions `(A, A)` where both see `obs`, and what they remember then."""
    q, hidden = net.agent(obs[:1], hidden)
    A = q.shape[-1]
    pairs = torch.stack([q[0, 0, :, None].expand(A, A), q[0, 1].expand(A, A)], -1)
    return net.mixer(pairs, obs[0].flatten().expand(A, A, -1)), hidden


def fitted(method) -> torch.Tensor:
    """QTRAN's game, learned from all nine pairs of actions at once: uniform data without chance."""
    env = MatrixGame(num_envs=9)
    ways = torch.cartesian_prod(torch.arange(3), torch.arange(3))[:, None]  # (9, 1, 2)
    first = env.reset()
    then, reward, *_ = env.step(ways[:, 0])
    there = torch.tensor([True, False])[None, :, None].expand(9, -1, 2)
    batch = TeamBatch(
        torch.stack([first, then], 1), ways, reward[:, None], there[:, :1], there,
        torch.ones(9, 1, dtype=torch.bool), torch.ones(9, 2, 2, 3, dtype=torch.bool),
    )  # fmt: skip
    torch.manual_seed(0)
    cfg = method.Config(env=MatrixGame, hidden_dim=32)
    net = method.build(cfg, env)
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    for progress in torch.linspace(0, 1, 1200):
        optimizer.param_groups[0]["lr"] = 5e-3 * (1 - progress.item())
        optimizer.zero_grad()
        team_q.loss(net, net, batch, cfg)[0].backward()
        optimizer.step()
    return values_of_pairs(net, first, net.start(1, 2))[0]


@pytest.mark.slow
def test_a_sum_fits_qtrans_game_as_least_squares_does() -> None:
    payoff = torch.tensor(QTRAN_GAME, dtype=torch.float32)
    expected = payoff.mean(1, keepdim=True) + payoff.mean(0) - payoff.mean()
    assert expected[0, 0].item() == pytest.approx(-56 / 9)
    found = fitted(vdn)
    torch.testing.assert_close(found, expected, atol=0.05, rtol=0)
    assert payoff.flatten()[found.argmax()] == 0


@pytest.mark.slow
def test_a_monotone_mixture_of_qtrans_game_averages_what_it_may_not_tell_apart() -> None:
    """Row and column of the optimum become their mean, (8 - 12 - 12 - 12 - 12) / 5 = -8."""
    expected = torch.zeros(3, 3)
    expected[0], expected[:, 0] = -8, -8
    torch.testing.assert_close(fitted(qmix), expected, atol=0.15, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_weights_find_the_optimum_of_qtrans_game(seed) -> None:
    net = learned(qmix, MatrixGame, seed, weight=0.1)
    found, _ = values_of_pairs(net, MatrixGame(num_envs=1).reset(), net.start(1, 2))
    assert found.argmax() == 0
    assert found[0, 0] == pytest.approx(8, abs=0.15)


TWO_STEP = {  # of the first state, then of 2B: VDN's by least squares, QMIX's exact
    vdn: ([[0.99 * 7] * 2, [0.99 * 6.5] * 2], [[-1.5, 2.5], [2.5, 6.5]]),
    qmix: ([[0.99 * 7] * 2, [0.99 * 8] * 2], [[0.0, 1.0], [1.0, 8.0]]),
}


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("method, close, reached", [(vdn, 0.4, 7), (qmix, 0.15, 8)])
def test_the_two_step_game(method, close, reached, seed) -> None:
    """VDN fits what happens to be in the replay; QMIX can tell all cases apart."""
    net = learned(method, TwoStepGame, seed)
    env = TwoStepGame(num_envs=4)
    first, hidden = values_of_pairs(net, env.reset(), net.start(1, 2))
    env.step(torch.ones(4, 2, dtype=torch.int64))
    second, _ = values_of_pairs(net, env.obs, hidden)
    for found, expected in zip((first, second), TWO_STEP[method], strict=True):
        torch.testing.assert_close(found, torch.tensor(expected), atol=close, rtol=0)
    assert evaluate(env, GreedyPolicy(net), episodes=4)["return"] == reached


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_independent_learners_average_over_what_the_other_does(seed) -> None:
    """Agent 0: 7, or the best mean of a row of 2B, 4.5. It plays safe: 7; chance gets 4.75."""
    net = learned(iql, TwoStepGame, seed)
    env = TwoStepGame(num_envs=4)
    with torch.no_grad():
        q, hidden = net.agent(env.reset()[:1], net.start(1, 2))
        obs, *_ = env.step(torch.ones(4, 2, dtype=torch.int64))
        then, _ = net.agent(obs[:1], hidden)
    # The replay holds some 125 times 1 or 8: their mean is off by 0.95 at most (3 s.d.).
    torch.testing.assert_close(q[0, 0], torch.tensor([0.99 * 7, 0.99 * 4.5]), atol=0.95, rtol=0)
    torch.testing.assert_close(then[0], torch.tensor([[0.5, 4.5]] * 2), atol=0.95, rtol=0)
    assert evaluate(env, GreedyPolicy(net), episodes=4)["return"] == 7


# -- the mixer ------------------------------------------------------------------------------------


def test_eq_vdn_sum_shares_the_team_s_error_alike() -> None:
    q = torch.tensor([[1.0, -2.0, 4.0], [0.5, 0.5, 0.0]], requires_grad=True)
    total = vdn.Sum()(q, torch.randn(2, 7))
    assert total.tolist() == [3.0, 1.0]
    ((10.0 - total) ** 2).sum().backward()
    assert q.grad is not None and q.grad.tolist() == [[-14.0] * 3, [-18.0] * 3]


def mixer(N: int = 3, S: int = 4, H: int = 5) -> qmix.Mixer:
    torch.manual_seed(0)
    return qmix.Mixer(N, S, H)


def test_eq_qmix_monotone_a_better_value_never_makes_the_team_worse() -> None:
    q = (3 * torch.randn(500, 3)).requires_grad_()
    (slope,) = torch.autograd.grad(mixer()(q, torch.randn(500, 4)).sum(), q)
    assert slope.min() >= 0
    assert slope.max() > 0.01
    raw = mixer()
    raw.forward = lambda q, s: (q * raw.H_1(s)[:, :3]).sum(-1)  # without the absolute value
    (slope,) = torch.autograd.grad(raw(q, torch.randn(500, 4)).sum(), q)
    assert slope.min() < 0


def test_eq_qmix_igm_each_agents_best_is_its_part_of_the_teams_best() -> None:
    """IGM, by trying every joint action."""
    net, q, state = mixer(), torch.randn(20, 3, 4), torch.randn(20, 4)
    ways = torch.tensor(list(itertools.product(range(4), repeat=3)))
    values = torch.stack([q[:, i, ways[:, i]] for i in range(3)], -1)  # (20, 64, 3)
    joint = net(values, state[:, None].expand(-1, 64, -1))
    together = joint.gather(1, (q.argmax(-1) @ torch.tensor([16, 4, 1]))[:, None])[:, 0]
    torch.testing.assert_close(together, joint.max(1).values)


def test_eq_qmix_weights_eq_qmix_hidden_eq_qmix_total_number_by_number() -> None:
    net = mixer(N=2, S=1, H=2)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.zero_()
        net.H_1.bias.copy_(torch.tensor([1.0, -2.0, 3.0, 0.5]))  # agent 0: 1, -2; agent 1: 3, 0.5
        net.B_1.bias.copy_(torch.tensor([-1.0, 0.0]))
        net.H_2.bias.copy_(torch.tensor([-1.0, 2.0]))
        net.V_2.bias.fill_(10.0)
    # elu(1*1 + 3*(-1) - 1) = e^-3 - 1 and elu(2*1 + 0.5*(-1)) = 1.5; times 1 and 2; and 10
    found = net(torch.tensor([[1.0, -1.0]]), torch.zeros(1, 1))
    assert found.item() == pytest.approx(torch.e**-3 - 1 + 3 + 10, abs=1e-6)


def test_sizes_that_it_was_not_made_for() -> None:
    with pytest.raises(ValueError, match=r"N = 3 agents and S = 4 numbers, got \(2, 3\)"):
        mixer()(torch.zeros(2, 3), torch.zeros(2, 5))


# -- the loss, a second way -----------------------------------------------------------------------


def drawn(E: int = 4, L: int = 3, N: int = 2, O: int = 3, A: int = 2) -> TeamBatch:  # noqa: E741
    g = torch.Generator().manual_seed(1)
    alive = torch.rand(E, L + 1, N, generator=g) < 0.8
    alive[0, 2:] = False  # a team that is gone after two steps
    terminated = ~alive[:, :-1] | ~alive[:, 1:]
    available = torch.rand(E, L + 1, N, A, generator=g) < 0.6
    available[..., 0] = True
    mask = torch.ones(E, L, dtype=torch.bool)
    mask[0, 2:] = False
    return TeamBatch(
        torch.randn(E, L + 1, N, O, generator=g),
        torch.randint(A, (E, L, N), generator=g),
        torch.randn(E, L, N, generator=g) * alive[:, :-1],
        terminated, alive, mask, available,
    )  # fmt: skip


@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("method", [vdn, qmix])
def test_eq_team_greedy_eq_team_target_eq_team_loss_number_by_number(method, double) -> None:
    """Step by step and agent by agent, in Python."""
    batch = drawn()
    E, L, N = batch.action.shape
    env = TwoStepGame()  # of the same sizes
    cfg = method.Config(env=MatrixGame, gamma=0.9, double=double, hidden_dim=8, reward_scale=2.0)
    torch.manual_seed(0)
    net, target = method.build(cfg, env), method.build(cfg, env)
    q, q_target = (x.agent.unroll(batch.obs, batch.terminated) for x in (net, target))
    errors = []
    for e, t in itertools.product(range(E), range(L)):
        if not batch.mask[e, t]:
            continue
        now, then = torch.zeros(N), torch.zeros(N)
        for i in range(N):
            if batch.alive[e, t, i]:
                now[i] = q[e, t, i, batch.action[e, t, i]]
            if batch.alive[e, t + 1, i]:
                has = batch.available[e, t + 1, i].nonzero()[:, 0].tolist()
                by = (q if double else q_target)[e, t + 1, i]
                then[i] = q_target[e, t + 1, i, max(has, key=lambda a: by[a].item())]
        y = 2.0 * batch.reward[e, t].sum() / N
        if batch.alive[e, t + 1].any():
            y = y + 0.9 * target.mixer(then, batch.obs[e, t + 1].flatten())
        errors.append((y - net.mixer(now, batch.obs[e, t].flatten())) ** 2)
    found, _ = team_q.loss(net, target, batch, cfg)
    torch.testing.assert_close(found, torch.stack(errors).mean())


@pytest.mark.parametrize("double", [True, False])
def test_eq_qmix_overestimate_eq_qmix_star_eq_qmix_weighted_number_by_number(double) -> None:
    batch, env = drawn(), TwoStepGame()
    settings = {"gamma": 0.9, "hidden_dim": 8, "weight": 0.3, "double": double}
    cfg = qmix.Config(env=MatrixGame, **settings)
    torch.manual_seed(0)
    net, target = qmix.build(cfg, env), qmix.build(cfg, env)
    seen = batch.obs, batch.terminated
    q, selects = net.agent.unroll(*seen), (net if double else target).agent.unroll(*seen)
    star, star_then = net.star.agent.unroll(*seen), target.star.agent.unroll(*seen)
    errors, weights = [], set()
    for e, t in batch.mask.nonzero().tolist():
        own, stars, then = torch.zeros(2), torch.zeros(2), torch.zeros(2)
        for i in range(2):
            if batch.alive[e, t, i]:
                a = batch.action[e, t, i]
                own[i], stars[i] = q[e, t, i, a], star[e, t, i, a]
            if batch.alive[e, t + 1, i]:
                has = batch.available[e, t + 1, i].nonzero()[:, 0].tolist()
                best = max(has, key=lambda a: selects[e, t + 1, i, a].item())
                then[i] = star_then[e, t + 1, i, best]
        y = batch.reward[e, t].mean()
        if batch.alive[e, t + 1].any():
            y = y + 0.9 * target.star(then, batch.obs[e, t + 1].flatten())
        state = batch.obs[e, t].flatten()
        q_tot, q_star = net.mixer(own, state), net.star(stars, state)
        w = 1.0 if q_tot < y else 0.3
        weights.add(w)
        errors.append(w * (y - q_tot) ** 2 + (y - q_star) ** 2)
    assert weights == {0.3, 1.0}
    found, _ = qmix.weighted_loss(net, target, batch, cfg)
    torch.testing.assert_close(found, torch.stack(errors).mean())


def test_eq_iql_target_eq_iql_loss_are_of_what_each_is_paid_itself() -> None:
    batch = drawn()
    env = TwoStepGame()
    cfg = iql.Config(env=MatrixGame, gamma=0.9, hidden_dim=8)
    torch.manual_seed(0)
    net, target = iql.build(cfg, env), iql.build(cfg, env)
    total, _ = iql.loss(net, target, batch, cfg)
    now, then = team_q.values(net, target, batch, double=True)
    errors = [
        (batch.reward[e, t, i] + 0.9 * (not batch.terminated[e, t, i]) * then[e, t, i]
         - now[e, t, i]) ** 2
        for e, t, i in itertools.product(range(4), range(3), range(2))
        if batch.alive[e, t, i] and batch.mask[e, t]
    ]  # fmt: skip
    torch.testing.assert_close(total, torch.stack(errors).mean())
    one = batch._replace(reward=batch.reward * torch.tensor([1.0, 0.0]))
    assert iql.loss(net, target, one, cfg)[0] != total


# -- runs -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("env", [TrafficJunction, SpeakerListener, TwoStepGame])
@pytest.mark.parametrize("method, settings", METHODS, ids=NAMES)
def test_a_team_trains_and_goes_on_where_it_was_stopped(method, settings, env, tmp_path) -> None:
    few = {"updates": 6, "num_envs": 4, "hidden_dim": 8, "batch_size": 4, "capacity": 20,
           "learning_starts": 1, "log_every": 1, "checkpoint_every": 1}  # fmt: skip
    cfg = method.Config(env=env, **few, **settings)
    whole = method.train(cfg)
    assert all(torch.isfinite(p).all() for p in whole.net.parameters())
    path = tmp_path / "run.safetensors"

    class Stop(Exception):
        pass

    def stop(row) -> None:
        if row["update"] >= 3:
            raise Stop

    with pytest.raises(Stop):
        method.train(cfg, stop, path)
    again = method.train(cfg, None, path)
    for name, value in whole.net.state_dict().items():
        assert torch.equal(value, again.net.state_dict()[name]), name
    assert 0 <= evaluate(env(num_envs=4), GreedyPolicy(again.net), episodes=4)["success"] <= 1
