"""Exercises: what an action turned out to be worth, with one step and along a window.

Sizes: E drawn, L steps, A actions.
"""

from collections.abc import Iterator

import torch
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from marl_edu.exercises.grading import Exercise
from marl_edu.exercises.inputs import CHANCE, DTYPE, drawn, flags, ints
from marl_edu.exercises.trying import Case


def _ends(rng: torch.Generator) -> Iterator[Case]:
    T, N = True, False
    f32, f64 = torch.float32, torch.float64
    for what, terminated, truncated, dtype in (
        ("a step in the middle of an episode", [N], [N], f32),
        ("a step that ends the world", [T], [N], f32),
        ("a step after which time is up", [N], [T], f32),
        ("a world that ends as time is up", [T], [T], f32),
        ("numbers in float64", [N, T, N, T], [N, N, T, T], f64),
        *drawn("drawn steps", flags(6, 6), flags(6, 6), DTYPE),
    ):
        worth = [torch.randn(len(terminated), generator=rng, dtype=dtype) for _ in range(2)]
        yield Case(what, (*worth, torch.tensor(terminated), torch.tensor(truncated), 0.9))


time_limit = Exercise(
    title="Time is up: is that the end?",
    difficulty=1,
    importance=5,
    minutes="5–10",
    statement="""\
What an action turned out to be worth: its reward, and $\\gamma$ times what comes next,
`next_value`. Where the world ended (`terminated`) nothing comes next. Where time ran out
(`truncated`) the world would have gone on. Both at once is an end. What you write: one line.""",
    hint="""\
Which of the two flags says something about the *world*, and which about our patience?""",
    inputs=_ends,
    gradient=False,
)


@time_limit.solved_by
def one_step_target(reward, next_value, terminated, truncated, gamma):
    """What each action turned out to be worth: (E,).

    reward, next_value: (E,). terminated, truncated: (E,) bool.
    gamma: a number.
    """
    return reward + gamma * ~terminated * next_value


@time_limit.mistake
def limit_is_an_end(reward, next_value, terminated, truncated, gamma):
    """Running out of time is taken for the end of the world: states late in an episode seem worth
    nothing, and what leads to them little."""
    return reward + gamma * ~(terminated | truncated) * next_value


@time_limit.mistake
def never_ends(reward, next_value, terminated, truncated, gamma):
    """Where the world ended, the value of what comes next still counts: but nothing comes next."""
    return reward + gamma * next_value


@time_limit.mistake
def flags_swapped(reward, next_value, terminated, truncated, gamma):
    """The two flags have changed places: it stops at the time limit and goes on after the end."""
    return reward + gamma * ~truncated * next_value


@time_limit.mistake
def limit_undoes_the_end(reward, next_value, terminated, truncated, gamma):
    """Where the world ended and time was up as well, it goes on: an end is an end."""
    return reward + gamma * (~terminated | truncated) * next_value


@time_limit.mistake
def undiscounted(reward, next_value, terminated, truncated, gamma):
    """The discount is missing: what comes later counts as much as what comes now."""
    return reward + ~terminated * next_value


@time_limit.mistake
def reward_lost(reward, next_value, terminated, truncated, gamma):
    """The last reward is lost: the end cuts off what comes *after* the step, not its reward."""
    return (reward + gamma * next_value) * ~terminated


@time_limit.mistake
def only_the_end(reward, next_value, terminated, truncated, gamma):
    """The flag is the wrong way round: the next value counts only where the world ended."""
    return reward + gamma * terminated * next_value


