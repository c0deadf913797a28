"""With `torch.set_default_dtype(torch.float64)`, as other programs of a notebook may leave it."""

import pytest
import torch

from marl_edu import envs
from marl_edu.envs.adapters import to_gymnasium, to_pettingzoo
from marl_edu.envs.base.env import BatchedEnv
from marl_edu.envs.base.wrappers import AgentId, Flicker
from marl_edu.envs.baselines.task import UniformPolicy
from marl_edu.envs.cartpole import cartpole

MAKERS = {
    name: env
    for name in envs.__all__
    if issubclass(env := getattr(envs, name), BatchedEnv) and env not in (AgentId, Flicker)
} | {
    "cartpole": cartpole,
    "numbered": lambda **args: AgentId(envs.SpeakerListener, **args),
    "flickering": lambda **args: Flicker(envs.TMaze, **args),
}


@pytest.fixture
def double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def numbers(make):
    env, policy = make(num_envs=2, seed=0), UniformPolicy(0)
    seen = [env.reset(1)]
    for _ in range(env.max_steps):
        obs, reward, *_ = env.step(policy(env))
        seen += [obs, reward, env.obs]
    return seen


@pytest.mark.parametrize("name", MAKERS)
def test_environments_give_what_networks_take(name, double):
    seen = numbers(MAKERS[name])
    assert {x.dtype for x in seen} == {torch.float64}


@pytest.mark.parametrize("name", MAKERS)
def test_without_it_they_give_float32(name):
    seen = numbers(MAKERS[name])
    assert {x.dtype for x in seen} == {torch.float32}


def test_adapters_say_so_too(double):
    env = to_pettingzoo(envs.SpeakerListener(num_envs=1, seed=0))
    obs, _ = env.reset(seed=0)
    assert all(env.observation_space(name).contains(seen) for name, seen in obs.items())
    team = to_gymnasium(envs.MultiAgentGridWorld(num_envs=1, seed=0))
    assert team.observation_space.contains(team.reset(seed=0)[0])


def test_an_environment_asked_for_finer_numbers_keeps_them():
    seen = numbers(lambda **args: envs.CooperativeNavigation(dtype=torch.float64, **args))
    assert {x.dtype for x in seen} == {torch.float64}
