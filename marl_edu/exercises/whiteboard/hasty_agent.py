"""Exercise: find the bug that makes an agent leave too early. Sizes: B windows of n steps."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional as F

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Number, Reals
from marl_edu.exercises.engine.training import Rows, Trial, means
from marl_edu.exercises.engine.trying import Case

UPDATES, SEEDS, STORED, BATCH = 200, 5, 1000, 64  # of training
CELLS, WINDOW, GAMMA = 3, 3, 0.95
LEAVING, END = 0.4, 1.0  # what it pays to leave the corridor, and to reach its end
ENOUGH = 0.9  # the mean reward that shows that every agent goes to the end


def chain_curve(target: Callable[..., Any]) -> Rows:
    """Learn from the steps of an agent that acted at random in a corridor of three cells. In each
    cell it may leave, which pays 0.4, or go on; the end pays 1.

    Returns:
        rows with `update`, what an agent that takes the best action now `got`, and what it
        `believed` that it would get; means over seeds. Takes a few seconds.
    """
    return means([_train(target, seed) for seed in range(SEEDS)])


def _train(target: Callable[..., Any], seed: int) -> Rows:
    rng = torch.Generator().manual_seed(seed)
    cell, action, reward, done = _wander(rng)
    q = torch.zeros(CELLS, 2, requires_grad=True)  # leave, go on
    optimiser, rows = torch.optim.Adam([q], lr=0.05), []
    for update in range(UPDATES):
        if update % 20 == 0:
            slow = q.detach().clone()
        begin = torch.randint(STORED - WINDOW, (BATCH,), generator=rng)
        window = begin[:, None] + torch.arange(WINDOW)
        value = slow[cell[begin + WINDOW]].amax(-1)
        aim = target(reward[window], done[window], value, GAMMA)
        optimiser.zero_grad()
        F.mse_loss(q[cell[begin], action[begin]], aim).backward()
        optimiser.step()
        if update % 10 == 9:
            best = q.detach().argmax(-1).tolist()
            got = END if all(best) else LEAVING
            rows.append({"update": update + 1, "got": got, "believed": q[0].max().item()})
    return rows


def _wander(rng: torch.Generator) -> tuple[torch.Tensor, ...]:
    """Cells, actions, rewards and ends of a random agent, one episode after another."""
    action, here, steps = torch.randint(2, (STORED,), generator=rng), 0, []
    for go in action.tolist():
        at_end = go and here == CELLS - 1
        steps.append((here, END if at_end else 0.0 if go else LEAVING, not go or at_end))
        here = 0 if steps[-1][2] else here + 1
    cell, reward, done = zip(*steps, strict=True)
    return torch.tensor(cell), action, torch.tensor(reward), torch.tensor(done)


def _windows(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, B, n, ends, dtype in (
        ("windows of one step", 4, 1, 0.5, f32),
        ("two steps and no end", 2, 2, 0.0, f32),
        ("two steps, of which some end an episode", 4, 2, 0.5, f32),
        ("an end in every step", 2, 3, 1.0, f32),
        ("numbers in float64", 5, 4, 0.3, f64),
        ("twelve windows", 12, 5, 0.3, f32),
    ):
        reward = torch.randn(B, n, generator=rng, dtype=dtype)
        done = torch.rand(B, n, generator=rng) < ends
        if 0 < ends < 1:
            done[:2] = False
            done[0, -1] = done[1, 0] = True  # the last step ends it, the first one does
        value = 1 + torch.rand(B, generator=rng, dtype=dtype)
        yield Case(what, (reward, done, value if done.any() else 300 * value, 0.8))


exercise = Exercise(
    place=170,
    title="Bug hunt: the agent that leaves too early",
    difficulty=2,
    importance=4,
    minutes="10–15",
    topic="ground",
    statement="""\
`hasty_suspect` is the target of n-step Q-learning, $\\sum_{k<n} \\gamma^k r_k + \\gamma^n v$. Its
windows are drawn from a replay memory in which one episode follows another. `done` says where an
episode ends, and the function takes it into account. It raises nothing, and windows without an end
come out right. Yet an agent that learns with it leaves a corridor at once for 0.4, though the end
pays 1, and believes that leaving pays nearly twice what it does. Find the reason and write the
target without it; numpy is welcome. The grader trains an agent with yours.""",
    hint="""\
