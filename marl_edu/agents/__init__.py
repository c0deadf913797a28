"""Agents one by one, each with a network, a replay and an optimiser of its own.

The algorithms of this package drive whole teams in batches of environments, with one network for
all. Here the same parts are arranged as in many notebooks: one object per agent, one environment,
one step at a time, and a loop that the reader writes. For the tour, and for experiments.

    DQNAgent            algos/dqn.py's network and loss
    AttentionDQNAgent   that, and algos/tarmac.py's attention to what the others have said
    GNNDQNAgent         that, and algos/gat.py's layers over what the others see
    LSTMDQNAgent        algos/drqn.py's network and loss: it remembers

    agent = DQNAgent(0, env.observation_space(name), env.action_space(name))
    action = agent.get_action(obs)                     # training=False: the best one known
    agent.store_experience(obs, action, reward, next_obs, terminated)
    agent.update()                                     # one gradient step

Where actions come and go, `available=` tells `get_action` which there are now, and
`next_available=` tells `store_experience` which there are next.

What this way costs: an agent learns from its own reward, by its own loss, from numbers in its own
replay. A message that it was told is such a number. No gradient goes from the one who hears to the
one who spoke, so *listening is learned and speaking is not*: see `AttentionDQNAgent`.

Chance comes from torch's global generator: `torch.manual_seed` makes a run repeatable.

Sizes: O numbers seen, A actions, D hidden, N agents, M numbers in a message, H heads, K messages,
L steps of a sequence, E drawn from the replay.
"""

from marl_edu.agents.attention_dqn_agent import AttentionDQNAgent
from marl_edu.agents.curiosity import IntrinsicCuriosityModule
from marl_edu.agents.dqn_agent import DQNAgent
from marl_edu.agents.gnn_dqn_agent import GNNDQNAgent
from marl_edu.agents.lstm_dqn_agent import LSTMDQNAgent

__all__ = [
    "AttentionDQNAgent",
    "DQNAgent",
    "GNNDQNAgent",
    "IntrinsicCuriosityModule",
    "LSTMDQNAgent",
]
