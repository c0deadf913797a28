"""Environments written by others, as environments: nothing is lost on the way in, and what is
broken or cannot be taken is refused by name."""

from typing import ClassVar

import gymnasium
import minigrid.wrappers
import numpy as np
import pytest
import torch
from gymnasium import spaces
from mpe2 import simple_speaker_listener_v4, simple_spread_v3, simple_tag_v3
from pettingzoo import ParallelEnv

from marl_edu.algos import gat
from marl_edu.core.evaluate import evaluate, play_episodes
from marl_edu.core.settings import plain
from marl_edu.envs import TrafficJunction
from marl_edu.envs.adapters import (
    from_gymnasium,
    from_pettingzoo,
    to_gymnasium,
    to_pettingzoo,
)
from marl_edu.envs.baselines.task import UniformPolicy
from marl_edu.training import a2c


def minigrid_empty():
    return minigrid.wrappers.ImgObsWrapper(gymnasium.make("MiniGrid-Empty-5x5-v0"))


def foraging():
    import lbforaging  # noqa: F401  registers its environments

    # Its rewards are a list, at which Gymnasium's checker of single agents takes offence.
    return gymnasium.make("Foraging-5x5-2p-1f-v3", disable_env_checker=True)


# name: way in, maker, T (None: the environment says it), N agents, actions, observation
THIRD_PARTY = {
    "mpe2 simple_spread": (from_pettingzoo, simple_spread_v3.parallel_env, None, 3, 5, 18),
    "mpe2 speaker_listener": (
        from_pettingzoo,
        simple_speaker_listener_v4.parallel_env,
        None,
        2,
        5,
        11,
    ),
    "mpe2 simple_tag": (from_pettingzoo, simple_tag_v3.parallel_env, None, 4, 5, 16),
    "minigrid": (from_gymnasium, minigrid_empty, 20, 1, 7, 147),
    "foraging": (from_gymnasium, foraging, 50, 2, 6, 9),
    "cart pole": (from_gymnasium, lambda: gymnasium.make("CartPole-v1"), 60, 1, 2, 4),
}


@pytest.mark.parametrize("name", THIRD_PARTY)
def test_sizes_arrive_and_a_team_that_was_trained_there_is_played(name, tmp_path):
    """That every algorithm trains there: tests/algos/test_pairs.py."""
    way_in, make, T, agents, actions, size = THIRD_PARTY[name]
    args = {"make_env": make} | ({"max_steps": T} if T else {})
    cfg = a2c.Config(
        env=way_in, env_args=args, updates=2, num_envs=2, hidden_dim=8, log_every=1,
        checkpoint_every=1,
    )  # fmt: skip
    result = a2c.train(cfg, checkpoint=tmp_path / "run.safetensors")
    env = way_in(num_envs=2, seed=0, **args)
    assert (env.n_agents, env.n_actions, env.obs_dim) == (agents, actions, size)
    assert env.max_steps == (T or 25)
    assert evaluate(env, a2c.TeamPolicy(result.net), 2)["episodes"] == 2
    assert plain(cfg)["env_args"]["make_env"].startswith(make.__module__)


def reset_and_seeds(env, seed):
    """Reset; returns the observations and the seed that each environment was given."""
    given, reset = [], env.vector.reset
    env.vector.reset = lambda seed: given.extend(seed) or reset(seed=seed)
    obs = env.reset(seed)
    env.vector.reset = reset
    return obs, given


