"""Exercise: find the bug that blows a bonus up. Sizes: T steps, B environments."""

from collections.abc import Callable, Iterator
from typing import Any

import torch

from marl_edu.algos.rnd import RandomNetworkDistillation
from marl_edu.core.normalise import RunningMeanStd
from marl_edu.envs.key_door_maze import KeyDoorMaze
from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Number, Reals
from marl_edu.exercises.engine.training import Rows, Trial
from marl_edu.exercises.engine.trying import Case

ROUNDS, ENOUGH = 20, 1.0  # of training; a bonus per step above which nothing else counts


def bonus_curve(gather: Callable[..., Any]) -> Rows:
    """Let RND, which learns, pay a random player in the maze, a round of an episode at a time.

    The bonus is divided by the spread of what `gather` returns.

    Returns:
        rows with `round`, the mean `bonus` of a step, and the `spread`.
    """
    torch.manual_seed(0)
    maze = KeyDoorMaze(num_envs=1, seed=0)
    module = RandomNetworkDistillation(maze.obs_dim)
    module.warm_up(maze)
    optimiser = torch.optim.Adam(module.predictor.parameters(), lr=1e-4)
    spread, running, rows = RunningMeanStd(), torch.zeros(1), []
    for round in range(1, ROUNDS + 1):
        maze.reset()
        steps = [maze.step(torch.randint(5, (1, 1)))[0] for _ in range(maze.max_steps)]
        met = torch.cat(steps, 1)
        bonus = module.reward(met, met, met).T  # time first
        R = gather(bonus, torch.ones_like(bonus, dtype=torch.bool), running, 0.99)
        running = R[-1].clone()
        spread.update(R.flatten())
        sigma = spread.var.sqrt()
        scaled = bonus / (sigma + 1e-8)
        rows.append({"round": round, "bonus": scaled.mean().item(), "spread": sigma.item()})
        optimiser.zero_grad()
        module.loss(met, met, met).mean().backward()
        optimiser.step()
    return rows


def _rounds(rng: torch.Generator) -> Iterator[Case]:
    for what, T, B, chance, dtype in (
        ("one step of one environment", 1, 1, 1.0, torch.float32),
        ("one step of three environments", 1, 3, 1.0, torch.float32),
        ("three steps of one environment", 3, 1, 1.0, torch.float32),
        ("environments of which some are over", 5, 3, 0.6, torch.float32),
        ("numbers in float64", 6, 2, 0.8, torch.float64),
        ("a whole round", 20, 4, 0.9, torch.float32),
    ):
        bonus = torch.rand(T, B, generator=rng, dtype=dtype)
        running = 3 * torch.rand(B, generator=rng, dtype=dtype)
        alive = torch.rand(T, B, generator=rng) < chance
        yield Case(what, (bonus, alive.cummin(0).values, running, 0.9))


def _most(rows: Rows) -> float:
    return max(row["bonus"] for row in rows)


exercise = Exercise(
    place=40,
    title="Bug hunt: the bonus that explodes",
    difficulty=3,
    importance=4,
    minutes="10–20",
    statement="""\
`exploding_suspect` gathers the bonus forward in time, $R_t = \\gamma R_{t-1} + r_t$, going on from
where the last round stopped (`running`); an environment whose episode is over (`alive` False)
waits. It raises nothing, the shape is right, and so is the last row. Yet the standard deviation of
what it returns, by which the bonus is divided, is wrong. With a single environment it is 0 but for
rounding, so the bonus comes out millions of times too large. Find the reason and write the function
without it.""",
    hint="""\
Call it on three steps of one environment and print the result. How many *different* rows does it
have? What does `seen.append(R)` put into the list: the numbers, or what holds them?""",
    domain=Domain(
        sizes={"T": (1, 12), "B": (1, 4)},
        given={
            "bonus": Reals("T B", between=(0, 1)),
            "alive": Flags("T B"),
            "running": Reals("B", between=(0, 3)),
            "gamma": Number(0.0, 1.0),
        },
        finish=lambda given, _: given | {"alive": given["alive"].cummin(0).values},
    ),
    inputs=_rounds,
    gradient=False,
    trial=Trial(
        curve=bonus_curve,
        learned=lambda rows: _most(rows) < ENOUGH,
        says=lambda rows: (
            f"In a single environment a step is paid up to {_most(rows):,.2f} spreads."
        ),
    ),
)


@exercise.suspected
def exploding_suspect(bonus, alive, running, gamma):
    """R after each step: (T, B).

    bonus: (T, B). alive: (T, B) bool.
    running: (B,), R before the first step. gamma: a number.
    """
    R, seen = running.clone(), []
    for r, here in zip(bonus, alive, strict=True):
        R[here] = gamma * R[here] + r[here]
        seen.append(R)
    return torch.stack(seen)


@exercise.solved_by
def gather_bonus(bonus, alive, running, gamma):
    """R after each step: (T, B).

    bonus: (T, B). alive: (T, B) bool.
    running: (B,), R before the first step. gamma: a number.
    """
    R, seen = running, []
    for r, here in zip(bonus, alive, strict=True):
        R = torch.where(here, gamma * R + r, R)  # a new tensor in each step
        seen.append(R)
    return torch.stack(seen)


@exercise.mistake
def one_tensor_many_times(bonus, alive, running, gamma):
    """All rows are still the last one: the list holds the same tensor T times, and every write
    changes all of them."""
    return gather_bonus(bonus, alive, running, gamma)[-1:].expand(len(bonus), -1).clone()


@exercise.mistake
def nobody_waits(bonus, alive, running, gamma):
    """Environments whose episode is over go on as well: `alive` plays no part."""
    return gather_bonus(bonus, torch.ones_like(alive), running, gamma)


@exercise.mistake
def forgets_who_waits(bonus, alive, running, gamma):
    """An environment that is over is set to 0 instead of waiting: R is to run on into its next
    episode."""
    R, seen = running, []
    for r, here in zip(bonus, alive, strict=True):
        R = (gamma * R + r) * here
        seen.append(R)
    return torch.stack(seen)


@exercise.mistake
def starts_from_nothing(bonus, alive, running, gamma):
    """Every round starts from 0 instead of `running`: the first steps of a round look as if nothing
    had been paid before."""
    return gather_bonus(bonus, alive, torch.zeros_like(running), gamma)


@exercise.mistake
def without_discount(bonus, alive, running, gamma):
    """γ is missing: R grows forever."""
    return gather_bonus(bonus, alive, running, 1.0)


@exercise.mistake
def one_row_late(bonus, alive, running, gamma):
    """Each row is R *before* its step."""
    rows = gather_bonus(bonus, alive, running, gamma)
    return torch.cat([running[None], rows[:-1]])


@exercise.mistake
def backwards(bonus, alive, running, gamma):
    """It runs from the last step to the first: at step t there is no future yet."""
    return gather_bonus(bonus.flip(0), alive.flip(0), running, gamma)


exercise.slips = {
    "nobody_waits": ("torch.where(here, gamma * R + r, R)", "gamma * R + r"),
    "forgets_who_waits": (
        "torch.where(here, gamma * R + r, R)",
        "torch.where(here, gamma * R + r, 0.0)",
    ),
    "without_discount": ("gamma * R + r", "R + r"),
    "starts_from_nothing": ("R, seen = running, []", "R, seen = torch.zeros_like(running), []"),
}
