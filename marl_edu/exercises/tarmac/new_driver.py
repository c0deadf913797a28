"""Exercises: memory and credit when agents come and go.

Sizes: B worlds, T steps, N slots for agents, D features.
"""

from collections.abc import Iterator

import torch
from hypothesis import strategies as st

from marl_edu.exercises.grading import Exercise
from marl_edu.exercises.inputs import CHANCE, DTYPE, drawn, ints, teams
from marl_edu.exercises.trying import Case
from marl_edu.ops import gae


def _memories(rng: torch.Generator) -> Iterator[Case]:
    for what, B, alive, dtype in teams():
        h = torch.randn(B, alive.shape[1], 4, generator=rng, dtype=dtype)
        completed = torch.rand(alive.shape, generator=rng) < 0.5
        yield Case(what, (h, completed, alive))


new_driver = Exercise(
    title="A new driver in an old seat",
    difficulty=1,
    importance=4,
    minutes="5–10",
    statement="""\
Car 3 reaches the end of its route, and in the same step a new car takes its slot. The new driver
must not remember the old one's journey. `completed` says whose route ended in this step, `alive`
which slots hold a car *after* it, newcomers included. Give the memory to take into the next step:
h where the same car drives on, zeros in every other slot. What you write: one or two lines.""",
    hint="""\
Who drives on? A car that did not complete its route, in a slot that still holds one. A slot that
was reused is alive before the step and alive after it.""",
    inputs=_memories,
)


@new_driver.solved_by
def carry_memory(h, completed, alive):
    """The memory for the next step: (B, N, D).

    h: (B, N, D). completed, alive: (B, N) bool.
    """
    return h * (alive & ~completed)[..., None]


@new_driver.mistake
def newcomer_inherits(h, completed, alive):
    """Empty slots are reset, but a slot that is reused at once is never empty: its new driver
    inherits the memory of the one that left."""
    return h * alive[..., None]


@new_driver.mistake
def empty_slots_keep(h, completed, alive):
    """Those who completed are reset, but slots without a car keep their memory."""
    return h * ~completed[..., None]


@new_driver.mistake
def never_reset(h, completed, alive):
    """Nothing is reset."""
    return h.clone()


@new_driver.mistake
def whole_world_reset(h, completed, alive):
    """One car's arrival wipes the memory of all cars in its world."""
    return h * (alive & ~completed.any(1, keepdim=True))[..., None]


@new_driver.mistake
def wrong_way_round(h, completed, alive):
    """It is the wrong way round: those who left keep their memory."""
    return h * (alive & completed)[..., None]


@new_driver.mistake
def memory_detached(h, completed, alive):
    """The memory is cut from its past: no gradient goes back through time, and nobody learns what
    to remember."""
    return (h * (alive & ~completed)[..., None]).detach()


