"""Exercise: TD3's target. Sizes: B steps, A numbers of an action."""

from collections.abc import Iterator, Mapping
from functools import partial

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Number, Reals, Values
from marl_edu.exercises.engine.trying import Case


def _critic(W: Tensor, w: Tensor, action: Tensor) -> Tensor:
    return torch.tanh(action @ W) @ w


def _steps(rng: torch.Generator) -> Iterator[Case]:
    T, F_ = True, False
    f32, f64 = torch.float32, torch.float64
    for what, A, terminated, spread, dtype in (
        ("one step", 2, [F_], 0.1, f32),
        ("one step, the last", 2, [T], 0.1, f32),
        ("large noise", 3, [F_, F_, T], 2.0, f32),
        ("numbers in float64", 2, [F_, T, F_], 0.3, f64),
        ("a batch", 3, [F_, F_, T, F_, F_, F_], 0.3, f32),
    ):
        B = len(terminated)
        reward, W1, w1, W2, w2 = (
            torch.randn(s, generator=rng, dtype=dtype) for s in ((B,), (A, 5), (5,), (A, 5), (5,))
        )
        action = torch.rand(B, A, generator=rng, dtype=dtype)
        noise = spread * torch.randn(B, A, generator=rng, dtype=dtype)
        twins = partial(_critic, W1, w1), partial(_critic, W2, w2)
        yield Case(what, (reward, action, noise, torch.tensor(terminated), *twins, 0.9, 0.25))


def _with_functions(given: Values, _: Mapping[str, int]) -> Values:
    W, w = given["_W"], given["_w"]
    return given | {"first": partial(_critic, W[0], w[0]), "second": partial(_critic, W[1], w[1])}


exercise = Exercise(
    place=30,
    title="The smaller of two critics",
    difficulty=3,
    importance=5,
    minutes="10–15",
    statement="""\
Give TD3's target. Cut the noise to $\\pm$ `cut`, add it to the next action, and cut the sum to
[0, 1], where actions live. Ask both target critics about this action and believe the smaller value,
step by step. Add the discounted value to the reward where the episode did not end. The result
carries no gradient. What you write: three lines.""",
    hint="""\
`first(action)` and `second(action)` are `(B,)` each; `torch.minimum` takes the smaller one of each
pair. Both are asked about the *same* noisy action.""",
    domain=Domain(
        sizes={"B": (1, 6), "A": (1, 3)},
        given={
            "reward": Reals("B"),
            "next_action": Reals("B A", between=(0.0, 1.0)),
            "noise": Reals("B A", spreads=(0.1, 1)),
            "terminated": Flags("B"),
            "_W": Reals("2 A 5", spreads=(1, 3)),
            "_w": Reals("2 5", spreads=(1, 30)),
            "gamma": Number(0.0, 1.0),
            "cut": Number(0.05, 0.5),
        },
        finish=_with_functions,
        notes={"first": "a small network", "second": "a small network"},
    ),
    inputs=_steps,
    data=("reward", "noise"),
)


@exercise.solved_by
def td3_target(reward, next_action, noise, terminated, first, second, gamma, cut):
    """What both critics are trained towards: (B,).

    reward: (B,). next_action, noise: (B, A). terminated: (B,) bool.
    first, second: functions (B, A) -> (B,). gamma, cut: numbers.
    """
    action = (next_action + noise.clamp(-cut, cut)).clamp(0, 1)
    value = torch.minimum(first(action), second(action))
    return (reward + gamma * ~terminated * value).detach()


def _target(
    reward, next_action, noise, terminated, first, second, gamma, cut,
    of=torch.minimum, trim=True, live=True,
):  # fmt: skip
    action = next_action + (noise.clamp(-cut, cut) if trim else noise)
    action = action.clamp(0, 1) if live else action
    return (reward + gamma * ~terminated * of(first(action), second(action))).detach()


@exercise.mistake
def larger_twin(reward, next_action, noise, terminated, first, second, gamma, cut):
    """The larger value is believed, which is the error that twins are there to avoid."""
    given = (reward, next_action, noise, terminated, first, second, gamma, cut)
    return _target(*given, of=torch.maximum)


@exercise.mistake
def mean_of_twins(reward, next_action, noise, terminated, first, second, gamma, cut):
    """The mean of both is less noisy than either, but as much too high as they are."""
    given = (reward, next_action, noise, terminated, first, second, gamma, cut)
    return _target(*given, of=lambda a, b: (a + b) / 2)


@exercise.mistake
def one_critic(reward, next_action, noise, terminated, first, second, gamma, cut):
    """Only the first critic is asked."""
    given = (reward, next_action, noise, terminated, first, second, gamma, cut)
    return _target(*given, of=lambda a, b: a)


@exercise.mistake
def one_twin_for_all(reward, next_action, noise, terminated, first, second, gamma, cut):
    """The smaller *mean* decides for the whole batch: choose step by step."""
    given = (reward, next_action, noise, terminated, first, second, gamma, cut)
    return _target(*given, of=lambda a, b: a if a.mean() <= b.mean() else b)


@exercise.mistake
def noise_uncut(reward, next_action, noise, terminated, first, second, gamma, cut):
    """The noise is not cut: now and then the target is about an action far away."""
    given = (reward, next_action, noise, terminated, first, second, gamma, cut)
    return _target(*given, trim=False)


@exercise.mistake
def outside(reward, next_action, noise, terminated, first, second, gamma, cut):
    """With its noise an action leaves [0, 1]: no critic has seen one there."""
    given = (reward, next_action, noise, terminated, first, second, gamma, cut)
    return _target(*given, live=False)


@exercise.mistake
def without_noise(reward, next_action, noise, terminated, first, second, gamma, cut):
    """The noise is missing: a narrow peak of the critics is believed."""
    given = (reward, next_action, 0 * noise, terminated, first, second, gamma, cut)
    return _target(*given)


@exercise.mistake
def end_ignored(reward, next_action, noise, terminated, first, second, gamma, cut):
    """Where the episode ended, the value of what comes next still counts."""
    given = (reward, next_action, noise, terminated & False, first, second, gamma, cut)
    return _target(*given)


@exercise.mistake
def target_learns(reward, next_action, noise, terminated, first, second, gamma, cut):
    """The value is right, but a gradient goes back through it: a target is a number to aim at."""
    action = (next_action + noise.clamp(-cut, cut)).clamp(0, 1)
    value = torch.minimum(first(action), second(action))
    return reward + gamma * ~terminated * value


exercise.slips = {
    "larger_twin": ("torch.minimum", "torch.maximum"),
    "mean_of_twins": (
        "torch.minimum(first(action), second(action))",
        "(first(action) + second(action)) / 2",
    ),
    "one_critic": ("torch.minimum(first(action), second(action))", "first(action)"),
    "noise_uncut": ("noise.clamp(-cut, cut)", "noise"),
    "outside": (".clamp(0, 1)", ""),
    "without_noise": ("(next_action + noise.clamp(-cut, cut)).clamp(0, 1)", "next_action"),
    "end_ignored": ("gamma * ~terminated", "gamma"),
    "target_learns": (
        "(reward + gamma * ~terminated * value).detach()",
        "reward + gamma * ~terminated * value",
    ),
}
