"""Scripted policies, one file per environment: what they score gives scores a meaning."""

from marl_edu.envs.baselines import (
    cooperative_navigation,
    foraging,
    games,
    grid_world,
    key_door_maze,
    predator_prey,
    predator_prey_tag,
    relay,
    speaker_listener,
    speaker_probe,
    tmaze,
    traffic_junction,
)
from marl_edu.envs.baselines.task import Always, ScriptedPolicy, Task, UniformPolicy

# In the order of the book: talk, memory, exploration, credit, scale.
TASKS = (
    *traffic_junction.TASKS,
    *speaker_probe.TASKS,
    *predator_prey.TASKS,
    *grid_world.TASKS,
    *cooperative_navigation.TASKS,
    *speaker_listener.TASKS,
    *foraging.TASKS,
    *predator_prey_tag.TASKS,
    *tmaze.TASKS,
    *key_door_maze.TASKS,
    *games.TASKS,
    *relay.TASKS,
)
# Variants that the book scores teams on, but does not show among the environments.
VARIANTS = (
    *traffic_junction.EASIER_TASKS,
    *speaker_probe.OTHER_TASKS,
    *grid_world.CROWD_TASKS,
    *predator_prey.TOGETHER_TASKS,
    *cooperative_navigation.OPENAI_TASKS,
    *speaker_listener.OPENAI_TASKS,
)

__all__ = ["TASKS", "VARIANTS", "Always", "ScriptedPolicy", "Task", "UniformPolicy"]
