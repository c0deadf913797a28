"""The DRQN chapter: the T-maze and what is made of it, and CartPole."""

from typing import Any

from marl_edu.envs import AgentId, Flicker, TMaze
from marl_edu.envs.cartpole import cartpole
from marl_edu.experiments import methods as m
from marl_edu.experiments.run import Experiment

TMAZE: dict[str, Any] = {
    "env": TMaze,
    "env_args": {"length": 10},
    "updates": 4000,
    "train_freq": 16.0,
    "hidden_dim": 32,
    "lr": 3e-3,
}
LENGTHS = (5, 10, 20, 40)  # 10 is `tmaze` itself
FLICKER = (0, 30, 60, 90)  # observations that are missing, in percent
WITNESS: dict[str, Any] = {
    "env": AgentId,
    "env_args": {"env": TMaze, "env_args": {"witness": True}},
}
# Gymnasium's, velocities hidden. Unscaled, Huber's loss is a median, and values run away.
CARTPOLE: dict[str, Any] = {
    "env": cartpole,
    "env_args": {"velocities": False},
    "updates": 8000,
    "num_envs": 8,
    "gamma": 0.99,
    "reward_scale": 0.02,
    "lr": 3e-3,
    "exploration_fraction": 0.1,
    "learning_starts": 500,
    "target_update_interval": 20,
}
STARTS: dict[str, dict[str, Any]] = {  # of a window that is shorter than the corridor
    "zero": {},
    "burnin": {"burn_in": 6},
    "stored": {"start": "stored"},
}
RECURRENT: dict[str, Any] = {  # actor-critics in the T-maze
    "updates": 600,
    "hidden_dim": 32,
    "lr": 5e-3,
    "ent_coef": 0.1,
    "ent_coef_end": 0.0,
    "reward_scale": 1.0,
    "gamma": 0.95,
    "gae_lambda": 0.95,
    "detach_every": 40,
}
METHODS = (m.DQN, m.DRQN)


def flicker(percent: int) -> dict[str, Any]:
    """The settings of a run on the T-maze where so many observations are missing."""
    args = {"env": TMaze, "env_args": {"length": 10}, "p": percent / 100}
    return {**TMAZE, "env": Flicker, "env_args": args, "updates": 6000}


def _poles(name: str, method: Any, **settings: Any) -> Experiment:
    cfg = method.config(**{**CARTPOLE, **settings})
    return Experiment(name, method, cfg, m.SCORE_POLES, episodes=250, seeds=5, keep_policy=())


EXPERIMENTS = (
    *(
        # Every seed's network is kept: the chapter looks into their memories.
        Experiment(f"{method.id}-tmaze", method, method.config(**TMAZE), m.SCORE_Q,
                   keep_policy=tuple(range(8)))
        for method in METHODS
    ),
    Experiment(
        "drqn-tmaze-gru", m.DRQN, m.DRQN.config(**TMAZE, memory="gru"), m.SCORE_Q, seeds=5
    ),
    *(
        Experiment(f"{method.id}-{task}", method, method.config(**settings), m.SCORE_Q, seeds=5,
                   keep_policy=())
        for method in METHODS
        for task, settings in (
            *(
                (f"tmaze{n}", {**TMAZE, "env_args": {"length": n}})
                for n in LENGTHS
                if n != 10
            ),
            *((f"flicker{p}", flicker(p)) for p in FLICKER),
            ("witness", {**TMAZE, **WITNESS}),
        )
    ),
    _poles("dqn-cartpole", m.DQN),
    _poles("drqn-cartpole", m.DRQN, window=10, burn_in=5),
    _poles("dqn-cartpole-seen", m.DQN, env_args={}),
    # Memory and talk together, for the witness and its agent.
    Experiment(
        "tarmac-witness",
        m.TARMAC,
        m.TARMAC.config(**WITNESS, **RECURRENT),
        m.SCORE_TEAM,
        seeds=5,
        keep_policy=(),
    ),
    *(
        Experiment(f"drqn-window-{name}", m.DRQN, m.DRQN.config(**TMAZE, window=6, **start),
                   m.SCORE_Q, seeds=5, keep_policy=())
        for name, start in STARTS.items()
    ),
)  # fmt: skip
