"""Environments written by others whose actions are numbers: bounds, kinds, and who trains there."""

from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from mpe2 import simple_speaker_listener_v4, simple_spread_v3, simple_tag_v3
from pettingzoo.classic import tictactoe_v3

from marl_edu.algos import dqn, maddpg
from marl_edu.envs.adapters import from_gymnasium, from_pettingzoo

TINY = {"num_envs": 2, "hidden_dim": 8, "batch_size": 16, "capacity": 500, "learning_starts": 10,
        "updates": 6, "log_every": 3}  # fmt: skip


class Echo(gymnasium.Env):
    """What is seen is what was done last."""

    observation_space = spaces.Box(-10, 10, (4,))

    def __init__(self, low: Any, high: Any):
        self.action_space = spaces.Box(np.float32(low), np.float32(high))

    def reset(self, *, seed=None, options=None):
        return np.zeros(4, np.float32), {}

    def step(self, action):
        assert action in self.action_space
        seen = np.zeros(4, np.float32)
        seen[: action.size] = action.ravel()
        return seen, float(action.sum()), False, False, {}


def echo(low, high, **settings):
    return from_gymnasium(
        lambda: Echo(low, high), num_envs=2, seed=0, max_steps=4, continuous=True, **settings
    )


def test_a_number_goes_from_the_lower_to_the_upper_bound():
    env = echo([-2.0, 0.0, 1.0], [2.0, 4.0, 1.5])
    assert env.continuous and env.n_actions == 3
    env.reset()
    obs, reward, *_ = env.step(torch.tensor([[[0.0, 0.25, 1.0]], [[1.0, 0.5, 0.0]]]))
    assert obs[:, 0].tolist() == [[-2, 1, 1.5, 0], [2, 2, 1, 0]]
    assert reward[:, 0].tolist() == [0.5, 5.0]


def test_a_box_of_any_shape_is_filled_row_by_row():
    env = echo(np.zeros((2, 2)), np.ones((2, 2)))
    env.reset()
    share = torch.tensor([0.0, 0.25, 0.5, 1.0]).expand(2, 1, -1)
    assert torch.equal(env.step(share)[0], share)


@pytest.mark.parametrize("maker", [simple_spread_v3, simple_speaker_listener_v4, simple_tag_v3])
def test_maddpg_trains_in_mpe2_with_numbers(maker):
    args = {"make_env": partial(maker.parallel_env, continuous_actions=True), "continuous": True}
    result = maddpg.train(maddpg.Config(from_pettingzoo, args, **TINY))
    assert result.rows[-1]["update"] == 6 and np.isfinite(result.rows[-1]["loss"])
    assert result.net.continuous


def test_maddpg_trains_with_one_agent_of_gymnasium():
    args = {"make_env": partial(gymnasium.make, "Pendulum-v1"), "continuous": True}
    args["max_steps"] = 5
    result = maddpg.train(maddpg.Config(from_gymnasium, args, twin=True, smoothing=0.1, **TINY))
    assert result.rows[-1]["update"] == 6
    env = from_gymnasium(**args, num_envs=3)
    env.reset(0)
    action = maddpg.TeamPolicy(result.net)(env)
    assert action.shape == (3, 1, 1) and ((action > 0) & (action < 1)).all()


def test_others_refuse_and_say_who_does_not():
    args = {"make_env": partial(gymnasium.make, "Pendulum-v1"), "continuous": True}
    with pytest.raises(
        ValueError, match=r"env must have a few actions .*algos\.dqn.*algos\.maddpg"
    ):
        dqn.train(dqn.Config(from_gymnasium, args))


class Mixed(gymnasium.Env):
    """One gives numbers, the other chooses."""

    observation_space = spaces.Tuple([spaces.Box(0, 1, (1,))] * 2)
    action_space = spaces.Tuple([spaces.Box(0, 1, (1,)), spaces.Discrete(2)])


@pytest.mark.parametrize("continuous, said", [
    (True, r"actions of agent_1 must be a Box with bounds .* all agents choose .*, or all give"),
    (False, r"actions of agent_0 must be Discrete, got Box.*discretise.*or pass continuous=True"),
])  # fmt: skip
def test_a_team_of_both_kinds_is_refused(continuous, said):
    with pytest.raises(TypeError, match=said):
        from_gymnasium(Mixed, max_steps=3, continuous=continuous)


def test_what_has_no_bounds_or_takes_turns_is_refused():
    with pytest.raises(TypeError, match="actions of agent_0 must be a Box with bounds"):
        echo([-np.inf], [np.inf])
    with pytest.raises(TypeError, match="agents must act at once where continuous=True"):
        from_pettingzoo(tictactoe_v3.env, max_steps=9, continuous=True)
    with pytest.raises(TypeError, match="must be a Box with bounds where continuous=True"):
        from_gymnasium(lambda: gymnasium.make("CartPole-v1"), continuous=True)
