"""On the probe, what a team can learn depends on how it listens."""

import math
from functools import cache

import pytest

from marl_edu.algos import commnet, tarmac
from marl_edu.core.evaluate import evaluate
from marl_edu.envs import SpeakerProbe
from marl_edu.training import a2c

pytestmark = pytest.mark.learning

PROBE = {"distractors": 3, "symbols": 4}
RECIPE = {
    "env": SpeakerProbe, "env_args": PROBE, "updates": 300, "num_envs": 128, "hidden_dim": 32,
    "lr": 5e-3, "ent_coef": 0.05, "ent_coef_end": 0.0, "reward_scale": 1.0, "log_every": 100,
}  # fmt: skip
EPISODES = 4000
SEEDS = (0, 1, 2)


@cache
def success(method, seed: int) -> float:
    """What a fresh team of this method scores after training."""
    net = method.train(method.Config(seed=seed, **RECIPE)).net
    return evaluate(SpeakerProbe(**PROBE, num_envs=1000), a2c.TeamPolicy(net), EPISODES)["success"]


@pytest.mark.parametrize("seed", SEEDS)
def test_targeted_attention_finds_the_one_who_knows(seed):
    assert success(tarmac, seed) > 0.9


@pytest.mark.parametrize("seed", SEEDS)
def test_without_communication_there_is_nothing_to_learn(seed):
    # The five answers of an environment may be as alike as they like: EPISODES is what counts.
    error = math.sqrt(0.25 * 0.75 / EPISODES)
    assert abs(success(a2c, seed) - 0.25) < 3.5 * error


@pytest.mark.parametrize("seed", SEEDS)
def test_the_mean_of_all_voices_is_in_between(seed):
    assert success(a2c, seed) + 0.1 < success(commnet, seed) < success(tarmac, seed) - 0.1
