"""Answers to the exercise about environments, as readers write them."""

import numpy as np
import torch

# -- the environment that never pays --------------------------------------------------------------


def pay_by_fill(reward, alive, ended):
    return reward.masked_fill(~alive, 0.0)


def pay_by_loops(reward, alive, ended):
    rows = [
        [r if a else 0.0 for r, a in zip(rs, living, strict=True)]
        for rs, living in zip(reward.tolist(), alive.tolist(), strict=True)
    ]
    return torch.tensor(rows, dtype=reward.dtype)


def pay_in_numpy(reward, alive, ended):
    return np.where(alive.numpy(), reward.numpy(), 0)


def pay_by_index(reward, alive, ended):
    paid = torch.zeros_like(reward)
    paid[alive] = reward[alive]
    return paid


def pay_later(reward, alive, ended):
    return reward.masked_fill(ended | ~alive, 0.0)


def pay_environments_that_run_on(reward, alive, ended):
    paid = torch.zeros_like(reward)
    for b in range(len(reward)):
        if not ended[b].any():
            paid[b] = torch.where(alive[b], reward[b], 0.0)
    return paid


RIGHT = {
    "unpaid": [pay_by_fill, pay_by_loops, pay_in_numpy, pay_by_index],
}
WRONG = {
    "unpaid": [
        ("last_step_unpaid", pay_later),
        ("gone_are_paid", lambda reward, alive, ended: reward + 0),
        ("last_step_only", lambda reward, alive, ended: reward.masked_fill(~ended, 0.0)),
        ("upside_down", lambda reward, alive, ended: reward.masked_fill(alive, 0.0)),
        ("nothing_times_nan", lambda reward, alive, ended: alive.to(reward.dtype) * reward),
        ("one_end_for_all", pay_environments_that_run_on),
        ("mutated", lambda reward, alive, ended: reward.masked_fill_(~alive, 0.0)),
    ],
}
