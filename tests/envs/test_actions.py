"""Numbers as actions, both ways."""

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from pettingzoo import ParallelEnv
from pettingzoo.test import parallel_api_test

from marl_edu import envs
from marl_edu.envs.adapters import (
    discretise,
    from_gymnasium,
    from_pettingzoo,
    to_gymnasium,
    to_pettingzoo,
    with_box_actions,
)


class Push(gymnasium.Env):
    """Says what it was told to do; the reward is the sum of it."""

    observation_space = spaces.Box(-10, 10, (2,), np.float32)
    max_steps = 3

    def __init__(self, low=(-1, 0), high=(1, 4)):
        self.action_space = spaces.Box(np.float32(low), np.float32(high))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action):
        assert self.action_space.contains(action)
        return action, float(action.sum()), False, False, {}


class Two(ParallelEnv):
    """Two of them, one of whom has a choice already."""

    metadata = {"name": "two"}  # noqa: RUF012
    possible_agents = ["a", "b"]  # noqa: RUF012
    max_cycles = 3

    def observation_space(self, agent):
        return spaces.Box(-10, 10, (1,), np.float32)

    def action_space(self, agent):
        return spaces.Box(-2, 2, (1,), np.float32) if agent == "a" else spaces.Discrete(2)

    def reset(self, seed=None, options=None):
        self.agents = ["a", "b"]
        return {name: np.zeros(1, np.float32) for name in self.agents}, {"a": {}, "b": {}}

    def step(self, actions):
        self.told = actions
        some = {name: np.zeros(1, np.float32) for name in self.agents}
        no = dict.fromkeys(self.agents, False)
        return some, dict.fromkeys(self.agents, 0.0), no, no, {"a": {}, "b": {}}


def test_an_action_is_a_point_of_an_even_grid():
    """Three values for each: -1, 0, 1 and 0, 2, 4; the first number's digit comes first."""
    env = discretise(Push(), bins=3)
    assert env.action_space == spaces.Discrete(9)
    env.reset()
    told = [env.step(k)[0].tolist() for k in range(9)]
    assert told == [[x, y] for x in (-1, 0, 1) for y in (0, 2, 4)]
    one = discretise(Push((-2,), (2,)), bins=5)
    assert [float(one.step(k)[0][0]) for k in range(5)] == [-2, -1, 0, 1, 2]


def test_what_is_a_choice_already_stays_and_the_way_in_takes_it():
    env = discretise(Two(), bins=2)
    assert env.action_space("a") == spaces.Discrete(2) == env.action_space("b")
    env.reset()
    env.step({"a": 1, "b": 1})
    assert env.unwrapped.told["a"].tolist() == [2.0] and env.unwrapped.told["b"] == 1
    there = from_pettingzoo(lambda: discretise(Two(), bins=4), num_envs=2, seed=0)
    assert there.action_counts == (4, 2)
    there = from_gymnasium(lambda: discretise(gymnasium.make("Pendulum-v1"), 5), num_envs=2)
    assert there.action_counts == (5,) and there.reset(0).shape == (2, 1, 3)


def test_the_largest_number_is_the_action():
    adapted = to_gymnasium(envs.TMaze(3, num_envs=1))
    env = with_box_actions(adapted)
    assert env.action_space == spaces.Box(0.0, 1.0, (3,))
    env.reset(seed=0)
    env.step(np.array([0.9, 0.2, 0.1]))
    assert adapted.env.cell.item() == 1
    env.step(np.array([0.2, 0.9, 0.9]))  # the first of the two: up, which does nothing here
    assert adapted.env.cell.item() == 1
    team = with_box_actions(to_pettingzoo(envs.SpeakerListener(num_envs=1)))
    assert [team.action_space(a).shape for a in team.possible_agents] == [(3,), (5,)]
    parallel_api_test(team, num_cycles=10)


def test_what_cannot_be_cut_into_points_is_named():
    with pytest.raises(ValueError, match="actions of the environment must have bounds"):
        discretise(Push((-np.inf, 0), (1, 1)))
    with pytest.raises(ValueError, match=r"at most 4096 actions, got 65 .* 4225"):
        discretise(Push(), bins=65)
    for bins in (1, 0, True):
        with pytest.raises(ValueError, match="bins must be a whole number of at least 2"):
            discretise(Push(), bins=bins)
    for make in (discretise, with_box_actions):
        with pytest.raises(TypeError):
            make("CartPole-v1")
