"""Exercises: what is new, by counting and by ICM. Sizes: B transitions, F features, A actions."""

from collections.abc import Iterator

import torch
from hypothesis import strategies as st
from torch.nn import functional as F

from marl_edu.exercises.grading import Exercise
from marl_edu.exercises.inputs import CHANCE, DTYPE, drawn, ints
from marl_edu.exercises.trying import Case


def batches() -> list[tuple[str, tuple[int, int], torch.dtype]]:
    """Batches to try an answer on: (what, (B, F), dtype)."""
    return [
        ("one transition, one feature", (1, 1), torch.float32),
        ("one transition", (1, 3), torch.float32),
        ("two transitions", (2, 4), torch.float32),
        ("as many transitions as features", (3, 3), torch.float32),
        ("numbers in float64", (5, 2), torch.float64),
        ("a batch", (6, 8), torch.float32),
        *drawn("a drawn batch", st.tuples(ints(1, 9), ints(1, 6)), DTYPE),
    ]


# --- counting -------------------------------------------------------------------------------------


def _walks(rng: torch.Generator) -> Iterator[Case]:
    for what, walk in (
        ("one step", [0]),
        ("the same cell again and again", [2, 2, 2, 2]),
        ("cells that are all new", [3, 0, 1, 2]),
        ("a walk there and back", [0, 1, 2, 1, 0]),
        *drawn("a drawn walk", st.lists(ints(0, 5), min_size=1, max_size=20)),
    ):
        yield Case(what, (torch.tensor(walk),))


count_bonus = Exercise(
    title="Count, then pay",
    difficulty=1,
    importance=4,
    minutes="5–10",
    statement="""\
The simplest curiosity. An agent enters one cell after another; each time it is paid
$1 / \\sqrt{n + 1}$, where n says how often it had been in this cell *before*. So the first visit is
worth 1, the second $1 / \\sqrt 2$, and no visit is ever worth nothing. numpy is welcome. What you
write: a loop, or two lines.""",
    hint="""\
At step t only the steps before t have been seen: the bonus of a step cannot depend on what the
agent does later.""",
    inputs=_walks,
    gradient=False,
)


@count_bonus.solved_by
def pay_by_count(cells):
    """The bonus of each step: (T,), float32.

    cells: (T,) integers, the cell entered in each step.
    """
    visits: dict[int, int] = {}
    bonus = torch.zeros(len(cells))
    for t, cell in enumerate(cells.tolist()):
        bonus[t] = (visits.get(cell, 0) + 1) ** -0.5
        visits[cell] = visits.get(cell, 0) + 1
    return bonus


def _before(cells):
    """Visits to the same cell before each step."""
    return (cells[:, None] == cells).tril(-1).sum(1).float()


@count_bonus.mistake
def counted_first(cells):
    """The visit is counted before it is paid: the first one gets 1 / √2 instead of 1."""
    return (_before(cells) + 2).rsqrt()


@count_bonus.mistake
def future_counted(cells):
    """All visits of the whole walk are counted, later ones included: at step t they have not
    happened yet, and all visits to a cell are paid alike."""
    return (cells[:, None] == cells).sum(1).float().rsqrt()


@count_bonus.mistake
def root_forgotten(cells):
    """The root is missing: 1 / (n + 1) fades too fast, the tenth visit is worth 0.1 and not 0.3."""
    return 1 / (_before(cells) + 1)


@count_bonus.mistake
def infinite_at_first(cells):
    """Without the + 1 the first visit is worth 1 / √0: infinite, and one such number ruins
    every network that is trained with it."""
    return _before(cells).rsqrt()


@count_bonus.mistake
def only_the_first(cells):
    """Only first visits are paid. On the way to the next new cell there is nothing to follow."""
    return (_before(cells) == 0).float()


@count_bonus.mistake
def last_step_counts(cells):
    """All steps share one count: n is the number of steps so far, whichever cell they led to."""
    return torch.arange(1, len(cells) + 1).float().rsqrt()


