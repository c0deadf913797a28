"""Exercise: scores of different environments, side by side. Sizes: W environments, S seeds."""

from collections.abc import Iterator

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals
from marl_edu.exercises.engine.trying import Case


def _scores(rng: torch.Generator) -> Iterator[Case]:
    def given(*rows, dtype=torch.float32):
        return torch.tensor(rows, dtype=dtype)

    one = given([0.85])
    yield Case("one run of one environment", (one, torch.tensor([0.25]), torch.tensor([1.0])))
    steps = given([20.0, 10.0, 60.0])
    yield Case(
        "an environment scored in steps, where fewer are better",
        (steps, torch.tensor([50.0]), torch.tensor([10.0])),
    )
    worse = given([0.1, 0.3, 1.2])
    yield Case(
        "runs that are worse than the trivial rule and better than the best one",
        (worse, torch.tensor([0.25]), torch.tensor([1.0])),
    )
    below = given([-20.0, -12.0])
    yield Case("scores below 0", (below, torch.tensor([-24.0]), torch.tensor([-8.0])))
    for what, W, S, dtype in (
        ("six environments of eight seeds, in float64", 6, 8, torch.float64),
    ):
        trivial = torch.rand(W, generator=rng, dtype=dtype)
        best = trivial + 0.5 + torch.rand(W, generator=rng, dtype=dtype)
        scores = trivial[:, None] + torch.rand(W, S, generator=rng, dtype=dtype)
        yield Case(what, (scores, trivial, best))


def _away_from_0(x: Tensor) -> Tensor:
    return x + torch.where(x < 0, -0.5, 0.5)


exercise = Exercise(
    place=10,
    title="A score between two rules",
    difficulty=1,
    importance=5,
    minutes="5–10",
    topic="ground",
    statement="""\
Scores of different environments can be laid side by side once 0 means the same everywhere, and 1
does. Give 0 to what the environment's trivial policy scores and 1 to what its best policy scores,
and a straight line in between and beyond. In some environments lower is better: there `best` is the
smaller one. Cut nothing off. What you write: one line.""",
    hint="""\
How far has the score come on the way from `trivial` to `best`? A distance over a distance; if both
are negative, their quotient is not. `trivial[:, None]` is a column, which goes with every seed.""",
    domain=Domain(
        sizes={"W": (1, 6), "S": (1, 8)},
        given={
            "scores": Reals("W S", centres=(-50, 50)),
            "trivial": Reals("W", spreads=(1, 60)),
            "_way": Reals("W", spreads=(1, 60)),
        },
        finish=lambda given, _: given | {"best": given["trivial"] + _away_from_0(given["_way"])},
        notes={"best": "above or below `trivial`, never equal"},
    ),
    inputs=_scores,
    gradient=False,
)


@exercise.solved_by
def normalise(scores, trivial, best):
    """Normalised scores: (W, S).

    scores: (W, S), a row per environment, a column per seed. trivial, best: (W,).
    """
    return (scores - trivial[:, None]) / (best - trivial)[:, None]


@exercise.mistake
def share_of_the_best(scores, trivial, best):
    """The trivial rule is forgotten: this is the share of the best score, and whoever guesses
    among four symbols gets 0.25 for it."""
    return scores / best[:, None]


@exercise.mistake
def cut_off(scores, trivial, best):
    """What lies outside 0 and 1 is cut off. Worse than trivial is a result, too; and chance falls
    on both sides of 0, so that a cut makes the mean of guessing look like learning."""
    return ((scores - trivial[:, None]) / (best - trivial)[:, None]).clamp(0, 1)


@exercise.mistake
def best_of_the_data(scores, trivial, best):
    """The ends are taken from the runs themselves, the lowest and the highest: so somebody always
    scores 1, however bad all are."""
    low, high = scores.amin(1, keepdim=True), scores.amax(1, keepdim=True)
    return (scores - low) / (high - low).clamp_min(1e-12)


@exercise.mistake
def distance_without_sign(scores, trivial, best):
    """The distance between the two policies is taken without its sign, so that in an environment
    where lower is better, better runs get lower scores."""
    return (scores - trivial[:, None]) / (best - trivial).abs()[:, None]


@exercise.mistake
def from_the_wrong_end(scores, trivial, best):
    """It is counted from the best rule: 0 is the best and 1 is trivial."""
    return (best[:, None] - scores) / (best - trivial)[:, None]


exercise.slips = {
    "share_of_the_best": (
        "(scores - trivial[:, None]) / (best - trivial)[:, None]",
        "scores / best[:, None]",
    ),
    "distance_without_sign": ("(best - trivial)[", "(best - trivial).abs()["),
    "from_the_wrong_end": ("(scores - trivial[:, None])", "(best[:, None] - scores)"),
    "cut_off": (
        "(scores - trivial[:, None]) / (best - trivial)[:, None]",
        "((scores - trivial[:, None]) / (best - trivial)[:, None]).clamp(0, 1)",
    ),
}