@pytest.mark.parametrize("make", [simple_spread_v3.parallel_env, simple_tag_v3.parallel_env])
def test_says_what_the_pettingzoo_environment_says(make):
    """Environment b of the batch is the environment reset with the same seed, agent by agent."""
    env = from_pettingzoo(make, num_envs=3, seed=5)
    obs, seeds = reset_and_seeds(env, 7)
    theirs_env = make()
    chance = torch.Generator().manual_seed(0)
    actions = torch.randint(5, (25, 3, env.n_agents), generator=chance)
    seen, paid = [obs], []
    for t in range(25):
        obs, reward, terminated, truncated, info = env.step(actions[t])
        seen.append(obs)
        paid.append(reward)
        assert not terminated.any() and truncated.all() == (t == 24)
        assert info["alive"].all()
    for b in range(3):
        theirs, _ = theirs_env.reset(seed=seeds[b])
        for t in range(26):
            for i, agent in enumerate(theirs_env.possible_agents):
                size = env.obs_sizes[i]
                assert np.allclose(seen[t][b, i, :size], theirs[agent])
                assert not seen[t][b, i, size:].any()
            if t == 25:
                break
            chosen = {a: int(actions[t, b, i]) for i, a in enumerate(theirs_env.possible_agents)}
            theirs, rewards, *_ = theirs_env.step(chosen)
            assert np.allclose(
                paid[t][b], [rewards[a] for a in theirs_env.possible_agents], atol=1e-5
            )


def test_out_and_in_again_is_the_same_environment():
    """An environment through PettingZoo or Gymnasium and back gives the same episode."""
    for way_in, way_out in ((from_pettingzoo, to_pettingzoo), (from_gymnasium, _tuple_team)):

        def make(way_out=way_out):
            return way_out(TrafficJunction("easy", 0.5, num_envs=1))

        back = way_in(make, num_envs=2, max_steps=20)
        obs, seeds = reset_and_seeds(back, 3)
        envs = [TrafficJunction("easy", 0.5, num_envs=1) for _ in seeds]
        own = torch.cat([env.reset(seed) for env, seed in zip(envs, seeds, strict=True)])
        chance = UniformPolicy(1)
        for _ in range(20):
            assert torch.equal(own, obs)
            actions = chance(back)
            obs, reward, *_ = back.step(actions)
            steps = [env.step(actions[b : b + 1]) for b, env in enumerate(envs)]
            own = torch.cat([step[0] for step in steps])
            assert torch.allclose(torch.cat([step[1] for step in steps]), reward)


class _TupleTeam(gymnasium.Env):
    """An environment as level-based foraging would show it: tuples and lists."""

    def __init__(self, env):
        self.env = env
        N = env.env.n_agents
        box = spaces.Box(-np.inf, np.inf, (env.env.obs_dim,), np.float32)
        self.observation_space = spaces.Tuple([box] * N)
        self.action_space = spaces.Tuple([spaces.Discrete(env.env.n_actions)] * N)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        obs, info = self.env.reset(seed=seed)
        return tuple(obs), info

    def step(self, action):
        obs, reward, terminated, truncated, _ = self.env.env.step(torch.tensor([action]))
        return tuple(obs[0].numpy()), reward[0].tolist(), bool(terminated), bool(truncated), {}


def _tuple_team(env):
    return _TupleTeam(to_gymnasium(env))


class Brief(ParallelEnv):
    """Three agents count; agent k dies after k + 2 steps. What is broken is chosen by `fault`."""

    metadata: ClassVar = {"name": "brief"}
    max_steps = 6

    def __init__(self, fault: str = ""):
        self.fault = fault
        self.possible_agents = ["a", "b", "c"]
        self.agents = []

    def observation_space(self, agent):
        return spaces.Box(0, 10, (2 if agent == "c" else 1,))

    def action_space(self, agent):
        if self.fault == "continuous":
            return spaces.Box(0, 1, (2,))
        return spaces.Discrete(3, start=1) if agent == "a" else spaces.Discrete(2)

    def reset(self, seed=None, options=None):
        self.t, self.agents = 0, list(self.possible_agents)
        if self.fault == "stranger":
            self.agents.append("d")
        seen = self.see(self.agents)
        return seen if self.fault == "reset" else (seen, {a: {} for a in self.agents})

    def see(self, agents):
        sizes = {"a": 1, "b": 3 if self.fault == "shape" else 1, "c": 2}
        return {a: np.full(sizes.get(a, 1), self.t, np.float32) for a in agents}

    def step(self, actions):
        assert set(actions) == set(self.agents)
        assert actions.get("a", 1) in (1, 2, 3)
        self.t += 1
        acting, dies = self.agents, {a: self.t >= 2 + "abc".index(a) for a in self.agents}
        out = {a: self.fault == "limit" and a == "b" and self.t == 2 for a in acting}
        self.agents = [a for a in acting if not dies[a] and not out[a]]
        obs, rewards = self.see(acting), {a: 1.0 + "abc".index(a) for a in acting}
        if self.fault == "reward":
            del rewards["b"]
        if self.fault == "observation":
            del obs["c"]
        answer = (obs, rewards, dies, out, {a: {} for a in acting})
        return answer[:4] if self.fault == "step" else answer


