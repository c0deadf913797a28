"""Answers to the exercises on MADDPG in numpy, as readers type them into the page."""

import numpy as np


def questions(new, stored):
    asked = np.stack([stored] * stored.shape[1])
    for i in range(len(asked)):
        asked[i, :, i] = new[:, i]
    return asked


def clipped(gradient, most):
    norm = np.linalg.norm(gradient, axis=1, keepdims=True)
    return gradient * (most / np.maximum(norm, most))


def actor_gradient(obs, W, slope):
    a = 0.5 + 0.5 * np.tanh(obs @ W / 2)
    return -obs.T @ (slope * a * (1 - a)) / len(obs)


def slope_by_logits(logits, noise, slope, tau):
    x = (logits + noise) / tau
    a = np.exp(x - x.max(-1, keepdims=True))
    a /= a.sum(-1, keepdims=True)
    return a * (slope - (a * slope).sum(-1, keepdims=True)) / tau
