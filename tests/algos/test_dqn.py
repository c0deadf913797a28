"""DQN and what Q-learners share: the equations, what a bootstrap may reach, and resumed runs."""

from dataclasses import replace

import pytest
import torch
from scipy.stats import chisquare
from torch.nn import functional as F

from marl_edu.algos import dqn, drqn
from marl_edu.core import storage
from marl_edu.core.evaluate import evaluate
from marl_edu.core.ops import epsilon_greedy, linear, q_target
from marl_edu.envs import TrafficJunction
from marl_edu.envs.base.env import BatchedEnv
from marl_edu.envs.tmaze import TMaze
from marl_edu.training import qlearning
from marl_edu.training.replay import ReplayBuffer, TransitionBatch

ALL = torch.tensor([True, True, True])


class Clock(BatchedEnv):
    """Sees how late it is. Agent 0 has two actions, agent 1 three; action 1 ends the episode."""

    n_agents, n_actions, obs_dim, max_steps = 2, 3, 1, 4
    frozen = ("late",)

    def __init__(self, num_envs=4, device="cpu", seed=None):
        super().__init__(num_envs, device, seed)

    @property
    def action_counts(self):
        return (2, 3)

    def _reset(self):
        self.late = torch.zeros(self.num_envs)

    def _step(self, actions):
        self.late = self.late + 1
        return actions.float(), (actions == 1).any(1), {}

    def _get_obs(self):
        return self.late[:, None, None].expand(-1, 2, 1) / 4

    def _success(self):
        return self.late > 2


class Always(torch.nn.Module):
    """Rates actions as it is told to, and counts what it remembers."""

    def __init__(self, *q):
        super().__init__()
        self.q = torch.tensor(q)

    def start(self, B, N):
        return torch.zeros(B, N, 1)

    def forward(self, obs, hidden):
        return self.q.expand(*obs.shape[:-1], -1), hidden + 1


def steps(seed: int = 0, E: int = 6, O: int = 3, A: int = 3) -> TransitionBatch:  # noqa: E741
    g = torch.Generator().manual_seed(seed)
    available = torch.rand(E, A, generator=g) < 0.6
    available[:, 0] = True
    return TransitionBatch(
        torch.randn(E, O, generator=g),
        torch.randint(A, (E,), generator=g),
        torch.randn(E, generator=g),
        torch.randn(E, O, generator=g),
        torch.rand(E, generator=g) >= 0.6,
        available,
    )


def nets(seed: int = 0):
    torch.manual_seed(seed)
    return dqn.QNet(3, 3, 8), dqn.QNet(3, 3, 8)


def by_hand(net: dqn.QNet, o: torch.Tensor) -> torch.Tensor:
    W = [layer for layer in net.layers if hasattr(layer, "weight")]
    x = (W[0].weight @ o + W[0].bias).clamp_min(0)
    x = (W[1].weight @ x + W[1].bias).clamp_min(0)
    return W[2].weight @ x + W[2].bias


def huber(error: float) -> float:
    return 0.5 * error**2 if abs(error) < 1 else abs(error) - 0.5


# -- equations -----------------------------------------------------------------------------------


def test_eq_dqn_q():
    net, _ = nets()
    obs = torch.randn(2, 4, 3)
    q, hidden = net(obs, net.start(2, 4))
    assert hidden.shape == (2, 4, 0)
    for b in range(2):
        for i in range(4):
            torch.testing.assert_close(q[b, i], by_hand(net, obs[b, i]))


def test_eq_dqn_explore():
    q = torch.tensor([0.1, 0.9, 0.3]).expand(30_000, 3)
    generator = torch.Generator().manual_seed(0)
    counts = torch.bincount(epsilon_greedy(q, 0.3, ALL, generator), minlength=3)
    assert chisquare(counts, [3000, 24_000, 3000]).pvalue > 0.01
    assert (epsilon_greedy(q, 0.0, ALL) == 1).all()


def test_eq_dqn_explore_never_takes_what_is_not_available():
    q = torch.tensor([0.1, 0.9, 0.3]).expand(5000, 3)
    some = torch.tensor([True, False, True])
    generator = torch.Generator().manual_seed(0)
    counts = torch.bincount(epsilon_greedy(q, 1.0, some, generator), minlength=3)
    assert counts[1] == 0 and chisquare(counts[[0, 2]]).pvalue > 0.01
    assert (epsilon_greedy(q, 0.0, some) == 2).all()


