"""What an end is, written once: every loop, every bonus and every score plays through `take_step`.

- An agent's trajectory ends in the step in which it leaves (`completed`), dies (is not `alive` any
  more) or its episode terminates. No value is bootstrapped from behind it.
- A newcomer may have the slot already. What is seen and paid there then is its own, and no
  consequence of what its predecessor did: nothing is learned from it.
- The time that is up (`truncated`) is no end: what is seen last has a value.
- An episode goes on as long as it is `running`, even if nobody is alive for a moment.
- A return is what agents are paid while they are there: it ends with their trajectories.
- An environment step is one step of one environment that is running.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from marl_edu.core.protocols import Env


class Outcome(NamedTuple):
    """What a step came to, agent by agent."""

    reward: Float[Tensor, "B N"]  # of those who acted, for what they did: to learn from; others 0
    paid: Float[Tensor, "B N"]  # the same, and what newcomers got on arrival: for returns
    alive: Bool[Tensor, "B N"]  # who acted: the slots that held an agent before the step
    terminated: Bool[Tensor, "B N"]  # True where a trajectory ended in it, or there is no agent
    observed: Bool[Tensor, "B N"]  # who acted and is shown what came of it; no newcomer's view
    running: Bool[Tensor, " B"]  # the environments that took the step


def is_over(env: Env) -> bool:
    """Whether nothing can happen any more: the time is up, or all episodes have terminated."""
    return env.t >= env.max_steps or not env.running.any()


def outcome(
    alive: Bool[Tensor, "B N"],
    running: Bool[Tensor, " B"],
    reward: Float[Tensor, "B N"],
    terminated: Bool[Tensor, " B"],
    info: dict[str, Tensor],
) -> Outcome:
    """What a step came to. `alive`, `running`: before it; the others are what `env.step` gave."""
    left, there = info["completed"], info["alive"]
    return Outcome(
        reward=torch.where(alive & ~(left & there), reward, 0),
        paid=torch.where(alive | there, reward, 0),
        alive=alive,
        terminated=~alive | left | ~there | terminated[:, None],
        observed=alive & ~left,
        running=running,
    )


def take_step(
    env: Env, actions: Int[Tensor, "B N"] | Float[Tensor, "B N A"]
) -> tuple[Float[Tensor, "B N O"], Outcome, dict[str, Any]]:
    """Let everybody act. Returns what is seen then, what it came to, and the environment's info."""
    alive, running = env.alive, env.running
    obs, reward, terminated, _, info = env.step(actions)
    return obs, outcome(alive, running, reward, terminated, info), info


def in_time(steps: list[Outcome]) -> Outcome:
    """Several steps in one, time the second axis: `(B, T, N)`, and `running` `(B, T)`."""
    return Outcome(*(torch.stack(part, 1) for part in zip(*steps, strict=True)))