# --- the inverse model ----------------------------------------------------------------------------


def _inverse_inputs(rng: torch.Generator) -> Iterator[Case]:
    for what, (B, D), dtype in batches():
        A = 2 + B % 3
        feature, after = torch.randn(2, B, D, generator=rng, dtype=dtype)
        W = torch.randn(2 * D, A, generator=rng, dtype=dtype)
        action = torch.randint(A, (B,), generator=rng)
        yield Case(what, (feature, after, action, W))


inverse_model = Exercise(
    title="What was done?",
    difficulty=2,
    importance=4,
    minutes="10",
    statement="""\
The inverse model, eq. (2): from what was noticed before, φ, and after, φ', guess the action. Its
scores are linear here, `[φ ; φ'] @ W`, φ first. Give the cross-entropy of each transition,
$L_I = -\\log g(a \\mid \\phi, \\phi')$. What you write: two or three lines.""",
    hint="""\
Put the two side by side along the features. `log_softmax` over the actions, then pick the one that
was done with `gather`; or let `F.cross_entropy` do both, with the right `reduction`.""",
    inputs=_inverse_inputs,
)


@inverse_model.solved_by
def what_was_done(feature, after, action, W):
    """L_I of each transition: (B,).

    feature, after: (B, F). action: (B,) integers. W: (2 F, A).
    """
    scores = torch.cat([feature, after], -1) @ W
    return -scores.log_softmax(-1).gather(-1, action[:, None])[:, 0]


def _guess(feature, after, action, W):
    return F.cross_entropy(torch.cat([feature, after], -1) @ W, action, reduction="none")


@inverse_model.mistake
def order_swapped(feature, after, action, W):
    """φ' comes first: a model that was trained the other way round reads the step backwards."""
    return _guess(after, feature, action, W)


@inverse_model.mistake
def mean_of_all(feature, after, action, W):
    """The mean over the batch stands where each transition's own loss was asked for."""
    return _guess(feature, after, action, W).mean()


@inverse_model.mistake
def chance_not_log(feature, after, action, W):
    """This is minus the *chance* of the action, not minus its logarithm."""
    return -(-_guess(feature, after, action, W)).exp()


@inverse_model.mistake
def sign_lost(feature, after, action, W):
    """The minus is missing: minimising this makes the right action ever less likely."""
    return -_guess(feature, after, action, W)


@inverse_model.mistake
def before_ignored(feature, after, action, W):
    """φ is replaced by φ': from one moment alone nobody can tell what was done in between."""
    return _guess(after, after, action, W)


@inverse_model.mistake
def scores_not_normalised(feature, after, action, W):
    """The softmax is missing: this is minus the score of the action, which has no lower bound."""
    scores = torch.cat([feature, after], -1) @ W
    return -scores.gather(-1, action[:, None])[:, 0]


@inverse_model.mistake
def encoder_cut_off(feature, after, action, W):
    """The features are detached: the inverse model learns, but the encoder, for whose sake it is
    there, does not."""
    return _guess(feature.detach(), after.detach(), action, W)


# --- the bonus ------------------------------------------------------------------------------------


def _predictions(rng: torch.Generator) -> Iterator[Case]:
    for what, shape, dtype in batches():
        predicted, after = torch.randn(2, *shape, generator=rng, dtype=dtype)
        yield Case(what, (predicted, after, 0.3))


surprise = Exercise(
    title="Paid to be wrong",
    difficulty=2,
    importance=5,
    minutes="5–10",
    statement="""\
The bonus of ICM, eq. (5): $r^I = \\frac{\\eta}{2} \\lVert \\hat\\phi - \\phi' \\rVert^2$, a number
per transition. It is a reward: nothing may be learned *through* it, so no gradient may come back
from it. What you write: one line.""",
    hint="""\
‖x‖² is a sum over the features, neither their mean nor its root. What would happen if the policy's
loss could reach the forward model through its own reward?""",
    inputs=_predictions,
)


