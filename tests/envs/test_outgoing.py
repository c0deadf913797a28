"""An environment as an environment of PettingZoo or Gymnasium: their own tests, and nothing is
lost."""

import importlib.util

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from gymnasium.utils.passive_env_checker import env_render_passive_checker
from pettingzoo.test import parallel_api_test, parallel_seed_test, render_test
from pettingzoo.test.state_test import state_test
from pettingzoo.utils.conversions import parallel_to_aec

from marl_edu import envs
from marl_edu.envs import SpeakerListener, SpeakerProbe, TMaze, TrafficJunction
from marl_edu.envs.adapters import to_gymnasium, to_pettingzoo, to_vector
from marl_edu.envs.baselines.task import Always, UniformPolicy

# Every environment that the package exports with its default settings, and some other settings.
WRAPPERS = ("AgentId", "Flicker")
EXPORTED = {name: getattr(envs, name) for name in envs.__all__ if name not in WRAPPERS}
WORLDS = {
    **{name: (lambda one=one: one(num_envs=1)) for name, one in EXPORTED.items()},
    "easy": lambda: TrafficJunction("easy", 0.5, num_envs=1),
    "medium vision 1": lambda: TrafficJunction("medium", vision=1, num_envs=1),
    "one-hot": lambda: TrafficJunction("easy", num_envs=1, route="one-hot"),
    "probe": lambda: SpeakerProbe(2, 3, num_envs=1),
    "witness": lambda: envs.TMaze(4, witness=True, num_envs=1),
    "cover": lambda: envs.MultiAgentGridWorld(task="cover", num_envs=1),
    "noisy TV": lambda: envs.KeyDoorMaze("small", n_agents=2, noisy_tv=True, num_envs=1),
    "flicker": lambda: envs.Flicker(envs.PredatorPrey, 0.5, num_envs=1),
    "id": lambda: envs.AgentId(envs.SpeakerListener, num_envs=1),
}


# An empty junction and a blanked view are zeros, and bodies may fly off as far as they like.
@pytest.mark.filterwarnings("ignore:State numpy array is all zeros")
@pytest.mark.filterwarnings("ignore:.* state space value is -?infinity")
@pytest.mark.parametrize("name", WORLDS)
def test_passes_pettingzoos_own_tests(name):
    parallel_api_test(to_pettingzoo(WORLDS[name]()), num_cycles=60)
    parallel_seed_test(lambda: to_pettingzoo(WORLDS[name]()), num_cycles=30)
    state_test(*in_turns_and_at_once(name))
    if importlib.util.find_spec("resvg_py"):  # draws `rgb_array`
        render_test(
            lambda render_mode: in_turns_and_at_once(name, DRAWN.get(render_mode, render_mode))[0],
            custom_tests={"svg": lambda picture: picture.startswith("<svg")},
        )


DRAWN = {"human": "svg"}  # it makes one for the screen, and throws it away


def in_turns_and_at_once(name, render_mode=None):
    adapted = to_pettingzoo(WORLDS[name](), render_mode=render_mode)
    return parallel_to_aec(adapted), adapted


# Bodies may fly off as far as they like, as in MPE2; Gymnasium would rather have bounds.
@pytest.mark.filterwarnings("ignore:.*A Box observation space m.* value is -?infinity")
@pytest.mark.parametrize("name", WORLDS)
def test_passes_gymnasiums_own_test_as_a_team_and_agent_by_agent(name):
    env = WORLDS[name]()
    faces = [to_gymnasium(env)]
    if env.n_agents > 1:
        policies = (Always(0), UniformPolicy(0))
        faces += [
            to_gymnasium(env, agent, others, mask_in_obs=agent > 0)
            for agent, others in zip((0, env.n_agents - 1), policies, strict=True)
        ]
    for adapted in faces:
        # Its render check makes the environment anew by a registered name; ours have none.
        check_env(adapted, skip_render_check=True)
        env_render_passive_checker(adapted)
        assert isinstance(adapted, gymnasium.Env)


