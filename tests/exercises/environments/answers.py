"""Answers to the hunts in a world's step and in a report, as readers write them."""

import numpy as np
import torch

# -- the world that never pays --------------------------------------------------------------------


def pay_by_fill(reward, alive, ended):
    return reward.masked_fill(~alive, 0.0)


def pay_by_loops(reward, alive, ended):
    rows = [
        [r if a else 0.0 for r, a in zip(rs, lives, strict=True)]
        for rs, lives in zip(reward.tolist(), alive.tolist(), strict=True)
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


def pay_worlds_that_go_on(reward, alive, ended):
    paid = torch.zeros_like(reward)
    for b in range(len(reward)):
        if not ended[b].any():
            paid[b] = torch.where(alive[b], reward[b], 0.0)
    return paid


# -- the checkpoint that was lucky ----------------------------------------------------------------


def fresh_by_lists(wins):
    half = wins.shape[1] // 2
    firsts = [sum(row[:half]) for row in wins.tolist()]
    row = wins.tolist()[firsts.index(max(firsts))]
    return torch.tensor(sum(row[half:]) / half)


def fresh_in_numpy(wins):
    first, second = np.split(wins.numpy(), 2, axis=1)
    return np.array(second[first.sum(1).argmax()].mean(), dtype=np.float32)


def fresh_by_chunks(wins):
    first, second = wins.float().chunk(2, dim=1)
    return second.mean(1)[first.sum(1).argmax()]


def lucky_by_sort(wins):
    return wins.float().mean(1).sort().values[-1]


def odd_and_even(wins):
    chosen = wins[:, ::2].float().mean(1).argmax()
    return wins[chosen, 1::2].float().mean()


RIGHT = {
    "unpaid": [pay_by_fill, pay_by_loops, pay_in_numpy, pay_by_index],
    "lucky": [fresh_by_lists, fresh_in_numpy, fresh_by_chunks],
}
WRONG = {
    "unpaid": [
        ("last_step_unpaid", pay_later),
        ("gone_are_paid", lambda reward, alive, ended: reward + 0),
        ("last_step_only", lambda reward, alive, ended: reward.masked_fill(~ended, 0.0)),
        ("upside_down", lambda reward, alive, ended: reward.masked_fill(alive, 0.0)),
        ("nothing_times_nan", lambda reward, alive, ended: alive.to(reward.dtype) * reward),
        ("one_end_for_all", pay_worlds_that_go_on),
        ("mutated", lambda reward, alive, ended: reward.masked_fill_(~alive, 0.0)),
    ],
    "lucky": [
        ("same_episodes", lucky_by_sort),
        ("chosen_half", lambda wins: wins.float().chunk(2, dim=1)[0].mean(1).amax()),
        ("all_episodes", lambda w: w[w.float().chunk(2, 1)[0].sum(1).argmax()].float().mean()),
        ("halves_swapped", lambda wins: fresh_by_chunks(torch.cat(wins.chunk(2, 1)[::-1], 1))),
        ("best_of_second", lambda wins: wins.float().chunk(2, dim=1)[1].mean(1).amax()),
        ("last_checkpoint", lambda wins: wins.float().chunk(2, dim=1)[1][-1].mean()),
        ("mean_of_checkpoints", lambda wins: wins.float().chunk(2, dim=1)[1].mean()),
        ("shape", lambda wins: fresh_by_chunks(wins)[None]),
        ("value", odd_and_even),
        ("mean_of_everything", lambda wins: torch.tensor(wins.numpy().mean(dtype="float32"))),
    ],
}
