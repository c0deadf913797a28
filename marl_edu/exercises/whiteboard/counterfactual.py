"""Exercise: what an action is credited with. Sizes: B steps, N agents, A actions."""

from collections.abc import Iterator

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals, Whole
from marl_edu.exercises.engine.trying import Case


def _alternatives(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, B, N, A, dtype in (
        ("one agent and two actions", 1, 1, 2, f32),
        ("a single action", 1, 2, 1, f32),
        ("two agents", 1, 2, 3, f32),
        ("numbers in float64", 2, 3, 4, f64),
        ("a policy that is sure", 3, 2, 3, f32),
        ("five steps", 5, 4, 3, f32),
        ("a policy that is sure of values in the thousands", 5, 4, 3, f64),
    ):
        q = 2 * torch.randn(B, N, A, generator=rng, dtype=dtype) + 1
        q = 2000 * q if "thousands" in what else q
        scores = torch.randn(B, N, A, generator=rng, dtype=dtype)
        policy = ((20 if "sure" in what else 1) * scores).softmax(-1)
        yield Case(what, (q, policy, torch.randint(A, (B, N), generator=rng)))


exercise = Exercise(
    place=80,
    title="What if I had done something else?",
    difficulty=2,
    importance=4,
    minutes="10–15",
    topic="ground",
    statement="""\
One reward for all: what did *my* action bring? COMA asks a central critic, which knows what the
others did, about each of my actions. `q[b, i, a]` is the team's value if agent i had done a and
everybody else what they did. The advantage is the value of what I did minus what my own policy gets
on average, the others staying as they are. It weights a policy gradient, so it carries no gradient
itself. What you write: three lines.""",
    hint="""\
"On average" is over *my* actions, each as probable as my policy makes it. In that sum the action
that I took is one among others.""",
    domain=Domain(
        sizes={"B": (1, 6), "N": (1, 4), "A": (1, 5)},
        given={
            "q": Reals("B N A", centres=(-50, 50)),
            "_scores": Reals("B N A", spreads=(1, 10)),
            "action": Whole("B N", "A"),
        },
        finish=lambda given, _: given | {"policy": given["_scores"].softmax(-1)},
        notes={"policy": "from even to sure"},
    ),
    inputs=_alternatives,
)


@exercise.solved_by
def coma_advantage(q, policy, action):
    """What each agent's action brought: (B, N).

    q: (B, N, A). policy: (B, N, A), probabilities.
    action: (B, N), the actions taken.
    """
    taken = q.gather(-1, action[..., None])[..., 0]
    usual = (policy * q).sum(-1)
    return (taken - usual).detach()


def _did(x: Tensor, action: Tensor) -> Tensor:
    return x.gather(-1, action[..., None])[..., 0]


@exercise.mistake
def no_baseline(q, policy, action):
    """Nothing is taken off: this is the value of the joint action, which says as much about the
    others as about me."""
    return _did(q, action).detach()


@exercise.mistake
def best_for_usual(q, policy, action):
    """What is taken off is the value of my best action: then no action ever brings anything, and
    all become rarer."""
    return (_did(q, action) - q.amax(-1)).detach()


@exercise.mistake
def even_mean(q, policy, action):
    """What is taken off is the plain mean over my actions, as if I acted at random. My policy says
    how probable each is; only with it is the mean advantage 0."""
    return (_did(q, action) - q.mean(-1)).detach()


@exercise.mistake
def team_mean(q, policy, action):
    """The usual value is averaged over agents: everybody gets the same baseline, and what is
    *mine* is lost again."""
    return (_did(q, action) - (policy * q).sum(-1).mean(1, keepdim=True)).detach()


@exercise.mistake
def taken_weighted(q, policy, action):
    """The value of the action taken is weighed with its probability: it *was* taken."""
    return (_did(policy * q, action) - (policy * q).sum(-1)).detach()


@exercise.mistake
def others_only(q, policy, action):
    """The action taken is left out of the average: it is one of those that my policy takes."""
    usual = (policy * q).sum(-1) - _did(policy * q, action)
    return (_did(q, action) - usual).detach()


@exercise.mistake
def sign_turned(q, policy, action):
    """The sign is wrong: what is better than usual must be positive."""
    return ((policy * q).sum(-1) - _did(q, action)).detach()


@exercise.mistake
def advantage_learns(q, policy, action):
    """The value is right, but a gradient goes back into critic and policy: as a weight it must be
    a mere number."""
    return _did(q, action) - (policy * q).sum(-1)


exercise.slips = {
    "no_baseline": ("(taken - usual)", "taken"),
    "best_for_usual": ("(policy * q).sum(-1)", "q.amax(-1)"),
    "even_mean": ("(policy * q).sum(-1)", "q.mean(-1)"),
    "taken_weighted": ("taken = q.gather", "taken = (policy * q).gather"),
    "sign_turned": ("taken - usual", "usual - taken"),
    "advantage_learns": ("(taken - usual).detach()", "taken - usual"),
}
