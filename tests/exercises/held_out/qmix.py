"""Answers to the exercises of the chapter about QMIX, written after their graders.

WRONG and RIGHT: exercise -> answers. Among the wrong ones are some that fail only at an end of what
the page promises.
"""

import numpy as np
import torch
from torch.nn import functional as F

INF = torch.inf


def counted(length, ended, steps, ends=lambda n, end, L: end):
    t = torch.arange(steps).expand(len(length), -1)
    until = length - ends(length, ended, steps).long()
    return torch.stack([t < length[:, None], t < until[:, None]])


def act(q, available, explore, chance, fill=-INF, rounded=np.floor):
    q, there, free, u = (x.numpy() for x in (q, available, explore, chance))
    out = np.where(there, q, fill).argmax(-1)
    for b, i in np.argwhere(free):
        has = np.flatnonzero(there[b, i])
        out[b, i] = has[min(max(int(rounded(u[b, i] * len(has))), 0), len(has) - 1)]
    return out


def act_by_matching(q, available, explore, chance):
    """The k-th available action has the rank k among them."""
    rank = torch.where(available, available.cumsum(-1) - 1, -1)
    at = (chance * available.sum(-1)).floor()
    lottery = (rank == at[..., None]).float()
    scores = torch.where(explore[..., None], lottery.to(q.dtype), q)
    return scores.masked_fill(~available, -INF).argmax(-1)


def harmless(q_tot, q1, q2, one=torch.eq, other=torch.eq):
    may = one(q1, q1.amax(1, True))[:, :, None] & other(q2, q2.amax(1, True))[:, None]
    top = q_tot.flatten(1).amax(1)[:, None, None]
    return ~(may & (q_tot < top)).any(2).any(1)


def only_first(q, top):
    return F.one_hot(q.argmax(1), q.shape[1]).bool()


def fitted(payoff, share, power=0.5, ridge=0.0):
    p, n = payoff.double().numpy(), share.double().numpy()
    G, A1, A2 = p.shape
    X = np.concatenate([np.repeat(np.eye(A1), A2, 0), np.tile(np.eye(A2), (A1, 1))], 1)
    out = []
    for g in range(G):
        w = n[g].reshape(-1, 1) ** power
        M = (w * X).T @ (w * X) + ridge * np.eye(A1 + A2)
        out.append(X @ np.linalg.pinv(M) @ (w * X).T @ (w[:, 0] * p[g].ravel()))
    return np.array(out).reshape(p.shape)


def swept(payoff, share, times):
    f = g = 0
    for _ in range(times):
        f = ((payoff - g) * share).sum(2, True) / share.sum(2, True)
        g = ((payoff - f) * share).sum(1, True) / share.sum(1, True)
    return f + g


def qmix_target(r, q, has, s, over, mixer, gamma, fill=-INF, cut=True):
    value = mixer(q.masked_fill(~has, fill).max(-1).values, s)
    y = r + torch.where(over, torch.zeros_like(value), gamma * value)
    return y.detach() if cut else y


def learning_mixer(r, q, has, s, over, mixer, gamma):
    """No gradient reaches the values; it reaches the mixer."""
    return r + gamma * ~over * mixer(q.masked_fill(~has, -INF).amax(-1).detach(), s)


def expectile(q, y, mask, weight, under=None, loss=torch.square):
    gap = (y.detach() - q).nan_to_num(0) * mask
    under = gap >= 0 if under is None else under(q, y)
    return (torch.where(under, 1.0, weight) * loss(gap)).sum() / mask.sum()


def any_size(q, state, W, B, U, v, bend=F.celu, abs=torch.abs, most=99):
    agents = list(zip(q.unbind(-1), state.chunk(q.shape[-1], -1), strict=True))[:most]
    s = torch.stack([o for _, o in agents]).sum(0)
    x = bend(s @ B + torch.stack([abs(o @ W) * u[..., None] for u, o in agents]).sum(0))
    return torch.einsum("eth,eth->et", x, abs(s @ U)) + torch.einsum("eto,o->et", s, v)


def qmix_loss(
    q, slow, a, s, r, over, mask, mixer, target_mixer, gamma,
    now=lambda x: x, end=lambda over, mask: over, best=lambda q: q.argmax(-1),
):  # fmt: skip
    E, L, N = a.shape
    e, t, i = (x.reshape(shape) for x, shape in (
        (torch.arange(E), (E, 1, 1)), (torch.arange(L), (1, L, 1)), (torch.arange(N), (1, 1, N)),
    ))  # fmt: skip
    then = slow[e, t + 1, i, best(q)[:, 1:]]
    y = r + gamma * (1 - end(over, mask).to(r.dtype)) * target_mixer(then, s[:, 1:])
    return (mixer(now(q[e, t, i, a]), s[:, :L]) - y.detach())[mask].square().mean()


