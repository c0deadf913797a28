"""Exercises: what RND needs beside its two networks. Sizes: T steps, B worlds, O numbers seen."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.grading import Exercise
from marl_edu.exercises.inputs import CHANCE, DTYPE, drawn, ints
from marl_edu.exercises.trying import Case
from marl_edu.ops import gae

# --- observations ---------------------------------------------------------------------------------


def _observations(rng: torch.Generator) -> Iterator[Case]:
    for what, n, size, dtype in (
        ("one observation of one number", 1, 1, torch.float32),
        ("two observations", 2, 3, torch.float32),
        ("numbers in float64", 4, 2, torch.float64),
        ("many observations, some far out", 20, 4, torch.float32),
        *drawn("drawn observations", ints(1, 9), ints(1, 6), DTYPE),
    ):
        obs = 6 * torch.randn(n, size, generator=rng, dtype=dtype)
        mean = torch.randn(size, generator=rng, dtype=dtype)
        var = 0.3 + torch.rand(size, generator=rng, dtype=dtype) * 4
        yield Case(what, (obs, mean, var))


clear_view = Exercise(
    title="In units of their spread",
    difficulty=1,
    importance=4,
    minutes="5",
    statement="""\
What RND looks at, eq. (1): every entry of an observation less its running mean, over its running
standard deviation, and then cut to [−5, 5]. You are given mean and *variance*. What you write: one
line.""",
    hint="""\
The target network was drawn once and cannot adapt: what it is given must always have about the same
size. Order: centre, scale, cut.""",
    inputs=_observations,
)


@clear_view.solved_by
def look(obs, mean, var):
    """What the two networks are given: (B, O).

    obs: (B, O). mean, var: (O,).
    """
    return ((obs - mean) / var.sqrt()).clamp(-5, 5)


@clear_view.mistake
def divided_by_variance(obs, mean, var):
    """It is divided by the variance; its root, the standard deviation, has the unit of obs."""
    return ((obs - mean) / var).clamp(-5, 5)


@clear_view.mistake
def never_cut(obs, mean, var):
    """Nothing is cut: one rare, huge entry and the error is huge, and with it the bonus."""
    return (obs - mean) / var.sqrt()


@clear_view.mistake
def cut_first(obs, mean, var):
    """It is cut before it is scaled."""
    return (obs.clamp(-5, 5) - mean) / var.sqrt()


@clear_view.mistake
def mean_kept(obs, mean, var):
    """The mean is not taken off."""
    return (obs / var.sqrt()).clamp(-5, 5)


@clear_view.mistake
def below_zero_lost(obs, mean, var):
    """It is cut to [0, 5]: half of what can be seen is gone."""
    return ((obs - mean) / var.sqrt()).clamp(0, 5)


@clear_view.mistake
def multiplied(obs, mean, var):
    """It is multiplied by the spread instead of divided."""
    return ((obs - mean) * var.sqrt()).clamp(-5, 5)


# --- the size of the bonus ------------------------------------------------------------------------


def _bonuses(rng: torch.Generator) -> Iterator[Case]:
    for what, T, B, dtype in (
        ("two steps of one world", 2, 1, torch.float32),
        ("one step of three worlds", 1, 3, torch.float32),
        ("five steps of two worlds", 5, 2, torch.float32),
        ("numbers in float64", 6, 3, torch.float64),
        ("many steps", 30, 4, torch.float32),
        *drawn("drawn steps", ints(1, 9), ints(1, 4), DTYPE),
    ):
        yield Case(what, (torch.rand(T, B, generator=rng, dtype=dtype), 0.9))


bonus_scale = Exercise(
    title="How large is a bonus?",
    difficulty=3,
    importance=5,
    minutes="15",
    statement="""\
The errors of a network have no unit, so RND divides its bonus by σ, the standard deviation of
$R_t = \\gamma R_{t-1} + r_t$: the bonuses gathered *forward* in time, each world for itself,
starting from 0. σ is taken over all steps and worlds together (divide by their number, not by one
less). Give the bonus over σ; add 1e-8 to σ. numpy is welcome. What you write: a loop over time and
one line.""",
    hint="""\
