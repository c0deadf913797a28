"""Rules without learning, one file per family of worlds: what they score gives scores a meaning."""

from marl_edu.envs.rules import (
    games,
    grid,
    junction,
    maze,
    memory,
    particles,
    predator_prey,
    relay,
)

# In the order of the book: talk, memory, exploration, credit, scale.
TASKS = (
    *junction.TASKS,
    *predator_prey.TASKS,
    *grid.TASKS,
    *particles.TASKS,
    *memory.TASKS,
    *maze.TASKS,
    *games.TASKS,
    *relay.TASKS,
)
