"""What agents check before they believe their caller."""

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from marl_edu.core.checks import finite_number


def read_numbers(name: str, values: Any, *shape: int | str) -> Tensor:
    """Values as a tensor of this shape, where a letter is any number, or a ValueError.

    Its dtype is torch's default.
    It is a copy: whoever gave the values may write into them again.
    """
    wanted = f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
    try:
        if isinstance(values, Tensor):
            found = values.detach().to(torch.get_default_dtype(), copy=True)
        else:
            with np.errstate(over="ignore"):  # what is too large becomes infinite
                numbers = np.array(values, torch.empty(0).numpy().dtype, order="C")
            found = torch.from_numpy(numbers)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{name} must be numbers of shape {wanted}, got {values!r}") from None
    sizes = list(found.shape)
    if len(sizes) != len(shape) or any(
        isinstance(want, int) and want != size for want, size in zip(shape, sizes, strict=True)
    ):
        raise ValueError(f"{name} must have shape {wanted}, got {tuple(found.shape)}")
    if not found.isfinite().all():
        wrong = found[~found.isfinite()][0].item()
        raise ValueError(f"{name} must be finite numbers, got {wrong} among them")
    return found


def finite(reward: Any) -> float:
    """A reward, or a ValueError."""
    found = finite_number(reward)
    if found is None:
        raise ValueError(f"reward must be a finite number, got {reward!r}")
    return found


def same_memory(one: Any, other: Any) -> bool:
    """Whether two arrays or tensors are the same numbers in memory, in part at least."""
    try:
        return one is other or np.shares_memory(np.asarray(one), np.asarray(other))
    except (TypeError, ValueError, RuntimeError):
        return False


def space_sizes(observation_space: Any, action_space: Any) -> tuple[int, int]:
    """O and A, or a ValueError."""
    hint = "; of a PettingZoo environment, ask for one agent's: env.{}(agent)"
    if not isinstance(observation_space, spaces.Box) or len(observation_space.shape) != 1:
        ask = hint.format("observation_space") if callable(observation_space) else ""
        if isinstance(observation_space, spaces.Dict) and "action_mask" in observation_space.spaces:
            ask = '; give it the "observation" alone, and the mask to get_action, as available'
        raise ValueError(
            f"observation_space must be a Box of one dimension, got {observation_space!r}{ask}"
        )
    if not isinstance(action_space, spaces.Discrete) or action_space.start != 0:
        ask = hint.format("action_space") if callable(action_space) else ""
        raise ValueError(f"action_space must be a Discrete from 0, got {action_space!r}{ask}")
    return observation_space.shape[0], int(action_space.n)
