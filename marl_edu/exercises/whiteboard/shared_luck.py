"""Exercise: find the bug that credits every action with what all of them brought."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from marl_edu.exercises.engine.domain import Domain
from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.kinds import Number, Reals, Whole
from marl_edu.exercises.engine.training import Rows, Trial, means
from marl_edu.exercises.engine.trying import Case

UPDATES, SEEDS, STEPS = 150, 5, 64  # of training; what is played before each update
ENOUGH = 0.9  # the probability of the right action that shows learning
WORTH = 2 * torch.arange(4.0)  # of each of the four bandits, whatever one does


def bandit_curve(loss: Callable[..., Any]) -> Rows:
    """Train an actor and a critic with `loss` on four bandits; in each, one of four actions is
    right and brings 1 more.

    Returns:
        rows with `update`, the probability of a `right` action, and how far the critic is `off`;
        means over bandits and seeds. Takes a few seconds.
    """
    return means([_train(loss, seed) for seed in range(SEEDS)])


def _train(loss: Callable[..., Any], seed: int) -> Rows:
    rng = torch.Generator().manual_seed(seed)
    logits, value = torch.zeros(4, 4, requires_grad=True), torch.zeros(4, 1, requires_grad=True)
    optimiser = torch.optim.Adam([logits, value], lr=0.1)
    rows: list[dict[str, int | float]] = []
    for update in range(UPDATES):
        bandit = torch.randint(4, (STEPS,), generator=rng)
        policy = logits.detach().softmax(-1)
        action = policy[bandit].multinomial(1, generator=rng)[:, 0]
        noise = 0.2 * torch.randn(STEPS, generator=rng)
        reward = WORTH[bandit] + (action == bandit) + noise
        optimiser.zero_grad()
        loss(logits[bandit], action, reward, value[bandit], 0.01).backward()
        optimiser.step()
        if update % 10 == 9:
            right = logits.detach().softmax(-1).diagonal()
            off = (value.detach()[:, 0] - WORTH - right).abs().mean()
            rows.append({"update": update + 1, "right": right.mean().item(), "off": off.item()})
    return rows


def _steps(rng: torch.Generator) -> Iterator[Case]:
    f32, f64 = torch.float32, torch.float64
    for what, B, A, beta, dtype in (
        ("a single step", 1, 3, 0.1, f32),
        ("two steps", 2, 2, 0.1, f32),
        ("no entropy bonus", 3, 3, 0.0, f32),
        ("a single action", 4, 1, 0.1, f32),
        ("numbers in float64", 4, 3, 0.3, f64),
        ("eight steps", 8, 5, 0.2, f32),
    ):
        logits = torch.randn(B, A, generator=rng, dtype=dtype)
        action = torch.randint(A, (B,), generator=rng)
        gathered = 2 * torch.randn(B, generator=rng, dtype=dtype) + 1
        value = torch.randn(B, 1, generator=rng, dtype=dtype)
        yield Case(what, (logits, action, gathered, value, beta))


exercise = Exercise(
    place=160,
    title="Bug hunt: the actor that learns from everybody's luck",
    difficulty=2,
    importance=5,
    minutes="10–15",
    topic="ground",
    statement="""\
`shared_luck_suspect` is the loss of an actor-critic. It adds up three parts, each averaged over
steps: minus the log-probability of each action times its advantage, half the squared error of the
critic, minus $\\beta$ times the entropy. It raises nothing, it gives a scalar, and for a single
step the right one. Yet an actor that is trained with it on four bandits of four actions takes the
right one hardly more often than at random. The critic comes to believe that all four bandits are
worth the same. Find the reason and write the loss without it. The grader trains an actor with
yours.""",
    hint="""\
Call it on two steps, and print the shape of every line. How many advantages should two steps have?
The critic's last layer has one output, and the axis it leaves is still there.""",
    domain=Domain(
        sizes={"B": (1, 9), "A": (1, 5)},
        given={
            "logits": Reals("B A", spreads=(1, 10), ties=True),
            "action": Whole("B", "A"),
            "gathered": Reals("B", centres=(-50, 50)),
            "value": Reals("B 1", centres=(-50, 50)),
            "beta": Number(0.0, 1.0),
        },
    ),
    inputs=_steps,
    data=("gathered",),
    trial=Trial(
        curve=bandit_curve,
        learned=lambda rows: rows[-1]["right"] > ENOUGH,
        says=lambda rows: f"Actors take the right action with probability {rows[-1]['right']:.2f}.",
    ),
)


@exercise.suspected
def shared_luck_suspect(logits, action, gathered, value, beta):
    """The loss of actor and critic: a scalar tensor.

    logits: (B, A). action: (B,). gathered: (B,), the returns.
    value: (B, 1), the critic's. beta: a number.
    """
    logp = logits.log_softmax(-1)
    taken = logp.gather(-1, action[:, None])
    advantage = gathered - value
    actor = -(taken * advantage.detach()).mean()
    critic = advantage.square().mean() / 2
    entropy = -(logp.exp() * logp).sum(-1).mean()
    return actor + critic - beta * entropy


