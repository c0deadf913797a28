"""The second library of answers, for exercises that can be stated over numpy as well as over torch:
environments, the slope through a softmax, advantages, a lesson for the predictor, profiles.

WRONG and RIGHT: exercise -> answers. The wrong ones are off by one, take another axis, forget an
argument, or are wrong at an end of the domain only.
"""

import numpy as np
import torch
from torch.nn import functional as F

STEP = np.array([(-1, 0), (1, 0), (0, -1), (0, 1), (0, 0)])


def arrays(function):
    """An answer in numpy: it is given arrays."""

    def answer(*args):
        given = (one.numpy() if isinstance(one, torch.Tensor) else one for one in args)
        with np.errstate(all="ignore"):
            return function(*given)

    return answer


# -- a step into a wall ---------------------------------------------------------------------------


def walk(moves=STEP, walled=lambda free: np.pad(free, 1), dtype=np.int64, times=1, blocked=False):
    @arrays
    def answer(cell, action, free):
        for _ in range(times):
            there = cell + moves[action]
            may = walled(free)[there[..., 0] + 1, there[..., 1] + 1]
            if blocked:  # by who stands there
                taken = (there[:, :, None] == cell[:, None]).all(-1)
                may = may & ~(taken & ~np.eye(cell.shape[1], dtype=bool)).any(-1)
            cell = np.where(may[..., None], there, cell)
        return cell.astype(dtype)

    return answer


@arrays
def walk_by_table(cell, action, free):
    """From every cell and action to the next cell, worked out once."""
    H, W = free.shape
    table = np.empty((H, W, 5, 2), dtype=np.int32)
    for r, c, a in np.ndindex(H, W, 5):
        y, x = np.array([r, c]) + STEP[a]
        table[r, c, a] = (y, x) if y in range(H) and x in range(W) and free[y, x] else (r, c)
    return table[cell[..., 0], cell[..., 1], action]


