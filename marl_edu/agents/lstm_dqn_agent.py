"""An agent that remembers."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from marl_edu.agents.dqn_agent import DQNAgent, Step, episode_of
from marl_edu.algos import drqn
from marl_edu.core.checks import positive_int
from marl_edu.training.replay import SequenceReplay


class LSTMDQNAgent(DQNAgent):
    """An agent that remembers: `algos/drqn.py`.

    It learns from sequences of `sequence_length` steps as it took them, one after the
    other, each from what it remembered at its start ("stored state"). So a gradient reaches back
    `sequence_length` steps at most: what has to be remembered for longer is not learned.

    The hidden state carries over from one `get_action` to the next. `reset()` clears it, and so
    does a step that is stored as `terminated`.

    Args:
        lstm_hidden_dim: D. num_lstm_layers: 1, as the chapter's. sequence_length: L.
        settings: fields of `drqn.Config`. The rest: see `DQNAgent`.
    """

    config = drqn.Config

    def __init__(
        self,
        agent_id: int,
        observation_space: Any,
        action_space: Any,
        lstm_hidden_dim: int = 64,
        num_lstm_layers: int = 1,
        sequence_length: int = 8,
        device: str | torch.device = "cpu",
        **settings: Any,
    ):
        size = positive_int("lstm_hidden_dim", lstm_hidden_dim)
        if positive_int("num_lstm_layers", num_lstm_layers) != 1:
            raise ValueError(
                f"num_lstm_layers must be 1, the chapter's network has one, got {num_lstm_layers!r}"
            )
        self.sequence_length = positive_int("sequence_length", sequence_length)
        settings = {"window": self.sequence_length, "start": "stored", "batch_size": 32, **settings}
        super().__init__(agent_id, observation_space, action_space, size, device, **settings)
        self._steps: list[Step] = []  # taken since the last sequence was kept
        self._after: Tensor | None = None  # what was seen after the last of them
        self._forget()

    def _build(self) -> Any:
        return drqn.RecurrentQ(self.obs_dim, self.n_actions, self.hidden_dim, self.cfg.memory)

    def _replay(self) -> Any:
        """Each sequence is kept as if it were a trajectory that goes on."""
        rows, size = -(-self.cfg.capacity // self.sequence_length), self.q_network.hidden_size
        sizes = (rows, self.sequence_length, self.obs_dim)
        return SequenceReplay(*sizes, self.available, size, changes=True)

    def _forget(self) -> None:
        self.hidden = self._before = self.q_network.start(1, 1)[0, 0]

    def reset(self) -> None:
        """An episode begins: it remembers nothing."""
        self._close()
        self._forget()

    @torch.no_grad()
    def _look(self, view: Float[Tensor, " O"]) -> Float[Tensor, " A"]:
        self._before = self.hidden
        q, after = self.q_network(view[None, None], self.hidden[None, None])
        self.hidden = after[0, 0]
        return q[0, 0]

    def _keep(self, step: Step, after: Tensor) -> None:
        if self._after is not None and not torch.equal(step.before, self._after):
            self._close()  # something lies in between
        self._steps.append(step._replace(hidden=self._before))
        self._after = after
        if step.terminated or len(self._steps) == self.sequence_length:
            self._close()
        if step.terminated:
            self._forget()

    def _close(self) -> None:
        """Keep the steps so far as a sequence."""
        if self._steps and self._after is not None:
            self.replay.add(episode_of(self._steps, self._after))
        self._steps, self._after = [], None

    def _loss(self) -> tuple[Tensor, dict[str, float]]:
        batch = self.replay.sample(self.cfg.batch_size, self.cfg.window, self.cfg.burn_in)
        return drqn.loss(self.q_network, self.target_network, batch, self.cfg)
