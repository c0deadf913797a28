"""Exercises: comparing methods, and putting two of them together.

Sizes: S seeds, W worlds, E moments, N agents, A actions of each.
"""

from collections.abc import Iterator

import torch
from hypothesis import strategies as st

from marl_edu.exercises.grading import Exercise
from marl_edu.exercises.inputs import DTYPE, drawn, ints
from marl_edu.exercises.trying import Case

# -- a score between two rules --------------------------------------------------------------------


def _scores(rng: torch.Generator) -> Iterator[Case]:
    def given(*rows, dtype=torch.float32):
        return torch.tensor(rows, dtype=dtype)

    one = given([0.85])
    yield Case("one run of one world", (one, torch.tensor([0.25]), torch.tensor([1.0])))
    steps = given([20.0, 10.0, 60.0])
    yield Case(
        "a world scored in steps, where fewer are better",
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
        ("six worlds of eight seeds, in float64", 6, 8, torch.float64),
        *drawn("drawn worlds", ints(1, 6), ints(1, 8), DTYPE),
    ):
        trivial = torch.rand(W, generator=rng, dtype=dtype)
        best = trivial + 0.5 + torch.rand(W, generator=rng, dtype=dtype)
        scores = trivial[:, None] + torch.rand(W, S, generator=rng, dtype=dtype)
        yield Case(what, (scores, trivial, best))


between_rules = Exercise(
    title="A score between two rules",
    difficulty=1,
    importance=5,
    minutes="5–10",
    statement="""\
Scores of different worlds can be laid side by side once 0 means the same everywhere, and 1 does.
Give 0 to what the world's trivial rule scores and 1 to what its best rule scores, and a straight
line in between and beyond. In some worlds lower is better: there `best` is the smaller one. Cut
nothing off. What you write: one line.""",
    hint="""\
How far has the score come on the way from `trivial` to `best`? A distance over a distance; if both
are negative, their quotient is not. `trivial[:, None]` is a column, which goes with every seed.""",
    inputs=_scores,
    gradient=False,
)


@between_rules.solved_by
def normalise(scores, trivial, best):
    """Normalised scores: (W, S).

    scores: (W, S), a row per world, a column per seed. trivial, best: (W,).
    """
    return (scores - trivial[:, None]) / (best - trivial)[:, None]


@between_rules.mistake
def share_of_the_best(scores, trivial, best):
    """The trivial rule is forgotten: this is the share of the best score, and whoever guesses
    among four symbols gets 0.25 for it."""
    return scores / best[:, None]


@between_rules.mistake
def cut_off(scores, trivial, best):
    """What lies outside 0 and 1 is cut off. Worse than trivial is a result, too; and chance falls
    on both sides of 0, so that a cut makes the mean of guessing look like learning."""
    return ((scores - trivial[:, None]) / (best - trivial)[:, None]).clamp(0, 1)


@between_rules.mistake
def best_of_the_data(scores, trivial, best):
    """The ends are taken from the runs themselves, the lowest and the highest: so somebody always
    scores 1, however bad all are."""
    low, high = scores.amin(1, keepdim=True), scores.amax(1, keepdim=True)
    return (scores - low) / (high - low).clamp_min(1e-12)


@between_rules.mistake
def distance_without_sign(scores, trivial, best):
    """The distance between the rules is taken without its sign, so that in a world where lower is
    better, better runs get lower scores."""
    return (scores - trivial[:, None]) / (best - trivial).abs()[:, None]


@between_rules.mistake
def from_the_wrong_end(scores, trivial, best):
    """It is counted from the best rule: 0 is the best and 1 is trivial."""
    return (best[:, None] - scores) / (best - trivial)[:, None]


# -- the middle half ------------------------------------------------------------------------------


def _runs(rng: torch.Generator) -> Iterator[Case]:
    yield Case("eight runs, two of which failed", (torch.tensor([1.0, 0, 1, 0.9, 0.8, 0, 1, 0.7]),))
    yield Case("five runs, one of which failed", (torch.tensor([0.2, 0.9, 0.95, 1.0, 0.97]),))
    yield Case("two runs", (torch.tensor([0.0, 1.0]),))
    yield Case("one run", (torch.tensor([0.3]),))
    for what, n, dtype in drawn("drawn runs", ints(1, 16), DTYPE):
        yield Case(what, (torch.rand(n, generator=rng, dtype=dtype) ** 3,))


middle_half = Exercise(
    title="The mean of the middle half",
    difficulty=2,
    importance=4,
    minutes="10–15",
    statement="""\
The interquartile mean does not let one lucky or one failed seed decide, and uses more of the runs
than the median does. Sort the scores, leave out a quarter of the runs at each end, that number
rounded down (of 8 runs: 2 at each end; of 5: 1; of 3: none), and take the mean of the rest. What
you write: about three lines.""",
    hint="""\
`n // 4` is a quarter, rounded down. A slice from there to `n` less the same number also works when
it is 0; one that ends at `-0` is empty.""",
    inputs=_runs,
    gradient=False,
)


