"""The chapter on MAPPO: what is a central critic worth?

Predicted before the stored runs, after the tests of the algorithm and one or two trials each of
navigation and of the hunt:
1. Witness maze: the critic is told the sign, the agent that walks never is. In the last tenth of
   training "team" and "state" explain at least four fifths of the variance of the returns. "own"
   and "shuffled" explain at most a fifth. Nobody does better than the coin: all four lie between
   47 and 53 % success.
2. Penalty game: every seed of both critics plays the safe pair of actions and gets 2.
3. Hunt (predator-prey, nobody talks): "team" and "state" explain at least 0.1 more of the variance
   of the returns than "own"; "shuffled" no more than "own". In success the intervals of "own",
   "team" and "state" overlap.
4. Navigation, in which agents see each other: the intervals of the returns of "own", "team" and
   "state" overlap. In both tasks "shuffled" is the worst, if only by little: it has noise to
   ignore.
5. A critic without units (`normalise_value=False`): worse in navigation, whose returns are around
   -20; not told apart in the hunt, whose returns are around -0.6.
6. Separate networks: not told apart in either, or a little worse, since each learns from a third
   of the data.
Stored are the runs of the witness maze, the penalty game and the hunt. Navigation, and 5 and 6,
were not run.

Predicted before an input of a trained critic was switched off in the hunt. Off means set to 0, or
of the memory erased before every step. Fresh episodes of its own team, actions sampled, 8 seeds:
7. Without the place of the prey the state's critic explains at least 0.2 less of the variance of
   the returns than with everything.
8. Without the others' views the team's critic explains less than IPPO's critic does for its own
   team, which was trained without them: their intervals do not overlap.
9. Without memory IPPO's critic explains at least 0.2 less.
10. Without the number of the agent each of the three critics explains at most 0.05 less.
"""

from typing import Any

from marl_edu.algos.mappo import CRITICS
from marl_edu.envs import CooperativeNavigation, PredatorPrey, TMaze
from marl_edu.envs.games import MatrixGame, penalty_game
from marl_edu.experiments import methods as m
from marl_edu.experiments.run import Experiment

GRID: dict[str, Any] = {
    "updates": 100, "hidden_dim": 32, "gamma": 0.95, "gae_lambda": 0.9, "lr": 5e-3
}  # fmt: skip
HUNT: dict[str, Any] = {**GRID, "env": PredatorPrey}
NAVIGATION: dict[str, Any] = {  # of longer reach: rewards come in every step
    "env": CooperativeNavigation, "updates": 150, "hidden_dim": 32, "lr": 3e-3
}  # fmt: skip
WITNESS: dict[str, Any] = {
    **GRID, "env": TMaze, "env_args": {"length": 3, "witness": True}, "hidden_dim": 16
}  # fmt: skip
PENALTY: dict[str, Any] = {
    "env": MatrixGame, "env_args": {"payoff": penalty_game(-100)}, "updates": 60, "hidden_dim": 16
}  # fmt: skip


def name_of(task: str, critic: str) -> str:
    """`ippo-<task>`, `mappo-<task>` for the team's observations, else `mappo-<task>-<critic>`."""
    method = "ippo" if critic == "own" else "mappo"
    return f"{method}-{task}" + f"-{critic}" * (critic not in ("own", "team"))


def _critic(task: str, critic: str, settings: dict[str, Any]) -> Experiment:
    cfg = m.MAPPO.config(**settings, critic=critic)
    kept = tuple(range(8)) if task == "hunt" and critic in LIVE else ()
    return Experiment(name_of(task, critic), m.MAPPO, cfg, m.SCORE_CRITICS, 1000, keep_policy=kept)


def _without(task: str, settings: dict[str, Any], what: str, **more: Any) -> Experiment:
    cfg = m.MAPPO.config(**settings, **more)
    name = f"mappo-{task}-{what}"
    return Experiment(name, m.MAPPO, cfg, m.SCORE_CRITICS, 1000, keep_policy=())


LIVE = ("own", "team", "state")  # critics of the live figure, in the hunt
TASKS = {"witness": WITNESS, "hunt": HUNT, "navigation": NAVIGATION}
EXPERIMENTS = (
    *(_critic("penalty", critic, PENALTY) for critic in ("own", "team")),
    *(_critic(task, critic, TASKS[task]) for task in TASKS for critic in CRITICS),
    *(_without(task, TASKS[task], "raw", normalise_value=False) for task in ("hunt", "navigation")),
    *(_without(task, TASKS[task], "separate", share=False) for task in ("hunt", "navigation")),
)
