"""Exercise: the target of QMIX.

Sizes: B environments, N agents, A actions, S numbers of the state.
"""

from collections.abc import Iterator, Mapping
from functools import partial

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Number, Reals, Values
from marl_edu.exercises.engine.trying import Case
from marl_edu.exercises.qmix._mixers import a_mixer, mixed


def _steps(rng: torch.Generator) -> Iterator[Case]:
    T, F = True, False
    f32, f64 = torch.float32, torch.float64
    for what, N, A, over, share, dtype in (
        ("one agent in one environment", 1, 2, [F], 1.0, f32),
        ("two agents in the middle of an episode", 2, 2, [F], 1.0, f32),
        ("two agents at the end", 2, 3, [T], 1.0, f32),
        ("actions that are not available", 3, 4, [F, F], 0.4, f32),
        ("values far below 0", 2, 4, [F, F, T], 0.5, f32),
        ("numbers in float64", 3, 3, [F, T, F], 0.7, f64),
        ("five environments", 4, 5, [F, F, T, F, F], 0.6, f32),
    ):
        B, S = len(over), 3
        reward, q_next, state = (
            torch.randn(s, generator=rng, dtype=dtype) for s in ((B,), (B, N, A), (B, S))
        )
        available = torch.rand(B, N, A, generator=rng) < share
        available.scatter_(-1, torch.randint(A, (B, N, 1), generator=rng), True)
        below = "below" in what  # and yet nothing that an ELU makes alike
        mixer = a_mixer(rng, N, S, dtype, first=0.01 if below else 1.0)
        q_next = q_next - 200 * below
        yield Case(what, (reward, q_next, available, state, torch.tensor(over), mixer, 0.9))


def _with_mixer(given: Values, _: Mapping[str, int]) -> Values:
    weights = (given[name] for name in ("_W1", "_B1", "_W2", "_v"))
    return given | {"mixer": partial(mixed, *weights)}


exercise = Exercise(
    place=50,
    title="First the best, then the mixer",
    difficulty=3,
    importance=5,
    minutes="10–15",
    statement="""\
Give the target of QMIX for a step of each environment. It is the team's reward plus, unless the
team is gone (`over`), $\\gamma$ times the value of the next state. For each agent `q_next` has the
target network's values of its next actions. The best of those that are `available` to it goes into
the *target* mixer, and what comes out is the value of the next state. No gradient may go into a
target. What you write: two or three lines.""",
    hint="""\
There are A^N joint actions. Why may you look for the best of A actions N times instead, before
anything is mixed? `mixer` takes one value per agent, `(B, N)`, and the state.""",
    domain=Domain(
        sizes={"B": (1, 5), "N": (1, 4), "A": (1, 5), "S": (1, 4)},
        given={
            "reward": Reals("B", spreads=(1, 60)),
            "q_next": Reals("B N A", spreads=(1, 10), centres=(-200, 200)),
            "available": Flags("B N A", row=True),
            "next_state": Reals("B S", spreads=(1, 3)),
            "over": Flags("B"),
            "_W1": Reals("S N*3"),
            "_B1": Reals("S 3", spreads=(1, 10)),
            "_W2": Reals("S 3", spreads=(1, 3)),
            "_v": Reals("S", spreads=(1, 60)),
            "gamma": Number(0.0, 1.0),
        },
        finish=_with_mixer,
        notes={"mixer": "a small mixer of QMIX with random weights"},
    ),
    inputs=_steps,
    data=("reward", "next_state"),
)


@exercise.solved_by
def team_target(reward, q_next, available, next_state, over, mixer, gamma):
    """What the team's value is trained towards: (B,).

    reward: (B,). q_next: (B, N, A). available: (B, N, A) bool.
    next_state: (B, S). over: (B,) bool. gamma: a number.
    mixer: a function (B, N), (B, S) -> (B,).
    """
    best = q_next.masked_fill(~available, -torch.inf).amax(-1)  # each agent for itself
    return (reward + gamma * ~over * mixer(best, next_state)).detach()


def _best(q_next: Tensor, available: Tensor) -> Tensor:
    return q_next.masked_fill(~available, -torch.inf).amax(-1)


