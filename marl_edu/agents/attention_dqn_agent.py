"""An agent that says something and listens to what others have said."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from marl_edu.agents.dqn_agent import Step
from marl_edu.agents.listening_agent import ListeningAgent
from marl_edu.algos import dqn, tarmac
from marl_edu.core.checks import positive_int


class AttentionQ(nn.Module):
    """Q of one who listens: TarMAC's attention, eqs. (1)-(5), between two layers of a DQN.

    Args:
        obs_dim: O. n_actions: A. hidden: D. message_dim: M, shared out among `heads`; half of each
            head's share is its signature, half its value.
    """

    def __init__(self, obs_dim: int, n_actions: int, hidden_dim: int, message_dim: int, heads: int):
        super().__init__()
        self.obs_dim, self.message_dim = obs_dim, message_dim
        size = message_dim // heads // 2
        self.encode = nn.Linear(obs_dim, hidden_dim)
        self.attention = tarmac.TargetedAttention(hidden_dim, heads, size, size, hear_self=False)
        self.q = dqn.QNet(hidden_dim, n_actions, hidden_dim)
        self.weights: Tensor | None = None  # of the last call, (E, H, K)

    def say(self, obs: Float[Tensor, "E O"]) -> Float[Tensor, "E M"]:
        """The message of one who sees this: eq. (1)."""
        return self.attention.messages(F.relu(self.encode(obs))[None])[0]

    def forward(
        self, view: Float[Tensor, "E X"], hidden: Tensor | None = None
    ) -> tuple[Float[Tensor, "E A"], Tensor | None]:
        """Q of every action `(E, A)`, and `hidden` as it came.

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
        own = self.attention.messages(z[:, :1])
        z, attention = self.attention.listen(z, torch.cat([own, messages], 1), mask)
        self.weights = attention[:, :, 0, 1:].detach()
        return self.q(z[:, 0])[0], hidden


class AttentionDQNAgent(ListeningAgent):
    """An agent that says something and listens to what others have said: `algos/tarmac.py`.

    Its message is [signature; value] of what it sees, TarMAC's eq. (1). What it hears are numbers:
    the loss goes no further than its own network. The layers that make messages,
    `q_network.attention.W_k` and `W_v`, therefore never get a gradient other than zero; they stay
    as they were drawn. Others can learn to read them, but it does not learn what to say.

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
        if self.message_dim % (2 * self.num_heads):
            raise ValueError(
                f"message_dim must be a multiple of {2 * self.num_heads}, a signature and a value "
                f"for each of num_heads={num_heads}, got {message_dim!r}"
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
        self, obs: Any, messages: Any = None, *, training: bool = True, available: Any = None
    ) -> tuple[int, Float[Tensor, " M"] | None]:
        """What to do, and what to say.

        Args:
            obs: (O,). messages: what others have said, (K, M), or None. training, available: see
                `DQNAgent`.
        Returns:
            the action, and its message (M,), which is made of `obs` alone; None if it does not
            communicate.
        """
        seen, heard = self._read("obs", obs), self._inbox(messages)
        view = torch.cat([seen, F.pad(heard, (1, 0), value=1.0).flatten()])
        self._take_in(seen, view)
        return self._choose(self._look(view), training, available), self.say(obs)

    def get_attention_weights(self) -> Float[Tensor, "H K"] | None:
        """To which of the messages it attended when it last acted, head by head.

        Rows sum to 1. None if there was no message, or it has not acted yet.
        """
        found = self._weights
        return None if found is None or not found.shape[-1] else found

    def _inbox(self, messages: Any) -> Float[Tensor, "K M"]:
        if messages is None or not self.use_communication:
            return torch.zeros(0, self.message_dim, device=self.device)
        return self._read("messages", messages, "K", self.message_dim)

    def _keep(self, step: Step, after: Tensor) -> None:
        fields = self.replay.fields
        width = max(len(step.before), len(after), fields["obs"].shape[1])
        before, after = (F.pad(x, (0, width - len(x))) for x in (step.before, after))
        if width > fields["obs"].shape[1]:  # more messages than ever before: room for them
            for name in ("obs", "next_obs"):
                fields[name] = F.pad(fields[name], (0, width - fields[name].shape[1]))
        super()._keep(step._replace(before=before), after)
