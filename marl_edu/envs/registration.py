"""Our environments by name, in Gymnasium and in PettingZoo.

Gymnasium, after `import marl_edu.envs`, or with the module in front of the name:

    gymnasium.make("marl_edu/TMaze-v0", length=5)
    gymnasium.make("marl_edu.envs:marl_edu/TMaze-v0")
    gymnasium.make("marl_edu/TrafficJunction-v0", agent=0, others=UniformPolicy(0))
    gymnasium.make_vec("marl_edu/TMaze-v0", num_envs=1024)
    gymnasium.make("marl_edu/Foraging-8x8-2p-2f-coop-v3")

The last is a name that foraging has in the original; `foraging.BENCHMARKS` lists those that can be
made so, and `foraging.settings` knows what goes with any other.

PettingZoo, as with its own modules:

    from marl_edu.envs.registration import tmaze_v0
    tmaze_v0.parallel_env(length=5)

Whatever else is given goes to the environment.
"""

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gymnasium
import torch

from marl_edu.envs import foraging

if TYPE_CHECKING:  # imported where it is needed: `import marl_edu.envs` stays quick
    from pettingzoo import AECEnv

    from marl_edu.envs.adapters.gymnasium_envs import OneEnv
    from marl_edu.envs.adapters.parallel import Parallel
    from marl_edu.envs.adapters.vector import Vector

NAMES = (
    "CooperativeNavigation", "Foraging", "KeyDoorMaze", "LeverGame", "MatrixGame",
    "MultiAgentGridWorld", "PredatorPrey", "PredatorPreyTag", "Relay", "SpeakerListener",
    "SpeakerProbe", "TMaze", "TrafficJunction", "TwoStepGame",
)  # fmt: skip


def make(
    environment: str,
    agent: int | None = None,
    others: Callable[[Any], torch.Tensor] | None = None,
    each: bool = False,
    mask_in_obs: bool = False,
    render_mode: str | None = None,
    **env_args: Any,
) -> "OneEnv":
    """What `gymnasium.make("marl_edu/<environment>-v0", ...)` returns, inside Gymnasium's wrappers.

    Args:
        environment: one of NAMES. agent, others, each, mask_in_obs, render_mode: of `to_gymnasium`.
        env_args: of the environment.
    """
    from marl_edu.envs.adapters import to_gymnasium

    env = _class(environment)(**env_args, num_envs=1)
    return to_gymnasium(env, agent, others, render_mode, mask_in_obs, each)


def make_vec(
    environment: str,
    num_envs: int = 1,
    autoreset_mode: str = "NextStep",
    render_mode: str | None = None,
    **env_args: Any,
) -> "Vector":
    """What `gymnasium.make_vec("marl_edu/<environment>-v0", num_envs, ...)` returns.

    Args:
        environment: one of NAMES. num_envs: B. autoreset_mode, render_mode: of `to_vector`.
        env_args: of the environment.
    """
    from marl_edu.envs.adapters import to_vector

    return to_vector(
        _class(environment)(**env_args, num_envs=num_envs), autoreset_mode, render_mode
    )


class PettingZooModule:
    """What a module of PettingZoo offers: `parallel_env`, and `env` and `raw_env`, in turns."""

    def __init__(self, environment: str):
        self.environment = environment

    def parallel_env(
        self, render_mode: str | None = None, mask_in_obs: bool = False, **env_args: Any
    ) -> "Parallel":
        """All agents at once: a `ParallelEnv`.

        Args:
            render_mode, mask_in_obs: of `to_pettingzoo`. env_args: of the environment.
        """
        from marl_edu.envs.adapters import to_pettingzoo

        env = _class(self.environment)(**env_args, num_envs=1)
        return to_pettingzoo(env, render_mode=render_mode, mask_in_obs=mask_in_obs)

    def raw_env(self, **kwargs: Any) -> "AECEnv":
        """One agent after the other: an `AECEnv`. kwargs: of `parallel_env`."""
        from pettingzoo.utils.conversions import parallel_to_aec

        return parallel_to_aec(self.parallel_env(**kwargs))

    def env(self, **kwargs: Any) -> "AECEnv":
        """As `raw_env`, and it says so where an action is none of the agent's."""
        from pettingzoo.utils.wrappers import AssertOutOfBoundsWrapper

        return AssertOutOfBoundsWrapper(self.raw_env(**kwargs))


def register_all() -> None:
    """Tell Gymnasium all names; again does nothing."""
    known: dict[str, dict[str, Any]] = {f"{name}-v0": {"environment": name} for name in NAMES}
    for name in foraging.BENCHMARKS:
        known[name] = {"environment": "Foraging", **foraging.settings(name)}
    for name, kwargs in known.items():
        gymnasium.register(
            id=f"marl_edu/{name}",
            entry_point=f"{__name__}:make",
            vector_entry_point=f"{__name__}:make_vec",
            kwargs=kwargs,
        )


def _class(name: str) -> Callable[..., Any]:
    return getattr(importlib.import_module("marl_edu.envs"), name)


cooperative_navigation_v0 = PettingZooModule("CooperativeNavigation")
foraging_v0 = PettingZooModule("Foraging")
key_door_maze_v0 = PettingZooModule("KeyDoorMaze")
lever_game_v0 = PettingZooModule("LeverGame")
matrix_game_v0 = PettingZooModule("MatrixGame")
multi_agent_grid_world_v0 = PettingZooModule("MultiAgentGridWorld")
predator_prey_v0 = PettingZooModule("PredatorPrey")
predator_prey_tag_v0 = PettingZooModule("PredatorPreyTag")
relay_v0 = PettingZooModule("Relay")
speaker_listener_v0 = PettingZooModule("SpeakerListener")
speaker_probe_v0 = PettingZooModule("SpeakerProbe")
tmaze_v0 = PettingZooModule("TMaze")
traffic_junction_v0 = PettingZooModule("TrafficJunction")
two_step_game_v0 = PettingZooModule("TwoStepGame")
