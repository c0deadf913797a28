"""Answers to the exercises on environments in numpy, as readers type them into the page."""

import numpy as np


def pay_step(reward, alive, ended):
    return np.where(alive, reward, 0)
