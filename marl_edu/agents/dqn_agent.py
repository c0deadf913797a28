"""Agents one by one, each with a network, a replay and an optimiser of its own.

The algorithms of this package drive whole teams in batches of worlds, with one network for all.
Here is the other way to arrange the same parts, as in many a notebook: one object per agent, one
world, one step at a time, and a loop that the reader writes. For the tour, and for trying things.

    DQNAgent            algos/dqn.py's network and loss
    AttentionDQNAgent   that, and algos/tarmac.py's attention to what the others have said
    GNNDQNAgent         that, and algos/gat.py's layers over what the others see
    LSTMDQNAgent        algos/drqn.py's network and loss: it remembers

    agent = DQNAgent(0, env.observation_space(name), env.action_space(name))
    action = agent.get_action(obs)                     # training=False: the best one known
    agent.store_experience(obs, action, reward, next_obs, terminated)
    agent.update()                                     # one gradient step

What this way costs: an agent learns from its own reward, by its own loss, from numbers in its own
replay. A message that it was told is such a number. No gradient goes from the one who hears to the
one who spoke, so *listening is learned and speaking is not*: see `AttentionDQNAgent`.

Chance comes from torch's global generator: `torch.manual_seed` makes a run repeatable.

Sizes: O numbers seen, A actions, D hidden, N agents, M numbers in a message, H heads, K messages,
L steps of a sequence, E drawn from the replay.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from marl_edu import qlearning
from marl_edu.algos import dqn, drqn, gat, tarmac
from marl_edu.envs.checks import one_of, positive_int, whole_number
from marl_edu.replay import Episodes, Lives, Transitions

# Where these differ from dqn.Config: one world instead of 64 lives through fewer steps, and nobody
# knows beforehand how many, so that the step size stays as it is.
SETTINGS: dict[str, Any] = {
    "lr": 1e-3,
    "lr_end": 1.0,
    "batch": 64,
    "capacity": 20_000,
    "warm_up": 200,
    "target_every": 200,
}


class DQNAgent:
    """An agent by itself: deep Q-learning, `algos/dqn.py`.

    Args:
        agent_id: its number among the agents, from 0.
        observation_space: a `Box` of one dimension (O,). action_space: a `Discrete(A)`.
        hidden_dim: D. device: of the network and the replay.
        settings: fields of `dqn.Config`, such as `gamma`, `lr`, `epsilon_end`; `updates` and
            `explore` say after how many calls of `update` epsilon has come down. Defaults:
            `SETTINGS`, or else the Config's.
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
        self.obs_dim, self.n_actions = _sizes(observation_space, action_space)
        self.hidden_dim = positive_int("hidden_dim", hidden_dim)
        self.device = torch.device(device)
        self.cfg: Any = self.config(
            world=type(self), **{"hidden": hidden_dim, **SETTINGS, **settings}
        )
        self.available = torch.ones(1, self.n_actions, dtype=torch.bool, device=self.device)
        self.q_network, self.target_network = (self._build().to(self.device) for _ in range(2))
        self.target_network.load_state_dict(self.q_network.state_dict())
        self.optimizer = torch.optim.Adam(self.q_network.parameters(), self.cfg.lr, fused=True)
        self.replay = self._replay()
        self.run = qlearning.Run(self.cfg, None, {})  # how far it is, and epsilon

    def _build(self) -> Any:
        """The network: `net(view (E, X), state) -> (q (E, A), state)`."""
        return dqn.QNet(self.obs_dim, self.n_actions, self.hidden_dim)

    def _replay(self) -> Any:
        """Where it keeps what it has lived through."""
        return Transitions(self.cfg.capacity, self.obs_dim, self.available)

    @property
    def epsilon(self) -> float:
        """The chance of an action at random, by now."""
        return self.run.epsilon

    def get_action(self, obs: Any, *, training: bool = True) -> Any:
        """What to do, a number in 0..A - 1.

        Args:
            obs: what it sees, (O,). training: with probability `epsilon` anything; False: always
                the action with the highest Q.
        """
        return self._choose(self._look(self._read("obs", obs)), training)

    def store_experience(
        self, obs: Any, action: int, reward: float, next_obs: Any, terminated: bool
    ) -> None:
        """Keep a step that it lived through.

        Args:
            obs, next_obs: before and after it, (O,). action: in 0..A - 1. reward: a number.
            terminated: its life ended here, and nothing is worth anything afterwards. Running out
                of time is no such end: then False.
        """
        before, after = self._read("obs", obs), self._read("next_obs", next_obs)
        self._keep(before, self._done(action), _finite(reward), after, terminated)

    def update(self) -> dict[str, float] | None:
        """One gradient step on steps drawn from the replay.

        Returns:
            the loss and the mean Q; None, and nothing is learned, before the replay holds
            `warm_up` steps.
        """
        if self.replay.steps < max(1, self.cfg.warm_up):
            return None
        total, said = self._loss()
        self.optimizer.zero_grad()
        total.backward()
        nn.utils.clip_grad_norm_(self.q_network.parameters(), self.cfg.clip)
        self.optimizer.step()
        self.run.update += 1
        if self.run.update % self.cfg.target_every == 0:
            self.target_network.load_state_dict(self.q_network.state_dict())
        return said

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

    def _choose(self, q: Float[Tensor, " A"], training: bool) -> int:
        epsilon = self.epsilon if training else 0.0
        return int(qlearning.act(q[None], epsilon, self.available))

    def _loss(self) -> tuple[Tensor, dict[str, float]]:
        batch = self.replay.draw(self.cfg.batch)
        return dqn.loss(self.q_network, self.target_network, batch, self.cfg)

    def _keep(self, before: Tensor, action: int, reward: float, after: Tensor, terminated: bool):
        step = Step(before, action, reward, terminated)
        self.replay.add(_episode([step], after))

    def _read(self, name: str, obs: Any) -> Float[Tensor, " O"]:
        """An observation as a tensor on the agent's device."""
        return _numbers(name, obs, self.obs_dim).to(self.device, torch.float32)

    def _done(self, action: Any) -> int:
        if action not in range(self.n_actions):
            raise ValueError(f"action must be one of 0..{self.n_actions - 1}, got {action!r}")
        return int(action)


