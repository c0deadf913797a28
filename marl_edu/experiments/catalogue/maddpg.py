"""The MADDPG chapter: speaker and listener, with words and with numbers; cooperative navigation.

Each is run a second time with the idea taken away: a critic that sees its own agent only (DDPG).

Settings were chosen before the first of these runs, in trials of 300 to 5,000 updates: 15 with
words, one with numbers, one in navigation. They had seed 100, and the first one seed 0.

What we expect, written down before the runs. Scores are interquartile means of returns:

1. Words, MADDPG: better than the deaf listener (-15.5), and between -13 and -9. In the trials some
   seeds stuck at a code in which two goals share a word, worth about -12.
2. Words, DDPG: no better than the deaf listener; between -17.5 and -15.
3. Numbers, MADDPG with TD3's switches: better than -8.5, with fewer updates than words need.
4. Numbers, DDPG with the same switches: at the deaf listener's score or below, -18 to -15.
5. Navigation: both learn; MADDPG is better than DDPG by less than 1.5, and neither shares the
   landmarks out (-7.3); both lie between -20 and -16.
"""

from typing import Any

from marl_edu.envs import CooperativeNavigation, SpeakerListener
from marl_edu.experiments import methods as m
from marl_edu.experiments.run import Experiment

CRITICS = {"maddpg": "central", "ddpg": "own"}
WORDS: dict[str, Any] = {"env": SpeakerListener, "updates": 8000}
NUMBERS: dict[str, Any] = {
    "env": SpeakerListener,
    "env_args": {"continuous": True},
    "updates": 3000,
    "twin": True,
    "smoothing": 0.1,
    "logit_cost": 1e-3,
    "lr": 1e-2,
    "tau": 0.01,
    "max_grad_norm": 0.5,
}
SPREAD: dict[str, Any] = {"env": CooperativeNavigation, "updates": 5000, "train_freq": 150.0}


def _run(name: str, task: str, settings: dict[str, Any], **more: Any) -> Experiment:
    cfg = m.MADDPG.config(**settings, critic=CRITICS[name])
    return Experiment(f"{name}-{task}", m.MADDPG, cfg, m.SCORE_ACTORS, **more)


EXPERIMENTS = (
    # Every pair that was trained with central critics is kept: the chapter reads their codes.
    _run("maddpg", "speaker-listener", WORDS, keep_policy=tuple(range(8))),
    _run("ddpg", "speaker-listener", WORDS),
    *(_run(name, "speaker-listener-numbers", NUMBERS) for name in CRITICS),
    *(_run(name, "spread", SPREAD, seeds=5) for name in CRITICS),
)
