"""Exercise: what actions turned out to be worth, along a window.

Sizes: E windows of L steps, A actions.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Number, Reals
from marl_edu.exercises.engine.trying import Case


def _windows(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, E, L, A, ends, dtype in (
        ("one window of one step", 1, 1, 2, 0.0, f32),
        ("one window of three steps", 1, 3, 2, 0.0, f32),
        ("a trajectory that ends with the window", 2, 4, 3, 1.0, f32),
        ("numbers in float64", 3, 5, 3, 0.3, f64),
        ("four windows", 4, 7, 4, 0.3, f32),
    ):
        q, q_target = (torch.randn(E, L + 1, A, generator=rng, dtype=dtype) for _ in range(2))
        reward = torch.randn(E, L, generator=rng, dtype=dtype)
        terminated = torch.rand(E, L, generator=rng) < ends
        if "ends with" in what:
            terminated = (torch.arange(L) == L - 1).expand(E, L).clone()
        yield Case(what, (q, q_target, reward, terminated, 0.9))


exercise = Exercise(
    place=40,
    title="Targets along a window",
    difficulty=3,
    importance=4,
    minutes="15–20",
    statement="""\
The network and its target were both unrolled over the L + 1 observations of a window, from the same
start. Give the targets of its L steps, eq. (4) of `drqn.py`. Each is the reward of step t plus, if
the step is not the last of its trajectory, $\\gamma$ times a value from *one step later*. It is the
target network's value of the action that the network thinks best *there*. A target is a number to
aim at: the result carries no gradient. What you write: three lines.""",
    hint="""\
There is one observation more than there are rewards. Which L of the L + 1 are "one step later"?""",
    domain=Domain(
        sizes={"E": (1, 5), "L": (1, 8), "A": (1, 5)},
        given={
            "q": Reals("E L+1 A", centres=(-50, 50)),
            "q_target": Reals("E L+1 A", centres=(-50, 50)),
            "reward": Reals("E L"),
            "terminated": Flags("E L"),
            "gamma": Number(0.0, 1.0),
        },
    ),
    data=("reward",),
    inputs=_windows,
)


@exercise.solved_by
def window_targets(q, q_target, reward, terminated, gamma):
    """What each action turned out to be worth: (E, L).

    q, q_target: (E, L + 1, A). reward: (E, L). terminated: (E, L) bool.
    gamma: a number.
    """
    best = q[:, 1:].argmax(-1, keepdim=True)
    later = q_target[:, 1:].gather(-1, best)[..., 0]
    return (reward + gamma * ~terminated * later).detach()


def _along(pick: Tensor, rate: Tensor, reward: Tensor, terminated: Tensor, gamma: float) -> Tensor:
    best = pick.argmax(-1, keepdim=True)
    return reward + gamma * ~terminated * rate.gather(-1, best)[..., 0]


@exercise.mistake
def not_shifted(q, q_target, reward, terminated, gamma):
    """The values are those of the step itself, not of the one after it: every target is one step
    too early, and what the last observation shows is never used."""
    return _along(q[:, :-1], q_target[:, :-1], reward, terminated, gamma).detach()


@exercise.mistake
def picked_too_early(q, q_target, reward, terminated, gamma):
    """The action is picked by what is seen in the step itself and rated one step later: two
    different moments."""
    return _along(q[:, :-1], q_target[:, 1:], reward, terminated, gamma).detach()


@exercise.mistake
def target_picks(q, q_target, reward, terminated, gamma):
    """The target network picks the action that it rates: double Q lets the network pick."""
    return _along(q_target[:, 1:], q_target[:, 1:], reward, terminated, gamma).detach()


@exercise.mistake
def network_rates(q, q_target, reward, terminated, gamma):
    """The network rates its own choice; the target network has no part in it."""
    return _along(q[:, 1:], q[:, 1:], reward, terminated, gamma).detach()


@exercise.mistake
def ends_ignored(q, q_target, reward, terminated, gamma):
    """`terminated` is not asked: the value leaks back from beyond the end of a trajectory."""
    return _along(q[:, 1:], q_target[:, 1:], reward, torch.zeros_like(terminated), gamma).detach()


@exercise.mistake
def cut_one_late(q, q_target, reward, terminated, gamma):
    """The end is noticed one step late: `terminated[:, t]` belongs to the same step as
    `reward[:, t]`."""
    late = torch.cat([torch.zeros_like(terminated[:, :1]), terminated[:, :-1]], 1)
    return _along(q[:, 1:], q_target[:, 1:], reward, late, gamma).detach()


@exercise.mistake
def window_is_an_end(q, q_target, reward, terminated, gamma):
    """The last step of the window is treated as the end of the trajectory: but it went on, and the
    observation after it is there for that."""
    cut = terminated.clone()
    cut[:, -1] = True
    return _along(q[:, 1:], q_target[:, 1:], reward, cut, gamma).detach()


@exercise.mistake
def gradient_through_target(q, q_target, reward, terminated, gamma):
    """The values are right, but a gradient goes back through the target."""
    return _along(q[:, 1:], q_target[:, 1:], reward, terminated, gamma)


exercise.slips = {
    "target_picks": ("best = q[", "best = q_target["),
    "network_rates": ("later = q_target[", "later = q["),
    "picked_too_early": ("q[:, 1:].argmax", "q[:, :-1].argmax"),
    "ends_ignored": ("gamma * ~terminated * later", "gamma * later"),
    "gradient_through_target": (
        "(reward + gamma * ~terminated * later).detach()",
        "reward + gamma * ~terminated * later",
    ),
}
