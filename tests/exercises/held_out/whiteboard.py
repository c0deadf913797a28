"""Answers to the exercises of the whiteboard, written after their graders."""

import numpy as np
import torch
from torch.nn import functional as F


def attend(q, k, v, lengths, fill=-torch.inf, scale=0.5, late=False):
    scores = torch.einsum("bqd,bkd->bqk", q, k) * q.shape[-1] ** -scale
    there = (torch.arange(k.shape[1]) < lengths[:, None])[:, None]
    weights = scores.masked_fill(~there, fill).softmax(-1)
    return torch.where(there, weights, 0.0).to(v.dtype) @ v


def cell_of_torch(x, h, W, U, b, c):
    gru = torch.nn.GRUCell(x.shape[1], h.shape[1], dtype=x.dtype)
    weights = dict(weight_ih=W, weight_hh=U, bias_ih=b, bias_hh=c)
    return torch.func.functional_call(gru, weights, (x, h))


def warm(x, h, cell, n, cut=True):
    with torch.set_grad_enabled(not cut):
        for seen in x[:, :n].unbind(1):
            h = cell(seen, h)
    h = h.detach() if cut else h
    out = []
    for seen in x[:, n:].unbind(1):
        h = cell(seen, h)
        out.append(h)
    return torch.stack(out, 1)


def ring(size, next_row, capacity, length, chance):
    rows = np.arange(next_row - size, next_row) % capacity  # oldest first
    begin = np.floor(chance.numpy() * (size - length + 1)).astype(int)
    return np.stack([rows[b : b + length] for b in begin])


def vdn(q, a, r, nxt, ok, end, g):
    taken = torch.stack([q[:, i].gather(1, a[:, i : i + 1]) for i in range(q.shape[1])]).sum(0)[
        :, 0
    ]
    best = torch.where(ok, nxt, -torch.inf).max(-1).values.sum(-1).detach()
    return F.mse_loss(taken, r.detach() + g * torch.where(end, 0.0, best))


def mixer(q, s, W1, B1, W2, v, first=torch.abs, second=torch.abs):
    w1 = first(s @ W1).unflatten(-1, (q.shape[1], -1))
    hidden = F.elu((q[:, None] @ w1)[:, 0] + s @ B1)
    return (hidden[:, None] @ second(s @ W2)[..., None])[:, 0, 0] + s @ v


def ppo(new, old, adv, alive, c, mean=True):
    r = torch.exp(new - old.detach())
    worst = torch.where(adv > 0, r.clamp_max(1 + c), r.clamp_min(1 - c)) * adv
    return -(worst * alive).sum() / (alive.sum() if mean else alive.numel())


def nstep(reward, done, value, gamma, cut=True):
    out = value.numpy().astype(float)
    for t in reversed(range(reward.shape[1])):
        go = 1 - done[:, t].numpy() if cut else 1
        out = reward[:, t].numpy() + gamma * go * out
    return out


def slow(target, online, tau):
    return np.stack([
        (1 - tau) ** (k + 1) * target.numpy()
        + sum(tau * (1 - tau) ** (k - j) * online[j].numpy() for j in range(k + 1))
        for k in range(len(online))
    ])  # fmt: skip


def loss(logits, action, got, value, beta, critic=0.5):
    policy = torch.distributions.Categorical(logits=logits)
    off = got - value.squeeze(-1)
    actor = -(policy.log_prob(action) * off.detach()).mean()
    return actor + critic * off.pow(2).mean() - beta * policy.entropy().mean()


def interval(scores, drawn, level, method="linear"):
    means = scores.double().numpy()[drawn.numpy()].mean(1)
    return np.quantile(means, [(1 - level) / 2, (1 + level) / 2], method=method)


def better(ours, theirs, tie=0.5):
    wins = [np.mean([(a > b) + tie * (a == b) for a in x for b in y]) for x, y in zip(
        ours.T.tolist(), theirs.T.tolist(), strict=True)]  # fmt: skip
    return np.array(wins)


def gumbel(logits, u, tau, noise=lambda u: -torch.log(-torch.log(u))):
    soft = F.softmax((logits + noise(u)) / tau, -1)
    hard = torch.zeros_like(soft).scatter(-1, soft.argmax(-1, keepdim=True), 1.0)
    return (hard - soft).detach() + soft


def target(r, o, end, policies, critic, g):
    acts = torch.cat([p(o[:, i]) for i, p in enumerate(policies)], 1)
    value = critic(torch.cat([o.reshape(len(o), -1), acts], 1))
    return r.detach() + g * (~end).to(r.dtype) * value.detach()


def believed(payoff):
    p = payoff.numpy()
    fit = p.mean(2, keepdims=True) + p.mean(1, keepdims=True) - p.mean((1, 2), keepdims=True)
    return fit.reshape(len(p), -1).max(1)


def coma(q, policy, action):
    one = F.one_hot(action, q.shape[-1]).to(q.dtype)
    return ((one - policy) * q).sum(-1).detach()


