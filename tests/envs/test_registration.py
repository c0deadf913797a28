"""Our environments by name: Gymnasium's ids and PettingZoo's factories, films, and their seeds."""

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode
from pettingzoo.test import api_test, parallel_api_test

from marl_edu import envs
from marl_edu.envs import foraging, registration
from marl_edu.envs.adapters import from_gymnasium, from_pettingzoo
from marl_edu.envs.adapters.gymnasium_envs import Each, Single, Team
from marl_edu.envs.adapters.vector import Vector
from marl_edu.envs.baselines.task import UniformPolicy

MODULES = {
    one.environment: one
    for one in vars(registration).values()
    if isinstance(one, registration.PettingZooModule)
}


def test_every_environment_has_its_id_and_its_factories():
    exported = {name for name in envs.__all__ if name not in ("AgentId", "Flicker")}
    assert exported == set(registration.NAMES) == set(MODULES) and len(exported) == 14
    registered = {one for one in gymnasium.registry if one.startswith("marl_edu/")}
    named = {f"marl_edu/{name}-v0" for name in exported}
    assert registered == named | {f"marl_edu/{name}" for name in foraging.BENCHMARKS}


@pytest.mark.filterwarnings("ignore:.*A Box observation space m.* value is -?infinity")
@pytest.mark.parametrize("name", registration.NAMES)
def test_gymnasium_makes_it_and_checks_it(name):
    made = gymnasium.make(f"marl_edu/{name}-v0")
    assert made.spec.id == f"marl_edu/{name}-v0" and made.render_mode is None
    check_env(made.unwrapped, skip_render_check=True)
    made.reset(seed=0)
    assert made.render() is None
    again = gymnasium.make(made.spec)  # a spec makes the same once more
    assert again.unwrapped.env.n_agents == made.unwrapped.env.n_agents
    vector = gymnasium.make_vec(f"marl_edu/{name}-v0", num_envs=3)
    assert isinstance(vector, Vector) and vector.num_envs == 3
    assert vector.reset(seed=0)[0].shape == vector.observation_space.shape
    assert vector.single_observation_space == made.observation_space
    assert vector.single_action_space == made.action_space


def test_what_is_given_goes_to_the_environment_and_the_adapter():
    made = gymnasium.make("marl_edu.envs:marl_edu/TMaze-v0", length=3, render_mode="svg")
    made.reset(seed=0)
    assert made.unwrapped.env.length == 3 and made.render().startswith("<svg")
    kinds = {
        Team: {},
        Each: {"each": True, "disable_env_checker": True},
        Single: {"agent": 2, "others": UniformPolicy(0), "mask_in_obs": True},
    }
    for kind, given in kinds.items():
        assert type(gymnasium.make("marl_edu/PredatorPrey-v0", **given).unwrapped) is kind
    mode = AutoresetMode.SAME_STEP
    vector = gymnasium.make_vec("marl_edu/TMaze-v0", 2, length=4, autoreset_mode=mode.value)
    assert vector.env.length == 4 and vector.metadata["autoreset_mode"] is mode
    with pytest.raises(ValueError, match="render_mode must be one of"):
        gymnasium.make_vec("marl_edu/TMaze-v0", 2, render_mode="human")


# An empty junction and blank views are zeros, and bodies may fly off as far as they like.
@pytest.mark.filterwarnings("ignore:Observation (numpy array is all zeros|is a single number)")
@pytest.mark.filterwarnings("ignore:Agent's m.* observation space value is -?infinity")
@pytest.mark.filterwarnings("ignore:Agents have different observation space sizes")
@pytest.mark.filterwarnings("ignore:Observations are different shapes")
@pytest.mark.parametrize("name", registration.NAMES)
def test_pettingzoo_makes_it_and_checks_it(name):
    module = MODULES[name]
    parallel_api_test(module.parallel_env(), num_cycles=10)
    for in_turns in (module.env(), module.raw_env(render_mode=None)):
        api_test(in_turns, num_cycles=10)
    assert module.parallel_env(render_mode=None).render_mode is None


def test_factories_give_what_they_are_given_on():
    adapted = registration.tmaze_v0.parallel_env(length=3, witness=True, mask_in_obs=True)
    assert adapted.env.length == 3 and adapted.possible_agents == ["agent_0", "agent_1"]
    obs, _ = adapted.reset(seed=0)
    assert set(obs["agent_0"]) == {"observation", "action_mask"}


def test_out_and_in_again_says_how_long_an_episode_lasts():
    """`max_steps` is found by the way in, whatever is in between."""
    maker = registration.traffic_junction_v0.parallel_env
    there = from_pettingzoo(maker, num_envs=2, seed=0)
    assert (there.max_steps, there.n_agents) == (20, 5)
    there = from_gymnasium(lambda: gymnasium.make("marl_edu/TMaze-v0", length=3), num_envs=2)
    assert there.max_steps == 3 * 4
    each = {"each": True, "disable_env_checker": True}
    there = from_gymnasium(lambda: gymnasium.make("marl_edu/SpeakerListener-v0", **each), 2)
    assert (there.max_steps, there.n_agents, there.action_counts) == (25, 2, (3, 5))


def test_a_film_of_an_episode(tmp_path):
    pytest.importorskip("resvg_py")
    pytest.importorskip("moviepy")
    from gymnasium.wrappers import RecordVideo

    made = gymnasium.make("marl_edu/MultiAgentGridWorld-v0", max_steps=5, render_mode="rgb_array")
    film = RecordVideo(made, str(tmp_path / "films"), disable_logger=True)
    film.reset(seed=0)
    for _ in range(5):
        film.step(film.action_space.sample())
    film.close()
    assert film.render_mode == "rgb_array"
    assert [path.suffix for path in tmp_path.glob("films/*.mp4")] == [".mp4"]
    assert all(path.stat().st_size > 1000 for path in tmp_path.glob("films/*.mp4"))


def test_others_begin_anew_with_a_seed_and_differ_with_another():
    def play(policy, seed, first=None):
        made = gymnasium.make("marl_edu/PredatorPrey-v0", agent=0, others=policy)
        if first is not None:
            made.reset(seed=first)
            made.step(0)
        seen = [made.reset(seed=seed)[0]]
        seen += [made.step(4)[0] for _ in range(6)]
        return np.stack(seen), made.unwrapped.env.predators.clone()

    class Holder:  # keeps its chance one level down, as scripted policies do
        def __init__(self):
            self.draw = UniformPolicy(0)

        def __call__(self, env):
            return self.draw(env)

    for make in (lambda: UniformPolicy(0), Holder):
        places = [play(make(), 3)[1], play(make(), 3, first=7)[1]]
        assert torch.equal(*places)
    ends = [play(UniformPolicy(seed), 3)[1] for seed in (0, 1)]
    assert not torch.equal(*ends)