def test_eq_dqn_double():
    """The network selects among what is available, its target evaluates, an end has no future."""
    batch, (net, target) = steps(), nets()
    q, q_minus = net(batch.next_obs)[0], target(batch.next_obs)[0]
    y = q_target(batch.reward, batch.terminated, q_minus, batch.available, 0.9, q)
    assert (q.argmax(-1) != q_minus.argmax(-1)).any()  # else a single network would do
    for e in range(6):
        there = [a for a in range(3) if batch.available[e, a]]
        best = max(there, key=lambda a: q[e, a].item())
        future = 0.0 if batch.terminated[e] else 0.9 * q_minus[e, best].item()
        assert y[e].item() == pytest.approx(batch.reward[e].item() + future, abs=1e-6)


def test_eq_dqn_target():
    """The target of 2015: the target network selects and evaluates."""
    batch, (_, target) = steps(), nets()
    q_minus = target(batch.next_obs)[0]
    y = q_target(batch.reward, batch.terminated, q_minus, batch.available, 0.9)
    for e in range(6):
        there = [q_minus[e, a].item() for a in range(3) if batch.available[e, a]]
        future = 0.0 if batch.terminated[e] else 0.9 * max(there)
        assert y[e].item() == pytest.approx(batch.reward[e].item() + future, abs=1e-6)


def test_the_switch_decides_which_target_is_learned_from():
    batch, (net, target) = steps(1), nets()
    found = {}
    for double in (True, False):
        found[double] = dqn.loss(net, target, batch, dqn.Config(Clock, double=double))[0].item()
        with torch.no_grad():
            q_next = net(batch.next_obs)[0] if double else None
            y = q_target(
                batch.reward, batch.terminated, target(batch.next_obs)[0], batch.available, 0.95,
                q_next,
            )  # fmt: skip
        taken = net(batch.obs)[0][torch.arange(6), batch.action]
        assert found[double] == pytest.approx(F.smooth_l1_loss(taken, y).item())
    assert found[True] != found[False]


def test_eq_dqn_loss():
    batch, (net, target), cfg = steps(), nets(), dqn.Config(Clock, gamma=0.9)
    batch = batch._replace(reward=3 * batch.reward)  # some errors on either side of 1
    total, parts = dqn.loss(net, target, batch, cfg)
    errors = []
    for e in range(6):
        q = [by_hand(net, batch.next_obs[e])[a].item() for a in range(3)]
        best = max((a for a in range(3) if batch.available[e, a]), key=q.__getitem__)
        y = batch.reward[e] + 0.9 * ~batch.terminated[e] * by_hand(target, batch.next_obs[e])[best]
        errors.append((y - by_hand(net, batch.obs[e])[batch.action[e]]).item())
    assert min(map(abs, errors)) < 1 < max(map(abs, errors))
    assert total.item() == pytest.approx(sum(map(huber, errors)) / 6, rel=1e-5)
    assert parts["loss"] == total.item()


def test_eq_dqn_loss_teaches_the_network_and_not_its_target():
    net, target = nets()
    dqn.loss(net, target, steps(), dqn.Config(Clock))[0].backward()
    assert all(p.grad is not None for p in net.parameters())
    assert all(p.grad is None for p in target.parameters())
    batch = steps()
    with torch.no_grad():
        q, q_minus = net(batch.next_obs)[0], target(batch.next_obs)[0]
        y = q_target(batch.reward, batch.terminated, q_minus, batch.available, 0.95, q)
    regression = F.smooth_l1_loss(net(batch.obs)[0][torch.arange(6), batch.action], y)
    expected = torch.autograd.grad(regression, [*net.parameters()])
    for p, gradient in zip(net.parameters(), expected, strict=True):
        torch.testing.assert_close(p.grad, gradient)


# -- a round -------------------------------------------------------------------------------------


