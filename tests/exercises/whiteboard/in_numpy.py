"""Answers to the exercises of the whiteboard in numpy, as readers type them into the page."""

import numpy as np


def elu(x):
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def sigmoid(x):
    return 0.5 + 0.5 * np.tanh(x / 2)


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def attend(q, k, v, lengths):
    there = np.arange(k.shape[1]) < lengths[:, None, None]
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    scores = np.where(there, scores, np.finfo(scores.dtype).min)
    e = np.exp(scores - scores.max(-1, keepdims=True)) * there
    return e / np.maximum(e.sum(-1, keepdims=True), 1e-30) @ v


def remember_gated(x, h, W, U, b, c):
    (r, z, n), (old_r, old_z, old_n) = np.split(x @ W.T + b, 3, -1), np.split(h @ U.T + c, 3, -1)
    r, z = sigmoid(r + old_r), sigmoid(z + old_z)
    return (1 - z) * np.tanh(n + r * old_n) + z * h


def window_rows(size, next_row, capacity, length, chance):
    begin = (chance * (size - length + 1)).astype(int)
    return (next_row - size + begin[:, None] + np.arange(length)) % capacity


def vdn_loss(q, action, reward, q_next, available, terminated, gamma):
    taken = np.take_along_axis(q, action[..., None], -1)[..., 0].sum(1)
    best = np.where(available, q_next, -np.inf).max(-1).sum(1)
    return ((taken - reward - gamma * ~terminated * best) ** 2).mean()


def believed_value(payoff):
    fit = payoff.mean(2, keepdims=True) + payoff.mean(1, keepdims=True)
    return (fit - payoff.mean((1, 2), keepdims=True)).max((1, 2))


def mix(q, state, W1, B1, W2, v):
    w1 = abs(state @ W1).reshape(*q.shape, -1)
    x = elu(np.einsum("bn,bnh->bh", q, w1) + state @ B1)
    return (x * abs(state @ W2)).sum(-1) + state @ v


def coma_advantage(q, policy, action):
    taken = np.take_along_axis(q, action[..., None], -1)[..., 0]
    return taken - (policy * q).sum(-1)


def gumbel_action(logits, uniform, tau):
    best = (logits - np.log(-np.log(uniform))).argmax(-1)
    return np.eye(logits.shape[-1], dtype=logits.dtype)[best]


def follow(target, online, tau):
    after = []
    for learned in online:
        target = (1 - tau) * target + tau * learned
        after.append(target)
    return np.array(after)


def ppo_loss(logp, old_logp, advantage, alive, clip_coef):
    ratio = np.exp(logp - old_logp)
    near = np.clip(ratio, 1 - clip_coef, 1 + clip_coef)
    return -np.minimum(ratio * advantage, near * advantage)[alive].mean()


def bootstrap_interval(scores, drawn, level):
    rest = (1 - level) / 2
    return np.quantile(scores[drawn].mean(1), [rest, 1 - rest])


def probability_of_improvement(ours, theirs):
    a, b = ours[:, None], theirs[None]
    return ((a > b) + 0.5 * (a == b)).mean((0, 1)).astype(ours.dtype)


def blend(q, state, W1, B1, W2, v):
    return mix(q, state, W1, B1, W2, v)


def actor_critic_loss(logits, action, gathered, value, beta):
    logp = log_softmax(logits)
    advantage = gathered - value[:, 0]
    actor = -(logp[np.arange(len(action)), action] * advantage).mean()
    entropy = -(np.exp(logp) * logp).sum(-1).mean()
    return actor + (advantage**2).mean() / 2 - beta * entropy


def n_step_target(reward, done, value, gamma):
    for k in range(reward.shape[1] - 1, -1, -1):
        value = reward[:, k] + gamma * np.where(done[:, k], 0, value)
    return value