@exercise.solved_by
def actor_critic_loss(logits, action, gathered, value, beta):
    """The loss of actor and critic: a scalar tensor.

    logits: (B, A). action: (B,). gathered: (B,), the returns.
    value: (B, 1), the critic's. beta: a number.
    """
    logp = logits.log_softmax(-1)
    taken = logp.gather(-1, action[:, None])[:, 0]
    advantage = gathered - value[:, 0]  # (B,), one for each step
    actor = -(taken * advantage.detach()).mean()
    critic = advantage.square().mean() / 2
    entropy = -(logp.exp() * logp).sum(-1).mean()
    return actor + critic - beta * entropy


def _parts(logits, action, gathered, value) -> tuple[Tensor, ...]:
    """Log-probabilities of the actions taken, advantages, entropies: each (B,)."""
    logp = logits.log_softmax(-1)
    entropy = -(logp.exp() * logp).sum(-1)
    return logp.gather(-1, action[:, None])[:, 0], gathered - value[:, 0], entropy


def _whole(taken, advantage, error, entropy, beta) -> Tensor:
    return -(taken * advantage).mean() + error.square().mean() / 2 - beta * entropy.mean()


@exercise.mistake
def everybody_s_return(logits, action, gathered, value, beta):
    """(B,) minus (B, 1) is (B, B): every step is compared with the return of *every* step. So each
    action is credited with the mean of all, and the critic learns that mean."""
    return shared_luck_suspect(logits, action, gathered, value, beta)


@exercise.mistake
def actor_by_everybody(logits, action, gathered, value, beta):
    """The critic's error is right, but in the actor's part (B,) meets (B, 1) and becomes (B, B):
    every action is weighed with the mean advantage."""
    taken, advantage, entropy = _parts(logits, action, gathered, value)
    return _whole(taken, advantage.detach()[:, None], advantage, entropy, beta)


@exercise.mistake
def critic_by_everybody(logits, action, gathered, value, beta):
    """The actor's part is right, but the critic's error is taken from (B, B): it learns the mean
    of all returns, wherever it is."""
    taken, advantage, entropy = _parts(logits, action, gathered, value)
    return _whole(taken, advantage.detach(), gathered - value, entropy, beta)


@exercise.mistake
def advantage_learns(logits, action, gathered, value, beta):
    """The value is right, but the actor's part has a gradient into the critic: it drives up the
    values of improbable actions. As a weight the advantage must be a mere number."""
    taken, advantage, entropy = _parts(logits, action, gathered, value)
    return _whole(taken, advantage, advantage, entropy, beta)


@exercise.mistake
def critic_never_learns(logits, action, gathered, value, beta):
    """The value is right, but the critic gets no gradient: what is detached for the actor must not
    be for the critic's own error."""
    return actor_critic_loss(logits, action, gathered, value.detach(), beta)


@exercise.mistake
def no_critic_for_the_actor(logits, action, gathered, value, beta):
    """The actor's weight is the return itself: where a bandit is rich, every action seems good."""
    taken, advantage, entropy = _parts(logits, action, gathered, value)
    return _whole(taken, gathered, advantage, entropy, beta)


@exercise.mistake
def worse_is_better(logits, action, gathered, value, beta):
    """The actor's sign is wrong: a loss is minimised, and this one makes good actions rare."""
    taken, advantage, entropy = _parts(logits, action, gathered, value)
    return _whole(-taken, advantage.detach(), advantage, entropy, beta)


@exercise.mistake
def certainty_rewarded(logits, action, gathered, value, beta):
    """The sign of the entropy is wrong: it is taken off a loss, so that more of it is better."""
    return actor_critic_loss(logits, action, gathered, value, -beta)


@exercise.mistake
def logits_for_probabilities(logits, action, gathered, value, beta):
    """The logits themselves stand for the log-probabilities of the actions: without the softmax,
    one action can grow and no other need shrink."""
    _, advantage, entropy = _parts(logits, action, gathered, value)
    taken = logits.gather(-1, action[:, None])[:, 0]
    return _whole(taken, advantage.detach(), advantage, entropy, beta)


@exercise.mistake
def whole_error(logits, action, gathered, value, beta):
    """The squared error counts in full; half of it was asked for."""
    taken, advantage, entropy = _parts(logits, action, gathered, value)
    return _whole(taken, advantage.detach(), 2**0.5 * advantage, entropy, beta)


exercise.slips = {
    "advantage_learns": ("advantage.detach()", "advantage"),
    "critic_never_learns": ("gathered - value[:, 0]", "gathered - value.detach()[:, 0]"),
    "no_critic_for_the_actor": ("taken * advantage.detach()", "taken * gathered"),
    "worse_is_better": ("actor = -(taken", "actor = (taken"),
    "certainty_rewarded": ("- beta * entropy", "+ beta * entropy"),
    "whole_error": (".mean() / 2", ".mean()"),
    "logits_for_probabilities": ("taken = logp.gather", "taken = logits.gather"),
}
