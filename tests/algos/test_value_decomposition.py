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

GAMMA = 0.99
METHODS = [(iql, {}), (vdn, {}), (qmix, {}), (qmix, {"weight": 0.5})]
NAMES = ["iql", "vdn", "qmix", "weighted"]


def every_way(env, steps: int) -> TeamBatch:
    """All that two agents can do in a game, each way once: uniform data without chance."""
    A = env.n_actions
    ways = torch.tensor(list(itertools.product(range(A), repeat=2 * steps))).view(-1, steps, 2)
    seen, paid = [env.reset(0)], []
    for t in range(steps):
        obs, reward, *_ = env.step(ways[:, t])
        seen.append(obs)
        paid.append(reward)
    E = len(ways)
    ends = torch.zeros(E, steps, 2, dtype=torch.bool)
    ends[:, -1] = True
    alive = torch.ones(E, steps + 1, 2, dtype=torch.bool)
    alive[:, -1] = False
    available = torch.ones(E, steps + 1, 2, A, dtype=torch.bool)
    obs, reward = torch.stack(seen, 1), torch.stack(paid, 1)
    return TeamBatch(obs, ways, reward, ends, alive, torch.ones_like(ends[..., 0]), available)


def fit(method, env, steps: int, gradient_steps: int, **settings) -> team_q.Team:
    """Learn from all ways at once until nothing changes."""
    torch.manual_seed(0)
    cfg = method.Config(env=type(env), gamma=GAMMA, hidden_dim=32, **settings)
    net, target = method.build(cfg, env), method.build(cfg, env)
    loss = qmix.weighted_loss if settings.get("weight", 1) != 1 else team_q.loss
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    batch = every_way(env, steps)
    for k in range(gradient_steps):
        if k % 50 == 0:
            target.load_state_dict(net.state_dict())
        optimizer.param_groups[0]["lr"] = 5e-3 * (1 - k / gradient_steps)
        total, _ = loss(net, target, batch, cfg)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    return net


@torch.no_grad()
def table(net: team_q.Team, obs: torch.Tensor) -> torch.Tensor:
    """Q_tot of every pair of actions `(A, A)`, where both see `obs` `(2, O)` first of all."""
    q, _ = net.agent(obs[None], net.start(1, 2))
    A = q.shape[-1]
    pairs = torch.stack([q[0, 0, :, None].expand(A, A), q[0, 1].expand(A, A)], -1)
    return net.mixer(pairs, obs.flatten().expand(A, A, -1))


# -- games whose answers are known ----------------------------------------------------------------


def best_sum(payoff: torch.Tensor) -> torch.Tensor:
    """The additive fit of a table: row mean + column mean - mean, by least squares."""
    return payoff.mean(1, keepdim=True) + payoff.mean(0) - payoff.mean()


@pytest.mark.slow
def test_a_sum_fits_qtrans_game_as_least_squares_does() -> None:
    env = MatrixGame(num_envs=9)
    found = table(fit(vdn, env, 1, 600), env.reset()[0])
    torch.testing.assert_close(found, best_sum(env.payoff), atol=0.05, rtol=0)
    torch.testing.assert_close(found[0, 0], torch.tensor(-56 / 9), atol=0.05, rtol=0)
    assert env.payoff.flatten()[found.argmax()] == 0


@pytest.mark.slow
def test_a_monotone_mixture_of_qtrans_game_averages_what_it_may_not_tell_apart() -> None:
    """Row and column of the optimum become their mean, (8 - 12 - 12 - 12 - 12) / 5 = -8."""
    env = MatrixGame(num_envs=9)
    found = table(fit(qmix, env, 1, 1200), env.reset()[0])
    expected = torch.zeros(3, 3)
    expected[0], expected[:, 0] = -8, -8
    torch.testing.assert_close(found, expected, atol=0.15, rtol=0)


@pytest.mark.slow
def test_weights_find_the_optimum_of_qtrans_game() -> None:
    env = MatrixGame(num_envs=9)
    found = table(fit(qmix, env, 1, 1200, weight=0.1), env.reset()[0])
    assert found.argmax() == 0
    assert found[0, 0] == pytest.approx(8, abs=0.15)
    assert QTRAN_GAME[0][0] == 8