def test_a_time_limit_is_bootstrapped_through_and_an_end_is_not():
    episodes, row = qlearning.rollout(Always(1.0, 0.0, 0.0), Clock())
    assert (
        episodes.alive.all() and not episodes.terminated.any()
    )  # all four steps, and time ran out
    assert episodes.obs[:, -1].eq(1).all() and episodes.obs.shape == (4, 5, 2, 1)
    assert row == {"success": 1.0, "return": 0.0, "env_steps": 16}
    episodes, row = qlearning.rollout(Always(0.0, 1.0, 0.0), Clock())
    assert episodes.alive.shape == (4, 1, 2) and episodes.terminated.all()  # left at once
    assert row == {"success": 0.0, "return": 1.0, "env_steps": 4}


def test_a_round_goes_on_until_every_environment_has_ended():
    env = Clock(64, seed=0)
    episodes, row = qlearning.rollout(Always(1.0, 0.0, 0.0), env, 0.5, torch.Generator())
    lived = episodes.alive.all(-1).sum(1)
    assert set(lived.tolist()) == {1, 2, 3, 4} and row["env_steps"] == lived.sum()
    for b in range(64):
        n = int(lived[b])
        ended = bool((episodes.action[b, n - 1] == 1).any())
        assert not episodes.terminated[b, : n - 1].any()
        assert episodes.terminated[b, n - 1].eq(ended).all()
        assert episodes.terminated[b, n:].all() and not episodes.reward[b, n:].any()


def test_nobody_takes_an_action_that_it_does_not_have():
    episodes, _ = qlearning.rollout(Always(0.0, -1.0, 9.0), Clock(), 0.3, torch.Generator())
    assert episodes.action[..., 0].max() == 1 and episodes.action[..., 1].max() == 2


def test_a_newcomer_does_not_remember_its_predecessor():
    """At the junction a slot is used again within an episode."""
    env = TrafficJunction("easy", 0.9, num_envs=8, seed=0)
    episodes, _ = qlearning.rollout(Always(1.0, 0.0), env)
    age = torch.zeros(8, env.n_agents)
    replaced = 0
    for t in range(env.max_steps):
        assert torch.equal(episodes.hidden[:, t, :, 0], age)
        age = (age + 1) * ~episodes.terminated[:, t]
        if t:
            again = episodes.alive[:, t] & episodes.alive[:, t - 1] & episodes.terminated[:, t - 1]
            replaced += int(again.sum())
    assert replaced > 10


def test_evaluation_is_greedy_fresh_and_repeatable():
    env, net = TMaze(2, num_envs=50, seed=3), Always(1.0, 0.5, 0.0)
    first, second = (evaluate(env, qlearning.GreedyPolicy(net), 120) for _ in range(2))
    assert first == second
    assert first == {"success": 0.0, "return": 0.0, "steps": env.max_steps, "episodes": 150}


# -- runs ----------------------------------------------------------------------------------------

SMALL = {
    "env": TMaze, "env_args": {"length": 2}, "updates": 60, "num_envs": 8, "hidden_dim": 8,
    "learning_starts": 50, "log_every": 10, "checkpoint_every": 15, "target_update_interval": 7,
}  # fmt: skip
CASES = [
    (dqn, {"batch_size": 16, "capacity": 200}),
    (drqn, {"batch_size": 8, "capacity": 60}),
    (drqn, {"batch_size": 8, "capacity": 60, "memory": "gru", "window": 3, "burn_in": 2}),
    (drqn, {"batch_size": 8, "capacity": 60, "window": 3, "start": "stored"}),
]


def numbers(rows):
    return [{k: v for k, v in row.items() if k != "cpu_seconds"} for row in rows]


def same_weights(one, other):
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(k == j and torch.equal(a, b) for (k, a), (j, b) in pairs)


class PowerCut(Exception):
    """What interrupts a run."""


@pytest.mark.parametrize("algorithm, settings", CASES)
def test_an_interrupted_run_ends_with_the_same_numbers(algorithm, settings, tmp_path):
    cfg = algorithm.Config(**SMALL, **settings)
    whole = algorithm.train(cfg)
    path = tmp_path / "run.safetensors"

    def cut(row):
        if row["update"] >= 35 and path.exists():
            raise PowerCut

    with pytest.raises(PowerCut):
        algorithm.train(cfg, cut, path)
    assert 0 < storage.load_checkpoint(path)[1]["update"] < 60
    resumed = algorithm.train(cfg, checkpoint=path)
    assert same_weights(whole.net, resumed.net)
    assert numbers(whole.rows) == numbers(resumed.rows)
    with pytest.raises(ValueError, match=r"other settings.*seed"):
        algorithm.train(replace(cfg, seed=1), checkpoint=path)


