"""CartPole through the Gymnasium door, with or without what is hidden in its velocities.

Description:
    Gymnasium's `CartPole-v1` as it is: a pole stands on a cart, which is pushed to the left or to
    the right in every step. One agent. The episode ends when the cart has left the track (2.4 from
    the middle) or the pole leans more than 12 degrees, and is truncated after 500 steps.
Actions:
    `0` LEFT, `1` RIGHT.
Observation, float32:
    position, velocity, angle, angular velocity (O = 4); with `velocities=False` position and angle
    only (O = 2): how fast they change can be told from two of them in a row, but not from one.
    In units of Gymnasium, not bounded.
Rewards:
    1 in every step, the last included: the return is the number of steps, at most 500.
Arguments:
    velocities: False hides them. num_envs, device, seed: as in every environment.
Source:
    Gymnasium, which has it from Barto, Sutton and Anderson (1983).
"""

import gymnasium
import numpy as np
from gymnasium.wrappers import TransformObservation

from marl_edu.core.registry import register
from marl_edu.envs.adapters.incoming import AdaptedEnv, from_gymnasium

SEEN = [0, 2]  # position and angle


def make_env(velocities: bool = True) -> gymnasium.Env:
    """One environment of Gymnasium, with or without the velocities."""
    env = gymnasium.make("CartPole-v1")
    if velocities:
        return env
    box = env.observation_space
    assert isinstance(box, gymnasium.spaces.Box)
    low, high = box.low[SEEN], box.high[SEEN]
    less = gymnasium.spaces.Box(low, high, dtype=np.float32)
    return TransformObservation(env, lambda obs: obs[SEEN], less)


@register("cartpole")
def cartpole(
    velocities: bool = True, num_envs: int = 8, device: str = "cpu", seed: int | None = None
) -> AdaptedEnv:
    """B poles; the module's docstring is the specification."""
    return from_gymnasium(lambda: make_env(velocities), num_envs, device, seed)
