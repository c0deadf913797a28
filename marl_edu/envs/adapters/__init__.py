"""Adapters to and from PettingZoo and Gymnasium: dictionaries, numpy and agents' names live here.

Out: `to_pettingzoo` shows an environment as a PettingZoo `ParallelEnv`, `to_gymnasium` as a
Gymnasium `Env`, `to_vector` a batch as a Gymnasium `VectorEnv`; `Predictor` gives a policy the
`predict` of Stable-Baselines3. In: `from_pettingzoo` and `from_gymnasium` make an environment of
theirs, on which every algorithm of the package trains unchanged. Both ways: `discretise` and
`with_box_actions` for numbers as actions. By name: `marl_edu.envs.registration`.
"""

from marl_edu.envs.adapters.actions import discretise, with_box_actions
from marl_edu.envs.adapters.incoming import from_gymnasium, from_pettingzoo
from marl_edu.envs.adapters.outgoing import to_gymnasium, to_pettingzoo, to_vector
from marl_edu.envs.adapters.parallel import Parallel
from marl_edu.envs.adapters.predictor import Predictor

__all__ = [
    "Parallel",
    "Predictor",
    "discretise",
    "from_gymnasium",
    "from_pettingzoo",
    "to_gymnasium",
    "to_pettingzoo",
    "to_vector",
    "with_box_actions",
]
