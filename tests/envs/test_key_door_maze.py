"""The maze, against a slow and obvious second version, and against exact chances."""

import math
import re
import xml.etree.ElementTree as ET
from collections import deque

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marl_edu.core.evaluate import play_episodes
from marl_edu.envs.baselines import key_door_maze as baselines
from marl_edu.envs.baselines.task import Always, UniformPolicy
from marl_edu.envs.key_door_maze import LAYOUTS, STEPS, WATCH, KeyDoorMaze
from tests.unchecked import unchecked

MOVES = {0: (-1, 0), 1: (1, 0), 2: (0, -1), 3: (0, 1), 4: (0, 0)}


# -- a second version -----------------------------------------------------------------------------


class Reference:
    """One maze, agent by agent, in the words of the specification; no tensors."""

    def __init__(self, layout: str, n_agents: int, tv: bool, pixels: int):
        self.map, self.tv, self.pixels = LAYOUTS[layout], tv, pixels
        self.where = dict.fromkeys(range(n_agents), self.find("S"))
        self.picture = [0.0] * pixels
        self.has_key = self.door_open = self.over = False

    def find(self, mark: str) -> tuple[int, int]:
        ((row, column),) = [
            (r, line.index(mark)) for r, line in enumerate(self.map) if mark in line
        ]
        return row, column

    def mark(self, where: tuple[int, int]) -> str:
        return self.map[where[0]][where[1]]

    def in_sight(self, where: tuple[int, int]) -> bool:
        return self.mark(where) in ":S"

    def step(self, actions: list[int], channel: list[float]) -> float:
        """The reward of everybody."""
        if self.over:
            return 0.0
        pressed, had_key = False, self.has_key
        for agent, action in enumerate(actions):
            row, column = self.where[agent]
            if action == 4 and self.in_sight((row, column)):
                pressed = True
            there = (row + MOVES[action][0], column + MOVES[action][1])
            shut = self.mark(there) in "#T" or (self.mark(there) == "D" and not had_key)
            if not shut:
                self.where[agent] = there
        marks = [self.mark(where) for where in self.where.values()]
        self.has_key |= "K" in marks
        self.door_open |= "D" in marks
        self.over = "G" in marks
        if self.tv and pressed:
            self.picture = channel
        return float(self.over)

    def observe(self, agent: int) -> list[float]:
        row, column = self.where[agent]
        obs = [float(r == row) for r in range(len(self.map))]
        obs += [float(c == column) for c in range(len(self.map[0]))]
        obs += [float(self.has_key), float(self.door_open)]
        return obs + (self.picture if self.in_sight((row, column)) else [0.0] * self.pixels)


@pytest.mark.long
@settings(max_examples=30)
@given(
    st.sampled_from(sorted(LAYOUTS)),
    st.integers(1, 3),
    st.booleans(),
    st.integers(1, 5),
    st.integers(0, 10**6),
)
def test_agrees_with_the_second_version_in_every_step(layout, n_agents, tv, pixels, seed):
    env = KeyDoorMaze(layout, n_agents, tv, max_steps=60, pixels=pixels, num_envs=4)
    obs = env.reset(seed)
    slow = [Reference(layout, n_agents, tv, pixels) for _ in range(4)]
    rng = np.random.default_rng(seed)
    wise = baselines.ShortestPath()
    for t in range(60):
        assert env.has_key.tolist() == [one.has_key for one in slow]
        for b, one in enumerate(slow):
            assert obs[b].tolist() == [one.observe(i) for i in range(n_agents)]
            places = [env.free[cell] for cell in env.cell[b].tolist()]
            assert places == list(one.where.values())
        # Often wise, or the key and the goal would never be reached.
        drawn = torch.from_numpy(rng.integers(5, size=(4, n_agents)))
        act_wisely = torch.from_numpy(rng.random((4, n_agents)) < [[0], [0.5], [0.8], [1]])
        actions = torch.where(act_wisely, wise(env), drawn)
        obs, reward, terminated, truncated, info = env.step(actions)
        assert obs.min() >= 0 and obs.max() <= 1 and obs.dtype == torch.float32
        for b, one in enumerate(slow):
            channel = env.channels[b, t].tolist() if tv else []
            was_over = one.over
            paid = one.step(actions[b].tolist(), channel)
            assert reward[b].tolist() == [paid] * n_agents
            assert terminated[b] == info["success"][b] == one.over
            assert truncated[b] == (t == 59 and not one.over)
            assert info["alive"][b].tolist() == [not one.over] * n_agents
            assert not (was_over and paid)
    assert slow[3].over  # the wise have arrived


# -- the map --------------------------------------------------------------------------------------


