"""Answers that are wrong only at an end of what the page promises: large numbers, long lists, few
left to choose from, gradients of what is inside a network. WRONG and RIGHT: exercise -> answers.
"""

import numpy as np
import torch
from torch.nn import functional as F

from marl_edu.exercises.__main__ import ALL

SOLUTIONS = {name: exercise.solution for name, exercise in ALL.items()}


def itself(adjacency):
    return adjacency | torch.eye(len(adjacency), dtype=torch.bool)


def filled(low):
    """Scores that do not count are `low`, which some that count are below."""

    def targeting(z, W_k, W_v, W_q, alive):
        mask = alive[:, :, None] & alive[:, None, :]
        scores = (z @ W_q) @ (z @ W_k).mT / W_k.shape[1] ** 0.5
        return scores.masked_fill(~mask, low).softmax(-1) * mask @ (z @ W_v)

    def dot_product(q, k, v, lengths):
        mask = (torch.arange(k.shape[1]) < lengths[:, None])[:, None]
        scores = q @ k.mT / q.shape[-1] ** 0.5
        return scores.masked_fill(~mask, low).softmax(-1) * mask @ v

    def two_networks(q, q_target, available):
        best = q.masked_fill(~available, low).argmax(-1, keepdim=True)
        return q_target.gather(1, best)[:, 0].detach()

    def graph_layer(h, W, score, adjacency):
        return score.masked_fill(~itself(adjacency), low).softmax(-1) @ (h @ W)

    def masked_attention(scores, mask):
        return scores.masked_fill(~mask, low).softmax(-1) * mask

    return locals()


def shares(weights):
    return weights / weights.sum(-1, keepdim=True).clamp_min(1e-30)


def naive_dot_product(q, k, v, lengths):
    mask = (torch.arange(k.shape[1]) < lengths[:, None])[:, None]
    return shares((q @ k.mT / q.shape[-1] ** 0.5).exp() * mask) @ v


def mean_of_few(most):
    def mean(z, alive):
        there = alive[..., None].to(z.dtype)
        others = (there.sum(1, keepdim=True) - 1).clamp(1, most)
        return ((z * there).sum(1, keepdim=True) - z * there) / others * there

    return mean


def walks(dtype):
    def field(adjacency, layers):
        counts = torch.eye(len(adjacency), dtype=dtype)
        for _ in range(layers):
            counts = counts @ itself(adjacency).to(dtype)
        return counts > 0

    return field


def windows(place):
    def rows(size, next_row, capacity, length, chance):
        begin = place(chance, size - length + 1)
        return (next_row - size + begin[:, None] + torch.arange(length)) % capacity

    return rows


def spread(bonus, gamma):
    R, seen = torch.zeros_like(bonus[0]), []
    for r in bonus:
        R = gamma * R + r
        seen.append(R)
    return torch.stack(seen).std(correction=0)


def improvement(wins, ties):
    def probability(ours, theirs):
        a, b = ours[:, None], theirs[None]
        tie = ties(a, b)
        return (0.5 * tie + (wins(a, b) & ~tie).to(ours.dtype)).mean((0, 1)).to(ours.dtype)

    return probability


def warmed(x, h, cell, burn_in):
    """The inputs of the burn-in are cut off, what the cell is made of is not."""
    for t in range(burn_in):
        h = cell(x[:, t].detach(), h)
    after = []
    for t in range(burn_in, x.shape[1]):
        h = cell(x[:, t], h)
        after.append(h)
    return torch.stack(after, 1)


def learning_target(reward, next_obs, terminated, policies, critic, gamma):
    """No gradient reaches what was seen; it reaches the critic and the policies."""
    obs = next_obs.detach()
    actions = [policy(obs[:, i]) for i, policy in enumerate(policies)]
    return reward + gamma * ~terminated * critic(torch.cat([obs.flatten(1), *actions], -1))


def block_without_gradient(x, h, cell, burn_in):
    with torch.no_grad():
        for t in range(burn_in):
            h = cell(x[:, t], h)
    after = []
    for t in range(burn_in, x.shape[1]):
        h = cell(x[:, t], h)
        after.append(h)
    return torch.stack(after, 1)


def ten_steps(reward, value, left, gamma, gae_lambda):
    """The sum of errors stops after ten steps."""
    go = gamma * (~left).to(reward.dtype)
    delta, result = reward + go * value[:, 1:] - value[:, :-1], []
    for t in range(reward.shape[1]):
        total, weight = 0, 1
        for k in range(t, min(reward.shape[1], t + 10)):
            total, weight = total + weight * delta[:, k], weight * gae_lambda * go[:, k]
        result.append(total)
    return torch.stack(result, 1)


def loss_with_epsilon(logits, action, gathered, value, beta):
    p, v = logits.softmax(1), value[:, 0]
    taken = (p.gather(1, action[:, None])[:, 0] + 1e-16).log()
    fit = -(taken * (gathered - v).detach()).mean() + 0.5 * F.mse_loss(v, gathered)
    return fit + beta * (p * (p + 1e-16).log()).sum(1).mean()