@pytest.mark.parametrize("algorithm, settings", CASES[:2])
def test_a_run_depends_on_its_seed_alone(algorithm, settings):
    cfg = algorithm.Config(**SMALL, **settings)
    first = algorithm.train(cfg)
    torch.rand(3)  # nothing else is touched, or used
    assert same_weights(first.net, algorithm.train(cfg).net)
    assert not same_weights(first.net, algorithm.train(replace(cfg, seed=1)).net)


def test_a_run_makes_the_updates_it_is_asked_for_and_says_what_it_cost():
    seen = []
    cfg = dqn.Config(**SMALL, batch_size=16)
    run = dqn.train(cfg, seen.append, watch=lambda net: {"size": net.layers[0].out_features})
    assert run.rows == seen and run.rows[-1]["update"] == 60
    assert all(row["size"] == 8 for row in run.rows)
    updates = [row["update"] for row in run.rows]
    assert updates == sorted(set(updates)) and run.cpu_seconds > 0 < run.wall_seconds
    # One gradient step per 8 steps taken, once there are enough to begin with.
    assert run.rows[-1]["env_steps"] >= 60 * 8


def test_the_target_follows_at_its_own_pace(monkeypatch):
    gaps = []
    loss = dqn.loss

    def spy(net, target, batch, cfg):
        gaps.append(not same_weights(net, target))
        return loss(net, target, batch, cfg)

    monkeypatch.setattr(dqn, "loss", spy)
    dqn.train(dqn.Config(**SMALL))
    assert gaps == [k % 7 != 0 for k in range(60)]


def test_chance_is_annealed_and_steps_shrink():
    cfg = dqn.Config(
        Clock, updates=100, epsilon=1.0, epsilon_end=0.1, exploration_fraction=0.5, lr=0.1
    )
    for progress, epsilon, lr in (
        (0.0, 1.0, 0.1),
        (0.25, 0.55, 0.0775),
        (0.5, 0.1, 0.055),
        (0.99, 0.1, 0.0109),
    ):
        assert qlearning.epsilon_at(cfg, progress) == pytest.approx(epsilon)
        assert cfg.lr * linear(1.0, cfg.lr_end, progress) == pytest.approx(lr)


def test_the_step_size_of_each_gradient_step_is_the_annealed_one(monkeypatch):
    rates = []
    step = torch.optim.Adam.step
    monkeypatch.setattr(
        torch.optim.Adam, "step", lambda o, *a: rates.append(o.param_groups[0]["lr"]) or step(o, *a)
    )
    cfg = dqn.Config(**SMALL)
    dqn.train(cfg)
    assert rates == pytest.approx([cfg.lr * (1 - 0.9 * k / 60) for k in range(60)])


def test_agents_share_the_network_and_the_replay():
    replay = ReplayBuffer(100, 1, Clock().available[0])
    episodes, _ = qlearning.rollout(Always(1.0, 0.0, 0.0), Clock())
    replay.add(episodes)
    assert replay.steps == 4 * 4 * 2
    sampled = replay.sample(200, torch.Generator().manual_seed(0)).available.sum(-1)
    assert set(sampled.tolist()) == {2, 3}  # who has two actions, and who has three


class Waiting(Clock):
    """One agent who sees nothing: action 1 pays 1 and ends the environment, action 0 waits."""

    n_agents, n_actions = 1, 2

    @property
    def action_counts(self):
        return (2,)

    def _get_obs(self):
        return torch.ones(self.num_envs, 1, 1)


@pytest.mark.long
def test_values_are_those_found_on_paper():
    """The value of waiting is gamma, as often as one waits: running out of time is not the end."""
    cfg = dqn.Config(
        Waiting,
        updates=800,
        hidden_dim=16,
        gamma=0.6,
        epsilon_end=0.5,
        learning_starts=100,
        lr=5e-3,
    )
    q, _ = dqn.train(cfg).net(torch.ones(1, 1))
    torch.testing.assert_close(q[0], torch.tensor([0.6, 1.0]), atol=0.01, rtol=0)
