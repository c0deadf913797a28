"""Exercise: the interquartile mean. Sizes: S seeds."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals
from marl_edu.exercises.engine.trying import Case


def _runs(rng: torch.Generator) -> Iterator[Case]:
    yield Case("eight runs, two of which failed", (torch.tensor([1.0, 0, 1, 0.9, 0.8, 0, 1, 0.7]),))
    yield Case("five runs, one of which failed", (torch.tensor([0.2, 0.9, 0.95, 1.0, 0.97]),))
    yield Case("two runs", (torch.tensor([0.0, 1.0]),))
    yield Case("one run", (torch.tensor([0.3]),))


exercise = Exercise(
    place=20,
    title="The mean of the middle half",
    difficulty=2,
    importance=4,
    minutes="10–15",
    topic="ground",
    statement="""\
The interquartile mean does not let one lucky or one failed seed decide, and uses more of the runs
than the median does. Sort the scores and leave out a quarter of the runs at each end, rounded down
(of 8 runs: 2 at each end; of 5: 1; of 3: none). Take the mean of the rest. What you write: about
three lines.""",
    hint="""\
`n // 4` is a quarter, rounded down. A slice from there to `n` less the same number also works when
it is 0; one that ends at `-0` is empty.""",
    domain=Domain(
        sizes={"S": (1, 20)},
        given={
            "scores": Reals("S", centres=(-50, 50), ties=True),
        },
    ),
    inputs=_runs,
    gradient=False,
)


@exercise.solved_by
def interquartile_mean(scores):
    """The mean of the middle half: a number, as a tensor of shape ().

    scores: (S,), a score per seed.
    """
    n = len(scores)
    cut = n // 4
    return scores.sort().values[cut : n - cut].mean()


@exercise.mistake
def mean_of_all(scores):
    """This is the mean of all runs: one that failed takes a whole share off it."""
    return scores.mean()


@exercise.mistake
def middle_one(scores):
    """This is the median, which looks at one or two runs only."""
    ordered, n = scores.sort().values, len(scores)
    return (ordered[(n - 1) // 2] + ordered[n // 2]) / 2


@exercise.mistake
def not_sorted(scores):
    """The runs are not sorted: the first and the last seeds are left out, whatever they score."""
    n = len(scores)
    return scores[n // 4 : n - n // 4].mean()


@exercise.mistake
def only_the_failures_go(scores):
    """A quarter is left out at the lower end only. That is not robust, it is flattering."""
    return scores.sort().values[len(scores) // 4 :].mean()


@exercise.mistake
def rounded_up(scores):
    """The number left out is rounded up: of 5 runs only 1 is left, and that is their median."""
    n = len(scores)
    cut = min(-(-n // 4), (n - 1) // 2)
    return scores.sort().values[cut : n - cut].mean()


@exercise.mistake
def best_half(scores):
    """This is the mean of the best half: every method looks good if half of its runs may be left
    out."""
    return scores.sort().values[len(scores) // 2 :].mean()


exercise.slips = {
    "not_sorted": ("scores.sort().values[", "scores["),
    "only_the_failures_go": ("[cut : n - cut]", "[cut:]"),
    "rounded_up": ("n // 4", "min(-(-n // 4), (n - 1) // 2)"),
    "best_half": ("[cut : n - cut]", "[n // 2 :]"),
}
