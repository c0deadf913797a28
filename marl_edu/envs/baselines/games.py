"""Policies for the games of one or two steps, and what value decompositions come to in them.

If all joint actions are equally frequent in the data, a value decomposition is a least-squares fit:
it fits the payoffs as well as its shape allows. It then plays the best of what it has fitted.

VDN, a sum of one number per agent: row mean + column mean - mean. In QTRAN_GAME this is -6.22 for
the best pair, -4.89 for half of it and -3.56 for the others, so that it plays for 0. In
CLIMBING_GAME it plays for 5, in penalty_game for 2, in the two-step game for 7.

QMIX, anything that never falls where an agent's utility rises. It fits the two-step game exactly,
and plays for 8. In CLIMBING_GAME it plays for 5, in penalty_game(-100) for 2. In QTRAN_GAME
training ends where the first action looks worst to both: -8 in its row and column, 0 elsewhere
(squared error 320), so that it plays for 0. That is a local optimum: 8 for the best pair and -6
everywhere else rises with the utilities too, and fits better (288).
`tests/envs/test_games.py` computes all of these numbers.
"""

from functools import partial
from math import comb
from typing import Any

from jaxtyping import Int
from torch import Tensor

from marl_edu.envs.baselines.task import Always, ScriptedPolicy, Task, UniformPolicy
from marl_edu.envs.games import (
    CLIMBING_GAME,
    QTRAN_GAME,
    LeverGame,
    MatrixGame,
    TwoStepGame,
    penalty_game,
)


def lever_by_number(env: LeverGame) -> Int[Tensor, "B N"]:
    """Who has number k in the pool pulls lever k modulo their count, whoever else is there."""
    return env.numbers % env.n_actions


def lever_by_rank(env: LeverGame) -> Int[Tensor, "B N"]:
    """Who has the smallest number pulls the first lever, the next one the second, and so on."""
    return env.numbers.argsort(1).argsort(1) % env.n_actions


def by_number_reward(pool: int, n_agents: int, n_levers: int) -> float:
    """Expected reward of `lever_by_number`: how many residues occur among the agents drawn."""
    others = [pool - len(range(lever, pool, n_levers)) for lever in range(n_levers)]
    missing = sum(comb(k, n_agents) / comb(pool, n_agents) for k in others)
    return 1 - missing / n_levers


def _matrix_task(
    key: str, name: str, isolates: str, payoff: Any, random: float, *policies: ScriptedPolicy
) -> Task:
    """A matrix game; all of its policies but the random one always choose the same action."""
    return Task(
        key=key,
        name=name,
        isolates=isolates,
        make=partial(MatrixGame, payoff=payoff),
        score="return",
        unit="payoff",
        policies=(ScriptedPolicy("random", "random", UniformPolicy, random), *policies),
        show="best pair",
    )


TASKS = (
    _matrix_task(
        "qtran",
        "Matrix game (QTRAN)",
        "credit: a best action that looks bad on average",
        QTRAN_GAME,
        -40 / 9,
        ScriptedPolicy(
            "sure thing", "open-loop", partial(Always, 1), 0.0
        ),  # what VDN and QMIX come to
        ScriptedPolicy("best pair", "best", partial(Always, 0), 8.0),
    ),
    _matrix_task(
        "climbing",
        "Climbing game",
        "credit: a second-best equilibrium that is safer",
        CLIMBING_GAME,
        -31 / 9,
        ScriptedPolicy("what VDN comes to", "open-loop", partial(Always, 2), 5.0),
        ScriptedPolicy("second equilibrium", "open-loop", partial(Always, 1), 7.0),
        ScriptedPolicy("best pair", "best", partial(Always, 0), 11.0),
    ),
    _matrix_task(
        "penalty",
        "Penalty game, k = -100",
        "credit: two best pairs that must not be mixed up",
        penalty_game(-100),
        -178 / 9,
        ScriptedPolicy(
            "sure thing", "open-loop", partial(Always, 1), 2.0
        ),  # what VDN and QMIX come to
        ScriptedPolicy("best pair", "best", partial(Always, 0), 10.0),
    ),
    Task(
        key="two-step",
        name="Two-step game",
        isolates="credit: a value of the team that is no sum",
        make=TwoStepGame,
        score="return",
        unit="payoff",
        policies=(
            ScriptedPolicy("random", "random", UniformPolicy, 4.75),
            ScriptedPolicy("always 7", "open-loop", partial(Always, 0), 7.0),  # what VDN comes to
            ScriptedPolicy("best pair", "best", partial(Always, 1), 8.0),
        ),
        show="best pair",
    ),
    Task(
        key="levers",
        name="Levers, 5 of 500",
        isolates="credit: agreeing with whom one has just met",
        make=LeverGame,
        score="return",
        unit="share of levers pulled",
        policies=(
            # Agents that see nothing and share their policy cannot do better than chance.
            ScriptedPolicy("random", "random", UniformPolicy, 1 - 0.8**5),
            ScriptedPolicy("all the same", "open-loop", partial(Always, 0), 0.2),
            ScriptedPolicy(
                "by number", "own view", lambda: lever_by_number, by_number_reward(500, 5, 5)
            ),
            ScriptedPolicy("by rank", "best", lambda: lever_by_rank, 1.0),
        ),
        show="by rank",
    ),
)
