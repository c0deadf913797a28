"""A checkpoint goes on with the run that it was made in, and with no other."""

import functools

import gymnasium
import numpy as np
import pytest

from marl_edu.algos import dqn, rnd
from marl_edu.envs import TMaze
from marl_edu.envs.adapters import from_gymnasium
from marl_edu.training import a2c

SMALL = {"updates": 2, "num_envs": 2, "log_every": 1, "checkpoint_every": 1}


def maker(length):
    """As a notebook makes environments: all of these are called `<lambda>`."""
    return lambda **kwargs: TMaze(length=length, **kwargs)


def cart_pole():
    return gymnasium.make("CartPole-v1", max_episode_steps=5)


@pytest.mark.parametrize(
    "algorithm, more",
    [(a2c, {}), (dqn, {"updates": 40, "learning_starts": 2}), (rnd, {})],
    ids=["a2c", "qlearning", "ppo"],
)
def test_another_environment_of_the_same_name_is_refused(algorithm, more, tmp_path):
    path, settings = tmp_path / "run.safetensors", SMALL | more

    def run(length):
        return algorithm.train(algorithm.Config(env=maker(length), **settings), checkpoint=path)

    run(3)
    assert path.exists()  # as of the last update but one: the run can go on from there
    with pytest.raises(ValueError, match=r"other settings: config\.env is '.*maker.*lambda"):
        run(4)
    assert run(3).rows[-1]["update"] >= settings["updates"]


def test_partials_and_numpy_numbers_train_and_go_on(tmp_path):
    for _ in range(2):  # the second time from the checkpoint
        make = functools.partial(gymnasium.make, "CartPole-v1", max_episode_steps=5)
        cfg = a2c.Config(
            env=from_gymnasium, env_args={"make_env": make}, lr=np.float64(1e-3), **SMALL
        )
        assert len(a2c.train(cfg, checkpoint=tmp_path / "run").rows) == 2


def test_what_cannot_be_compared_trains_as_long_as_no_checkpoint_is_asked_for(tmp_path):
    class Maker:
        def __call__(self):
            return cart_pole()

    cfg = a2c.Config(env=from_gymnasium, env_args={"make_env": Maker()}, **SMALL)
    assert len(a2c.train(cfg).rows) == 2
    with pytest.raises(TypeError, match=r"^config\.env_args\.make_env must be .*register"):
        a2c.train(cfg, checkpoint=tmp_path / "run")
