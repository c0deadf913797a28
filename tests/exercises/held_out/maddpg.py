"""The second library of answers, for the exercises of the MADDPG chapter."""

import torch
from torch.nn import functional as F


def _asked(new, stored):
    rows = stored.repeat(new.shape[1], 1, 1, 1)
    i = torch.arange(new.shape[1])
    rows = rows.clone()
    rows[i, :, i] = new.transpose(0, 1)
    return rows


def _short(gradient, most):
    return torch.renorm(gradient, 2, 0, most)


def _twin(reward, next_action, noise, terminated, first, second, gamma, cut):
    a = torch.clamp(next_action + torch.clamp(noise, -cut, cut), 0, 1)
    value = -F.relu(first(a) - second(a)) + first(a)
    return torch.where(terminated, reward, reward + gamma * value).detach()


def _uphill(obs, W, slope):
    with torch.enable_grad():
        w = W.detach().clone().requires_grad_()
        a = torch.sigmoid(obs @ w)
        (gradient,) = torch.autograd.grad(-(a * slope).sum() / len(obs), w)
    return gradient


def _through(logits, noise, tau):
    soft = torch.softmax((logits + noise) / tau, -1)
    return soft + (F.one_hot(soft.argmax(-1), soft.shape[-1]) - soft).detach()


RIGHT = {
    "own_action": [_asked],
    "each_by_itself": [lambda g, m: g / (g.norm(dim=1, keepdim=True) / m).clamp(min=1)],
    "smaller_twin": [_twin],
    "up_the_slope": [_uphill],
    "upside_down": [_through],
}

WRONG = {
    "own_action": [
        lambda n, s: _asked(n, s.detach()).flip(0),
        lambda n, s: _asked(n, s).mean(0, keepdim=True).expand(n.shape[1], -1, -1, -1),
        lambda n, s: _asked(n, torch.zeros_like(s)),
        lambda n, s: (n + s).repeat(n.shape[1], 1, 1, 1) / 2,
    ],
    "each_by_itself": [
        lambda g, m: _short(g.T, m).T,
        lambda g, m: g,
        lambda g, m: g * m,
        lambda g, m: g / g.abs().amax(1, keepdim=True).clamp(min=m) * m,
        lambda g, m: g / g.abs().sum(1, keepdim=True).clamp(min=m) * m,
    ],
    "smaller_twin": [
        lambda r, a, n, d, f, s, g, c: _twin(r, a, n, ~d, f, s, g, c),
        lambda r, a, n, d, f, s, g, c: _twin(r, a, n, d, f, s, 1.0, c),
        lambda r, a, n, d, f, s, g, c: _twin(r, a, -n, d, f, s, g, c),
        lambda r, a, n, d, f, s, g, c: _twin(r, a, n, d, s, s, g, c),
        lambda r, a, n, d, f, s, g, c: _twin(r, a, n.clamp(0, 1), d, f, s, g, c),
        lambda r, a, n, d, f, s, g, c: _twin(0 * r, a, n, d, f, s, g, c),
    ],
    "up_the_slope": [
        lambda o, W, s: _uphill(o, torch.zeros_like(W), s),
        lambda o, W, s: _uphill(o, W, s.sign()),
        lambda o, W, s: _uphill(o, W, s) * 2,
        lambda o, W, s: _uphill(o[:1], W, s[:1]),
        lambda o, W, s: -o.T @ (s * (1 - torch.tanh(o @ W) ** 2)) / len(o),
    ],
    "upside_down": [
        lambda x, n, t: _through(x, n, 2 * t),
        lambda x, n, t: _through(x, -n, t),
        lambda x, n, t: _through(-x, n, t),
        lambda x, n, t: _through(x.detach(), n, t),
        lambda x, n, t: F.one_hot((x + n).argmax(-1), x.shape[-1]).to(x.dtype) * x.softmax(-1),
    ],
}
