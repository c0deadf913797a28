"""The comparison: the cells that no chapter has run, and the combinations.

Each family of methods trains in an environment for as many steps as the others did in the chapters,
with its family's settings. In the grid the curious methods take half as many, because they are
slow. Nothing was tuned. The few numbers below divide these steps into updates. See the comparison
chapter.
"""

from typing import Any

from marl_edu.algos.combined import AsOne
from marl_edu.algos.gat import GraphAttentionV2
from marl_edu.envs import TMaze
from marl_edu.envs.lookout import Lookout
from marl_edu.experiments import methods as m
from marl_edu.experiments.catalogue.communication import probe
from marl_edu.experiments.catalogue.exploration import MAZE, TV
from marl_edu.experiments.catalogue.graphs import GRID, relay
from marl_edu.experiments.catalogue.memory import RECURRENT, TMAZE, WITNESS
from marl_edu.experiments.run import Algorithm, Evaluation, Experiment

IN_MAZE: dict[str, Any] = {"gamma": 0.99, "gae_lambda": 0.95, "reward_scale": 1.0, "updates": 150}
Q_MAZE: dict[str, Any] = {"gamma": 0.99, "train_freq": 360.0}
FAMILIES: dict[str, dict[str, dict[str, Any]]] = {  # task -> family -> settings
    "probe7": {
        "talk": probe(7),
        "q": {"train_freq": 300.0},
        "bonus": {"updates": 150, "num_envs": 1024},
    },
    "relay2": {
        "talk": relay(2),
        "q": {"train_freq": 256.0, "hidden_dim": 32},
        "bonus": {"updates": 125, "num_envs": 128, "hidden_dim": 32},
    },
    "grid": {
        "talk": GRID,
        "q": {"train_freq": 1920.0},
        "bonus": {"updates": 150, "num_envs": 128},
    },
}
Q_METHODS = (m.DQN, m.DRQN)
CURIOUS = (m.PPO, m.ICM, m.RND)


def _cell(name: str, method: Algorithm, evaluation: Evaluation, **settings: Any) -> Experiment:
    cfg = method.config(**settings)
    return Experiment(name, method, cfg, evaluation, episodes=1000, seeds=5, keep_policy=())


def _families() -> list[Experiment]:
    found = []
    for task, families in FAMILIES.items():
        where = {key: families["talk"][key] for key in ("env", "env_args")}
        for method in Q_METHODS:
            settings = {**where, **families["q"]}
            found.append(_cell(f"{method.id}-{task}", method, m.SCORE_Q, **settings))
        for method in CURIOUS:
            settings = {**where, **families["bonus"]}
            found.append(_cell(f"{method.id}-{task}", method, m.SCORE_EXPLORERS, **settings))
    return found


def _mazes() -> list[Experiment]:
    found = []
    for task, where in (("maze", MAZE), ("tv", TV)):
        found.append(_cell(f"a2c-{task}", m.NONE, m.SCORE_TEAM, **where, **IN_MAZE))
        found.append(_cell(f"dqn-{task}", m.DQN, m.SCORE_Q, **where, **Q_MAZE))
        found.append(_cell(f"drqn-{task}", m.DRQN, m.SCORE_Q, **where, **Q_MAZE, window=20))
    return found


HERE: dict[str, Any] = {"env": TMaze, "env_args": TMAZE["env_args"]}
# Two agents, each with a maze and a sign of its own, have nothing to tell each other.
PAIR: dict[str, Any] = {"env": TMaze, "env_args": {**TMAZE["env_args"], "n_agents": 2}}
TOGETHER: dict[str, Any] = {**TMAZE, "env": AsOne, "env_args": WITNESS}
EXPERIMENTS = (
    *_families(),
    _cell("gat-probe7", m.GAT, m.SCORE_TEAM, **probe(7)),
    _cell("gatv2-probe7", m.GAT, m.SCORE_TEAM, **probe(7), layer_type=GraphAttentionV2),
    _cell("commnet-relay2", m.COMMNET, m.SCORE_TEAM, **relay(2), rounds=2),
    _cell("tarmac-relay2", m.TARMAC, m.SCORE_TEAM, **relay(2), rounds=2),
    _cell("tarmac-grid", m.TARMAC, m.SCORE_TEAM, **GRID, rounds=2),
    _cell("a2c-tmaze", m.NONE, m.SCORE_TEAM, **HERE, **RECURRENT),
    *(_cell(f"{method.id}-tmaze", method, m.SCORE_EXPLORERS, **HERE) for method in CURIOUS),
    *_mazes(),
    _cell("ppo-tv", m.PPO, m.SCORE_EXPLORERS, **TV),
    # Combinations: see algos/combined.py.
    *(
        _cell(f"{name}-lookout", m.CURIOUS_TEAM, m.SCORE_EXPLORERS, env=Lookout, talk=talk,
              curious=curious)
        for name, talk, curious in (
            ("ppo", False, False), ("gat", True, False), ("icm", False, True),
            ("gat_icm", True, True),
        )
    ),
    _cell("a2c-witness", m.NONE, m.SCORE_TEAM, **WITNESS, **RECURRENT),
    _cell("a2c_forgetful-witness", m.NONE_FORGETFUL, m.SCORE_TEAM, **WITNESS, **RECURRENT),
    _cell("tarmac_forgetful-witness", m.TARMAC_FORGETFUL, m.SCORE_TEAM, **WITNESS, **RECURRENT),
    _cell("a2c-pair", m.NONE, m.SCORE_TEAM, **PAIR, **RECURRENT),
    _cell("tarmac-pair", m.TARMAC, m.SCORE_TEAM, **PAIR, **RECURRENT),
    _cell("team_drqn-witness", m.TEAM_DRQN, m.SCORE_Q, **TOGETHER, talk=False),
    _cell("tarmac_drqn-witness", m.TEAM_DRQN, m.SCORE_Q, **TOGETHER, talk=True),
)  # fmt: skip
