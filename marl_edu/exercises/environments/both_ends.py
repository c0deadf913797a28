"""Exercise: returns of episodes that follow each other. Sizes: T steps, B environments."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Number, Reals
from marl_edu.exercises.engine.trying import Case


def _rows(rng: torch.Generator) -> Iterator[Case]:
    T, F = True, False
    f32 = torch.float32
    for what, terminated, truncated, dtype in (
        ("one step in the middle of an episode", [F], [F], f32),
        ("one step that terminates", [T], [F], f32),
        ("one step after which time is up", [F], [T], f32),
        ("a termination as time is up", [F, T, F], [F, T, F], f32),
        ("a termination on the way", [F, T, F, F], [F, F, F, F], f32),
        ("a time limit on the way", [F, F, F, F], [F, T, F, F], f32),
        ("episodes of one step", [T, F, T, F], [F, T, F, T], f32),
        ("numbers in float64", [F, F, T, F, F], [F, T, F, F, T], torch.float64),
    ):
        reward, value = torch.randn(2, len(terminated), 1, generator=rng, dtype=dtype)
        flags = torch.tensor(terminated)[:, None], torch.tensor(truncated)[:, None]
        yield Case(what, (reward, value, *flags, 0.9))
    reward, value = torch.randn(2, 20, 4, generator=rng)
    ends = torch.rand(2, 20, 4, generator=rng) < 0.15
    yield Case("episodes in a row", (reward, value, *ends, 0.99))


exercise = Exercise(
    place=40,
    title="Two ways to end",
    difficulty=3,
    importance=5,
    minutes="15–20",
    topic="ground",
    statement="""\
In each column, episodes follow each other. The return of a step is its reward, and γ times the
return of the next step of the same episode. After a step that `terminated`, nothing follows. After
one that was `truncated`, the episode would have gone on, so γ times `next_value` follows: the
estimate for the state that this step led to. Both at once is a termination. The last row is cut
off: unless it terminated, `next_value` follows there too. What you write: a loop from the last step
to the first.""",
    hint="""\
Carry one number per environment, R, from the end to the start. Before you discount it and add the
reward, ask the flags of step t: is R still the future of this step, is it an estimate, or is it
0?""",
    domain=Domain(
        sizes={"T": (1, 12), "B": (1, 4)},
        given={
            "reward": Reals("T B"),
            "next_value": Reals("T B", centres=(-50, 50)),
            "terminated": Flags("T B"),
            "truncated": Flags("T B"),
            "gamma": Number(0.0, 1.0),
        },
    ),
    inputs=_rows,
    gradient=False,
)


@exercise.solved_by
def episode_returns(reward, next_value, terminated, truncated, gamma):
    """The return of each step: (T, B).

    reward, next_value: (T, B), time first. terminated, truncated: (T, B) bool.
    gamma: a number.
    """
    R, found = next_value[-1], []
    for t in reversed(range(len(reward))):
        R = torch.where(truncated[t], next_value[t], R)  # time is up: what it would have been worth
        R = reward[t] + gamma * torch.where(terminated[t], 0.0, R)
        found.append(R)
    return torch.stack(found[::-1])


def _returns(reward, next_value, terminated, truncated, gamma, last=None, later=1.0):
    """The same; `last` follows the last row, and an estimate counts `later` times."""
    R, found = later * next_value[-1] if last is None else last, []
    for t in reversed(range(len(reward))):
        R = torch.where(truncated[t], later * next_value[t], R)
        R = reward[t] + gamma * torch.where(terminated[t], 0.0, R)
        found.append(R)
    return torch.stack(found[::-1])


@exercise.mistake
def limit_is_an_end(reward, next_value, terminated, truncated, gamma):
    """Running out of time is taken for a termination: the states before a time limit seem worth
    little, though the agent cannot see the clock."""
    return _returns(reward, next_value, terminated | truncated, truncated, gamma)


@exercise.mistake
def limit_overlooked(reward, next_value, terminated, truncated, gamma):
    """The return runs on through the time limit into the *next* episode, which began somewhere
    else."""
    return _returns(reward, next_value, terminated, torch.zeros_like(truncated), gamma)


@exercise.mistake
def end_overlooked(reward, next_value, terminated, truncated, gamma):
    """A termination stops nothing: rewards of the next episode are credited to this one."""
    return _returns(reward, next_value, torch.zeros_like(terminated), truncated, gamma)


@exercise.mistake
def limit_undoes_the_end(reward, next_value, terminated, truncated, gamma):
    """Where an episode terminated as time was up, it goes on with the estimate: an end is an
    end."""
    return _returns(reward, next_value, terminated & ~truncated, truncated, gamma)


@exercise.mistake
def nothing_after_the_last(reward, next_value, terminated, truncated, gamma):
    """After the last row comes nothing. The row was cut off there, but the episode goes on: its
    estimate is missing."""
    return _returns(
        reward, next_value, terminated, truncated, gamma, last=torch.zeros_like(reward[0])
    )


@exercise.mistake
def estimate_everywhere(reward, next_value, terminated, truncated, gamma):
    """After every step comes the estimate: these are one-step targets, and no returns."""
    return reward + gamma * torch.where(terminated, 0.0, next_value)


@exercise.mistake
def no_estimate(reward, next_value, terminated, truncated, gamma):
    """`next_value` plays no part: at a time limit, and after the last row, the future is worth
    0."""
    return _returns(reward, next_value, terminated, truncated, gamma, later=0.0)


@exercise.mistake
def flags_swapped(reward, next_value, terminated, truncated, gamma):
    """The two flags have changed places: it stops at the time limit and estimates after the end."""
    return _returns(reward, next_value, truncated, terminated, gamma)


@exercise.mistake
def undiscounted(reward, next_value, terminated, truncated, gamma):
    """γ is missing: what comes later counts as much as what comes now."""
    return _returns(reward, next_value, terminated, truncated, 1.0)


@exercise.mistake
def last_reward_lost(reward, next_value, terminated, truncated, gamma):
    """The reward of a step that terminates is lost: the end cuts off what comes *after* the
    step."""
    return _returns(torch.where(terminated, 0.0, reward), next_value, terminated, truncated, gamma)


exercise.slips = {
    "limit_is_an_end": (
        "where(terminated[t], 0.0, R)",
        "where(terminated[t] | truncated[t], 0.0, R)",
    ),
    "limit_overlooked": ("torch.where(truncated[t], next_value[t], R)", "R"),
    "end_overlooked": ("torch.where(terminated[t], 0.0, R)", "R"),
    "limit_undoes_the_end": (
        "where(terminated[t], 0.0, R)",
        "where(terminated[t] & ~truncated[t], 0.0, R)",
    ),
    "nothing_after_the_last": ("R, found = next_value[-1], []", "R, found = 0 * reward[-1], []"),
    "undiscounted": ("reward[t] + gamma *", "reward[t] +"),
}
