"""Exercise: curiosity at the end of an episode. Sizes: T steps, O numbers seen."""

from collections.abc import Iterator

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Reals
from marl_edu.exercises.engine.trying import Case


def _episodes(rng: torch.Generator) -> Iterator[Case]:
    for what, T, chance in (
        ("one step that ends the episode", 1, 1.0),
        ("three steps, no end", 3, 0.0),
        ("an end in the middle", 4, 0.3),
        ("ends everywhere", 3, 1.0),
        ("several episodes in a row", 9, 0.4),
    ):
        obs = torch.randn(T + 1, 2, generator=rng)
        final = torch.randn(T, 2, generator=rng)
        done = torch.rand(T, generator=rng) < chance
        yield Case(what, (obs, final, done))


exercise = Exercise(
    place=50,
    title="Not across the reset",
    difficulty=2,
    importance=4,
    minutes="10",
    statement="""\
Most libraries restart an environment by themselves. After a step with `done` the next observation
in the row already belongs to the *next* episode; what was really seen last comes separately, in
`final`. A curiosity that takes the row as it stands is paid, at every end, for a jump that no
action explains. Give the o' of each step: `obs[t + 1]` inside an episode, `final[t]` at its end.
What you write: one line.""",
    hint="""\
`torch.where`, or `np.where`, with the mask `(T, 1)`. `obs` has one row more than there are
steps.""",
    domain=Domain(
        sizes={"T": (1, 14), "O": (1, 4)},
        given={
            "obs": Reals("T+1 O"),
            "final": Reals("T O", unused=lambda given: ~given["done"][:, None]),
            "done": Flags("T"),
        },
    ),
    inputs=_episodes,
    gradient=False,
)


@exercise.solved_by
def where_it_led(obs, final, done):
    """o' of each step: (T, O).

    obs: (T + 1, O), what was seen before each step, and last.
    final: (T, O), of use where done, else perhaps NaN. done: (T,) bool.
    """
    return torch.where(done[:, None], final, obs[1:])


@exercise.mistake
def jump_paid(obs, final, done):
    """This is the row as it stands: where an episode ended, o' is the start of the next one."""
    return obs[1:].clone()


@exercise.mistake
def end_is_standing_still(obs, final, done):
    """At an end, o' is set to o: then the last step, which may have reached the goal, is never
    surprising."""
    return torch.where(done[:, None], obs[:-1], obs[1:])


@exercise.mistake
def end_is_nothing(obs, final, done):
    """At an end, o' is zeros: an observation that does not exist, and that is paid for as one."""
    return obs[1:] * ~done[:, None]


@exercise.mistake
def one_step_late(obs, final, done):
    """The row is not shifted: this is o, before the step, not o' after it."""
    return torch.where(done[:, None], final, obs[:-1])


@exercise.mistake
def upside_down(obs, final, done):
    """It is upside down: `final` belongs where `done` is True."""
    return torch.where(done[:, None], obs[1:], final)


@exercise.mistake
def always_final(obs, final, done):
    """`final` is taken everywhere; inside an episode it means nothing."""
    return final.clone()


exercise.slips = {
    "jump_paid": ("torch.where(done[:, None], final, obs[1:])", "obs[1:].clone()"),
    "end_is_standing_still": ("final, obs[1:]", "obs[:-1], obs[1:]"),
    "one_step_late": ("obs[1:]", "obs[:-1]"),
    "upside_down": ("final, obs[1:]", "obs[1:], final"),
}
