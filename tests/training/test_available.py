"""Which actions there are, always the same or changing: for policies, losses and targets."""

import math
from itertools import product
from typing import Any

import pytest
import torch

from marl_edu.algos import combined, mappo, rnd
from marl_edu.core.evaluate import evaluate
from marl_edu.core.ops import highest
from marl_edu.envs import AgentId, SpeakerListener
from marl_edu.envs.baselines.task import UniformPolicy
from marl_edu.training import a2c, ppo, qlearning, recurrent_ppo
from tests.training.scripted import Scripted, bools
from tests.training.test_ends import SMALL, TRAIN, played

LOOPS: dict[type, Any] = {a2c.ActorCritic: a2c, mappo.Team: recurrent_ppo}  # else: ppo
# Slot 0 is told what to do in step 2 and has nothing at all to do in step 3; slot 1 dies in step 3.
MASKS: dict[str, Any] = {
    "there": ("11", "11", "11", "10", "10"),
    "paid": [[1.0, -1.0]] * 4,
    "masks": [["110", "011"], ["001", "111"], ["000", "100"], ["011", "000"], ["101", "000"]],
    "ends": (99, 3),
}
MASK = torch.stack([bools(row) for row in MASKS["masks"]])  # (T + 1, N, A)


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
        else [LOOPS.get(type(run.net), ppo).TeamPolicy(run.net, greedy)
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
