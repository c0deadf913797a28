"""Equations that several algorithms share. No state, no modules: tensors in, tensors out.

Sizes: B environments, T steps, N agents, A actions, D features; `*B` is any shape.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F


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


def masked_normalise(x: Tensor, mask: Tensor, eps: float) -> Tensor:
    """`x` less its mean, in units of its standard deviation, both over the entries in `mask`."""
    centred = x - masked_mean(x, mask)
    return centred / (masked_mean(centred**2, mask).sqrt() + eps)


def mean_of_others(
    z: Float[Tensor, "B N D"], mask: Bool[Tensor, "B N N"]
) -> tuple[Float[Tensor, "B N D"], Float[Tensor, "B N N"]]:
    """What an agent hears that hears everybody alike: c_i = mean of z_j over all j != i it may
    hear.

    Args:
        z: what is said. mask: `mask[b, i, j]`: receiver i may hear sender j.
    Returns:
        c, zeros where there is nobody to hear; and the weights of the mean, receivers in rows.
    """
    itself = torch.eye(z.shape[1], dtype=torch.bool, device=z.device)
    others = (mask & ~itself).to(z.dtype)
    weights = others / others.sum(-1, keepdim=True).clamp_min(1.0)
    return weights @ z, weights


def act(
    logits: Float[Tensor, "*B A"],
    generator: torch.Generator | None,
    available: Bool[Tensor, "..."] | None = None,
) -> Int[Tensor, "*B"]:
    """Sample actions with `generator`, or take the most likely ones where it is None.

    Args:
        available: which there are; None: all. Where there is none, the action is 0.
    """
    if generator is not None:  # Gumbel-max: a sample of the softmax
        noise = torch.rand(logits.shape, generator=generator, device=logits.device)
        logits = logits - (-noise.log()).log()
    if available is not None:
        lowest = torch.finfo(logits.dtype).min  # below what bad luck alone makes of an action
        logits = logits.clamp_min(lowest / 2).masked_fill(~available, lowest)
    return logits.argmax(-1)


def log_prob_of(
    logits: Float[Tensor, "*B A"],
    action: Int[Tensor, "*B"],
    available: Bool[Tensor, "..."] | None = None,
) -> tuple[Float[Tensor, "*B"], Float[Tensor, "*B"]]:
    """log pi(a) of the actions taken, and the entropy of the policy pi = softmax(logits).

    Args:
        available: which actions there were; None: all. pi is 0 for the others. Where there was
            none, nothing was chosen: both numbers are 0.
    """
    if available is not None:
        logits = logits.masked_fill(~available, torch.finfo(logits.dtype).min)
    log_pi = F.log_softmax(logits, -1)
    chosen = log_pi.gather(-1, action[..., None])[..., 0]
    entropy = -(log_pi.exp() * log_pi).sum(-1)
    if available is None:
        return chosen, entropy
    any_choice = available.any(-1)
    return chosen * any_choice, entropy * any_choice


def gae(
    reward: Float[Tensor, "B T N"],
    value: Float[Tensor, "B T+1 N"],
    terminated: Bool[Tensor, "B T N"],
    gamma: float,
    gae_lambda: float,
) -> Float[Tensor, "B T N"]:
    """Generalised advantage estimates, each agent's chain cut where its trajectory ends.

        delta_t = r_t + gamma (1 - d_t) V_{t+1} - V_t
        A_t = delta_t + gamma lambda (1 - d_t) A_{t+1}

    Args:
        reward: r. value: V, with the value of the state after the last step at index T.
        terminated: d; True where the agent's trajectory ended in step t, so that nothing is
            bootstrapped. A time limit is not a termination.
        gamma: discount. gae_lambda: 0 one-step error ... 1 Monte-Carlo return.
    Source: Schulman et al., arXiv 1506.02438, eq. (16).
    """
    discount = gamma * (1 - terminated.to(reward.dtype))
    delta = reward + discount * value[:, 1:] - value[:, :-1]
    advantage = torch.zeros_like(delta)
    carried = torch.zeros_like(delta[:, 0])
    for t in reversed(range(delta.shape[1])):
        carried = delta[:, t] + gae_lambda * discount[:, t] * carried
        advantage[:, t] = carried
    return advantage


def highest(q: Float[Tensor, "*B A"], available: Bool[Tensor, "..."]) -> Int[Tensor, "*B"]:
    """The available action with the highest value; 0 where there is none."""
    return q.masked_fill(~available, -torch.inf).argmax(-1)


def epsilon_greedy(
    q: Float[Tensor, "*B A"],
    epsilon: float,
    available: Bool[Tensor, "..."],
    generator: torch.Generator | None = None,
) -> Int[Tensor, "*B"]:
    """The best actions that are available, or, with probability epsilon each, any of those."""
    best = highest(q, available)
    if epsilon == 0:
        return best
    chance = torch.rand(q.shape[:-1], generator=generator, device=q.device)
    score = torch.rand(q.shape, generator=generator, device=q.device)
    return torch.where(chance < epsilon, highest(score, available), best)


def q_target(
    reward: Float[Tensor, "*B"],
    terminated: Bool[Tensor, "*B"],
    q_target_next: Float[Tensor, "*B A"],
    available: Bool[Tensor, "..."],
    gamma: float,
    q_next: Float[Tensor, "*B A"] | None = None,
) -> Float[Tensor, "*B"]:
    """The value of the action that was taken, as it turned out.

        y = r + gamma (1 - d) Q_target(o', a*)

    with a* = argmax_a Q_target(o', a), or in double Q-learning a* = argmax_a Q(o', a): the network
    selects, its target evaluates, so that an overestimate is not selected *because* it is one.

    Args:
        reward: r. terminated: d. gamma: discount. available: the actions there are in o'; where
            there is none, a* is 0, which is what an agent does that has none.
        q_target_next, q_next: of o', by the target network and by the network; without `q_next`
            the target selects and evaluates.
    Source: Mnih et al., Nature 518 (2015); van Hasselt et al., arXiv 1509.06461, eq. (4).
    """
    selects = q_target_next if q_next is None else q_next
    best = highest(selects, available)[..., None]
    next_value = q_target_next.gather(-1, best)[..., 0]
    return reward + gamma * (1 - terminated.to(reward.dtype)) * next_value


def linear(start: float, end: float, progress: float) -> float:
    """From `start` to `end` in a straight line, as `progress` goes from 0 to 1."""
    return start + (end - start) * progress
