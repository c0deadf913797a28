"""Exercise: what the next step is worth. Sizes: E steps, A actions."""

from collections.abc import Iterator

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Reals
from marl_edu.exercises.engine.trying import Case


def _values(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, E, A, share, dtype in (
        ("one step and two actions", 1, 2, 1.0, f32),
        ("steps with one action each", 3, 1, 1.0, f32),
        ("some actions not available", 6, 4, 0.5, f32),
        ("numbers in float64", 5, 3, 0.6, f64),
        ("values far below 0", 8, 5, 0.4, f32),
        ("twenty steps", 20, 6, 0.5, f32),
    ):
        q, q_target = (torch.randn(E, A, generator=rng, dtype=dtype) for _ in range(2))
        if "below" in what:
            q, q_target = q - 50, q_target - 50
        available = torch.rand(E, A, generator=rng) < share
        available[torch.arange(E), torch.randint(A, (E,), generator=rng)] = True
        yield Case(what, (q, q_target, available))


exercise = Exercise(
    place=20,
    title="Double Q: who picks, who rates",
    difficulty=2,
    importance=5,
    minutes="10–15",
    statement="""\
What is the next step worth? In double Q-learning the network picks its best action, and the
*target* network says what that one is worth. Only actions that are `available` may be picked; each
step has one at least. No gradient may go into either network: a target is a number to aim at. What
you write: three lines.""",
    hint="""\
`argmax` of one, `gather` (in numpy `np.take_along_axis`) from the other. How do you make sure that
an action that is not available is never the largest, even if all values are far below 0?""",
    domain=Domain(
        sizes={"E": (1, 9), "A": (1, 6)},
        given={
            "q": Reals("E A", centres=(-50, 50)),
            "q_target": Reals("E A", centres=(-50, 50)),
            "available": Flags("E A", row=True),
        },
    ),
    inputs=_values,
)


@exercise.solved_by
def evaluate_next(q, q_target, available):
    """What the next step is worth: (E,).

    q, q_target: (E, A), of the network and of its target.
    available: (E, A) bool.
    """
    best = q.masked_fill(~available, -torch.inf).argmax(-1, keepdim=True)
    return q_target.gather(-1, best)[:, 0].detach()


def _picked(q: Tensor, rated: Tensor, available: Tensor) -> Tensor:
    best = q.masked_fill(~available, -torch.inf).argmax(-1, keepdim=True)
    return rated.gather(-1, best)[:, 0]


@exercise.mistake
def target_does_both(q, q_target, available):
    """The target network selects and evaluates: that is DQN of 2015, and the maximum of noisy
    values is too large on average."""
    return _picked(q_target, q_target, available).detach()


@exercise.mistake
def network_does_both(q, q_target, available):
    """The network selects and evaluates the action; the target network has no part in it."""
    return _picked(q, q, available).detach()


@exercise.mistake
def roles_swapped(q, q_target, available):
    """The roles are swapped: here the target network selects and the network evaluates."""
    return _picked(q_target, q, available).detach()


@exercise.mistake
def anything_goes(q, q_target, available):
    """`available` is not asked: values of actions that nobody can take leak into the targets."""
    return _picked(q, q_target, torch.ones_like(available)).detach()


@exercise.mistake
def masked_with_zero(q, q_target, available):
    """Actions that are not available are given the value 0, which is the best of all where the
    others are negative: use -inf."""
    best = (q * available).argmax(-1, keepdim=True)
    return q_target.gather(-1, best)[:, 0].detach()


@exercise.mistake
def smaller_of_both(q, q_target, available):
    """It takes the smaller of what the two networks say of the action (clipped double Q, of TD3):
    another remedy for the same disease, and it underestimates."""
    both = torch.minimum(_picked(q, q, available), _picked(q, q_target, available))
    return both.detach()


@exercise.mistake
def target_learns(q, q_target, available):
    """The value is right, but a gradient goes back into the target network: then the aim moves
    towards the arrow."""
    return _picked(q, q_target, available)


@exercise.mistake
def mean_of_actions(q, q_target, available):
    """It rates the mean over the available actions: that is the worth of acting at random."""
    weights = available / available.sum(-1, keepdim=True)
    return (q_target * weights.to(q_target.dtype)).sum(-1).detach()


exercise.slips = {
    "target_does_both": ("best = q.masked", "best = q_target.masked"),
    "network_does_both": ("return q_target.", "return q."),
    "anything_goes": ("q.masked_fill(~available, -torch.inf)", "q"),
    "masked_with_zero": ("q.masked_fill(~available, -torch.inf)", "(q * available)"),
    "target_learns": (".detach()", ""),
}
