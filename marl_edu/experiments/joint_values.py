"""What a trained team of two believes each pair of actions to be worth, in games of a few steps.

    table[a, b] = mix(Q_0(o_0, a), Q_1(o_1, b); s)

Symbols: A actions, U numbers remembered · table `(A, A)` · s all that the two see · Q_i, mix: those
of `training/team_q.py`.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from marl_edu.envs.games import MatrixGame, TwoStepGame

STATES = ("first step", "2A", "2B")


@torch.no_grad()
def joint(
    net: Any, obs: Float[Tensor, "1 2 O"], hidden: Float[Tensor, "1 2 U"]
) -> tuple[Float[Tensor, "A A"], Float[Tensor, "1 2 U"]]:
    """Q_tot of every pair of actions, and what the two remember afterwards."""
    q, after = net.agent(obs, hidden)
    A = q.shape[-1]
    pairs = torch.stack([q[0, 0, :, None].expand(A, A), q[0, 1].expand(A, A)], -1)
    return net.mixer(pairs, obs.flatten().expand(A, A, -1)), after


def matrix_game(net: Any, env: MatrixGame) -> Float[Tensor, "A A"]:
    """The team's table of a game with one state and two agents."""
    return joint(net, env.reset()[:1], net.start(1, 2))[0]


def two_step_game(net: Any) -> dict[str, Float[Tensor, "2 2"]]:
    """The team's tables of the three states."""
    env = TwoStepGame(num_envs=2)
    first, hidden = joint(net, env.reset()[:1], net.start(1, 2))
    obs, *_ = env.step(torch.tensor([[0, 0], [1, 0]]))  # to 2A, and to 2B
    second = [joint(net, obs[b : b + 1], hidden)[0] for b in range(2)]
    return dict(zip(STATES, (first, *second), strict=True))
