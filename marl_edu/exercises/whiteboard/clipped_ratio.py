"""Exercise: how far a policy may move for what an action brought. Sizes: B steps, N agents."""

from collections.abc import Iterator

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Flags, Number, Reals
from marl_edu.exercises.engine.trying import Case


def _ratios(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, B, N, spread, share, dtype in (
        ("one action of one agent", 1, 1, 0.3, 1.0, f32),
        ("a policy that has not moved yet", 2, 2, 0.0, 1.0, f32),
        ("ratios far from 1", 2, 3, 1.5, 1.0, f32),
        ("numbers in float64", 3, 2, 0.5, 0.7, f64),
        ("agents that are gone", 4, 3, 0.4, 0.5, f32),
        ("six steps of four agents", 6, 4, 0.4, 0.8, f32),
    ):
        old = -0.1 - 2 * torch.rand(B, N, generator=rng, dtype=dtype)
        new = old + spread * torch.randn(B, N, generator=rng, dtype=dtype)
        advantage = torch.randn(B, N, generator=rng, dtype=dtype)
        alive = torch.rand(B, N, generator=rng) < share
        alive[0, 0] = True
        yield Case(what, (new, old, advantage, alive, 0.2))


exercise = Exercise(
    place=120,
    title="PPO: no further than this",
    difficulty=2,
    importance=5,
    minutes="10–15",
    topic="ground",
    statement="""\
PPO's policy loss, to be minimised. The ratio r says how much more probable an action has become
since it was taken; its log-probabilities, now and then, are given. Of
$r A$ and $\\mathrm{clip}(r, 1 - c, 1 + c)\\,A$ the *smaller* counts. Average over the actions of
agents that are `alive`; there is at least one. What you write: four lines.""",
    hint="""\
From log-probabilities a ratio is one `exp` away. Take an action that was good, A > 0, and has
become much more probable: should there still be a gradient? And one that was bad and has become
more probable?""",
    domain=Domain(
        sizes={"B": (1, 6), "N": (1, 4)},
        given={
            "old_logp": Reals("B N", between=(-4, -0.1)),
            "_moved": Reals("B N", spreads=(0.3, 0, 1.5, 4)),
            "advantage": Reals("B N", spreads=(1, 60)),
            "alive": Flags("B N", any=True),
            "clip_coef": Number(0.05, 0.5),
        },
        finish=lambda given, _: given | {"logp": given["old_logp"] + given["_moved"]},
        notes={"logp": "near `old_logp` or far from it"},
    ),
    inputs=_ratios,
    data=("old_logp", "advantage"),
)


@exercise.solved_by
def ppo_loss(logp, old_logp, advantage, alive, clip_coef):
    """The loss of the policy: a scalar tensor.

    logp, old_logp, advantage: (B, N). alive: (B, N) bool.
    clip_coef: a number, c.
    """
    ratio = (logp - old_logp).exp()
    clipped = ratio.clamp(1 - clip_coef, 1 + clip_coef)
    gain = torch.minimum(ratio * advantage, clipped * advantage)
    return -gain[alive].mean()


def _gain(logp, old_logp, advantage, clip_coef, choose=torch.minimum) -> Tensor:
    ratio = (logp - old_logp).exp()
    return choose(ratio * advantage, ratio.clamp(1 - clip_coef, 1 + clip_coef) * advantage)


@exercise.mistake
def clipped_only(logp, old_logp, advantage, alive, clip_coef):
    """Only the clipped ratio counts. A bad action that has become *more* probable then has no
    gradient, and nothing brings it back: that is what the minimum is for."""
    return -_gain(logp, old_logp, advantage, clip_coef, lambda free, clipped: clipped)[alive].mean()


@exercise.mistake
def larger_of_both(logp, old_logp, advantage, alive, clip_coef):
    """The larger of the two counts: the loss is then an optimist, and the clip never holds where
    it should."""
    return -_gain(logp, old_logp, advantage, clip_coef, torch.maximum)[alive].mean()


@exercise.mistake
def never_clipped(logp, old_logp, advantage, alive, clip_coef):
    """Nothing is clipped: this is importance sampling, and one step may carry the policy as far
    as it likes."""
    return -_gain(logp, old_logp, advantage, clip_coef, lambda free, clipped: free)[alive].mean()


@exercise.mistake
def ratio_upside_down(logp, old_logp, advantage, alive, clip_coef):
    """The ratio is upside down, old over new: what should become more probable becomes less."""
    return -_gain(old_logp, logp, advantage, clip_coef)[alive].mean()


@exercise.mistake
def wrong_sign(logp, old_logp, advantage, alive, clip_coef):
    """The sign is wrong: a loss is minimised, and this one makes good actions rare."""
    return _gain(logp, old_logp, advantage, clip_coef)[alive].mean()


@exercise.mistake
def difference_for_ratio(logp, old_logp, advantage, alive, clip_coef):
    """The difference of the log-probabilities is taken for the ratio; the `exp` is missing."""
    ratio = logp - old_logp
    gain = torch.minimum(ratio * advantage, ratio.clamp(1 - clip_coef, 1 + clip_coef) * advantage)
    return -gain[alive].mean()


@exercise.mistake
def gone_agents_count(logp, old_logp, advantage, alive, clip_coef):
    """Agents that are gone count as well: what stands in their slots teaches everybody."""
    return -_gain(logp, old_logp, advantage, clip_coef).mean()


@exercise.mistake
def divided_by_all(logp, old_logp, advantage, alive, clip_coef):
    """The sum is right, but it is divided by the number of *all* slots: the fewer are alive, the
    smaller the step."""
    return -(_gain(logp, old_logp, advantage, clip_coef) * alive).mean()


@exercise.mistake
def product_clipped(logp, old_logp, advantage, alive, clip_coef):
    """It is the product with the advantage that is clipped, not the ratio: an advantage of -2 is
    then lifted to 1 - c."""
    gain = (logp - old_logp).exp() * advantage
    return -torch.minimum(gain, gain.clamp(1 - clip_coef, 1 + clip_coef))[alive].mean()


@exercise.mistake
def one_sided(logp, old_logp, advantage, alive, clip_coef):
    """The ratio is clipped from above only. Where an action was bad and has already become rare,
    it is the lower bound that stops."""
    ratio = (logp - old_logp).exp()
    gain = torch.minimum(ratio * advantage, ratio.clamp(max=1 + clip_coef) * advantage)
    return -gain[alive].mean()


exercise.slips = {
    "clipped_only": (
        "torch.minimum(ratio * advantage, clipped * advantage)",
        "clipped * advantage",
    ),
    "larger_of_both": ("torch.minimum", "torch.maximum"),
    "never_clipped": ("torch.minimum(ratio * advantage, clipped * advantage)", "ratio * advantage"),
    "ratio_upside_down": ("logp - old_logp", "old_logp - logp"),
    "difference_for_ratio": ("(logp - old_logp).exp()", "logp - old_logp"),
    "wrong_sign": ("-gain[alive]", "gain[alive]"),
    "gone_agents_count": ("-gain[alive].mean()", "-gain.mean()"),
    "divided_by_all": ("-gain[alive].mean()", "-(gain * alive).mean()"),
    "one_sided": ("clamp(1 - clip_coef, 1 + clip_coef)", "clamp(max=1 + clip_coef)"),
}