def test_a_gymnasium_environment_says_what_the_environment_says():
    env, other = (
        TrafficJunction("easy", 0.5, num_envs=1),
        TrafficJunction("easy", 0.5, num_envs=1),
    )
    team, chance = to_gymnasium(other), UniformPolicy(3)
    obs, (seen, info) = env.reset(4), team.reset(seed=4)
    assert info["alive"] == [False] * 5
    for t in range(20):
        assert np.array_equal(seen, obs[0].numpy())
        actions = chance(env)
        obs, reward, _, _, more = env.step(actions)
        seen, paid, over, out, info = team.step(actions[0].numpy())
        assert paid == pytest.approx(reward.mean().item()) and not over
        assert out is (t == 19)
        assert info["alive"] == more["alive"][0].tolist()
        assert info["success"] == more["success"].item()
    with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
        team.step(actions[0].numpy())


def test_one_agent_among_others_chooses_only_for_itself():
    def never(env):
        return torch.ones(1, 5, dtype=torch.int64)

    env, other = (
        TrafficJunction("easy", 0.7, num_envs=1),
        TrafficJunction("easy", 0.7, num_envs=1),
    )
    adapted = to_gymnasium(other, agent=2, others=never)
    obs, (seen, _) = env.reset(1), adapted.reset(seed=1)
    for _ in range(20):
        assert np.array_equal(seen, obs[0, 2].numpy())
        obs, reward, *_ = env.step(torch.tensor([[1, 1, 0, 1, 1]]))
        seen, paid, *_ = adapted.step(0)
        assert paid == pytest.approx(reward[0, 2].item())


def test_what_cannot_become_a_gymnasium_environment_is_named():
    env = TrafficJunction("easy", num_envs=1)
    with pytest.raises(ValueError, match=r"num_envs 1 to become a Gymnasium .* got 64"):
        to_gymnasium(TrafficJunction("easy"))
    with pytest.raises(ValueError, match=r"agent must be one of 0\.\.4, got 5"):
        to_gymnasium(env, agent=5)
    with pytest.raises(ValueError, match="others must be a policy for the other 4"):
        to_gymnasium(env, agent=1)
    with pytest.raises(ValueError, match="name it with agent="):
        to_gymnasium(env, others=UniformPolicy())
    adapted = to_gymnasium(env)
    adapted.reset(seed=0)
    with pytest.raises(ValueError, match="action must be one of MultiDiscrete"):
        adapted.step(np.array([0, 0, 0, 0, 2]))


@pytest.mark.parametrize("name", WORLDS)
def test_says_what_the_environment_says_and_stays_inside_its_spaces(name):
    env, adapted = WORLDS[name](), to_pettingzoo(WORLDS[name]())
    chance = np.random.default_rng(0)
    for seed in range(3):
        obs, (seen, infos) = env.reset(seed), adapted.reset(seed)
        done = False
        while not done:
            for i, agent in enumerate(adapted.possible_agents):
                own = obs[0, i, : env.obs_sizes[i]].numpy()
                assert np.array_equal(seen[agent], own)
                assert not obs[0, i, env.obs_sizes[i] :].any()
                assert adapted.observation_space(agent).contains(seen[agent])
                assert infos[agent]["alive"] is bool(env.alive[0, i])
            counts = dict(zip(adapted.possible_agents, env.action_counts, strict=True))
            actions = {a: chance.integers(counts[a]) for a in adapted.agents}
            batch = torch.tensor([[int(a) for a in actions.values()]])
            obs, reward, terminated, truncated, info = env.step(batch)
            seen, rewards, terminations, truncations, infos = adapted.step(actions)
            assert list(rewards.values()) == reward[0].tolist()
            assert set(terminations.values()) == {bool(terminated[0])}
            assert set(truncations.values()) == {bool(truncated[0])}
            for key, value in info.items():
                shared = value.dim() == 1
                expected = [value[0].item()] * len(rewards) if shared else value[0].tolist()
                assert [infos[agent][key] for agent in rewards] == expected
            done = bool(terminated[0] | truncated[0])
        assert adapted.agents == []
        with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
            adapted.step({})