def shortest(layout: str) -> int:
    """Fewest steps from start to goal, breadth first over (cell, key)."""
    one = Reference(layout, 1, False, 1)
    queue = deque([(one.find("S"), False, 0)])
    seen = {(one.find("S"), False)}
    while queue:
        (row, column), key, steps = queue.popleft()
        if one.mark((row, column)) == "G":
            return steps
        for down, across in list(MOVES.values())[:4]:
            there = (row + down, column + across)
            if one.mark(there) in "#T" or (one.mark(there) == "D" and not key):
                continue
            state = (there, key or one.mark(there) == "K")
            if state not in seen:
                seen.add(state)
                queue.append((*state, steps + 1))
    raise AssertionError(f"{layout}: no way to the goal")


@pytest.mark.parametrize("layout, steps", [("standard", 40), ("small", 17)])
def test_the_shortest_path_is_walked_with_open_eyes_and_by_heart(layout, steps):
    env = KeyDoorMaze(layout, num_envs=2)
    assert shortest(layout) == len(baselines.plan(env)) == steps
    assert baselines.steps_to_goal(env)[0, env.start] == steps
    for policy in (baselines.ShortestPath(), baselines.ByHeart()):
        found = play_episodes(env, policy, 2)
        assert found["success"].tolist() == [1, 1]
        assert found["steps"].tolist() == [steps, steps]
        assert found["return"].tolist() == [1, 1]


@pytest.mark.parametrize("layout, left, right", [("standard", 104, 129), ("small", 34, 44)])
def test_a_hand_on_the_wall_reaches_the_goal_without_a_map(layout, left, right):
    env = KeyDoorMaze(layout, num_envs=1)
    assert play_episodes(env, baselines.FollowWall(-1), 1)["steps"] == left
    assert play_episodes(env, baselines.FollowWall(1), 1)["steps"] == right
    assert left < right < STEPS[layout]  # in time


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_maps_are_closed_and_hold_one_of_each(layout):
    rows = LAYOUTS[layout]
    assert len({len(row) for row in rows}) == 1
    assert all(set(edge) <= set("#T") for edge in (rows[0], rows[-1]))
    assert all(row[0] == row[-1] == "#" for row in rows)
    text = "".join(rows)
    assert set(text) == set("#T.:SKDG") and all(text.count(mark) == 1 for mark in "TSKDG")


def test_sizes_do_not_depend_on_the_television():
    for tv in (False, True):
        env = KeyDoorMaze(noisy_tv=tv, num_envs=3)
        assert env.reset(0).shape == (3, 1, 42)
        assert (env.n_actions, env.n_cells, env.max_steps) == (5, 71, 150)
        assert env.free[env.start] == (2, 2) and len(env.free) == 71
    assert KeyDoorMaze("small").obs_dim == 31
    assert KeyDoorMaze("small", pixels=3, max_steps=7).max_steps == 7


# -- several agents -------------------------------------------------------------------------------


def test_one_agent_s_key_opens_the_door_for_the_others_from_the_next_step_on():
    env = KeyDoorMaze("small", n_agents=2, num_envs=1)
    env.reset()
    first, second = (0, 0), (0, 1)
    door, key = env.door, env.key
    env.cell = torch.tensor([[env.free.index((1, 4)), env.free.index((2, 1))]])
    obs, *_ = env.step(torch.tensor([[3, 1]]))  # takes the key; pushes at the door meanwhile
    assert env.cell[first] == key and env.cell[second] != door
    has_key = env.rows + env.columns
    assert obs[0, :, has_key].tolist() == [1, 1] and obs[0, :, has_key + 1].tolist() == [0, 0]
    obs, *_ = env.step(torch.tensor([[4, 1]]))
    assert env.cell[second] == door and obs[0, :, has_key + 1].tolist() == [1, 1]
    env.cell = torch.tensor([[key, env.goal - 1]])
    _, reward, terminated, *_ = env.step(torch.tensor([[4, 3]]))
    assert reward.tolist() == [[1, 1]] and terminated.all()


# -- the noisy TV --------------------------------------------------------------------------------