def walk_flat(cell, action, free):
    H, W = free.shape
    r, c = cell.unbind(-1)
    stays = (
        (action == 4)
        | (r == 0) & (action == 0)
        | (r == H - 1) & (action == 1)
        | (c == 0) & (action == 2)
        | (c == W - 1) & (action == 3)
    )
    here = r * W + c
    there = here + torch.tensor([-W, W, -1, 1, 0])[action] * ~stays
    there = torch.where(free.flatten()[there], there, here)
    return torch.stack([there // W, there % W], -1)


@arrays
def walk_by_sets(cell, action, free):
    open_cells = set(zip(*map(np.ndarray.tolist, np.nonzero(free)), strict=True))
    after = cell.copy()
    for at in np.ndindex(*action.shape):
        there = tuple((cell[at] + STEP[action[at]]).tolist())
        if there in open_cells:
            after[at] = there
    return after


@arrays
def walk_square(cell, action, free):
    """Rows and columns of the map are confused, which shows on square boards alone."""
    free = free.T.copy() if free.shape[0] == free.shape[1] else free
    return walk()(cell_of(cell), cell_of(action), cell_of(free))


def cell_of(array):
    return torch.from_numpy(np.ascontiguousarray(array))


# -- two cars in one cell -------------------------------------------------------------------------


def cars(
    least=2, close=None, most=10**9, parked=None, dtype=np.float32, crash=10.0, wait=0.01, out=True
):
    @arrays
    def answer(cell, alive, steps):
        paid = np.zeros(cell.shape)
        for b in range(len(cell)):
            here = np.where(alive[b], cell[b], -1)
            for i in np.arange(cell.shape[1]):
                mine = cell[b, i]
                near = here if close is None else here[max(0, i - close) : i + close + 1]
                crashed = (near == mine).sum() >= least + (not alive[b, i]) * -1
                crashed = crashed and mine != parked
                if alive[b, i] or not out:
                    paid[b, i] = -wait * min(steps[b, i], most) - crash * crashed
        return paid.astype(dtype)

    return answer


@arrays
def cars_by_unique(cell, alive, steps):
    paid = np.zeros(cell.shape, dtype=np.float32)
    for row, where, here, since in zip(paid, cell, alive, steps, strict=True):
        cells, number = np.unique(where[here], return_counts=True)
        row[here] = -since[here] / 100 - 10 * np.isin(where[here], cells[number > 1])
    return paid


def cars_by_one_hot(cell, alive, steps):
    code = F.one_hot(cell, int(cell.max()) + 1) * alive[..., None]
    others = torch.einsum("bnc,bmc->bn", code, code) - alive.long()
    return alive * (others.clamp(0, 1) * -10.0 - steps * 0.01)


def cars_by_sort(cell, alive, steps):
    # Empty slots get cells of their own, below 0.
    apart = torch.where(alive, cell, -1 - torch.arange(cell.shape[1]))
    value, order = apart.sort(1)
    alike = F.pad(value[:, 1:] == value[:, :-1], (1, 1))
    crashed = (alike[:, 1:] | alike[:, :-1]).gather(1, order.argsort(1))
    return torch.where(alive, -(0.01 * steps + 10 * crashed.float()), torch.zeros(()))


# -- a window around each agent -------------------------------------------------------------------


def window(most=9, outside=lambda board: 1.0, seen=lambda board: board, each=lambda x: x, off=0):
    @arrays
    def answer(board, cell, reach):
        S, pad = 2 * reach + 1, reach + 1
        walled = np.full([n + 2 * pad for n in board.shape], outside(board), dtype=board.dtype)
        walled[pad : pad + board.shape[0], pad : pad + board.shape[1]] = seen(board)
        found = np.array(
            [walled[r + 1 : r + 1 + S, c + 1 + off : c + 1 + S + off] for r, c in cell]
        )
        if reach > most:
            found[:, [0, -1]] = found[:, :, [0, -1]] = 1
        return each(found)

    return answer


@arrays
def window_by_view(board, cell, reach):
    S = 2 * reach + 1
    walled = np.pad(board, reach, "constant", constant_values=1)
    every = np.lib.stride_tricks.sliding_window_view(walled, (S, S))
    return every[tuple(cell.T)]


def window_by_selection(board, cell, reach):
    """Two matrices of zeros and ones choose rows and columns."""
    side = torch.arange(-reach, reach + 1)
    rows = (cell[:, :1, None] + side[:, None] == torch.arange(board.shape[0])).to(board.dtype)
    columns = (cell[:, 1:, None] + side[:, None] == torch.arange(board.shape[1])).to(board.dtype)
    return 1 + rows @ (board - 1) @ columns.mT


def window_by_take(board, cell, reach):
    H, W = board.shape
    padded = torch.cat([board.flatten(), board.new_ones(1)])
    side = torch.arange(-reach, reach + 1)
    r, c = cell[:, 0, None, None] + side[None, :, None], cell[:, 1, None, None] + side
    number = torch.where((r >= 0) & (r < H) & (c >= 0) & (c < W), r * W + c, H * W)
    return padded.take(number)


# -- two ways to end ------------------------------------------------------------------------------


def returns(power=1, most=99, last=lambda d, c: True, cut=lambda x: x, guess=None):
    @arrays
    def answer(r, v, d, c, gamma):
        out, v = np.zeros_like(r), cut(v)
        for b in range(r.shape[1]):
            after = v[-1, b] * last(d[:, b], c[:, b])
            for n, t in enumerate(range(len(r) - 1, -1, -1)):
                if c[t, b]:
                    after = v[t, b] * gamma ** (power - 1) if guess is None else guess(v, t, b)
                if d[t, b]:
                    after = 0
                if n > most:
                    after = 0
                out[t, b] = after = r[t, b] + gamma * after
        return out

    return answer


@arrays
def returns_by_solving(r, v, d, c, gamma):
    """R = x + G R, a linear system for each environment."""
    out = np.empty(r.shape)
    for b in range(r.shape[1]):
        on = ~(d[:, b] | c[:, b])
        on[-1] = False
        x = r[:, b] + gamma * v[:, b] * (~on & ~d[:, b])
        G = np.zeros((len(r), len(r)))
        G[np.arange(len(r) - 1), np.arange(1, len(r))] = gamma * on[:-1]
        out[:, b] = np.linalg.solve(np.eye(len(r)) - G, x)
    return out


def returns_by_recursion(r, v, d, c, gamma):
    def following(t):
        if t == len(r):
            return []
        later = following(t + 1)
        after = torch.where(c[t], v[t], later[0] if later else v[t])
        return [torch.where(d[t], r[t], r[t] + gamma * after), *later]

    return torch.stack(following(0))


def returns_by_doubling(r, v, d, c, gamma):
    """As a scan: every step is x + g R, and two such steps are one of that kind."""
    on = ~(d | c)
    on[-1] = False
    x, g = torch.where(~d & ~on, r + gamma * v, r), gamma * on.to(r.dtype)
    k = 1
    while k < len(r):
        x2, g2 = F.pad(x[k:], (0, 0, 0, k)), F.pad(g[k:], (0, 0, 0, k))
        x, g, k = x + g * x2, g * g2, 2 * k
    return x


# -- the slope through a softmax ------------------------------------------------------------------


def slope(played=lambda a: a, given=lambda s: s, weigh=None, eps=0.0):
    def answer(logits, noise, s, tau):
        a = played(((logits + noise) / tau).softmax(-1))
        w = a if weigh is None else weigh(logits, noise, tau)
        return a * (given(s) - (w * given(s)).sum(-1, keepdim=True)) / (tau + eps)

    return answer


@arrays
def slope_by_a_complex_step(logits, noise, s, tau):
    """The imaginary part of Q at l + ih is its slope times h, exactly enough."""
    out, x = np.empty(logits.shape), logits.astype(complex) + noise
    for j in range(x.shape[1]):
        moved = x.copy()
        moved[:, j] += 1e-20j
        e = np.exp((moved - x.max(1, keepdims=True)) / tau)
        out[:, j] = (e / e.sum(1, keepdims=True) * s).sum(1).imag / 1e-20
    return out


def slope_by_vjp(logits, noise, s, tau):
    _, back = torch.func.vjp(lambda x: torch.softmax((x + noise) / tau, 1), logits)
    return back(s)[0]


@arrays
def slope_by_outer(logits, noise, s, tau):
    rows = []
    for x, g in zip((logits + noise) / tau, s, strict=True):
        a = np.exp(x - np.logaddexp.reduce(x))
        rows.append((np.diag(a) - np.outer(a, a)) @ g / tau)
    return np.array(rows)


# -- advantages of the living ---------------------------------------------------------------------


def living(eps=1e-8, shown=lambda x: x, axis=None, some=lambda here: here, keep=0.0):
    @arrays
    def answer(advantage, alive):
        told = np.where(some(alive), advantage, np.nan)
        mean = np.nanmean(told, axis, keepdims=True)
        unit = np.nanstd(told, axis, keepdims=True) + eps
        return np.where(alive, shown((advantage - mean) / unit), keep).astype(advantage.dtype)

    return answer


@arrays
def living_by_masked_arrays(advantage, alive):
    some = np.ma.array(advantage, mask=~alive)
    return ((some - some.mean()) / (some.std() + 1e-8)).filled(0)


@arrays
def living_by_welford(advantage, alive):
    n, mean, square = 0, 0.0, 0.0
    for x in advantage[alive].astype(float):
        n += 1
        square += (x - mean) * (x - mean - (x - mean) / n)
        mean += (x - mean) / n
    out = np.zeros_like(advantage)
    out[alive] = (advantage[alive] - mean) / ((square / n) ** 0.5 + 1e-8)
    return out


# -- one lesson for the predictor -----------------------------------------------------------------


def lesson(most=9.0, rows=lambda X: X, steps=1, bonus=lambda gap, goal: (gap**2).mean(1)):
    @arrays
    def answer(W, V, seen, asked, lr):
        X, D = rows(seen), W - V
        for _ in range(steps):
            D = D - 2 * min(lr, most) * X.T @ X @ D / (len(X) * W.shape[1])
        return bonus(asked @ D, asked @ V)

    return answer


@arrays
def lesson_online(W, V, seen, asked, lr):
    D = W - V
    for o in seen:
        D = D - 2 * lr * np.outer(o, o @ D) / (len(seen) * W.shape[1])
    return ((asked @ D) ** 2).mean(1)


@arrays
def lesson_by_decay(W, V, seen, asked, lr):
    """What is left of the error of each direction that the observations span."""
    values, vectors = np.linalg.eigh(seen.T.astype(float) @ seen)
    kept = vectors * (1 - 2 * lr * values / (len(seen) * W.shape[1])) @ vectors.T
    return ((asked @ (kept @ (W - V))) ** 2).mean(-1)


def lesson_by_func(W, V, seen, asked, lr):
    def loss(weights, x):
        return F.mse_loss(x @ weights, x @ V)

    learned = W - lr * torch.func.grad(loss)(W, seen)
    return torch.func.vmap(loss, (None, 0))(learned, asked)


def lesson_by_einsum(W, V, seen, asked, lr):
    gap = W - V
    slope = torch.einsum("bo,bp,pf->of", seen, seen, gap) * (2 / (seen.shape[0] * gap.shape[1]))
    return torch.einsum("mo,of->mf", asked, gap - lr * slope).pow(2).mean(-1)


# -- how many runs get that far? ------------------------------------------------------------------


def profile(runs=lambda x: x, at=lambda t: t, near=0.0, dtype=np.float32):
    @arrays
    def answer(scores, levels):
        above = runs(scores)[..., None] - at(levels) > near
        return above.mean((0, 1)).astype(dtype)

    return answer


RIGHT = {
    "blocked_moves": [walk(dtype=np.int32), walk_by_table, walk_flat, walk_by_sets],
    "crashes": [cars(), cars_by_unique, cars_by_one_hot, cars_by_sort],
    "own_window": [window(), window_by_view, window_by_selection, window_by_take],
    "both_ends": [returns(), returns_by_solving, returns_by_recursion, returns_by_doubling],
    "softmax_slope": [slope(), slope_by_a_complex_step, slope_by_vjp, slope_by_outer],
    "living_advantages": [living(), living_by_masked_arrays, living_by_welford],
    "one_lesson": [lesson(), lesson_by_decay, lesson_by_func, lesson_by_einsum],
    "runs_above": [
        profile(),
        profile(dtype=np.float64),
        lambda x, t: torch.heaviside(x.flatten() - t[:, None], x.new_zeros(1)).mean(1).float(),
        lambda x, t: torch.stack([x.gt(level).sum() / x.numel() for level in t]),
    ],
}
WRONG = {
    "blocked_moves": [
        walk(walled=lambda free: np.pad(free, 1, "edge")),
        walk(moves=STEP[[0, 1, 2, 3, 3]]),
        walk(moves=STEP[::-1]),
        walk(moves=STEP * [1, -1]),
        walk(times=2),
        walk(blocked=True),
        walk(dtype=np.float32),
        walk_square,
        lambda cell, action, free: walk()(cell, action[:1].expand_as(action), free),
        lambda cell, action, free: walk()(cell, action, free.any(1, True).expand_as(free)),
        lambda cell, action, free: cell.clone(),
    ],
    "crashes": [
        cars(least=3),
        cars(close=1),
        cars(close=3),
        cars(most=20),
        cars(parked=0),
        cars(dtype=np.float16),
        cars(dtype=np.int64),
        cars(crash=1.0),
        cars(wait=0.1),
        cars(out=False),
        lambda cell, alive, steps: cars()(cell.clamp_max(5), alive, steps),
        lambda cell, alive, steps: cars()(cell, alive, steps + 1),
        lambda cell, alive, steps: cars()(cell, torch.ones_like(alive), steps),
        lambda cell, alive, steps: cars()(cell[:1].expand_as(cell), alive, steps),
    ],
    "own_window": [
        window(most=2),
        window(outside=lambda board: board.max()),
        window(outside=lambda board: 0.99),
        window(seen=lambda board: np.minimum(board, 1)),
        window(seen=np.round),
        window(seen=lambda board: board.T if len(board) == board.shape[1] else board),
        window(each=lambda x: x[:1].repeat(len(x), 0)),
        window(each=lambda x: x.astype(int)),
        window(each=lambda x: x[:, :, ::-1]),
        window(each=lambda x: x[0] if len(x) == 1 else x),
        window(off=1),
        lambda board, cell, reach: window()(board, cell, 1),
    ],
    "both_ends": [
        returns(power=2),
        returns(most=7),
        returns(last=lambda d, c: not d.any()),
        returns(last=lambda d, c: not c.any()),
        returns(last=lambda d, c: 0),
        returns(cut=lambda x: x.clip(-100, 100)),
        returns(guess=lambda v, t, b: v[max(t - 1, 0), b]),
        returns(guess=lambda v, t, b: v[t].mean()),
        lambda r, v, d, c, gamma: returns()(r, v, d, c, min(gamma, 0.99)),
        lambda r, v, d, c, gamma: returns()(r, v, d, c & d, gamma),
        lambda r, v, d, c, gamma: returns()(r, v, d.any(1, True).expand_as(d), c, gamma),
        lambda *a: returns()(*a).round(2),
    ],
    "softmax_slope": [
        slope(played=lambda a: F.one_hot(a.argmax(-1), a.shape[-1]).to(a.dtype)),
        slope(played=torch.detach, weigh=lambda x, g, tau: (x / tau).softmax(-1)),
        slope(weigh=lambda x, g, tau: (x + g).softmax(-1)),
        slope(given=lambda s: s.clamp(-10, 10)),
        slope(given=lambda s: s - s.mean()[None] * s),
        slope(given=lambda s: s[:1].expand_as(s)),
        slope(eps=0.01),
        lambda x, g, s, tau: slope()(x.clamp(-20, 20), g, s, tau),
        lambda x, g, s, tau: slope()(x, g, s, max(tau, 0.6)),
        lambda x, g, s, tau: slope()(x, g, s, round(tau)) if round(tau) else 0 * x,
        lambda x, g, s, tau: slope()(x, g, s, tau).mean(0),
        lambda x, g, s, tau: slope()(x.half(), g.half(), s.half(), tau),
    ],
    "living_advantages": [
        living(eps=0.01),
        living(shown=lambda x: x.clip(-2, 2)),
        living(axis=0),
        living(axis=1),
        living(axis=(1, 2)),
        living(some=lambda here: here[:, :1].repeat(here.shape[1], 1)),
        living(keep=np.nan),
        living(keep=1.0),
        lambda x, here: living()(x, ~x.isnan()),
        lambda x, here: living()(x.clamp(-100, 100), here),
        lambda x, here: x[here] - x[here].mean(),
        lambda x, here: torch.zeros_like(x),
    ],
    "one_lesson": [
        lesson(most=0.4),
        lesson(rows=lambda X: X[:1]),
        lesson(rows=lambda X: X[:4]),
        lesson(rows=lambda X: X.clip(-3, 3)),
        lesson(rows=lambda X: X[:, ::-1]),
        lesson(steps=2),
        lesson(bonus=lambda gap, goal: (gap**2).mean(1) / (goal**2).mean(1)),
        lesson(bonus=lambda gap, goal: (gap**2).mean(1).clip(0, 50)),
        lesson(bonus=lambda gap, goal: gap.mean(1) ** 2),
        lesson(bonus=lambda gap, goal: (gap**2).mean(0)),
        lesson(bonus=lambda gap, goal: (gap**2).mean(1, keepdims=True)),
        lesson(bonus=lambda gap, goal: (gap**2).max(1)),
        lesson_online,
    ],
    "runs_above": [
        profile(near=1e-3),
        profile(near=-1e-9),
        profile(runs=lambda x: x[:, :-1] if x.shape[1] > 1 else x),
        profile(runs=lambda x: x[:4]),
        profile(runs=lambda x: x.clip(-2, 2)),
        profile(runs=lambda x: np.unique(x)[None]),
        profile(runs=abs),
        profile(at=np.sort),
        profile(at=np.unique),
        profile(at=lambda t: t[:1].repeat(len(t))),
        profile(dtype=np.float16),
        profile(dtype=bool),
    ],
}
