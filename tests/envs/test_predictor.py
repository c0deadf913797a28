"""`predict`, as Stable-Baselines3 has it, says what the policy itself would do."""

import numpy as np
import pytest
import torch

from marl_edu import envs
from marl_edu.algos import tarmac
from marl_edu.envs.adapters import Predictor, to_gymnasium, to_vector
from marl_edu.training import a2c


def team(env):
    torch.manual_seed(0)
    return a2c.TeamPolicy(tarmac.build(tarmac.Config(), env))


def test_it_predicts_what_the_team_would_do_memory_and_talk_included():
    env, other = (envs.TrafficJunction("easy", 0.8, num_envs=1) for _ in range(2))
    policy, adapted = team(env), to_gymnasium(other)
    model, state = Predictor(team(other), other), None
    for seed in (0, 1):  # twice: what it remembers is forgotten at a start
        env.reset(seed)
        obs, _ = adapted.reset(seed=seed)
        begins = np.array([True])
        for _ in range(20):
            expected = policy(env)
            actions, state = model.predict(obs[None], state, begins, deterministic=True)
            assert np.array_equal(actions, expected.numpy())
            env.step(expected)
            obs, *_ = adapted.step(actions[0])
            begins = np.array([False])


def test_where_an_episode_begins_the_memory_is_empty():
    """Two mazes: the sign was seen by both, but the second has begun anew."""

    class Remembers:
        def __call__(self, env):
            if env.t == 0:
                self.kept = torch.zeros(env.num_envs, 1)
            self.kept = self.kept * ~env.completed + env.obs[..., 0]
            return self.kept.long()

    model = Predictor(Remembers(), env := envs.TMaze(5, num_envs=2))
    env.reset(0)
    obs, nothing = np.zeros((2, 4), np.float32), np.zeros((2, 4), np.float32)
    obs[:, 0] = 1
    actions, state = model.predict(obs)
    assert actions.tolist() == [1, 1]
    actions, state = model.predict(nothing, state, np.array([False, True]))
    assert actions.tolist() == [1, 0]
    actions, state = model.predict(nothing, state, np.array([False, False]))
    assert actions.tolist() == [1, 0]
    assert model.predict(nothing)[0].tolist() == [0, 0]  # no state: all begin


def test_shapes_are_those_of_the_adapters():
    for make, one, many in (
        (envs.TMaze, (), (4,)),
        (envs.PredatorPrey, (3,), (4, 3)),
    ):
        env = make(num_envs=1)
        obs, _ = to_gymnasium(env).reset(seed=0)
        actions, _ = Predictor(team(env), env).predict(obs)
        assert actions.shape == one
        batch = make(num_envs=4)
        obs, _ = to_vector(batch).reset(seed=0)
        actions, _ = Predictor(team(batch), batch).predict(obs)
        assert actions.shape == many
        with pytest.raises(ValueError, match=r"observation must have shape \(4, .*got"):
            Predictor(team(batch), batch).predict(obs[:3])
