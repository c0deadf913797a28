"""The lookout: who sees what, who moves, who counts."""

import torch

from marl_edu.envs.baselines.key_door_maze import TASKS
from marl_edu.envs.key_door_maze import WATCH, KeyDoorMaze
from marl_edu.envs.lookout import LOOKOUT, WALKER, Lookout

FLAGS = slice(24, 26)  # behind 9 rows and 15 columns: the key, the door


def shortest(env):
    """The maze's own best policy, which looks at the team's state."""
    best = next(r for task in TASKS for r in task.policies if r.role == "best").make()
    return lambda: best(env.inner)


def test_the_walker_sees_its_place_and_the_lookout_key_and_door():
    env, maze = Lookout(num_envs=3, seed=0), KeyDoorMaze(n_agents=2, num_envs=3, seed=0)
    obs, whole = env.reset(), maze.reset()
    g = torch.Generator().manual_seed(0)
    for _ in range(40):
        actions = torch.randint(5, (3, 2), generator=g)
        obs = env.step(actions)[0]
        whole = maze.step(torch.stack([actions[:, 0], torch.full((3,), WATCH)], 1))[0]
        assert not obs[:, WALKER, FLAGS].any()
        assert torch.equal(obs[:, WALKER, :24], whole[:, WALKER, :24])
        assert torch.equal(obs[:, LOOKOUT, FLAGS], whole[:, LOOKOUT, FLAGS])
        assert not obs[:, LOOKOUT, :24].any() and not obs[:, LOOKOUT, 26:].any()


def test_the_shortest_path_shows_key_and_door_to_the_lookout():
    env = Lookout(num_envs=1, seed=0)
    env.reset()
    act = shortest(env)
    seen, total = [], torch.zeros(2)
    for _ in range(40):
        obs, reward, terminated, _, info = env.step(act())
        seen.append(obs[0, :, FLAGS])
        total += reward[0]
    flags = torch.stack(seen[:-1])  # (T, N, 2)
    assert flags[:, LOOKOUT, 0].any() and flags[:, LOOKOUT, 1].any()
    assert not flags[:, WALKER].any()
    assert terminated.all() and info["success"].all()
    assert total.tolist() == [1.0, 0.0]


def test_the_lookout_never_moves_and_is_not_alive():
    env = Lookout(num_envs=2, seed=0)
    env.reset()
    start = env.cell[:, LOOKOUT].clone()
    for action in (0, 1, 2, 3, 3, 3):
        *_, info = env.step(torch.full((2, 2), action))
        assert torch.equal(env.cell[:, LOOKOUT], start)
        assert info["alive"].tolist() == env.alive.tolist() == [[True, False]] * 2
    assert not torch.equal(env.cell[:, WALKER], start)