def _values(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, E, A, share, dtype in (
        ("one step and two actions", 1, 2, 1.0, f32),
        ("steps with one action each", 3, 1, 1.0, f32),
        ("some actions not available", 6, 4, 0.5, f32),
        ("numbers in float64", 5, 3, 0.6, f64),
        ("values far below 0", 8, 5, 0.4, f32),
        ("twenty steps", 20, 6, 0.5, f32),
        *drawn("drawn steps", ints(1, 9), ints(1, 5), CHANCE, DTYPE),
    ):
        q, q_target = (torch.randn(E, A, generator=rng, dtype=dtype) for _ in range(2))
        if "below" in what:
            q, q_target = q - 50, q_target - 50
        available = torch.rand(E, A, generator=rng) < share
        available[torch.arange(E), torch.randint(A, (E,), generator=rng)] = True
        yield Case(what, (q, q_target, available))


two_networks = Exercise(
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
`argmax` of one, `gather` from the other. How do you make sure that an action that is not available
is never the largest, even if all values are far below 0?""",
    inputs=_values,
)


@two_networks.solved_by
def next_worth(q, q_target, available):
    """What the next step is worth: (E,).

    q, q_target: (E, A), of the network and of its target.
    available: (E, A) bool.
    """
    best = q.masked_fill(~available, -torch.inf).argmax(-1, keepdim=True)
    return q_target.gather(-1, best)[:, 0].detach()


def _picked(q: Tensor, rated: Tensor, available: Tensor) -> Tensor:
    best = q.masked_fill(~available, -torch.inf).argmax(-1, keepdim=True)
    return rated.gather(-1, best)[:, 0]


@two_networks.mistake
def target_does_both(q, q_target, available):
    """The target network picks as well as rates: that is DQN of 2015, and the maximum of noisy
    values is too large on average."""
    return _picked(q_target, q_target, available).detach()


@two_networks.mistake
def network_does_both(q, q_target, available):
    """The network picks and rates, and the target network has no part in it."""
    return _picked(q, q, available).detach()


@two_networks.mistake
def roles_swapped(q, q_target, available):
    """The roles are swapped: here the target network picks and the network rates."""
    return _picked(q_target, q, available).detach()


@two_networks.mistake
def anything_goes(q, q_target, available):
    """`available` is not asked: values of actions that nobody can take leak into the targets."""
    return _picked(q, q_target, torch.ones_like(available)).detach()


@two_networks.mistake
def masked_with_zero(q, q_target, available):
    """Actions that are not available are given the value 0, which is the best of all where the
    others are negative: use -inf."""
    best = (q * available).argmax(-1, keepdim=True)
    return q_target.gather(-1, best)[:, 0].detach()


@two_networks.mistake
def smaller_of_both(q, q_target, available):
    """It takes the smaller of what the two networks say of the action (clipped double Q, of TD3):
    another remedy for the same disease, and it underestimates."""
    both = torch.minimum(_picked(q, q, available), _picked(q, q_target, available))
    return both.detach()


@two_networks.mistake
def target_learns(q, q_target, available):
    """The value is right, but a gradient goes back into the target network: then the aim moves
    towards the arrow."""
    return _picked(q, q_target, available)


@two_networks.mistake
def mean_of_actions(q, q_target, available):
    """It rates the mean over the available actions: that is the worth of acting at random."""
    weights = available / available.sum(-1, keepdim=True)
    return (q_target * weights.to(q_target.dtype)).sum(-1).detach()


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


shifted_targets = Exercise(
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


@shifted_targets.solved_by
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


@shifted_targets.mistake
def not_shifted(q, q_target, reward, goes_on, gamma):
    """The values are those of the step itself, not of the one after it: every target is one step
    too early, and what the last observation shows is never used."""
    return _along(q[:, :-1], q_target[:, :-1], reward, goes_on, gamma).detach()


@shifted_targets.mistake
def picked_too_early(q, q_target, reward, goes_on, gamma):
    """The action is picked by what is seen in the step itself and rated one step later: two
    different moments."""
    return _along(q[:, :-1], q_target[:, 1:], reward, goes_on, gamma).detach()


@shifted_targets.mistake
def target_picks(q, q_target, reward, goes_on, gamma):
    """The target network picks the action that it rates: double Q lets the network pick."""
    return _along(q_target[:, 1:], q_target[:, 1:], reward, goes_on, gamma).detach()


@shifted_targets.mistake
def network_rates(q, q_target, reward, goes_on, gamma):
    """The network rates its own choice; the target network has no part in it."""
    return _along(q[:, 1:], q[:, 1:], reward, goes_on, gamma).detach()


@shifted_targets.mistake
def lives_run_on(q, q_target, reward, goes_on, gamma):
    """`goes_on` is not asked: the value leaks back from beyond the end of a life."""
    return _along(q[:, 1:], q_target[:, 1:], reward, torch.ones_like(goes_on), gamma).detach()


@shifted_targets.mistake
def cut_one_late(q, q_target, reward, goes_on, gamma):
    """The end is noticed one step late: `goes_on[:, t]` belongs to the same step as
    `reward[:, t]`."""
    late = torch.cat([torch.ones_like(goes_on[:, :1]), goes_on[:, :-1]], 1)
    return _along(q[:, 1:], q_target[:, 1:], reward, late, gamma).detach()


@shifted_targets.mistake
def window_is_a_life(q, q_target, reward, goes_on, gamma):
    """The last step of the window is treated as the end of the life: but the life went on, and
    the observation after it is there for that."""
    inside = goes_on.clone()
    inside[:, -1] = False
    return _along(q[:, 1:], q_target[:, 1:], reward, inside, gamma).detach()


@shifted_targets.mistake
def gradient_through_target(q, q_target, reward, goes_on, gamma):
    """The values are right, but a gradient goes back through the target."""
    return _along(q[:, 1:], q_target[:, 1:], reward, goes_on, gamma)


def _errors(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, lengths, L, dtype in (
        ("one window without filling", [3], 3, f32),
        ("one window of which one step counts", [1], 4, f32),
        ("windows of different lengths", [2, 5, 1], 5, f32),
        ("numbers in float64", [4, 2], 4, f64),
        ("a window of which nothing counts", [0, 3], 4, f32),
        ("windows that begin with a burn-in", [6, 1, 3, 6], 6, f32),
        *drawn("drawn windows", st.lists(ints(0, 6), max_size=5).filter(any), st.just(6), DTYPE),
    ):
        taken, target = (
            2 * torch.randn(len(lengths), L, generator=rng, dtype=dtype) for _ in range(2)
        )
        learn = torch.arange(L) < torch.tensor(lengths)[:, None]
        if "burn-in" in what:  # which does not count, either
            learn[0, :2] = False
        yield Case(what, (taken, target, learn))


only_what_counts = Exercise(
    title="A loss over what counts",
    difficulty=2,
    importance=5,
    minutes="10–15",
    statement="""\
Windows of different lengths are filled up with zeros to the same L, and the first steps of some are
burn-in: `learn` says which steps count. Give the Huber loss, `F.smooth_l1_loss`, averaged over all
steps that count, of all windows together: one number. What you write: two lines.""",
    hint="""\
`reduction="none"` keeps every error. How many are there to divide by?""",
    inputs=_errors,
)


@only_what_counts.solved_by
def masked_loss(taken, target, learn):
    """The mean Huber loss over the steps that count: a scalar tensor.

    taken, target: (E, L). learn: (E, L) bool.
    """
    error = F.smooth_l1_loss(taken, target, reduction="none")
    return (error * learn).sum() / learn.sum()


@only_what_counts.mistake
def filling_counted(taken, target, learn):
    """The errors of filled-up steps count, too: the network learns that nothing is worth
    nothing."""
    return F.smooth_l1_loss(taken, target)


@only_what_counts.mistake
def divided_by_all(taken, target, learn):
    """The sum is right, but it is divided by the number of *all* steps: short windows teach less
    than long ones, and the step size depends on the filling."""
    return (F.smooth_l1_loss(taken, target, reduction="none") * learn).mean()


@only_what_counts.mistake
def mean_of_means(taken, target, learn):
    """First each window is averaged, then the windows: a step of a short window weighs more than
    one of a long window."""
    error = F.smooth_l1_loss(taken, target, reduction="none") * learn
    return (error.sum(1) / learn.sum(1).clamp_min(1)).mean()


@only_what_counts.mistake
def summed(taken, target, learn):
    """The errors are added up and not averaged: more steps, larger steps."""
    return (F.smooth_l1_loss(taken, target, reduction="none") * learn).sum()


@only_what_counts.mistake
def squared(taken, target, learn):
    """The error is squared, not Huber's: one surprising reward moves everything."""
    return ((taken - target) ** 2 * learn).sum() / learn.sum()


@only_what_counts.mistake
def mask_inverted(taken, target, learn):
    """The mask is upside down: only what does *not* count is learned."""
    error = F.smooth_l1_loss(taken, target, reduction="none")
    return (error * ~learn).sum() / (~learn).sum()


@only_what_counts.mistake
def absolute(taken, target, learn):
    """It is the absolute error: its gradient is as large for a tiny error as for a huge one."""
    return ((taken - target).abs() * learn).sum() / learn.sum()
