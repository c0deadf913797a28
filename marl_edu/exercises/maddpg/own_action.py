"""Exercise: what each agent's critic is asked about when its actor learns.

Sizes: E steps, N agents, A numbers of an action.
"""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals
from marl_edu.exercises.engine.trying import Case


def _actions(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, E, N, A, dtype in (
        ("one agent alone", 2, 1, 2, f32),
        ("two agents in one step", 1, 2, 1, f32),
        ("as many steps as agents", 3, 3, 2, f32),
        ("numbers in float64", 2, 3, 2, f64),
        ("five agents", 4, 5, 3, f32),
    ):
        yield Case(what, tuple(torch.rand(E, N, A, generator=rng, dtype=dtype) for _ in range(2)))


exercise = Exercise(
    place=10,
    title="Whose action is new?",
    difficulty=2,
    importance=5,
    minutes="10–15",
    statement="""\
When actor i learns, critic i is asked about a joint action. There agent i does what its actor says
*now* (`new`), and everybody else what they did *then* (`stored`, from the replay). Give all these
joint actions at once, `(N, E, N, A)`. Row i is the question to critic i. What you write: two lines,
without a loop over agents.""",
    hint="""\
Put an axis in front of both. `torch.where`, or `np.where`, chooses between them by a mask of the
shape `(N, 1, N, 1)`: True where the row's agent and the agent are the same.""",
    domain=Domain(
        sizes={"E": (1, 4), "N": (1, 4), "A": (1, 3)},
        given={
            "new": Reals("E N A", between=(0.0, 1.0)),
            "stored": Reals("E N A", between=(0.0, 1.0)),
        },
    ),
    inputs=_actions,
    data=("stored",),
)


@exercise.solved_by
def questions(new, stored):
    """The joint action that each critic is asked about: (N, E, N, A).

    new, stored: (E, N, A).
    """
    own = torch.eye(new.shape[1], dtype=torch.bool)[:, None, :, None]
    return torch.where(own, new, stored)


def _asked(new, stored, own):
    return torch.where(own[:, None, :, None], new, stored)


@exercise.mistake
def everybody_new(new, stored):
    """Every action is new. A published port of MADDPG does this. Its actors then chase each other's
    latest moves; in the paper the others' actions come from the replay."""
    return new.expand(new.shape[1], -1, -1, -1)


@exercise.mistake
def nobody_new(new, stored):
    """Every action is the stored one: no gradient reaches any actor."""
    return stored.expand(stored.shape[1], -1, -1, -1)


@exercise.mistake
def others_new(new, stored):
    """It is the wrong way round: the own action is the stored one, and the others' are new. Critic
    i then teaches everybody but agent i."""
    return _asked(new, stored, ~torch.eye(new.shape[1], dtype=torch.bool))


@exercise.mistake
def first_agent_new(new, stored):
    """In every row the first agent's action is new, whoever's critic is asked."""
    N = new.shape[1]
    return _asked(new, stored, (torch.arange(N) == 0).expand(N, N))


@exercise.mistake
def those_before_new(new, stored):
    """The actions of all agents up to agent i are new, rather than its own alone."""
    N = new.shape[1]
    return _asked(new, stored, torch.ones(N, N, dtype=torch.bool).tril())


@exercise.mistake
def nothing_to_learn(new, stored):
    """The numbers are right, but the new actions are detached: no actor learns from this."""
    return questions(new.detach(), stored)


exercise.slips = {
    "others_new": ("torch.where(own, new, stored)", "torch.where(own, stored, new)"),
    "everybody_new": ("torch.where(own, new, stored)", "new.expand(new.shape[1], -1, -1, -1)"),
    "nothing_to_learn": ("torch.where(own, new, stored)", "torch.where(own, new.detach(), stored)"),
}
