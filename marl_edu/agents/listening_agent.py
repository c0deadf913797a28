"""What agents share for which a message is a part of what they see."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from marl_edu.agents.dqn_agent import DQNAgent, Step


class ListeningAgent(DQNAgent):
    """An agent for which what it hears belongs to what it sees.

    What is heard *after* a step is not known before the agent acts again; only then is the step
    complete and kept. The last step before a time limit never is, and is left out.
    """

    def __init__(self, *args: Any, **settings: Any):
        super().__init__(*args, **settings)
        self._last: tuple[Tensor, Tensor] | None = None  # obs (O,), and all that it saw and heard
        self._open: tuple[Step, Tensor] | None = None  # a step without its end, and its next_obs
        self._weights: Tensor | None = None  # of its attention when it last acted

    def reset(self) -> None:
        """An episode begins: what has been heard so far is over."""
        self._last = self._open = None

    def _look(self, view: Float[Tensor, " X"]) -> Float[Tensor, " A"]:
        q = super()._look(view)
        self._weights = self.q_network.weights[0]
        return q

    def _take_in(self, obs: Float[Tensor, " O"], view: Float[Tensor, " X"]) -> None:
        """Note what it sees and hears now, and complete the step before."""
        if self._open is not None:
            step, next_obs = self._open
            if torch.equal(obs, next_obs):  # or else another episode has begun in between
                self._keep(step, view)
        self._open, self._last, self._shown = None, (obs, view), obs

    def store_experience(
        self,
        obs: Any,
        action: int,
        reward: float,
        next_obs: Any,
        terminated: bool,
        next_available: Any = None,
    ) -> None:
        """Keep a step, with what was heard in it; see `DQNAgent`.

        Raises:
            ValueError: `obs` is not what `get_action` was last asked about.
        """
        step, after = self._read_step(obs, action, reward, next_obs, terminated, next_available)
        if self._last is None or not torch.equal(self._last[0], step.before):
            raise ValueError(
                "obs must be the one that get_action was last called with; where the environment "
                "writes into it, a copy of it"
            )
        step = step._replace(before=self._last[1])
        if step.terminated:
            self._keep(step, torch.zeros_like(step.before))
        else:
            self._open = step, after
