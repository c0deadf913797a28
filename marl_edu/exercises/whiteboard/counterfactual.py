"""Exercises: what an action is credited with, and how far a policy may move for it.

Sizes: B steps, N agents, A actions.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from marl_edu.exercises.grading import Exercise
from marl_edu.exercises.inputs import CHANCE, DTYPE, drawn, ints
from marl_edu.exercises.trying import Case


def _ratios(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, B, N, spread, share, dtype in (
        ("one action of one agent", 1, 1, 0.3, 1.0, f32),
        ("a policy that has not moved yet", 2, 2, 0.0, 1.0, f32),
        ("ratios far from 1", 2, 3, 1.5, 1.0, f32),
        ("numbers in float64", 3, 2, 0.5, 0.7, f64),
        ("agents that are gone", 4, 3, 0.4, 0.5, f32),
        ("six steps of four agents", 6, 4, 0.4, 0.8, f32),
        *drawn("drawn actions", ints(1, 6), ints(1, 4), CHANCE, CHANCE, DTYPE),
    ):
        old = -0.1 - 2 * torch.rand(B, N, generator=rng, dtype=dtype)
        new = old + spread * torch.randn(B, N, generator=rng, dtype=dtype)
        advantage = torch.randn(B, N, generator=rng, dtype=dtype)
        alive = torch.rand(B, N, generator=rng) < share
        alive[0, 0] = True
        yield Case(what, (new, old, advantage, alive, 0.2))


clipped_ratio = Exercise(
    title="PPO: no further than this",
    difficulty=2,
    importance=5,
    minutes="10–15",
    statement="""\
PPO's policy loss, to be minimised. The ratio r says how much more probable an action has become
since it was taken; its log-probabilities, now and then, are given. Of
$r A$ and $\\mathrm{clip}(r, 1 - c, 1 + c)\\,A$ the *smaller* counts. Average over the actions of
agents that are `alive`; there is at least one. What you write: four lines.""",
    hint="""\
From log-probabilities a ratio is one `exp` away. Take an action that was good, A > 0, and has
become much more probable: should there still be a gradient? And one that was bad and has become
more probable?""",
    inputs=_ratios,
    data=("old_logp", "advantage"),
)


@clipped_ratio.solved_by
def ppo_loss(logp, old_logp, advantage, alive, clip):
    """The loss of the policy: a scalar tensor.

    logp, old_logp, advantage: (B, N). alive: (B, N) bool.
    clip: a number, c.
    """
    ratio = (logp - old_logp).exp()
    clipped = ratio.clamp(1 - clip, 1 + clip)
    gain = torch.minimum(ratio * advantage, clipped * advantage)
    return -gain[alive].mean()


def _gain(logp, old_logp, advantage, clip, choose=torch.minimum) -> Tensor:
    ratio = (logp - old_logp).exp()
    return choose(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)


@clipped_ratio.mistake
def clipped_only(logp, old_logp, advantage, alive, clip):
    """Only the clipped ratio counts. A bad action that has become *more* probable then has no
    gradient, and nothing brings it back: that is what the minimum is for."""
    return -_gain(logp, old_logp, advantage, clip, lambda free, clipped: clipped)[alive].mean()


@clipped_ratio.mistake
def larger_of_both(logp, old_logp, advantage, alive, clip):
    """The larger of the two counts: the loss is then an optimist, and the clip never holds where
    it should."""
    return -_gain(logp, old_logp, advantage, clip, torch.maximum)[alive].mean()


@clipped_ratio.mistake
def never_clipped(logp, old_logp, advantage, alive, clip):
    """Nothing is clipped: this is importance sampling, and one step may carry the policy as far
    as it likes."""
    return -_gain(logp, old_logp, advantage, clip, lambda free, clipped: free)[alive].mean()


@clipped_ratio.mistake
def ratio_upside_down(logp, old_logp, advantage, alive, clip):
    """The ratio is upside down, old over new: what should become more probable becomes less."""
    return -_gain(old_logp, logp, advantage, clip)[alive].mean()


@clipped_ratio.mistake
def wrong_sign(logp, old_logp, advantage, alive, clip):
    """The sign is wrong: a loss is minimised, and this one makes good actions rare."""
    return _gain(logp, old_logp, advantage, clip)[alive].mean()


@clipped_ratio.mistake
def difference_for_ratio(logp, old_logp, advantage, alive, clip):
    """The difference of the log-probabilities is taken for the ratio; the `exp` is missing."""
    ratio = logp - old_logp
    gain = torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
    return -gain[alive].mean()


@clipped_ratio.mistake
def gone_agents_count(logp, old_logp, advantage, alive, clip):
    """Agents that are gone count as well: what stands in their slots teaches everybody."""
    return -_gain(logp, old_logp, advantage, clip).mean()


@clipped_ratio.mistake
def divided_by_all(logp, old_logp, advantage, alive, clip):
    """The sum is right, but it is divided by the number of *all* slots: the fewer are alive, the
    smaller the step."""
    return -(_gain(logp, old_logp, advantage, clip) * alive).mean()


@clipped_ratio.mistake
def product_clipped(logp, old_logp, advantage, alive, clip):
    """It is the product with the advantage that is clipped, not the ratio: an advantage of -2 is
    then lifted to 1 - c."""
    gain = (logp - old_logp).exp() * advantage
    return -torch.minimum(gain, gain.clamp(1 - clip, 1 + clip))[alive].mean()


@clipped_ratio.mistake
def one_sided(logp, old_logp, advantage, alive, clip):
    """The ratio is clipped from above only. Where an action was bad and has already become rare,
    it is the lower bound that stops."""
    ratio = (logp - old_logp).exp()
    gain = torch.minimum(ratio * advantage, ratio.clamp(max=1 + clip) * advantage)
    return -gain[alive].mean()


def _alternatives(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, B, N, A, dtype in (
        ("one agent and two actions", 1, 1, 2, f32),
        ("a single action", 1, 2, 1, f32),
        ("two agents", 1, 2, 3, f32),
        ("numbers in float64", 2, 3, 4, f64),
        ("a policy that is sure", 3, 2, 3, f32),
        ("five steps", 5, 4, 3, f32),
        *drawn("drawn steps", ints(1, 6), ints(1, 4), ints(1, 4), DTYPE),
    ):
        q = 2 * torch.randn(B, N, A, generator=rng, dtype=dtype) + 1
        scores = torch.randn(B, N, A, generator=rng, dtype=dtype)
        policy = ((20 if "sure" in what else 1) * scores).softmax(-1)
        yield Case(what, (q, policy, torch.randint(A, (B, N), generator=rng)))


counterfactual = Exercise(
    title="What if I had done something else?",
    difficulty=2,
    importance=4,
    minutes="10–15",
    statement="""\
