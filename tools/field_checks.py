"""What each tool of the field is asked to do with our environments.

Runs in a throw-away environment that tools/field.py makes, where the tool and our wheel are
installed: `python field_checks.py TOOL`. The last line that it prints is JSON: the environments
that passed, and for the others what the tool said.
"""

import atexit
import contextlib
import functools
import json
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import field_ray
import gymnasium
import numpy as np

from marl_edu.envs import registration
from marl_edu.envs.baselines.task import UniformPolicy

MODULES = {
    one.environment: one
    for one in vars(registration).values()
    if isinstance(one, registration.PettingZooModule)
}
STEPS = 30  # enough for the end of an episode in most


def alone(name: str) -> gymnasium.Env:
    """One agent of an environment; the others act at random."""
    made = gymnasium.make(f"marl_edu/{name}-v0")
    if made.unwrapped.n_agents == 1:  # type: ignore[attr-defined]
        return made.unwrapped
    return gymnasium.make(f"marl_edu/{name}-v0", agent=0, others=UniformPolicy(0)).unwrapped


def with_gymnasium(name: str) -> None:
    """Its `check_env`, of the team and of one agent; and a vector environment."""
    from gymnasium.utils.env_checker import check_env

    for env in (gymnasium.make(f"marl_edu/{name}-v0").unwrapped, alone(name)):
        check_env(env, skip_render_check=True)
    vector = gymnasium.make_vec(f"marl_edu/{name}-v0", num_envs=3)
    vector.reset(seed=0)
    for _ in range(STEPS):
        obs, *_ = vector.step(vector.action_space.sample())
        assert vector.observation_space.contains(obs)


def with_pettingzoo(name: str) -> None:
    """Its tests of parallel environments, of turns, and of seeds."""
    from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test

    module = MODULES[name]
    parallel_api_test(module.parallel_env(), num_cycles=STEPS)
    api_test(module.env(), num_cycles=STEPS)
    parallel_seed_test(module.parallel_env, num_cycles=STEPS)


def with_torchrl(name: str) -> None:
    """`check_env_specs` of its `PettingZooWrapper`, with and without masks in observations."""
    from torchrl.envs import PettingZooWrapper
    from torchrl.envs.utils import check_env_specs

    for mask_in_obs in (False, True):
        made = MODULES[name].parallel_env(mask_in_obs=mask_in_obs)
        check_env_specs(PettingZooWrapper(env=made))


def with_sb3(name: str) -> None:
    """Its `check_env`, of the team and of one agent, and a few steps of its PPO."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_checker import check_env

    for env in (gymnasium.make(f"marl_edu/{name}-v0").unwrapped, alone(name)):
        check_env(env)
        PPO("MlpPolicy", env, n_steps=16, batch_size=16, n_epochs=1).learn(32)


def with_supersuit(name: str) -> None:
    """Observations padded and stacked, then two copies as one vector environment."""
    import supersuit

    env = supersuit.pad_observations_v0(MODULES[name].parallel_env())
    env = supersuit.frame_stack_v1(supersuit.pad_action_space_v0(env), 2)
    vector = supersuit.pettingzoo_env_to_vec_env_v1(env)
    vector = supersuit.concat_vec_envs_v1(vector, 2, base_class="gymnasium")
    vector.reset(seed=0)
    for _ in range(STEPS):
        chosen = [vector.action_space.sample() for _ in range(vector.num_envs)]
        obs, rewards, *_ = vector.step(np.array(chosen))
        assert np.isfinite(obs).all() and np.isfinite(rewards).all()


def with_skrl(name: str) -> None:
    """Its wrappers of PettingZoo, with the state of all, and of Gymnasium's vectors."""
    import torch
    from skrl.envs.wrappers.torch import wrap_env

    env = wrap_env(MODULES[name].parallel_env(), wrapper="pettingzoo")
    obs, _ = env.reset()
    for _ in range(STEPS):
        assert env.state() is not None and all(x.isfinite().all() for x in obs.values())
        if not env.agents:
            obs, _ = env.reset()
        acts = {a: torch.tensor([[env.action_space(a).sample()]]) for a in env.possible_agents}
        obs, *_ = env.step(acts)
    single = wrap_env(gymnasium.make_vec(f"marl_edu/{name}-v0", num_envs=3), wrapper="gymnasium")
    assert single.reset()[0].shape[0] == 3


