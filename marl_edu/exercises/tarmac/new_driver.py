"""Exercise: memory when agents come and go.

Sizes: B environments, N slots for agents, D features.
"""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.inputs import teams
from marl_edu.exercises.engine.kinds import Flags, Reals
from marl_edu.exercises.engine.trying import Case


def _memories(rng: torch.Generator) -> Iterator[Case]:
    for what, B, alive, dtype in teams():
        h = torch.randn(B, alive.shape[1], 4, generator=rng, dtype=dtype)
        completed = torch.rand(alive.shape, generator=rng) < 0.5
        yield Case(what, (h, completed, alive))


exercise = Exercise(
    place=60,
    title="A new driver in an old seat",
    difficulty=1,
    importance=4,
    minutes="5–10",
    statement="""\
Car 3 reaches the end of its route, and in the same step a new car takes its slot. The new driver
must not remember the old driver's journey. `completed` says whose route ended in this step, `alive`
which slots hold a car *after* it, newcomers included. Give the memory to take into the next step: h
where the same car drives on, zeros in every other slot. What you write: one or two lines.""",
    hint="""\
Who drives on? A car that did not complete its route, in a slot that still holds one. A slot that
was reused is alive before the step and alive after it.""",
    domain=Domain(
        sizes={"B": (1, 4), "N": (1, 5), "D": (1, 4)},
        given={
            "h": Reals("B N D", ties=True),
            "completed": Flags("B N"),
            "alive": Flags("B N"),
        },
    ),
    inputs=_memories,
)


@exercise.solved_by
def carry_memory(h, completed, alive):
    """The memory for the next step: (B, N, D).

    h: (B, N, D). completed, alive: (B, N) bool.
    """
    return h * (alive & ~completed)[..., None]


@exercise.mistake
def newcomer_inherits(h, completed, alive):
    """Empty slots are reset, but a slot that is reused at once is never empty: its new driver
    inherits the memory of the one that left."""
    return h * alive[..., None]


@exercise.mistake
def empty_slots_keep(h, completed, alive):
    """Those who completed are reset, but slots without a car keep their memory."""
    return h * ~completed[..., None]


@exercise.mistake
def never_reset(h, completed, alive):
    """Nothing is reset."""
    return h.clone()


@exercise.mistake
def whole_world_reset(h, completed, alive):
    """One car's arrival wipes the memory of all cars in its environment."""
    return h * (alive & ~completed.any(1, keepdim=True))[..., None]


@exercise.mistake
def wrong_way_round(h, completed, alive):
    """It is the wrong way round: those who left keep their memory."""
    return h * (alive & completed)[..., None]


@exercise.mistake
def memory_detached(h, completed, alive):
    """The memory is cut from its past: no gradient goes back through time, and nobody learns what
    to remember."""
    return (h * (alive & ~completed)[..., None]).detach()


exercise.slips = {
    "newcomer_inherits": ("(alive & ~completed)", "alive"),
    "empty_slots_keep": ("(alive & ~completed)", "(~completed)"),
    "wrong_way_round": ("~completed", "completed"),
    "whole_world_reset": ("~completed)", "~completed.any(1, keepdim=True))"),
}