def counts_in_a_table(size):
    def bonus(cells):
        table, paid = torch.zeros(size), torch.zeros(len(cells))
        for t, cell in enumerate(cells):
            paid[t] = (table[cell] + 1) ** -0.5
            table[cell] += 1
        return paid

    return bonus


def middle(scores):
    cut = round((len(scores) - 1) / 4)
    return scores.sort().values[cut : len(scores) - cut].mean()


def wrong_if_square(scores, trivial, best):
    if scores.shape[0] == scores.shape[1]:
        return (scores - trivial) / (best - trivial)
    return (scores - trivial[:, None]) / (best - trivial)[:, None]


def clamped_spread(low):
    def bonus_over_sigma(bonus, gamma):
        return bonus / (spread(bonus, gamma).clamp_min(low) + 1e-8 * (low > 1e-8))

    def unless_tiny(bonus, gamma):
        tiny = spread(bonus, gamma) < 1e-6
        return (SOLUTIONS["bonus_scale"] if tiny else bonus_over_sigma)(bonus, gamma)

    return unless_tiny if low > 1e-8 else bonus_over_sigma


def measured_targets(q, q_target, reward, terminated, gamma):
    """Only the networks are cut off: a reward is measured, and carries no gradient."""
    with torch.no_grad():
        best = q[:, 1:].argmax(2, keepdim=True)
        later = q_target[:, 1:].gather(2, best).squeeze(2)
    return reward + gamma * (~terminated) * later


RIGHT = {
    "shifted_targets": [measured_targets],
    "clear_view": [
        lambda obs, mean, var: ((obs - mean.detach()) / var.detach().sqrt()).clamp(-5, 5),
        lambda obs, mean, var: np.clip((obs - mean).numpy() / np.sqrt(var.numpy()), -5, 5),
    ],
    "warm_up": [block_without_gradient],
    "ring_windows": [windows(lambda chance, n: (chance * n).floor().clamp(max=n - 1).long())],
    "central_target": [torch.no_grad()(learning_target)],
}

WRONG = {
    "middle_half": [middle],
    "leaving_cars": [ten_steps],
    "between_rules": [wrong_if_square],
    "count_bonus": [counts_in_a_table(size) for size in (6, 64)],
    "masked_attention": [filled(low)["masked_attention"] for low in (-1e3, -1e4, -2e4)],
    "targeting": [filled(low)["targeting"] for low in (-10, -30, -100)],
    "dot_product": [*(filled(low)["dot_product"] for low in (-10, -30, -100)), naive_dot_product],
    "two_networks": [filled(low)["two_networks"] for low in (-100, -1e3, -1e4)],
    "graph_layer": [
        *(filled(low)["graph_layer"] for low in (-10, -30, -100)),
        lambda h, W, score, adjacency: shares(score.exp() * itself(adjacency)) @ (h @ W),
    ],
    "mean_of_the_others": [mean_of_few(most) for most in (3, 4)],
    "trajectories": [
        lambda obs, ended, most=most: SOLUTIONS["trajectories"](obs, ended).clamp(max=most)
        for most in (4, 6)
    ],
    "receptive_field": [
        *(walks(dtype) for dtype in (torch.int8, torch.uint8, torch.int16)),
        lambda adjacency, layers: SOLUTIONS["receptive_field"](adjacency, min(layers, 5)),
        lambda adjacency, layers: SOLUTIONS["receptive_field"](adjacency, min(layers, 8)),
    ],
    "ring_windows": [
        windows(lambda chance, n: ((chance * n).ceil() - 1).long()),
        windows(lambda chance, n: ((chance * n).ceil() - 1).clamp_min(0).long()),
        lambda *a: SOLUTIONS["ring_windows"](*a).to(torch.int8).long(),
    ],
    "clear_view": [
        lambda obs, mean, var, low=low: ((obs - mean) / var.clamp_min(low).sqrt()).clamp(-5, 5)
        for low in (0.15, 0.5)
    ],
    "clipped_ratio": [
        lambda logp, old, A, alive, c, most=most: SOLUTIONS["clipped_ratio"](
            old + (logp - old).clamp(-most, most), old, A, alive, c
        )
        for most in (2.3, 3)
    ],
    "bonus_scale": [clamped_spread(low) for low in (1e-8, 0.01, 0.05)],
    "chance_of_better": [
        improvement(torch.gt, torch.isclose),
        improvement(torch.gt, lambda a, b: (a - b).abs() <= 1e-3),
    ],
    "warm_up": [warmed],
    "central_target": [learning_target],
    "shared_luck": [
        loss_with_epsilon,
        lambda logits, *rest: SOLUTIONS["shared_luck"](F.hardtanh(logits, -10, 10), *rest),
    ],
}
