"""Exercise: credit when agents come and go. Sizes: B environments, T steps, N slots for agents."""

from collections.abc import Iterator

import torch

from marl_edu.core.ops import gae
from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Number, Reals
from marl_edu.exercises.engine.trying import Case


def _journeys(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, (B, T, N), leaves, dtype in (
        ("one car, three steps, nobody leaves", (1, 3, 1), 0.0, f32),
        ("one car that may leave", (1, 4, 1), 0.6, f32),
        ("a single step", (2, 1, 3), 0.5, f32),
        ("everybody leaves in every step", (2, 3, 2), 1.0, f32),
        ("numbers in float64", (2, 5, 3), 0.3, f64),
        ("cars that come and go", (3, 8, 4), 0.3, f32),
    ):
        reward = torch.randn(B, T, N, generator=rng, dtype=dtype)
        value = torch.randn(B, T + 1, N, generator=rng, dtype=dtype)
        left = torch.rand(B, T, N, generator=rng) < leaves
        yield Case(what, (reward, value, left, 0.9, 0.8))


exercise = Exercise(
    place=70,
    title="Advantages for cars that leave",
    difficulty=3,
    importance=5,
    minutes="15–25",
    statement="""\
Generalised advantages, $A_t = \\delta_t + \\gamma\\lambda (1 - d_t) A_{t+1}$ with
$\\delta_t = r_t + \\gamma (1 - d_t) V_{t+1} - V_t$. A car that `left` in step t has no future,
$d_t = 1$: what stands in its slot afterwards belongs to another car. Otherwise $d_t = 0$. The
episode itself ends because time is up, which terminates nobody: the last value, `value[:, T]`,
counts for whoever is still driving. numpy is welcome. What you write: a loop from the last
step to the first.""",
    hint="""\
`~left` appears twice, once in each equation. After the last step there is no advantage to carry
(A is 0), but there is a value.""",
    domain=Domain(
        sizes={"B": (1, 3), "T": (1, 12), "N": (1, 4)},
        given={
            "reward": Reals("B T N"),
            "value": Reals("B T+1 N", spreads=(1, 40), centres=(-50, 50)),
            "left": Flags("B T N"),
            "gamma": Number(0.0, 1.0),
            "gae_lambda": Number(0.0, 1.0),
        },
    ),
    inputs=_journeys,
    gradient=False,
)


@exercise.solved_by
def advantages(reward, value, left, gamma, gae_lambda):
    """Advantages: (B, T, N).

    reward: (B, T, N). value: (B, T + 1, N). left: (B, T, N) bool.
    gamma, gae_lambda: numbers.
    """
    result = torch.zeros_like(reward)
    later = torch.zeros_like(reward[:, 0])
    for t in reversed(range(reward.shape[1])):
        discount = gamma * ~left[:, t]
        delta = reward[:, t] + discount * value[:, t + 1] - value[:, t]
        later = delta + gae_lambda * discount * later
        result[:, t] = later
    return result


@exercise.mistake
def ends_ignored(reward, value, left, gamma, gae_lambda):
    """`left` changes nothing: a car is credited with what the next one in its slot will do."""
    return gae(reward, value, torch.zeros_like(left), gamma, gae_lambda)


@exercise.mistake
def bootstrap_through_the_end(reward, value, left, gamma, gae_lambda):
    """A car that leaves is credited with V of the *next* state, which belongs to another car:
    the chain of advantages is cut, the bootstrap in δ is not."""
    own = reward + gamma * left * value[:, 1:]
    return gae(own, value, left, gamma, gae_lambda)


@exercise.mistake
def advantage_leaks(reward, value, left, gamma, gae_lambda):
    """δ is right, but the sum of the later δ runs on from one car to the next in the same slot:
    `~left` is missing before A_{t+1}."""
    own = reward - gamma * left * value[:, 1:]
    return gae(own, value, torch.zeros_like(left), gamma, gae_lambda)


@exercise.mistake
def time_limit_is_an_end(reward, value, left, gamma, gae_lambda):
    """The last step is treated as everybody's end. Time ran out (truncation), which terminates
    nobody: bootstrap from `value[:, T]`."""
    terminated = left.clone()
    terminated[:, -1] = True
    return gae(reward, value, terminated, gamma, gae_lambda)


@exercise.mistake
def last_value_carried(reward, value, left, gamma, gae_lambda):
    """The carried *advantage* starts from the last value. After the last step A is 0; the value is
    in δ already."""
    own = reward.clone()
    own[:, -1] += gamma * gae_lambda * ~left[:, -1] * value[:, -1]
    return gae(own, value, left, gamma, gae_lambda)


@exercise.mistake
def one_step_only(reward, value, left, gamma, gae_lambda):
    """This is δ alone, the one-step advantage: nothing is carried back from later steps."""
    return gae(reward, value, left, gamma, 0.0)


@exercise.mistake
def lambda_forgotten(reward, value, left, gamma, gae_lambda):
    """λ is missing: this is the Monte-Carlo advantage, λ = 1."""
    return gae(reward, value, left, gamma, 1.0)


@exercise.mistake
def cut_too_late(reward, value, left, gamma, gae_lambda):
    """The cut is one step off: `left[:, t]` says that step t was the car's *last*."""
    late = torch.zeros_like(left)
    late[:, 1:] = left[:, :-1]
    return gae(reward, value, late, gamma, gae_lambda)


@exercise.mistake
def returns_instead(reward, value, left, gamma, gae_lambda):
    """These are the returns, A + V, which the critic is trained towards: subtract V."""
    return gae(reward, value, left, gamma, gae_lambda) + value[:, :-1]


exercise.slips = {
    "advantage_leaks": ("gae_lambda * discount * later", "gae_lambda * gamma * later"),
    "ends_ignored": ("discount = gamma * ~left[:, t]", "discount = gamma"),
    "one_step_only": ("later = delta + gae_lambda * discount * later", "later = delta"),
    "lambda_forgotten": ("gae_lambda * discount * later", "discount * later"),
}