class _Listener(DQNAgent):
    """An agent for which what it hears belongs to what it sees.

    What is heard *after* a step is not known before the agent acts again; only then is the step
    complete and kept. The last step before a time limit never is, and is left out.
    """

    def __init__(self, *args: Any, **settings: Any):
        super().__init__(*args, **settings)
        self._last: tuple[Tensor, Tensor] | None = None  # obs (O,), and all that it saw and heard
        self._open: tuple[Tensor, int, float, Tensor] | None = None  # a step without its end
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
            before, action, reward, next_obs = self._open
            if torch.equal(obs, next_obs):  # or else another episode has begun in between
                self._keep(before, action, reward, view, False)
        self._open, self._last = None, (obs, view)

    def store_experience(
        self, obs: Any, action: int, reward: float, next_obs: Any, terminated: bool
    ) -> None:
        """Keep a step, with what was heard in it; see `DQNAgent`.

        Raises:
            ValueError: `obs` is not what `get_action` was last asked about.
        """
        before, after = self._read("obs", obs), self._read("next_obs", next_obs)
        if self._last is None or not torch.equal(self._last[0], before):
            raise ValueError("obs must be the one that get_action was last called with")
        done, view = self._done(action), self._last[1]
        if terminated:
            self._keep(view, done, _finite(reward), torch.zeros_like(view), True)
        else:
            self._open = view, done, _finite(reward), after