One reward for all: what did *my* action bring? COMA asks a central critic, which knows what the
others did, about each of my actions: `q[b, i, a]` is the team's value if agent i had done a and
everybody else what they did. The advantage is the value of what I did minus what my own policy
gets on average, the others staying as they are. It weighs a policy gradient, so it carries none
itself. What you write: three lines.""",
    hint="""\
"On average" is over *my* actions, each as probable as my policy makes it. In that sum the action
that I took is one among others.""",
    inputs=_alternatives,
)


@counterfactual.solved_by
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


@counterfactual.mistake
def no_baseline(q, policy, action):
    """Nothing is taken off: this is the value of the joint action, which says as much about the
    others as about me."""
    return _did(q, action).detach()


@counterfactual.mistake
def best_for_usual(q, policy, action):
    """What is taken off is the value of my best action: then no action ever brings anything, and
    all become rarer."""
    return (_did(q, action) - q.amax(-1)).detach()


@counterfactual.mistake
def even_mean(q, policy, action):
    """What is taken off is the plain mean over my actions, as if I acted at random. My policy says
    how probable each is; only with it is the mean advantage 0."""
    return (_did(q, action) - q.mean(-1)).detach()


@counterfactual.mistake
def team_mean(q, policy, action):
    """The usual value is averaged over agents: everybody gets the same baseline, and what is
    *mine* is lost again."""
    return (_did(q, action) - (policy * q).sum(-1).mean(1, keepdim=True)).detach()


@counterfactual.mistake
def taken_weighted(q, policy, action):
    """The value of the action taken is weighed with its probability: it *was* taken."""
    return (_did(policy * q, action) - (policy * q).sum(-1)).detach()


@counterfactual.mistake
def others_only(q, policy, action):
    """The action taken is left out of the average: it is one of those that my policy takes."""
    usual = (policy * q).sum(-1) - _did(policy * q, action)
    return (_did(q, action) - usual).detach()


@counterfactual.mistake
def sign_turned(q, policy, action):
    """The sign is wrong: what is better than usual must be positive."""
    return ((policy * q).sum(-1) - _did(q, action)).detach()


@counterfactual.mistake
def advantage_learns(q, policy, action):
    """The value is right, but a gradient goes back into critic and policy: as a weight it must be
    a mere number."""
    return _did(q, action) - (policy * q).sum(-1)
