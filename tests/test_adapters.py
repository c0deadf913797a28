"""A world as a PettingZoo environment: the library's own tests, and that nothing is lost."""

import numpy as np
import pytest
import torch
from pettingzoo.test import parallel_api_test, parallel_seed_test

from marl_edu.envs import SpeakerProbe, TrafficJunction
from marl_edu.envs.adapters import to_pettingzoo

WORLDS = {
    "easy": lambda: TrafficJunction("easy", 0.5, batch_size=1),
    "medium vision 1": lambda: TrafficJunction("medium", vision=1, batch_size=1),
    "one-hot": lambda: TrafficJunction("easy", batch_size=1, route="one-hot"),
    "probe": lambda: SpeakerProbe(2, 3, batch_size=1),
}


@pytest.mark.parametrize("name", WORLDS)
def test_passes_pettingzoos_own_tests(name):
    parallel_api_test(to_pettingzoo(WORLDS[name]()), num_cycles=100)
    parallel_seed_test(lambda: to_pettingzoo(WORLDS[name]()), num_cycles=30)


@pytest.mark.parametrize("name", WORLDS)
def test_says_what_the_world_says_and_stays_inside_its_spaces(name):
    world, env = WORLDS[name](), to_pettingzoo(WORLDS[name]())
    chance = np.random.default_rng(0)
    for seed in range(3):
        obs, (seen, infos) = world.reset(seed), env.reset(seed)
        done = False
        while not done:
            for i, agent in enumerate(env.possible_agents):
                assert np.array_equal(seen[agent], obs[0, i].numpy())
                assert env.observation_space(agent).contains(seen[agent])
                assert infos[agent]["alive"] is bool(world.alive[0, i])
            actions = {a: chance.integers(world.n_actions) for a in env.agents}
            batch = torch.tensor([[int(a) for a in actions.values()]])
            obs, reward, terminated, truncated, info = world.step(batch)
            seen, rewards, terminations, truncations, infos = env.step(actions)
            assert list(rewards.values()) == reward[0].tolist()
            assert set(terminations.values()) == {bool(terminated[0])}
            assert set(truncations.values()) == {bool(truncated[0])}
            for key, value in info.items():
                shared = value.dim() == 1
                expected = [value[0].item()] * len(rewards) if shared else value[0].tolist()
                assert [infos[agent][key] for agent in rewards] == expected
            done = bool(terminated[0] | truncated[0])
        assert env.agents == []
        with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
            env.step({})


def test_the_bounds_of_the_observation_are_reached():
    """Five cars pile up on one cell: the count is 5, all else at most 1."""
    world = TrafficJunction("easy", 1.0, vision=1, batch_size=1, seed=0)
    env = to_pettingzoo(world)
    env.reset(seed=0)
    high = env.observation_space("car_0").high
    largest = np.zeros_like(high)
    for _ in range(20):
        seen, *_ = env.step(dict.fromkeys(env.agents, 1))
        largest = np.maximum(largest, np.max(list(seen.values()), 0))
    assert sorted(set(high.tolist())) == [1.0, 5.0] and (high == 5).sum() == 9
    assert (largest <= high).all() and largest.max() >= 3
    assert env.observation_space("car_0").low.max() == 0


def test_names_and_copies():
    env = to_pettingzoo(TrafficJunction("easy", 1.0, batch_size=1))
    seen, _ = env.reset(seed=0)
    assert list(seen) == [f"car_{i}" for i in range(5)] == env.possible_agents
    kept = {agent: o.copy() for agent, o in seen.items()}
    env.step(dict.fromkeys(env.agents, 0))
    assert all(np.array_equal(kept[agent], seen[agent]) for agent in seen)
    assert to_pettingzoo(SpeakerProbe(1, batch_size=1), "agent").possible_agents[0] == "agent_0"


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="world must have batch_size 1 .* got 64"):
        to_pettingzoo(TrafficJunction("easy"))
    env = to_pettingzoo(TrafficJunction("easy", batch_size=1))
    with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
        env.step(dict.fromkeys(env.possible_agents, 0))
    env.reset()
    with pytest.raises(ValueError, match=r"one action for each of .*see \['car_1', 'car_2'"):
        env.step({"car_0": 0})
    with pytest.raises(ValueError, match=r"see \['bus'\]"):
        env.step({**dict.fromkeys(env.agents, 0), "bus": 0})
    for action in (2, -1, 0.5, None):
        with pytest.raises(ValueError, match=r"actions\['car_3'\] must be 0\.\.1, got"):
            env.step({**dict.fromkeys(env.agents, 0), "car_3": action})


def test_render_is_the_worlds_picture():
    world = TrafficJunction("easy", 1.0, batch_size=1)
    env = to_pettingzoo(world)
    env.reset(seed=0)
    assert env.render() == world.render(0) and "<svg" in env.render()
