"""An end means the same in all loops: actor-critic, PPO with every bonus, Q-learning."""

import math
from typing import Any

import pytest
import torch

from marl_edu.algos import combined, counts, dqn, drqn, icm, mappo, rnd, tarmac
from marl_edu.core.evaluate import evaluate
from marl_edu.core.ops import gae
from marl_edu.envs import TrafficJunction
from marl_edu.training import a2c, ppo, qlearning, recurrent_ppo
from marl_edu.training.bonus import NoBonus
from tests.training.scripted import Scripted, bools

SMALL: dict[str, Any] = {"hidden_dim": 8, "updates": 2, "log_every": 1}
Q: dict[str, Any] = {"updates": 8, "learning_starts": 3, "train_freq": 4.0, "capacity": 500}
TRAIN: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "a2c": (a2c.Config, a2c.train, {}),
    "tarmac": (tarmac.Config, tarmac.train, {}),
    "ppo": (ppo.Config, ppo.train, {}),
    "counts": (counts.Config, counts.train, {}),
    "icm": (icm.Config, icm.train, {}),
    "icm, episodic": (icm.Config, icm.train, {"episodic_bonus": True}),
    "rnd": (rnd.Config, rnd.train, {}),
    "rnd, per agent, shuffled": (
        rnd.Config, rnd.train, {"per_agent_bonus": True, "shuffle_bonus": True}
    ),
    "mappo": (mappo.Config, mappo.train, {"window": 2}),
    "ippo, separate": (mappo.Config, mappo.train, {"critic": "own", "share": False}),
    "curious team": (combined.CuriousConfig, combined.train_curious, {}),
    "dqn": (dqn.Config, dqn.train, Q),
    "drqn": (drqn.Config, drqn.train, Q),
    "drqn, stored": (drqn.Config, drqn.train, {**Q, "window": 2, "burn_in": 1, "start": "stored"}),
}  # fmt: skip
IPPO = mappo.Config(Scripted, critic="own", hidden_dim=8)
# Slot 0: an agent that dies in step 2. Slot 1: one leaves in step 2, and the next comes at once.
# Slot 2: empty until one arrives in step 3. The second environment ends after step 3.
STORY: dict[str, Any] = {
    "there": ("110", "110", "010", "011", "011", "011"),
    "left": ("000", "010", "000", "000", "000"),
    "paid": [[1.0, 2.0, 3.0]] * 5,
    "ends": (99, 3),
}
ALIVE = [bools(STORY["there"][:5]), bools(("110", "110", "010", "000", "000"))]
ENDED = [
    bools(("001", "111", "101", "100", "100")),
    bools(("001", "111", "111", "111", "111")),
]
REWARD = [
    [[1, 2, 0], [1, 0, 0], [0, 2, 0], [0, 2, 3], [0, 2, 3]],
    [[1, 2, 0], [1, 0, 0], [0, 2, 0], [0, 0, 0], [0, 0, 0]],
]
# 1 + 1, 2 x 5 and 3 x 3 in the one, 1 + 1, 2 x 3 and 0 in the other, over three slots; the third
# step of the latter is its last, so that nobody arrives in slot 2.
RETURN = ((2 + 10 + 9) + (2 + 6 + 0)) / 2 / 3


def played(loop: str, env: Any) -> Any:
    """One round of a loop."""
    torch.manual_seed(0)
    g = torch.Generator().manual_seed(0)
    if loop == "a2c":
        net = a2c.ActorCritic(env.obs_dim, env.n_actions, 8, a2c.NoCommunication())
        return a2c.rollout(net, env, g)
    if loop == "ppo":
        return ppo.rollout(ppo.ActorCritic(env.obs_dim, env.n_actions, 8, env.n_agents), env, g)
    if loop == "mappo":
        return recurrent_ppo.rollout(mappo.build(IPPO, env), env, g)
    net: Any = drqn.RecurrentQ(env.obs_dim, env.n_actions, 8)
    return qlearning.rollout(net, env, 0.5, g)[0]


@pytest.mark.parametrize("loop", ["a2c", "ppo", "mappo", "q"])
def test_a_story_is_told_alike_by_all_loops(loop):
    batch = played(loop, Scripted(**STORY, num_envs=2))
    for b in range(2):
        assert torch.equal(batch.alive[b], ALIVE[b])
        assert torch.equal(batch.terminated[b], ENDED[b])
        assert batch.reward[b].tolist() == REWARD[b]
    if loop != "q":
        assert batch.running.tolist() == [[True] * 5, [True] * 3 + [False] * 2]
        assert batch.paid.sum().item() / 6 == pytest.approx(RETURN)


