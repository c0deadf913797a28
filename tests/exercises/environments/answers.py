"""Answers to the exercises about environments, as readers write them."""

import numpy as np
import torch
from torch.nn import functional as F

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


# -- a step into a wall ---------------------------------------------------------------------------

MOVES = torch.tensor([(-1, 0), (1, 0), (0, -1), (0, 1), (0, 0)])


def walk_by_loops(cell, action, free):
    H, W = free.shape
    after = cell.clone()
    for b in range(cell.shape[0]):
        for n in range(cell.shape[1]):
            r, c = (cell[b, n] + MOVES[action[b, n]]).tolist()
            if 0 <= r < H and 0 <= c < W and free[r, c]:
                after[b, n] = torch.tensor([r, c])
    return after


def walk_in_numpy(cell, action, free):
    cell, action, free = cell.numpy(), action.numpy(), free.numpy()
    there = cell + MOVES.numpy()[action]
    walled = np.pad(free, 1)
    may = walled[there[..., 0] + 1, there[..., 1] + 1]
    return np.where(may[..., None], there, cell)


def walk_by_clipping(cell, action, free):
    """Cut to the board, whoever would leave it stays: only walls are left to look at."""
    last = torch.tensor(free.shape) - 1
    there = (cell + MOVES[action]).clamp_min(0).minimum(last)
    may = free[there[..., 0], there[..., 1]]
    return cell + (there - cell) * may[..., None]


def walk_by_arithmetic(cell, action, free):
    rows = (action == 1).long() - (action == 0).long()
    columns = (action == 3).long() - (action == 2).long()
    there = cell + torch.stack([rows, columns], 2)
    walled = F.pad(free, (1, 1, 1, 1))
    may = walled[tuple((there + 1).unbind(2))]
    return torch.where(may.unsqueeze(2), there, cell)


def walk_otherwise(moves=MOVES, allowed=None, onto_the_board=None, back=1):
    """A step with one thing about it wrong."""

    def answer(cell, action, free):
        there = cell + moves[action]
        size = torch.tensor(free.shape)
        if onto_the_board is not None:
            there = onto_the_board(there, size)
        inside = (there.clamp_min(0).minimum(size - 1) == there).all(2)
        r, c = (there * inside[:, :, None]).unbind(2)
        may = inside & (free[r, c] if allowed is None else allowed(free[r, c]))
        return there * may[..., None] + back * cell * ~may[..., None]

    return answer


def walk_python_indices(cell, action, free):
    after = cell.clone()
    for b, n in np.ndindex(*action.shape):
        r, c = (cell[b, n] + MOVES[action[b, n]]).tolist()
        if r < free.shape[0] and c < free.shape[1] and free[r, c]:
            after[b, n, 0], after[b, n, 1] = r, c
    return after


# -- two cars in one cell -------------------------------------------------------------------------


def cars_by_loops(cell, alive, steps):
    B, N = cell.shape
    paid = torch.zeros(B, N)
    for b in range(B):
        for i in range(N):
            if alive[b, i]:
                paid[b, i] = -steps[b, i] / 100
                if any(j != i and alive[b, j] and cell[b, j] == cell[b, i] for j in range(N)):
                    paid[b, i] -= 10
    return paid


def cars_in_numpy(cell, alive, steps):
    cell, alive = cell.numpy(), alive.numpy()
    N = cell.shape[1]
    others = alive[:, :, None] & alive[:, None] & ~np.eye(N, dtype=bool)
    crashed = (others & (cell[:, :, None] == cell[:, None])).any(-1)
    return np.where(alive, -0.01 * steps.numpy() - 10 * crashed, 0)


def cars_by_counting(cell, alive, steps):
    count = torch.zeros(len(cell), int(cell.max()) + 1).scatter_add(1, cell, alive.float())
    crashed = count.gather(1, cell) >= 2
    return (steps.float().mul(-0.01) + torch.where(crashed, -10.0, 0.0)) * alive


def cars_by_bincount(cell, alive, steps):
    rows = []
    for where, here, since in zip(cell, alive, steps, strict=True):
        crowded = torch.bincount(where[here], minlength=int(where.max()) + 1) > 1
        rows.append(here * (-0.01 * since - 10 * crowded[where].float()))
    return torch.stack(rows)


