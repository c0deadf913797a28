"""Exercise: what an action turned out to be worth, with one step. Sizes: E steps."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Number, Reals
from marl_edu.exercises.engine.trying import Case


def _ends(rng: torch.Generator) -> Iterator[Case]:
    T, N = True, False
    f32, f64 = torch.float32, torch.float64
    for what, terminated, truncated, dtype in (
        ("a step in the middle of an episode", [N], [N], f32),
        ("a step that ends the episode", [T], [N], f32),
        ("a step after which time is up", [N], [T], f32),
        ("an end as time is up", [T], [T], f32),
        ("numbers in float64", [N, T, N, T], [N, N, T, T], f64),
    ):
        values = [torch.randn(len(terminated), generator=rng, dtype=dtype) for _ in range(2)]
        yield Case(what, (*values, torch.tensor(terminated), torch.tensor(truncated), 0.9))


exercise = Exercise(
    place=10,
    title="Time is up: is that the end?",
    difficulty=1,
    importance=5,
    minutes="5–10",
    statement="""\
What an action turned out to be worth: its reward, and $\\gamma$ times what comes next,
`next_value`. Where the episode ended (`terminated`) nothing comes next. Where time ran out
(`truncated`) it would have gone on. Both at once is an end. What you write: one line.""",
    hint="""\
Which of the two flags says something about the *environment*, and which about our patience?""",
    domain=Domain(
        sizes={"E": (1, 8)},
        given={
            "reward": Reals("E"),
            "next_value": Reals("E", centres=(-50, 50)),
            "terminated": Flags("E"),
            "truncated": Flags("E"),
            "gamma": Number(0.0, 1.0),
        },
    ),
    inputs=_ends,
    gradient=False,
)


@exercise.solved_by
def one_step_target(reward, next_value, terminated, truncated, gamma):
    """What each action turned out to be worth: (E,).

    reward, next_value: (E,). terminated, truncated: (E,) bool.
    gamma: a number.
    """
    return reward + gamma * ~terminated * next_value


@exercise.mistake
def limit_is_an_end(reward, next_value, terminated, truncated, gamma):
    """Running out of time is taken for an end: states late in an episode seem worth
    nothing, and what leads to them little."""
    return reward + gamma * ~(terminated | truncated) * next_value


@exercise.mistake
def never_ends(reward, next_value, terminated, truncated, gamma):
    """Where the episode ended, the value of what comes next still counts: but nothing comes
    next."""
    return reward + gamma * next_value


@exercise.mistake
def flags_swapped(reward, next_value, terminated, truncated, gamma):
    """The two flags have changed places: it stops at the time limit and goes on after the end."""
    return reward + gamma * ~truncated * next_value


@exercise.mistake
def limit_undoes_the_end(reward, next_value, terminated, truncated, gamma):
    """Where the episode ended and time was up as well, it goes on: an end is an end."""
    return reward + gamma * (~terminated | truncated) * next_value


@exercise.mistake
def undiscounted(reward, next_value, terminated, truncated, gamma):
    """The discount is missing: what comes later counts as much as what comes now."""
    return reward + ~terminated * next_value


@exercise.mistake
def reward_lost(reward, next_value, terminated, truncated, gamma):
    """The last reward is lost: the end cuts off what comes *after* the step, not its reward."""
    return (reward + gamma * next_value) * ~terminated


@exercise.mistake
def only_the_end(reward, next_value, terminated, truncated, gamma):
    """The flag is the wrong way round: the next value counts only where the episode ended."""
    return reward + gamma * terminated * next_value


exercise.slips = {
    "limit_is_an_end": ("~terminated", "~(terminated | truncated)"),
    "never_ends": ("gamma * ~terminated", "gamma"),
    "flags_swapped": ("~terminated", "~truncated"),
    "undiscounted": ("gamma * ~terminated", "~terminated"),
    "only_the_end": ("~terminated", "terminated"),
    "reward_lost": (
        "reward + gamma * ~terminated * next_value",
        "(reward + gamma * next_value) * ~terminated",
    ),
}