R is one number per world, `(B,)`, which the loop carries on. It is no return: returns look ahead,
and would have to wait for the future.""",
    inputs=_bonuses,
    gradient=False,
)


@bonus_scale.solved_by
def scaled_bonus(bonus, gamma):
    """The bonus over sigma: (T, B).

    bonus: (T, B), time first. gamma: a number.
    """
    R, seen = torch.zeros_like(bonus[0]), []
    for r in bonus:
        R = gamma * R + r
        seen.append(R)
    return bonus / (torch.stack(seen).std(correction=0) + 1e-8)


def _forward(bonus, gamma):
    seen = [bonus[0]]
    for r in bonus[1:]:
        seen.append(gamma * seen[-1] + r)
    return torch.stack(seen)


def _over(bonus, R, correction=0):
    return bonus / (R.std(correction=correction) + 1e-8)


@bonus_scale.mistake
def backward_returns(bonus, gamma):
    """R is gathered backwards, from the last step to the first: those are returns. (RND's filter
    runs forward, because at step t there is no future yet.)"""
    return _over(bonus, _forward(bonus.flip(0), gamma))


@bonus_scale.mistake
def over_worlds(bonus, gamma):
    """The sum runs from one *world* to the next instead of from step to step: check which axis the
    loop goes along. A well-known implementation had this bug."""
    return _over(bonus, _forward(bonus.T, gamma))


@bonus_scale.mistake
def spread_of_the_bonus(bonus, gamma):
    """This is the spread of the bonus itself. What the critic has to predict is the sum of many."""
    return _over(bonus, bonus)


@bonus_scale.mistake
def mean_taken_off(bonus, gamma):
    """The mean of the bonus is taken off: whatever is less new than the average is *punished*."""
    return _over(bonus - bonus.mean(), _forward(bonus, gamma))


@bonus_scale.mistake
def discount_forgotten(bonus, gamma):
    """γ is missing: R grows for ever, and the bonus fades with it."""
    return _over(bonus, bonus.cumsum(0))


@bonus_scale.mistake
def variance_not_spread(bonus, gamma):
    """It is divided by the variance; σ is its root."""
    return bonus / (_forward(bonus, gamma).var(correction=0) + 1e-8)


@bonus_scale.mistake
def each_world_for_itself(bonus, gamma):
    """Every world is divided by a σ of its own: a world in which nothing is new is then paid as
    much as one where all is."""
    return bonus / (_forward(bonus, gamma).std(0, correction=0) + 1e-8)


# --- two critics ----------------------------------------------------------------------------------


def _lives(rng: torch.Generator) -> Iterator[Case]:
    for what, T, chance, dtype in (
        ("one step", 1, 0.0, torch.float32),
        ("one step, which ends an episode", 1, 1.0, torch.float32),
        ("four steps without an end", 4, 0.0, torch.float32),
        ("numbers in float64", 6, 0.3, torch.float64),
        ("episodes in a row", 10, 0.3, torch.float32),
        *drawn("drawn episodes", ints(1, 12), CHANCE, DTYPE),
    ):
        reward, bonus = torch.randn(2, T, generator=rng, dtype=dtype)
        value_ext, value_int = torch.randn(2, T + 1, generator=rng, dtype=dtype)
        done = torch.rand(T, generator=rng) < chance
        yield Case(what, (reward, bonus, value_ext, value_int, done))


two_lives = Exercise(
    title="One policy, two lives",
    difficulty=3,
    importance=5,
    minutes="15–20",
    statement="""\
A row of T steps of one agent, in which episodes follow each other: `done[t]` says that step t was
an episode's last, and then `value[t + 1]` is already about the next one's start. Give
$A = 2 A^E + A^I$. The world's reward belongs to its episode: $A^E$ is cut where `done`. The bonus
does not: a curious agent that starts anew keeps what it knows, so $A^I$ runs on. Both with
λ = 0.95, γ = 0.99 for the bonus and γ = 0.999 for the reward. You may use the function `advantages`
below. What you write: three lines.""",
    hint="""\
`goes_on` says where the chain goes on: `~done` for the one, True everywhere for the other. Two
rewards, two critics, two discounts; only the sum is one.""",
    inputs=_lives,
    gradient=False,
)


def advantages(reward, value, goes_on, gamma, lam=0.95):
    """Generalised advantages of one row: (T,). value: (T + 1,). goes_on: (T,) bool."""
    row = (reward[None, :, None], value[None, :, None], goes_on[None, :, None])
    return gae(*row, gamma, lam)[0, :, 0]


@two_lives.solved_by
def combined(reward, bonus, value_ext, value_int, done):
    """The advantage that the policy learns from: (T,).

    reward, bonus: (T,). value_ext, value_int: (T + 1,). done: (T,) bool.
    """
    ext = advantages(reward, value_ext, ~done, 0.999)
    int_ = advantages(bonus, value_int, torch.ones_like(done), 0.99)
    return 2 * ext + int_


@two_lives.mistake
def bonus_cut_too(reward, bonus, value_ext, value_int, done):
    """The bonus is cut at the end of an episode as well: then dying costs all novelty to come, and
    the agent learns not to try what might end the episode."""
    ext = advantages(reward, value_ext, ~done, 0.999)
    return 2 * ext + advantages(bonus, value_int, ~done, 0.99)


@two_lives.mistake
def nothing_cut(reward, bonus, value_ext, value_int, done):
    """The reward runs on through the end of the episode, too: the agent is credited with what the
    next episode will pay, whatever it did in this one."""
    ext = advantages(reward, value_ext, torch.ones_like(done), 0.999)
    return 2 * ext + advantages(bonus, value_int, torch.ones_like(done), 0.99)


@two_lives.mistake
def the_wrong_one_cut(reward, bonus, value_ext, value_int, done):
    """It is the other way round: the bonus is cut and the reward runs on."""
    ext = advantages(reward, value_ext, torch.ones_like(done), 0.999)
    return 2 * ext + advantages(bonus, value_int, ~done, 0.99)


@two_lives.mistake
def equal_weights(reward, bonus, value_ext, value_int, done):
    """The 2 is missing: the world's reward counts twice as much as the bonus."""
    return combined(reward, bonus, value_ext, value_int, done) - advantages(
        reward, value_ext, ~done, 0.999
    )


@two_lives.mistake
def one_discount(reward, bonus, value_ext, value_int, done):
    """Both are discounted with 0.99."""
    ext = advantages(reward, value_ext, ~done, 0.99)
    return 2 * ext + advantages(bonus, value_int, torch.ones_like(done), 0.99)


@two_lives.mistake
def critics_swapped(reward, bonus, value_ext, value_int, done):
    """The two critics have changed places."""
    return combined(reward, bonus, value_int, value_ext, done)


@two_lives.mistake
def one_critic(reward, bonus, value_ext, value_int, done):
    """Rewards and values are added first and share one chain, which is cut where the episode ends:
    with one critic the bonus cannot run on."""
    return advantages(2 * reward + bonus, 2 * value_ext + value_int, ~done, 0.99)