def test_the_bounds_of_the_observation_are_reached():
    """Five cars pile up on one cell: the count is 5, all else at most 1."""
    env = TrafficJunction("easy", 1.0, vision=1, num_envs=1, seed=0)
    adapted = to_pettingzoo(env)
    adapted.reset(seed=0)
    high = adapted.observation_space("car_0").high
    largest = np.zeros_like(high)
    for _ in range(20):
        seen, *_ = adapted.step(dict.fromkeys(adapted.agents, 1))
        largest = np.maximum(largest, np.max(list(seen.values()), 0))
    assert sorted(set(high.tolist())) == [1.0, 5.0] and (high == 5).sum() == 9
    assert (largest <= high).all() and largest.max() >= 3
    assert adapted.observation_space("car_0").low.max() == 0


def test_names_and_copies():
    adapted = to_pettingzoo(TrafficJunction("easy", 1.0, num_envs=1))
    seen, _ = adapted.reset(seed=0)
    assert list(seen) == [f"car_{i}" for i in range(5)] == adapted.possible_agents
    kept = {agent: o.copy() for agent, o in seen.items()}
    adapted.step(dict.fromkeys(adapted.agents, 0))
    assert all(np.array_equal(kept[agent], seen[agent]) for agent in seen)
    assert to_pettingzoo(SpeakerProbe(1, num_envs=1), "agent").possible_agents[0] == "agent_0"


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"env must have num_envs 1 .* got 64"):
        to_pettingzoo(TrafficJunction("easy"))
    adapted = to_pettingzoo(TrafficJunction("easy", num_envs=1))
    with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
        adapted.step(dict.fromkeys(adapted.possible_agents, 0))
    adapted.reset()
    with pytest.raises(ValueError, match=r"one action for each of .*see \['car_1', 'car_2'"):
        adapted.step({"car_0": 0})
    with pytest.raises(ValueError, match=r"see \['bus'\]"):
        adapted.step({**dict.fromkeys(adapted.agents, 0), "bus": 0})
    for action in (2, -1, 0.5, None):
        with pytest.raises(ValueError, match=r"actions\['car_3'\] must be 0\.\.1, got"):
            adapted.step({**dict.fromkeys(adapted.agents, 0), "car_3": action})


def test_render_is_the_environments_picture():
    env = TrafficJunction("easy", 1.0, num_envs=1)
    adapted = to_pettingzoo(env)
    adapted.reset(seed=0)
    assert adapted.render() == env.render(0) and "<svg" in adapted.render()


@pytest.mark.parametrize("name", WORLDS)
def test_info_has_the_same_keys_and_kinds_before_the_first_step_as_later(name):
    env = WORLDS[name]()
    env.reset(0)
    before = {key: (value.dtype, value.shape) for key, value in env.info.items()}
    *_, info = env.step(UniformPolicy(0)(env))
    assert {key: (value.dtype, value.shape) for key, value in info.items()} == before
    for adapted in (to_gymnasium(env), to_gymnasium(env, each=True)):
        _, first = adapted.reset(seed=1)
        *_, later = adapted.step(adapted.action_space.sample())
        assert kinds(first) == kinds(later)
    adapted = to_pettingzoo(env)
    _, first = adapted.reset(seed=1)
    *_, later = adapted.step(dict.fromkeys(adapted.agents, 0))
    assert [kinds(one) for one in first.values()] == [kinds(one) for one in later.values()]


def kinds(info):
    return {key: type(value) for key, value in info.items()}


