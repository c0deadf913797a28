"""What agents check before they believe their caller."""

import math
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor


def read_numbers(name: str, values: Any, *shape: int | str) -> Tensor:
    """Values as a tensor of this shape, where a letter is any number, or a ValueError."""
    wanted = f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
    try:
        found = torch.as_tensor(np.asarray(values) if isinstance(values, list | tuple) else values)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{name} must be numbers of shape {wanted}, got {values!r}") from None
    sizes = list(found.shape)
    if len(sizes) != len(shape) or any(
        isinstance(want, int) and want != size for want, size in zip(shape, sizes, strict=True)
    ):
        raise ValueError(f"{name} must have shape {wanted}, got {tuple(found.shape)}")
    return found


def finite(reward: Any) -> float:
    """A reward, or a ValueError."""
    if not math.isfinite(reward):
        raise ValueError(f"reward must be a finite number, got {reward!r}")
    return float(reward)


def space_sizes(observation_space: Any, action_space: Any) -> tuple[int, int]:
    """O and A, or a ValueError."""
    hint = "; of a PettingZoo environment, ask for one agent's: env.{}(agent)"
    if not isinstance(observation_space, spaces.Box) or len(observation_space.shape) != 1:
        ask = hint.format("observation_space") if callable(observation_space) else ""
        raise ValueError(
            f"observation_space must be a Box of one dimension, got {observation_space!r}{ask}"
        )
    if not isinstance(action_space, spaces.Discrete) or action_space.start != 0:
        ask = hint.format("action_space") if callable(action_space) else ""
        raise ValueError(f"action_space must be a Discrete from 0, got {action_space!r}{ask}")
    return observation_space.shape[0], int(action_space.n)
