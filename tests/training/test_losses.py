"""The losses against loops over their equations, and what they report of themselves."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from marl_edu.algos import dqn, drqn, icm
from marl_edu.core.ops import masked_mean
from marl_edu.envs import TMaze
from marl_edu.training import a2c, ppo
from marl_edu.training.replay import Episodes, ReplayBuffer, SequenceReplay

B, T, N, A = 3, 4, 2, 3
f64 = torch.float64


def draw(seed: int = 0) -> dict[str, Tensor]:
    """Rewards, values, who is alive and whose trajectory ends."""
    g = torch.Generator().manual_seed(seed)
    alive = torch.rand(B, T, N, generator=g) < 0.8
    return {
        "reward": torch.randn(B, T, N, generator=g, dtype=f64),
        "value": torch.randn(B, T + 1, N, generator=g, dtype=f64),
        "alive": alive,
        "terminated": ~alive | (torch.rand(B, T, N, generator=g) >= 0.7),
        "log_prob": -torch.rand(B, T, N, generator=g, dtype=f64),
        "entropy": torch.rand(B, T, N, generator=g, dtype=f64),
    }


def episode(**parts: Tensor) -> a2c.Episode:
    unused = {"paid": parts["reward"], "observed": parts["alive"], "running": parts["alive"]}
    return a2c.Episode(**parts, **unused, success=torch.zeros(B))


def test_a_mean_over_one_is_that_one():
    assert float(masked_mean(torch.tensor([3.0, 5.0]), torch.tensor([False, True]))) == 5.0


# -- actor-critic --------------------------------------------------------------------------------


def test_the_team_s_loss_is_eq_6_by_loops():
    cfg = a2c.Config(TMaze, gamma=0.8, gae_lambda=0.6, reward_scale=0.5, vf_coef=0.7)
    drawn = draw()
    advantage, target = {}, {}
    for b in range(B):
        for n in range(N):
            carried = 0.0
            for t in reversed(range(T)):
                value, after = (float(drawn["value"][b, k, n]) for k in (t, t + 1))
                c = 1 - float(drawn["terminated"][b, t, n])
                reward = 0.5 * float(drawn["reward"][b, t, n])
                carried = reward + 0.8 * c * after - value + 0.8 * 0.6 * c * carried
                advantage[b, t, n], target[b, t, n] = carried, carried + value
    living = [tuple(at) for at in drawn["alive"].nonzero().tolist()]
    mean = sum(advantage[at] for at in living) / len(living)
    spread = math.sqrt(sum((advantage[at] - mean) ** 2 for at in living) / len(living))
    errors, total = 0.0, 0.0
    for at in living:
        error = (target[at] - float(drawn["value"][at])) ** 2
        gain = (advantage[at] - mean) / (spread + 1e-6) * float(drawn["log_prob"][at])
        total += -gain + 0.7 * error - 0.3 * float(drawn["entropy"][at])
        errors += error
    found, parts = a2c.loss(episode(**drawn), cfg, ent_coef=0.3)
    assert float(found) == pytest.approx(total / len(living))
    assert parts["value_loss"] == pytest.approx(errors / len(living))
    expected = sum(float(drawn["entropy"][at]) for at in living) / len(living)
    assert parts == {"entropy": pytest.approx(expected), "value_loss": parts["value_loss"]}


def test_values_learn_from_what_followed_and_not_from_each_other():
    """The target is a number: the gradient of the error at V_t is 2 (V_t - target) / n alone."""
    drawn = draw() | {
        "alive": torch.ones(B, T, N).bool(),
        "terminated": torch.zeros(B, T, N).bool(),
    }
    value = drawn["value"].requires_grad_()
    cfg = a2c.Config(TMaze, vf_coef=1.0, gae_lambda=1.0, gamma=1.0, reward_scale=1.0)
    a2c.loss(episode(**drawn), cfg, ent_coef=0.0)[0].backward()
    returns = drawn["reward"].flip(1).cumsum(1).flip(1) + value[:, -1:].detach()
    expected = 2 * (value[:, :-1].detach() - returns) / (B * T * N)
    torch.testing.assert_close(value.grad[:, :-1], expected)
    assert not value.grad[:, -1].any()


def nearly_equal(alive: Tensor) -> Tensor:
    """Rewards that differ by less than what keeps a spread of 0 from being divided by."""
    return 1e-10 * torch.arange(alive.numel(), dtype=f64).view(alive.shape)


def test_advantages_of_nearly_no_spread_keep_their_signs():
    drawn = draw() | {
        "alive": torch.ones(B, T, N).bool(),
        "value": torch.zeros(B, T + 1, N).double(),
    }
    drawn["terminated"] = torch.ones(B, T, N).bool()
    drawn["reward"] = nearly_equal(drawn["alive"])
    log_prob = drawn["log_prob"].requires_grad_()
    a2c.loss(episode(**drawn), a2c.Config(TMaze, vf_coef=0.0, reward_scale=1.0), 0.0)[0].backward()
    assert (
        log_prob.grad[-1, -1, -1] < 0 < log_prob.grad[0, 0, 0]
    )  # more of the best, less of the worst
    cfg = ppo.Config(TMaze, ext_coef=1.0, int_coef=0.0)
    batch = ppo.make_batch(rollout(drawn), torch.zeros(B, T, N), cfg)
    assert batch.advantage[-1, -1] > 0 > batch.advantage[0, 0]


# -- PPO -----------------------------------------------------------------------------------------


def rollout(drawn: dict[str, Tensor]) -> ppo.Rollout:
    parts = {key: drawn[key] for key in ("log_prob", "reward", "alive", "terminated")}
    return ppo.Rollout(
        obs=torch.zeros(B, T + 1, N, 1),
        action=torch.zeros(B, T, N, dtype=torch.int64),
        value_ext=drawn["value"],
        value_int=torch.zeros(B, T + 1, N),
        available=torch.ones(B, T, N, A, dtype=torch.bool),
        paid=parts["reward"],
        observed=parts["alive"],
        running=parts["alive"].any(-1),
        success=torch.zeros(B),
        cell=None,
        **parts,
    )


class Says(ppo.ActorCritic):
    """A network that says the same of every observation."""

    def __init__(self, step: ppo.Step):
        super().__init__(1, A, 1)
        self.step = step

    def forward(self, obs: Tensor) -> ppo.Step:
        return self.step


def test_the_loss_of_ppo_is_eq_4_by_loops():
    """Ratios far on both sides of the clip, with advantages of both signs."""
    M, eps, c_V, c_H = 40, 0.2, 0.7, 0.05
    g = torch.Generator().manual_seed(0)
    says = ppo.Step(
        torch.randn(M, N, A, generator=g, dtype=f64),
        *(torch.randn(M, N, generator=g, dtype=f64) for _ in range(2)),
    )
    action = torch.randint(A, (M, N), generator=g)
    has = torch.rand(M, N, A, generator=torch.Generator().manual_seed(1)) < 0.7
    has.scatter_(-1, action[..., None], True)
    batch = ppo.Batch(
        obs=torch.zeros(M, N, 1),
        action=action,
        next_obs=torch.zeros(M, N, 1),
        log_prob=-2 * torch.rand(M, N, generator=g, dtype=f64),
        advantage=torch.randn(M, N, generator=g, dtype=f64),
        return_ext=torch.randn(M, N, generator=g, dtype=f64),
        return_int=torch.randn(M, N, generator=g, dtype=f64),
        alive=torch.rand(M, N, generator=g) < 0.8,
        observed=torch.ones(M, N, dtype=torch.bool),
        available=has,
    )
    sums = {"gain": 0.0, "errors": 0.0, "entropy": 0.0}
    sides = set()
    living = [tuple(at) for at in batch.alive.nonzero().tolist()]
    for at in living:
        weights = [math.exp(float(x)) for x in says.logits[at]]
        weights = [weight * bool(there) for weight, there in zip(weights, has[at], strict=True)]
        pi = [weight / sum(weights) for weight in weights]
        rho = pi[int(batch.action[at])] / math.exp(float(batch.log_prob[at]))
        advantage = float(batch.advantage[at])
        near = min(max(rho, 1 - eps), 1 + eps)
        sides.add((rho < 1 - eps, rho > 1 + eps, advantage > 0))
        sums["gain"] += min(rho * advantage, near * advantage)
        for said, given in (("value_ext", "return_ext"), ("value_int", "return_int")):
            sums["errors"] += (float(getattr(batch, given)[at] - getattr(says, said)[at])) ** 2
        sums["entropy"] -= sum(p * math.log(p) for p in pi if p)
    assert len(sides) == 6
    gain, errors, entropy = (x / len(living) for x in sums.values())
    cfg = ppo.Config(TMaze, clip_coef=eps, vf_coef=c_V, ent_coef=c_H)
    total, parts = ppo.loss(Says(says), batch, cfg)
    assert float(total) == pytest.approx(-gain + c_V * errors - c_H * entropy)
    assert parts == {"entropy": pytest.approx(entropy), "value_loss": pytest.approx(errors)}


# -- Q-learning ----------------------------------------------------------------------------------


def experience() -> Episodes:
    """Two agents of three steps each, in each of two environments."""
    g = torch.Generator().manual_seed(0)
    yes = torch.ones(2, 3, 2, dtype=torch.bool)
    action = torch.randint(3, (2, 3, 2), generator=g)
    reward = torch.rand(2, 3, 2, generator=g)
    hidden = torch.zeros(2, 3, 2, 0)
    return Episodes(torch.rand(2, 4, 2, 4, generator=g), action, reward, yes, ~yes, hidden)


@torch.no_grad()
def test_q_learners_report_their_loss_and_the_mean_q_of_what_was_done():
    available, chance = torch.ones(2, 3, dtype=torch.bool), torch.Generator().manual_seed(0)
    steps, sequences = ReplayBuffer(20, 4, available), SequenceReplay(9, 3, 4, available)
    steps.add(experience()), sequences.add(experience())
    torch.manual_seed(0)
    net: Any = dqn.QNet(4, 3, 8)
    batch = steps.sample(6, chance)
    total, parts = dqn.loss(net, net, batch, dqn.Config(TMaze))
    q = [float(net(batch.obs)[0][e, batch.action[e]]) for e in range(6)]
    assert parts == {"loss": pytest.approx(total.item()), "q": pytest.approx(sum(q) / 6)}
    net = drqn.RecurrentQ(4, 3, 8)
    windows = sequences.sample(4, 2, 1, chance)
    total, parts = drqn.loss(net, net, windows, drqn.Config(TMaze))
    said, _ = net.unroll(windows.obs, net.start(1, 4)[0])
    q = [float(said[e, t, windows.action[e, t]]) for e, t in windows.mask.nonzero().tolist()]
    assert parts == {"loss": pytest.approx(total.item()), "q": pytest.approx(sum(q) / len(q))}


def test_what_is_drawn_is_of_the_kind_that_was_kept():
    available, chance = torch.ones(2, 3, dtype=torch.bool), torch.Generator().manual_seed(0)
    for replay, arguments in (
        (ReplayBuffer(20, 4, available), ()),
        (SequenceReplay(9, 3, 4, available), (2,)),
    ):
        kept = experience()
        replay.add(kept)
        drawn = replay.sample(50, *arguments, generator=chance)
        for name in ("obs", "action", "reward", "terminated"):
            assert getattr(drawn, name).dtype == getattr(kept, name).dtype
        if isinstance(replay, SequenceReplay):  # nothing is burnt in unless it is asked for
            assert drawn.mask[:, 0].all()


@pytest.mark.parametrize("kind", [ReplayBuffer, SequenceReplay])
def test_a_replay_may_hold_one_and_takes_numbers_of_any_precision(kind):
    available = torch.ones(2, 3, dtype=torch.bool)
    replay = (
        ReplayBuffer(1, 4, available)
        if kind is ReplayBuffer
        else SequenceReplay(1, 3, 4, available)
    )
    with pytest.raises(RuntimeError, match=r"^there is nothing to sample yet: add episodes first$"):
        replay.sample(1, **({"window": 1} if kind is SequenceReplay else {}))
    replay.add(experience()._replace(reward=torch.ones(2, 3, 2, dtype=f64)))
    assert replay.size == 1 and replay.fields["reward"].dtype == torch.float32
    assert replay.fields["reward"].all()


# -- curiosity -----------------------------------------------------------------------------------


def test_icm_s_errors_are_those_of_each_transition_whatever_stands_before_them():
    torch.manual_seed(0)
    module = icm.IntrinsicCuriosityModule(4, 3, 5, 6)
    obs, next_obs, action = torch.rand(2, 3, 4), torch.rand(2, 3, 4), torch.randint(3, (2, 3))
    together = module.errors(obs, action, next_obs)
    alone = module.errors(obs.flatten(0, 1), action.flatten(), next_obs.flatten(0, 1))
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one.flatten(), other)
