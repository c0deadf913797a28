"""Pure functions that several chapters share. No state, no modules: tensors in, tensors out.

Sizes: B worlds, T steps, N agents, D features.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def masked_softmax(scores: Tensor, mask: Tensor, dim: int = -1) -> Tensor:
    """Softmax over the entries where `mask` is True; the others are exactly 0.

    A slice with nothing to choose from is all zeros, not uniform, and its gradient is zero, not
    NaN. That is what an agent with nobody to hear must get.

    Args:
        scores: any shape. mask: bool, broadcastable to `scores`. dim: where weights sum to 1.
    """
    lowest = torch.finfo(scores.dtype).min  # finite, so that a fully masked slice gives no NaN
    return scores.masked_fill(~mask, lowest).softmax(dim) * mask


def masked_mean(x: Tensor, mask: Tensor) -> Tensor:
    """Mean of `x` over the entries where `mask` is True, as a scalar; 0 where there is none."""
    weight = mask.to(x.dtype)
    return (x * weight).sum() / weight.sum().clamp_min(1.0)


def gae(
    reward: Float[Tensor, "B T N"],
    value: Float[Tensor, "B T+1 N"],
    goes_on: Bool[Tensor, "B T N"],
    gamma: float,
    lam: float,
) -> Float[Tensor, "B T N"]:
    """Generalised advantage estimates, each agent's chain cut where its life ends.

        delta_t = r_t + gamma c_t V_{t+1} - V_t        A_t = delta_t + gamma lam c_t A_{t+1}

    Args:
        reward: r. value: V, with the value of the state after the last step at index T.
        goes_on: c; False where the agent terminated in step t, so that nothing is bootstrapped.
            A time limit is not a termination.
        gamma: discount. lam: 0 one-step error ... 1 Monte-Carlo return.
    Source: Schulman et al., arXiv 1506.02438, eq. (16).
    """
    keep = gamma * goes_on.to(reward.dtype)
    delta = reward + keep * value[:, 1:] - value[:, :-1]
    advantage = torch.zeros_like(delta)
    carried = torch.zeros_like(delta[:, 0])
    for t in reversed(range(delta.shape[1])):
        carried = delta[:, t] + lam * keep[:, t] * carried
        advantage[:, t] = carried
    return advantage


def highest(q: Float[Tensor, "*S A"], available: Bool[Tensor, "..."]) -> Int[Tensor, "*S"]:
    """The available action with the highest value."""
    return q.masked_fill(~available, -torch.inf).argmax(-1)


def double_q(
    reward: Float[Tensor, "*S"],
    goes_on: Bool[Tensor, "*S"],
    q_next: Float[Tensor, "*S A"],
    q_target_next: Float[Tensor, "*S A"],
    available: Bool[Tensor, "..."],
    gamma: float,
) -> Float[Tensor, "*S"]:
    """What the action taken turned out to be worth: eq. (2).

    Args:
        reward: r. goes_on: c. gamma: discount.
        q_next, q_target_next: of what was seen afterwards, by the network and by its target.
        available: which actions there are then; broadcast over `q_next`.
    """
    best = highest(q_next, available)[..., None]
    worth = q_target_next.gather(-1, best)[..., 0]
    return reward + gamma * goes_on * worth  # eq. (2)
