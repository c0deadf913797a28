"""Which actions there are, always the same or changing: for policies, losses and targets."""

import math
from itertools import product
from typing import Any

import pytest
import torch

from marl_edu.algos import combined, dqn, drqn, rnd
from marl_edu.core.evaluate import evaluate
from marl_edu.core.ops import act, epsilon_greedy, highest, log_prob_of, q_target
from marl_edu.envs import AgentId, SpeakerListener
from marl_edu.envs.baselines.task import UniformPolicy
from marl_edu.training import a2c, ppo, qlearning
from marl_edu.training.replay import ReplayBuffer, SequenceReplay
from tests.training.scripted import Scripted, bools
from tests.training.test_ends import SMALL, TRAIN, played

# Slot 0 is told what to do in step 2 and has nothing at all to do in step 3; slot 1 dies in step 3.
MASKS: dict[str, Any] = {
    "there": ("11", "11", "11", "10", "10"),
    "paid": [[1.0, -1.0]] * 4,
    "masks": [["110", "011"], ["001", "111"], ["000", "100"], ["011", "000"], ["101", "000"]],
    "ends": (99, 3),
}
MASK = torch.stack([bools(row) for row in MASKS["masks"]])  # (T + 1, N, A)


# -- equations -----------------------------------------------------------------------------------


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


# -- environments --------------------------------------------------------------------------------


def test_an_environment_says_what_there_is_now_for_every_agent():
    env = SpeakerListener(num_envs=3, seed=0)
    assert not env.available_changes and env.available.shape == (3, 2, 5)
    env.reset()
    assert env.available.sum(-1).tolist() == [[3, 5]] * 3
    env = AgentId(Scripted, MASKS, num_envs=2)
    assert env.available_changes
    env.reset()
    assert torch.equal(env.available, MASK[0].expand(2, -1, -1))
    env.step(torch.tensor([[0, 1], [1, 2]]))
    assert torch.equal(env.available, MASK[1].expand(2, -1, -1))


def test_who_takes_what_there_is_not_is_told_who_it_was():
    env = Scripted(**MASKS, num_envs=2)
    env.reset()
    with pytest.raises(
        ValueError, match=r"^agent_1 of environment 1 has the actions \[1, 2\] in step 0, got 0$"
    ):
        env.step(torch.tensor([[0, 1], [1, 0]]))
    assert env.t == 0
    env.step(torch.tensor([[0, 1], [1, 2]]))
    env.step(torch.tensor([[2, 0], [2, 2]]))
    env.step(torch.tensor([[1, 0], [2, 0]]))  # slot 0 has nothing to choose from: all is one
    # Slot 1 is dead, environment 1 has ended: nobody there can do wrong.
    env.step(torch.tensor([[1, 2], [0, 2]]))


def test_the_uniform_policy_takes_what_there_is_equally_often():
    env, uniform = Scripted(**MASKS, num_envs=3000), UniformPolicy(0)
    env.reset()
    for t in range(4):
        actions = uniform(env)
        for n in range(2):
            drawn = torch.bincount(actions[:, n], minlength=3)
            has = MASK[t, n] if MASK[t, n].any() else torch.tensor([True, False, False])
            assert not drawn[~has].any()
            assert (drawn[has] / 3000 - 1 / has.sum()).abs().max() < 0.05
        env.step(actions)


def test_a_team_as_one_can_do_what_all_its_members_can():
    env = combined.AsOne(Scripted, MASKS, num_envs=2)
    assert env.available_changes
    env.reset()
    for t in range(3):
        assert env.available.shape == (2, 1, 9)
        has = [row if row.any() else torch.ones(3, dtype=torch.bool) for row in MASK[t]]
        for one, other in product(range(3), repeat=2):
            together = has[0][one] and has[1][other]
            assert env.available[0, 0, one + 3 * other] == together
            assert torch.equal(
                env.split(torch.tensor([[one + 3 * other]])), torch.tensor([[one, other]])
            )
        env.step(highest(torch.zeros(2, 1, 9), env.available))
    cfg = combined.TeamConfig(
        combined.AsOne, env_args={"env": Scripted, "env_args": MASKS}, num_envs=2, updates=4,
        learning_starts=3, hidden_dim=8, log_every=1,
    )  # fmt: skip
    run = combined.train_team(cfg)
    assert all(p.isfinite().all() for p in run.net.parameters())
    lacking = combined.AsOne(SpeakerListener, num_envs=2, seed=0)  # the speaker has 3 of 5
    assert lacking.available.sum(-1).tolist() == [[15]] * 2


# -- loops ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("env, args", [(SpeakerListener, {}), (Scripted, MASKS)])
@pytest.mark.parametrize("name", TRAIN)
def test_every_loop_keeps_to_what_there_is(name, env, args):
    """The environment itself would complain."""
    make, train, more = TRAIN[name]
    cfg = make(env=env, env_args=args, num_envs=4, seed=1, **{**SMALL, **more})
    run = train(cfg)
    assert all(math.isfinite(x) for row in run.rows for x in row.values())
    assert all(p.isfinite().all() for p in run.net.parameters())
    policies: list[Any] = (
        [qlearning.GreedyPolicy(run.net)] if "q" in name
        else [(a2c if isinstance(run.net, a2c.ActorCritic) else ppo).TeamPolicy(run.net, greedy)
              for greedy in (False, True)]
    )  # fmt: skip
    for policy in policies:
        assert evaluate(env(**args, num_envs=6, seed=0), policy, 12)["episodes"] == 12


