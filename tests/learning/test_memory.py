"""What can be learned at the end of a corridor depends on what is remembered of its start."""

import math

import pytest

from marl_edu.algos import dqn, drqn
from marl_edu.core.evaluate import evaluate
from marl_edu.envs import AgentId, Flicker, TMaze
from marl_edu.training import qlearning

pytestmark = pytest.mark.learning

RECIPE = {"hidden_dim": 32, "lr": 3e-3, "train_freq": 16.0, "updates": 1600}
SEEDS = (0, 1)


def success(method, env, args, seed: int = 0, **settings) -> float:
    """What a fresh walker of this method scores after training."""
    cfg = method.Config(env, args, seed, **{**RECIPE, **settings})
    test = env(**args, num_envs=500, seed=0)
    return evaluate(test, qlearning.GreedyPolicy(method.train(cfg).net), 2000)["success"]


@pytest.mark.parametrize("memory", ["lstm", "gru"])
@pytest.mark.parametrize("seed", SEEDS)
def test_with_a_memory_everybody_turns_right(seed, memory):
    assert success(drqn, TMaze, {"length": 6}, seed, memory=memory) > 0.99


@pytest.mark.parametrize("seed", SEEDS)
def test_without_a_memory_half_turn_right(seed):
    assert abs(success(dqn, TMaze, {"length": 6}, seed) - 0.5) < 4 * math.sqrt(0.25 / 2000)


def test_who_is_never_told_cannot_know():
    args = {"env": TMaze, "env_args": {"witness": True, "length": 3}}
    found = success(drqn, AgentId, args, updates=600)
    assert abs(found - 0.5) < 4 * math.sqrt(0.25 / 2000)


def test_a_memory_helps_where_some_observations_are_missing():
    args = {"env": TMaze, "env_args": {"length": 4}, "p": 0.3}
    assert success(drqn, Flicker, args) > success(dqn, Flicker, args) + 0.2
