"""Answers to the exercises of the comparison, as readers write them."""

import itertools

import numpy as np
import torch
from scipy import stats
from torch.nn import functional as F

# -- a score between two rules --------------------------------------------------------------------


def between_by_loops(scores, trivial, best):
    rows = [
        [(s - t) / (b - t) for s in row]
        for row, t, b in zip(scores.tolist(), trivial.tolist(), best.tolist(), strict=True)
    ]
    return torch.tensor(rows, dtype=scores.dtype)


def between_in_numpy(scores, trivial, best):
    s, t, b = scores.numpy(), trivial.numpy()[:, None], best.numpy()[:, None]
    return 1 - (b - s) / (b - t)


def between_transposed(scores, trivial, best):
    return ((scores.T - trivial) / (best - trivial)).T


def between_share(scores, trivial, best):
    return scores / best.unsqueeze(1)


def between_clipped(scores, trivial, best):
    done = (scores.T - trivial) / (best - trivial)
    return torch.minimum(torch.maximum(done, torch.tensor(0.0)), torch.tensor(1.0)).T.to(
        scores.dtype
    )


def between_min_max(scores, trivial, best):
    low = scores.min(1).values[:, None]
    return (scores - low) / (scores.max(1).values[:, None] - low).clamp_min(1e-12)


def between_abs(scores, trivial, best):
    return (scores - trivial[:, None]) / torch.abs(trivial - best)[:, None]


def between_backwards(scores, trivial, best):
    return 1 - between_transposed(scores, trivial, best)


# -- the middle half ------------------------------------------------------------------------------


def middle_by_scipy(scores):
    return torch.tensor(stats.trim_mean(scores.numpy(), 0.25), dtype=scores.dtype)


def middle_by_list(scores):
    values = sorted(scores.tolist())
    for _ in range(len(scores) // 4):
        values = values[1:-1]
    return torch.tensor(sum(values) / len(values), dtype=scores.dtype)


def middle_in_numpy(scores):
    ordered = np.sort(scores.numpy())
    cut = int(0.25 * len(ordered))
    return torch.tensor(ordered[cut : len(ordered) - cut].mean())


def middle_mean(scores):
    return torch.mean(scores)


def middle_median(scores):
    return torch.quantile(scores, 0.5)


def middle_unsorted(scores):
    cut = len(scores) // 4
    return scores[cut : len(scores) - cut].sum() / (len(scores) - 2 * cut)


def middle_upper(scores):
    ordered = torch.sort(scores, descending=True).values
    return ordered[: len(scores) - len(scores) // 4].mean()


def middle_best_half(scores):
    return scores.topk(len(scores) - len(scores) // 2).values.mean()


# -- a team as one learner ------------------------------------------------------------------------


def team_by_loops(q):
    _, N, A = q.shape
    columns = [
        sum(q[:, i, a] for i, a in enumerate(reversed(digits)))
        for digits in itertools.product(range(A), repeat=N)
    ]
    return torch.stack(columns, 1)


def team_by_index(q):
    _, N, A = q.shape
    number = torch.arange(A**N)
    return sum(q[:, i, number // A**i % A] for i in range(N))


def team_backwards(q):
    joint = q[:, -1]
    for i in reversed(range(q.shape[1] - 1)):
        joint = (joint.unsqueeze(-1) + q[:, i].unsqueeze(-2)).reshape(len(q), -1)
    return joint


def team_first(q):
    return team_by_index(q.flip(1))


def team_product(q):
    _, N, A = q.shape
    number = torch.arange(A**N)
    return torch.stack([q[:, i, number // A**i % A] for i in range(N)]).prod(0)


def team_mean(q):
    return team_by_loops(q) / q.shape[1]


def team_optimistic(q):
    best = q.max(-1, keepdim=True).values.expand_as(q)
    return team_by_index(torch.cat([q[:, :1], best[:, 1:]], 1))


def team_detached(q):
    return team_by_index(torch.cat([q[:, :1], q[:, 1:].detach()], 1))


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


# -- how many runs get that far? ------------------------------------------------------------------


def profile_by_lists(scores, levels):
    runs = scores.flatten().tolist()
    return torch.tensor([sum(x > t for x in runs) / len(runs) for t in levels.tolist()])


def profile_in_numpy(scores, levels):
    return (scores.numpy().reshape(-1, 1) > levels.numpy()).mean(0)


def profile_by_search(scores, levels):
    ordered = scores.flatten().sort().values
    return 1 - torch.searchsorted(ordered, levels.contiguous(), right=True) / len(ordered)


def profile_by_environment(scores, levels):
    shares = [(row[None] > levels[:, None]).float().mean(1) for row in scores]
    return torch.stack(shares).mean(0)


def profile_of(join, axis=1, above=torch.gt):
    """The share of rows whose seeds, joined into one number, are above each level."""

    def answer(scores, levels):
        return above(join(scores, axis).unsqueeze(1), levels).float().mean(0)

    return answer


RIGHT = {
    "between_rules": [between_by_loops, between_in_numpy, between_transposed],
    "middle_half": [middle_by_scipy, middle_by_list, middle_in_numpy],
    "team_values": [team_by_loops, team_by_index, team_backwards],
    "lucky": [fresh_by_lists, fresh_in_numpy, fresh_by_chunks],
    "runs_above": [
        profile_by_lists,
        profile_in_numpy,
        profile_by_search,
        profile_by_environment,
    ],
}
WRONG = {
    "between_rules": [
        ("share_of_the_best", between_share),
        ("cut_off", between_clipped),
        ("best_of_the_data", between_min_max),
        ("distance_without_sign", between_abs),
        ("from_the_wrong_end", between_backwards),
    ],
    "middle_half": [
        ("mean_of_all", middle_mean),
        ("middle_one", middle_median),
        ("not_sorted", middle_unsorted),
        ("only_the_failures_go", middle_upper),
        ("best_half", middle_best_half),
    ],
    "team_values": [
        ("first_digit", team_first),
        ("product", team_product),
        ("mean_value", team_mean),
        ("cut_from_the_others", team_detached),
        ("best_of_the_others", team_optimistic),
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
    "runs_above": [
        ("at_least", profile_of(lambda x, _: x.flatten(), above=torch.ge)),
        ("below", profile_of(lambda x, _: x.flatten(), above=torch.lt)),
        ("counted", lambda x, t: profile_by_lists(x, t) * x.numel()),
        ("means_first", profile_of(torch.mean)),
        ("seeds_first", profile_of(torch.mean, axis=0)),
        ("best_seed", profile_of(lambda x, axis: x.max(axis).values)),
        ("worst_seed", profile_of(lambda x, axis: x.min(axis).values)),
        ("how_far_above", lambda x, t: F.relu(x[..., None] - t).mean((0, 1)).float()),
        ("value", profile_of(lambda x, axis: x.median(axis).values)),
        ("shape", lambda x, t: (x[:, :, None] > t).float().mean(1)),
    ],
}
