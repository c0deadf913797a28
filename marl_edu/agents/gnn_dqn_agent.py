"""An agent among neighbours, whose layers run over what all of them see."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from marl_edu.agents.listening_agent import ListeningAgent
from marl_edu.algos import dqn, gat
from marl_edu.core.checks import one_of, positive_int, whole_number
from marl_edu.core.graph_layers import GraphConvolution, GraphMax, GraphMean
from marl_edu.training.replay import ReplayBuffer

LAYERS: dict[str, type[nn.Module]] = {
    "gat": gat.GraphAttention,
    "gatv2": gat.GraphAttentionV2,
    "gcn": GraphConvolution,
    "mean": GraphMean,
    "max": GraphMax,
}


class GraphQ(nn.Module):
    """Q of one among neighbours: graph attention, gat.py's eq. (6), between two layers of a DQN.

    Args:
        agent_id: whose Q. n_agents: N. obs_dim: O. n_actions: A. hidden: D.
        gnn_type: a key of `LAYERS`. layers, heads: see `gat.Config`.
    """

    def __init__(
        self, agent_id: int, n_agents: int, obs_dim: int, n_actions: int, hidden_dim: int,
        gnn_type: str, layers: int, heads: int,
    ):  # fmt: skip
        super().__init__()
        self.agent_id, self.n_agents, self.obs_dim = agent_id, n_agents, obs_dim
        self.encode = nn.Linear(obs_dim, hidden_dim)
        self.talk = gat.GraphTalk(hidden_dim, heads, layers, LAYERS[gnn_type])
        self.q = dqn.QNet(hidden_dim, n_actions, hidden_dim)
        self.weights: Tensor | None = None  # of the last call, (E, H, N)

    def forward(
        self, view: Float[Tensor, "E X"], hidden: Tensor | None = None
    ) -> tuple[Float[Tensor, "E A"], Tensor | None]:
        """Q of every action `(E, A)`, and `hidden` as it came.

        Args:
            view: what every agent sees, N O numbers, and behind it who hears whom, N N.
        """
        E, N = len(view), self.n_agents
        seen, adjacency = view.split([N * self.obs_dim, N * N], -1)
        z = F.relu(self.encode(seen.reshape(E, N, -1)))
        z, attention = self.talk(z, adjacency.reshape(E, N, N) > 0)
        self.weights = attention[:, -1, :, self.agent_id].detach()
        return self.q(z[:, self.agent_id])[0], hidden


class GNNDQNAgent(ListeningAgent):
    """An agent among neighbours, whose layers run over what all of them see: `algos/gat.py`.

    It is the neighbours' observations that travel, so there is no message to be learned; the
    layers, its own, learn what to make of them.

    Args:
        n_agents: N. gnn_type: "gat", "gatv2", "gcn", "mean" or "max". num_gnn_layers: so many links
        far information travels; 0: nobody is heard. num_heads: H. The rest:
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
        self.gnn_type = one_of("gnn_type", gnn_type, LAYERS)
        self.num_gnn_layers = whole_number("num_gnn_layers", num_gnn_layers)
        self.num_heads = positive_int("num_heads", num_heads)
        if positive_int("hidden_dim", hidden_dim) % self.num_heads:
            raise ValueError(f"num_heads must divide hidden_dim={hidden_dim!r}, got {num_heads!r}")
        if not whole_number("agent_id", agent_id) < self.n_agents:
            raise ValueError(f"agent_id must be one of 0..{self.n_agents - 1}, got {agent_id!r}")
        super().__init__(agent_id, observation_space, action_space, hidden_dim, device, **settings)

    def _build(self) -> Any:
        sizes = (self.agent_id, self.n_agents, self.obs_dim, self.n_actions, self.hidden_dim)
        return GraphQ(*sizes, self.gnn_type, self.num_gnn_layers, self.num_heads)

    def _replay(self) -> Any:
        N = self.n_agents
        size = N * self.obs_dim + N * N
        return ReplayBuffer(self.cfg.capacity, size, self.available, changes=True)

    def get_action(
        self,
        obs: Any,
        others: Any = None,
        adjacency: Any = None,
        *,
        training: bool = True,
        available: Any = None,
    ) -> int:
        """What to do.

        Args:
            obs: what it sees, (O,). others: what the other agents see, (N - 1, O), in order of
                agents, itself left out; None: nobody is there.
            adjacency: `[i, j]`: i hears j, bool (N, N); None: everybody hears everybody.
            training, available: see `DQNAgent`.
        """
        N, seen = self.n_agents, self._read("obs", obs)
        links = seen.new_ones(N, N)
        if adjacency is not None:
            links = self._read("adjacency", adjacency, N, N)
        if others is None:
            rest, links = seen.new_zeros(N - 1, self.obs_dim), seen.new_zeros(N, N)
        else:
            rest = self._read("others", others, N - 1, self.obs_dim)
        rows = torch.cat([rest[: self.agent_id], seen[None], rest[self.agent_id :]])
        view = torch.cat([rows.flatten(), links.flatten()])
        self._take_in(seen, view)
        return self._choose(self._look(view), training, available)

    def get_attention_weights(self) -> Float[Tensor, "H N"] | None:
        """To whom it attended in the last layer when it last acted, itself among them.

        Rows sum to 1 with "gat" and "gatv2"; 0 where it does not hear, or no layer is there. None
        if it has not acted yet.
        """
        return self._weights
