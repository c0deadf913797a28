"""Answers to the exercises on the comparison in numpy, as readers type them into the page."""

import numpy as np


def normalise(scores, trivial, best):
    return ((scores.T - trivial) / (best - trivial)).T


def interquartile_mean(scores):
    cut = len(scores) // 4
    return np.sort(scores)[cut : len(scores) - cut].mean()


def joint_values(q):
    joint = q[:, 0]
    for i in range(1, q.shape[1]):
        joint = (q[:, i, :, None] + joint[:, None, :]).reshape(len(q), -1)
    return joint


def fresh_score(wins):
    half = wins.shape[1] // 2
    return wins[wins[:, :half].mean(1).argmax(), half:].mean(dtype=np.float32)


def profile(scores, levels):
    return np.array([(scores > level).mean() for level in levels], np.float32)
