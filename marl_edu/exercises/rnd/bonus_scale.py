"""Exercise: the size of RND's bonus. Sizes: T steps, B environments."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Number, Reals
from marl_edu.exercises.engine.trying import Case


def _bonuses(rng: torch.Generator) -> Iterator[Case]:
    for what, T, B, dtype in (
        ("two steps of one environment", 2, 1, torch.float32),
        ("one step of three environments", 1, 3, torch.float32),
        ("five steps of two environments", 5, 2, torch.float32),
        ("numbers in float64", 6, 3, torch.float64),
        ("many steps", 30, 4, torch.float32),
    ):
        bonus = torch.rand(T, B, generator=rng, dtype=dtype)
        yield Case(what, (bonus, 0.9))
    yield Case("bonuses that have all but faded", (bonus / 100_000, 0.9))


exercise = Exercise(
    place=20,
    title="How large is a bonus?",
    difficulty=3,
    importance=5,
    minutes="15",
    statement="""\
The errors of a network have no unit, so RND divides its bonus by σ. This is the standard deviation
of $R_t = \\gamma R_{t-1} + r_t$: the bonuses gathered *forward* in time, each environment for
itself, starting from 0. Take σ over all steps and environments together (divide by their number,
not by one less). Give the bonus over σ; add 1e-8 to σ. numpy is welcome. What you write: a loop
over time and one line.""",
    hint="""\
R is one number per environment, `(B,)`, which the loop carries on. It is no return: returns look
ahead, and would have to wait for the future.""",
    domain=Domain(
        sizes={"T": (1, 12), "B": (1, 4)},
        given={
            "bonus": Reals("T B", between=(0, 1)),
            "gamma": Number(0.0, 1.0),
        },
    ),
    inputs=_bonuses,
    gradient=False,
)


@exercise.solved_by
def scaled_bonus(bonus, gamma):
    """The bonus over sigma: (T, B).

    bonus: (T, B), time first. gamma: a number.
    """
    R, seen = torch.zeros_like(bonus[0]), []
    for r in bonus:
        R = gamma * R + r
        seen.append(R)
    return bonus / (torch.stack(seen).std(correction=0) + 1e-8)


def _forward(bonus, gamma):
    seen = [bonus[0]]
    for r in bonus[1:]:
        seen.append(gamma * seen[-1] + r)
    return torch.stack(seen)


def _over(bonus, R, correction=0):
    return bonus / (R.std(correction=correction) + 1e-8)


@exercise.mistake
def backward_returns(bonus, gamma):
    """R is gathered backwards, from the last step to the first: those are returns. RND's filter
    runs forward, because at step t there is no future yet."""
    return _over(bonus, _forward(bonus.flip(0), gamma))


@exercise.mistake
def over_environments(bonus, gamma):
    """The sum runs from one *environment* to the next instead of from step to step: check which
    axis the loop goes along. A well-known implementation had this bug."""
    return _over(bonus, _forward(bonus.T, gamma))


@exercise.mistake
def spread_of_the_bonus(bonus, gamma):
    """This is the spread of the bonus itself. What the critic has to predict is the sum of many."""
    return _over(bonus, bonus)


@exercise.mistake
def mean_taken_off(bonus, gamma):
    """The mean of the bonus is subtracted. RND only divides: where a return ends with the episode,
    a negative bonus would punish what is familiar."""
    return _over(bonus - bonus.mean(), _forward(bonus, gamma))


@exercise.mistake
def discount_forgotten(bonus, gamma):
    """γ is missing: R grows forever, and so does σ, so the bonus fades."""
    return _over(bonus, bonus.cumsum(0))


@exercise.mistake
def variance_not_spread(bonus, gamma):
    """It is divided by the variance; σ is its root."""
    return bonus / (_forward(bonus, gamma).var(correction=0) + 1e-8)


@exercise.mistake
def each_world_for_itself(bonus, gamma):
    """Every environment is divided by a σ of its own: an environment in which nothing is new is
    then paid as much as one where all is."""
    return bonus / (_forward(bonus, gamma).std(0, correction=0) + 1e-8)


exercise.slips = {
    "discount_forgotten": ("gamma * R + r", "R + r"),
    "variance_not_spread": (".std(", ".var("),
    "each_world_for_itself": ("std(correction=0)", "std(0, correction=0)"),
    "backward_returns": ("for r in bonus:", "for r in bonus.flip(0):"),
}
