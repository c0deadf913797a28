"""Exercise: two critics for one policy. Sizes: T steps."""

from collections.abc import Iterator

import torch

from marl_edu.core.ops import gae
from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Reals
from marl_edu.exercises.engine.trying import Case


def _rows(rng: torch.Generator) -> Iterator[Case]:
    for what, T, chance, dtype in (
        ("one step", 1, 0.0, torch.float32),
        ("one step, which ends an episode", 1, 1.0, torch.float32),
        ("four steps without an end", 4, 0.0, torch.float32),
        ("numbers in float64", 6, 0.3, torch.float64),
        ("episodes in a row", 10, 0.3, torch.float32),
    ):
        reward, bonus = torch.randn(2, T, generator=rng, dtype=dtype)
        value_ext, value_int = torch.randn(2, T + 1, generator=rng, dtype=dtype)
        done = torch.rand(T, generator=rng) < chance
        yield Case(what, (reward, bonus, value_ext, value_int, done))


exercise = Exercise(
    place=30,
    title="One policy, two streams of reward",
    difficulty=3,
    importance=5,
    minutes="15–20",
    statement="""\
You get a row of T steps of one agent, in which episodes follow each other. `done[t]` says that step
t was the last of its episode; then `value[t + 1]` is already about the start of the next. Give
$A = 2 A^E + A^I$. The extrinsic reward belongs to its episode: $A^E$ is cut where `done`. The bonus
does not: a curious agent that starts a new episode keeps what it knows, so $A^I$ runs on. Both with
λ = 0.95, γ = 0.99 for the bonus and γ = 0.999 for the reward. In the lab you may use the function
`advantages` below, and write three lines. In the page the loop from the last step to the first is
yours as well: $A_t = \\delta_t + \\gamma\\lambda (1 - d_t) A_{t+1}$.""",
    hint="""\
Where is the chain cut? Where `done` for the one, nowhere for the other. Two rewards, two critics,
two discounts; only the sum is one.""",
    domain=Domain(
        sizes={"T": (1, 14)},
        given={
            "reward": Reals("T"),
            "bonus": Reals("T", spreads=(1, 60)),
            "value_ext": Reals("T+1", centres=(-50, 50)),
            "value_int": Reals("T+1", spreads=(1, 60)),
            "done": Flags("T"),
        },
    ),
    inputs=_rows,
    gradient=False,
)


def advantages(reward, value, terminated, gamma, gae_lambda=0.95):
    """Generalised advantages of one row: (T,). value: (T + 1,). terminated: (T,) bool."""
    row = (reward[None, :, None], value[None, :, None], terminated[None, :, None])
    return gae(*row, gamma, gae_lambda)[0, :, 0]


@exercise.solved_by
def combined(reward, bonus, value_ext, value_int, done):
    """The advantage that the policy learns from: (T,).

    reward, bonus: (T,). value_ext, value_int: (T + 1,). done: (T,) bool.
    """
    ext = advantages(reward, value_ext, done, 0.999)
    int_ = advantages(bonus, value_int, torch.zeros_like(done), 0.99)
    return 2 * ext + int_


@exercise.mistake
def bonus_cut_too(reward, bonus, value_ext, value_int, done):
    """The bonus is cut at the end of an episode as well. Dying then costs all novelty to come, and
    the agent learns not to try what might end the episode."""
    ext = advantages(reward, value_ext, done, 0.999)
    return 2 * ext + advantages(bonus, value_int, done, 0.99)


@exercise.mistake
def nothing_cut(reward, bonus, value_ext, value_int, done):
    """The reward runs on through the end of the episode, too: the agent is credited with what the
    next episode will pay, whatever it did in this one."""
    ext = advantages(reward, value_ext, torch.zeros_like(done), 0.999)
    return 2 * ext + advantages(bonus, value_int, torch.zeros_like(done), 0.99)


@exercise.mistake
def the_wrong_one_cut(reward, bonus, value_ext, value_int, done):
    """It is the other way round: the bonus is cut and the reward runs on."""
    ext = advantages(reward, value_ext, torch.zeros_like(done), 0.999)
    return 2 * ext + advantages(bonus, value_int, done, 0.99)


@exercise.mistake
def equal_weights(reward, bonus, value_ext, value_int, done):
    """The 2 is missing: the extrinsic reward counts twice as much as the bonus."""
    return combined(reward, bonus, value_ext, value_int, done) - advantages(
        reward, value_ext, done, 0.999
    )


@exercise.mistake
def one_discount(reward, bonus, value_ext, value_int, done):
    """Both are discounted with 0.99."""
    ext = advantages(reward, value_ext, done, 0.99)
    return 2 * ext + advantages(bonus, value_int, torch.zeros_like(done), 0.99)


@exercise.mistake
def critics_swapped(reward, bonus, value_ext, value_int, done):
    """The two critics have changed places."""
    return combined(reward, bonus, value_int, value_ext, done)


@exercise.mistake
def one_critic(reward, bonus, value_ext, value_int, done):
    """Rewards and values are added first and share one chain, which is cut where the episode ends:
    with one critic the bonus cannot run on."""
    return advantages(2 * reward + bonus, 2 * value_ext + value_int, done, 0.99)


exercise.slips = {
    "bonus_cut_too": ("torch.zeros_like(done)", "done"),
    "nothing_cut": ("value_ext, done, 0.999", "value_ext, torch.zeros_like(done), 0.999"),
    "equal_weights": ("2 * ext + int_", "ext + int_"),
    "one_discount": ("0.999", "0.99"),
}