@exercise.mistake
def maximum_after_mixing(reward, q_next, available, next_state, over, mixer, gamma):
    """Values are mixed action by action, and the largest mixture is taken: then all agents must do
    the same. Each has its own best action, so the maximum comes *before* the mixer."""
    mixtures = torch.stack([mixer(q, next_state) for q in q_next.unbind(-1)], -1)
    return (reward + gamma * ~over * mixtures.amax(-1)).detach()


@exercise.mistake
def best_values_added(reward, q_next, available, next_state, over, mixer, gamma):
    """The agents' best values are added up: that is VDN's target. Here the target mixer must say
    what they come to."""
    return (reward + gamma * ~over * _best(q_next, available).sum(-1)).detach()


@exercise.mistake
def anything_goes(reward, q_next, available, next_state, over, mixer, gamma):
    """`available` is not asked: the target counts on actions that nobody can take."""
    return (reward + gamma * ~over * mixer(q_next.amax(-1), next_state)).detach()


@exercise.mistake
def masked_with_zero(reward, q_next, available, next_state, over, mixer, gamma):
    """Actions that are not available are given the value 0, which is the best of all where the
    others are negative: use -inf."""
    best = (q_next * available).amax(-1)
    return (reward + gamma * ~over * mixer(best, next_state)).detach()


@exercise.mistake
def mean_of_actions(reward, q_next, available, next_state, over, mixer, gamma):
    """Each agent brings the mean over its available actions: that is the value of a team that acts
    at random."""
    mean = (q_next * available).sum(-1) / available.sum(-1)
    return (reward + gamma * ~over * mixer(mean, next_state)).detach()


@exercise.mistake
def targets_mixed(reward, q_next, available, next_state, over, mixer, gamma):
    """Every agent gets a target of its own, and these are mixed. The reward is the team's: it is
    added once, after the mixer."""
    own = reward[:, None] + gamma * ~over[:, None] * _best(q_next, available)
    return mixer(own, next_state).detach()


@exercise.mistake
def discounted_inside(reward, q_next, available, next_state, over, mixer, gamma):
    """The agents' values are discounted before they are mixed. A mixer is not linear, and has
    biases: it is the team's value that is discounted."""
    return (reward + ~over * mixer(gamma * _best(q_next, available), next_state)).detach()


@exercise.mistake
def ends_inside(reward, q_next, available, next_state, over, mixer, gamma):
    """Where the team is gone, zeros are mixed. The mixer makes a value of its biases even then, and
    after the end there is none."""
    best = _best(q_next, available) * ~over[:, None]
    return (reward + gamma * mixer(best, next_state)).detach()


@exercise.mistake
def end_ignored(reward, q_next, available, next_state, over, mixer, gamma):
    """Where the team is gone, the value of what comes next still counts."""
    return (reward + gamma * mixer(_best(q_next, available), next_state)).detach()


@exercise.mistake
def undiscounted(reward, q_next, available, next_state, over, mixer, gamma):
    """The discount is missing: what comes later counts as much as what comes now."""
    return (reward + ~over * mixer(_best(q_next, available), next_state)).detach()


@exercise.mistake
def reward_lost(reward, q_next, available, next_state, over, mixer, gamma):
    """The last reward is lost: the end cuts off what comes *after* the step, not its reward."""
    return ((reward + gamma * mixer(_best(q_next, available), next_state)) * ~over).detach()


@exercise.mistake
def target_learns(reward, q_next, available, next_state, over, mixer, gamma):
    """The value is right, but a gradient goes into the target: the aim moves towards the arrow."""
    return reward + gamma * ~over * mixer(_best(q_next, available), next_state)


exercise.slips = {
    "anything_goes": ("q_next.masked_fill(~available, -torch.inf)", "q_next"),
    "masked_with_zero": ("q_next.masked_fill(~available, -torch.inf)", "(q_next * available)"),
    "best_values_added": ("mixer(best, next_state)", "best.sum(-1)"),
    "discounted_inside": ("gamma * ~over * mixer(best", "~over * mixer(gamma * best"),
    "end_ignored": ("gamma * ~over", "gamma"),
    "target_learns": (
        "(reward + gamma * ~over * mixer(best, next_state)).detach()",
        "reward + gamma * ~over * mixer(best, next_state)",
    ),
}
