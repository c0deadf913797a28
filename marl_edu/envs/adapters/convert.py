"""What every adapter outward needs: spaces, masks, pictures and infos of an environment, in numpy.

B environments, N agents, O numbers of an observation, A actions.
"""

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from marl_edu.envs.base.env import BatchedEnv
from marl_edu.envs.drawing.pixels import pixels

METADATA = {"render_modes": ["svg", "rgb_array"], "render_fps": 4}
CPU = torch.device("cpu")
ATTRIBUTES = ("alive", "completed")  # of info: environments have them as attributes, too


def render_mode(value: str | None) -> str | None:
    """Return `value`, or raise ValueError unless it is a way to draw, or None."""
    modes = METADATA["render_modes"]
    if value is not None and value not in modes:  # type: ignore[operator]
        raise ValueError(f"render_mode must be one of {modes} or None, got {value!r}")
    return value


def picture(env: BatchedEnv, mode: str | None, b: int = 0) -> str | np.ndarray | None:
    """Environment b: as SVG; as `rgb_array`, uint8 `(height, width, 3)`; nothing if `mode` is
    None."""
    if mode is None:
        return None
    svg = env.render(b)
    return pixels(svg) if mode == "rgb_array" else svg


def box(env: BatchedEnv, size: int) -> spaces.Box:
    """The space of the first `size` numbers of an observation."""
    low, high = env.obs_low[:size].numpy(), env.obs_high[:size].numpy()
    return spaces.Box(low, high, dtype=low.dtype.type)


def boxes(env: BatchedEnv) -> spaces.Box:
    """The space of the observations of all agents, `(N, O)`."""
    shape = (env.n_agents, env.obs_dim)
    low, high = (np.broadcast_to(x.numpy(), shape) for x in (env.obs_low, env.obs_high))
    return spaces.Box(low, high, dtype=low.dtype.type)


def with_mask(space: spaces.Space[Any], n_actions: int) -> spaces.Space[Any]:
    """The space of observations that hold the mask of the actions too, as in PettingZoo."""
    mask = spaces.Box(0, 1, (n_actions,), np.int8)
    return spaces.Dict({"observation": space, "action_mask": mask})


def masks(env: BatchedEnv) -> np.ndarray:
    """Which actions every agent has now, int8 `(B, N, A)`: 1 where it has, as spaces sample."""
    return array(env.available).astype(np.int8)


def infos(env: BatchedEnv) -> dict[str, np.ndarray]:
    """What the last `reset` or `step` told, with the same keys: arrays `(B,)` and `(B, N)`."""
    own = {key: getattr(env, key) for key in ATTRIBUTES}
    return {key: array(value) for key, value in (env.info | own).items()}


def array(values: Tensor) -> np.ndarray:
    """A copy, which no later step changes."""
    return values.numpy().copy() if values.is_cpu else values.cpu().numpy()


def batch(env: BatchedEnv, actions: Any) -> Tensor:
    """Actions `(B, N)`, or those of the only environment or agent, as the environment takes
    them."""
    shape = (env.num_envs, env.n_agents)
    rows = np.array(actions, dtype=np.int64).reshape(shape)  # a copy: environments keep it
    return tensor(rows, env.device)


def tensor(rows: np.ndarray, device: torch.device | str) -> Tensor:
    """The same numbers, in the same memory where the device is the CPU."""
    found = torch.from_numpy(rows)
    return found if device == CPU else found.to(device)