RIGHT = {
    "dot_product": [lambda q, k, v, n: attend(q, k, v, n, fill=-1e30)],
    "gru_step": [cell_of_torch],
    "warm_up": [warm],
    "ring_windows": [ring, lambda *a: torch.from_numpy(ring(*a))],
    "team_error": [vdn],
    "two_step_game": [believed, lambda p: torch.from_numpy(believed(p))],
    "monotonic_mixer": [mixer, lambda *a: mixer(*a, first=lambda w: w * w.sign())],
    "worse_team": [mixer],
    "counterfactual": [coma, lambda q, p, a: coma(q, p, a).numpy()],
    "central_target": [target, lambda *a: target(*a).detach()],
    "straight_through": [gumbel],
    "slow_target": [slow, lambda t, o, tau: torch.from_numpy(slow(t, o, tau))],
    "clipped_ratio": [ppo],
    "seed_interval": [interval],
    "chance_of_better": [better],
    "shared_luck": [loss],
    "hasty_agent": [nstep, lambda *a: torch.from_numpy(nstep(*a))],
}
WRONG = {
    "dot_product": [
        lambda q, k, v, n: attend(q, k, v, n, fill=-1.0),
        lambda q, k, v, n: attend(q, k, v, n.clamp_min(1)),
        lambda q, k, v, n: attend(q, k, v, n, scale=1.0),
    ],
    "gru_step": [
        lambda x, h, W, U, b, c: cell_of_torch(x, h, W, U, b + c, 0 * c),
        lambda x, h, W, U, b, c: cell_of_torch(x.clamp(-5, 5), h, W, U, b, c),
    ],
    "warm_up": [
        lambda x, h, cell, n: warm(x, h, cell, n, cut=False),
        lambda x, h, cell, n: warm(x, h, cell, min(n, 3)),
        lambda x, h, cell, n: warm(x, h, lambda s, m: cell(s, m).detach(), n),
    ],
    "ring_windows": [
        lambda s, n, c, w, p: ring(s, n, c, w, p).astype(float),
        lambda s, n, c, w, p: ring(s, n, c, w, 1 - p),
        lambda s, n, c, w, p: ring(s, 0 if s == c else n, c, w, p),
    ],
    "team_error": [
        lambda *a: vdn(*a[:-1], 0.9),
        lambda q, a, r, n, ok, end, g: vdn(q, a, r, torch.where(ok, n, -30.0), ok | True, end, g),
        lambda *a: vdn(*a) / 2,
    ],
    "two_step_game": [
        lambda p: p.mean(2).amax(1) + p.mean(1).amax(1) - p.mean(),
        lambda p: p.flatten(1).median(1).values,
    ],
    "monotonic_mixer": [
        lambda *a: mixer(*a, first=F.softplus),
        lambda *a: mixer(*a, second=torch.square),
        lambda q, *a: mixer(q.clamp(-20, 20), *a),
    ],
    "worse_team": [
        lambda *a: mixer(*a, second=lambda w: w),
        lambda *a: mixer(*a, second=torch.exp),
    ],
    "counterfactual": [
        lambda q, p, a: q.gather(-1, a[..., None])[..., 0].sub(q.mean(-1)).detach(),
        lambda q, p, a: coma(q, p, a).clamp(-100, 100),
        lambda q, p, a: q.gather(-1, a[..., None])[..., 0] - (p * q).sum(-1),
    ],
    "central_target": [
        lambda *a: target(*a[:-1], 0.9),
        lambda r, o, end, pol, cr, g: target(r, o, end, pol[::-1], cr, g),
    ],
    "straight_through": [
        lambda x, u, tau: gumbel(x, u, 1.0),
        lambda x, u, tau: gumbel(x, u, tau, lambda u: torch.log(u / (1 - u))),
        lambda x, u, tau: gumbel(x, u, max(tau, 0.5)),
    ],
    "slow_target": [
        lambda t, o, tau: slow(t, o, 0.3),
        lambda t, o, tau: slow(t, o, tau**2),
    ],
    "clipped_ratio": [
        lambda *a: ppo(*a[:-1], 0.2),
        lambda *a: ppo(*a, mean=False),
        lambda n, o, adv, alive, c: (
            -(
                torch.minimum((n - o).exp() * adv, (n - o).exp().clamp(1 / (1 + c), 1 + c) * adv)[
                    alive
                ]
            ).mean()
        ),
    ],
    "seed_interval": [
        lambda s, d, level: interval(s, d, 0.9),
        lambda s, d, level: interval(s, d, level, "lower"),
        lambda s, d, level: interval(s, d[:20], level),
    ],
    "chance_of_better": [
        lambda o, t: better(o, t, tie=0.0),
        lambda o, t: better(t, o),
        lambda o, t: torch.from_numpy(better(o, t)).half(),
    ],
    "shared_luck": [
        lambda *a: loss(*a, critic=1.0),
        lambda *a: loss(*a[:-1], 0.1),
        lambda x, a, g, v, b: loss(x, a, g - g.mean(), v, b),
    ],
    "hasty_agent": [
        lambda *a: nstep(*a, cut=False),
        lambda r, d, v, g: nstep(r, d, v, 0.8),
        lambda r, d, v, g: nstep(r, d.cummax(1).values.flip(1), v, g),
    ],
}