def test_the_picture_changes_when_someone_in_sight_presses_and_only_then():
    env = KeyDoorMaze(n_agents=2, noisy_tv=True, num_envs=200, seed=0)
    obs = env.reset()
    assert not obs[..., -16:].any()  # black
    before = obs[..., -16:]
    for action, changes in ((1, False), (WATCH, True), (0, False), (2, False), (WATCH, True)):
        actions = torch.full((200, 2), 0)
        actions[:, 1] = action
        obs, *_ = env.step(actions)
        picture = obs[..., -16:]
        assert torch.equal(picture[:, 0], picture[:, 1])  # one television for all
        assert bool((picture != before).any()) == changes
        if changes:  # 200 x 16 coins
            assert abs(picture[:, 0].mean() - 0.5) < 3.5 * 0.5 / math.sqrt(3200)
            assert len({tuple(one) for one in picture[:, 0].tolist()}) > 190
        before = picture
    # From the next room neither can the picture be seen nor the channel changed.
    next_room = env.free.index((2, 5))
    env.cell = torch.tensor([[next_room, env.start]]).expand(200, 2).clone()
    obs, *_ = env.step(torch.tensor([[WATCH, 0]]).expand(200, 2))
    assert not obs[:, 0, -16:].any() and torch.equal(obs[:, 1, -16:], before[:, 1])


def test_without_a_noisy_tv_there_is_nothing_to_see():
    env = KeyDoorMaze(num_envs=8)
    env.reset(0)
    for _ in range(5):
        obs, *_ = env.step(torch.full((8, 1), WATCH))
        assert not obs[..., -16:].any() and (env.cell == env.start).all()


# -- chance, by computation and by play -----------------------------------------------------------


def test_random_play_scores_what_the_chain_says():
    n = 20_000
    for repeat, policy in ((0.0, UniformPolicy(1)), (0.5, baselines.RandomRepeating(0.5, seed=2))):
        env = KeyDoorMaze("small", num_envs=n)
        chances = baselines.goal_chances(env, repeat)
        found = play_episodes(env, policy, n)
        for t in (40, 70, 100):
            share = ((found["success"] == 1) & (found["steps"] <= t)).double().mean().item()
            p = chances[t - 1]
            assert abs(share - p) < 3.5 * math.sqrt(p * (1 - p) / n), (repeat, t, share, p)


def test_the_chain_agrees_with_powers_of_one_matrix():
    """States are (cell, key); the goal keeps what reaches it."""
    env = KeyDoorMaze("small", num_envs=1)
    one = Reference("small", 1, False, 1)
    states = [(cell, key) for key in (False, True) for cell in env.free]
    matrix = np.zeros((len(states), len(states)))
    for i, (cell, key) in enumerate(states):
        for action in range(5):
            one.where, one.has_key, one.over = {0: cell}, key, one.mark(cell) == "G"
            one.step([action], [])
            matrix[i, states.index((one.where[0], one.has_key))] += 0.2
    assert np.allclose(matrix.sum(1), 1)
    start, chances = states.index((one.find("S"), False)), baselines.goal_chances(env)
    for steps in (1, 17, 30, 100):
        row = np.linalg.matrix_power(matrix, steps)[start]
        reached = sum(row[states.index((one.find("G"), key))] for key in (False, True))
        assert reached == pytest.approx(chances[steps - 1], rel=1e-9, abs=1e-15)


def test_random_play_does_not_find_the_goal_within_a_million_steps():
    env = KeyDoorMaze(num_envs=1)
    assert baselines.goal_chances(env)[-1] == pytest.approx(1.39e-8, rel=0.01)
    assert baselines.expected_finds(env) == pytest.approx(9.28e-5, rel=0.01)
    assert baselines.expected_finds(env, repeat=0.5) == pytest.approx(0.0431, rel=0.01)
    assert max(baselines.expected_finds(env, repeat=r) for r in (0.6, 0.65, 0.7, 0.75, 0.8)) < 0.1
    # On the small map it does.
    assert baselines.goal_chances(KeyDoorMaze("small"))[-1] == pytest.approx(0.0177, rel=0.01)


def test_before_the_shortest_path_is_walked_the_chance_is_zero():
    for layout, steps in (("standard", 40), ("small", 17)):
        chances = baselines.goal_chances(KeyDoorMaze(layout))
        assert (chances[: steps - 1] == 0).all() and chances[steps - 1] > 0
        assert (np.diff(chances) >= 0).all() and chances[-1] <= 1
    assert (baselines.goal_chances(KeyDoorMaze(), repeat=1.0) == 0).all()  # straight on for ever


@pytest.mark.long
def test_every_rule_scores_what_it_promises():
    for task in baselines.TASKS:
        assert task.show in [scripted.name for scripted in task.policies]
        assert {"random", "open-loop", "best"} <= {scripted.role for scripted in task.policies}
        for scripted in task.policies:
            found = play_episodes(task.make(num_envs=50, seed=0), scripted.make(), 50)[task.score]
            assert scripted.exact == pytest.approx(found.mean().item(), abs=0.01), scripted.name
    assert not play_episodes(KeyDoorMaze(noisy_tv=True, num_envs=2), Always(WATCH), 2)[
        "success"
    ].any()


# -- as every environment -------------------------------------------------------------------------


