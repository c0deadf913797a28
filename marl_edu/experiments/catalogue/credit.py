"""The comparison's second table: who gets the credit? Its cells that no chapter has run.

Every method trains in an environment for about as many steps as in the chapter it comes from, with
its family's settings; nothing was tuned. Five seeds each.

Predicted before these runs, after a trial of 6,000 to 16,000 steps of VDN, QMIX and MAPPO in both
particle environments, for their time. Scores are interquartile means of returns:
1. Two-step game: MADDPG, IPPO and MAPPO take the sure 7, each in at least four of five seeds.
2. Predator-prey with a penalty of 0.5: all three stand still, within 0.05 of 0.
3. Speaker and listener: IQL no better than the deaf listener, below -15. VDN and QMIX better,
   between -14 and -9, since the error of their sum reaches the speaker. IPPO and MAPPO between -17
   and -13.
4. Cooperative navigation: nobody shares the landmarks out (-7.3). All five lie between -22 and -15;
   VDN is better than IQL; the intervals of IPPO and MAPPO overlap.
"""

from typing import Any

from marl_edu.envs import CooperativeNavigation, PredatorPrey, SpeakerListener
from marl_edu.envs.baselines.predator_prey import PENALTIES, TOGETHER
from marl_edu.envs.games import TwoStepGame
from marl_edu.experiments import methods as m
from marl_edu.experiments.catalogue import critics, values
from marl_edu.experiments.run import Algorithm, Evaluation, Experiment

SEEDS = 5
WHERE: dict[str, dict[str, Any]] = {
    "two-step": {"env": TwoStepGame},
    "together50": {"env": PredatorPrey, "env_args": {**TOGETHER, "penalty": PENALTIES[-1]}},
    "speaker-listener": {"env": SpeakerListener},
    "spread": {"env": CooperativeNavigation},
}
# Steps of the team in the chapter's runs: 12,000, 97,000, 424,000 and 267,000.
Q: dict[str, dict[str, Any]] = {
    "speaker-listener": {"updates": 1500, "train_freq": 565.0, "lr": 1e-3},
    "spread": {"updates": 1500, "train_freq": 534.0, "lr": 1e-3},
}
ACTORS: dict[str, dict[str, Any]] = {
    "two-step": {"updates": 1500, "train_freq": 16.0, "num_envs": 32, "learning_starts": 256},
    "together50": {"updates": 2000, "train_freq": 96.0, "learning_starts": 4000},
}
PPO: dict[str, dict[str, Any]] = {
    "two-step": {"updates": 94, "hidden_dim": 16},
    "together50": {**critics.GRID, "updates": 190},
    "speaker-listener": {"updates": 265, "hidden_dim": 32, "lr": 3e-3},
    "spread": {"updates": 167, "hidden_dim": 32, "lr": 3e-3},
}


def _cell(
    name: str, method: Algorithm, evaluation: Evaluation, task: str, **more: Any
) -> Experiment:
    cfg = method.config(**WHERE[task], **more)
    return Experiment(name, method, cfg, evaluation, seeds=SEEDS, keep_policy=())


EXPERIMENTS = (
    *(
        _cell(f"{method.id}-{task}", method, m.SCORE_Q, task, **settings)
        for task, settings in Q.items()
        for method in values.METHODS
    ),
    *(
        _cell(f"maddpg-{task}", m.MADDPG, m.SCORE_ACTORS, task, **settings)
        for task, settings in ACTORS.items()
    ),
    *(
        _cell(critics.name_of(task, see), m.MAPPO, m.SCORE_CRITICS, task, critic=see, **settings)
        for task, settings in PPO.items()
        for see in ("own", "team")
    ),
)