def test_what_is_not_an_agents_action_is_masked_outward():
    """The speaker has 3 words, the listener 5 pushes: hand-computed masks, wherever they are."""
    env = SpeakerListener(num_envs=1)
    for inside in (True, False):  # of the observation, or of the info: TorchRL refuses both
        adapted = to_pettingzoo(env, mask_in_obs=inside)
        obs, infos = adapted.reset(seed=0)
        for agent, count in (("speaker_0", 3), ("listener_0", 5)):
            mask = (obs if inside else infos)[agent]["action_mask"]
            assert mask.tolist() == [1] * count and ("action_mask" in infos[agent]) != inside
            assert adapted.observation_space(agent).contains(obs[agent])
            assert adapted.action_space(agent).sample(mask) < count
    team = to_gymnasium(env)
    _, info = team.reset(seed=0)
    assert team.action_space.contains(team.action_space.sample(info["action_mask"]))
    assert team.action_masks().tolist() == [True] * 8
    assert (
        to_vector(SpeakerListener(num_envs=2)).reset()[1]["action_mask"].tolist()
        == [[[1, 1, 1, 0, 0], [1] * 5]] * 2
    )


class Closing(TMaze):
    """A maze in which nobody can turn before the junction: its actions change."""

    def _available(self):
        able = torch.ones(self.num_envs, self.n_agents, 3, dtype=torch.bool)
        able[..., 1:] = (self.cell == self.length)[..., None]
        return able


def test_masks_that_change_are_those_of_now():
    masks = {"out": [], "single": [], "vector": []}
    adapted = to_pettingzoo(Closing(1, num_envs=1))
    alone = to_gymnasium(Closing(1, num_envs=1), mask_in_obs=True)
    many = to_vector(Closing(1, num_envs=2))
    masks["out"].append(adapted.reset(seed=0)[1]["agent_0"]["action_mask"].tolist())
    masks["single"].append(alone.reset(seed=0)[0]["action_mask"].tolist())
    masks["vector"].append(many.reset(seed=0)[1]["action_mask"][0].tolist())
    masks["out"].append(adapted.step({"agent_0": 0})[4]["agent_0"]["action_mask"].tolist())
    masks["single"].append(alone.step(0)[0]["action_mask"].tolist())
    masks["vector"].append(many.step(np.array([0, 0]))[4]["action_mask"][0].tolist())
    assert all(found == [[1, 0, 0], [1, 1, 1]] for found in masks.values())


def test_state_and_spaces_are_there_for_tools_that_ask():
    env = SpeakerListener(num_envs=1)
    adapted = to_pettingzoo(env)
    adapted.reset(seed=3)
    assert adapted.state().tolist() == env.obs[0].flatten().tolist()
    assert adapted.state_space.shape == (2 * 11,) and adapted.state_space.contains(adapted.state())
    assert {a: s.shape for a, s in adapted.observation_spaces.items()} == {
        "speaker_0": (3,),
        "listener_0": (11,),
    }
    assert {a: int(s.n) for a, s in adapted.action_spaces.items()} == {
        "speaker_0": 3,
        "listener_0": 5,
    }
    assert adapted.max_steps == to_gymnasium(env).max_steps == 25
    drawn = adapted.np_random.random()
    adapted.reset(seed=3)
    assert adapted.np_random.random() == drawn


def test_each_by_itself_in_tuples():
    """EPyMARL's convention: an entry for each, and the end is common."""
    env, other = SpeakerListener(num_envs=1), SpeakerListener(num_envs=1)
    adapted = to_gymnasium(other, each=True)
    env.reset(2)
    obs, _ = adapted.reset(seed=2)
    assert adapted.n_agents == 2 and [o.shape for o in obs] == [(3,), (11,)]
    assert adapted.observation_space.contains(obs)
    for _ in range(25):
        obs, rewards, over, out, info = adapted.step([1, 4])
        _, reward, _, truncated, _ = env.step(torch.tensor([[1, 4]]))
        assert rewards == reward[0].tolist() and not over and out == bool(truncated)
        assert [mask.shape for mask in info["action_mask"]] == [(3,), (5,)]
    for given in ({"agent": 0}, {"others": UniformPolicy()}, {"mask_in_obs": True}):
        with pytest.raises(ValueError, match="each goes without"):
            to_gymnasium(env, each=True, **given)
