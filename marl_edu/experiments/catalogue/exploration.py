"""The curiosity chapters: the key-door maze, and `tv` with a noisy TV in it."""

from typing import Any

from marl_edu.envs.key_door_maze import KeyDoorMaze
from marl_edu.experiments import methods as m
from marl_edu.experiments.run import Algorithm, Experiment

MAZE: dict[str, Any] = {"env": KeyDoorMaze}
TV: dict[str, Any] = {"env": KeyDoorMaze, "env_args": {"noisy_tv": True}}
# Two agents in so little time that one alone would have to take the shortest path.
TWO: dict[str, Any] = {
    "env": KeyDoorMaze,
    "env_args": {"n_agents": 2, "max_steps": 50},
    "updates": 100,
}


def _explore(name: str, method: Algorithm, seeds: int, **settings: Any) -> Experiment:
    cfg = method.config(**settings)
    return Experiment(name, method, cfg, m.SCORE_EXPLORERS, episodes=500, seeds=seeds)


EXPERIMENTS = (
    _explore("none-maze", m.PPO, 10, **MAZE),
    _explore("counts-maze", m.COUNTS, 10),
    _explore("icm-maze", m.ICM, 10),
    _explore("rnd-maze", m.RND, 10),
    _explore("counts-tv", m.COUNTS, 10, **TV),
    _explore("icm-tv", m.ICM, 10, **TV),
    _explore("rnd-tv", m.RND, 10, **TV),
    _explore("icm-maze-features", m.ICM, 10, stop="features"),
    _explore("icm-tv-features", m.ICM, 10, **TV, stop="features"),
    _explore("rnd-maze-shuffled", m.RND, 10, shuffle_bonus=True),
    _explore("none-maze-team", m.PPO, 5, **TWO),
    _explore("rnd-maze-team", m.RND, 5, **TWO),
    _explore("rnd-maze-own", m.RND, 5, **TWO, per_agent_bonus=True),
    _explore("rnd-maze-episodic", m.RND, 5, episodic_bonus=True),
)
