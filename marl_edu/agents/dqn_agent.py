"""An agent by itself: its network, its replay, its optimiser."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from marl_edu.agents.checks import finite, read_numbers, same_memory, space_sizes
from marl_edu.algos import dqn
from marl_edu.core.checks import positive_int, whole_number
from marl_edu.core.ops import epsilon_greedy
from marl_edu.training import qlearning
from marl_edu.training.replay import Episodes, ReplayBuffer

# Where these differ from dqn.Config: one environment instead of 64 takes fewer steps, and nobody
# knows beforehand how many, so that the step size stays as it is.
SETTINGS: dict[str, Any] = {
    "lr": 1e-3,
    "lr_end": 1.0,
    "batch_size": 64,
    "capacity": 20_000,
    "learning_starts": 200,
    "target_update_interval": 200,
}


class DQNAgent:
    """An agent by itself: deep Q-learning, `algos/dqn.py`.

    Args:
        agent_id: its number among the agents, from 0.
        observation_space: a `Box` of one dimension (O,). action_space: a `Discrete(A)`.
        hidden_dim: D. device: of the network and the replay.
        settings: fields of `dqn.Config`, such as `gamma`, `lr`, `epsilon_end`; `updates` and
            `exploration_fraction` say after how many calls of `update` epsilon has come down.
            Defaults: `SETTINGS`, or else the Config's.
    Raises:
        ValueError: an argument that cannot be; the message names it. TypeError: no such setting.
    """

    config: type[qlearning.Config] = dqn.Config

    def __init__(
        self,
        agent_id: int,
        observation_space: Any,
        action_space: Any,
        hidden_dim: int = 64,
        device: str | torch.device = "cpu",
        **settings: Any,
    ):
        self.agent_id = whole_number("agent_id", agent_id)
        self.obs_dim, self.n_actions = space_sizes(observation_space, action_space)
        self.hidden_dim = positive_int("hidden_dim", hidden_dim)
        self.device = torch.device(device)
        self.cfg: Any = self.config(
            env=type(self), **{"hidden_dim": self.hidden_dim, **SETTINGS, **settings}
        )
        self.available = torch.ones(1, self.n_actions, dtype=torch.bool, device=self.device)
        self.q_network, self.target_network = (self._build().to(self.device) for _ in range(2))
        self.target_network.load_state_dict(self.q_network.state_dict())
        self.optimizer = torch.optim.Adam(self.q_network.parameters(), self.cfg.lr, fused=True)
        self.replay = self._replay()
        self.updates = 0  # gradient steps so far
        self.steps = 0  # actions that it has chosen so far
        self._shown: Tensor | None = None  # what it saw when it chose the last of them, (O,)
        self._had = self.available[0]  # the actions that it had then, (A,)

    def _build(self) -> Any:
        """The network: `net(view (E, X), hidden) -> (q (E, A), hidden)`."""
        return dqn.QNet(self.obs_dim, self.n_actions, self.hidden_dim)

    def _replay(self) -> Any:
        """Where it keeps what it has experienced."""
        return ReplayBuffer(self.cfg.capacity, self.obs_dim, self.available, changes=True)

    @property
    def epsilon(self) -> float:
        """The chance of an action at random, by now."""
        return qlearning.epsilon_at(self.cfg, self.updates / self.cfg.updates)

    def get_action(self, obs: Any, *, training: bool = True, available: Any = None) -> Any:
        """What to do, a number in 0..A - 1.

        Args:
            obs: what it sees, (O,). training: with probability `epsilon` anything; False: always
                the action with the highest Q. available: which actions it has now, (A,), true or
                false; None: all. One that has none does 0.
        Raises:
            ValueError: numbers of the wrong shape, or not finite.
        """
        self._shown = self._read("obs", obs)
        return self._choose(self._look(self._shown), training, available)

    def store_experience(
        self,
        obs: Any,
        action: int,
        reward: float,
        next_obs: Any,
        terminated: bool,
        next_available: Any = None,
    ) -> None:
        """Keep a step that it took.

        Args:
            obs, next_obs: before and after it, (O,). action: in 0..A - 1. reward: a number.
            terminated: its trajectory ended here: no reward can follow. Running out of time is no
                such end: then False. next_available: which actions it has after it; None: all.
        Raises:
            ValueError: numbers of the wrong shape, or not finite. An action that the agent did not
                have when `get_action` was asked about `obs`. Or `obs` is no longer what it was
                then, since `next_obs` was written over it.
        """
        step, after = self._read_step(obs, action, reward, next_obs, terminated, next_available)
        self._keep(step, after)

    def update(self) -> dict[str, float] | None:
        """One gradient step on steps drawn from the replay.

        Returns:
            the loss and the mean Q; None, and nothing is learned, before the replay holds
            `learning_starts` steps.
        """
        if self.replay.steps < max(1, self.cfg.learning_starts):
            return None
        total, metrics = self._loss()
        self.optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(self.q_network.parameters(), self.cfg.max_grad_norm)
        self.optimizer.step()
        self.updates += 1
        if self.updates % self.cfg.target_update_interval == 0:
            self.target_network.load_state_dict(self.q_network.state_dict())
        return metrics

    def reset(self) -> None:
        """An episode begins. An agent without memory has nothing to do."""

    def get_attention_weights(self) -> Tensor | None:
        """To whom it attended when it last acted; None: this agent listens to nobody."""
        return None

    # -- what the subclasses use ------------------------------------------------------------------

    @torch.no_grad()
    def _look(self, view: Float[Tensor, " X"]) -> Float[Tensor, " A"]:
        """What every action is worth."""
        return self.q_network(view[None])[0][0]

    def _choose(self, q: Float[Tensor, " A"], training: bool, available: Any) -> int:
        epsilon = self.epsilon if training else 0.0
        self._had = self._mask("available", available)
        self.steps += 1
        return int(epsilon_greedy(q[None], epsilon, self._had[None]))

    def _loss(self) -> tuple[Tensor, dict[str, float]]:
        batch = self.replay.sample(self.cfg.batch_size)
        return dqn.loss(self.q_network, self.target_network, batch, self.cfg)

    def _keep(self, step: "Step", after: Tensor) -> None:
        self.replay.add(episode_of([step], after))

    def _read(self, name: str, values: Any, *shape: int | str) -> Tensor:
        """Numbers as a tensor of its own on the agent's device; an observation if no shape is
        given. Who is to blame for bad ones, and when, the error says."""
        try:
            return read_numbers(name, values, *(shape or (self.obs_dim,))).to(self.device)
        except ValueError as error:
            raise ValueError(f"{error}: agent {self.agent_id} in step {self.steps}") from None

    def _mask(self, name: str, available: Any) -> Bool[Tensor, " A"]:
        if available is None:
            return self.available[0]
        return self._read(name, available, self.n_actions) > 0

    def _read_step(
        self, obs: Any, action: Any, reward: Any, next_obs: Any, terminated: Any, available: Any
    ) -> tuple["Step", Tensor]:
        """A step as it is kept, and what was seen after it."""
        before, after = self._read("obs", obs), self._read("next_obs", next_obs)
        overwritten = self._shown is not None and not torch.equal(before, self._shown)
        if overwritten and not terminated and same_memory(obs, next_obs):
            raise ValueError(
                "obs must be what it was when get_action was called, but next_obs was written "
                "over it: call get_action with obs, and then step, on obs.copy()"
            )
        try:
            paid = finite(reward)
        except ValueError as error:
            raise ValueError(f"{error}: agent {self.agent_id} in step {self.steps}") from None
        mask = self._mask("next_available", available)
        asked = self._shown is not None and torch.equal(before, self._shown)
        done = self._done(action, self._had if asked else self.available[0])
        return Step(before, done, paid, bool(terminated), mask), after

    def _done(self, action: Any, had: Bool[Tensor, " A"]) -> int:
        if action not in range(self.n_actions):
            raise ValueError(f"action must be one of 0..{self.n_actions - 1}, got {action!r}")
        if had.any() and not had[int(action)]:
            raise ValueError(
                f"action must be one of {had.nonzero()[:, 0].tolist()}, which get_action was told "
                f"are available, got {action!r}: agent {self.agent_id} in step {self.steps}"
            )
        return int(action)


class Step(NamedTuple):
    """One step of one agent, before it goes into the replay."""

    before: Tensor  # all that it saw, (X,)
    action: int
    reward: float
    terminated: bool
    available: Tensor  # the actions that it has after it, (A,)
    hidden: Tensor | None = None  # what it remembered before it, (U,)


def episode_of(steps: list[Step], after: Tensor) -> Episodes:
    """Steps in a row, and what was seen after the last one, as the replay takes them."""
    device = after.device

    def column(values: list[Any], dtype: torch.dtype) -> Tensor:
        return torch.tensor(values, dtype=dtype, device=device)[None, :, None]

    masks = [step.available for step in steps]
    remembered = [after.new_zeros(0) if step.hidden is None else step.hidden for step in steps]
    return Episodes(
        obs=torch.stack([*(step.before for step in steps), after])[None, :, None],
        action=column([step.action for step in steps], torch.int64),
        reward=column([step.reward for step in steps], torch.get_default_dtype()),
        alive=column([True] * len(steps), torch.bool),
        terminated=column([step.terminated for step in steps], torch.bool),
        hidden=torch.stack(remembered)[None, :, None],
        available=torch.stack([masks[0], *masks])[None, :, None],  # of the first nobody asks
    )
