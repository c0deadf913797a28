"""Exercise: the inverse model of ICM. Sizes: B transitions, F features, A actions."""

from collections.abc import Iterator

import torch
from torch.nn import functional as F

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Reals, Whole
from marl_edu.exercises.engine.trying import Case
from marl_edu.exercises.icm._batches import batches


def _inverse_inputs(rng: torch.Generator) -> Iterator[Case]:
    for what, (B, D), dtype in batches():
        A = 2 + B % 3
        feature, after = torch.randn(2, B, D, generator=rng, dtype=dtype)
        W = torch.randn(2 * D, A, generator=rng, dtype=dtype)
        action = torch.randint(A, (B,), generator=rng)
        yield Case(what, (feature, after, action, W))


exercise = Exercise(
    place=20,
    title="What was done?",
    difficulty=2,
    importance=4,
    minutes="10",
    statement="""\
The inverse model, eq. (2) of `icm.py`: from what was noticed before, φ, and after, φ', guess the
action. Its scores are linear here, `[φ ; φ'] @ W`, φ first. Give the cross-entropy of each
transition, $L_I = -\\log g(a \\mid \\phi, \\phi')$. What you write: two or three lines.""",
    hint="""\
Put the two side by side along the features. `log_softmax` over the actions, then pick the one that
was done with `gather` (in numpy `np.take_along_axis`); or let `F.cross_entropy` do both, with the
right `reduction`. In numpy subtract a row's largest score first: then no exp overflows.""",
    domain=Domain(
        sizes={"B": (1, 8), "F": (1, 6), "A": (1, 5)},
        given={
            "feature": Reals("B F", spreads=(1, 40, 1e4)),
            "after": Reals("B F", spreads=(1, 40, 1e4)),
            "action": Whole("B", "A"),
            "W": Reals("2*F A", spreads=(1, 3)),
        },
    ),
    inputs=_inverse_inputs,
)


@exercise.solved_by
def what_was_done(feature, after, action, W):
    """L_I of each transition: (B,).

    feature, after: (B, F). action: (B,) integers. W: (2 F, A).
    """
    scores = torch.cat([feature, after], -1) @ W
    return -scores.log_softmax(-1).gather(-1, action[:, None])[:, 0]


def _guess(feature, after, action, W):
    return F.cross_entropy(torch.cat([feature, after], -1) @ W, action, reduction="none")


@exercise.mistake
def order_swapped(feature, after, action, W):
    """φ' comes first: a model that was trained the other way round reads the step backwards."""
    return _guess(after, feature, action, W)


@exercise.mistake
def mean_of_all(feature, after, action, W):
    """The mean over the batch stands where each transition's own loss was asked for."""
    return _guess(feature, after, action, W).mean()


@exercise.mistake
def chance_not_log(feature, after, action, W):
    """This is minus the *chance* of the action, not minus its logarithm."""
    return -(-_guess(feature, after, action, W)).exp()


@exercise.mistake
def sign_lost(feature, after, action, W):
    """The minus is missing: minimising this makes the right action ever less likely."""
    return -_guess(feature, after, action, W)


@exercise.mistake
def before_ignored(feature, after, action, W):
    """φ is replaced by φ': from one moment alone nobody can tell what was done in between."""
    return _guess(after, after, action, W)


@exercise.mistake
def scores_not_normalised(feature, after, action, W):
    """The softmax is missing: this is minus the score of the action, which has no lower bound."""
    scores = torch.cat([feature, after], -1) @ W
    return -scores.gather(-1, action[:, None])[:, 0]


@exercise.mistake
def encoder_cut_off(feature, after, action, W):
    """The features are detached: the inverse model learns, but the encoder, for whose sake it is
    there, does not."""
    return _guess(feature.detach(), after.detach(), action, W)


exercise.slips = {
    "order_swapped": ("[feature, after]", "[after, feature]"),
    "sign_lost": ("-scores.log_softmax", "scores.log_softmax"),
    "chance_not_log": (".log_softmax(-1)", ".softmax(-1)"),
    "scores_not_normalised": ("scores.log_softmax(-1)", "scores"),
    "before_ignored": ("[feature, after]", "[after, after]"),
    "encoder_cut_off": ("[feature, after]", "[feature.detach(), after.detach()]"),
}
