"""Answers to the exercises on environments in numpy, as readers type them into the page."""

import numpy as np


def pay_step(reward, alive, ended):
    return np.where(alive, reward, 0)


def walk(cell, action, free):
    there = cell + np.array([(-1, 0), (1, 0), (0, -1), (0, 1), (0, 0)])[action]
    row, column = np.moveaxis(there + 1, -1, 0)
    may = np.pad(free, 1)[row, column]
    return np.where(may[..., None], there, cell)


def episode_returns(reward, next_value, terminated, truncated, gamma):
    rows, later = np.empty_like(reward), next_value[-1]
    for t in range(len(reward) - 1, -1, -1):
        later = np.where(truncated[t], next_value[t], later)
        later = reward[t] + gamma * np.where(terminated[t], 0, later)
        rows[t] = later
    return rows


def pay_cars(cell, alive, steps):
    together = (cell[:, :, None] == cell[:, None]) & alive[:, None]
    pay = -0.01 * steps - 10 * (together.sum(2) > 1)
    return np.where(alive, pay, 0).astype(np.float32)


def look_around(board, cell, reach):
    walled = np.pad(board, reach, constant_values=1)
    side = 2 * reach + 1
    return np.array([walled[r : r + side, c : c + side] for r, c in cell])
