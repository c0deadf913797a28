"""A batch as Gymnasium's vector environment: its spaces, its ends, and every row by itself."""

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import DictInfoToList, RecordEpisodeStatistics

from marl_edu import envs
from marl_edu.envs.adapters import from_gymnasium, to_gymnasium, to_vector

EXPORTED = {n: getattr(envs, n) for n in envs.__all__ if n not in ("AgentId", "Flicker")}
WORLDS = {
    **EXPORTED,
    "short maze": lambda **k: envs.TMaze(2, **k),
    "witness": lambda **k: envs.TMaze(2, witness=True, **k),
    "noisy TV": lambda **k: envs.KeyDoorMaze("small", 2, noisy_tv=True, max_steps=9, **k),
    "small grid": lambda **k: envs.MultiAgentGridWorld(3, 2, 1, **k),
    "flicker": lambda **k: envs.Flicker(envs.TMaze, 0.3, {"length": 2}, **k),
    "id": lambda **k: envs.AgentId(envs.MultiAgentGridWorld, {"grid_size": 3}, **k),
    "B is a size of the environment": lambda **k: envs.SpeakerListener(**{**k, "num_envs": 3}),
}
MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP]


def actions_of(vector, chance):
    counts = np.array(vector.env.action_counts)
    drawn = chance.integers(counts, size=(vector.num_envs, len(counts)))
    return drawn[:, 0] if len(counts) == 1 else drawn


@pytest.mark.parametrize("mode", AutoresetMode)
@pytest.mark.parametrize("name", WORLDS)
def test_everything_lies_in_its_space_and_keeps_its_shape(name, mode):
    vector = to_vector(WORLDS[name](num_envs=4, seed=0), mode)
    B, chance = vector.num_envs, np.random.default_rng(0)
    assert vector.metadata["autoreset_mode"] is mode
    obs, infos = vector.reset(seed=3)
    keys = set(infos)
    for _ in range(min(2 * vector.env.max_steps, 30)):
        assert vector.observation_space.contains(obs)
        assert {key for key in infos if key[0] == "_"} == {f"_{k}" for k in infos if k[0] != "_"}
        actions = actions_of(vector, chance)
        assert vector.action_space.contains(actions)
        obs, reward, terminated, truncated, infos = vector.step(actions)
        assert reward.shape == terminated.shape == truncated.shape == (B,)
        assert reward.dtype == np.float32 and terminated.dtype == truncated.dtype == bool
        assert not (terminated & truncated).any()
        assert keys <= set(infos)
        over = terminated | truncated
        if mode == AutoresetMode.SAME_STEP and over.any():
            assert (infos["_final_obs"] == over).all()
            assert all(
                (last is not None) == o for last, o in zip(infos["final_obs"], over, strict=True)
            )
        if mode == AutoresetMode.DISABLED and over.any():
            with pytest.raises(RuntimeError, match="are over"):
                vector.step(actions)
            if over.all() or vector.env.max_steps > 2:
                vector.reset(options={"reset_mask": over})
    assert (vector.base.clock < vector.env.max_steps + 1).all()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", WORLDS)