def test_equal_seeds_and_slices():
    small, large = (KeyDoorMaze(n_agents=2, noisy_tv=True, num_envs=B) for B in (3, 8))
    assert torch.equal(small.reset(9), large.reset(9)[:3])
    for t in range(30):
        actions = torch.randint(5, (8, 2), generator=torch.Generator().manual_seed(t))
        actions[:, 0] = WATCH
        assert torch.equal(small.step(actions[:3])[0], large.step(actions)[0][:3])
    assert small.picture.any()
    again = KeyDoorMaze(n_agents=2, noisy_tv=True, num_envs=3)
    again.reset(9)
    assert torch.equal(again.channels[:, :5], small.channels[:, :5])
    small.reset()
    assert not torch.equal(again.channels, small.channels)


def test_an_environment_that_has_ended_stays_as_it_was():
    env = KeyDoorMaze("small", n_agents=2, noisy_tv=True, num_envs=2)
    env.reset(0)
    wise = baselines.ShortestPath()
    for _ in range(17):
        actions = wise(env)
        actions[1] = WATCH
        obs, reward, terminated, *_ = env.step(actions)
    assert reward.tolist() == [[1, 1], [0, 0]] and terminated.tolist() == [True, False]
    before = {name: getattr(env, name)[0].clone() for name in env.frozen}
    for action in (0, 1, 2, 3, WATCH):
        later, reward, _, truncated, info = env.step(torch.full((2, 2), action))
        assert torch.equal(later[0], obs[0]) and not reward.any() and not truncated.any()
        assert info["alive"].tolist() == [[False, False], [True, True]]
        assert info["success"].tolist() == [True, False]
    for name, value in before.items():
        assert torch.equal(getattr(env, name)[0], value)


@pytest.mark.parametrize(
    "arguments, error, message",
    [({"layout": "large"}, ValueError, r"layout must be one of \['small'.*'large'"),
     ({"n_agents": 0}, ValueError, "n_agents must be a whole number of at least 1, got 0"),
     ({"noisy_tv": 1}, TypeError, "noisy_tv must be True or False, got 1"),
     ({"max_steps": 0}, ValueError, "max_steps must be a whole number of at least 1, got 0"),
     ({"pixels": 2.5}, ValueError, "pixels must be a whole number of at least 1, got 2.5"),
     ({"num_envs": 0}, ValueError, "num_envs must be a whole number of at least 1, got 0")],
)  # fmt: skip
def test_bad_arguments_are_named(arguments, error, message):
    with unchecked(), pytest.raises(error, match=message):
        KeyDoorMaze(**arguments)


def test_bad_actions_and_bad_questions():
    env = KeyDoorMaze(num_envs=2)
    with pytest.raises(RuntimeError, match=r"call reset\(\) first"):
        env.step(torch.zeros(2, 1, dtype=torch.int64))
    env.reset()
    with (
        unchecked(),
        pytest.raises(ValueError, match=r"must lie in 0\.\.4, got values from 5 to 5"),
    ):
        env.step(torch.full((2, 1), 5))
    with pytest.raises(ValueError, match="env must have n_agents=1 to be a chain of cells, got 2"):
        baselines.goal_chances(KeyDoorMaze(n_agents=2))
    for bad in (-0.1, 1.5):
        with pytest.raises(ValueError, match=rf"repeat must be a number in \[0, 1\], got {bad}"):
            baselines.goal_chances(env, bad)
        with pytest.raises(ValueError, match="repeat must be"):
            baselines.RandomRepeating(bad)


@pytest.mark.parametrize("layout, tv, n_agents", [("standard", True, 3), ("small", False, 1)])
def test_the_picture_is_well_formed_and_says_where_everybody_is(layout, tv, n_agents):
    env = KeyDoorMaze(layout, n_agents, tv, num_envs=2, seed=0)
    env.reset()
    wise, texts = baselines.ShortestPath(), []
    for t in range(STEPS[layout]):
        svg = env.render(1)
        root = ET.fromstring(svg)
        label = root.attrib["aria-label"]
        assert label.startswith(f"Maze after {min(t, STEPS[layout])} of {STEPS[layout]} steps")
        for i, cell in enumerate(env.cell[1].tolist()):
            row, column = env.free[cell]
            assert re.search(rf"agent {i} in row {row}, column {column}\b", label)
        texts.append(label)
        numbers = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
        assert numbers == [str(i) for i in range(n_agents)]
        assert len(svg) < 6000
        if not env.running[1]:
            break
        env.step(wise(env))
    assert "key not taken, door shut, goal not reached" in texts[0]
    assert any("key taken, door shut" in text for text in texts)
    assert "key taken, door open, goal reached" in texts[-1]