@surprise.solved_by
def bonus(predicted, after, eta):
    """The bonus of each transition: (B,).

    predicted, after: (B, F). eta: a number.
    """
    return (eta / 2 * (predicted - after).square().sum(-1)).detach()


def _half(predicted, after, eta):
    return eta / 2 * (predicted - after).square().sum(-1)


@surprise.mistake
def gradient_kept(predicted, after, eta):
    """The numbers are right, but a gradient comes back: whoever maximises this reward teaches the
    forward model to be *wrong*, which is easier than going somewhere new."""
    return _half(predicted, after, eta)


@surprise.mistake
def mean_over_features(predicted, after, eta):
    """The mean over the features instead of their sum: with F features the bonus is F times too
    small. (The authors' code takes the mean and multiplies by 288, its F: copied into a network of
    another size, that is wrong too.)"""
    return (_half(predicted, after, eta) / predicted.shape[-1]).detach()


@surprise.mistake
def half_lost(predicted, after, eta):
    """The ½ is missing."""
    return 2 * _half(predicted, after, eta).detach()


@surprise.mistake
def norm_not_squared(predicted, after, eta):
    """The norm is not squared."""
    return (eta / 2 * (predicted - after).norm(dim=-1)).detach()


@surprise.mistake
def one_number_for_all(predicted, after, eta):
    """All transitions together get one number: then no step is newer than another."""
    return _half(predicted, after, eta).mean().detach()


@surprise.mistake
def sign_lost_in_sum(predicted, after, eta):
    """The differences are summed before they are squared, and cancel."""
    return (eta / 2 * (predicted - after).sum(-1).square()).detach()


@surprise.mistake
def eta_forgotten(predicted, after, eta):
    """η is missing."""
    return _half(predicted, after, 1.0).detach()


# --- the loss, and where its gradient goes --------------------------------------------------------


def _losses(rng: torch.Generator) -> Iterator[Case]:
    for what, (B, D), dtype in batches():
        predicted, after = torch.randn(2, B, D, generator=rng, dtype=dtype)
        inverse = torch.rand(B, generator=rng, dtype=dtype)
        yield Case(what, (inverse, predicted, after, 0.2))


stopped_target = Exercise(
    title="Stop at the target",
    difficulty=3,
    importance=5,
    minutes="10–15",
    statement="""\
The loss of ICM, eq. (6), as a mean over transitions: $(1 - \\beta) L_I + \\beta L_F$ with
$L_F = \\frac12 \\lVert \\hat\\phi - \\phi' \\rVert^2$, in the variant in which φ' is a *target*:
no gradient of L_F may go back through it. (The authors' code does not stop it; ours does with
`stop="target"`.) What you write: two lines.""",
    hint="""\
Otherwise the encoder could make the future easy to foresee by noticing nothing of it. Stop φ', not
φ̂: the forward model still has to learn.""",
    inputs=_losses,
)


@stopped_target.solved_by
def curiosity_loss(inverse, predicted, after, beta):
    """The loss: a scalar.

    inverse: (B,), L_I of each transition. predicted, after: (B, F).
    beta: a number in [0, 1].
    """
    forward = 0.5 * (predicted - after.detach()).square().sum(-1)
    return ((1 - beta) * inverse + beta * forward).mean()


@stopped_target.mistake
def target_learns(inverse, predicted, after, beta):
    """φ' is not stopped, as in the authors' code: the encoder is also taught to make the target
    easy to hit."""
    return ((1 - beta) * inverse + beta * 0.5 * (predicted - after).square().sum(-1)).mean()


@stopped_target.mistake
def prediction_stopped(inverse, predicted, after, beta):
    """It is φ̂ that is stopped: now the target runs after the prediction, and the forward model
    never learns."""
    forward = 0.5 * (predicted.detach() - after).square().sum(-1)
    return ((1 - beta) * inverse + beta * forward).mean()