def test_agents_that_differ_and_die_are_masked():
    env = from_pettingzoo(Brief, num_envs=2, seed=0)
    assert env.obs_sizes == (1, 1, 2) and env.action_counts == (3, 2, 2)
    assert env.agent_names == ["a", "b", "c"] and env.max_steps == 6
    assert env.available.tolist() == 2 * [[[True] * 3, *2 * [[True, True, False]]]]
    assert env.obs_high.tolist() == [10, 10] and env.obs_low.tolist() == [0, 0]
    env.reset(0)
    actions = torch.tensor([[2, 1, 1]] * 2)
    alive, rewards, ended, views = [], [], [], []
    for _ in range(6):
        obs, reward, terminated, truncated, info = env.step(actions)
        alive.append(info["alive"][1].tolist())
        rewards.append(reward[1].tolist())
        ended.append((bool(terminated[1]), bool(truncated[1])))
        views.append(obs[1].tolist())
    assert alive == [[True] * 3, [False, True, True], [False, False, True]] + [[False] * 3] * 3
    assert rewards == [[1, 2, 3], [1, 2, 3], [0, 2, 3], [0, 0, 3], [0] * 3, [0] * 3]
    assert ended == [(False, False)] * 3 + [(True, False)] * 3
    assert views[1] == [[2, 0], [2, 0], [2, 2]]  # the last thing that a dying agent sees
    assert views[3] == views[4] == views[5] == [[0, 0], [0, 0], [4, 4]]  # frozen
    env.reset(0)
    with pytest.raises(ValueError, match=r"b has the actions 0\.\.1, got 2"):
        env.step(torch.tensor([[2, 2, 1]] * 2))


def test_a_policy_never_takes_an_action_that_its_agent_lacks():
    cfg = a2c.Config(
        env=from_pettingzoo, env_args={"make_env": Brief}, updates=3, num_envs=8, hidden_dim=8
    )
    net = a2c.train(cfg).net
    env = from_pettingzoo(Brief, num_envs=8, seed=1)
    with torch.no_grad():
        net.policy.bias[2] = 9.0  # which only the first agent has
    for policy in (a2c.TeamPolicy(net), a2c.TeamPolicy(net, greedy=False)):
        env.reset(0)
        actions = policy(env)
        assert (actions[:, 0] == 2).any() and (actions[:, 1:] < 2).all()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("reset", r"Brief breaks PettingZoo's interface: reset\(\) must return 2 things"),
        ("step", r"Brief breaks PettingZoo's interface: step\(\) must return 5 things"),
        ("reward", "no reward for b"),
        ("observation", "Brief breaks PettingZoo's interface: no observation for c"),
        ("stranger", r"\['d'\] are not in possible_agents"),
        ("shape", r"b observes shape \(3,\), its space is Box"),
        ("limit", "b ran out of time while others go on"),
    ],
)
def test_an_environment_that_breaks_the_interface_is_told_so(fault, message):
    def play():
        env = from_pettingzoo(lambda: Brief(fault), num_envs=2)
        env.reset(0)
        for _ in range(3):
            env.step(torch.tensor([[0, 0, 0]] * 2))

    with pytest.raises(RuntimeError, match=message):
        play()


