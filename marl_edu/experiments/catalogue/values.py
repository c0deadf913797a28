"""The chapter on value decomposition: games with known answers, then games that are played.

Predicted before the stored runs of the games, after the tests of the algorithms and one trial of
each game:
1. Two-step game: every seed of QMIX has 6.93, 7.92 and 8 within 0.15 in its tables, and gets 8.
   Every seed of VDN has the least squares of 2B within 0.4 in its table, and gets 7, as IQL does.
2. QTRAN's game: every seed of VDN and of QMIX plays for 0. Every seed of QMIX ends within 0.5 of
   the local optimum: -8 in the first row and column, 0 elsewhere. Every seed of OW-QMIX plays
   for 8.
Predicted before any trial of them, of the two-step game with a changed mixer (`mixers.py`):
3. Blind: 8 in every seed, since the agents see the state themselves. Linear: VDN's table and 7 in
   every seed, since weights that differ by state still make a sum. Signed: the table of 2B is right
   in every seed, but in some seeds the greedy team gets less than 8.
Predicted before the stored runs of predator-prey, after five trials of one seed. On the 4 x 4 grid
with the penalty VDN and QMIX stood still and OW-QMIX caught 4 %. On the 3 x 3 grid OW-QMIX caught
90 %.
4. Without a penalty IQL, VDN and QMIX all get more than 0.9 (IQM), and their intervals overlap. (Of
   these, QMIX alone was run.)
   With a penalty of 0.5 all three stand still, within 0.05 of 0; OW-QMIX gets more than 0.5.
"""

from typing import Any

from marl_edu.envs import PredatorPrey
from marl_edu.envs.baselines.predator_prey import PENALTIES, TOGETHER
from marl_edu.envs.games import MatrixGame, TwoStepGame
from marl_edu.experiments import methods as m
from marl_edu.experiments.run import Algorithm, Experiment

# All actions equally likely throughout, as the closed forms ask for it.
GAME: dict[str, Any] = {
    "gamma": 0.99,
    "epsilon": 1.0,
    "epsilon_end": 1.0,
    "num_envs": 32,
    "hidden_dim": 32,
    "learning_starts": 64,
    "train_freq": 16.0,
    "updates": 1500,
    "lr": 5e-3,
    "lr_end": 0.01,
    "target_update_interval": 50,
}
# Two predators that see everything, and must step on the prey in the same step.
PREY: dict[str, Any] = {
    "env": PredatorPrey,
    "updates": 1000,
    "train_freq": 192.0,
    "lr": 1e-3,
}
METHODS = (m.IQL, m.VDN, m.QMIX)
SEEDS = 8
PARTS = ("blind", "linear", "signed")  # of the mixer, changed


def _game(name: str, method: Algorithm, env: Any, **settings: Any) -> Experiment:
    """Every seed's network is kept: the chapter looks into their tables. Nothing in a game is left
    to chance once the team is greedy, so that a few episodes tell all."""
    cfg = method.config(env=env, **GAME, **settings)
    return Experiment(name, method, cfg, m.SCORE_Q, 250, SEEDS, tuple(range(SEEDS)))


def _together(method: Algorithm, penalty: float, end: str = "", **settings: Any) -> Experiment:
    cfg = method.config(**PREY, env_args={**TOGETHER, "penalty": penalty}, **settings)
    name = f"{method.id}-together{round(-100 * penalty)}{end}"
    return Experiment(name, method, cfg, m.SCORE_Q, seeds=SEEDS, keep_policy=())


EXPERIMENTS = (
    *(_game(f"{method.id}-two-step", method, TwoStepGame) for method in METHODS),
    *(_game(f"{method.id}-qtran", method, MatrixGame) for method in METHODS[1:]),
    _game("qmix-qtran-weighted", m.QMIX, MatrixGame, weight=0.1),
    *(_game(f"qmix-two-step-{mixer}", m.QMIX_CHANGED, TwoStepGame, mixer=mixer) for mixer in PARTS),
    _together(m.QMIX, PENALTIES[0]),
    *(_together(method, PENALTIES[-1]) for method in METHODS),
    _together(m.QMIX, PENALTIES[-1], "-weighted", weight=0.1),
)