TWO_STEP = {  # of the first state, then of 2B; VDN's by least squares, QMIX's exact
    vdn: ([[0.99 * 7] * 2, [0.99 * 6.5] * 2], [[-1.5, 2.5], [2.5, 6.5]]),
    qmix: ([[0.99 * 7] * 2, [0.99 * 8] * 2], [[0.0, 1.0], [1.0, 8.0]]),
}


@pytest.mark.slow
@pytest.mark.parametrize("method", TWO_STEP, ids=["vdn", "qmix"])
def test_the_two_step_game(method) -> None:
    env = TwoStepGame(num_envs=16)
    net = fit(method, env, 2, 1500)
    first, second = (torch.tensor(one) for one in TWO_STEP[method])
    torch.testing.assert_close(table(net, env.reset()[0]), first, atol=0.15, rtol=0)
    played = evaluate(TwoStepGame(num_envs=4), GreedyPolicy(net), episodes=4)
    assert played["return"] == (7 if method is vdn else 8)
    with torch.no_grad():
        start = env.reset()[:1]
        env.step(torch.ones(16, 2, dtype=torch.int64))
        _, hidden = net.agent(start, net.start(1, 2))
        values, _ = net.agent(env.obs[:1], hidden)
        pairs = torch.stack([values[0, 0, :, None].expand(2, 2), values[0, 1].expand(2, 2)], -1)
        found = net.mixer(pairs, env.obs[0].flatten().expand(2, 2, -1))
    torch.testing.assert_close(found, second, atol=0.15, rtol=0)


# -- the mixer ------------------------------------------------------------------------------------


def mixer(N: int = 3, S: int = 4, H: int = 5) -> qmix.Mixer:
    torch.manual_seed(0)
    return qmix.Mixer(N, S, H)


def test_a_better_value_never_makes_the_team_worse() -> None:
    q = (3 * torch.randn(500, 3)).requires_grad_()
    (slope,) = torch.autograd.grad(mixer()(q, torch.randn(500, 4)).sum(), q)
    assert slope.min() >= 0
    assert slope.max() > 0.01
    raw = mixer()
    raw.forward = lambda q, s: (q * raw.H_1(s)[:, :3]).sum(-1)  # without the absolute value
    (slope,) = torch.autograd.grad(raw(q, torch.randn(500, 4)).sum(), q)
    assert slope.min() < 0


def test_each_agents_best_is_its_part_of_the_teams_best() -> None:
    """IGM, by trying every joint action."""
    net, q, state = mixer(), torch.randn(20, 3, 4), torch.randn(20, 4)
    ways = torch.tensor(list(itertools.product(range(4), repeat=3)))
    values = torch.stack([q[:, i, ways[:, i]] for i in range(3)], -1)  # (20, 64, 3)
    joint = net(values, state[:, None].expand(-1, 64, -1))
    together = joint.gather(1, (q.argmax(-1) @ torch.tensor([16, 4, 1]))[:, None])[:, 0]
    torch.testing.assert_close(together, joint.max(1).values)


def test_the_mixer_number_by_number() -> None:
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


def test_a_weight_that_is_none() -> None:
    with pytest.raises(ValueError, match=r"weight must be above 0 and at most 1, got -1\.0"):
        qmix.train(qmix.Config(env=MatrixGame, weight=-1.0))


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
def test_the_loss_number_by_number(method, double) -> None:
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


def test_independent_learners_learn_from_what_they_are_paid_themselves() -> None:
    batch = drawn()
    env = TwoStepGame()
    cfg = iql.Config(env=MatrixGame, gamma=0.9, hidden_dim=8)
    torch.manual_seed(0)
    net, target = iql.build(cfg, env), iql.build(cfg, env)
    total, _ = iql.loss(net, target, batch, cfg)
    taken, following = team_q.values(net.agent, target.agent, batch)
    errors = [
        (batch.reward[e, t, i] + 0.9 * (not batch.terminated[e, t, i]) * following[e, t, i]
         - taken[e, t, i]) ** 2
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