def cars(own=False, empty=False, each=False, later=False, team=False, time=0.01, crash=10.0):
    """What cars are paid, with one thing about it wrong."""

    def answer(cell, alive, steps):
        paid = torch.zeros(cell.shape)
        for b, i in np.ndindex(*cell.shape):
            N = i if later else cell.shape[1]
            hit = [
                j
                for j in range(N)
                if (j != i or own) and (alive[b, j] or empty) and cell[b, j] == cell[b, i]
            ]
            if alive[b, i]:
                paid[b, i] = -crash * (len(hit) if each else bool(hit))
        if team:
            paid = paid.amin(1, keepdim=True).expand_as(paid)
        return (paid - time * steps) * alive

    return answer


# -- a window around each agent -------------------------------------------------------------------


def window_by_loops(board, cell, reach):
    H, W = board.shape
    S = 2 * reach + 1
    seen = torch.ones(len(cell), S, S, dtype=board.dtype)
    for n, (r, c) in enumerate(cell.tolist()):
        for i in range(S):
            for j in range(S):
                y, x = r + i - reach, c + j - reach
                if 0 <= y < H and 0 <= x < W:
                    seen[n, i, j] = board[y, x]
    return seen


def window_in_numpy(board, cell, reach):
    walled = np.pad(board.numpy(), reach, constant_values=1)
    S = 2 * reach + 1
    return np.stack([walled[r : r + S, c : c + S] for r, c in cell.tolist()])


def window_by_unfold(board, cell, reach):
    S = 2 * reach + 1
    every = F.pad(board, (reach,) * 4, value=1.0).unfold(0, S, 1).unfold(1, S, 1)
    return every[cell[:, 0], cell[:, 1]]


def window_by_where(board, cell, reach):
    side = torch.arange(-reach, reach + 1)
    r, c = torch.broadcast_tensors(
        cell[:, 0, None, None] + side[:, None], cell[:, 1, None, None] + side
    )
    out = (r < 0) | (c < 0) | (r >= board.shape[0]) | (c >= board.shape[1])
    return board[r.masked_fill(out, 0), c.masked_fill(out, 0)].masked_fill(out, 1.0)


def window(mode="constant", outside=1.0, shift=0):
    """The windows, with other numbers outside, or cut out elsewhere."""

    def answer(board, cell, reach):
        filled = {"constant_values": outside} if mode == "constant" else {}
        walled = np.pad(board.numpy(), 4 + reach, mode=mode, **filled)
        S = 2 * reach + 1
        first = (cell + 4 + (reach if shift == "corner" else shift * (reach > 0))).tolist()
        return np.stack([walled[r : r + S, c : c + S] for r, c in first])

    return answer


def window_one_off(board, cell, reach):
    walled = np.pad(board.numpy(), reach + 1, constant_values=1)
    S = 2 * reach + 1
    return torch.stack(
        [torch.from_numpy(walled[r + 2 : r + 2 + S, c + 2 : c + 2 + S]) for r, c in cell.tolist()]
    )


# -- two ways to end ------------------------------------------------------------------------------


def returns_by_pieces(reward, next_value, terminated, truncated, gamma):
    """Episode by episode, forward: each step adds its reward to all before it."""
    T, B = reward.shape
    out = torch.zeros_like(reward)
    for b in range(B):
        first = 0
        for t in range(T):
            over = bool(terminated[t, b] | truncated[t, b]) or t == T - 1
            for k in range(first, t + 1):
                out[k, b] += gamma ** (t - k) * reward[t, b]
                if over and not terminated[t, b]:
                    out[k, b] += gamma ** (t - k + 1) * next_value[t, b]
            if over:
                first = t + 1
    return out


def returns_in_numpy(reward, next_value, terminated, truncated, gamma):
    r, v, d, c = (x.numpy() for x in (reward, next_value, terminated, truncated))
    out = np.empty_like(r)
    after = v[-1]
    for t in range(len(r) - 1, -1, -1):
        after = np.where(d[t], 0, np.where(c[t], v[t], after))
        out[t] = after = r[t] + gamma * after
    return out


def returns_by_masks(reward, next_value, terminated, truncated, gamma):
    goes_on = ~(terminated | truncated)
    goes_on[-1] = False
    guess = ~terminated & ~goes_on
    direct = reward + gamma * torch.where(guess, next_value, 0.0)
    R = torch.zeros_like(reward[0])
    rows = []
    for x, on in zip(direct.flip(0), goes_on.flip(0), strict=True):
        R = x + gamma * on * R
        rows.insert(0, R)
    return torch.stack(rows)