Take a window of three steps whose first one ends the episode. What do the rewards of its second and
third step belong to? A loop from the last step back to the first needs no power of gamma.""",
    domain=Domain(
        sizes={"B": (1, 9), "n": (1, 7)},
        given={
            "reward": Reals("B n"),
            "done": Flags("B n"),
            "value": Reals("B", centres=(-50, 50)),
            "gamma": Number(0.0, 1.0),
        },
    ),
    inputs=_windows,
    gradient=False,
    trial=Trial(
        curve=chain_curve,
        learned=lambda rows: rows[-1]["got"] > ENOUGH,
        says=lambda rows: f"Agents get {rows[-1]['got']:.2f} of 1.",
    ),
)


@exercise.suspected
def hasty_suspect(reward, done, value, gamma):
    """What the first step of each window is worth: (B,).

    reward: (B, n). done: (B, n) bool. value: (B,), after the last step.
    gamma: a number.
    """
    n = reward.shape[1]
    discount = gamma ** torch.arange(n)
    terminated = done.any(1)  # where an episode ended, nothing comes after
    return (discount * reward).sum(1) + gamma**n * ~terminated * value


@exercise.solved_by
def n_step_target(reward, done, value, gamma):
    """What the first step of each window is worth: (B,).

    reward: (B, n). done: (B, n) bool. value: (B,), after the last step.
    gamma: a number.
    """
    target = value
    # From the last step back.
    for r, over in zip(reward.T.flip(0), done.T.flip(0), strict=True):
        target = torch.where(over, r, r + gamma * target)
    return target


def _sum(reward, done, value, gamma, counts=None, bootstraps=None, late=0, power=None):
    n = reward.shape[1]
    ended = done.cumsum(1) - done.long() > 0  # before this step
    counts = ~ended if counts is None else counts
    bootstraps = ~done.any(1) if bootstraps is None else bootstraps
    discount = gamma ** (torch.arange(n) + late)
    last = gamma ** (n if power is None else power)
    return (discount * reward * counts).sum(1) + last * bootstraps * value


@exercise.mistake
def rewards_of_the_next_life(reward, done, value, gamma):
    """The value after the window is dropped where an episode ended, but the rewards are summed on:
    those after the end belong to the *next* episode. To end soon then seems to pay twice."""
    return hasty_suspect(reward, done, value, gamma)


@exercise.mistake
def value_of_the_next_life(reward, done, value, gamma):
    """The rewards stop where the episode ends, but the value after the window is added all the
    same: it is that of another episode."""
    return _sum(reward, done, value, gamma, bootstraps=1)


@exercise.mistake
def no_end_at_all(reward, done, value, gamma):
    """`done` plays no part: rewards and value run on into the next episode."""
    return _sum(reward, done, value, gamma, counts=1, bootstraps=1)


@exercise.mistake
def last_step_s_end_only(reward, done, value, gamma):
    """For the value only the window's last step is looked at: an episode may have ended earlier."""
    return _sum(reward, done, value, gamma, bootstraps=~done[:, -1])


@exercise.mistake
def last_reward_lost(reward, done, value, gamma):
    """The reward of the very step that ends the episode is dropped as well, and it is often the
    only one there is."""
    return _sum(reward, done, value, gamma, counts=done.cumsum(1) == 0)


@exercise.mistake
def ended_step_skipped(reward, done, value, gamma):
    """Only the step that ends the episode is blanked out; what follows it is counted again."""
    return _sum(reward, done, value, gamma, counts=~done)


@exercise.mistake
def value_not_discounted_enough(reward, done, value, gamma):
    """The value is discounted with gamma to the power n - 1: it comes after n steps."""
    return _sum(reward, done, value, gamma, power=reward.shape[1] - 1)


@exercise.mistake
def value_discounted_once(reward, done, value, gamma):
    """The value is discounted once, as in one-step learning: it comes after n steps."""
    return _sum(reward, done, value, gamma, power=1)


@exercise.mistake
def first_reward_discounted(reward, done, value, gamma):
    """The first reward is discounted already: its power of gamma is 0."""
    return _sum(reward, done, value, gamma, late=1)


exercise.slips = {
    "no_end_at_all": ("torch.where(over, r, r + gamma * target)", "r + gamma * target"),
    "last_reward_lost": ("torch.where(over, r,", "torch.where(over, 0.0,"),
}