def with_rllib(name: str) -> None:
    """One iteration of its PPO, through its wrapper of PettingZoo, a policy for each agent."""
    from ray.rllib.algorithms.ppo import PPOConfig
    from ray.rllib.env.wrappers.pettingzoo_env import ParallelPettingZooEnv
    from ray.tune.registry import register_env

    register_env(name, lambda _: ParallelPettingZooEnv(MODULES[name].parallel_env()))
    agents = MODULES[name].parallel_env().possible_agents
    config = (
        PPOConfig()
        .environment(name)
        .env_runners(num_env_runners=0)
        .multi_agent(policies=set(agents), policy_mapping_fn=lambda agent, *_, **__: agent)
        .training(train_batch_size_per_learner=64, minibatch_size=32, num_epochs=1)
    )
    algorithm = config.build_algo()
    algorithm.train()
    algorithm.stop()


def with_tianshou(name: str) -> None:
    """Its `PettingZooEnv` of an environment in turns, two of them in its vector environment."""
    from tianshou.env import DummyVectorEnv
    from tianshou.env.pettingzoo_env import PettingZooEnv

    for mask_in_obs in (False, True):

        def make(mask_in_obs: bool = mask_in_obs) -> Any:
            return PettingZooEnv(MODULES[name].env(mask_in_obs=mask_in_obs))

        vector = DummyVectorEnv([make, make])
        obs, _ = vector.reset(seed=0)
        for _ in range(STEPS):
            masks = [one["mask"] for one in obs]
            obs, _, terminated, truncated, _ = vector.step(
                np.array([int(np.flatnonzero(mask)[-1]) for mask in masks])
            )
            if over := np.flatnonzero(terminated | truncated).tolist():
                obs[over], _ = vector.reset(over)


def with_epymarl(name: str) -> None:
    """What EPyMARL's wrapper of Gymnasium asks for; no package of it can be installed."""
    time_limit = MODULES[name].parallel_env().max_steps
    made = gymnasium.make(
        f"marl_edu/{name}-v0", each=True, disable_env_checker=True, max_episode_steps=time_limit
    )
    env: Any = gymnasium.wrappers.TimeLimit(made, max_episode_steps=time_limit)
    N = env.unwrapped.n_agents
    most = max(env.action_space, key=lambda space: space.n).n
    widest = max(env.observation_space, key=lambda space: space.shape).shape
    obs, _ = env.reset(seed=0)
    for _ in range(time_limit):
        assert len(obs) == N and all(row.ndim == 1 and row.shape <= widest for row in obs)
        chosen = [int(space.sample()) for space in env.action_space]
        assert max(chosen) < most
        obs, rewards, terminated, truncated, info = env.step(chosen)
        assert len(rewards) == N and np.isfinite(sum(rewards)) and isinstance(info, dict)
        if terminated or truncated:
            break
    assert terminated or truncated, f"no end after {time_limit} steps"


@functools.cache
def cluster() -> field_ray.Trials:
    """Two nodes of Ray, until the end of this program."""
    kept = contextlib.ExitStack()
    atexit.register(kept.close)
    return kept.enter_context(field_ray.trials())


def with_ray(trial: str) -> None:
    """Seeds on two nodes of a cluster, as those of one machine to the last digit; also where a
    process is killed or a node is removed."""
    getattr(cluster(), trial)()


CHECKS: dict[str, Callable[[str], None]] = {
    one.__name__.removeprefix("with_"): one
    for one in (
        with_gymnasium, with_pettingzoo, with_torchrl, with_sb3, with_supersuit, with_skrl,
        with_rllib, with_tianshou, with_epymarl, with_ray,
    )
}  # fmt: skip
TRIALS = {"ray": field_ray.TRIALS}  # what a tool is tried with that is no environment


def run(check: Callable[[str], None], names: Sequence[str] = registration.NAMES) -> dict[str, Any]:
    """Check all environments, or trials: which passed, and what was said of the others."""
    passed, refused = [], {}
    for name in names:
        try:
            check(name)
            passed.append(name)
        except Exception as error:  # whatever a tool says is what is asked for here
            lines = str(error).strip().splitlines() or [""]
            refused[name] = f"{type(error).__name__}: {lines[0][:200]}"
    return {"passed": passed, "refused": refused}


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # tools warn about themselves, and of unbounded observations
    tool = sys.argv[1]
    print(f"\n{json.dumps(run(CHECKS[tool], TRIALS.get(tool, registration.NAMES)))}")