def test_a_return_means_the_same_in_all_loops():
    env = Scripted(**STORY, num_envs=2)
    net = drqn.RecurrentQ(2, 3, 8)
    row = qlearning.rollout(net, env)[1]
    assert row["return"] == pytest.approx(RETURN) and row["env_steps"] == 8
    cfg = a2c.Config(Scripted, STORY, num_envs=2, **SMALL)
    assert a2c.train(cfg).rows[0]["return"] == pytest.approx(RETURN)
    for policy in (
        qlearning.GreedyPolicy(net),
        ppo.TeamPolicy(ppo.ActorCritic(2, 3, 8, 3)),
        a2c.TeamPolicy(a2c.ActorCritic(2, 3, 8, a2c.NoCommunication())),
        recurrent_ppo.TeamPolicy(mappo.build(IPPO, env)),
    ):
        assert evaluate(env, policy, 2)["return"] == pytest.approx(RETURN)


def test_whoever_dies_early_and_is_paid_to_the_end_returns_what_it_lived_for():
    env_args = {"there": ("11", "11", *["10"] * 5), "paid": [[1.0, 1.0]] * 6}
    assert played("ppo", Scripted(**env_args)).paid.sum((0, 1)).tolist() == [6, 2]
    rows = a2c.train(a2c.Config(Scripted, env_args, num_envs=3, **SMALL)).rows
    assert rows[-1]["return"] == 4
    assert qlearning.rollout(drqn.RecurrentQ(2, 3, 8), Scripted(**env_args))[1]["return"] == 4


@pytest.mark.parametrize("name", TRAIN)
def test_steps_are_counted_where_they_are_taken(name):
    """Three environments of at most five steps: one ends after 2, one after 4, one never."""
    make, train, more = TRAIN[name]
    env_args = {"there": ("11",) * 6, "ends": (2, 4)}
    cfg = make(env=Scripted, env_args=env_args, num_envs=3, **{**SMALL, **more})
    rows = train(cfg).rows
    assert [row["env_steps"] % (2 + 4 + 5) for row in rows] == [0] * len(rows)
    if "q" not in name:
        assert [row["env_steps"] for row in rows] == [11, 22]


@pytest.mark.parametrize("name", TRAIN)
@pytest.mark.parametrize("arrival", [0.4, 1.0])
def test_every_loop_runs_with_a_single_junction(name, arrival):
    """One environment, in which nobody is there at first, and slots are used again."""
    make, train, more = TRAIN[name]
    cfg = make(env=TrafficJunction, env_args={"arrival": arrival}, num_envs=1, **{**SMALL, **more})
    run = train(cfg)
    assert run.rows and run.rows[-1]["env_steps"] % 20 == 0
    assert all(math.isfinite(x) for row in run.rows for x in row.values())
    assert all(p.isfinite().all() for p in run.net.parameters())


@pytest.mark.parametrize("name", [name for name in TRAIN if "q" not in name])
def test_a_round_in_which_nobody_ever_comes_teaches_nothing(name):
    make, train, more = TRAIN[name]
    cfg = make(env=TrafficJunction, env_args={"arrival": 0.0}, num_envs=2, **{**SMALL, **more})
    run = train(cfg)
    assert [row["env_steps"] for row in run.rows] == [40, 80]
    assert all(math.isfinite(x) for row in run.rows for x in row.values())
    assert all(p.isfinite().all() for p in run.net.parameters())


def test_a_rollout_of_ppo_goes_on_while_nobody_is_there():
    batch = played("ppo", Scripted(("00", "01", "00", "00", "10", "00")))
    assert batch.action.shape == (1, 5, 2)
    assert batch.alive[0].tolist() == bools(("00", "01", "00", "00", "10")).tolist()


# -- values --------------------------------------------------------------------------------------


class Hundred(ppo.ActorCritic):
    """Expects 100 of everything, and a tenth of the time of bonuses."""

    def forward(self, obs):
        step = super().forward(obs)
        return step._replace(
            value_ext=torch.full_like(step.value_ext, 100.0), value_int=obs[..., 0] / 10
        )


@pytest.mark.parametrize("gae_lambda", [0.0, 0.5, 0.95])
def test_ppo_expects_nothing_behind_the_death_of_one(gae_lambda):
    """b dies in step 2 and is paid 1 for it: that is all there is to come. The time that is up is
    no end: a's last target is 1 + 0.9 x 100."""
    there, paid = ("11", "11", "10", "10"), [[0.0, 0.0], [0.0, 1.0], [1.0, 50.0]]
    batch = ppo.rollout(Hundred(2, 3, 8), Scripted(there, paid=paid), torch.Generator())
    cfg = ppo.Config(Scripted, gamma=0.9, gae_lambda=gae_lambda)
    target = ppo.advantages(batch, torch.zeros(1, 3, 2), cfg)[0] + 100
    assert target[0, 1, 1].item() == pytest.approx(1.0)
    first = 0.9 * 100 + 0.9 * gae_lambda * (1 - 100)
    assert target[0, 0, 1].item() == pytest.approx(first, abs=1e-4)
    assert target[0, 2, 0].item() == pytest.approx(91.0)


