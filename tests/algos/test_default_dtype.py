"""Every algorithm trains where torch's default dtype is float64."""

import dataclasses

import pytest
import torch

from marl_edu.algos import combined
from marl_edu.envs import MultiAgentGridWorld, TMaze
from marl_edu.experiments.methods import ALGORITHMS
from tests.envs.test_default_dtype import double  # noqa: F401  a fixture

SMALL = {"num_envs": 2, "hidden_dim": 8, "log_every": 1, "updates": 2}
REPLAY = {"learning_starts": 8, "batch_size": 4, "capacity": 64}


@pytest.mark.parametrize("env", [TMaze, MultiAgentGridWorld])
@pytest.mark.parametrize("name", sorted({*ALGORITHMS} - {"node-classification"}))
def test_trains_in_float64(name, env, double):  # noqa: F811
    method = ALGORITHMS[name]
    known = {field.name for field in dataclasses.fields(method.config)}
    settings = {key: value for key, value in (SMALL | REPLAY).items() if key in known}
    args = {"n_agents": 2, "max_steps": 6} if env is MultiAgentGridWorld else {"length": 3}
    if name == "team-drqn":  # acts for the whole team
        env, args = combined.AsOne, {"env": env, "env_args": args}
    result = method.train(method.config(env=env, env_args=args, **settings))
    assert {p.dtype for p in result.net.parameters()} == {torch.float64}
    assert result.rows
