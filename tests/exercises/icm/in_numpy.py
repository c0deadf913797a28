"""Answers to the exercises on ICM in numpy, as readers type them into the page."""

import numpy as np


def pay_by_count(cells):
    before = [(cells[:t] == cell).sum() for t, cell in enumerate(cells)]
    return 1 / np.sqrt(np.array(before, np.float32) + 1)


def what_was_done(feature, after, action, W):
    scores = np.concatenate([feature, after], -1) @ W
    scores = scores - scores.max(-1, keepdims=True)
    taken = scores[np.arange(len(action)), action]
    return np.log(np.exp(scores).sum(-1)) - taken


def bonus(predicted, after, eta):
    return eta / 2 * ((predicted - after) ** 2).sum(-1)


def curiosity_loss(inverse, predicted, after, beta):
    forward = ((predicted - after) ** 2).sum(-1) / 2
    return ((1 - beta) * inverse + beta * forward).mean()


def where_it_led(obs, final, done):
    return np.where(done[:, None], final, obs[1:])


def forward_error(feature, action, after, W):
    did = np.eye(len(W) - feature.shape[1], dtype=feature.dtype)[action]
    predicted = np.concatenate([feature, did], -1) @ W
    return ((predicted - after) ** 2).sum(-1) / 2