def test_no_target_of_the_junction_reaches_beyond_a_car_that_has_left():
    env = TrafficJunction("easy", 1.0, num_envs=4, seed=0)
    torch.manual_seed(0)
    net = Hundred(env.obs_dim, 2, 8)
    with torch.no_grad():
        net.policy.bias[0] = 9.0  # always GAS, so that cars do leave
    left, step = [], env.step

    def note(actions):
        answer = step(actions)
        left.append(answer[-1]["completed"])
        return answer

    env.step = note
    batch = ppo.rollout(net, env, torch.Generator().manual_seed(0))
    completed = torch.stack(left, 1)
    assert completed.sum() > 16 and torch.equal(batch.terminated, ~batch.alive | completed)
    target = gae(batch.reward, batch.value_ext, batch.terminated, 0.99, 0.95) + 100
    assert (target[completed] <= 0).all()
    assert not (batch.reward[completed] < 0).any()  # a newcomer's crash is not its predecessor's


@pytest.mark.parametrize("episodic", [False, True])
def test_the_end_of_one_is_followed_by_the_beginning_of_another(episodic):
    """Without `episodic_bonus` the bonus that is expected behind an end is that of a beginning in
    the same slot: V^I of the time t is (t + 1) / 10, and slot 1 is empty until t = 2."""
    there = ("10", "10", "01", "01", "01")
    batch = ppo.rollout(Hundred(2, 3, 8), Scripted(there), torch.Generator())
    cfg = ppo.Config(Scripted, gamma_int=0.5, gae_lambda=0.0, episodic_bonus=episodic)
    bonus = batch.observed.float()
    target = ppo.advantages(batch, bonus, cfg)[1] + batch.value_int[:, :-1]
    again = [0.0, 0.0] if episodic else [0.5 * 0.1, 0.5 * 0.3]
    assert target[0, 0, 0].item() == pytest.approx(1 + 0.5 * 0.2)
    assert target[0, 1, 0].item() == pytest.approx(1 + again[0])  # it died
    assert target[0, 2, 1].item() == pytest.approx(1 + 0.5 * 0.4)
    last = 0.5 * 0.5 if episodic else again[1]  # the time is up
    assert target[0, 3, 1].item() == pytest.approx(1 + last)


# -- bonuses -------------------------------------------------------------------------------------


class Noting(NoBonus):
    """Pays 1 for everything; notes what it is shown."""

    def __init__(self):
        super().__init__()
        self.shown: list[tuple] = []

    def reward(self, obs, action, next_obs):
        return torch.ones(action.shape)

    def update(self, obs, action, next_obs, alive):
        self.shown.append((obs[alive], next_obs[alive]))


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_bonus_is_for_what_the_one_who_acted_sees_of_it(shuffle):
    """Of the story no transition leads from one who left to the newcomer in its slot."""
    made = Noting()
    cfg = ppo.Config(Scripted, STORY, num_envs=2, **SMALL, shuffle_bonus=shuffle)
    rows = ppo.train(cfg, bonus=lambda cfg, env: made).rows
    obs, after = made.shown[0]
    # Slot 0: two steps, the last of which it died of. Slot 1: all but the second. Slot 2: the last
    # two. In the second environment the same until it ends.
    assert len(obs) == (2 + 4 + 2) + (2 + 2)
    alive = after[:, 0] != 0
    assert torch.equal(after[alive, 0], obs[alive, 0] + 1)
    assert torch.equal(after[alive, 1], obs[alive, 1])
    assert {(t, slot) for t, slot in obs.tolist() if slot == 1} == {(1, 1), (3, 1), (4, 1), (5, 1)}
    assert rows[0]["bonus"] == 1


def test_a_module_learns_from_nothing_but_such_transitions():
    env = Scripted(("1", "1", "1", "1"), left=("0", "1", "0"))
    batch = ppo.rollout(ppo.ActorCritic(2, 3, 8), env, torch.Generator().manual_seed(0))
    samples = ppo.make_batch(batch, torch.zeros(1, 3, 1), ppo.Config(Scripted))
    assert samples.alive.all() and samples.observed[:, 0].tolist() == [True, False, True]
    module = icm.IntrinsicCuriosityModule(2, 3, 4, 5)
    spoilt = samples._replace(next_obs=samples.next_obs.clone())
    spoilt.next_obs[1] = 1e3  # a newcomer's view
    cfg = ppo.Config(Scripted, bonus_share=1.0, epochs=1, minibatches=1)
    found = []
    for one in (samples, spoilt):
        torch.manual_seed(0)
        net = ppo.ActorCritic(2, 3, 8)
        fresh = icm.IntrinsicCuriosityModule(2, 3, 4, 5)
        fresh.load_state_dict(module.state_dict())
        optimizer = ppo.make_optimizer(cfg, net, fresh)
        g = torch.Generator().manual_seed(0)
        found.append(ppo.update(net, fresh, one, optimizer, g, cfg)["bonus_loss"])
    assert found[0] == found[1]


def test_the_warm_up_waits_for_those_who_come_late():
    env = Scripted(("00", "00", "01", "11"))
    module = rnd.RandomNetworkDistillation(2, 3, 4)
    module.warm_up(env)
    assert module.stats.count == 3 and module.stats.mean.tolist() == pytest.approx([11 / 3, 2 / 3])
    rnd.RandomNetworkDistillation(2, 3, 4).warm_up(Scripted(("00", "00")))  # nobody ever comes
