"""Exercise: find the bug that leaves the loss as it is and makes the team worse."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from marl_edu.exercises.engine.grading import Exercise
from marl_edu.exercises.engine.training import Rows, Trial, means
from marl_edu.exercises.whiteboard.monotonic_mixer import (
    biases_made_positive,
    first_layer_signed,
    mixes,
    no_bend,
    parameters_made_positive,
    plain_sum,
    second_layer_signed,
    signed_weights,
)
from marl_edu.exercises.whiteboard.monotonic_mixer import exercise as mixer

UPDATES, SEEDS, HIDDEN = 300, 8, 8  # of training
ENOUGH = 7.9  # the mean payoff that shows that every team finds the 8
PAYOFF = torch.tensor([[[7.0, 7.0], [7.0, 7.0]], [[0.0, 1.0], [1.0, 8.0]]])  # games 2A and 2B


def game_curve(mixer: Callable[..., Any]) -> Rows:
    """Train teams of two on the second step of the two-step game, all joint actions alike.

    Returns:
        rows with `update`, the `loss`, and the `payoff` in 2B when each agent takes the action that
        is best by its own values; means over seeds. Takes a few seconds.
    """
    return means([_train(mixer, seed) for seed in range(SEEDS)])


def _train(mixer: Callable[..., Any], seed: int) -> Rows:
    rng = torch.Generator().manual_seed(seed)
    games, first, second = (
        x.flatten() for x in torch.meshgrid(*[torch.arange(2)] * 3, indexing="ij")
    )
    shapes = (2, 2, 2), (2, 2 * HIDDEN), (2, HIDDEN), (2, HIDDEN), (2,)
    learned = [(0.5 * torch.randn(s, generator=rng)).requires_grad_() for s in shapes]
    optimiser = torch.optim.Adam(learned, lr=0.05)
    state, rows = torch.eye(2)[games], []
    for update in range(UPDATES):
        table, *weights = learned  # table: (game, agent, action)
        q = torch.stack([table[games, 0, first], table[games, 1, second]], 1)
        loss = F.mse_loss(mixer(q, state, *weights), PAYOFF[games, first, second])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if update % 20 == 19:
            one, other = table[1].argmax(-1).tolist()
            payoff = PAYOFF[1, one, other].item()
            rows.append({"update": update + 1, "loss": loss.item(), "payoff": payoff})
    return rows


exercise = Exercise(
    place=150,
    title="Bug hunt: the team that knows better than it acts",
    difficulty=3,
    importance=4,
    minutes="10–15",
    topic="qmix",
    statement="""\
`worse_team_suspect` is the mixer of a QMIX: hypernetworks of one matrix each, an ELU, the shapes
are right. Teams that train with it fit every payoff of game 2B, 0, 1, 1 and 8, as closely as teams
that train with the right one. But when each agent takes the action that is best by its *own*
values, most teams miss the 8. Find the reason and write the mixer without it. The grader trains
teams with yours.""",
    hint="""\
The team's value is right for every joint action, and yet the agents choose wrongly. What must hold
between an agent's value and the team's so that choosing alone is choosing together? Follow q on its
way through the mixer.""",
    domain=mixer.domain,
    inputs=mixes,
    trial=Trial(
        curve=game_curve,
        learned=lambda rows: rows[-1]["payoff"] > ENOUGH,
        says=lambda rows: f"Teams get {rows[-1]['payoff']:.1f} of 8.",
    ),
)


@exercise.suspected
def worse_team_suspect(q, state, W1, B1, W2, v):
    """The value of the team, Q_tot: (B,).

    q: (B, N), of the actions taken. state: (B, S). W1: (S, N H).
    B1, W2: (S, H). v: (S,).
    """
    w1 = (state @ W1).abs().view(*q.shape, -1)  # (B, N, H), never negative
    hidden_dim = F.elu(torch.einsum("bn,bnh->bh", q, w1) + state @ B1)
    return torch.einsum("bh,bh->b", hidden_dim, state @ W2) + state @ v


@exercise.solved_by
def blend(q, state, W1, B1, W2, v):
    """The value of the team, Q_tot: (B,).

    q: (B, N), of the actions taken. state: (B, S). W1: (S, N H).
    B1, W2: (S, H). v: (S,).
    """
    w1 = (state @ W1).abs().view(*q.shape, -1)  # (B, N, H), never negative
    hidden_dim = F.elu(torch.einsum("bn,bnh->bh", q, w1) + state @ B1)
    second = (state @ W2).abs()  # nor is this one
    return torch.einsum("bh,bh->b", hidden_dim, second) + state @ v


for _mistake in (
    second_layer_signed,  # the bug of the suspect
    first_layer_signed,
    signed_weights,
    parameters_made_positive,
    biases_made_positive,
    no_bend,
    plain_sum,
):
    exercise.mistake(_mistake)


exercise.slips = {
    "second_layer_signed": ("(state @ W2).abs()", "state @ W2"),
    "first_layer_signed": ("(state @ W1).abs()", "(state @ W1)"),
    "no_bend": ("F.elu(torch.einsum", "(torch.einsum"),
    "biases_made_positive": ("state @ B1", "(state @ B1).abs()"),
}