def test_every_row_is_an_episode_of_the_environment(name, mode):
    """Replayed alone, from the state it began with and with the chances it met, a row says the
    same: at every step, whatever the others are doing."""
    vector = to_vector(WORLDS[name](num_envs=3, seed=0), mode)
    B, T, chance = vector.num_envs, vector.env.max_steps, np.random.default_rng(1)
    obs, _ = vector.reset(seed=5)
    begun, begins = [0] * B, np.ones(B, bool)
    alone = {}
    compared = 0
    for _ in range(min(3 * T + 3, 45)):
        for b in np.flatnonzero(begins):
            alone[b] = copy_of(vector, WORLDS[name])
            begun[b] += 1
        actions = actions_of(vector, chance)
        chances = [layer.chance for layer in vector.layers]
        waits = vector.ended.copy()
        obs, reward, terminated, truncated, infos = vector.step(actions)
        over = terminated | truncated
        begins = waits if mode == AutoresetMode.NEXT_STEP else over
        for b in range(B):
            if waits[b]:
                assert reward[b] == 0 and not over[b]
                continue
            other = alone[b]
            for layer, drawn in zip(other.layers, chances, strict=True):
                layer.chance = drawn
            other.base.t = int(other.base.clock[b])
            other.base.running = torch.arange(B) == b  # the others stand still
            rows = torch.from_numpy(actions.reshape(B, -1))
            seen, paid, ended, out, told = other.env.step(rows)
            assert reward[b] == pytest.approx(paid[b].mean().item(), abs=1e-6)
            assert (terminated[b], truncated[b]) == (bool(ended[b]), bool(out[b]))
            final = mode == AutoresetMode.SAME_STEP and over[b]
            mine = infos["final_obs"][b] if final else obs[b]
            assert np.array_equal(mine, seen[b].numpy().reshape(mine.shape))
            info = infos["final_info"] if final else infos
            for key, value in told.items():
                assert np.array_equal(info[key][b], value[b].numpy()), key
            compared += 1
    assert compared > 2 * B and (min(begun) > 1 or T > 22)


def copy_of(vector, make):
    """Another environment in the same state."""
    other = to_vector(make(num_envs=vector.num_envs, seed=0))
    other.reset(seed=0)
    for layer, source in zip(other.layers, vector.layers, strict=True):
        own = {k: v for k, v in vars(source).items() if k not in ("inner", "generator")}
        vars(layer).update(own)
    return other


@pytest.mark.parametrize("name", ["TrafficJunction", "CooperativeNavigation", "SpeakerProbe"])
def test_where_all_end_together_it_is_the_batch_itself(name):
    env, vector = WORLDS[name](num_envs=6), to_vector(WORLDS[name](num_envs=6))
    chance = np.random.default_rng(0)
    expected, (obs, _) = env.reset(9), vector.reset(seed=9)
    assert np.array_equal(obs, expected.numpy())
    for _ in range(2):
        for _ in range(env.max_steps):
            actions = actions_of(vector, chance)
            expected, paid, over, out, info = env.step(torch.from_numpy(actions))
            obs, reward, terminated, truncated, infos = vector.step(actions)
            assert np.array_equal(obs, expected.numpy())
            assert reward == pytest.approx(paid.mean(1).numpy(), abs=1e-6)
            assert np.array_equal(infos["rewards"], paid.numpy())
            assert np.array_equal(infos["success"], info["success"].numpy())
            assert np.array_equal(terminated, over.numpy())
            assert np.array_equal(truncated, out.numpy())
        assert (terminated | truncated).all()
        expected = env.reset()
        obs, reward, terminated, truncated, _ = vector.step(actions_of(vector, chance))
        assert np.array_equal(obs, expected.numpy())
        assert not (reward.any() or terminated.any() or truncated.any())


@pytest.mark.parametrize("mode", MODES)
def test_ends_are_those_of_gymnasiums_own_vector_environment(mode):
    """Three mazes of length 1, driven by hand: up in step 2, down in step 3, forward for ever."""
    plan = np.array([[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 0], [0, 0, 0], [1, 0, 0], [0, 1, 0]])
    ours = to_vector(envs.TMaze(1, max_steps=4, num_envs=3), mode)
    makers = [lambda: to_gymnasium(envs.TMaze(1, max_steps=4, num_envs=1))] * 3
    theirs = SyncVectorEnv(makers, autoreset_mode=mode)
    ours.reset(seed=0), theirs.reset(seed=0)
    for actions in plan:
        mine, other = ours.step(actions), theirs.step(actions)
        assert np.array_equal(mine[2], other[2]) and np.array_equal(mine[3], other[3])
        where = [(s[:, :2].any(1), s[:, 2], s[:, 3]) for s in (mine[0], other[0])]
        assert all(np.array_equal(*pair) for pair in zip(*where, strict=True))
        assert ("final_obs" in mine[4]) == ("final_obs" in other[4])
        if "final_obs" in mine[4]:
            assert np.array_equal(mine[4]["_final_obs"], other[4]["_final_obs"])


