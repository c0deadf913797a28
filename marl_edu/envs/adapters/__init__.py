"""Adapters to and from PettingZoo and Gymnasium: dictionaries, numpy and agents' names live here.

Out: `to_pettingzoo` shows an environment as a PettingZoo `ParallelEnv`, `to_gymnasium` as a
Gymnasium `Env`. In: `from_pettingzoo` and `from_gymnasium` make an environment of theirs, on which
every algorithm of the package trains unchanged.
"""

from marl_edu.envs.adapters.incoming import from_gymnasium, from_pettingzoo
from marl_edu.envs.adapters.outgoing import Parallel, to_gymnasium, to_pettingzoo

__all__ = ["Parallel", "from_gymnasium", "from_pettingzoo", "to_gymnasium", "to_pettingzoo"]
