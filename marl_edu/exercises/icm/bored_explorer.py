"""Exercise: find the bug that pays all steps alike. Sizes: B transitions, F features, A actions."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional as F

from marl_edu.envs.key_door_maze import KeyDoorMaze
from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals, Whole
from marl_edu.exercises.engine.training import Rows, Trial
from marl_edu.exercises.engine.trying import Case

ROUNDS, RIGHT = 500, 3  # of training; the action


def boredom_curve(error: Callable[..., Any]) -> Rows:
    """Train a linear forward model with `error` on the steps to the right in the maze's first room.

    Returns:
        rows with `round`, and what a step to the right pays on average in the `known` room and in
        `new` places.
    """
    maze = KeyDoorMaze(num_envs=1)
    cells, A = torch.eye(maze.n_cells), maze.n_actions
    here = torch.tensor([row < 4 and column < 4 for row, column in maze.free])

    def steps(from_: torch.Tensor) -> tuple[torch.Tensor, ...]:
        to = maze.leads[0, RIGHT, from_]
        return cells[from_], torch.full_like(from_, RIGHT), cells[to]

    known, new = steps(here.nonzero()[:, 0]), steps((~here).nonzero()[:, 0])
    W = torch.zeros(maze.n_cells + A, maze.n_cells, requires_grad=True)
    rows = []
    for round in range(ROUNDS + 1):
        paid = error(*known, W).mean()
        if round % 20 == 0:
            row = {"round": round, "known": paid.item(), "new": error(*new, W).mean().item()}
            rows.append(row)
        (gradient,) = torch.autograd.grad(paid, W)
        W.data -= gradient
    return rows


def _transitions(rng: torch.Generator) -> Iterator[Case]:
    for what, B, D, A, dtype in (
        ("one transition", 1, 3, 2, torch.float32),
        ("two transitions", 2, 3, 2, torch.float32),
        ("as many transitions as features", 4, 4, 3, torch.float32),
        ("numbers in float64", 5, 2, 4, torch.float64),
        ("a batch", 8, 6, 5, torch.float32),
    ):
        feature, after = torch.randn(2, B, D, generator=rng, dtype=dtype)
        W = torch.randn(D + A, D, generator=rng, dtype=dtype)
        yield Case(what, (feature, torch.randint(A, (B,), generator=rng), after, W))


exercise = Exercise(
    place=60,
    title="Bug hunt: the explorer whom everything surprises alike",
    difficulty=3,
    importance=4,
    minutes="10–20",
    statement="""\
`bored_suspect` computes how wrong a linear forward model was, $L_F$ of each transition, eqs. (3)
and (4) of `icm.py`. It raises nothing; shape and dtype are right; with a single transition even the
number is. Trained with it the forward model learns nothing but the mean, and new places are paid
hardly more than old ones. Find the reason and write the function without it.""",
    hint="""\
Try it on two transitions, only one of which the model predicts exactly: is the error of that
transition 0? Then print the shape of every intermediate result.""",
    domain=Domain(
        sizes={"B": (1, 9), "F": (1, 6), "A": (1, 5)},
        given={
            "feature": Reals("B F", spreads=(1, 60)),
            "action": Whole("B", "A"),
            "after": Reals("B F", spreads=(1, 60)),
            "W": Reals("F+A F", spreads=(1, 3)),
        },
    ),
    inputs=_transitions,
    trial=Trial(
        curve=boredom_curve,
        learned=lambda rows: rows[-1]["known"] < 0.1 * rows[-1]["new"],
        says=lambda rows: (
            f"In the end a step in the known room pays {rows[-1]['known']:.2f}, a new one "
            f"{rows[-1]['new']:.2f}."
        ),
    ),
)


@exercise.suspected
def bored_suspect(feature, action, after, W):
    """L_F of each transition: (B,).

    feature, after: (B, F). action: (B,) integers. W: (F + A, F).
    """
    did = F.one_hot(action, len(W) - feature.shape[-1]).to(feature.dtype)
    predicted = torch.cat([feature, did], -1) @ W
    target = after.unsqueeze(1)  # make room for the batch
    return 0.5 * (predicted - target).square().sum(-1).mean(-1)


@exercise.solved_by
def forward_error(feature, action, after, W):
    """L_F of each transition: (B,).

    feature, after: (B, F). action: (B,) integers. W: (F + A, F).
    """
    did = F.one_hot(action, len(W) - feature.shape[-1]).to(feature.dtype)
    predicted = torch.cat([feature, did], -1) @ W
    off = predicted - after  # (B, F) less (B, F): row by row
    return 0.5 * off.square().sum(-1)


def _predict(feature, action, W):
    did = F.one_hot(action, len(W) - feature.shape[-1]).to(feature.dtype)
    return torch.cat([feature, did], -1) @ W


@exercise.mistake
def every_prediction_for_each_target(feature, action, after, W):
    """Each target is still compared with the predictions of *all* transitions: (B, F) less
    (B, 1, F) is (B, B, F), and nothing complains."""
    return bored_suspect(feature, action, after, W)


@exercise.mistake
def every_target_for_each_prediction(feature, action, after, W):
    """Now each prediction is compared with *all* targets: the extra axis has only moved."""
    return 0.5 * (_predict(feature, action, W)[:, None] - after).square().sum(-1).mean(-1)


@exercise.mistake
def one_mean_for_all(feature, action, after, W):
    """The batch is averaged away: every transition gets the same number."""
    return forward_error(feature, action, after, W).mean().expand(len(after))


@exercise.mistake
def mean_of_features(feature, action, after, W):
    """The pairs are right now, but the sum over the features has become a mean."""
    return forward_error(feature, action, after, W) / after.shape[-1]


@exercise.mistake
def action_forgotten(feature, action, after, W):
    """The action has got lost: what comes next then depends on nothing the agent does."""
    return 0.5 * (feature @ W[: feature.shape[-1]] - after).square().sum(-1)


@exercise.mistake
def half_gone(feature, action, after, W):
    """The ½ has got lost."""
    return 2 * forward_error(feature, action, after, W)


@exercise.mistake
def cut_from_the_model(feature, action, after, W):
    """The pairs are right, but the result is detached: the forward model has to learn from it."""
    return forward_error(feature, action, after, W).detach()


exercise.slips = {
    "mean_of_features": (".sum(-1)", ".mean(-1)"),
}