RIGHT = {
    "steps_that_count": [counted, lambda *a: counted(*a).numpy()],
    "act_alone": [act, act_by_matching],
    "agents_agree": [harmless, lambda *a: harmless(*a).numpy()],
    "tried_more_often": [fitted, lambda p, n: torch.from_numpy(fitted(p, n)).to(p.dtype)],
    "best_before_mixing": [qmix_target, torch.no_grad()(lambda *a: qmix_target(*a, cut=False))],
    "optimistic_weights": [
        expectile,
        lambda q, y, m, w: (
            torch.stack([F.relu(y.detach() - q)[m], w**0.5 * F.relu(q - y.detach())[m]])
            .square()
            .sum(0)
            .mean()
        ),
    ],
    "any_team": [any_size, lambda *a: any_size(*a, abs=lambda x: x * x.sign())],
    "sure_seven": [qmix_loss],
}
WRONG = {
    "steps_that_count": [
        lambda *a: counted(*a, ends=lambda n, end, L: n < L),  # "what is short has ended"
        lambda *a: counted(*a, ends=lambda n, end, L: end & (n < L)),
        lambda n, end, L: counted(n, end, int(n.max())),
        lambda n, end, L: counted(n.clamp_max(6), end, L),
        lambda *a: counted(*a).long(),
    ],
    "act_alone": [
        *(lambda *a, low=low: act(*a, fill=low) for low in (-100, -1e3, -1e4)),
        lambda *a: act(*a, rounded=np.round),
        lambda *a: act(*a, rounded=np.ceil),
        lambda q, has, e, u: act(q, has, e, 1 - u),
        lambda q, has, e, u: act(q, has, e, u * 0.75),
        lambda q, has, e, u: act_by_matching(q.clamp(-60, 60), has, e, u),
    ],
    "agents_agree": [
        lambda *a: harmless(*a, one=only_first),
        lambda *a: harmless(*a, other=only_first),
        lambda q_tot, q1, q2: harmless(q_tot.round(), q1, q2),
        lambda q_tot, q1, q2: harmless(q_tot.clamp(-50, 50), q1, q2),
        lambda q_tot, q1, q2: harmless(q_tot, q1, q2).float(),
        lambda q_tot, q1, q2: harmless(-q_tot, -q1, -q2),
    ],
    "tried_more_often": [
        lambda p, n: fitted(p, n, power=0.25),
        lambda p, n: fitted(p, n, ridge=1e-2),
        lambda p, n: swept(p, n, 2),
        lambda p, n: swept(p, n, 3),
        lambda p, n: fitted(p, n.clamp_min(0.2)),
        lambda p, n: fitted(p.clamp(-100, 100), n),
    ],
    "best_before_mixing": [
        learning_mixer,
        *(lambda *a, low=low: qmix_target(*a, fill=low) for low in (-10, -50, -100)),
        lambda *a: qmix_target(*a[:-1], 0.9),
        lambda r, q, *rest: qmix_target(r, q.clamp(-20, 20), *rest),
        lambda r, q, has, s, *rest: qmix_target(r, q, has, s.abs(), *rest),
    ],
    "optimistic_weights": [
        lambda *a: expectile(*a[:-1], 0.5),
        lambda *a: expectile(*a, under=lambda q, y: y.abs() > q.abs()),
        lambda *a: expectile(*a, under=lambda q, y: y > 0),
        lambda *a: expectile(*a, loss=torch.abs),
        lambda *a: expectile(*a, loss=lambda gap: F.smooth_l1_loss(gap, 0 * gap, reduction="none")),
        lambda q, y, m, w: ((y.detach() - q)[m].square() * (1 + w) / 2).mean(),
        lambda q, y, m, w: expectile(q.nan_to_num(0) * m, y.nan_to_num(0) * m, m | True, w),
    ],
    "any_team": [
        lambda *a: any_size(*a, bend=torch.tanh),
        lambda *a: any_size(*a, bend=F.leaky_relu),
        lambda *a: any_size(*a, abs=F.softplus),
        lambda *a: any_size(*a, abs=torch.square),
        *(lambda *a, most=most: any_size(*a, most=most) for most in (2, 3, 4)),
        lambda q, *rest: any_size(q.clamp(-20, 20), *rest),
        lambda q, s, W, B, U, v: any_size(q, s, W, B, U, v.clamp(-50, 50)),
    ],
    "sure_seven": [
        lambda *a: qmix_loss(*a, now=lambda x: x.detach()),
        lambda *a: qmix_loss(*a, end=lambda over, mask: over | ~mask.roll(-1, 1)),
        lambda *a: qmix_loss(*a, end=lambda over, mask: over.cummax(1).values),
        lambda *a: qmix_loss(*a, best=lambda q: q.flip(1).argmax(-1)),
        lambda *a: qmix_loss(*a, best=lambda q: q.sum(2, keepdim=True).argmax(-1)),
        lambda *a: qmix_loss(*a[:-1], 0.99),
    ],
}