class AttentionQ(nn.Module):
    """Q of one who listens: TarMAC's attention, eqs. (1)-(5), between two layers of a DQN.

    Args:
        obs_dim: O. n_actions: A. hidden: D. message_dim: M, shared out among `heads`; half of each
            head's share is its signature, half its value.
    """

    def __init__(self, obs_dim: int, n_actions: int, hidden: int, message_dim: int, heads: int):
        super().__init__()
        self.obs_dim, self.message_dim = obs_dim, message_dim
        size = message_dim // heads // 2
        self.encode = nn.Linear(obs_dim, hidden)
        self.attention = tarmac.TargetedAttention(hidden, heads, size, size, hear_self=False)
        self.q = dqn.QNet(hidden, n_actions, hidden)
        self.weights: Tensor | None = None  # of the last call, (E, H, K)

    def say(self, obs: Float[Tensor, "E O"]) -> Float[Tensor, "E M"]:
        """The message of one who sees this: eq. (1)."""
        return self.attention.speak(F.relu(self.encode(obs)))

    def forward(self, view: Float[Tensor, "E X"], state: Tensor | None = None):
        """Q of every action `(E, A)`, and `state` as it came.

        Args:
            view: what is seen, O numbers, and behind it a 1 and M numbers for each message; zeros
                where there is none.
        """
        E, M, seen = len(view), self.message_dim, view[:, : self.obs_dim]
        inbox = view[:, self.obs_dim :]
        inbox = inbox.reshape(E, inbox.shape[1] // (1 + M), 1 + M)
        there, messages = inbox[..., 0] > 0, inbox[..., 1:]
        z = F.relu(self.encode(seen))[:, None]
        z = F.pad(z, (0, 0, 0, messages.shape[1]))  # itself, then a place for each who spoke
        mask = F.pad(there[:, None], (1, 0, 0, messages.shape[1]))  # it hears, nobody else does
        # The others are not here; what they said arrives by the channel.
        self.attention.channel = lambda said, mask: (torch.cat([said[:, :1], messages], 1), mask)
        z, attention = self.attention(z, mask)
        self.attention.channel = None
        self.weights = attention[:, :, 0, 1:].detach()
        return self.q(z[:, 0])[0], state


class AttentionDQNAgent(_Listener):
    """An agent that says something and listens to what others have said: `algos/tarmac.py`.

    Its message is [signature; value] of what it sees, TarMAC's eq. (1). What it hears are numbers:
    the loss goes no further than its own network. The layer that makes messages,
    `q_network.attention.speak`, therefore never gets a gradient other than zero; it stays as it
    was drawn. Others can learn to read it, but it does not learn what to say.

    Args:
        message_dim: M, a multiple of 2 `num_heads`. num_heads: H.
        use_communication: False: it says nothing and hears nothing. The rest: see `DQNAgent`.
    """

    def __init__(
        self,
        agent_id: int,
        observation_space: Any,
        action_space: Any,
        message_dim: int = 32,
        hidden_dim: int = 64,
        num_heads: int = 4,
        use_communication: bool = True,
        device: str | torch.device = "cpu",
        **settings: Any,
    ):
        self.num_heads = positive_int("num_heads", num_heads)
        self.message_dim = positive_int("message_dim", message_dim)
        if message_dim % (2 * num_heads):
            raise ValueError(
                f"message_dim must be a multiple of {2 * num_heads}, a signature and a value for "
                f"each of num_heads={num_heads}, got {message_dim!r}"
            )
        if not isinstance(use_communication, bool):
            raise ValueError(f"use_communication must be True or False, got {use_communication!r}")
        self.use_communication = use_communication
        super().__init__(agent_id, observation_space, action_space, hidden_dim, device, **settings)

    def _build(self) -> Any:
        sizes = (self.hidden_dim, self.message_dim, self.num_heads)
        return AttentionQ(self.obs_dim, self.n_actions, *sizes)

    @torch.no_grad()
    def say(self, obs: Any) -> Float[Tensor, " M"] | None:
        """What it says when it sees this; None if it does not communicate."""
        if not self.use_communication:
            return None
        return self.q_network.say(self._read("obs", obs)[None])[0]

    def get_action(
        self, obs: Any, messages: Any = None, *, training: bool = True
    ) -> tuple[int, Float[Tensor, " M"] | None]:
        """What to do, and what to say.

        Args:
            obs: (O,). messages: what others have said, (K, M), or None. training: see `DQNAgent`.
        Returns:
            the action, and its message (M,), which is made of `obs` alone; None if it does not
            communicate.
        """
        seen, heard = self._read("obs", obs), self._inbox(messages)
        view = torch.cat([seen, F.pad(heard, (1, 0), value=1.0).flatten()])
        self._take_in(seen, view)
        return self._choose(self._look(view), training), self.say(obs)

    def get_attention_weights(self) -> Float[Tensor, "H K"] | None:
        """To which of the messages it attended when it last acted, head by head.

        Rows sum to 1. None if there was no message, or it has not acted yet.
        """
        found = self._weights
        return None if found is None or not found.shape[-1] else found

    def _inbox(self, messages: Any) -> Float[Tensor, "K M"]:
        if messages is None or not self.use_communication:
            return torch.zeros(0, self.message_dim, device=self.device)
        found = _numbers("messages", messages, "K", self.message_dim)
        return found.detach().to(self.device, torch.float32)

    def _keep(self, before: Tensor, action: int, reward: float, after: Tensor, terminated: bool):
        fields = self.replay.fields
        width = max(len(before), len(after), fields["obs"].shape[1])
        before, after = (F.pad(x, (0, width - len(x))) for x in (before, after))
        if width > fields["obs"].shape[1]:  # more messages than ever before: room for them
            for name in ("obs", "next_obs"):
                fields[name] = F.pad(fields[name], (0, width - fields[name].shape[1]))
        super()._keep(before, action, reward, after, terminated)


class GraphQ(nn.Module):
    """Q of one among neighbours: graph attention, gat.py's eq. (6), between two layers of a DQN.

    Args:
        agent_id: whose Q. n_agents: N. obs_dim: O. n_actions: A. hidden: D.
        gnn_type, layers, heads: see `gat.Config`.
    """

    def __init__(
        self, agent_id: int, n_agents: int, obs_dim: int, n_actions: int, hidden: int,
        gnn_type: str, layers: int, heads: int,
    ):  # fmt: skip
        super().__init__()
        self.agent_id, self.n_agents, self.obs_dim = agent_id, n_agents, obs_dim
        self.encode = nn.Linear(obs_dim, hidden)
        self.talk = gat.GraphTalk(hidden, heads, layers, gnn_type)
        self.q = dqn.QNet(hidden, n_actions, hidden)
        self.weights: Tensor | None = None  # of the last call, (E, H, N)

    def forward(self, view: Float[Tensor, "E X"], state: Tensor | None = None):
        """Q of every action `(E, A)`, and `state` as it came.

        Args:
            view: what every agent sees, N O numbers, and behind it who hears whom, N N.
        """
        E, N = len(view), self.n_agents
        seen, hears = view.split([N * self.obs_dim, N * N], -1)
        z = F.relu(self.encode(seen.reshape(E, N, -1)))
        z, attention = self.talk(z, hears.reshape(E, N, N) > 0)
        self.weights = attention[:, :, self.agent_id].detach()
        return self.q(z[:, self.agent_id])[0], state


class GNNDQNAgent(_Listener):
    """An agent among neighbours, whose layers run over what all of them see: `algos/gat.py`.

    It is the neighbours' observations that travel, so there is no message to be learned; the
    layers, its own, learn what to make of them.

    Args:
        n_agents: N. gnn_type: a key of `gat.LAYERS`: "gat", "gatv2", "gcn", "mean" or "max".
        num_gnn_layers: so many links far news travel; 0: nobody is heard. num_heads: H. The rest:
            see `DQNAgent`.
    """

    def __init__(
        self,
        agent_id: int,
        observation_space: Any,
        action_space: Any,
        n_agents: int,
        gnn_type: str = "gat",
        num_gnn_layers: int = 2,
        num_heads: int = 4,
        hidden_dim: int = 64,
        device: str | torch.device = "cpu",
        **settings: Any,
    ):
        self.n_agents = positive_int("n_agents", n_agents)
        self.gnn_type = one_of("gnn_type", gnn_type, gat.LAYERS)
        self.num_gnn_layers = whole_number("num_gnn_layers", num_gnn_layers)
        self.num_heads = positive_int("num_heads", num_heads)
        if positive_int("hidden_dim", hidden_dim) % num_heads:
            raise ValueError(f"num_heads must divide hidden_dim={hidden_dim!r}, got {num_heads!r}")
        if not whole_number("agent_id", agent_id) < n_agents:
            raise ValueError(f"agent_id must be one of 0..{n_agents - 1}, got {agent_id!r}")
        super().__init__(agent_id, observation_space, action_space, hidden_dim, device, **settings)

    def _build(self) -> Any:
        sizes = (self.agent_id, self.n_agents, self.obs_dim, self.n_actions, self.hidden_dim)
        return GraphQ(*sizes, self.gnn_type, self.num_gnn_layers, self.num_heads)

    def _replay(self) -> Any:
        N = self.n_agents
        return Transitions(self.cfg.capacity, N * self.obs_dim + N * N, self.available)

    def get_action(
        self, obs: Any, others: Any = None, adjacency: Any = None, *, training: bool = True
    ) -> int:
        """What to do.

        Args:
            obs: what it sees, (O,). others: what the other agents see, (N - 1, O), in order of
                agents, itself left out; None: nobody is there.
            adjacency: `[i, j]`: i hears j, bool (N, N); None: everybody hears everybody.
            training: see `DQNAgent`.
        """
        N, seen = self.n_agents, self._read("obs", obs)
        hears = torch.ones(N, N) if adjacency is None else _numbers("adjacency", adjacency, N, N)
        if others is None:
            rest, hears = torch.zeros(N - 1, self.obs_dim), torch.zeros(N, N)
        else:
            rest = _numbers("others", others, N - 1, self.obs_dim)
        rest = rest.to(self.device, torch.float32)
        rows = torch.cat([rest[: self.agent_id], seen[None], rest[self.agent_id :]])
        view = torch.cat([rows.flatten(), hears.to(rows).flatten()])
        self._take_in(seen, view)
        return self._choose(self._look(view), training)

    def get_attention_weights(self) -> Float[Tensor, "H N"] | None:
        """To whom it attended in the last layer when it last acted, itself among them.

        Rows sum to 1 with "gat" and "gatv2"; 0 where it does not hear, or no layer is there. None
        if it has not acted yet.
        """
        return self._weights


class LSTMDQNAgent(DQNAgent):
    """An agent that remembers: `algos/drqn.py`.

    It learns from sequences of `sequence_length` steps as it lived through them, one after the
    other, each from what it remembered at its start ("stored state"). So a gradient reaches back
    `sequence_length` steps at most: what has to be remembered for longer is not learned.

    Memory goes on from one `get_action` to the next. `reset()` begins anew, and so does a step
    that is stored as `terminated`.

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
        settings = {"window": sequence_length, "start": "stored", "batch": 32, **settings}
        super().__init__(agent_id, observation_space, action_space, size, device, **settings)
        self._steps: list[Step] = []  # lived through since the last sequence was kept
        self._after: Tensor | None = None  # what was seen after the last of them
        self._forget()

    def _build(self) -> Any:
        return drqn.RecurrentQ(self.obs_dim, self.n_actions, self.hidden_dim, self.cfg.memory)

    def _replay(self) -> Any:
        """Each sequence is kept as if it were a life, which goes on."""
        rows, size = -(-self.cfg.capacity // self.sequence_length), self.q_network.state_size
        return Lives(rows, self.sequence_length, self.obs_dim, self.available, size)

    def _forget(self) -> None:
        self.state = self._before = self.q_network.start(1, 1)[0, 0]

    def reset(self) -> None:
        """An episode begins: it remembers nothing."""
        self._close()
        self._forget()

    @torch.no_grad()
    def _look(self, view: Float[Tensor, " O"]) -> Float[Tensor, " A"]:
        self._before = self.state
        q, after = self.q_network(view[None, None], self.state[None, None])
        self.state = after[0, 0]
        return q[0, 0]

    def _keep(self, before: Tensor, action: int, reward: float, after: Tensor, terminated: bool):
        if self._after is not None and not torch.equal(before, self._after):
            self._close()  # something lies in between
        self._steps.append(Step(before, action, reward, terminated, self._before))
        self._after = after
        if terminated or len(self._steps) == self.sequence_length:
            self._close()
        if terminated:
            self._forget()

    def _close(self) -> None:
        """Keep the steps so far as a sequence."""
        if self._steps and self._after is not None:
            self.replay.add(_episode(self._steps, self._after))
        self._steps, self._after = [], None

    def _loss(self) -> tuple[Tensor, dict[str, float]]:
        batch = self.replay.draw(self.cfg.batch, self.cfg.window, self.cfg.burn_in)
        return drqn.loss(self.q_network, self.target_network, batch, self.cfg)


class Step(NamedTuple):
    """One step of one agent, before it goes into the replay."""

    before: Tensor  # all that it saw, (X,)
    action: int
    reward: float
    terminated: bool
    state: Tensor | None = None  # what it remembered before it, (S,)


def _episode(steps: list[Step], after: Tensor) -> Episodes:
    """Steps in a row, and what was seen after the last one, as the replay takes them."""
    device = after.device

    def column(values: list, dtype: torch.dtype) -> Tensor:
        return torch.tensor(values, dtype=dtype, device=device)[None, :, None]

    terminated = [bool(step.terminated) for step in steps]
    remembered = [after.new_zeros(0) if step.state is None else step.state for step in steps]
    return Episodes(
        obs=torch.stack([*(step.before for step in steps), after])[None, :, None],
        action=column([step.action for step in steps], torch.int64),
        reward=column([float(step.reward) for step in steps], torch.float32),
        alive=column([True] * len(steps), torch.bool),
        goes_on=~column(terminated, torch.bool),
        state=torch.stack(remembered)[None, :, None],
    )


def _numbers(name: str, values: Any, *shape: int | str) -> Tensor:
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


def _finite(reward: Any) -> float:
    """A reward, or a ValueError."""
    if not math.isfinite(reward):
        raise ValueError(f"reward must be a finite number, got {reward!r}")
    return float(reward)


def _sizes(observation_space: Any, action_space: Any) -> tuple[int, int]:
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
