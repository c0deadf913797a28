"""Rules without learning, one file per family of worlds: what they score gives scores a meaning."""

from marl_edu.envs.baselines import (
    games,
    grid_world,
    key_door_maze,
    particles,
    predator_prey,
    relay,
    speaker_probe,
    tmaze,
)

# In the order of the book: talk, memory, exploration, credit, scale.
TASKS = (
    *speaker_probe.TASKS,
    *predator_prey.TASKS,
    *grid_world.TASKS,
    *particles.TASKS,
    *tmaze.TASKS,
    *key_door_maze.TASKS,
    *games.TASKS,
    *relay.TASKS,
)
