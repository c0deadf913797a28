"""Exercise: what of a replay is padding. Sizes: E episodes, padded to L steps."""

from collections.abc import Iterator, Mapping

import torch

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Values, Whole
from marl_edu.exercises.engine.trying import Case


def _episodes(rng: torch.Generator) -> Iterator[Case]:
    for what, length, ended, steps in (
        ("an episode of one step that ended", [1], [True], 1),
        ("an episode of one step whose time was up", [1], [False], 1),
        ("an episode that ended early", [2], [True], 4),
        ("an episode whose time was up", [4], [False], 4),
        ("an end in the very last step", [4], [True], 4),
        ("episodes of different lengths", [3, 5, 1, 5], [True, False, True, True], 5),
        ("more padding than episodes", [2, 1], [False, True], 7),
    ):
        yield Case(what, (torch.tensor(length), torch.tensor(ended), steps))


def _with_sizes(given: Values, sizes: Mapping[str, int]) -> Values:
    return given | {"length": given["_before_last"] + 1, "steps": sizes["L"]}


exercise = Exercise(
    place=10,
    title="Which steps count?",
    difficulty=1,
    importance=5,
    minutes="5–10",
    statement="""\
A replay returns E episodes of a team, all padded with zeros to L = `steps` steps. Episode e took
`length[e]` steps. `ended[e]` is True if the team was gone after the last of them, and False if only
time was up. Give two masks, one after the other. The first is True in the steps of the episode:
only these count in the loss. The second is True in those steps of the episode after which the value
of the next state is added to the reward. numpy is welcome. What you write: three or four lines.""",
    hint="""\
`torch.arange(steps) < length[:, None]`, or `np.arange`, compares every step with every length.
Which step of an episode is its last, and for which episodes does nothing follow it?""",
    domain=Domain(
        sizes={"E": (1, 6), "L": (1, 8)},
        given={
            "_before_last": Whole("E", "L"),
            "ended": Flags("E"),
        },
        finish=_with_sizes,
        notes={"length": "whole, from 1 to L"},
    ),
    inputs=_episodes,
    gradient=False,
)


@exercise.solved_by
def count_steps(length, ended, steps):
    """Which steps count, and after which the next value counts: (2, E, L) bool.

    length: (E,). ended: (E,) bool. steps: a number, L.
    """
    t = torch.arange(steps)
    inside = t < length[:, None]
    last = t == length[:, None] - 1
    return torch.stack([inside, inside & ~(last & ended[:, None])])


def _masks(length, ended, steps, more=0):
    """`more`: how many steps more count than there are."""
    t, length = torch.arange(steps), length[:, None]
    inside = t < length + more
    return torch.stack([inside, inside & ~((t == length - 1) & ended[:, None])])


@exercise.mistake
def limit_is_an_end(length, ended, steps):
    """Running out of time is taken for an end: after the last step of *every* episode nothing
    follows. But where only time was up, the team would have gone on."""
    return _masks(length, torch.ones_like(ended), steps)


@exercise.mistake
def never_ends(length, ended, steps):
    """Where the team is gone, the value of what comes next still counts, and what comes next is
    padding. `ended` belongs to the last step of the episode, which is `length - 1`."""
    return _masks(length, torch.zeros_like(ended), steps)


@exercise.mistake
def flag_inverted(length, ended, steps):
    """The flag is the wrong way round: it goes on after the end and stops at the time limit."""
    return _masks(length, ~ended, steps)


@exercise.mistake
def last_step_lost(length, ended, steps):
    """The last step of each episode does not count, though its reward is as good as any other,
    and often the only one that is not 0."""
    return _masks(length, ended, steps, more=-1)


@exercise.mistake
def padding_begins_late(length, ended, steps):
    """The first step of the padding counts, too: steps are numbered from 0, so the last one of the
    episode is `length - 1`."""
    return _masks(length, ended, steps, more=1)


@exercise.mistake
def ended_throughout(length, ended, steps):
    """In an episode that ended, nothing follows *any* step. Only its last step has no next one."""
    inside = torch.arange(steps) < length[:, None]
    return torch.stack([inside, inside & ~ended[:, None]])


@exercise.mistake
def everything_counts(length, ended, steps):
    """All steps count, the padding as well: the team learns that its zeros are worth nothing."""
    whole = torch.ones(len(length), steps, dtype=torch.bool)
    return torch.stack([whole, _masks(length, ended, steps)[1]])


@exercise.mistake
def padding_bootstraps(length, ended, steps):
    """The second mask is True in the padding: it is asked for steps of the episode only."""
    last = torch.arange(steps) == length[:, None] - 1
    return torch.stack([_masks(length, ended, steps)[0], ~(last & ended[:, None])])


@exercise.mistake
def other_order(length, ended, steps):
    """The two masks have changed places."""
    return _masks(length, ended, steps).flip(0)


exercise.slips = {
    "padding_begins_late": ("t < length", "t <= length"),
    "last_step_lost": ("t < length[:, None]", "t < length[:, None] - 1"),
    "never_ends": ("t == length[:, None] - 1", "t == length[:, None]"),
    "limit_is_an_end": ("~(last & ended[:, None])", "~last"),
    "ended_throughout": ("(last & ended[:, None])", "ended[:, None]"),
    "flag_inverted": ("last & ended", "last & ~ended"),
    "padding_bootstraps": ("inside & ~(", "~("),
}
