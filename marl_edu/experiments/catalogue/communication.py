"""The TarMAC chapter: the junction and the speaker probe."""

from typing import Any

from marl_edu.envs import SpeakerProbe, TrafficJunction
from marl_edu.experiments import methods as m
from marl_edu.experiments.run import Experiment

EASY: dict[str, Any] = {
    "env": TrafficJunction,
    "env_args": {"difficulty": "easy"},
    "updates": 2000,
    "anneal": 1.0,  # a one-seed trial with 0.4 stopped at 86 %
}
MEDIUM: dict[str, Any] = {
    "env": TrafficJunction,
    "env_args": {"difficulty": "medium", "route": "one-hot"},
    "updates": 3200,
    "num_envs": 32,
    "checkpoint_every": 100,
}
HARD: dict[str, Any] = {
    "env": TrafficJunction,
    "env_args": {"difficulty": "hard", "route": "one-hot"},
    "updates": 6000,
    "num_envs": 16,
    "checkpoint_every": 50,
}
DISTRACTORS = (1, 3, 7, 15)
METHODS = (m.NONE, m.COMMNET, m.TARMAC)


def probe(distractors: int) -> dict[str, Any]:
    """The settings of a run on the speaker probe with so many distractors."""
    return {
        "env": SpeakerProbe,
        "env_args": {"distractors": distractors},
        "updates": 1200,
        "num_envs": 128,
        "ent_coef": 0.05,
        "ent_coef_end": 0.0,
        "reward_scale": 1.0,
    }


EXPERIMENTS = (
    *(
        # Every seed's policy is kept: the interventions need them all.
        Experiment(f"{method.id}-easy", method, method.config(**EASY), m.SCORE_TEAM,
                   keep_policy=tuple(range(8)))
        for method in METHODS
    ),
    *(
        Experiment(f"{method.id}-medium", method, method.config(**MEDIUM), m.SCORE_TEAM, seeds=5,
                   keep_policy=tuple(range(5)))
        for method in METHODS
    ),
    *(
        Experiment(f"{method.id}-probe{k}", method, method.config(**probe(k)), m.SCORE_TEAM,
                   keep_policy=())
        for k in DISTRACTORS
        for method in METHODS
    ),
    *(
        Experiment(f"ic3net-{size}", m.IC3NET, m.IC3NET.config(**task), m.SCORE_TEAM, seeds=5)
        for size, task in (("easy", EASY), ("medium", MEDIUM))
    ),
    # Four heads and two rounds: for the pictures of who listens to whom.
    Experiment(
        "tarmac-heads",
        m.TARMAC,
        m.TARMAC.config(**EASY, heads=4, value_dim=8, rounds=2),
        m.SCORE_TEAM,
        seeds=1,
    ),
)  # fmt: skip
HARD_EXPERIMENTS = (
    Experiment("tarmac-hard", m.TARMAC, m.TARMAC.config(**HARD, rounds=2), m.SCORE_TEAM, seeds=2),
)