@stopped_target.mistake
def both_stopped(inverse, predicted, after, beta):
    """Both sides of L_F are stopped: nothing learns from it."""
    forward = 0.5 * (predicted - after).detach().square().sum(-1)
    return ((1 - beta) * inverse + beta * forward).mean()


@stopped_target.mistake
def beta_swapped(inverse, predicted, after, beta):
    """β and 1 − β have changed places: β is the weight of the *forward* model, 0.2 in the paper."""
    return curiosity_loss(inverse, predicted, after, 1 - beta)


@stopped_target.mistake
def unweighted(inverse, predicted, after, beta):
    """The two losses are added without their weights."""
    return 2 * curiosity_loss(inverse, predicted, after, 0.5)


@stopped_target.mistake
def feature_mean(inverse, predicted, after, beta):
    """L_F is a mean over the features instead of their sum."""
    forward = 0.5 * (predicted - after.detach()).square().mean(-1)
    return ((1 - beta) * inverse + beta * forward).mean()


@stopped_target.mistake
def sum_over_batch(inverse, predicted, after, beta):
    """The sum over the transitions instead of their mean: the step grows with the batch."""
    return curiosity_loss(inverse, predicted, after, beta) * len(inverse)


# --- the end of an episode ------------------------------------------------------------------------


def _episodes(rng: torch.Generator) -> Iterator[Case]:
    for what, T, chance in (
        ("one step that ends the episode", 1, 1.0),
        ("three steps, no end", 3, 0.0),
        ("an end in the middle", 4, 0.3),
        ("ends everywhere", 3, 1.0),
        ("several episodes in a row", 9, 0.4),
        *drawn("drawn episodes", ints(1, 14), CHANCE),
    ):
        obs = torch.randn(T + 1, 2, generator=rng)
        final = torch.randn(T, 2, generator=rng)
        done = torch.rand(T, generator=rng) < chance
        yield Case(what, (obs, final, done))


across_the_reset = Exercise(
    title="Not across the reset",
    difficulty=2,
    importance=4,
    minutes="10",
    statement="""\
Most libraries restart a world by themselves: after a step with `done` the next observation in the
row already belongs to the *next* episode, and what was really seen last comes apart, in `final`. A
curiosity that takes the row as it stands is paid, at every end, for a jump that no action explains.
Give the o' of each step: `obs[t + 1]` inside an episode, `final[t]` at its end. What you write: one
line.""",
    hint="""\
`torch.where` with the mask `(T, 1)`. `obs` has one row more than there are steps.""",
    inputs=_episodes,
    gradient=False,
)


@across_the_reset.solved_by
def where_it_led(obs, final, done):
    """o' of each step: (T, O).

    obs: (T + 1, O), what was seen before each step, and last.
    final: (T, O), of use where done. done: (T,) bool.
    """
    return torch.where(done[:, None], final, obs[1:])


@across_the_reset.mistake
def jump_paid(obs, final, done):
    """This is the row as it stands: where an episode ended, o' is the start of the next one."""
    return obs[1:].clone()


@across_the_reset.mistake
def end_is_standing_still(obs, final, done):
    """At an end, o' is set to o: then the last step, which may have reached the goal, is never
    surprising."""
    return torch.where(done[:, None], obs[:-1], obs[1:])


@across_the_reset.mistake
def end_is_nothing(obs, final, done):
    """At an end, o' is zeros: an observation that does not exist, and that is paid for as one."""
    return obs[1:] * ~done[:, None]


@across_the_reset.mistake
def one_step_late(obs, final, done):
    """The row is not shifted: this is o, before the step, not o' after it."""
    return torch.where(done[:, None], final, obs[:-1])


@across_the_reset.mistake
def upside_down(obs, final, done):
    """It is upside down: `final` belongs where `done` is True."""
    return torch.where(done[:, None], obs[1:], final)


@across_the_reset.mistake
def always_final(obs, final, done):
    """`final` is taken everywhere; inside an episode it means nothing."""
    return final.clone()
