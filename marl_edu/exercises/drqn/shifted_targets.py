"""Exercise: what actions turned out to be worth, along a window.

Sizes: E windows of L steps, A actions.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.inputs import CHANCE, DTYPE, drawn, ints
from marl_edu.exercises.engine.trying import Case


def _windows(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, E, L, A, goes, dtype in (
        ("one window of one step", 1, 1, 2, 1.0, f32),
        ("one window of three steps", 1, 3, 2, 1.0, f32),
        ("a life that ends with the window", 2, 4, 3, 0.0, f32),
        ("numbers in float64", 3, 5, 3, 0.7, f64),
        ("four windows", 4, 7, 4, 0.7, f32),
        *drawn("drawn windows", ints(1, 5), ints(1, 7), ints(1, 4), CHANCE, DTYPE),
    ):
        q, q_target = (torch.randn(E, L + 1, A, generator=rng, dtype=dtype) for _ in range(2))
        reward = torch.randn(E, L, generator=rng, dtype=dtype)
        goes_on = torch.rand(E, L, generator=rng) < goes
        if "ends with" in what:
            goes_on = (torch.arange(L) < L - 1).expand(E, L).clone()
        yield Case(what, (q, q_target, reward, goes_on, 0.9))


exercise = Exercise(
    place=40,
    title="Targets along a window",
    difficulty=3,
    importance=4,
    minutes="15–20",
    statement="""\
The network and its target were both unrolled over the L + 1 observations of a window, from the same
start. Give the targets of its L steps, eq. (4) of DRQN: the reward of step t, and, if the life goes
on after it, $\\gamma$ times what the target network says *one step later* of the action that the
network thinks best *there*. A target is a number to aim at: the result carries no gradient. What
you write: three lines.""",
    hint="""\
There is one observation more than there are rewards. Which L of the L + 1 are "one step later"?""",
    inputs=_windows,
)


@exercise.solved_by
def window_targets(q, q_target, reward, goes_on, gamma):
    """What each action turned out to be worth: (E, L).

    q, q_target: (E, L + 1, A). reward: (E, L). goes_on: (E, L) bool.
    gamma: a number.
    """
    best = q[:, 1:].argmax(-1, keepdim=True)
    later = q_target[:, 1:].gather(-1, best)[..., 0]
    return (reward + gamma * goes_on * later).detach()


def _along(pick: Tensor, rate: Tensor, reward: Tensor, goes_on: Tensor, gamma: float) -> Tensor:
    best = pick.argmax(-1, keepdim=True)
    return reward + gamma * goes_on * rate.gather(-1, best)[..., 0]


@exercise.mistake
def not_shifted(q, q_target, reward, goes_on, gamma):
    """The values are those of the step itself, not of the one after it: every target is one step
    too early, and what the last observation shows is never used."""
    return _along(q[:, :-1], q_target[:, :-1], reward, goes_on, gamma).detach()


@exercise.mistake
def picked_too_early(q, q_target, reward, goes_on, gamma):
    """The action is picked by what is seen in the step itself and rated one step later: two
    different moments."""
    return _along(q[:, :-1], q_target[:, 1:], reward, goes_on, gamma).detach()


@exercise.mistake
def target_picks(q, q_target, reward, goes_on, gamma):
    """The target network picks the action that it rates: double Q lets the network pick."""
    return _along(q_target[:, 1:], q_target[:, 1:], reward, goes_on, gamma).detach()


@exercise.mistake
def network_rates(q, q_target, reward, goes_on, gamma):
    """The network rates its own choice; the target network has no part in it."""
    return _along(q[:, 1:], q[:, 1:], reward, goes_on, gamma).detach()


@exercise.mistake
def lives_run_on(q, q_target, reward, goes_on, gamma):
    """`goes_on` is not asked: the value leaks back from beyond the end of a life."""
    return _along(q[:, 1:], q_target[:, 1:], reward, torch.ones_like(goes_on), gamma).detach()


@exercise.mistake
def cut_one_late(q, q_target, reward, goes_on, gamma):
    """The end is noticed one step late: `goes_on[:, t]` belongs to the same step as
    `reward[:, t]`."""
    late = torch.cat([torch.ones_like(goes_on[:, :1]), goes_on[:, :-1]], 1)
    return _along(q[:, 1:], q_target[:, 1:], reward, late, gamma).detach()


@exercise.mistake
def window_is_a_life(q, q_target, reward, goes_on, gamma):
    """The last step of the window is treated as the end of the life: but the life went on, and
    the observation after it is there for that."""
    inside = goes_on.clone()
    inside[:, -1] = False
    return _along(q[:, 1:], q_target[:, 1:], reward, inside, gamma).detach()


@exercise.mistake
def gradient_through_target(q, q_target, reward, goes_on, gamma):
    """The values are right, but a gradient goes back through the target."""
    return _along(q[:, 1:], q_target[:, 1:], reward, goes_on, gamma)
