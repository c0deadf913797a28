"""Exercise: a team as one learner. Sizes: E moments, N agents, A actions of each."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals
from marl_edu.exercises.engine.trying import Case


def _values(rng: torch.Generator) -> Iterator[Case]:
    for what, (E, N, A), dtype in (
        ("one agent", (2, 1, 3), torch.float32),
        ("two agents", (1, 2, 3), torch.float32),
        ("two agents with two actions", (3, 2, 2), torch.float32),
        ("three agents, in float64", (4, 3, 3), torch.float64),
    ):
        yield Case(what, (torch.randn(E, N, A, generator=rng, dtype=dtype),))


exercise = Exercise(
    place=30,
    title="A team as one learner",
    difficulty=3,
    importance=3,
    minutes="15–20",
    topic="ground",
    statement="""\
`TeamQ` treats a team as one learner with A^N actions, and rates each by the sum of what its agents
think of their parts. The team's actions are numbers in base A, one digit for each agent: agent 0's
action is the *last* digit. With two agents and three actions each, action 5 is agent 1's action 1
and agent 0's action 2, since 5 = 1 · 3 + 2. Give the value of every action of the team. What you
write: about four lines.""",
    hint="""\
Begin with agent 0's values, (E, A). Bring in one agent after the other: its values as a column,
`(E, A, 1)`, plus what is there as a row, `(E, 1, n)`, make a table `(E, A, n)`. Put the rows of the
table one after the other with `flatten(1)`, in numpy `reshape`, and the values are in the right
order.""",
    domain=Domain(
        sizes={"E": (1, 4), "N": (1, 4), "A": (1, 4)},
        given={
            "q": Reals("E N A", ties=True),
        },
    ),
    inputs=_values,
)


@exercise.solved_by
def joint_values(q):
    """What each action of the team is worth: (E, A ** N).

    q: (E, N, A), what each agent thinks of each of its actions.
    """
    joint = q[:, 0]
    for i in range(1, q.shape[1]):
        joint = (q[:, i, :, None] + joint[:, None, :]).flatten(1)
    return joint


@exercise.mistake
def first_digit(q):
    """Agent 0's action is the first digit here, not the last: agents would do each other's
    actions."""
    joint = q[:, 0]
    for i in range(1, q.shape[1]):
        joint = (joint[:, :, None] + q[:, i, None, :]).flatten(1)
    return joint


@exercise.mistake
def product(q):
    """Values are multiplied. Two bad actions would make a good one."""
    joint = q[:, 0]
    for i in range(1, q.shape[1]):
        joint = (q[:, i, :, None] * joint[:, None, :]).flatten(1)
    return joint


@exercise.mistake
def mean_value(q):
    """This is the mean over agents, not their sum: the more agents, the less a reward is worth to
    each."""
    joint = q[:, 0]
    for i in range(1, q.shape[1]):
        joint = (q[:, i, :, None] + joint[:, None, :]).flatten(1)
    return joint / q.shape[1]


@exercise.mistake
def cut_from_the_others(q):
    """The values are right, but only agent 0 learns: what the others think has been cut from its
    gradient."""
    joint = q[:, 0]
    for i in range(1, q.shape[1]):
        joint = (q[:, i, :, None].detach() + joint[:, None, :]).flatten(1)
    return joint


@exercise.mistake
def best_of_the_others(q):
    """The others are taken to do their best, whatever their digits say: then the team's value says
    nothing about what they did."""
    joint = q[:, 0]
    for i in range(1, q.shape[1]):
        best = q[:, i].max(-1, keepdim=True).values.expand_as(q[:, i])
        joint = (best[:, :, None] + joint[:, None, :]).flatten(1)
    return joint


exercise.slips = {
    "product": ("q[:, i, :, None] + joint", "q[:, i, :, None] * joint"),
    "first_digit": ("q[:, i, :, None] + joint[:, None, :]", "joint[:, :, None] + q[:, i, None, :]"),
    "cut_from_the_others": ("q[:, i, :, None] +", "q[:, i, :, None].detach() +"),
    "mean_value": ("return joint", "return joint / q.shape[1]"),
}