def test_what_cannot_be_taken_is_refused_by_name():
    with pytest.raises(
        TypeError, match=r"of a must be Discrete, got Box.*in discretise\(env, bins"
    ):
        from_pettingzoo(lambda: Brief("continuous"))
    with pytest.raises(TypeError, match=r"got TimeLimit of gymnasium: use from_gymnasium"):
        from_pettingzoo(lambda: gymnasium.make("CartPole-v1"))
    with pytest.raises(TypeError, match=r"gymnasium\.Env, got Brief of tests: use from_p"):
        from_gymnasium(Brief)
    with pytest.raises(TypeError, match=r"agent_0 must be Discrete, got Box.*in discretise\("):
        from_gymnasium(lambda: gymnasium.make("Pendulum-v1"))
    with pytest.raises(TypeError, match=r"got MultiDiscrete.* chooses among a few actions"):
        from_gymnasium(lambda: to_gymnasium(TrafficJunction(num_envs=1)))
    with pytest.raises(TypeError, match="observations must be of spaces with a fixed size"):
        from_gymnasium(lambda: gymnasium.make("MiniGrid-Empty-5x5-v0"))
    with pytest.raises(ValueError, match="max_steps must be given: ForagingEnv does not say"):
        from_gymnasium(foraging)
    with pytest.raises(ValueError, match="num_envs must be a whole number of at least 1, got 0"):
        from_gymnasium(minigrid_empty, num_envs=0)
    env = from_gymnasium(lambda: gymnasium.make("CartPole-v1", max_episode_steps=5), 2, max_steps=9)
    env.reset(0)
    for t in range(4):
        env.step(torch.full((2, 1), t % 2))
    with pytest.raises(RuntimeError, match="truncated after 5 steps, before max_steps 9"):
        env.step(torch.zeros(2, 1, dtype=torch.int64))


def test_nobody_knows_who_is_near_in_an_environment_written_by_others():
    args = {"make_env": simple_spread_v3.parallel_env}
    cfg = gat.Config(env=from_pettingzoo, env_args=args, nearest=2, updates=1, num_envs=2)
    with pytest.raises(ValueError, match=r"nearest must be 0 in .* such as AdaptedEnv, got 2"):
        gat.train(cfg)


def test_a_smaller_batch_is_a_slice_and_seeds_repeat():
    def episode(num_envs):
        env = from_gymnasium(lambda: gymnasium.make("CartPole-v1"), num_envs, max_steps=30)
        seen = [env.reset(11)]
        for t in range(30):
            seen.append(env.step(torch.full((num_envs, 1), t // 2 % 2))[0])
        return torch.stack(seen)

    assert torch.equal(episode(3), episode(5)[:, :3])
    assert torch.equal(episode(3), episode(3))


def test_processes_play_the_same_episode():
    seen = []
    for processes in (False, True):
        env = from_pettingzoo(
            simple_spread_v3.parallel_env, num_envs=2, seed=0, processes=processes
        )
        env.reset(1)
        seen.append(env.step(torch.tensor([[1, 2, 3]] * 2))[0])
        env.close()
    assert torch.equal(*seen)


@pytest.mark.learning
def test_the_baseline_learns_a_third_party_environment():
    """MiniGrid's empty room, 20 steps: every seed far above what random play scores."""
    args = {"make_env": minigrid_empty, "max_steps": 20}
    chance = play_episodes(from_gymnasium(**args, num_envs=16, seed=0), UniformPolicy(), 320)[
        "success"
    ]
    for seed in range(3):
        cfg = a2c.Config(
            env=from_gymnasium, env_args=args, updates=60, num_envs=16, seed=seed,
            ent_coef=0.05, reward_scale=1.0, gamma=0.95, gae_lambda=0.9, lr=5e-3,
        )  # fmt: skip
        rows = a2c.train(cfg).rows
        assert rows[-1]["success"] > 0.3 > 5 * chance.mean()