def test_the_warm_up_of_rnd_plays_all_that_there_is():
    env, played_ = Scripted(**MASKS, num_envs=300), []
    step = env.step
    env.step = lambda actions: played_.append(actions) or step(actions)
    torch.manual_seed(0)
    rnd.RandomNetworkDistillation(2, 3, 4).warm_up(env)
    for t in range(3):
        for n in range(2):
            drawn = torch.bincount(played_[t][:, n], minlength=3)
            has = MASK[t, n] if MASK[t, n].any() else torch.tensor([True, True, True])
            assert not drawn[~has].any() or not MASK[t, n].any()
            if MASK[t, n].any():
                assert (drawn[has] / 300 - 1 / has.sum()).abs().max() < 0.12


@pytest.mark.parametrize("loop", ["a2c", "ppo"])
def test_an_undecided_policy_is_uniform_over_what_there_was(loop, monkeypatch):
    for module in (a2c, ppo):
        monkeypatch.setattr(module.ActorCritic, "__init__", undecided(module.ActorCritic.__init__))
    env = Scripted(**MASKS, num_envs=2)
    batch = played(loop, env)
    count = MASK[:4].sum(-1).float()
    expected = count.clamp_min(1).log()
    torch.testing.assert_close(batch.log_prob[0], -expected)
    if loop == "a2c":
        torch.testing.assert_close(batch.entropy[0], expected)
        return
    assert torch.equal(batch.available[1], MASK[:4])
    cfg = ppo.Config(Scripted, vf_coef=0.0, ent_coef=1.0)
    samples = ppo.make_batch(batch, torch.zeros(2, 4, 2), cfg)
    net = ppo.ActorCritic(2, 3, 8, 2)
    total, parts = ppo.loss(net, samples, cfg)
    lived = expected[batch.alive[0]].sum() + expected[batch.alive[1]].sum()
    assert parts["entropy"] == pytest.approx(float(lived) / int(batch.alive.sum()))
    # The same policy as the one that acted: all ratios are 1, and advantages have no mean.
    assert total.item() == pytest.approx(-parts["entropy"], abs=1e-6)


def undecided(init):
    def begin(self, *args, **kwargs):
        init(self, *args, **kwargs)
        with torch.no_grad():
            self.policy.weight.zero_()

    return begin


# -- replay --------------------------------------------------------------------------------------


def test_the_replay_keeps_what_there_will_be_after_each_step():
    env = Scripted(**MASKS, num_envs=2)
    episodes = played("q", env)
    assert torch.equal(episodes.available, MASK.expand(2, -1, -1, -1))
    replay = dqn.make_replay(dqn.Config(Scripted), env, dqn.QNet(2, 3, 8))
    replay.add(episodes)
    batch = replay.sample(300, torch.Generator().manual_seed(0))
    for obs, has in zip(batch.obs, batch.available, strict=True):
        t, n = int(obs[0]) - 1, int(obs[1])
        assert torch.equal(has, MASK[t + 1, n])
    copy = dqn.make_replay(dqn.Config(Scripted), env, dqn.QNet(2, 3, 8))
    copy.load_state_dict(replay.state_dict())
    again = copy.sample(300, torch.Generator().manual_seed(0))
    assert torch.equal(again.available, batch.available)


@pytest.mark.parametrize("window, burn_in", [(9, 0), (2, 0), (2, 1)])
def test_so_does_the_replay_of_trajectories(window, burn_in):
    env = Scripted(**MASKS, num_envs=2)
    net = drqn.RecurrentQ(2, 3, 8)
    replay = drqn.make_replay(drqn.Config(Scripted), env, net)
    replay.add(played("q", env))
    w = replay.sample(100, window, burn_in, torch.Generator().manual_seed(0))
    assert w.available.shape == (*w.action.shape, 3)
    seen = set()
    for e, l in w.mask.nonzero().tolist():  # noqa: E741
        t, n = int(w.obs[e, l, 0]) - 1, int(w.obs[e, l, 1])
        assert torch.equal(w.available[e, l], MASK[t + 1, n])
        seen.add((t, n))
    assert seen == {(t, 0) for t in range(4)} | {(t, 1) for t in range(3)}


def test_what_never_changes_is_not_kept_step_by_step():
    env = SpeakerListener(num_envs=2, seed=0)
    net = drqn.RecurrentQ(env.obs_dim, env.n_actions, 8)
    episodes, _ = qlearning.rollout(net, env, 1.0, torch.Generator().manual_seed(0))
    assert episodes.available is None
    for replay in (
        dqn.make_replay(dqn.Config(SpeakerListener), env, dqn.QNet(9, 5, 8)),
        drqn.make_replay(drqn.Config(SpeakerListener), env, net),
    ):
        assert "available" not in replay.fields
        replay.add(episodes)
    one = ReplayBuffer(9, 2, torch.ones(1, 3, dtype=torch.bool), changes=True)
    with pytest.raises(ValueError, match=r"^available must be given with the episodes, got None"):
        one.add(played("q", Scripted(("1", "1", "1"))))
    many = SequenceReplay(9, 2, 2, torch.ones(1, 3, dtype=torch.bool), changes=True)
    assert many.fields["available"].shape == (9, 2, 3)
