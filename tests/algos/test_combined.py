"""Two methods at once: each part still does what its chapter says."""

import itertools
from dataclasses import replace

import pytest
import torch

from marl_edu.algos import combined, drqn, icm, tarmac
from marl_edu.core.evaluate import evaluate
from marl_edu.envs import AgentId, TMaze
from marl_edu.envs.lookout import Lookout
from marl_edu.envs.predator_prey import PredatorPrey
from marl_edu.experiments.catalogue import EXPERIMENTS, parameters
from marl_edu.training import a2c, bonus, ppo, qlearning

WITNESS = {"env": TMaze, "env_args": {"witness": True, "length": 2}}


def numbers(rows):
    return [{k: v for k, v in row.items() if k != "cpu_seconds"} for row in rows]


# Talk and curiosity -----------------------------------------------------------------------------


def talking(talk=True, curious=True, **more):
    cfg = combined.CuriousConfig(
        env=Lookout, talk=talk, curious=curious, hidden_dim=8, num_envs=4, updates=2, **more
    )
    env = Lookout(num_envs=4, seed=0)
    torch.manual_seed(0)
    return cfg, env, combined.build_talking(cfg, env)


def test_in_silence_the_network_is_that_of_the_curious_agent():
    _, env, net = talking(talk=False)
    torch.manual_seed(0)
    plain = ppo.ActorCritic(env.obs_dim, env.n_actions, 8, n_agents=2)
    obs = torch.rand(3, 5, 2, env.obs_dim)
    for ours, theirs in zip(net(obs), plain(obs), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("talk", [False, True])
def test_what_the_lookout_sees_reaches_the_walker_only_by_talk(talk):
    _, env, net = talking(talk)
    obs = env.reset().requires_grad_()
    net(obs).logits[:, 0].sum().backward()
    assert bool(obs.grad[:, 1].any()) == talk
    assert obs.grad[:, 0].any()


def test_nobody_hears_another_environment():
    _, env, net = talking()
    obs = torch.rand(4, 2, env.obs_dim)
    alone = torch.cat([net(one[None]).logits for one in obs])
    assert torch.allclose(net(obs).logits, alone, atol=1e-6)


def test_the_bonus_sees_the_whole_team():
    cfg, env, _ = talking()
    module = combined.team_bonus(cfg, env)
    obs, after = torch.rand(2, 3, 7, 2, env.obs_dim)
    action = torch.randint(env.n_actions, (3, 7, 2))
    got = module.reward(obs, action, after)
    for i in range(2):
        whole, then = obs.flatten(-2), after.flatten(-2)
        assert torch.allclose(got[..., i], module.module.reward(whole, action[..., i], then))
    assert got.shape == module.loss(obs, action, after).shape == (3, 7, 2)
    other = obs.clone()
    other[..., 1, :] += 1
    assert not torch.equal(module.reward(other, action, after)[..., 0], got[..., 0])


def test_without_curiosity_there_is_no_bonus():
    cfg, env, _ = talking(curious=False)
    assert isinstance(combined.team_bonus(cfg, env), bonus.NoBonus)
    rows = combined.train_curious(cfg).rows
    assert all(row["bonus"] == 0 for row in rows)


def test_the_bonus_with_its_settings_is_icms():
    cfg, env, _ = talking(beta=0.7, eta=0.1, stop="features")
    inner = combined.team_bonus(cfg, env).module
    assert isinstance(inner, icm.IntrinsicCuriosityModule)
    assert (inner.beta, inner.eta, inner.stop) == (0.7, 0.1, "features")


class Interrupted(Exception):
    """Stands for Ctrl-C."""


@pytest.mark.long
@pytest.mark.parametrize("talk", [False, True])
def test_an_interrupted_run_ends_with_the_same_numbers(talk, tmp_path):
    cfg, *_ = talking(talk, checkpoint_every=1, log_every=1)

    def stop(row):
        if row["update"] == 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        combined.train_curious(cfg, stop, tmp_path / "run")
    again = combined.train_curious(cfg, checkpoint=tmp_path / "run")
    assert numbers(again.rows) == numbers(combined.train_curious(cfg).rows)


# Talk and memory --------------------------------------------------------------------------------


def as_one(num_envs=3):
    return combined.AsOne(AgentId, WITNESS, num_envs, seed=0)


def test_a_team_as_one_lives_through_the_same_episode():
    env, inner = as_one(), AgentId(TMaze, WITNESS["env_args"], 3, seed=0)
    obs, theirs = env.reset(5), inner.reset(5)
    assert (env.n_agents, env.obs_dim, env.n_actions) == (1, 2 * inner.obs_dim, 9)
    assert env.available.shape == (3, 1, 9) and env.available.all()
    g = torch.Generator().manual_seed(0)
    for _ in range(env.max_steps):
        assert torch.equal(obs, theirs.flatten(1)[:, None])
        apart = torch.randint(3, (3, 2), generator=g)
        together = apart[:, :1] + 3 * apart[:, 1:]
        assert torch.equal(env.split(together), apart)
        obs, reward, *ended, info = env.step(together)
        theirs, rewards, *also, more = inner.step(apart)
        assert torch.equal(reward, rewards.mean(1, keepdim=True))
        assert all(torch.equal(a, b) for a, b in zip(ended, also, strict=True))
        assert torch.equal(info["alive"], more["alive"].any(1, keepdim=True))
        assert torch.equal(info["success"], more["success"])


def team(talk, env=None, memory="lstm"):
    cfg = combined.TeamConfig(
        combined.AsOne, WITNESS | {}, hidden_dim=4, memory=memory, talk=talk, updates=3
    )
    torch.manual_seed(0)
    return combined.build_team(cfg, env or as_one())


@pytest.mark.parametrize("memory", ["lstm", "gru"])
def test_eq_combined_team_value_is_the_sum_of_its_agents(memory):
    """In silence every agent is a DRQN: their Qs, added up action by action, by hand."""
    net, env = team(False, memory=memory), as_one()
    torch.manual_seed(0)
    one = drqn.RecurrentQ(env.inner.obs_dim, 3, 4, memory)
    obs = torch.rand(5, 6, env.obs_dim)
    state = torch.rand(5, net.hidden_size)
    joint, after = net.unroll(obs, state)
    halves = zip(obs.chunk(2, -1), state.chunk(2, -1), strict=True)
    own = [one.unroll(sees.contiguous(), had) for sees, had in halves]
    for a1, a2 in itertools.product(range(3), repeat=2):
        expected = own[0][0][..., a1] + own[1][0][..., a2]
        assert torch.allclose(joint[..., a1 + 3 * a2], expected, atol=1e-6)
    assert torch.allclose(after, torch.cat([own[0][1], own[1][1]], -1), atol=1e-6)


def test_the_teams_best_action_is_each_agents_best():
    net, env = team(False), as_one(20)
    obs = torch.rand(20, 1, env.obs_dim)
    joint, _ = net(obs, net.start(20))
    torch.manual_seed(0)
    one = drqn.RecurrentQ(env.inner.obs_dim, 3, 4)
    apart, _ = one(obs.unflatten(-1, (2, -1))[:, 0], one.start(20, 2))
    assert torch.equal(env.split(joint.argmax(-1)), apart.argmax(-1))


def test_three_agents_keep_their_places():
    env = combined.AsOne(PredatorPrey, {"size": 5}, 2, seed=0)
    net = team(False, env)
    assert env.n_actions == env.inner.n_actions**3
    joint, _ = net(torch.rand(2, 1, env.obs_dim), net.start(2))
    assert joint.shape == (2, 1, env.n_actions)


@pytest.mark.parametrize("talk", [False, True])
def test_what_the_witness_saw_reaches_the_walkers_values_only_by_talk(talk):
    net, env = team(talk), as_one()
    obs = env.reset()[:, :1].requires_grad_()
    joint, _ = net.unroll(obs, net.start(3)[:, 0])
    # The walker's part: between two actions of the team in which the witness does the same.
    (joint[:, 0, 3] - joint[:, 0, 0]).sum().backward()
    own = env.inner.obs_dim
    assert bool(obs.grad[..., :own].any()) == talk
    assert obs.grad[..., own:].any()


def test_step_by_step_is_the_same_as_at_once():
    net, env = team(True), as_one()
    obs = torch.rand(3, 4, env.obs_dim)
    at_once, end = net.unroll(obs, net.start(3)[:, 0])
    state = net.start(3)
    for t in range(4):
        q, state = net(obs[:, t, None], state)
        assert torch.allclose(q[:, 0], at_once[:, t], atol=1e-6)
    assert torch.allclose(state[:, 0], end, atol=1e-6)


def test_a_team_of_q_learners_trains_and_is_evaluated():
    cfg = replace(EXPERIMENTS["tarmac_drqn-witness"].cfg, updates=20, learning_starts=50)
    run = combined.train_team(cfg)
    assert run.rows[-1]["update"] == 20
    found = evaluate(combined.AsOne(**cfg.env_args, num_envs=8), qlearning.GreedyPolicy(run.net), 8)
    assert 0 <= found["success"] <= 1


# Talk without memory ----------------------------------------------------------------------------


def test_who_forgets_does_the_same_whatever_it_remembers():
    env = AgentId(TMaze, WITNESS["env_args"], 3, seed=0)
    cfg = combined.ForgetfulConfig(AgentId, WITNESS, hidden_dim=8)
    torch.manual_seed(0)
    net = combined.build_forgetful(cfg, env)
    torch.manual_seed(0)
    usual = tarmac.build(cfg, env)
    obs, alive = env.reset(), env.alive
    h = torch.randn(3, 2, 8)
    assert torch.equal(net(obs, h, alive).logits, net(obs, torch.zeros_like(h), alive).logits)
    assert torch.equal(net(obs, h, alive).logits, usual(obs, net.start(3, 2), alive).logits)
    assert not torch.equal(usual(obs, h, alive).logits, net(obs, h, alive).logits)


@pytest.mark.parametrize("method", ["tarmac", "a2c"])
def test_a_forgetful_team_trains(method):
    cfg = replace(EXPERIMENTS[f"{method}_forgetful-witness"].cfg, updates=2, num_envs=4)
    net = combined.build_forgetful(cfg, cfg.env(**cfg.env_args, num_envs=4, seed=0))
    assert isinstance(net.communicate, a2c.NoCommunication) == (method == "a2c")
    run = combined.train_forgetful(cfg)
    assert isinstance(run, a2c.Result) and run.rows


def test_parameters_counts_networks_and_bonus_modules():
    acting, extra = parameters("ppo-lookout")
    assert extra == 0 and parameters("icm-lookout") == (acting, parameters("gat_icm-lookout")[1])
    assert parameters("gat_icm-lookout")[0] > acting
    cfg = EXPERIMENTS["rnd-maze"].cfg  # the target is not learned
    assert parameters("rnd-maze")[1] == sum(
        a * b + b for a, b in ((42, 128), (128, 128), (128, 128), (128, cfg.feature_dim))
    )
    assert parameters("none-probe7")[1] == 0