def test_gymnasiums_wrappers_count_its_episodes():
    vector = RecordEpisodeStatistics(to_vector(envs.TMaze(1, max_steps=3, num_envs=2)))
    vector.reset(seed=0)
    lengths = []
    for actions in ([0, 0], [1, 0], [0, 0], [0, 0], [1, 0]):
        *_, infos = vector.step(np.array(actions))
        if "episode" in infos:
            lengths.append((infos["_episode"].tolist(), infos["episode"]["l"].tolist()))
    # The first turns in step 2, begins in step 3, turns in step 5; the second runs out in step 3.
    assert lengths == [([True, False], [2, 0]), ([False, True], [0, 3]), ([True, False], [2, 0])]
    listed = DictInfoToList(to_vector(envs.TMaze(1, num_envs=2)))
    assert [set(info) >= {"alive", "action_mask"} for info in listed.reset()[1]] == [True] * 2


def test_the_same_seed_gives_the_same_and_another_does_not():
    def play(seed):
        vector = to_vector(envs.TMaze(2, num_envs=16))
        seen, chance = [vector.reset(seed=seed)[0]], np.random.default_rng(0)
        for _ in range(40):
            seen.append(vector.step(actions_of(vector, chance))[0])
        return np.stack(seen)

    assert np.array_equal(play(1), play(1)) and not np.array_equal(play(1), play(2))


def test_what_was_given_does_not_change_later():
    vector = to_vector(envs.KeyDoorMaze("small", num_envs=2))
    obs, infos = vector.reset(seed=0)
    kept = obs.copy(), {key: value.copy() for key, value in infos.items()}
    for _ in range(5):
        vector.step(np.array([1, 3]))
    assert np.array_equal(obs, kept[0])
    assert all(np.array_equal(infos[key], kept[1][key]) for key in infos)


def test_only_some_begin_anew_when_told():
    vector = to_vector(envs.TMaze(1, max_steps=9, num_envs=3), AutoresetMode.DISABLED)
    vector.reset(seed=0)
    vector.step(np.array([0, 0, 0]))
    _, _, over, _, _ = vector.step(np.array([1, 0, 0]))
    assert over.tolist() == [True, False, False]
    obs, _ = vector.reset(options={"reset_mask": np.array([True, False, True])})
    assert obs[:, 3].tolist() == [0, 1, 0]  # only the second stands at its junction
    assert vector.base.clock.tolist() == [0, 2, 0]
    for mask in (np.array([True]), np.zeros(3, bool), np.ones(3), [True, True, True]):
        with pytest.raises(ValueError, match="reset_mask must be"):
            vector.reset(options={"reset_mask": mask})
    with pytest.raises(ValueError, match="seed must be None where only some"):
        vector.reset(seed=1, options={"reset_mask": np.ones(3, bool)})


def test_what_it_does_not_take_is_named():
    with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
        to_vector(envs.TMaze(num_envs=2)).step(np.zeros(2, int))
    theirs = from_gymnasium(lambda: gymnasium.make("CartPole-v1"), num_envs=2)
    with pytest.raises(TypeError, match="its attribute `vector`"):
        to_vector(theirs)
    with pytest.raises(ValueError, match="render_mode must be one of"):
        to_vector(envs.TMaze(num_envs=2), render_mode="human")
    vector = to_vector(envs.TMaze(num_envs=2))
    vector.reset(seed=0)
    with pytest.raises(ValueError, match=r"actions must lie in 0\.\.2"):
        vector.step(np.array([0, 3]))


def test_every_picture_says_its_own_time():
    vector = to_vector(envs.TMaze(1, max_steps=9, num_envs=2), render_mode="svg")
    assert to_vector(envs.TMaze(num_envs=2)).render() is None
    vector.reset(seed=0)
    for actions in ([0, 0], [1, 0], [0, 0]):
        vector.step(np.array(actions))
    first, second = vector.render()
    assert "T-maze after 0 of 9" in first and "T-maze after 3 of 9" in second