def returns(limit_ends=False, limit=True, end=True, last="value", both=True, late=0, lose=False):
    """The returns, with one thing about them wrong."""

    def answer(reward, next_value, terminated, truncated, gamma):
        rows, after = [], next_value[-1] if last == "value" else 0 * next_value[-1]
        for t in range(len(reward))[::-1]:
            if limit:
                after = after + truncated[t] * (next_value[t] - after)
            over = terminated[t] if end else torch.zeros_like(terminated[t])
            if limit_ends:
                over = over | truncated[t]
            if not both:
                over = over & ~truncated[t]
            after = (0 if lose else 1) * over * reward[t] + ~over * (reward[t] + gamma * after)
            rows = [after, *rows]
        return torch.stack(rows)

    return answer


def returns_one_step(reward, next_value, terminated, truncated, gamma):
    return reward + gamma * next_value * ~terminated


def returns_of_the_next_state(reward, next_value, terminated, truncated, gamma):
    return returns()(
        reward, torch.cat([next_value[1:], next_value[-1:]]), terminated, truncated, gamma
    )


RIGHT = {
    "unpaid": [pay_by_fill, pay_by_loops, pay_in_numpy, pay_by_index],
    "blocked_moves": [walk_by_loops, walk_in_numpy, walk_by_clipping, walk_by_arithmetic],
    "crashes": [cars_by_loops, cars_in_numpy, cars_by_counting, cars_by_bincount],
    "own_window": [window_by_loops, window_in_numpy, window_by_unfold, window_by_where],
    "both_ends": [returns_by_pieces, returns_in_numpy, returns_by_masks],
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
    "blocked_moves": [
        ("through_walls", walk_otherwise(allowed=lambda free: torch.ones_like(free))),
        ("around_the_edge", walk_otherwise(onto_the_board=lambda there, size: there % size)),
        ("last_row_above_the_first", walk_python_indices),
        ("no_edge", lambda cell, action, free: cell + MOVES[action]),
        ("up_is_plus", walk_otherwise(moves=MOVES[[1, 0, 2, 3, 4]])),
        ("columns_first", walk_otherwise(moves=MOVES[[2, 3, 0, 1, 4]])),
        ("upside_down", walk_otherwise(allowed=torch.logical_not)),
        ("sent_to_the_corner", walk_otherwise(back=0)),
        ("value", walk_otherwise(moves=MOVES[[0, 1, 3, 2, 4]])),
        ("dtype", lambda *a: walk_by_loops(*a).float()),
        ("shape", lambda *a: walk_by_loops(*a)[..., 0]),
    ],
    "crashes": [
        ("hits_itself", cars(own=True)),
        ("hits_empty_slots", cars(empty=True)),
        ("once_for_each", cars(each=True)),
        ("only_the_later_slot", cars(later=True)),
        ("everybody_pays", cars(team=True)),
        ("across_environments", lambda *a: cars()(*(x.view(1, -1) for x in a)).view(a[0].shape)),
        ("crash_instead_of_time", lambda *a: cars()(*a).where(cars(time=0)(*a) == 0, -10.0)),
        ("empty_slots_pay", lambda c, a, s: cars(time=0)(c, a, s) - s / 100),
        ("time_is_free", cars(time=0)),
        ("value", cars(time=0.1)),
        ("value", cars(crash=1.0)),
    ],
    "own_window": [
        ("nothing_outside", window(outside=0.0)),
        ("edge_goes_on", window("edge")),
        ("around_the_edge", window("wrap")),
        ("agent_in_the_corner", window(shift="corner")),
        ("one_cell_off", window_one_off),
        ("rows_for_columns", lambda b, c, r: window_by_where(b, c, r).mT),
        ("columns_first", lambda b, c, r: window(outside=1.0)(b, c[:, [1, 0]], r)),
        ("upside_down", lambda b, c, r: window_by_where(b, c, r)[:, range(2 * r, -1, -1)]),
        ("value", window(outside=-1.0)),
        ("shape", lambda b, c, r: window_by_where(b, c, r).flatten(1)),
    ],
    "both_ends": [
        ("limit_is_an_end", returns(limit_ends=True)),
        ("limit_overlooked", returns(limit=False)),
        ("end_overlooked", returns(end=False)),
        ("limit_undoes_the_end", returns(both=False)),
        ("nothing_after_the_last", returns(last="nothing")),
        ("estimate_everywhere", returns_one_step),
        ("no_estimate", lambda r, v, d, c, g: returns()(r, 0 * v, d, c, g)),
        ("flags_swapped", lambda r, v, d, c, g: returns()(r, v, c, d, g)),
        ("undiscounted", lambda r, v, d, c, g: returns()(r, v, d, c, 1)),
        ("last_reward_lost", returns(lose=True)),
        ("value", returns_of_the_next_state),
    ],
}
