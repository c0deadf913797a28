"""Exercise: find the bug in a report. Sizes: C checkpoints, E episodes."""

from collections.abc import Callable, Iterator
from typing import Any

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags
from marl_edu.exercises.engine.training import Rows, Trial
from marl_edu.exercises.engine.trying import Case

RUNS, EPISODES = 200, 40  # teams that guess, and their fresh episodes per checkpoint
CLOSE = 0.02  # how far from one half a report of guessing may be


def guessing_curve(report: Callable[..., Any]) -> Rows:
    """Report teams that toss a coin in every episode, with more and more checkpoints.

    Returns:
        rows with `checkpoints`, and the mean score `reported` of such a team.
    """
    wins = torch.rand(RUNS, 32, EPISODES, generator=torch.Generator().manual_seed(0)) < 0.5
    return [
        {
            "checkpoints": C,
            "reported": sum(float(report(run[:C])) for run in wins) / RUNS,
        }
        for C in (1, 2, 4, 8, 16, 32)
    ]


def _evaluations(rng: torch.Generator) -> Iterator[Case]:
    T, F = True, False
    for what, wins in (
        ("one checkpoint and two episodes", [[T, F]]),
        ("two checkpoints of which one had luck", [[T, T, F, F], [T, F, T, T]]),
        ("checkpoints that are equally good", [[F, T, T, F], [T, F, F, F], [T, F, T, T]]),
        ("checkpoints that never win", [[F, F], [F, F], [F, F]]),
        ("a late one that is best", [[F, F, F, T], [F, T, T, F], [T, T, F, T]]),
    ):
        yield Case(what, (torch.tensor(wins),))
    yield Case("ten checkpoints", (torch.rand(10, 20, generator=rng) < 0.6,))


exercise = Exercise(
    place=40,
    title="Bug hunt: the checkpoint that was lucky",
    difficulty=2,
    importance=5,
    minutes="10",
    topic="ground",
    statement="""\
`lucky_suspect` reports the score of a run: all checkpoints play the same E episodes, and the best
one stands for the run. It raises nothing, and with a single checkpoint it is right. Yet teams that
do nothing but guess are reported above one half, and the more so the more checkpoints they have.
Find the reason and rewrite the function. The first half of the episodes (E is even) should choose
the checkpoint, the earliest of equally good ones; the rest should say how good it is. The grader
reports guessing teams with yours.""",
    hint="""\
Twenty people toss a coin forty times. How often does the luckiest of them see heads, and what does
it say about the next toss? Which tosses may therefore not be counted?""",
    domain=Domain(
        sizes={"C": (1, 10), "H": (1, 8)},
        given={
            "wins": Flags("C 2*H"),
        },
        notes={"E": "even, from 2 to 16"},
    ),
    inputs=_evaluations,
    gradient=False,
    trial=Trial(
        curve=guessing_curve,
        learned=lambda rows: max(abs(row["reported"] - 0.5) for row in rows) < CLOSE,
        says=lambda rows: (
            f"Of {rows[-1]['checkpoints']} checkpoints that guess, the report is "
            f"{rows[-1]['reported']:.2f}."
        ),
    ),
)


@exercise.suspected
def lucky_suspect(wins):
    """The score of a run: a number, as a tensor of shape ().

    wins: (C, E) bool, which checkpoint won which episode.
    """
    return wins.float().mean(1).max()


@exercise.solved_by
def fresh_score(wins):
    """The score of a run: a number, as a tensor of shape ().

    wins: (C, E) bool, which checkpoint won which episode.
    """
    half = wins.shape[1] // 2
    chosen = wins[:, :half].float().mean(1).argmax()
    return wins[chosen, half:].float().mean()  # not those that chose it


@exercise.mistake
def same_episodes(wins):
    """The checkpoint is still reported on the episodes that chose it: the best of many numbers is
    too high, since its luck was chosen too."""
    return lucky_suspect(wins)


@exercise.mistake
def chosen_half(wins):
    """Chosen on the first half, and reported on that half too: the second has to speak."""
    return wins[:, : wins.shape[1] // 2].float().mean(1).max()


@exercise.mistake
def all_episodes(wins):
    """Chosen on the first half, but reported on all episodes: half of the luck is still in it."""
    chosen = wins[:, : wins.shape[1] // 2].float().mean(1).argmax()
    return wins[chosen].float().mean()


@exercise.mistake
def halves_swapped(wins):
    """The halves have changed places: the second chooses and the first speaks."""
    half = wins.shape[1] // 2
    return wins[wins[:, half:].float().mean(1).argmax(), :half].float().mean()


@exercise.mistake
def best_of_second(wins):
    """The best of the second half is reported: nothing was chosen on the first, and the luck has
    only moved."""
    return wins[:, wins.shape[1] // 2 :].float().mean(1).max()


@exercise.mistake
def last_checkpoint(wins):
    """The last checkpoint stands for the run. That is honest too, but nothing is chosen, and it is
    not what is asked for."""
    return wins[-1, wins.shape[1] // 2 :].float().mean()


@exercise.mistake
def mean_of_checkpoints(wins):
    """The mean over all checkpoints: no luck in it, and no choice either."""
    return wins[:, wins.shape[1] // 2 :].float().mean()


@exercise.mistake
def mean_of_everything(wins):
    """The mean over all checkpoints and all episodes: nothing was chosen, and nothing is fresh."""
    return wins.float().mean()


@exercise.mistake
def latest_of_equals(wins):
    """Of equally good checkpoints the latest is taken; asked for is the earliest."""
    half = wins.shape[1] // 2
    rates = wins[:, :half].float().mean(1)
    return wins[len(wins) - 1 - rates.flip(0).argmax(), half:].float().mean()


exercise.slips = {
    "chosen_half": ("wins[chosen, half:]", "wins[chosen, :half]"),
    "all_episodes": ("wins[chosen, half:]", "wins[chosen]"),
    "mean_of_checkpoints": ("wins[chosen, half:]", "wins[:, half:]"),
    "last_checkpoint": ("wins[chosen, half:]", "wins[-1, half:]"),
}