@middle_half.solved_by
def interquartile_mean(scores):
    """The mean of the middle half: a number, as a tensor of shape ().

    scores: (S,), a score per seed.
    """
    n = len(scores)
    cut = n // 4
    return scores.sort().values[cut : n - cut].mean()


@middle_half.mistake
def mean_of_all(scores):
    """This is the mean of all runs: one that failed takes a whole share off it."""
    return scores.mean()


@middle_half.mistake
def middle_one(scores):
    """This is the median, which looks at one or two runs only."""
    ordered, n = scores.sort().values, len(scores)
    return (ordered[(n - 1) // 2] + ordered[n // 2]) / 2


@middle_half.mistake
def not_sorted(scores):
    """The runs are not sorted: the first and the last seeds are left out, whatever they score."""
    n = len(scores)
    return scores[n // 4 : n - n // 4].mean()


@middle_half.mistake
def only_the_failures_go(scores):
    """A quarter is left out at the lower end only. That is not robust, it is flattering."""
    return scores.sort().values[len(scores) // 4 :].mean()


@middle_half.mistake
def rounded_up(scores):
    """The number left out is rounded up: of 5 runs only 1 is left, and that is their median."""
    n = len(scores)
    cut = min(-(-n // 4), (n - 1) // 2)
    return scores.sort().values[cut : n - cut].mean()


@middle_half.mistake
def best_half(scores):
    """This is the mean of the best half: every method looks good if half of its runs may be left
    out."""
    return scores.sort().values[len(scores) // 2 :].mean()


# -- a team as one learner ------------------------------------------------------------------------


def _values(rng: torch.Generator) -> Iterator[Case]:
    for what, (E, N, A), dtype in (
        ("one agent", (2, 1, 3), torch.float32),
        ("two agents", (1, 2, 3), torch.float32),
        ("two agents with two actions", (3, 2, 2), torch.float32),
        ("three agents, in float64", (4, 3, 3), torch.float64),
        *drawn("drawn steps", st.tuples(ints(1, 4), ints(1, 3), ints(1, 4)), DTYPE),
    ):
        yield Case(what, (torch.randn(E, N, A, generator=rng, dtype=dtype),))


team_values = Exercise(
    title="A team as one learner",
    difficulty=3,
    importance=3,
    minutes="15–20",
    statement="""\
`TeamQ` treats a team as one learner with A^N actions, and rates each by the sum of what its agents
think of their parts. The team's actions are numbered like the digits of a number to the base A:
agent 0's action is the *last* digit, so that action 5 of two agents with three actions each is
agent 1's action 1 and agent 0's action 2, since 5 = 1 · 3 + 2. Give the value of every action of
the team. What you write: about four lines.""",
    hint="""\
Begin with agent 0's values, (E, A). Bring in one agent after the other: its values as a column,
`(E, A, 1)`, plus what is there as a row, `(E, 1, n)`, make a table `(E, A, n)`, and its rows one
behind the other, `flatten(1)`, are in the right order.""",
    inputs=_values,
)


@team_values.solved_by
def joint_values(q):
    """What each action of the team is worth: (E, A ** N).

    q: (E, N, A), what each agent thinks of each of its actions.
    """
    joint = q[:, 0]
    for i in range(1, q.shape[1]):
        joint = (q[:, i, :, None] + joint[:, None, :]).flatten(1)
    return joint


@team_values.mistake
def first_digit(q):
    """Agent 0's action is the first digit here, not the last: agents would do each other's
    actions."""
    joint = q[:, 0]
    for i in range(1, q.shape[1]):
        joint = (joint[:, :, None] + q[:, i, None, :]).flatten(1)
    return joint


@team_values.mistake
def product(q):
    """Values are multiplied. Two bad actions would make a good one."""
    joint = q[:, 0]
    for i in range(1, q.shape[1]):
        joint = (q[:, i, :, None] * joint[:, None, :]).flatten(1)
    return joint


@team_values.mistake
def mean_value(q):
    """This is the mean over agents, not their sum: the more agents, the less a reward is worth to
    each."""
    joint = q[:, 0]
    for i in range(1, q.shape[1]):
        joint = (q[:, i, :, None] + joint[:, None, :]).flatten(1)
    return joint / q.shape[1]


@team_values.mistake
def cut_from_the_others(q):
    """The values are right, but only agent 0 learns: what the others think has been cut from its
    gradient."""
    joint = q[:, 0]
    for i in range(1, q.shape[1]):
        joint = (q[:, i, :, None].detach() + joint[:, None, :]).flatten(1)
    return joint


@team_values.mistake
def best_of_the_others(q):
    """The others are taken to do their best, whatever their digits say: then the team's value says
    nothing about what they did."""
    joint = q[:, 0]
    for i in range(1, q.shape[1]):
        best = q[:, i].max(-1, keepdim=True).values.expand_as(q[:, i])
        joint = (best[:, :, None] + joint[:, None, :]).flatten(1)
    return joint