def _journeys(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, (B, T, N), leaves, dtype in (
        ("one car, three steps, nobody leaves", (1, 3, 1), 0.0, f32),
        ("one car that may leave", (1, 4, 1), 0.6, f32),
        ("a single step", (2, 1, 3), 0.5, f32),
        ("everybody leaves in every step", (2, 3, 2), 1.0, f32),
        ("numbers in float64", (2, 5, 3), 0.3, f64),
        ("cars that come and go", (3, 8, 4), 0.3, f32),
        *drawn("drawn cars", st.tuples(ints(1, 4), ints(1, 9), ints(1, 4)), CHANCE, DTYPE),
    ):
        reward = torch.randn(B, T, N, generator=rng, dtype=dtype)
        value = torch.randn(B, T + 1, N, generator=rng, dtype=dtype)
        left = torch.rand(B, T, N, generator=rng) < leaves
        yield Case(what, (reward, value, left, 0.9, 0.8))


leaving_cars = Exercise(
    title="Advantages for cars that leave",
    difficulty=3,
    importance=5,
    minutes="15–25",
    statement="""\
Generalised advantages, $A_t = \\delta_t + \\gamma\\lambda\\, c_t A_{t+1}$ with
$\\delta_t = r_t + \\gamma\\, c_t V_{t+1} - V_t$. A car that `left` in step t has no future,
$c_t = 0$: what stands in its slot afterwards belongs to another car. Otherwise $c_t = 1$. The
episode itself ends because time is up, which is no end of a life: the last value, `value[:, T]`, is
worth something to whoever is still driving. numpy is welcome. What you write: a loop from the last
step to the first.""",
    hint="""\
`~left` appears twice, once in each equation. After the last step there is no advantage to carry
(A is 0), but there is a value.""",
    inputs=_journeys,
    gradient=False,
)


@leaving_cars.solved_by
def advantages(reward, value, left, gamma, lam):
    """Advantages: (B, T, N).

    reward: (B, T, N). value: (B, T + 1, N). left: (B, T, N) bool.
    gamma, lam: numbers.
    """
    result = torch.zeros_like(reward)
    later = torch.zeros_like(reward[:, 0])
    for t in reversed(range(reward.shape[1])):
        goes_on = gamma * ~left[:, t]
        delta = reward[:, t] + goes_on * value[:, t + 1] - value[:, t]
        later = delta + lam * goes_on * later
        result[:, t] = later
    return result


@leaving_cars.mistake
def lives_run_on(reward, value, left, gamma, lam):
    """`left` changes nothing: a car is credited with what the next one in its slot will do."""
    return gae(reward, value, torch.ones_like(left), gamma, lam)


@leaving_cars.mistake
def bootstrap_through_the_end(reward, value, left, gamma, lam):
    """A car that leaves is credited with V of the *next* state, which belongs to another car:
    the chain of advantages is cut, the bootstrap in δ is not."""
    own = reward + gamma * left * value[:, 1:]
    return gae(own, value, ~left, gamma, lam)


@leaving_cars.mistake
def advantage_leaks(reward, value, left, gamma, lam):
    """δ is right, but the sum of the later δ runs on from one car to the next in the same slot:
    `~left` is missing before A_{t+1}."""
    own = reward - gamma * left * value[:, 1:]
    return gae(own, value, torch.ones_like(left), gamma, lam)


@leaving_cars.mistake
def time_limit_is_an_end(reward, value, left, gamma, lam):
    """The last step is treated as everybody's end. Time ran out (truncation), nobody's life did
    (termination): bootstrap from `value[:, T]`."""
    goes_on = ~left
    goes_on[:, -1] = False
    return gae(reward, value, goes_on, gamma, lam)


@leaving_cars.mistake
def last_value_carried(reward, value, left, gamma, lam):
    """The carried *advantage* starts from the last value. After the last step A is 0; the value is
    in δ already."""
    own = reward.clone()
    own[:, -1] += gamma * lam * ~left[:, -1] * value[:, -1]
    return gae(own, value, ~left, gamma, lam)


@leaving_cars.mistake
def one_step_only(reward, value, left, gamma, lam):
    """This is δ alone, the one-step advantage: nothing is carried back from later steps."""
    return gae(reward, value, ~left, gamma, 0.0)


@leaving_cars.mistake
def lambda_forgotten(reward, value, left, gamma, lam):
    """λ is missing: this is the Monte-Carlo advantage, λ = 1."""
    return gae(reward, value, ~left, gamma, 1.0)


@leaving_cars.mistake
def cut_too_late(reward, value, left, gamma, lam):
    """The cut is one step off: `left[:, t]` says that step t was the car's *last*."""
    goes_on = torch.ones_like(left)
    goes_on[:, 1:] = ~left[:, :-1]
    return gae(reward, value, goes_on, gamma, lam)


@leaving_cars.mistake
def returns_instead(reward, value, left, gamma, lam):
    """These are the returns, A + V, which the critic is trained towards: subtract V."""
    return gae(reward, value, ~left, gamma, lam) + value[:, :-1]
